use std::path::Path;

use perennial_data::{DataError, ErrorKind, NAMES, load, load_folder};
use tempfile::TempDir;

use crate::files::{images, labels, put, put_cifar10, put_cifar100, put_idx_set};

const TRAIN: &[u8] = &[3, 1, 4, 1];
const TEST: &[u8] = &[5, 9];

#[test]
fn a_set_is_found_in_the_folder_and_in_the_one_of_its_name() {
    let root = TempDir::new().unwrap();
    put_idx_set(&root.path().join("mnist"), "", "t10k", TRAIN, TEST);
    for dir in [root.path(), &root.path().join("mnist")] {
        let set = load("mnist", Some(dir)).unwrap();
        assert_eq!((set.name.as_str(), set.shape), ("mnist", [1, 2, 3]));
        assert_eq!(set.train.labels, [3, 1, 4, 1]);
        assert_eq!(set.train.image(2), Some(&[20, 21, 22, 23, 24, 25][..]));
        assert_eq!(set.test.labels, [5, 9]);
        assert_eq!(set.classes.len(), 10);
    }
}

#[test]
fn the_folder_of_its_name_comes_before_the_folder_itself() {
    let root = TempDir::new().unwrap();
    put_idx_set(root.path(), "", "t10k", &[0], &[0]);
    put_idx_set(&root.path().join("kmnist"), "", "t10k", &[1], &[1]);
    assert_eq!(load("kmnist", Some(root.path())).unwrap().train.labels, [1]);
    assert_eq!(load("mnist", Some(root.path())).unwrap().train.labels, [0]);
}

#[test]
fn a_folder_that_bears_another_name_is_not_taken() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("FashionMNIST");
    put_idx_set(&folder, "", "t10k", TRAIN, TEST);
    assert!(matches!(load("mnist", Some(&folder)), Err(DataError::NotFound { .. })));
    assert_eq!(load("fashion-mnist", Some(&folder)).unwrap().classes[9], "Ankle boot");
}

#[test]
fn every_name_loads_or_says_how_to_get_it() {
    let root = TempDir::new().unwrap();
    for &name in NAMES {
        let result = load(name, Some(root.path()));
        if name == "digits" {
            assert!(result.is_ok());
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing);
        let text = error.to_string();
        let way = match name {
            "kmnist" | "emnist" => "https://".to_string(),
            _ => format!("`perennial data fetch {name}`"),
        };
        assert!(text.contains(&way), "{text}");
        assert!(text.contains(&root.path().join(name).display().to_string()), "{text}");
    }
    let text = load("cifar10", Some(root.path())).unwrap_err().to_string();
    assert!(text.contains("data_batch_1.bin"), "{text}");
}

