use std::path::Path;

use perennial_data::digits::parse_csv;
use perennial_data::{ErrorKind, Values, digits};
use proptest::prelude::*;

use crate::files::gzip;

/// Counted from the file by another program:
/// `zcat digits.csv.gz | cut -d, -f65 | sort -n | uniq -c`.
const SAMPLES: [usize; 10] = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];

#[test]
fn the_embedded_digits_are_whole_and_split_by_class() {
    let set = digits().unwrap();
    assert_eq!((set.name.as_str(), set.shape), ("digits", [1, 8, 8]));
    assert_eq!(set.row_len(), 64);
    assert_eq!(set.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    for (class, samples) in SAMPLES.into_iter().enumerate() {
        let count = |labels: &[u32]| labels.iter().filter(|&&l| l as usize == class).count();
        assert_eq!(count(&set.test.labels), samples / 5);
        assert_eq!(count(&set.train.labels), samples - samples / 5);
    }
    assert_eq!((set.train.values.len(), set.test.values.len()), (1442 * 64, 355 * 64));
    for part in [&set.train, &set.test] {
        let Values::Bytes { pixels, white: 16 } = &part.values else { panic!("bytes of white 16") };
        assert!(pixels.iter().all(|&pixel| pixel <= 16));
    }
    // The first line of the file.
    assert_eq!(set.train.labels[0], 0);
    assert_eq!(
        set.train.image(0).unwrap()[..16],
        [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    );
}

fn line(pixel: u8, label: u8) -> String {
    format!("{}{label}\n", format!("{pixel},").repeat(64))
}

#[test]
fn every_fifth_of_a_class_is_what_tests() {
    let set = digits().unwrap();
    let all = parse_csv(include_bytes!("../../data/digits.csv.gz"), Path::new("x")).unwrap();
    let zeros: Vec<_> = (0..all.len()).filter(|&i| all.labels[i] == 0).collect();
    let test_zeros: Vec<_> = (0..set.test.len()).filter(|&i| set.test.labels[i] == 0).collect();
    for (k, &i) in test_zeros.iter().enumerate() {
        assert_eq!(set.test.image(i), all.image(zeros[5 * k + 4]));
    }
}

#[test]
fn bad_lines_are_told_with_their_number() {
    let good = line(3, 7);
    let cases = [
        (line(17, 0), "found `17`, expected a whole number from 0 to 16"),
        (line(0, 10), "found label 10, expected a label from 0 to 9"),
        (good.replace("3,7", "7"), "found 64 values, expected 64 pixels and a label"),
        (good.replacen('3', "x", 1), "found `x`"),
        (good.replacen('3', "-1", 1), "found `-1`"),
        ("\n".to_string(), "found ``"),
    ];
    for (bad, expected) in cases {
        let text = format!("{good}{bad}{good}");
        let error = parse_csv(text.as_bytes(), Path::new("some.csv")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData);
        let said = error.to_string();
        assert!(said.starts_with("line 2 of some.csv: ") && said.contains(expected), "{said}");
    }
    let error = parse_csv(&[good.as_bytes(), &[0xff]].concat(), Path::new("x")).unwrap_err();
    assert!(error.to_string().starts_with("line 2 of x: found bytes that are no text"), "{error}");
    assert!(parse_csv(b"", Path::new("x")).is_err());
}

#[test]
fn a_text_that_never_ends_is_refused() {
    let endless = gzip(&vec![b'0'; (26 << 20) + 1]);
    assert!(endless.len() < 100_000);
    let error = parse_csv(&endless, Path::new("x")).unwrap_err();
    assert!(error.to_string().contains("more than 26 MiB"), "{error}");
}

proptest! {
    #[test]
    fn digits_survive(
        samples in prop::collection::vec((prop::collection::vec(0..=16u8, 64), 0..10u8), 1..6),
        zipped: bool,
        windows: bool,
    ) {
        let mut text = String::new();
        for (pixels, label) in &samples {
            for pixel in pixels {
                text += &format!("{pixel},");
            }
            text += &format!("{label}{}", if windows { "\r\n" } else { "\n" });
        }
        let bytes = if zipped { gzip(text.as_bytes()) } else { text.into_bytes() };
        let part = parse_csv(&bytes, Path::new("x")).unwrap();
        prop_assert_eq!(part.len(), samples.len());
        for (i, (pixels, label)) in samples.iter().enumerate() {
            prop_assert_eq!(part.image(i), Some(&pixels[..]));
            prop_assert_eq!(part.labels[i], u32::from(*label));
        }
    }

    #[test]
    fn random_text_is_refused(text in "[0-9,\n\r x-]{0,300}") {
        // Too short for 64 pixels and a label on every line to be drawn by chance.
        prop_assert!(parse_csv(text.as_bytes(), Path::new("x")).is_err());
    }

    #[test]
    fn mutations_never_panic(at: prop::sample::Index, to: u8) {
        let mut bytes = line(3, 7).repeat(3).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(part) = parse_csv(&bytes, Path::new("x")) {
            prop_assert_eq!(part.values.len(), part.len() * 64);
        }
    }
}
