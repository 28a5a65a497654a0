//! What a learner remembers of its first data holds for later data: what contradicts it is refused,
//! what it leaves open it decides.

use perennial_data::{
    Decimal, InputSpec, Layout, Normalise, ReadOptions, Scale, Values, open, read, read_unlabelled,
};

use crate::files::{images, labels, put};
use crate::own::{as_floats, grey, npy, zip};
use crate::place::{Place, classes, label, later, notes, with};

/// A learner of an older version, taught by a table with `--white 16`, knows bytes and columns.
/// Catches: floats read for it, so that none of its data fit any more.
#[test]
fn bytes_of_an_older_learner_stay_bytes() {
    let place = Place::with(&[("t.csv", "a,b,label\n0,16,x\n8,4,y\n")]);
    let columns = ["a", "b"].map(String::from);
    let known = InputSpec::of_older([1, 1, 2], Some(16), &columns);
    let bytes = Values::Bytes { pixels: vec![0, 16, 8, 4], white: 16 };
    for scale in [None, Some(Scale::Divide(16))] {
        let found =
            later(&place, "t.csv", &ReadOptions { scale, ..ReadOptions::default() }, &known)
                .unwrap();
        assert_eq!(found.values, bytes);
    }
    let other = ReadOptions { scale: Some(Scale::Divide(255)), ..ReadOptions::default() };
    let text = later(&place, "t.csv", &other, &known).unwrap_err();
    assert!(text.contains("bytes of which 255 is read as 1, those"), "{text}");
    let floats = InputSpec::of_older([1, 1, 2], None, &columns);
    assert_eq!(
        as_floats(&later(&place, "t.csv", &ReadOptions::default(), &floats).unwrap().values).len(),
        4
    );
}

/// Catches: a list whose label is guessed anew for each later list.
#[test]
fn the_label_of_a_list_of_images() {
    let place = Place::with(&[
        (
            "list.csv",
            "path,kind,colour\n1.png,cat,red\n2.png,dog,red\n3.png,cat,blue\n4.png,dog,red\n",
        ),
        ("turned.csv", "colour,path,kind\nred,1.png,cat\n"),
        ("bare.csv", "path,colour\n1.png,red\n"),
        ("nan.csv", "path,kind\n1.png,cat\n2.png,NA\n"),
    ]);
    (1..=4).for_each(|shade| put(place.0.path(), &format!("{shade}.png"), &grey(2, 2, shade)));
    let known = with(&place, "list.csv", &label("kind")).spec;
    assert_eq!(
        classes(&later(&place, "turned.csv", &ReadOptions::default(), &known).unwrap()),
        ["cat"]
    );
    let found = later(&place, "nan.csv", &ReadOptions::default(), &known).unwrap();
    assert_eq!(found.understanding.left_out[0].to_string(), "1 row without a label (line 3)");
    assert_eq!(later(&place, "bare.csv", &ReadOptions::default(), &known).unwrap().labels, None);
    let text = open(&place.path("bare.csv"), &ReadOptions::default(), Some(&known))
        .unwrap_err()
        .to_string();
    assert!(text.contains("lacks the column `kind` that holds them"), "{text}");
    let text = later(&place, "list.csv", &label("colour"), &known).unwrap_err();
    assert!(text.contains("--label colour contradicts") && text.contains("with, kind"), "{text}");
}

/// Catches: another label, or other columns, taken silently where one side has no names.
#[test]
fn what_is_asked_for_later_may_not_contradict() {
    let place = Place::with(&[
        ("bare.csv", "1,2,3,x\n1,3,3,x\n9,9,3,y\n9,8,3,y\n"),
        ("t.csv", "a,b,c,kind\n1,2,3,x\n1,3,3,x\n9,9,3,y\n9,8,3,y\n"),
    ]);
    let columns = |names: [&str; 2]| ReadOptions {
        columns: names.map(String::from).into(),
        label: Some("4".into()),
        ..ReadOptions::default()
    };
    let known = with(&place, "bare.csv", &columns(["1", "2"])).spec;
    let text = later(&place, "bare.csv", &label("3"), &known).unwrap_err();
    assert!(text.contains("--label 3 contradicts") && text.contains("with, 4"), "{text}");
    assert!(later(&place, "bare.csv", &label("4"), &known).is_ok());
    assert!(later(&place, "bare.csv", &columns(["2", "1"]), &known).is_ok());
    let text = later(&place, "bare.csv", &columns(["1", "3"]), &known).unwrap_err();
    assert!(text.contains("--columns 1, 3 contradicts") && text.contains("with, 1, 2"), "{text}");
    let ignore = ReadOptions { ignore: vec!["1".into()], ..ReadOptions::default() };
    let text = later(&place, "bare.csv", &ignore, &known).unwrap_err();
    assert!(text.contains("lacks the column `1`"), "{text}");
    let known = with(&place, "t.csv", &columns(["a", "b"])).spec;
    assert!(later(&place, "t.csv", &columns(["a", "b"]), &known).is_ok());
    let text = later(&place, "t.csv", &columns(["a", "c"]), &known).unwrap_err();
    assert!(text.contains("--columns a, c contradicts"), "{text}");
}

