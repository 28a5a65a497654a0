use perennial_data::{DataError, ErrorKind, OpenError, ReadOptions, Scale, TestPart, open, read};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::files::{gzip, put};
use crate::own::{as_floats, opened, parsed, refused, rows, whole};

fn table(content: &[u8]) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "table.csv", content);
    let path = folder.path().join("table.csv");
    (folder, path)
}

/// Five rows a class, so that the fifth of each is set apart.
fn ten_rows() -> String {
    let line = |i: usize| {
        format!("{i}.5,{},{}\n", -(i as i32), if i.is_multiple_of(2) { "b" } else { "a" })
    };
    (0..10).map(line).collect()
}

#[test]
fn a_table_with_and_without_names_and_packed() {
    for (names, label) in [("", "3"), ("width,height,species\n", "species")] {
        let text = format!("{names}{}", ten_rows());
        for content in [text.clone().into_bytes(), gzip(text.as_bytes())] {
            let (_folder, path) = table(&content);
            let found = opened(&path);
            assert_eq!(
                (found.dataset.shape, found.understanding.parts.test_from),
                ([1, 1, 2], TestPart::HeldBack)
            );
            assert_eq!(
                (
                    found.understanding.format.to_string().as_str(),
                    found.understanding.left_out.len()
                ),
                ("CSV", 0)
            );
            assert_eq!((found.dataset.name.as_str(), found.dataset.row_len()), ("table", 2));
            assert_eq!(found.dataset.classes, ["a", "b"]);
            assert_eq!(found.dataset.counts(), [[4, 1], [4, 1]]);
            // The ninth and tenth rows are the fifth of their classes.
            assert_eq!(as_floats(&found.dataset.test.values), [8.5, -8.0, 9.5, -9.0]);
            assert_eq!(found.dataset.test.labels, [1, 0]);
            assert_eq!(as_floats(&found.dataset.train.values)[..4], [0.5, 0.0, 1.5, -1.0]);
            let how = ReadOptions { label: Some(label.into()), ..ReadOptions::default() };
            let asked = open(&path, &how, None).unwrap();
            assert_eq!((asked.dataset, asked.understanding), (found.dataset, found.understanding));
        }
    }
}

#[test]
fn the_label_is_where_its_name_is() {
    let (_folder, path) = table(b"Label,1,2\n7,10,20\n7,11,21\n");
    let found = rows(&path);
    assert_eq!((found.labels, found.classes), (Some(vec![0, 0]), vec!["7".to_owned()]));
    assert_eq!(as_floats(&found.values), [10.0, 20.0, 11.0, 21.0]);
    assert_eq!(found.names, ["line 2", "line 3"]);
    // Without a column of that name, rows to answer have no label.
    let (_folder, path) = table(b"1;2\n3;4\n");
    let found = rows(&path);
    assert_eq!((found.labels, found.spec.shape), (None, [1, 1, 2]));

    let how = ReadOptions { label: Some("colour".into()), ..ReadOptions::default() };
    let error = read(&path, &how, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("no column `colour`; its columns are: 1, 2"), "{error}");
}

#[test]
fn bytes_are_bytes_when_asked_for() {
    let (_folder, path) = table(b"0,255,x\n16,3,x\n");
    let how = ReadOptions {
        scale: Some(Scale::Divide(255)),
        label: Some("3".into()),
        ..ReadOptions::default()
    };
    let found = read(&path, &how, None).unwrap();
    assert_eq!(found.values.bytes(), Some(&[0, 255, 16, 3][..]));
    let how = ReadOptions { scale: Some(Scale::Divide(16)), ..how };
    let error = read(&path, &how, None).unwrap_err();
    assert!(error.to_string().contains("row 1 of") && error.to_string().contains("holds 255"));
    let (_folder, path) = table(b"0,0.5,x\n1,1,x\n");
    assert!(matches!(
        read(&path, &how, None),
        Err(DataError::Open(OpenError::AboveWhite { row: 1, found: 0.5, .. }))
    ));
}

