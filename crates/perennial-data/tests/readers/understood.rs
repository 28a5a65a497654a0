//! What is understood of data, said, and remembered: jobs that people had, in their smallest form.

use std::path::Path;

use perennial_data::{Naming, ReadOptions, Rows, Scale, Values, open, read};

use crate::files::put;
use crate::own::{as_floats, floats, grey, npy, zip};
use crate::place::{Place, notes};

fn classes(rows: &Rows) -> Vec<&str> {
    let labels = rows.labels.as_ref().unwrap();
    labels.iter().map(|&label| rows.classes[label as usize].as_str()).collect()
}

const KIND: &str = "a,b,kind\n1,2,x\n1,3,x\n9,9,y\n9,8,y\n";

/// Catches: a label that is looked for by its usual name alone once the learner knows it.
#[test]
fn a_label_is_remembered() {
    let place = Place::with(&[
        ("kind.csv", KIND),
        ("bare.csv", "a,b\n1,2\n"),
        ("turned.csv", "b,kind,a\n2,x,1\n"),
        ("nameless.csv", "1,2,x\n"),
        ("other.csv", "a,c,kind\n1,2,x\n"),
        ("more.csv", "a,b,c,d,kind\n1,2,3,4,x\n"),
    ]);
    let first = place.open("kind.csv");
    assert_eq!(first.dataset.classes, ["x", "y"]);
    assert_eq!(first.spec.label.as_ref().unwrap().name, "kind");
    let known = Some(&first.spec);
    let rows = |name: &str| read(&place.path(name), &ReadOptions::default(), known);
    let found = rows("kind.csv").unwrap();
    assert_eq!((classes(&found), as_floats(&found.values).len()), (vec!["x", "x", "y", "y"], 8));
    let found = rows("turned.csv").unwrap();
    assert_eq!((classes(&found), as_floats(&found.values)), (vec!["x"], &[1.0, 2.0][..]));
    let found = rows("nameless.csv").unwrap();
    assert_eq!((classes(&found), as_floats(&found.values)), (vec!["x"], &[1.0, 2.0][..]));
    let found = rows("bare.csv").unwrap();
    assert_eq!((found.labels, as_floats(&found.values)), (None, &[1.0, 2.0][..]));
    let text = rows("other.csv").unwrap_err().to_string();
    assert!(text.contains("lacks the column `b` and has the column `c`"), "{text}");
    let text = rows("more.csv").unwrap_err().to_string();
    assert!(text.contains("has the columns `c`, `d`, not known") && text.contains("--ignore c,d"));
    let how = ReadOptions { ignore: vec!["c".into(), "d".into()], ..ReadOptions::default() };
    assert!(read(&place.path("more.csv"), &how, known).is_ok());
    // A test part without labels is told so in one sentence.
    let text =
        open(&place.path("bare.csv"), &ReadOptions::default(), known).unwrap_err().to_string();
    assert!(text.contains("bare.csv has no labels: it lacks the column `kind`"), "{text}");
    let how = ReadOptions { label: Some("b".into()), ..ReadOptions::default() };
    let text = read(&place.path("kind.csv"), &how, known).unwrap_err().to_string();
    assert!(text.contains("--label b contradicts") && text.contains("with, kind"), "{text}");
}

#[test]
fn a_table_without_names_is_known_by_its_places() {
    let place = Place::with(&[
        ("nohdr.csv", "1,2,0\n1,3,0\n9,9,1\n9,8,1\n"),
        ("rows.csv", "1,2\n3,4\n"),
        ("wide.csv", "1,2,3,4\n"),
        ("label-first.csv", "x,1,2\nx,1,3\ny,9,9\ny,9,8\n"),
    ]);
    let first = place.open("nohdr.csv");
    let known = Some(&first.spec);
    let found = read(&place.path("nohdr.csv"), &ReadOptions::default(), known).unwrap();
    assert_eq!(classes(&found), ["0", "0", "1", "1"]);
    let found = read(&place.path("rows.csv"), &ReadOptions::default(), known).unwrap();
    assert_eq!((found.labels, as_floats(&found.values)), (None, &[1.0, 2.0, 3.0, 4.0][..]));
    let text =
        read(&place.path("wide.csv"), &ReadOptions::default(), known).unwrap_err().to_string();
    assert!(text.contains("has 4 columns, expected 3"), "{text}");
    // The label need not be the last.
    let how = ReadOptions { label: Some("1".into()), ..ReadOptions::default() };
    let first = open(&place.path("label-first.csv"), &how, None).unwrap();
    let known = Some(&first.spec);
    let found = read(&place.path("label-first.csv"), &ReadOptions::default(), known).unwrap();
    assert_eq!(
        (classes(&found), as_floats(&found.values)[..2].to_vec()),
        (vec!["x", "x", "y", "y"], vec![1.0, 2.0])
    );
    let found = read(&place.path("rows.csv"), &ReadOptions::default(), known).unwrap();
    assert_eq!(as_floats(&found.values), [1.0, 2.0, 3.0, 4.0]);
}