/// Catches: a value that is called like a label, or like a column, taken for a name.
#[test]
fn a_value_that_is_a_usual_name_makes_no_header() {
    let place = Place::with(&[
        ("votes.csv", "y,1,a\nn,2,a\ny,3,b\nn,4,b\n"),
        ("mushrooms.csv", "e,x,s\np,x,y\ne,b,s\np,b,y\ne,x,y\n"),
        ("t.csv", "a,vote\n1,y\n2,n\n3,y\n4,n\n"),
        ("later.csv", "5,y\n6,n\n7,y\n"),
        ("renamed.csv", "A,B\n1,2\n3,4\n"),
        ("kinds.csv", "colour,size,label\nred,big,x\nblue,big,x\nred,small,y\nblue,big,y\n"),
        ("other.csv", "C,D\nred,big\nblue,small\n"),
        ("row.csv", "red,small\n"),
    ]);
    for (name, rows) in [("votes.csv", 4), ("mushrooms.csv", 5)] {
        let found = read(&place.path(name), &ReadOptions::default(), None).unwrap();
        assert_eq!((found.names.len(), found.spec.named), (rows, false), "{name}");
    }
    let known = place.open("t.csv").spec;
    let found = later(&place, "later.csv", &ReadOptions::default(), &known).unwrap();
    assert_eq!((found.names.len(), classes(&found)), (3, vec!["y", "n", "y"]));
    let text = later(&place, "renamed.csv", &ReadOptions::default(), &known).unwrap_err();
    assert!(text.contains("lacks the column `a` and has the columns `A`, `B`"), "{text}");
    let known = place.open("kinds.csv").spec;
    let text = later(&place, "other.csv", &ReadOptions::default(), &known).unwrap_err();
    assert!(text.contains("has the columns `C`, `D`"), "{text}");
    let found = later(&place, "row.csv", &ReadOptions::default(), &known).unwrap();
    assert_eq!(as_floats(&found.values), [0.0, 1.0, 0.0, 1.0]); // blue red, big small
}

/// Catches: `3.0` beside the known classes `1` and `2`, and names that must be given as stripped.
#[test]
fn names_that_lost_their_point_zero_lose_it_later() {
    let place = Place::with(&[
        ("one.csv", "a,label\n1,1.0\n2,1.0\n3,2.0\n4,2.0\n"),
        ("two.csv", "a,label\n1,3.0\n2,3.0\n3,4.0\n4,4\n"),
        ("text.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n"),
    ]);
    let first = place.open("one.csv");
    assert_eq!(first.dataset.classes, ["1", "2"]);
    let second = open(&place.path("two.csv"), &ReadOptions::default(), Some(&first.spec)).unwrap();
    assert_eq!((second.dataset.classes.join(" ").as_str(), second.spec.point_zero), ("3 4", true));
    let map = |here: &str| ReadOptions {
        map: [(here.into(), "7".into())].into(),
        ..ReadOptions::default()
    };
    for here in ["1.0", "1"] {
        assert_eq!(with(&place, "one.csv", &map(here)).dataset.classes, ["2", "7"], "{here}");
    }
    let how = ReadOptions { classes: vec!["2.0".into()], ..ReadOptions::default() };
    assert_eq!(with(&place, "one.csv", &how).dataset.classes, ["2"]);
    // Of a learner of texts, they stay as they are written.
    let known = place.open("text.csv").spec;
    let second = open(&place.path("two.csv"), &ReadOptions::default(), Some(&known)).unwrap();
    assert_eq!(second.dataset.classes, ["3.0", "4", "4.0"]);
}

/// Catches: rows to be answered that are left out because their label is missing.
#[test]
fn rows_to_be_answered_need_no_labels() {
    let place = Place::with(&[
        ("t.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n"),
        ("open.csv", "a,label\n5,\n6,?\n7,x\n"),
    ]);
    let known = place.open("t.csv").spec;
    let found =
        read_unlabelled(&place.path("open.csv"), &ReadOptions::default(), Some(&known)).unwrap();
    assert_eq!((as_floats(&found.values), found.labels), (&[5.0, 6.0, 7.0][..], None));
    let said = found.understanding.notes.join("; ");
    assert!(said.contains("column `label` holds labels, which are not looked at"), "{said}");
    // To be judged by, they do.
    let found = later(&place, "open.csv", &ReadOptions::default(), &known).unwrap();
    assert_eq!(found.names, ["line 4"]);
    let mut archive = vec![("x.npy", npy("<f4", false, "(1, 1)", &5_f32.to_le_bytes()))];
    archive.push(("y.npy", npy("<f4", false, "(1,)", &f32::NAN.to_le_bytes())));
    put(place.0.path(), "a.npz", &zip(&archive, false));
    let found = read_unlabelled(&place.path("a.npz"), &ReadOptions::default(), None).unwrap();
    assert_eq!((as_floats(&found.values), found.labels), (&[5.0][..], None));
}

