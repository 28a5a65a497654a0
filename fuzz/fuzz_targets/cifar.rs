//! The CIFAR reader: any bytes are read or refused, and what is read has labels in range. The
//! first byte says how often the second, as a record, comes before the rest: else whole records
//! would hardly ever be found.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use perennial_data::cifar::{Variant, parse};

fuzz_target!(|bytes: &[u8]| {
    let [repeat, byte, rest @ ..] = bytes else { return };
    for (variant, record, classes) in [(Variant::Cifar10, 3073, 10), (Variant::Cifar100, 3074, 100)]
    {
        let mut file = vec![*byte; usize::from(repeat % 4) * record];
        file.extend_from_slice(rest);
        if let Ok(part) = parse(variant, &file, Path::new("fuzzed")) {
            assert_eq!(part.len() * record, file.len());
            assert_eq!(part.values.len(), part.len() * 3072);
            assert!(part.labels.iter().all(|&label| label < classes));
        }
    }
});