/// Catches: options that must be given again, or that may be given otherwise.
#[test]
fn what_was_asked_for_is_remembered() {
    let place = Place::with(&[("t.csv", "a,label\n0,x\n16,x\n8,y\n4,y\n"), ("n.csv", "a\n8\n")]);
    let how = ReadOptions { scale: Some(Scale::Divide(16)), ..ReadOptions::default() };
    let first = open(&place.path("t.csv"), &how, None).unwrap();
    assert_eq!((first.spec.white, &first.spec.scaling), (Some(16), &None));
    let found = read(&place.path("n.csv"), &ReadOptions::default(), Some(&first.spec)).unwrap();
    assert_eq!(found.values, Values::Bytes { pixels: vec![8], white: 16 });
    let other = ReadOptions { scale: Some(Scale::Divide(255)), ..ReadOptions::default() };
    let text = read(&place.path("n.csv"), &other, Some(&first.spec)).unwrap_err().to_string();
    assert!(text.contains("--scale 255 contradicts") && text.contains("with, 16"), "{text}");

    for shade in 1..=3 {
        put(place.0.path(), &format!("pets/cat/{shade}.png"), &grey(4, 4, shade));
        put(place.0.path(), &format!("pets/dog/{shade}.png"), &grey(6, 6, shade * 10));
    }
    put(place.0.path(), "large.png", &grey(20, 30, 7));
    let how = ReadOptions { resize: Some([2, 3]), channels: Some(3), ..ReadOptions::default() };
    let first = open(&place.path("pets"), &how, None).unwrap();
    let found = read(&place.path("large.png"), &ReadOptions::default(), Some(&first.spec)).unwrap();
    assert_eq!(found.spec.shape, [3, 2, 3]);
    for (other, word) in [
        (ReadOptions { resize: Some([2, 2]), ..ReadOptions::default() }, "--resize 2x2"),
        (ReadOptions { channels: Some(1), ..ReadOptions::default() }, "--channels 1"),
    ] {
        let text = read(&place.path("large.png"), &other, Some(&first.spec)).unwrap_err();
        assert!(text.to_string().contains(&format!("{word} contradicts")), "{text}");
    }
}

/// `np.savez` of the same numbers as bytes and as int64, either way round.
#[test]
fn bytes_and_numbers_are_not_the_same_inputs() {
    let place = Place::with(&[]);
    let y = npy("<i8", false, "(4,)", &[0_i64, 0, 1, 1].map(i64::to_le_bytes).concat());
    let bytes = npy("|u1", false, "(4, 1)", &[40, 41, 170, 171]);
    let whole = npy("<i8", false, "(4, 1)", &[40_i64, 41, 170, 171].map(i64::to_le_bytes).concat());
    for (name, x) in [("u8.npz", bytes), ("i64.npz", whole)] {
        put(place.0.path(), name, &zip(&[("x.npy", x), ("y.npy", y.clone())], false));
    }
    for (first, later, word) in [
        (
            "u8.npz",
            "i64.npz",
            "are numbers wider than a byte, those of the learner's tasks bytes of which",
        ),
        (
            "i64.npz",
            "u8.npz",
            "are bytes of which 255 is read as 1, those of the learner's tasks numbers wider",
        ),
    ] {
        let first = place.open(first);
        for text in [
            read(&place.path(later), &ReadOptions::default(), Some(&first.spec))
                .unwrap_err()
                .to_string(),
            open(&place.path(later), &ReadOptions::default(), Some(&first.spec))
                .unwrap_err()
                .to_string(),
        ] {
            assert!(text.contains(word), "{text}");
        }
    }
}

