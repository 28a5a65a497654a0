use std::path::Path;

use perennial_data::{ErrorKind, InputSpec, Opened, Scaling};

use super::*;
use crate::scenario::{Entry, List, ScenarioError, Setting, Values};

/// Data in memory.
fn of(dataset: &Dataset) -> Opened {
    Opened::of(Dataset::clone(dataset))
}

/// Writes a list and loads its stream.
fn load(text: &str, options: &Options) -> Result<Stream, ScenarioError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text).unwrap();
    List::load(&path, None, options, 0)
}

const MINE: &str = r#"
[[task]]
name = "upright"
data = "digits"

[[task]]
name = "some"
data = "digits"
classes = [7, "2"]
permute = 5

[[task]]
name = "same permutation"
data = "digits"
permute = 5

[[task]]
name = "half turn"
data = "digits"
rotate = 180
"#;

#[test]
fn a_file_lists_tasks() {
    let digits = perennial_data::digits().unwrap();
    let stream = load(MINE, &Options::default()).unwrap();
    assert_eq!((stream.name.as_str(), stream.shape), ("mine", [1, 8, 8]));
    assert_eq!(stream.class_names, digits.classes);
    let [upright, some, same, half] = [0, 1, 2, 3].map(|i: usize| &stream.tasks[i]);
    assert_eq!((some.name.as_str(), &some.classes), ("some", &vec![7, 2]));

    let images = |task: &Task| {
        let samples = task.load(Part::Test);
        let read = |i| {
            let mut values = Vec::new();
            samples.append_row(i, &mut values);
            (samples.id(i), values)
        };
        (0..samples.len()).map(read).collect::<Vec<_>>()
    };
    let (upright, some, same, half) = (images(upright), images(some), images(same), images(half));
    assert_eq!(upright.len(), digits.test.len());
    assert!(some.iter().all(|(id, values)| same[*id as usize].1 == *values));
    assert!(some.iter().any(|(id, values)| upright[*id as usize].1 != *values));
    for ((_, upright), (_, half)) in upright.iter().zip(&half) {
        assert!(upright.iter().rev().eq(half));
    }
}

#[test]
fn fewer_tasks_can_be_asked_for_but_not_more() {
    assert_eq!(load(MINE, &tasks(2)).unwrap().tasks.len(), 2);
    let error = load(MINE, &tasks(5)).unwrap_err().to_string();
    assert_eq!(
        error,
        "5 tasks were asked for, but mine lists 4; ask for fewer, or leave out the number of tasks"
    );
}

#[test]
fn classes_of_one_name_are_one_class_whichever_data_they_are_in() {
    let entry = |data: &str| format!("[[task]]\nname = \"{data}\"\ndata = \"{data}\"\n");
    let list: List = toml::from_str(&["b", "a", "b"].map(entry).concat()).unwrap();
    let mut asked = Vec::new();
    let load = |entry: &Entry, _: Option<&InputSpec>| {
        asked.push(entry.data.clone());
        Ok(of(&toy(10, if entry.data == "a" { 3 } else { 2 })))
    };
    let stream = list.stream("two", load, &Options::default(), 0).unwrap();
    assert_eq!(asked, ["b", "a"]);
    assert_eq!(stream.class_names, ["class0", "class1", "class2"]);
    let classes: Vec<_> = stream.tasks.iter().map(|task| task.classes.as_slice()).collect();
    assert_eq!(classes, [&[0, 1][..], &[0, 1, 2], &[0, 1]]);
    assert!(stream.check(Setting::Class).is_ok());
}

