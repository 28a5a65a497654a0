//! Every mistake a user can make gets its own sentence.

use perennial_data::ErrorKind;

use super::*;
use crate::scenario::Split;
use crate::scenario::{Angles, Benchmark, Order, Permuted, Rotated, ScenarioError, Setting};

fn told<T>(result: Result<T, ScenarioError>) -> String {
    let Err(error) = result else { panic!("was accepted") };
    assert_eq!(error.kind(), ErrorKind::Usage);
    error.to_string()
}

fn permuted(options: &Options) -> String {
    told(Permuted::default().stream(&toy(10, 2), options, 0))
}

fn split(classes: Option<usize>, tasks: Option<usize>, order: Order) -> String {
    let options = Options { tasks, ..Options::default() };
    told(Split { classes, order }.stream(&toy(40, 10), &options, 0))
}

fn order(words: &[&str]) -> Order {
    Order::Given(words.iter().map(ToString::to_string).collect())
}

#[test]
fn options() {
    let samples = |n| Options { samples_per_task: Some(n), ..Options::default() };
    let share = |validation| Options { validation, ..Options::default() };
    assert_eq!(permuted(&tasks(0)), "a stream of 0 tasks teaches nothing; ask for at least 1 task");
    for benchmark in Benchmark::all() {
        assert_eq!(
            told(benchmark.build(&toy(10, 2), &tasks(usize::MAX), 0)),
            format!(
                "{} tasks are too many: every task is evaluated after every other, so ask for at most 10000",
                usize::MAX
            )
        );
    }
    assert_eq!(
        permuted(&samples(0)),
        "0 samples a task leave nothing to learn from; ask for at least 1, or leave it out to take all"
    );
    assert_eq!(
        permuted(&samples(11)),
        "11 samples a task were asked for, but task `permutation 1` has 10; ask for at most 10"
    );
    for impossible in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            permuted(&share(impossible)),
            format!(
                "a validation share of {impossible} is impossible; it must be at least 0 and below 1"
            )
        );
    }
    assert_eq!(
        permuted(&share(0.99)),
        "a validation share of 0.99 leaves task `permutation 1` none of its 10 training rows to learn from; take a smaller share or more samples"
    );
    let one = Options { samples_per_task: Some(1), ..share(0.01) };
    assert_eq!(
        permuted(&one),
        "a validation share of 0.01 leaves task `permutation 1` none of its 1 training row to learn from; take a smaller share or more samples"
    );
}

#[test]
fn splits() {
    assert_eq!(
        split(Some(3), Some(4), Order::Natural),
        "4 tasks of 3 classes need more than the 10 classes of toy that may be used: they are enough for at most 3 tasks"
    );
    assert_eq!(
        split(None, Some(11), Order::Natural),
        "11 tasks of 1 class need more than the 10 classes of toy that may be used: they are enough for at most 10 tasks"
    );
    assert_eq!(
        split(Some(12), None, Order::Natural),
        "1 task of 12 classes needs more than the 10 classes of toy that may be used: they are enough for no task; ask for at most 10 classes"
    );
    assert_eq!(
        split(Some(2), Some(2), order(&["1", "2", "3"])),
        "2 tasks of 2 classes need more than the 3 classes of toy that may be used: they are enough for at most 1 task"
    );
    assert!(split(Some(usize::MAX), Some(2), Order::Natural).contains("at most 10 classes"));
    assert_eq!(
        split(Some(0), None, Order::Natural),
        "a task of 0 classes has nothing to learn; set split.classes to at least 1"
    );
    assert_eq!(
        split(None, Some(0), Order::Natural),
        "a stream of 0 tasks teaches nothing; ask for at least 1 task"
    );
    assert_eq!(
        split(None, Some(1), order(&["clas3"])),
        "toy has no class `clas3` (did you mean `class3`?); its classes are: class0, class1, class2, class3, class4, class5, class6, class7, class8, class9"
    );
    assert!(split(None, Some(1), order(&["10"])).starts_with("toy has no class `10`; its"));
    assert!(split(None, Some(1), order(&["-1"])).starts_with("toy has no class `-1`; its"));
    assert_eq!(
        split(None, Some(1), order(&["class3", "1", "3"])),
        "class `3` is listed twice; list each class once"
    );
}

#[test]
fn classes_without_rows() {
    // Of five classes, three training rows show 0, 1, 2 and the only test row 0.
    let missing = |classes| {
        let split = Split { classes: Some(1), order: order(&[classes]) };
        let error = split.stream(&toy(3, 5), &Options::default(), 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData);
        error.to_string()
    };
    assert_eq!(
        missing("3"),
        "task `class3` has no training rows; give it some, or choose other classes"
    );
    assert_eq!(
        missing("2"),
        "task `class2` has no test rows; give it some, or choose other classes"
    );
}