/// Catches: a label that is what float32 makes of it, a truth that is a number, 64 bits that are 63.
#[test]
fn typed_labels_keep_all_their_digits() {
    let place = Place::with(&[]);
    let x = npy("<f4", false, "(4, 1)", &floats(&[1.0, 2.0, 3.0, 4.0]));
    let named = |descr: &str, bytes: Vec<u8>| {
        let y = npy(descr, false, "(4,)", &bytes);
        put(place.0.path(), "t.npz", &zip(&[("x.npy", x.clone()), ("y.npy", y)], false));
        read(&place.path("t.npz"), &ReadOptions::default(), None)
            .map(|rows| classes(&rows).into_iter().map(String::from).collect::<Vec<_>>())
    };
    let doubles = [16_777_216.0, 16_777_217.0, 20_240_101.0, 1.0_f64];
    assert_eq!(
        named("<f8", doubles.map(f64::to_le_bytes).concat()).unwrap(),
        ["16777216", "16777217", "20240101", "1"]
    );
    let naturals = [u64::MAX, 1 << 63, 0, 1];
    assert_eq!(
        named("<u8", naturals.map(u64::to_le_bytes).concat()).unwrap(),
        ["18446744073709551615", "9223372036854775808", "0", "1"]
    );
    assert_eq!(named("|b1", vec![1, 0, 1, 0]).unwrap(), ["true", "false", "true", "false"]);
    assert_eq!(named("|S3", b" 01001a\0\0b\0\0".to_vec()).unwrap(), ["01", "001", "a", "b"]);
    let half = [1.5_f64, 0.0, 0.0, 0.0].map(f64::to_le_bytes).concat();
    let text = named("<f8", half).unwrap_err().to_string();
    assert!(text.contains("found `1.5`, expected a whole number"), "{text}");
}

#[test]
fn text_labels_stay_as_they_are_written() {
    let place = Place::with(&[
        ("codes.csv", "a,label\n1,01\n2,01\n3,1\n4,1\n"),
        ("pandas.csv", "a,label\n1,1.0\n2,1.0\n3,2.0\n4,2.0\n"),
        ("train.csv", "a,label\n1,1\n1,1\n9,2\n9,2\n"),
        ("test.csv", "a,label\n1,1.0\n9,2.0\n"),
    ]);
    assert_eq!(place.open("codes.csv").dataset.classes, ["01", "1"]);
    let found = place.open("pandas.csv");
    assert_eq!(found.dataset.classes, ["1", "2"]);
    assert!(notes(&found).contains("`1.0` is `1`"), "{}", notes(&found));
    let exact = ReadOptions { labels: Some(Naming::Exact), ..ReadOptions::default() };
    let found = open(&place.path("pandas.csv"), &exact, None).unwrap();
    assert_eq!(found.dataset.classes, ["1.0", "2.0"]);
    let with = |how: &ReadOptions| {
        let how = ReadOptions { test: Some(place.path("test.csv")), ..how.clone() };
        open(&place.path("train.csv"), &how, None)
    };
    let found = with(&ReadOptions::default()).unwrap();
    assert_eq!(found.dataset.counts(), [[2, 1], [2, 1]]);
    assert!(notes(&found).contains("`1.0` is taken for the known class `1`"));
    assert!(with(&exact).unwrap_err().to_string().contains("has the class `1.0`, of which there"));
}

/// Catches: a header that is taught as a row, or a row that is taken for a header.
#[test]
fn the_first_line_is_names_or_is_not() {
    let place = Place::with(&[
        ("t0.csv", "0,1,target\n5,6,a\n5,7,a\n1,1,b\n1,2,b\n"),
        ("numhdr.csv", "0,1,2\n5,6,0\n5,7,0\n1,1,1\n1,2,1\n"),
        ("over-text.csv", "0,1,9\n5,6,cat\n5,7,cat\n1,1,dog\n1,2,dog\n"),
        ("plain.csv", "5,6,cat\n5,7,cat\n1,1,dog\n1,2,dog\n"),
        ("words.csv", "red,yes\nblue,no\nred,no\nblue,yes\n"),
    ]);
    let found = place.open("t0.csv");
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.understanding.parts.train),
        ("a b", 2)
    );
    assert_eq!(found.understanding.columns, ["0", "1"]);
    let text = place.refused("numhdr.csv", &ReadOptions::default());
    assert!(text.contains("counts (0, 1, 2)") && text.contains("--header yes"), "{text}");
    let header = |header| ReadOptions { header: Some(header), ..ReadOptions::default() };
    let found = open(&place.path("numhdr.csv"), &header(true), None).unwrap();
    assert_eq!((found.dataset.classes.join(" ").as_str(), found.dataset.train.len()), ("0 1", 2));
    let found = open(&place.path("numhdr.csv"), &header(false), None).unwrap();
    assert_eq!(found.dataset.classes, ["0", "1", "2"]);
    let found = place.open("over-text.csv");
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.dataset.train.len()),
        ("cat dog", 2)
    );
    let rows = read(
        &place.path("plain.csv"),
        &ReadOptions { label: Some("3".into()), ..ReadOptions::default() },
        None,
    );
    assert_eq!(rows.unwrap().names, ["line 1", "line 2", "line 3", "line 4"]);
    let rows = read(&place.path("words.csv"), &header(false), None).unwrap();
    assert_eq!((rows.names.len(), rows.spec.shape), (4, [1, 1, 4]));
}

