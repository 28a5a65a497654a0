use std::path::Path;

use perennial_data::ErrorKind;

use super::*;
use crate::scenario::{List, ScenarioError, Setting, Values};

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
fn classes_of_different_data_are_different_classes() {
    let entry = |data: &str| format!("[[task]]\nname = \"{data}\"\ndata = \"{data}\"\n");
    let list: List = toml::from_str(&["b", "a", "b"].map(entry).concat()).unwrap();
    let mut asked = Vec::new();
    let load = |data: &str| {
        asked.push(data.to_string());
        Ok(toy(10, if data == "a" { 3 } else { 2 }))
    };
    let stream = list.stream("two", load, &Options::default(), 0).unwrap();
    assert_eq!(asked, ["b", "a"]);
    assert_eq!(stream.class_names, ["b/class0", "b/class1", "a/class0", "a/class1", "a/class2"]);
    let classes: Vec<_> = stream.tasks.iter().map(|task| task.classes.as_slice()).collect();
    assert_eq!(classes, [&[0, 1][..], &[2, 3, 4], &[0, 1]]);
    assert!(stream.check(Setting::Class).is_ok());
}

#[test]
fn a_mistake_in_a_file_is_named_with_its_line() {
    let unknown = load("[[task]]\nname = \"a\"\ndata = \"digits\"\nrotat = 3\n", &tasks(1));
    let message = unknown.unwrap_err().to_string();
    assert!(
        message.ends_with(
            "mine.toml, line 4: unknown field `rotat`, expected one of `name`, `data`, `classes`, `permute`, `rotate`"
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
    let load = |data: &str| Ok(if data == "a" { toy(10, 2) } else { picture([1, 1, 6], &[0; 6]) });
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

/// Rows of floats go through the transforms as bytes do, and are never rounded to them.
#[test]
fn data_of_your_own_beside_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("own.csv", "a,b,label\n1.5,-2,x\n2.5,300,y\n3.5,0,x\n4.5,7,y\n");
    put(
        "tasks.toml",
        "[[task]]\nname = 'up'\ndata = 'own.csv'\n[[task]]\nname = 'low'\ndata = 'own.csv'\nclasses = ['y']\npermute = 3\n",
    );
    let load = || List::load(&folder.path().join("tasks.toml"), None, &Options::default(), 0);
    let stream = load().unwrap();
    assert_eq!(
        (stream.shape, stream.class_names.clone()),
        ([1, 1, 2], vec!["x".into(), "y".into()])
    );
    let values = |task: usize, part| stream.tasks[task].load(part).values().clone();
    assert!(values(0, Part::Train) == Values::Floats(vec![1.5, -2.0, 2.5, 300.0]));
    assert!(values(0, Part::Test) == Values::Floats(vec![3.5, 0.0, 4.5, 7.0]));
    let Values::Floats(permuted) = values(1, Part::Train) else { panic!("floats stay floats") };
    assert!(permuted == [2.5, 300.0] || permuted == [300.0, 2.5]);

    put("own.csv", "a,b,label\n1.5,,x\n2.5,300,y\n3.5,0,x\n4.5,7,y\n5.5,1,x\n");
    let error = load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert!(
        error
            .to_string()
            .contains("own cannot be taken as it is: 1 row without a value in column `b` (line 2)"),
        "{error}"
    );
}
