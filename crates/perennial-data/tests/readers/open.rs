use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use perennial_data::{DataError, ErrorKind, Format, ReadOptions, TestPart, open, read};
use tempfile::TempDir;

use crate::files::{images, labels, put, put_cifar10, put_idx_set, record};
use crate::own::{grey, opened, refused, rows, zip};

#[test]
fn known_sets_and_their_folders_are_opened() {
    let found = opened(Path::new("digits"));
    assert_eq!(
        (
            found.understanding.format,
            found.understanding.parts.test_from,
            found.dataset.train.len()
        ),
        (Format::Set, TestPart::Own, 1442)
    );
    let root = TempDir::new().unwrap();
    put_idx_set(&root.path().join("mnist"), "", "t10k", &[3, 1, 3], &[1, 3]);
    let how = ReadOptions { folder: Some(root.path().into()), ..ReadOptions::default() };
    assert_eq!(open(Path::new("mnist"), &how, None).unwrap().dataset.classes.len(), 10);
    // As a folder of one's own, its classes are those that occur.
    let found = opened(&root.path().join("mnist"));
    assert_eq!(found.dataset.counts(), [[1, 1], [2, 1]]);
    assert_eq!(rows(&root.path().join("mnist")).labels, Some(vec![0, 1]));
    put_cifar10(&root.path().join("ten"));
    assert_eq!(opened(&root.path().join("ten")).dataset.shape, [3, 32, 32]);
}

#[test]
fn single_files_of_sets_are_opened() {
    let root = TempDir::new().unwrap();
    put(root.path(), "my-images-idx3-ubyte", &images(4, 1, 1, &[9, 8, 7, 6]));
    let path = root.path().join("my-images-idx3-ubyte");
    assert_eq!(rows(&path).labels, None);
    assert!(refused(&path).to_string().contains("`labels-idx1` for `images-idx3`"));
    put(root.path(), "my-labels-idx1-ubyte", &labels(&[4, 2, 4, 2]));
    let found = opened(&path);
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.understanding.parts.test_from),
        ("2 4", TestPart::HeldBack)
    );
    assert_eq!(found.dataset.test.values.bytes(), Some(&[7, 6][..]));
    put(root.path(), "my-labels-idx1-ubyte", &labels(&[4, 2]));
    assert!(matches!(
        read(&path, &ReadOptions::default(), None),
        Err(DataError::CountMismatch { .. })
    ));

    put(root.path(), "data_batch_3.bin", &record(&[1], 7).repeat(5));
    let found = opened(&root.path().join("data_batch_3.bin"));
    assert_eq!(
        (found.understanding.format, found.dataset.train.len(), found.dataset.test.len()),
        (Format::Cifar, 4, 1)
    );
    assert_eq!(found.dataset.classes[1], "automobile");
}

#[test]
fn two_files_of_a_folder_are_its_parts() {
    let root = TempDir::new().unwrap();
    put(root.path(), "Train.csv", b"1,a\n2,b\n");
    put(root.path(), "test.csv", b"3,b\n,a\n");
    let found = opened(root.path());
    assert_eq!(
        (found.understanding.parts.test_from, found.dataset.test.labels.as_slice()),
        (TestPart::Own, &[1][..])
    );
    assert_eq!(found.understanding.left_out.len(), 1);
    put(root.path(), "test.csv", b"3,4,b\n");
    let text = refused(root.path()).to_string();
    assert!(text.contains("test.csv has 3 columns, expected 2: without names"), "{text}");
}

#[test]
fn what_is_not_there_or_is_nothing_is_told() {
    let root = TempDir::new().unwrap();
    let error = refused(&root.path().join("nowhere"));
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains(
        "nowhere does not exist: give a file, a folder, or the name of a known set (digits"
    ));
    let error = refused(root.path());
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("holds no data: expected folders of images"), "{error}");
    put(root.path(), "a/x.png", &grey(1, 1, 1));
    std::fs::create_dir(root.path().join("b")).unwrap();
    assert!(
        refused(root.path())
            .to_string()
            .contains("/b holds no image (PNG, JPEG, WebP, BMP); remove")
    );
    put(root.path(), "w.bin", &[0, 1, 2, 3]);
    let error = refused(&root.path().join("w.bin"));
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert!(error.to_string().contains("of no known format"), "{error}");
    put(root.path(), "m.pkl", b"\x80\x04\x95");
    assert!(refused(&root.path().join("m.pkl")).to_string().contains("is a pickle"));
    std::fs::remove_dir(root.path().join("b")).unwrap();
    let text = refused(root.path()).to_string();
    assert!(text.contains("no class of") && text.contains("has 2 rows"), "{text}");
}