#[test]
fn a_mistake_in_a_file_is_named_with_its_line() {
    let unknown = load("[[task]]\nname = \"a\"\ndata = \"digits\"\nrotat = 3\n", &tasks(1));
    let message = unknown.unwrap_err().to_string();
    assert!(
        message.ends_with(
            "mine.toml, line 4: unknown field `rotat`, expected one of `name`, `data`, `classes`, `permute`, `rotate`, `unlabelled`, `test`, `label`, `labels`, `map`, `columns`, `ignore`, `id`, `group`, `header`, `decimal`, `layout`, `scale`, `clip`, `normalise`, `resize`, `channels`"
        ),
        "{message}"
    );
    let kind = |text: &str| load(text, &Options::default()).unwrap_err().kind();
    assert_eq!(kind("[[task]]\nname = 3\n"), ErrorKind::BadData);
    assert_eq!(kind("[[tasks]]\n"), ErrorKind::BadData);
    let head = "[[task]]\nname = \"a\"\ndata = ";
    assert_eq!(kind(&format!("{head}\"digits\"\npermute = 1\nrotate = 1")), ErrorKind::BadData);
    assert_eq!(kind(&format!("{head}\"digit\"")), ErrorKind::Usage);
    let no_folder = load(&format!("{head}\"no/such/folder\""), &tasks(1)).unwrap_err();
    assert_eq!(no_folder.kind(), ErrorKind::Missing);
    let beside = std::env::temp_dir(); // where the list of this test lies
    assert!(no_folder.to_string().starts_with(&beside.display().to_string()), "{no_folder}");
    assert_eq!(kind(""), ErrorKind::Usage);
    let absent = List::load(Path::new("no-such-file.toml"), None, &tasks(1), 0).unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::Missing);
    assert!(absent.to_string().starts_with("cannot read the list of tasks no-such-file.toml: "));
}