#[test]
fn rows_without_a_value_are_left_out_and_told() {
    let text = b"w,h,label\n1,2,a\n,2,a\n3,NA,a\n?,1,a\n4,5,\n6,7,a\n";
    let (_folder, path) = table(text);
    let found = opened(&path);
    assert_eq!((found.dataset.train.len(), found.dataset.test.len()), (1, 1));
    let told: Vec<String> = found.understanding.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "2 rows without a value in column `w` (line 3, line 5)",
            "1 row without a value in column `h` (line 4)",
            "1 row without a value in column `label` (line 6)",
        ]
    );
    let (_folder, path) = table(b"a,b\nNaN,1\n");
    let error = refused(&path);
    let text = error.to_string();
    assert!(text.contains("holds no row: 1 row without a value in column `a`"), "{text}");
    assert!(text.ends_with("leave out columns that lack values: --ignore a"), "{text}");
}

#[test]
fn ragged_lines_and_text_are_told_with_their_place() {
    let (_folder, path) = table(b"w,h,label\n1,2,a\n3,4\n");
    let text = refused(&path).to_string();
    assert!(text.contains("line 3 of") && text.contains("has 2 columns, but its first line has 3"));
    let (_folder, path) = table(b"w,h,label\n1,2,a\n3,tall,b\n");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::BadData);
    let text = error.to_string();
    assert!(text.contains("line 3 of") && text.contains("column h: found `tall`"), "{text}");
    // A field in quotes may hold the mark that divides, and a line's end, which counts.
    let (_folder, path) = table(b"w,h,label\n1,2,\"a, or\nb\"\n1,inf,c\n");
    let text = refused(&path).to_string();
    assert!(text.contains("line 4 of") && text.contains("`inf`, expected a finite number"));
    let (_folder, path) = table(b"1,2,\xff\xfe\n1,2,b\n");
    assert!(refused(&path).to_string().contains("column 3"), "{}", refused(&path));
}

#[test]
fn tables_of_nothing_are_refused() {
    let (_folder, path) = table(b"");
    assert!(refused(&path).to_string().contains("holds no row"));
    let (_folder, path) = table(b"w,h,label\n");
    assert!(refused(&path).to_string().contains("holds no row"));
    let (_folder, path) = table(b"label\na\nb\n");
    assert!(refused(&path).to_string().contains("no column of inputs beside the labels"));
    let (_folder, path) = table(b"1,a\n2,b\n");
    assert!(refused(&path).to_string().contains("no class of"), "{}", refused(&path));
}

#[test]
fn a_truncated_gzip_is_no_end_of_the_table() {
    let whole = gzip("1.5,-2\n".repeat(1000).as_bytes());
    let error = parsed(&whole[..whole.len() - 9], "t.csv.gz").unwrap_err();
    assert!(matches!(error, DataError::TruncatedGzip { .. }), "{error}");
}

proptest! {
    /// What was written with any of the marks is read again, to the last bit.
    #[test]
    fn numbers_survive(
        table in prop::collection::vec(
            (prop::collection::vec(-1e30_f32..1e30, 3), 0..4_u8), 1..20,
        ),
        mark in prop::sample::select(vec![',', ';', '\t']),
        ends in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let mut text = ["a", "b", "c", "label"].join(&mark.to_string()) + ends;
        for (numbers, label) in &table {
            for number in numbers {
                text += &format!("{number}{mark}");
            }
            text += &format!("class {label}{ends}");
        }
        let found = parsed(text.as_bytes(), "t.csv").unwrap();
        let expected: Vec<f32> = table.iter().flat_map(|(numbers, _)| numbers.clone()).collect();
        prop_assert_eq!(as_floats(&found.values), expected);
        let labels: Vec<String> = found.labels.iter().flatten()
            .map(|&label| found.classes[label as usize].clone()).collect();
        let expected: Vec<String> = table.iter().map(|(_, label)| format!("class {label}")).collect();
        prop_assert_eq!(labels, expected);
        whole(&found);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-0-9a-z.,;\t\"'\n\r\u{e4}?]{0,60}") {
        if let Ok(found) = parsed(text.as_bytes(), "t.csv") {
            whole(&found);
        }
    }
}
