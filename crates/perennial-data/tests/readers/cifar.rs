use std::path::Path;

use perennial_data::cifar::Variant::{Cifar10, Cifar100};
use perennial_data::cifar::{parse, read_folder};
use perennial_data::{DataError, ErrorKind};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::files::{put, put_cifar10, put_cifar100, record};

const NAME: &str = "somewhere/train.bin";

#[test]
fn cifar10_is_read_in_the_order_of_its_batches() {
    let folder = TempDir::new().unwrap();
    put_cifar10(folder.path());
    let set = read_folder(Cifar10, folder.path()).unwrap();
    assert_eq!((set.name.as_str(), set.shape), ("cifar10", [3, 32, 32]));
    assert_eq!(set.train.labels, [0, 1, 2, 3, 4]);
    assert!((0..5).all(|i| set.train.image(i) == Some(&[i as u8 + 1; 3072])));
    assert_eq!((set.test.labels.as_slice(), set.test.image(0)), (&[9][..], Some(&[99; 3072][..])));
    assert_eq!((set.classes[0].as_str(), set.classes[9].as_str()), ("airplane", "truck"));
    assert_eq!(set.classes.len(), 10);
}

#[test]
fn cifar100_takes_the_fine_label() {
    let folder = TempDir::new().unwrap();
    put_cifar100(&folder.path().join("cifar-100-binary"));
    let set = read_folder(Cifar100, folder.path()).unwrap();
    assert_eq!(
        (set.train.labels.as_slice(), set.test.labels.as_slice()),
        (&[99, 7][..], &[42][..])
    );
    assert_eq!((set.classes.len(), set.classes[99].as_str()), (100, "99"));
}

#[test]
fn the_classes_are_named_by_the_file_beside_the_data() {
    let folder = TempDir::new().unwrap();
    put_cifar100(folder.path());
    let names: Vec<_> = (0..100).map(|i| format!("name {i}")).collect();
    // The official files end with an empty line.
    put(folder.path(), "fine_label_names.txt", (names.join("\n") + "\n\n").as_bytes());
    assert_eq!(read_folder(Cifar100, folder.path()).unwrap().classes, names);

    put(folder.path(), "fine_label_names.txt", names[1..].join("\n").as_bytes());
    let error = read_folder(Cifar100, folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    let text = error.to_string();
    assert!(text.contains("fine_label_names.txt holds 99 class names, expected 100"), "{text}");
}

#[test]
fn a_missing_batch_is_named() {
    let folder = TempDir::new().unwrap();
    put_cifar10(folder.path());
    std::fs::remove_file(folder.path().join("data_batch_3.bin")).unwrap();
    let error = read_folder(Cifar10, folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("data_batch_3.bin"), "{error}");
}

#[test]
fn a_wrong_length_is_told() {
    for length in [0, 1, 3072, 3074, 6145] {
        let error = parse(Cifar10, &vec![0; length], Path::new(NAME)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData);
        let text = error.to_string();
        assert!(text.contains(NAME) && text.contains(&format!("{length} bytes")), "{text}");
        assert!(text.contains("multiple of 3073"), "{text}");
    }
    assert!(parse(Cifar100, &[0; 3073], Path::new(NAME)).is_err());
}

#[test]
fn a_label_out_of_range_is_told_with_its_image() {
    let bytes = [record(&[9], 0), record(&[10], 0)].concat();
    let text = parse(Cifar10, &bytes, Path::new(NAME)).unwrap_err().to_string();
    assert!(text.contains("label 10 of image 1") && text.contains("0 to 9"), "{text}");
    let error = parse(Cifar100, &record(&[0, 100], 0), Path::new(NAME)).unwrap_err();
    assert!(matches!(error, DataError::LabelOutOfRange { label: 100, last: 99, .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_survive(
        images in prop::collection::vec((0..20u8, 0..100u8, any::<u8>()), 1..5),
    ) {
        let bytes: Vec<u8> =
            images.iter().flat_map(|&(coarse, fine, pixel)| record(&[coarse, fine], pixel)).collect();
        let part = parse(Cifar100, &bytes, Path::new("x")).unwrap();
        prop_assert_eq!(part.len(), images.len());
        for (i, &(_, fine, pixel)) in images.iter().enumerate() {
            prop_assert_eq!(part.labels[i], u32::from(fine));
            prop_assert_eq!(part.image(i), Some(&[pixel; 3072][..]));
        }
    }

    #[test]
    fn random_bytes_are_read_or_refused(
        records in 0..3usize,
        off in 0..3usize,
        start in prop::collection::vec(any::<u8>(), 3),
    ) {
        let mut bytes = start;
        bytes.resize((records * 3073 + off).max(3), 200);
        for variant in [Cifar10, Cifar100] {
            if let Ok(part) = parse(variant, &bytes, Path::new("x")) {
                prop_assert_eq!(part.values.len(), part.len() * 3072);
                prop_assert!(!part.is_empty());
            }
        }
    }

    #[test]
    fn truncations_are_refused(at in 0..3 * 3073usize) {
        let bytes = [record(&[1], 1), record(&[2], 2), record(&[3], 3)].concat();
        let read = parse(Cifar10, &bytes[..at], Path::new("x"));
        // A cut between two records cannot be seen.
        prop_assert_eq!(read.is_ok(), at > 0 && at % 3073 == 0);
    }
}
