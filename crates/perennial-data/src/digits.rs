//! The digits embedded in the program: 1,797 handwritten digits of 8×8 pixels with values 0 … 16.
//!
//! Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
//! Learning Repository, 1998, <https://doi.org/10.24432/C50P49>, CC BY 4.0.

use std::path::Path;

use crate::input::Input;
use crate::open::{Split, held_back};
use crate::{DataError, Dataset, Part, names};

const EMBEDDED: &[u8] = include_bytes!("../data/digits.csv.gz");

const SIDE: usize = 8;
const WHITE: u8 = 16;
const CLASSES: usize = 10;
/// A text of digits longer than this is none of ours: 100 times the embedded one.
const LARGEST_TEXT: u64 = 26 << 20;

/// The embedded digits, without any input or output.
///
/// The file has no official split, so one is made that depends on nothing but the file: of each
/// class, in the order of the file, every fifth sample (the 5th, 10th, …) is for testing. That
/// gives 1,442 training and 355 test images with the classes balanced alike.
///
/// # Errors
///
/// If the embedded file does not parse, which the tests of this crate exclude.
pub fn digits() -> Result<Dataset, DataError> {
    let all = parse_csv(EMBEDDED, Path::new("digits.csv.gz (embedded)"))?;
    let (train, test) = split(&all);
    Ok(Dataset {
        name: "digits".to_string(),
        shape: [1, SIDE, SIDE],
        classes: names::numbers(CLASSES),
        train,
        validation: None,
        test,
    })
}

/// Reads digits from text, plain or gzip: on each line 64 pixels (0 to 16) and a label (0 to 9),
/// divided by commas. `path` is what errors call it. The pixels are `[count, 8, 8]`.
///
/// # Errors
///
/// If a line is anything else (the error names it), or if there is none.
pub fn parse_csv(bytes: &[u8], path: &Path) -> Result<Part, DataError> {
    let bad = |line: usize, found: String, expected| DataError::BadLine {
        path: path.to_path_buf(),
        line: line + 1,
        found,
        expected,
    };
    let mut input = Input::from_bytes(bytes, path);
    let bytes = input.read(LARGEST_TEXT)?;
    if !input.at_end()? {
        return Err(bad(0, "a text of more than 26 MiB".to_string(), "a shorter one"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        bad(line, "bytes that are no text".to_string(), "numbers divided by commas")
    })?;

    let (mut all, mut labels) = (Vec::new(), Vec::new());
    for (line, content) in text.lines().enumerate() {
        let mut values = Vec::with_capacity(SIDE * SIDE + 1);
        for field in content.split(',') {
            let value = field.parse::<u8>().ok().filter(|&value| value <= WHITE);
            values.push(value.ok_or_else(|| {
                let start: String = field.chars().take(20).collect();
                bad(line, format!("`{start}`"), "a whole number from 0 to 16")
            })?);
        }
        match values.split_last() {
            Some((&label, pixels)) if pixels.len() == SIDE * SIDE => {
                if usize::from(label) >= CLASSES {
                    return Err(bad(line, format!("label {label}"), "a label from 0 to 9"));
                }
                all.extend_from_slice(pixels);
                labels.push(label.into());
            }
            _ => {
                return Err(bad(line, format!("{} values", values.len()), "64 pixels and a label"));
            }
        }
    }
    if labels.is_empty() {
        return Err(bad(0, "nothing".to_string(), "64 pixels and a label"));
    }
    Ok(Part::of_bytes(all, WHITE, labels))
}

/// Divides samples into train and test, each class by itself.
fn split(all: &Part) -> (Part, Part) {
    let each: Vec<u32> = (0..all.labels.len() as u32).collect();
    let Split { learn, judge } = held_back(&all.labels, CLASSES, &each);
    (all.picked(&learn), all.picked(&judge))
}