#[test]
fn an_index_is_no_input_and_the_label_may_come_first() {
    let place = Place::with(&[
        ("idx.csv", ",a,label\n0,1.5,x\n1,1.4,x\n2,9.1,y\n3,9.2,y\n"),
        ("shuffled.csv", "Unnamed: 0,a,label\n7,1.5,x\n2,1.4,x\n5,9.1,y\n1,9.2,y\n"),
        ("first.csv", "target,a,b\n0,1.5,2\n0,1.4,2\n1,9.1,3\n1,9.2,3\n"),
        ("both.csv", "target,a,class\n0,1.5,2\n0,1.4,2\n1,9.1,3\n1,9.2,3\n"),
        ("points.csv", "x,y,kind\n0,1.5,a\n0,1.4,a\n1,9.1,b\n1,9.2,b\n"),
    ]);
    for (name, why) in [
        ("idx.csv", "column 1 has no name and holds a different whole number in each row"),
        ("shuffled.csv", "column `Unnamed: 0` is an index that pandas wrote"),
    ] {
        let found = place.open(name);
        assert_eq!(found.understanding.columns, ["a"], "{name}");
        let said = notes(&found);
        assert!(said.contains(why) && said.contains("left out (--columns keeps it)"), "{said}");
    }
    let found = place.open("first.csv");
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.understanding.columns.join(" ").as_str()),
        ("0 1", "a b")
    );
    assert!(notes(&found).contains("`target` is taken for the label"), "{}", notes(&found));
    let text = place.refused("both.csv", &ReadOptions::default());
    assert!(text.contains("the columns `target`, `class`") && text.contains("--label"), "{text}");
    assert_eq!(place.open("points.csv").understanding.columns, ["x", "y"]);
}

/// Catches: classes that are numbers to be predicted; and classes that only look so.
#[test]
fn a_number_to_be_predicted_is_no_class() {
    let visits: String = (0..80).map(|i| format!("0.{i},{}\n", (i * 37) % 79)).collect();
    let prices: String = (0..80).map(|i| format!("0.{i},{}.5\n", i % 3)).collect();
    let words: String = (0..80).map(|i| format!("0.{i},k{i}\n")).collect();
    let place = Place::with(&[
        ("cnt.csv", &format!("a,visits\n{visits}")),
        ("price.csv", &format!("a,price\n{prices}")),
        ("words.csv", &format!("a,word\n{words}{words}")),
    ]);
    for (name, column) in [("cnt.csv", "`visits`"), ("price.csv", "`price`")] {
        let text = place.refused(name, &ReadOptions::default());
        let words = ["looks like a number to be predicted", "--labels exact", column];
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        let exact = ReadOptions { labels: Some(Naming::Exact), ..ReadOptions::default() };
        assert!(open(&place.path(name), &exact, None).is_ok(), "{name}");
    }
    assert_eq!(place.open("words.csv").dataset.classes.len(), 80);
    // A later task may hold few rows of many classes.
    let known = place.open("words.csv").spec;
    let how = ReadOptions { label: Some("visits".into()), ..ReadOptions::default() };
    assert!(open(&place.path("cnt.csv"), &how, Some(&known)).is_ok());
}

/// Catches: texts that are refused, or numbered; a new text that fails or is a number.
#[test]
fn texts_are_categories_of_the_first_task() {
    let place = Place::with(&[
        ("t.csv", "colour,size,label\nred,1,x\nblue,2,x\nred,3,y\ngreen,4,y\n"),
        ("later.csv", "colour,size\nblue,1\npink,2\npink,3\n"),
        ("dates.csv", "day,label\n2024-01-01,x\n2024-01-02,x\n2024-02-01,y\n"),
        ("mixed.csv", "w,label\n1,x\n2,x\ntall,y\n3,y\n"),
    ]);
    let first = place.open("t.csv");
    assert_eq!(
        (first.dataset.shape, first.spec.columns[0].categories.join(" ").as_str()),
        ([1, 1, 4], "blue green red")
    );
    let found = read(&place.path("later.csv"), &ReadOptions::default(), Some(&first.spec)).unwrap();
    assert_eq!(as_floats(&found.values)[..8], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0]);
    let said = found.understanding.notes.join("; ");
    assert!(
        said.contains("`pink` in column `colour` (2 rows) is none of its categories"),
        "{said}"
    );
    let text = place.refused("dates.csv", &ReadOptions::default());
    assert!(text.contains("holds days or times") && text.contains("--ignore"), "{text}");
    let text = place.refused("mixed.csv", &ReadOptions::default());
    assert!(text.contains("line 4") && text.contains("found `tall`"), "{text}");
    let many: String = (0..60).map(|i| format!("name{i},{i},x\n")).collect();
    put(place.0.path(), "names.csv", format!("name,a,label\n{many}").as_bytes());
    let text = place.refused("names.csv", &ReadOptions::default());
    assert!(
        text.contains("column name of") && text.contains("more than 50 different texts"),
        "{text}"
    );
    let how = ReadOptions { id: Some("name".into()), ..ReadOptions::default() };
    let found = read(&place.path("names.csv"), &how, None).unwrap();
    assert_eq!((found.spec.shape, found.ids.unwrap().rows[59].as_str()), ([1, 1, 1], "name59"));
}