/// Catches: a Parquet file taken for text by its name or for nothing known by its bytes, and an
/// answer that does not say how to read it.
#[cfg(not(feature = "parquet"))]
#[test]
fn a_format_that_was_not_built_in_is_told_with_how_to_build_it() {
    let root = TempDir::new().unwrap();
    for (name, bytes) in [("a.parquet", &b""[..]), ("b.Parquet", b"\0"), ("c", b"PAR1\x15")] {
        put(root.path(), name, bytes);
        let error = refused(&root.path().join(name));
        assert_eq!(error.kind(), ErrorKind::Usage);
        let words = "is a Parquet file, of which this build has no reader; build one that has: \
                     `cargo build --release --features parquet -p perennial-cli`";
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn links_in_a_circle_and_to_nowhere_are_told() {
    let root = TempDir::new().unwrap();
    symlink("two", root.path().join("one")).unwrap();
    symlink("one", root.path().join("two")).unwrap();
    let error = refused(&root.path().join("one"));
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert!(
        error.to_string().contains("one leads through symbolic links that go round"),
        "{error}"
    );
    assert!(refused(root.path()).to_string().contains("go round in a circle"));

    let tree = root.path().join("tree");
    put(&tree, "a/x.png", &grey(1, 1, 1));
    symlink("..", tree.join("a/up")).unwrap();
    assert!(refused(&tree).to_string().contains("a/up leads through symbolic links"));
    std::fs::remove_file(tree.join("a/up")).unwrap();
    symlink("gone.png", tree.join("a/y.png")).unwrap();
    let error = refused(&tree);
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("a/y.png is missing"), "{error}");
    // A link to an image elsewhere is that image.
    std::fs::remove_file(tree.join("a/y.png")).unwrap();
    symlink("x.png", tree.join("a/y.png")).unwrap();
    assert_eq!(opened(&tree).dataset.test.image(0), Some(&[1][..]));
}

#[test]
fn a_class_whose_name_is_no_text_is_told() {
    let root = TempDir::new().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::create_dir(root.path().join(name)).unwrap();
    std::fs::write(root.path().join(name).join("x.png"), grey(1, 1, 1)).unwrap();
    let text = refused(root.path()).to_string();
    assert!(text.contains("is no UTF-8 text, but it is to name a class"), "{text}");
}

/// Every part of what the fingerprint is of changes it, and the name does not.
#[test]
fn the_fingerprint_counts_every_part() {
    let set = opened(Path::new("digits")).dataset;
    let print = set.fingerprint();
    let changed = |change: fn(&mut perennial_data::Dataset)| {
        let mut other = set.clone();
        change(&mut other);
        other.fingerprint()
    };
    assert_eq!(changed(|set| set.name = "other".into()), print);
    let all = [
        print.clone(),
        changed(|set| set.shape = [1, 4, 16]),
        changed(|set| set.classes[0].push('o')),
        changed(|set| set.train.labels[0] ^= 1),
        changed(|set| set.test.labels[0] ^= 1),
        changed(|set| std::mem::swap(&mut set.train, &mut set.test)),
    ];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

/// Catches: a recording taken for a picture, an archive taken for arrays, text of other kinds taken
/// for a table.
#[test]
fn what_is_not_read_is_called_by_its_name() {
    let root = TempDir::new().unwrap();
    let entry = |name: &str| zip(&[(name, b"x".to_vec())], false);
    for (name, bytes, words) in [
        ("a.wav", b"RIFF\x24\0\0\0WAVEfmt ".to_vec(), "is a WAV recording, which is not read"),
        ("a.avi", b"RIFF\x24\0\0\0AVI LIST".to_vec(), "an AVI video"),
        ("2.pkl", b"\x80\x02}q\0.".to_vec(), "a pickle"),
        ("5.pkl", b"\x80\x05}\x94.".to_vec(), "a pickle"),
        ("a.xlsx", entry("xl/workbook.xml"), "an Excel workbook (save the table as CSV)"),
        ("a.pt", entry("archive/data.pkl"), "a PyTorch file"),
        ("a.zip", entry("cat/1.png"), "a ZIP archive (unpack it)"),
        ("utf16.csv", b"\xff\xfea\0,\0".to_vec(), "text in UTF-16 (save it as UTF-8)"),
        ("a.arff", b"@relation r\n@data\n1,2\n".to_vec(), "an ARFF file"),
        ("a.svm", b"1 1:0.5 3:2\n0 2:1\n".to_vec(), "a libsvm file"),
        ("a.txt", b"1 2 3\n4 5 6\n".to_vec(), "divided by spaces"),
    ] {
        put(root.path(), name, &bytes);
        let error = refused(&root.path().join(name));
        assert_eq!(error.kind(), ErrorKind::BadData, "{name}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