/// Catches: an id that is remembered as the number `1`, which is another column elsewhere.
#[test]
fn ids_and_groups_are_columns_and_not_what_was_typed() {
    let place = Place::with(&[
        ("t.csv", "who,clinic,a,label\np1,c1,1,x\np2,c2,2,x\np3,c3,3,y\np4,c4,4,y\n"),
        ("turned.csv", "a,who\n5,p9\n"),
        ("bare.csv", "5,6\n"),
    ]);
    let how =
        ReadOptions { id: Some("1".into()), group: Some("2".into()), ..ReadOptions::default() };
    let known = with(&place, "t.csv", &how).spec;
    let found = later(&place, "turned.csv", &ReadOptions::default(), &known).unwrap();
    let ids = found.ids.unwrap();
    assert_eq!((ids.column.as_str(), ids.rows.join(" ").as_str()), ("who", "p9"));
    assert_eq!(as_floats(&found.values), [5.0]);
    let other = ReadOptions { id: Some("clinic".into()), ..ReadOptions::default() };
    let text = later(&place, "t.csv", &other, &known).unwrap_err();
    assert!(text.contains("--id clinic contradicts") && text.contains("with, who"), "{text}");
    // One that is asked for must be there.
    let asked = ReadOptions { id: Some("who".into()), ..ReadOptions::default() };
    let text = later(&place, "bare.csv", &asked, &known).unwrap_err();
    assert!(text.contains("has no column `who`"), "{text}");
    // An id may be asked for later: it may not be an input.
    let known = place.open("t.csv").spec;
    let text = later(
        &place,
        "t.csv",
        &ReadOptions { id: Some("a".into()), ..ReadOptions::default() },
        &known,
    );
    assert!(text.unwrap_err().contains("column `a` of"));
}

/// Catches: a decimal comma that is asked about for each task, or that forbids a table of points; a
/// layout that is asked about again.
#[test]
fn what_is_open_later_is_decided_as_at_first() {
    let place = Place::with(&[
        ("comma.csv", "a;b;label\n1,5;2,5;x\n1,5;3,5;x\n9,5;9,5;y\n9,5;8,5;y\n"),
        ("point.csv", "a,b,label\n1.5,2.5,x\n"),
        ("quoted.csv", "a,b,label\n\"1,5\",\"2,5\",x\n"),
        ("one/list.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n"),
        ("two/list.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n"),
    ]);
    let how = ReadOptions { decimal: Some(Decimal::Comma), ..ReadOptions::default() };
    let known = with(&place, "comma.csv", &how).spec;
    for name in ["comma.csv", "point.csv", "quoted.csv"] {
        let found = later(&place, name, &ReadOptions::default(), &known).unwrap();
        assert_eq!(as_floats(&found.values)[..2], [1.5, 2.5], "{name}");
    }
    // Quoted numbers leave the comma to divide fields, at first, too.
    let found = read(&place.path("quoted.csv"), &how, None).unwrap();
    assert_eq!((as_floats(&found.values), found.classes), (&[1.5, 2.5][..], vec!["x".to_owned()]));
    for folder in ["one", "two"] {
        put(place.0.path(), &format!("{folder}/more/1.png"), &grey(2, 2, 1));
    }
    let how = ReadOptions { layout: Some(Layout::Table), ..ReadOptions::default() };
    let known = with(&place, "one", &how).spec;
    assert_eq!(later(&place, "two", &ReadOptions::default(), &known).unwrap().names.len(), 4);
    assert!(
        later(
            &place,
            "two",
            &ReadOptions::default(),
            &InputSpec { asked: ReadOptions::default(), ..known }
        )
        .is_err()
    );
}

/// Catches: two columns of one name of which the second is lost.
#[test]
fn columns_of_one_name_are_told_apart() {
    let place = Place::with(&[("t.csv", "a,a,a.1,label\n1,2,3,x\n1,3,3,x\n9,9,3,y\n9,8,3,y\n")]);
    let found = place.open("t.csv");
    assert_eq!(found.understanding.columns, ["a", "a.2", "a.1"]);
    assert!(notes(&found).contains("get numbers: a.2"), "{}", notes(&found));
    let again = later(&place, "t.csv", &ReadOptions::default(), &found.spec).unwrap();
    assert_eq!(as_floats(&again.values)[..3], [1.0, 2.0, 3.0]);
}

