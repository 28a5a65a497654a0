use perennial_data::{DataError, ErrorKind, OpenError, ReadOptions, Scale, TestPart, Values, open};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use crate::files::put;
use crate::own::{as_floats, floats, npy, opened, parsed, refused, rows, whole, zip};

/// Written by NumPy 2:
///
/// ```python
/// x = np.asfortranarray(np.array([[1, 2.5], [3, 4], [5, 6]], np.float32))
/// np.savez_compressed("numpy.npz", x=x, y=np.array(["rose", "tulip", "rose"]))
/// ```
const NUMPY: &[u8] = include_bytes!("numpy.npz");

#[test]
fn what_numpy_writes_is_read() {
    let found = parsed(NUMPY, "numpy.npz").unwrap();
    assert_eq!(as_floats(&found.values), [1.0, 2.5, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(
        (found.spec.shape, found.understanding.format.to_string().as_str()),
        ([1, 1, 2], "npz")
    );
    assert_eq!(found.labels, Some(vec![0, 1, 0]));
    assert_eq!(found.classes, ["rose", "tulip"]);
}

#[test]
fn two_parts_of_an_archive() {
    let bytes =
        |count: usize, first: u8| (0..count * 4).map(|i| first + i as u8).collect::<Vec<u8>>();
    let files = [
        ("x_train.npy", npy("|u1", false, "(3, 2, 2)", &bytes(3, 0))),
        ("y_train.npy", npy("<i8", false, "(3,)", &[7_i64, -1, 7].map(i64::to_le_bytes).concat())),
        ("x_test.npy", npy("|u1", false, "(1, 2, 2)", &bytes(1, 100))),
        ("y_test.npy", npy("|u1", false, "(1, 1)", &[7])),
    ];
    let folder = TempDir::new().unwrap();
    put(folder.path(), "set.npz", &zip(&files, true));
    let found = opened(&folder.path().join("set.npz"));
    assert_eq!(
        (found.dataset.shape, found.understanding.parts.test_from),
        ([1, 2, 2], TestPart::Own)
    );
    assert_eq!(found.dataset.classes, ["-1", "7"]);
    assert_eq!(found.dataset.train.labels, [1, 0, 1]);
    assert_eq!(found.dataset.train.image(2), Some(&[8, 9, 10, 11][..]));
    assert_eq!(found.dataset.test.image(0), Some(&[100, 101, 102, 103][..]));
    // The same arrays as files of a folder are the same data.
    for (name, content) in &files {
        put(&folder.path().join("set"), name, content);
    }
    let unpacked = opened(&folder.path().join("set"));
    assert_eq!((unpacked.dataset, unpacked.spec), (found.dataset, found.spec));
    // To be judged by, or to answer, it is the test part.
    assert_eq!(rows(&folder.path().join("set.npz")).labels, Some(vec![0]));
}

#[test]
fn channels_come_first_wherever_they_lie() {
    let last = npy("|u1", false, "(1, 2, 2, 3)", &(0..12).collect::<Vec<u8>>());
    let found = parsed(&last, "x.npy").unwrap();
    assert_eq!(found.spec.shape, [3, 2, 2]);
    assert_eq!(found.values.bytes(), Some(&[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11][..]));
    let first = npy("|u1", false, "(1, 3, 2, 2)", &(0..12).collect::<Vec<u8>>());
    let found = parsed(&first, "x.npy").unwrap();
    assert_eq!(
        (found.spec.shape, found.values.bytes()),
        ([3, 2, 2], Some(&(0..12).collect::<Vec<u8>>()[..]))
    );
}

#[test]
fn safetensors_are_read() {
    let x = floats(&[1.0, 2.0, 3.0, 4.0, f32::NAN, 6.0]);
    let y = [2_i32, 5, 2].map(i32::to_le_bytes).concat();
    let tensors = [
        ("features", TensorView::new(Dtype::F32, vec![3, 2], &x).unwrap()),
        ("labels", TensorView::new(Dtype::I32, vec![3], &y).unwrap()),
    ];
    let bytes = safetensors::serialize(tensors, None).unwrap();
    let found = parsed(&bytes, "f.safetensors").unwrap();
    assert_eq!(as_floats(&found.values), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!((found.classes, found.labels), (vec!["2".into(), "5".into()], Some(vec![0, 1])));
    assert_eq!(
        found.understanding.left_out[0].to_string(),
        "1 row with a value that is no finite number (row 3)"
    );
    assert_eq!(found.names, ["row 1", "row 2"]);
    for cut in 0..bytes.len() {
        assert!(parsed(&bytes[..cut], "f.safetensors").is_err(), "cut at {cut}");
    }
}

#[test]
fn a_huge_declared_shape_is_refused_before_it_is_allocated() {
    for shape in ["(4294967296, 1000000)", "(18446744073709551615, 2)", "(1099511627776, 1)"] {
        let array = npy("<f4", false, shape, &[0; 16]);
        let alone = parsed(&array, "x.npy").unwrap_err();
        assert!(matches!(alone, DataError::Impossible { .. }), "{alone}");
        for packed in [false, true] {
            let error = parsed(&zip(&[("x.npy", array.clone())], packed), "set.npz").unwrap_err();
            assert!(matches!(error, DataError::Impossible { .. }), "{error}");
            assert!(error.to_string().contains("set.npz/x.npy"), "{error}");
        }
    }
    // No rows, but of a size whose product is no number.
    let empty = npy("<f4", true, "(0, 4294967296, 4294967296, 4294967296)", &[]);
    assert!(matches!(parsed(&empty, "x.npy"), Err(DataError::Open(OpenError::ArrayShape { .. }))));
}

/// 30 MB of zeros, packed to 30 kB, under a header that says 30 GB.
#[test]
fn an_array_of_more_than_its_archive_holds_is_refused() {
    let zeros = vec![0; 30_000_000];
    let array = npy("|u1", false, "(30000, 1000000)", &zeros);
    let error = parsed(&zip(&[("x.npy", array)], true), "bomb.npz").unwrap_err();
    assert!(matches!(error, DataError::Impossible { .. }), "{error}");
}

#[test]
fn arrays_that_are_no_data_are_told() {
    let told = |bytes: &[u8], word: &str| {
        let error = parsed(bytes, "x.npy").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData);
        assert!(error.to_string().contains(word), "{error}");
    };
    told(&npy("|O", false, "(1, 1)", b"pickle"), "type `|O`");
    told(&npy("<c8", false, "(1, 1)", &[0; 8]), "type `<c8`");
    told(&npy("<U1", false, "(1, 1)", &[65, 0, 0, 0]), "type `text`");
    told(&npy("<f4", false, "(2,)", &[0; 8]), "shape [2]");
    told(&npy("<f4", false, "()", &[0; 4]), "shape []");
    told(&npy("<f4", false, "(0, 3)", &[]), "holds no row");
    told(&npy("<f4", false, "(1, 2)", &[0; 9]), "more than 8 bytes");
    told(&npy("<f4", false, "(1, 2", &[0; 8]), "no dictionary");
    told(b"\x93NUMPY\x09\x00", "version is 9");
    told(&npy("<f4", false, "(1, 1)", &floats(&[f32::NAN])), "no finite number");
    told(&npy("|b1", false, "(1, 1)", &[2]), "a truth value is 2");
}

#[test]
fn labels_that_do_not_fit_are_told() {
    let x = || ("x.npy", npy("|u1", false, "(2, 2)", &[1, 2, 3, 4]));
    let told = |y: (&str, Vec<u8>), word: &str| {
        let text = parsed(&zip(&[x(), y], false), "set.npz").unwrap_err().to_string();
        assert!(text.contains(word), "{text}");
    };
    told(
        ("y.npy", npy("|u1", false, "(3,)", &[1, 2, 3])),
        "set.npz/y.npy has the shape [3], expected [2]",
    );
    told(("y.npy", npy("|u1", false, "(2, 2)", &[1; 4])), "shape [2, 2]");
    told(
        ("y.npy", npy("<f4", false, "(2,)", &floats(&[1.0, 1.5]))),
        "found `1.5`, expected a whole number",
    );
    let folder = TempDir::new().unwrap();
    put(folder.path(), "set.npz", &zip(&[x()], false));
    assert!(
        refused(&folder.path().join("set.npz"))
            .to_string()
            .contains("name the array of the labels `y`")
    );
    put(folder.path(), "x.npy", &x().1);
    assert!(refused(&folder.path().join("x.npy")).to_string().contains("holds no labels"));
    let strange = zip(&[("a.npy", x().1), ("b.npy", x().1)], false);
    let text = parsed(&strange, "set.npz").unwrap_err().to_string();
    assert!(text.contains("holds the arrays `a`, `b`, and no `x`"), "{text}");
}

#[test]
fn floats_of_images_become_bytes_when_asked_for() {
    let x = npy("<f8", false, "(2, 1)", &[0.0_f64, 255.0].map(f64::to_le_bytes).concat());
    let y = npy("|b1", false, "(2,)", &[1, 1]);
    let folder = TempDir::new().unwrap();
    put(folder.path(), "set.npz", &zip(&[("x.npy", x), ("y.npy", y)], true));
    let how = ReadOptions { scale: Some(Scale::Divide(255)), ..ReadOptions::default() };
    let found = open(&folder.path().join("set.npz"), &how, None).unwrap();
    assert_eq!(found.dataset.train.values, Values::Bytes { pixels: vec![0], white: 255 });
    assert_eq!(found.dataset.test.values, Values::Bytes { pixels: vec![255], white: 255 });
}

/// What archives of more than 4 GiB have: sizes in the extras of the directory, and an end with
/// wide numbers before the usual one. Put together by hand.
#[test]
fn sizes_of_64_bits_are_read() {
    let whole = zip(&[("x.npy", npy("|u1", false, "(2, 1)", &[7, 8]))], false);
    let directory = whole.windows(4).rposition(|it| it == b"PK\x01\x02").unwrap();
    let size = (whole.len() - 22 - directory) as u32;
    let stored = u32::from_le_bytes(whole[directory + 20..directory + 24].try_into().unwrap());
    let mut large = whole[..directory].to_vec();
    large.extend_from_slice(&whole[directory..whole.len() - 22]);
    large[directory + 20..directory + 28].fill(0xff); // packed and unpacked: see the extras
    large[directory + 30] = 20; // length of the extras
    large.extend([1_u16, 16].map(u16::to_le_bytes).concat());
    large.extend([u64::from(stored); 2].map(u64::to_le_bytes).concat());
    let end_64 = large.len() as u64;
    large.extend([b"PK\x06\x06", &[0; 28][..], &1_u64.to_le_bytes()].concat());
    large.extend([u64::from(size) + 20, directory as u64].map(u64::to_le_bytes).concat());
    large.extend([b"PK\x06\x07", &[0; 4][..], &end_64.to_le_bytes(), &[0; 4]].concat());
    large.extend([b"PK\x05\x06", &[0xff; 16][..], &[0; 2]].concat());
    assert_eq!(parsed(&large, "large.npz").unwrap().values.bytes(), Some(&[7, 8][..]));
}

#[test]
fn archives_that_are_damaged_are_told() {
    for cut in 4..NUMPY.len() {
        assert!(parsed(&NUMPY[..cut], "cut.npz").is_err(), "cut at {cut}");
    }
    // Stored bytes are as they are: only the check sum knows.
    let mut bytes = zip(&[("x.npy", npy("|u1", false, "(1, 4)", &[1, 2, 3, 4]))], false);
    let at = bytes.windows(4).position(|it| it == [1, 2, 3, 4]).unwrap();
    bytes[at] = 9;
    let text = parsed(&bytes, "set.npz").unwrap_err().to_string();
    assert!(text.contains("set.npz/x.npy is no whole npz file: its check sum"), "{text}");
}

/// Every change of one byte of each format, of the packed data and of the headers. Catches: a name of
/// the file in a sentence as it is, with an end of a line.
#[test]
fn no_change_of_a_byte_makes_it_panic() {
    let x = npy("<f4", true, "(2, 2)", &floats(&[1.0, 2.0, 3.0, 4.0]));
    let tensor = floats(&[1.0, 2.0]);
    let tensor = [("x", TensorView::new(Dtype::F32, vec![2, 1], &tensor).unwrap())];
    let files = [
        x.clone(),
        zip(&[("x.npy", x), ("y.npy", npy("|u1", false, "(2,)", &[0, 1]))], true),
        safetensors::serialize(tensor, None).unwrap(),
    ];
    for mut bytes in files {
        for at in 0..bytes.len() {
            let before = bytes[at];
            for to in 0..=u8::MAX {
                bytes[at] = to;
                if let Ok(found) = parsed(&bytes, "changed") {
                    whole(&found);
                }
            }
            bytes[at] = before;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// An array in Fortran's order is the same array.
    #[test]
    fn the_order_in_the_file_does_not_matter(rows in 1..4_usize, height in 1..4_usize, width in 1..4_usize) {
        let value = |i: usize, j: usize, k: usize| (100 * i + 10 * j + k) as f32;
        let (mut c, mut fortran) = (Vec::new(), Vec::new());
        for i in 0..rows { for j in 0..height { for k in 0..width { c.push(value(i, j, k)); } } }
        for k in 0..width { for j in 0..height { for i in 0..rows { fortran.push(value(i, j, k)); } } }
        let shape = format!("({rows}, {height}, {width})");
        let c = parsed(&npy("<f4", false, &shape, &floats(&c)), "x.npy").unwrap();
        prop_assert_eq!(parsed(&npy("<f4", true, &shape, &floats(&fortran)), "x.npy").unwrap(), c);
    }
}
