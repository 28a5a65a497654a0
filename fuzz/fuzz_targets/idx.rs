//! The IDX readers, plain and gzip: any bytes are read or refused, and what is read is whole.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use perennial_data::idx::{parse_images, parse_labels};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzzed");
    if let Ok(images) = parse_images(bytes, path) {
        assert_eq!(images.pixels.len(), images.count * images.height * images.width);
        assert_eq!(images.transposed().transposed(), images);
    }
    if let Ok(labels) = parse_labels(bytes, path) {
        assert!(!labels.is_empty());
    }
});
