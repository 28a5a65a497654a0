//! Guesses that would be wrong and options that say nothing are refused, and what was left out is said.

use perennial_data::{ErrorKind, Naming, ReadOptions, Scale, open, read};

use crate::files::put;
use crate::own::{as_floats, grey, npy, zip};
use crate::place::{Place, classes, label, later, notes, with};

/// Catches: a header that is taught as a row because its other names are numbers, a label of a named
/// table that is an input of a learner without names.
#[test]
fn a_text_that_occurs_once_over_classes_is_asked_about() {
    let rows: String = (0..8).map(|i| format!("{i},{},{}\n", i % 3, ["A", "B"][i % 2])).collect();
    let place = Place::with(&[
        ("years.csv", &format!("2019,2020,kind\n{rows}")),
        ("bare.csv", &rows),
        ("turned.csv", "label,a,b\n1,5,6\n"),
        ("named.csv", "a,b,label\n1,5,A\n"),
    ]);
    let text = place.refused("years.csv", &ReadOptions::default());
    assert!(text.contains("holds `kind`, which is nowhere else") && text.contains("--header yes"));
    let header = |header| ReadOptions { header: Some(header), ..ReadOptions::default() };
    assert_eq!(with(&place, "years.csv", &header(true)).dataset.classes, ["A", "B"]);
    assert_eq!(with(&place, "years.csv", &header(false)).dataset.classes, ["A", "B", "kind"]);
    let known = place.open("bare.csv").spec;
    let text = later(&place, "turned.csv", &ReadOptions::default(), &known).unwrap_err();
    assert!(text.contains("column 1 of") && text.contains("its labels in column 3"), "{text}");
    let found = later(&place, "named.csv", &ReadOptions::default(), &known).unwrap();
    assert_eq!((as_floats(&found.values), classes(&found)), (&[1.0, 5.0][..], vec!["A"]));
}