#[test]
fn images_of_different_shapes_are_refused() {
    let entry = |data: &str| format!("[[task]]\nname = \"{data}\"\ndata = \"{data}\"\n");
    let list: List = toml::from_str(&["a", "b"].map(entry).concat()).unwrap();
    let (toy, picture) = (toy(10, 2), picture([1, 1, 6], &[0; 6]));
    let load = |entry: &Entry, _: Option<&InputSpec>| {
        Ok(of(if entry.data == "a" { &toy } else { &picture }))
    };
    let error = list.stream("two", load, &Options::default(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `b` has images of shape [1, 1, 6], but the first task of [1, 2, 3] (channels, height, width); all tasks of a stream need the same shape"
    );
}

#[test]
fn tasks_of_ones_own_rows_are_a_stream() {
    let samples = |rows: usize| {
        let values = Values::Floats((0..rows * 2).map(|i| i as f32 / 2.0).collect());
        Samples::new(values, 2, vec![1; rows], (0..rows as u64).collect()).unwrap()
    };
    let task = |name, classes| {
        Task::from_samples(name, classes, samples(3), samples(0), samples(2)).unwrap()
    };
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let tasks = vec![task("one", vec![0, 1]), task("two", vec![1, 2])];
    let stream = Stream::from_tasks("mine", [1, 1, 2], names, tasks).unwrap();
    let two = &stream.tasks[1];
    let parts = [Part::Train, Part::Validation, Part::Test];
    assert_eq!(parts.map(|part| two.rows(part)), [3, 0, 2]);
    let mut row = Vec::new();
    two.load(Part::Train).append_row(2, &mut row);
    assert_eq!(row, [2.0, 2.5]);
}

/// A folder with files of these names and texts, and a list.
fn beside(files: &[(&str, &str)]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let list = folder.path().join("tasks.toml");
    (folder, list)
}

fn loaded(list: &Path) -> Result<Stream, ScenarioError> {
    List::load(list, None, &Options::default(), 0)
}

/// Rows of floats go through the transforms as bytes do, and are never rounded to them.
#[test]
fn data_of_your_own_beside_the_list() {
    let text = "[[task]]\nname = 'up'\ndata = 'own.csv'\nscale = 'none'\n[[task]]\nname = 'low'\n\
                data = 'own.csv'\nscale = 'none'\nclasses = ['y']\npermute = 3\n";
    let own = "a,b,label\n1.5,-2,x\n2.5,300,y\n3.5,0,x\n4.5,7,y\n5.5,,x\n";
    let (_folder, list) = beside(&[("own.csv", own), ("tasks.toml", text)]);
    let stream = loaded(&list).unwrap();
    assert_eq!(
        (stream.shape, stream.class_names.clone()),
        ([1, 1, 2], vec!["x".into(), "y".into()])
    );
    let values = |task: usize, part| stream.tasks[task].load(part).values().clone();
    assert!(values(0, Part::Train) == Values::Floats(vec![1.5, -2.0, 2.5, 300.0]));
    assert!(values(0, Part::Test) == Values::Floats(vec![3.5, 0.0, 4.5, 7.0]));
    let Values::Floats(permuted) = values(1, Part::Train) else { panic!("floats stay floats") };
    assert!(permuted == [2.5, 300.0] || permuted == [300.0, 2.5]);
    // What was left out is said; both tasks are of one reading.
    let [understood] = &stream.understood[..] else { panic!("{:?}", stream.understood) };
    let left_out = understood.left_out[0].to_string();
    assert_eq!(left_out, "1 row without a value in column `b` (line 6)");
}

/// The first task holds the class x alone: 0 and 2 have mean 1 and deviation 1. Catches: columns
/// standardised by rows of tasks to come, or by each task's own.
#[test]
fn columns_are_standardised_by_the_first_task() {
    let text = "[[task]]\nname = 'x'\ndata = 'own.csv'\nclasses = ['x']\n[[task]]\nname = 'y'\n\
                data = 'own.csv'\nclasses = ['y']\n[[task]]\nname = 'more'\ndata = 'more.csv'\n\
                classes = ['y']\n";
    let own = "a,label\n0,x\n2,x\n4,x\n9,y\n11,y\n10,y\n";
    let more = "a,label\n3,y\n5,y\n4,y\n";
    let (_folder, list) = beside(&[("own.csv", own), ("more.csv", more), ("tasks.toml", text)]);
    let stream = loaded(&list).unwrap();
    let values = |task: usize| stream.tasks[task].load(Part::Train).values().clone();
    assert!(values(0) == Values::Floats(vec![-1.0, 1.0]));
    assert!(values(1) == Values::Floats(vec![5.0, 5.0])); // 8 and 10, clipped
    assert!(values(2) == Values::Floats(vec![2.0, 4.0]));
    assert_eq!(stream.tasks[1].classes, stream.tasks[2].classes);
}

/// Catches: a division by no rows, or rows that are gathered before their number is checked.
#[test]
fn a_first_task_without_rows_to_standardise_by_is_refused() {
    let list: List = toml::from_str("[[task]]\nname = 'a'\ndata = 'a'\n").unwrap();
    let refused = |values: Vec<f32>, labels: Vec<u32>| {
        let part = |values, labels| perennial_data::Part { values: Values::Floats(values), labels };
        let mut opened = Opened::of(Dataset {
            name: "a".into(),
            shape: [1, 1, 1],
            classes: vec!["x".into()],
            train: part(values, labels),
            validation: None,
            test: part(vec![1.0], vec![0]),
        });
        let scaling = Scaling { mean: vec![0.0], deviation: vec![1.0], clip: None };
        opened.spec.scaling = Some(scaling);
        let load = |_: &Entry, _: Option<&InputSpec>| Ok(opened.clone());
        list.stream("list", load, &Options::default(), 0).unwrap_err().to_string()
    };
    let said = refused(vec![], vec![]);
    assert!(said.contains("task `a` has no training rows"), "{said}");
    let said = refused(vec![1.0], vec![0, 0]);
    assert!(said.contains("has 1 values for 2 rows of 1"), "{said}");
}

/// Catches: options that a list cannot say, or that are read for one task and used for another.
#[test]
fn a_list_says_how_its_data_are_read() {
    let text = "[[task]]\nname = 'a'\ndata = 'a.csv'\nlabel = 'kind'\nscale = 16\n[[task]]\n\
                name = 'b'\ndata = 'b.csv'\ntest = 'test.csv'\nmap = { z = 'x' }\n";
    let a = "kind,v\nx,0\nx,16\ny,8\ny,4\n";
    let b = "kind,v\nz,1\nz,2\ny,3\n";
    let test = "kind,v\nz,16\n";
    let files = [("a.csv", a), ("b.csv", b), ("test.csv", test), ("tasks.toml", text)];
    let (_folder, list) = beside(&files);
    let stream = loaded(&list).unwrap();
    assert_eq!(stream.class_names, ["x", "y"]);
    let b = stream.tasks[1].load(Part::Test);
    assert!(*b.values() == Values::Bytes { pixels: vec![16], white: 16 });
    assert!(stream.check(Setting::Domain).is_ok());
    let floats = "kind,v\nx,0.5\nx,1.5\ny,8\ny,4\n";
    let (_folder, list) =
        beside(&[("a.csv", a), ("b.csv", floats), ("test.csv", test), ("tasks.toml", text)]);
    let error = loaded(&list).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
}

/// Catches: a class that is taken for another without a word, or by its own task's rule of names.
#[test]
fn classes_that_are_spelled_otherwise_are_said() {
    let text = "[[task]]\nname = 'a'\ndata = 'a.csv'\n[[task]]\nname = 'b'\ndata = 'b.csv'\n";
    let loaded = |text: &str| {
        let (a, b) = ("v,label\n1,x\n2,x\n3,y\n4,y\n", "v,label\n1,X\n2,X\n3,y\n4,y\n");
        let (_folder, list) = beside(&[("a.csv", a), ("b.csv", b), ("tasks.toml", text)]);
        loaded(&list).unwrap()
    };
    let stream = loaded(text);
    assert_eq!(stream.class_names, ["x", "y"]);
    let said = stream.understood[1].notes.join("; ");
    assert!(said.contains("`X` is taken for the known class `x`"), "{said}");
    let exact = text.replacen("'a.csv'\n", "'a.csv'\nlabels = 'exact'\n", 1);
    assert_eq!(loaded(&exact).class_names, ["x", "y", "X"]);
}

/// Catches: a class with two outputs in one head.
#[test]
fn tasks_of_one_head_share_all_their_classes_or_none() {
    let list = |b: &str, more: &str| {
        let text = format!(
            "[[task]]\nname = 'a'\ndata = 'a.csv'\n[[task]]\nname = 'b'\ndata = 'b.csv'\n{more}"
        );
        let a = "a,label\n1,x\n2,x\n5,y\n6,y\n";
        let (_folder, list) = beside(&[("a.csv", a), ("b.csv", b), ("tasks.toml", &text)]);
        loaded(&list).unwrap()
    };
    let some = list("a,label\n5,y\n6,y\n9,z\n8,z\n", "");
    let error = some.check(Setting::Domain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    let text = error.to_string();
    assert!(text.contains("`a` has the classes x, y, task `b` y, z"), "{text}");
    assert!(some.check(Setting::Class).is_ok());
    for more in
        ["a,label\n1,x\n2,x\n5,y\n6,y\n9,z\n8,z\n", "a,label\n1,p\n2,p\n5,q\n6,q\n9,r\n8,r\n"]
    {
        assert!(list(more, "").check(Setting::Domain).is_err(), "{more}");
    }
    let none = list("a,label\n5,p\n6,p\n9,q\n8,q\n", "");
    assert!(none.check(Setting::Domain).is_ok());
    // The same classes in another order are in the first task's.
    let same = list("a,label\n5,y\n6,y\n9,x\n8,x\n", "classes = ['y', 'x']\n");
    assert!(same.check(Setting::Domain).is_ok());
    assert_eq!(same.tasks[1].load(Part::Train).labels(), [1, 0]);
}