#[test]
fn angles() {
    let rotated = |angles: &[f64], options| {
        let rotated = Rotated { angles: Angles::Given(angles.to_vec()), ..Rotated::default() };
        told(rotated.stream(&toy(10, 2), &options, 0))
    };
    assert_eq!(
        rotated(&[0.0, 15.0], tasks(1)),
        "2 angles for 1 task; give one angle a task, or leave out the number of tasks"
    );
    assert_eq!(
        rotated(&[0.0, f64::NAN], tasks(2)),
        "nothing can be rotated by NaN degrees; give a finite number"
    );
    assert!(rotated(&[], Options::default()).starts_with("a stream of 0 tasks"));
    assert!(rotated(&[], tasks(2)).starts_with("0 angles for 2 tasks"));
}

#[test]
fn keys_and_values() {
    let set = |name: &str, key, value| told(Benchmark::parse(name).unwrap().0.set(key, value));
    assert_eq!(
        set("rotated-mnist", "angle", "3"),
        "the benchmark `rotated` has no setting `angle` (did you mean `angles`?); it has: angles, interpolation"
    );
    assert_eq!(
        set("rotated-mnist", "angles", "0,x"),
        "rotated.angles cannot be `0,x`: `x` is not an angle; give degrees such as 0,15,30, or `drawn`"
    );
    assert!(set("rotated-mnist", "angles", "NaN").contains("`NaN` is not an angle"));
    assert_eq!(
        set("permuted-mnist", "first", "same"),
        "permuted.first cannot be `same`: unknown variant `same`, expected `drawn` or `identity`"
    );
    for value in ["-2", "2.5", "null", "two"] {
        let problem = format!("split.classes cannot be `{value}`: ");
        assert!(set("split-mnist", "classes", value).starts_with(&problem));
    }
    assert_eq!(
        told("tasks".parse::<Setting>()),
        "there is no setting `tasks`; known are: task, domain, class"
    );
}

#[test]
fn settings_that_are_impossible() {
    let stream = Permuted::default().stream(&toy(20, 10), &tasks(3), 0).unwrap();
    assert_eq!(
        told(stream.check(Setting::Class)),
        "every task of permuted-toy has the same 10 classes, so a class-incremental head would never grow; use --setting domain or task"
    );
    let single = Split::default().stream(&toy(20, 10), &tasks(1), 0).unwrap();
    assert_eq!(
        told(single.check(Setting::Class)),
        "split-toy has a single task, so a class-incremental head would never grow; ask for more tasks, or use --setting domain or task"
    );
    let tasks = vec![own("one", vec![0, 1]), own("two", vec![3, 2]), own("three", vec![4, 5, 6])];
    let names = ["a", "b", "c", "d", "e", "f", "g"].map(String::from).to_vec();
    let uneven = Stream::from_tasks("mine", [1, 1, 1], names, tasks).unwrap();
    assert_eq!(
        told(uneven.check(Setting::Domain)),
        "task `three` of mine has 3 classes, but task `one` has 2 classes: a domain-incremental head is shared by all tasks and has one output for each class of any; use --setting task or class"
    );
    assert!(uneven.check(Setting::Class).is_ok());

    // The same classes in another order are the same classes.
    let tasks = vec![own("one", vec![0, 1]), own("two", vec![1, 0])];
    let names = ["a", "b"].map(String::from).to_vec();
    let turned = Stream::from_tasks("mine", [1, 1, 1], names, tasks).unwrap();
    assert!(told(turned.check(Setting::Class)).starts_with("every task of mine has the same 2"));
}

/// A task of one input a row.
fn own(name: &str, classes: Vec<u32>) -> Task {
    let samples = || Samples::new(Values::Floats(vec![0.5]), 1, vec![0], vec![0]).unwrap();
    Task::from_samples(name, classes, samples(), samples(), samples()).unwrap()
}