/// Catches: an option that is given, does nothing, and is not refused.
#[test]
fn options_that_do_not_apply_are_refused() {
    let place = Place::with(&[("t.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n")]);
    let floats: Vec<u8> = (0..4).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let x = npy("<f4", false, "(4, 1)", &floats);
    let y = npy("|u1", false, "(4,)", &[0, 0, 1, 1]);
    put(place.0.path(), "a.npz", &zip(&[("x.npy", x), ("y.npy", y)], false));
    for (class, shade) in [("a", 1), ("a", 2), ("b", 3), ("b", 4)] {
        put(place.0.path(), &format!("pets/{class}/{shade}.png"), &grey(2, 2, shade));
    }
    let none = ReadOptions::default;
    for (data, how, flag) in [
        ("a.npz", ReadOptions { columns: vec!["1".into()], ..none() }, "--columns"),
        ("a.npz", ReadOptions { header: Some(true), ..none() }, "--header"),
        ("a.npz", ReadOptions { resize: Some([2, 2]), ..none() }, "--resize"),
        ("t.csv", ReadOptions { channels: Some(1), ..none() }, "--channels"),
        ("pets", ReadOptions { label: Some("x".into()), ..none() }, "--label"),
        ("pets", ReadOptions { scale: Some(Scale::None), ..none() }, "--scale"),
        ("digits", ReadOptions { id: Some("x".into()), ..none() }, "--id"),
    ] {
        let path = if data == "digits" { data.into() } else { place.path(data) };
        let error = open(&path, &how, None).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{flag} does not apply")), "{error}");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
    // What is remembered does not have to apply.
    let known = with(&place, "t.csv", &label("label")).spec;
    assert!(later(&place, "a.npz", &ReadOptions::default(), &known).is_ok());
    // Names of classes are compared as at first.
    let exact = ReadOptions { labels: Some(Naming::Exact), ..none() };
    let text = later(&place, "t.csv", &exact, &known).unwrap_err();
    assert!(text.contains("--labels exact contradicts"), "{text}");
}

/// Catches: seconds that become one number, as text, in arrays, and again later.
#[test]
fn numbers_that_single_precision_cannot_tell_apart_are_refused() {
    let rows: String =
        (0..20).map(|i| format!("{},{}\n", 1_700_000_000 + (i % 2) * 50, i % 2)).collect();
    let place = Place::with(&[("ts.csv", &format!("ts,label\n{rows}"))]);
    let text = place.refused("ts.csv", &ReadOptions::default());
    assert!(text.contains("column `ts`") && text.contains("subtract 1700000000"), "{text}");
    let seconds: Vec<u8> = (0..4).flat_map(|i| (1_700_000_000_i64 + i).to_le_bytes()).collect();
    let x = npy("<i8", false, "(4, 1)", &seconds);
    put(place.0.path(), "a.npz", &zip(&[("x.npy", x)], false));
    let text = read(&place.path("a.npz"), &ReadOptions::default(), None).unwrap_err().to_string();
    assert!(text.contains("column `1`") && text.contains("tells apart"), "{text}");
}

/// Catches: text that is no table taught as one, rows that a quotation mark swallows, numbers with
/// marks that become as many categories as there are rows.
#[test]
fn what_only_looks_like_a_table_is_told() {
    let quoted: String = (0..10).map(|i| format!("{i},x\n")).collect();
    let money: String = (0..30).map(|i| format!("\"1,{i:03},000\",{}\n", i % 2)).collect();
    let place = Place::with(&[
        ("rows.jsonl", "{\"a\": 1, \"label\": \"x\"}\n{\"a\": 2, \"label\": \"y\"}\n"),
        ("rows.json", "[{\"a\": 1, \"label\": \"x\"},\n{\"a\": 2, \"label\": \"y\"}]\n"),
        ("open.csv", &format!("a,label\n{quoted}3,\"x\n{quoted}")),
        ("money.csv", &format!("price,label\n{money}")),
        ("bars.csv", "a|b|label\n1|2|x\n1|3|x\n9|9|y\n9|8|y\n"),
        (
            "gaps.csv",
            "a,kind,label\n1,None,x\nNone,red,x\n3,red,y\n4,None,y\n5,red,y\n<NA>,red,x\n",
        ),
    ]);
    for (name, word) in [
        ("rows.jsonl", "JSON (save it as CSV)"),
        ("rows.json", "JSON (save it as CSV)"),
        ("open.csv", "line 12 of"),
        ("money.csv", "30 different texts in 30 rows"),
    ] {
        let text = place.refused(name, &ReadOptions::default());
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(place.open("bars.csv").understanding.columns, ["a", "b"]);
    // `None` is no value among numbers and a text among texts.
    let found = place.open("gaps.csv");
    assert_eq!(found.spec.columns[1].categories, ["None", "red"]);
    assert_eq!(found.understanding.left_out[0].count, 2);
}

/// Catches: parts beside other folders taken for classes, parts that are tables in folders, folders
/// within classes joined without a word, a list of images whose column has no usual name.
#[test]
fn parts_lists_and_folders_in_folders() {
    let rows = "a,label\n1,x\n2,x\n3,y\n4,y\n";
    let place = Place::with(&[
        ("tables/train/data.csv", rows),
        ("tables/test/data.csv", rows),
        (
            "list.csv",
            "name,breed\npets/a/1.png,cat\npets/a/2.png,cat\npets/b/3.png,dog\npets/b/4.png,dog\n",
        ),
    ]);
    for (class, shade) in [("a", 1), ("a", 2), ("b", 3), ("b", 4)] {
        put(place.0.path(), &format!("pets/{class}/{shade}.png"), &grey(2, 2, shade));
        for part in ["training_set", "test_set"] {
            put(place.0.path(), &format!("sets/{part}/{class}/{shade}.png"), &grey(2, 2, shade));
        }
        for part in ["train", "test", "extra"] {
            put(place.0.path(), &format!("more/{part}/{class}/{shade}.png"), &grey(2, 2, shade));
        }
        for outer in ["images", "masks"] {
            put(place.0.path(), &format!("deep/{outer}/{class}/{shade}.png"), &grey(2, 2, shade));
        }
    }
    assert_eq!(place.open("list.csv").dataset.classes, ["cat", "dog"]);
    assert_eq!(place.open("sets").dataset.classes, ["a", "b"]);
    assert_eq!(place.open("tables").dataset.test.len(), 4);
    let text = place.refused("more", &ReadOptions::default());
    assert!(text.contains("the folders `test`, `train`") && text.contains("`extra`"), "{text}");
    let found = place.open("deep");
    assert!(
        notes(&found).contains("count for the class that the folder lies in"),
        "{}",
        notes(&found)
    );
}

/// Catches: arrays to choose by that are dropped, arrays that nobody looked at.
#[test]
fn arrays_of_three_parts_and_others() {
    let place = Place::with(&[]);
    let x = || npy("<f4", false, "(2, 1)", &[0_f32, 1.0].map(f32::to_le_bytes).concat());
    let y = || npy("|u1", false, "(2,)", &[0, 1]);
    let names = ["x_train", "y_train", "x_val", "y_val", "x_test", "y_test", "names"];
    let files: Vec<(String, Vec<u8>)> = names
        .iter()
        .map(|name| (format!("{name}.npy"), if name.starts_with('x') { x() } else { y() }))
        .collect();
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    put(place.0.path(), "a.npz", &zip(&files, false));
    let found = place.open("a.npz");
    assert_eq!((found.understanding.parts.validation, found.dataset.test.len()), (2, 2));
    assert!(notes(&found).contains("not used: the array `names`"), "{}", notes(&found));
}