#[test]
fn an_unknown_name_is_a_usage_error_with_the_list() {
    let error = load("fashon-mnist", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let text = error.to_string();
    assert!(text.contains("did you mean `fashion-mnist`?"), "{text}");
    assert!(NAMES.iter().all(|name| text.contains(name)), "{text}");
    assert!(!load("imagenet", None).unwrap_err().to_string().contains("did you mean"));
    assert_eq!(load("emnist-nonsense", None).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_missing_folder_is_told() {
    let missing = Path::new("nowhere/at-all");
    for error in [load("mnist", Some(missing)).unwrap_err(), load_folder(missing).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Missing);
        assert!(error.to_string().contains("nowhere/at-all is not a folder"), "{error}");
    }
}

#[test]
fn a_half_set_is_told_with_the_missing_file() {
    let root = TempDir::new().unwrap();
    put_idx_set(root.path(), "", "t10k", TRAIN, TEST);
    std::fs::remove_file(root.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    let error = load("mnist", Some(root.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("t10k-labels-idx1-ubyte"), "{error}");
}

#[test]
fn images_and_labels_of_different_counts_are_told_with_both() {
    let root = TempDir::new().unwrap();
    put_idx_set(root.path(), "", "t10k", TRAIN, TEST);
    put(root.path(), "train-images-idx3-ubyte", &images(3, 2, 3, &[0; 18]));
    let error = load("mnist", Some(root.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    let text = error.to_string();
    assert!(text.contains("3 images") && text.contains("4 labels"), "{text}");
    assert!(text.contains("train-images-idx3-ubyte holds"), "{text}");
    assert!(text.contains("train-labels-idx1-ubyte.gz holds"), "{text}");
}

#[test]
fn train_and_test_of_different_sizes_are_told() {
    let root = TempDir::new().unwrap();
    put_idx_set(root.path(), "", "t10k", TRAIN, TEST);
    put(root.path(), "t10k-images-idx3-ubyte", &images(2, 3, 2, &[0; 12]));
    let error = load("mnist", Some(root.path())).unwrap_err();
    assert!(matches!(error, DataError::SizeMismatch { .. }), "{error}");
    assert!(error.to_string().contains("2×3") && error.to_string().contains("3×2"), "{error}");
}

#[test]
fn a_label_beyond_the_classes_is_told() {
    let root = TempDir::new().unwrap();
    put_idx_set(root.path(), "", "t10k", TRAIN, &[5, 10]);
    let text = load("mnist", Some(root.path())).unwrap_err().to_string();
    assert!(text.contains("label 10 of image 1") && text.contains("0 to 9"), "{text}");
    // In a set of your own, it is a class, and so are only those that occur.
    assert_eq!(load_folder(root.path()).unwrap().classes, ["1", "3", "4", "5", "10"]);
}

#[test]
fn emnist_is_turned_upright_and_its_letters_begin_at_zero() {
    let root = TempDir::new().unwrap();
    put_idx_set(&root.path().join("emnist"), "emnist-letters-", "test", &[1, 26], &[2]);
    for name in ["emnist", "emnist-letters"] {
        let set = load(name, Some(root.path())).unwrap();
        assert_eq!((set.name.as_str(), set.shape), ("emnist-letters", [1, 3, 2]));
        assert_eq!(
            (set.train.labels.as_slice(), set.test.labels.as_slice()),
            (&[0, 25][..], &[1][..])
        );
        assert_eq!((set.classes[0].as_str(), set.classes[25].as_str()), ("A", "Z"));
        // Stored as rows 0 1 2 / 3 4 5.
        assert_eq!(set.train.image(0), Some(&[0, 3, 1, 4, 2, 5][..]));
    }
    put_idx_set(&root.path().join("emnist"), "emnist-letters-", "test", &[0, 26], &[2]);
    let text = load("emnist", Some(root.path())).unwrap_err().to_string();
    assert!(text.contains("label 0 of image 0") && text.contains("1 to 26"), "{text}");
}

#[test]
fn of_several_splits_of_emnist_balanced_is_meant() {
    let root = TempDir::new().unwrap();
    put_idx_set(root.path(), "emnist-digits-", "test", &[1], &[1]);
    put_idx_set(root.path(), "emnist-byclass-", "test", &[61], &[0]);
    let error = load("emnist", Some(root.path())).unwrap_err();
    assert!(matches!(error, DataError::Ambiguous { .. }));
    let text = error.to_string();
    assert!(text.contains("emnist-byclass") && text.contains("emnist-digits"), "{text}");
    assert_eq!(load("emnist-digits", Some(root.path())).unwrap().classes.len(), 10);
    let set = load("emnist-byclass", Some(root.path())).unwrap();
    assert_eq!((set.classes.len(), set.classes[61].as_str()), (62, "z"));

    put_idx_set(root.path(), "emnist-balanced-", "test", &[46], &[0]);
    let set = load("emnist", Some(root.path())).unwrap();
    assert_eq!((set.name.as_str(), set.classes.len()), ("emnist-balanced", 47));
    assert_eq!(set.classes[46], "t");
    // A split that is not there, though others are.
    assert_eq!(load("emnist-letters", Some(root.path())).unwrap_err().kind(), ErrorKind::Missing);
}

#[test]
fn a_folder_of_your_own_is_recognised_by_its_files() {
    let root = TempDir::new().unwrap();
    let folder = |name: &str| root.path().join(name);
    put_idx_set(&folder("mine"), "", "t10k", &[0, 2], &[1]);
    let set = load_folder(&folder("mine")).unwrap();
    assert_eq!((set.name.as_str(), set.classes.len()), ("mine", 3));

    put_idx_set(&folder("letters"), "emnist-letters-", "test", &[1], &[1]);
    assert_eq!(load_folder(&folder("letters")).unwrap().classes.len(), 26);
    put_cifar10(&folder("ten"));
    assert_eq!(load_folder(&folder("ten")).unwrap().name, "ten");
    put_cifar100(&folder("hundred/cifar-100-binary"));
    assert_eq!(load_folder(&folder("hundred")).unwrap().classes.len(), 100);
    assert_eq!(load("cifar100", Some(&folder("hundred"))).unwrap().name, "cifar100");
}

#[test]
fn a_folder_of_nothing_or_of_too_much_is_refused() {
    let root = TempDir::new().unwrap();
    put(root.path(), "notes.txt", &labels(&[1]));
    let error = load_folder(root.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("train-images-idx3-ubyte"), "{error}");

    put_cifar10(root.path());
    put_idx_set(root.path(), "", "t10k", TRAIN, TEST);
    let error = load_folder(root.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert!(error.to_string().contains("data_batch_1.bin"), "{error}");
}