#[test]
fn rows_of_ones_own() {
    let new = |values, inputs, labels: &[u32], ids: &[u64]| {
        let Err(error) = Samples::new(values, inputs, labels.to_vec(), ids.to_vec()) else {
            panic!("was accepted")
        };
        assert_eq!(error.kind(), ErrorKind::BadData);
        error.to_string().replace("these samples do not fit together: ", "")
    };
    let floats = |n: usize| Values::Floats(vec![0.0; n]);
    assert_eq!(
        new(floats(5), 2, &[0, 0], &[0, 1]),
        "5 values where 2 labelled rows of 2 inputs ask for 2 × 2"
    );
    assert!(new(floats(2), usize::MAX, &[0, 0], &[0, 1]).starts_with("2 values where"));
    assert_eq!(new(floats(2), 2, &[0], &[]), "1 label and 0 ids; give one of each a row");
    assert!(new(floats(0), 0, &[0], &[0]).starts_with("a row has 0 inputs"));
    let nan = Values::Floats(vec![0.0, 1.0, f32::NAN]);
    assert_eq!(new(nan, 1, &[0; 3], &[0; 3]), "row 2 holds NaN; give finite numbers");
    let bright = Values::Bytes { pixels: vec![3, 17], white: 16 };
    assert_eq!(new(bright, 1, &[0; 2], &[0; 2]), "row 1 holds 17, above white = 16");
    let dark = Values::Bytes { pixels: vec![0], white: 0 };
    assert!(new(dark, 1, &[0], &[0]).starts_with("white is 0"));
}

#[test]
fn tasks_of_ones_own() {
    let samples = |rows: usize, inputs: usize| {
        let values = Values::Floats(vec![0.0; rows * inputs]);
        Samples::new(values, inputs, vec![1; rows], vec![0; rows]).unwrap()
    };
    let task = |classes, [train, validation, test]: [(usize, usize); 3]| {
        let [train, validation, test] =
            [train, validation, test].map(|(rows, inputs)| samples(rows, inputs));
        let made = Task::from_samples("t", classes, train, validation, test);
        made.map_err(|error| error.to_string())
    };
    let refused = |classes, parts| task(classes, parts).unwrap_err();
    assert!(task(vec![0, 1], [(1, 2), (0, 2), (1, 2)]).is_ok());
    assert_eq!(
        refused(vec![0, 1], [(0, 2), (0, 2), (1, 2)]),
        "task `t` has no training rows; give it some, or choose other classes"
    );
    assert!(refused(vec![0, 1], [(1, 2), (0, 2), (0, 2)]).contains("no test rows"));
    assert_eq!(
        refused(vec![0, 1], [(1, 2), (0, 2), (1, 1)]),
        "the test rows of task `t` have 1 input, but its training rows 2; they must be equal"
    );
    assert_eq!(
        refused(vec![0], [(1, 2), (0, 2), (1, 2)]),
        "training row 0 of task `t` has label 1, but the task has 1 class; labels are indices into its classes"
    );

    let names = || vec!["a".into(), "b".into()];
    let stream = |shape, tasks| told(Stream::from_tasks("mine", shape, names(), tasks));
    assert!(stream([1, 1, 1], vec![]).starts_with("a stream of 0 tasks"));
    assert_eq!(
        stream([1, 1, 1], vec![own("t", vec![1, 2])]),
        "task `t` has class 2, but the stream names 2 classes; name every class"
    );
    assert_eq!(
        stream([1, 1, 1], vec![own("t", vec![1, 1])]),
        "class `b` is listed twice; list each class once"
    );
    assert_eq!(
        stream([1, 2, 1], vec![own("t", vec![1])]),
        "task `t` has 1 input a row, but the stream's shape is [1, 2, 1]; all tasks of a stream need the same inputs"
    );
}

#[test]
fn sets_whose_fields_do_not_fit() {
    let refused = |change: fn(&mut Dataset)| {
        let mut data = Dataset::clone(&toy(10, 2));
        change(&mut data);
        let error = Permuted::default().stream(&Arc::new(data), &tasks(1), 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData);
        error.to_string()
    };
    assert!(refused(|it| it.shape = [1, 0, 3]).contains("no image has the shape [1, 0, 3]"));
    assert!(refused(|it| it.shape = [usize::MAX, 2, 3]).contains("no image has the shape"));
    assert!(refused(|it| it.test.labels.push(0)).contains("30 values for 6 rows of 6"));
    assert!(
        refused(|it| it.train.labels[3] = 2).contains("row 3 of the training part has label 2")
    );
    assert!(refused(|it| set_white(it, 4)).contains("above white = 4"));
    assert!(refused(|it| set_white(it, 0)).contains("white 0"));
    fn floats(value: f32) -> Values {
        Values::Floats(vec![value; 30])
    }
    assert!(refused(|it| it.test.values = floats(0.5)).contains("different types"));
    assert!(refused(|it| it.test.values = floats(f32::NAN)).contains("the value NaN"));
}
