//! The digits' text, plain and gzip: any bytes are read or refused, and what is read is in range.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use perennial_data::digits::parse_csv;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(part) = parse_csv(bytes, Path::new("fuzzed")) {
        assert_eq!(part.values.len(), part.len() * 64);
        assert!(part.values.bytes().is_some_and(|pixels| pixels.iter().all(|&pixel| pixel <= 16)));
        assert!(part.labels.iter().all(|&label| label < 10));
    }
});