/// Catches: classes of folders in the order of their bytes where arrays have that of numbers.
#[test]
fn folders_and_arrays_number_their_classes_alike() {
    let place = Place::with(&[]);
    for class in 0..12_u8 {
        for copy in 0..2 {
            let name = format!("folders/{class}/{copy}.png");
            put(place.0.path(), &name, &grey(2, 2, 2 * class + copy));
        }
    }
    let pixels: Vec<u8> = (0..24).flat_map(|shade| [shade; 4]).collect();
    let labels: Vec<u8> = (0..24).map(|row| row / 2).collect();
    let x = npy("|u1", false, "(24, 1, 2, 2)", &pixels);
    put(
        place.0.path(),
        "a.npz",
        &zip(&[("x.npy", x), ("y.npy", npy("|u1", false, "(24,)", &labels))], false),
    );
    let (folders, arrays) = (place.open("folders").dataset, place.open("a.npz").dataset);
    assert_eq!(folders.classes, arrays.classes);
    // A folder's rows come in the order of names; each shade is of the same class in both.
    for set in [&folders, &arrays] {
        for part in [&set.train, &set.test] {
            let shades = (0..part.len()).map(|row| u32::from(part.image(row).unwrap()[0]));
            assert!(shades.zip(&part.labels).all(|(shade, label)| shade / 2 == *label));
        }
    }
}

/// Catches: a set in a folder in a folder that is opened without a word.
#[test]
fn a_set_one_folder_deeper_is_said() {
    let place = Place::with(&[]);
    for (part, rows) in [("train", 4), ("t10k", 2)] {
        let pixels = vec![7; rows * 4];
        put(
            place.0.path(),
            &format!("up/mine/{part}-images-idx3-ubyte"),
            &images(rows as u32, 2, 2, &pixels),
        );
        put(place.0.path(), &format!("up/mine/{part}-labels-idx1-ubyte"), &labels(&vec![0; rows]));
    }
    let found = place.open("up");
    assert!(notes(&found).contains("looked one folder deeper, in"), "{}", notes(&found));
}

/// Images of two channels' worth of numbers, by hand. Catches: deviations of n − 1, bytes that are
/// not divided first, means of the later task.
#[test]
fn channels_are_standardised_by_the_first_task_or_as_given() {
    let place = Place::with(&[("t.csv", "a,label\n1,x\n2,x\n3,y\n4,y\n")]);
    for (class, shades) in [("a", [0, 255]), ("b", [255, 0])] {
        for shade in shades {
            put(place.0.path(), &format!("pets/{class}/{shade}.png"), &grey(1, 2, shade));
        }
    }
    let normalise =
        |normalise| ReadOptions { normalise: Some(normalise), ..ReadOptions::default() };
    let mut first = with(&place, "pets", &normalise(Normalise::First));
    // Taught are the black of both classes: constant, so that only the mean is taken away.
    let scaling = first.spec.scaling.clone().unwrap();
    assert_eq!((scaling.mean.as_slice(), scaling.deviation.as_slice()), (&[0.0][..], &[1.0][..]));
    let given = Normalise::Given { mean: vec![0.5], deviation: vec![0.25] };
    let mut found = with(&place, "pets", &normalise(given.clone()));
    let spec = found.spec.clone();
    found.scale_by(&spec);
    assert_eq!(as_floats(&found.dataset.train.values), [-2.0; 4]);
    assert_eq!(as_floats(&found.dataset.test.values), [2.0; 4]);
    let spec = first.spec.clone();
    first.scale_by(&spec);
    assert_eq!(as_floats(&first.dataset.test.values), [1.0; 4]);
    let text = place.refused("t.csv", &normalise(Normalise::First));
    assert!(text.contains("--normalise is for images"), "{text}");
    let three = Normalise::Given { mean: vec![0.5; 3], deviation: vec![0.25; 3] };
    let text = place.refused("pets", &normalise(three));
    assert!(text.contains("gives 3 channels") && text.contains("have 1"), "{text}");
    // Later it is the learner's.
    let text =
        open(&place.path("pets"), &normalise(given), Some(&first.spec)).unwrap_err().to_string();
    assert!(
        text.contains("--normalise 0.5/0.25 contradicts") && text.contains("with, first"),
        "{text}"
    );
}

/// A table of numbers of which all are different. Catches: the refusal to set rows apart, which
/// would come first and say nothing of the reason.
#[test]
fn measured_numbers_are_no_classes() {
    let rows: String = (0..60).map(|i| format!("{i},{}\n", 151 + 7 * i)).collect();
    let place = Place::with(&[("d.csv", &format!("bmi,progression\n{rows}"))]);
    let text = place.refused("d.csv", &ReadOptions::default());
    assert!(text.contains("60 different numbers in 60 rows"), "{text}");
}
