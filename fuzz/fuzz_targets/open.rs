//! The one entry, over every format of a single file: any bytes are read or refused, and what is
//! read is whole. The first byte chooses how the data are to be read, the next what they begin
//! like: else few would get past the first look.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use perennial_data::{Decimal, ReadOptions, Scale, Values, parse};

const BEGINNINGS: [&[u8]; 12] = [
    b"",
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (",
    b"PK\x03\x04",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"\0\0\x08\x03",
    b"\x40\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"F32\",\"shape\":[",
    b"\x1f\x8b\x08\0",
    b"a,b,label\n1,",
    b"PAR1\x15\x02\x19\x2c",
    b"RIFF\x24\0\0\0WEBPVP8 ",
    b"BM\x46\0\0\0\0\0\0\0",
];

fuzz_target!(|bytes: &[u8]| {
    let [how, beginning, rest @ ..] = bytes else { return };
    let how = ReadOptions {
        scale: (how & 1 != 0).then_some(Scale::Divide(255)),
        resize: (how & 2 != 0).then_some([3, 4]),
        channels: (how & 4 != 0).then_some(if how & 8 != 0 { 3 } else { 1 }),
        label: (how & 16 != 0).then(|| "1".into()),
        header: (how & 32 != 0).then_some(how & 64 != 0),
        decimal: (how & 128 != 0).then_some(Decimal::Comma),
        ..ReadOptions::default()
    };
    let mut bytes = [BEGINNINGS[usize::from(*beginning) % BEGINNINGS.len()], rest].concat();
    if bytes.starts_with(b"PAR1") {
        // What is read first is at the end: a footer, which all that follows the mark is.
        let length = bytes.len() as u32 - 4;
        bytes.extend([&length.to_le_bytes()[..], b"PAR1"].concat());
    }
    let Ok(rows) = parse(&bytes, Path::new("fuzzed"), &how, None) else { return };
    let count = rows.names.len();
    assert_eq!(rows.values.len(), count * rows.spec.row_len());
    // What was read is read again by what was understood.
    let again = parse(&bytes, Path::new("fuzzed"), &how, Some(&rows.spec));
    assert!(again.is_ok_and(|again| again.values == rows.values));
    match &rows.values {
        Values::Bytes { pixels, white } => assert!(pixels.iter().all(|pixel| pixel <= white)),
        Values::Floats(floats) => assert!(floats.iter().all(|value| value.is_finite())),
    }
    if let Some(labels) = &rows.labels {
        assert_eq!(labels.len(), count);
        assert!(labels.iter().all(|&label| (label as usize) < rows.classes.len()));
    }
});