/// Catches: equal rows on both sides, groups that are divided, an overlap that nobody says.
#[test]
fn equal_rows_and_groups_stay_on_one_side() {
    // Thirty rows by chance, ten copies each.
    let coin: String = (0..300).map(|i| format!("{}.25,{}\n", i % 30, (i % 30) * 7 % 2)).collect();
    let patients: String = (0..200).map(|i| format!("{i}.5,p{},{}\n", i / 10, i % 2)).collect();
    let place = Place::with(&[
        ("coin.csv", &format!("a,label\n{coin}")),
        ("patients.csv", &format!("a,patient,label\n{patients}")),
        ("same.csv", "a,label\n1,x\n1,x\n5,y\n5,y\n"),
    ]);
    let found = place.open("coin.csv");
    let all = |values: &Values| as_floats(values).to_vec();
    let (train, test) = (all(&found.dataset.train.values), all(&found.dataset.test.values));
    assert!(!test.is_empty() && test.iter().all(|row| !train.contains(row)));
    assert!(
        notes(&found).contains("270 of 300 rows are equal to rows before them"),
        "{}",
        notes(&found)
    );
    let how = ReadOptions { group: Some("patient".into()), ..ReadOptions::default() };
    let found = open(&place.path("patients.csv"), &how, None).unwrap();
    let patient = |row: &f32| (row / 10.0) as u32;
    let taught: Vec<u32> = all(&found.dataset.train.values).iter().map(patient).collect();
    let judged = all(&found.dataset.test.values);
    assert!(judged.len() >= 20 && judged.iter().all(|row| !taught.contains(&patient(row))));
    assert_eq!(found.understanding.columns, ["a"]);
    let how = ReadOptions { test: Some(place.path("coin.csv")), ..ReadOptions::default() };
    let found = open(&place.path("coin.csv"), &how, None).unwrap();
    assert!(notes(&found).contains("300 of 300 judged rows are also taught"));
    // Where nothing else is there, it is judged by what is taught, and said.
    assert!(notes(&place.open("same.csv")).contains("2 of 2 judged rows are also taught"));
}

/// Catches: classes that are chosen after the parts were joined.
#[test]
fn classes_are_chosen_in_every_part() {
    let place = Place::with(&[
        ("train.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n"),
        ("test.csv", "a,label\n1,x\n2,z\n3,y\n"),
    ]);
    let how = |classes: &[&str]| ReadOptions {
        test: Some(place.path("test.csv")),
        classes: classes.iter().map(ToString::to_string).collect(),
        ..ReadOptions::default()
    };
    let found = open(&place.path("train.csv"), &how(&["y", "x"]), None).unwrap();
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.dataset.test.labels.as_slice()),
        ("y x", &[1, 0][..])
    );
    assert_eq!((found.train_rows, found.test_rows), (vec![0, 1, 2, 3], vec![0, 2]));
    let text = open(&place.path("train.csv"), &how(&["q"]), None).unwrap_err().to_string();
    assert!(text.contains("has no class `q`; its classes are: x, y"), "{text}");
    let text = open(&place.path("train.csv"), &how(&["x", "x"]), None).unwrap_err().to_string();
    assert!(text.contains("`x` is named twice"), "{text}");
    let how = ReadOptions { classes: vec!["3".into(), "7".into()], ..ReadOptions::default() };
    let digits = open(Path::new("digits"), &how, None).unwrap();
    assert_eq!((digits.dataset.name.as_str(), digits.dataset.classes.len()), ("digits", 2));
    let map = [("z".to_owned(), "y".to_owned())].into();
    let how = ReadOptions { map, ..ReadOptions::default() };
    assert_eq!(classes(&read(&place.path("test.csv"), &how, None).unwrap()), ["x", "y", "y"]);
}
