//! What a learner remembers of its inputs and classes, and how later data are compared with it.

use perennial::data::{Column, Scaling};
use perennial::learner::Training;
use perennial::scenario::{Samples, Setting, Values};
use perennial::store::{Learner, Lesson, Settings, StoreError, Teaching};

use crate::school::{lenient, lesson, school, settings, teach};

fn refusal<T>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(_) => panic!("it was done"),
        Err(error) => error.to_string(),
    }
}

/// Catches: numbers that are taken for others because they stand in the same place.
#[test]
fn columns_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let named = |number, columns: [&str; 6]| {
        let mut lesson = lesson(number);
        lesson.spec.columns =
            columns.into_iter().zip(0..).map(|(name, at)| Column::number(name, at)).collect();
        lesson.spec.named = true;
        lesson
    };
    let right = named(0, ["a", "b", "c", "d", "e", "f"]);
    let other = named(1, ["a", "x", "c", "d", "e", "f"]);
    let mut learner = Learner::create(&folder.path().join("l"), &settings("ewc")).unwrap();
    teach(&mut learner, &right, &lenient()).unwrap();
    let said = refusal(teach(&mut learner, &other, &lenient()));
    assert_eq!(
        said,
        "school lacks the column `b` and has the column `x`, not known from the first task: give \
         columns the names they had in the first task"
    );
    assert_eq!(refusal(learner.evaluate_on(&other, Some("task 0"))), said);
    assert_eq!(refusal(learner.predict(&other.test, &other.spec, "school", None)), said);
    // Rows without names are known by their place.
    learner.evaluate_on(&lesson(0), Some("task 0")).unwrap();
    teach(&mut learner, &lesson(2), &lenient()).unwrap();
}

/// Catches: the same data under another name going unsaid; a remark where there is nothing to say.
#[test]
fn remarks_say_what_is_new_and_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let learner = school(folder.path(), "er", &[0]);
    let remarks = |lesson: &Lesson| learner.remarks(lesson, &lenient()).unwrap();
    assert!(remarks(&lesson(0)).is_empty(), "{:?}", remarks(&lesson(0)));
    let renamed = Lesson { task: "other".into(), ..lesson(0) };
    assert_eq!(remarks(&renamed), ["version 1 was taught the same data as `task 0`"]);
    assert_eq!(remarks(&lesson(1)), ["new classes: 1 low, 1 high (known: 0 low, 0 high)"]);
    let mut near = lesson(1);
    near.classes = vec!["0 LOW".into(), "0high".into()];
    assert_eq!(
        remarks(&near),
        [
            "`0 LOW` is taken for the known class `0 low`",
            "`0high` is taken for the known class `0 high`"
        ]
    );
}

/// Rows that are not scaled: one input is large and has little spread. Catches: rows of later tasks,
/// of tests and of questions that are not scaled as the first task's, or each by themselves.
#[test]
fn inputs_are_scaled_by_the_first_task_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let shifted = |number: usize, by: f32| {
        let mut lesson = lesson(number);
        for part in [&mut lesson.train, &mut lesson.test] {
            let Values::Floats(floats) = part.values().clone() else { unreachable!() };
            let floats = floats.iter().map(|value| value * 300.0 + by).collect();
            let (labels, ids) = (part.labels().to_vec(), part.ids().to_vec());
            *part = Samples::new(Values::Floats(floats), 6, labels, ids).unwrap();
        }
        lesson
    };
    let mut first = shifted(0, 60_000.0);
    let whole = Some(Scaling::fit(first.train.values(), 6, 6, Some(5.0)));
    first.spec.scaling = whole.clone();
    let how = Teaching { training: Training { epochs: 60, ..lenient().training }, ..lenient() };
    let mut learner = Learner::create(&folder.path().join("l"), &settings("er")).unwrap();
    teach(&mut learner, &first, &how).unwrap();
    assert_eq!(learner.inputs().unwrap().unwrap().scaling, whole);
    let [found] = &learner.evaluate().unwrap()[..] else { panic!("one task") };
    assert_eq!(found.accuracy(), 1.0);
    assert_eq!(learner.evaluate_on(&first, None).unwrap().accuracy(), 1.0);
    let said = learner.predict(&first.test, &first.spec, "rows", None).unwrap();
    let right = said
        .rows
        .iter()
        .zip(first.test.labels())
        .filter(|(row, label)| row.class == **label as usize);
    assert_eq!(right.count(), first.test.len());
    // Another month far away: said, and scaled as before.
    let far = shifted(1, 90_000.0);
    let remarks = learner.remarks(&far, &how).unwrap();
    assert!(remarks[0].contains("have their means more than 2 deviations"), "{remarks:?}");
    assert!(remarks[1].contains("are clipped; --clip"), "{remarks:?}");
    teach(&mut learner, &far, &how).unwrap();
    assert_eq!(learner.inputs().unwrap().unwrap().scaling, whole);
}

/// Catches: a scaling that changes under rows or statistics of older tasks, or that does not change.
#[test]
fn inputs_are_measured_anew_only_where_nothing_kept_is_of_the_old_scale() {
    let folder = tempfile::tempdir().unwrap();
    let scaled = |number: usize| {
        let mut lesson = lesson(number);
        let scaling = Scaling::fit(lesson.train.values(), 6, 6, Some(5.0));
        lesson.spec.scaling = Some(scaling);
        lesson
    };
    let how = Teaching { rescale: true, ..lenient() };
    for (strategy, can) in [("finetune", true), ("er", false), ("ewc", false), ("joint", false)] {
        let path = folder.path().join(strategy);
        let mut learner = Learner::create(&path, &settings(strategy)).unwrap();
        teach(&mut learner, &scaled(0), &lenient()).unwrap();
        let before = learner.inputs().unwrap().unwrap().scaling;
        let taught = teach(&mut learner, &scaled(1), &how);
        if can {
            assert!(taught.is_ok());
            let after = learner.inputs().unwrap().unwrap().scaling;
            assert_eq!(after, scaled(1).spec.scaling);
            assert_ne!(after, before);
            // Older rows are measured by the new scaling, too: they are kept as they were stored.
            assert_eq!(learner.evaluate().unwrap().len(), 2);
        } else {
            assert!(refusal(taught).contains("keeps rows or statistics"), "{strategy}");
        }
    }
    let mut plain = school(&folder.path().join("plain"), "finetune", &[0]);
    assert!(refusal(teach(&mut plain, &lesson(1), &how)).contains("not standardised"));
}

/// Catches: rows with the names of an older task that are refused, or measured by position; names of
/// a task that was not asked for.
#[test]
fn one_head_for_all_tasks_answers_rows_with_the_names_of_any_task() {
    let folder = tempfile::tempdir().unwrap();
    let made = Settings { setting: Some(Setting::Domain), ..settings("er") };
    let mut learner = Learner::create(&folder.path().join("l"), &made).unwrap();
    let named = |number: usize, classes: [&str; 2]| Lesson {
        classes: classes.map(String::from).to_vec(),
        ..lesson(number)
    };
    teach(&mut learner, &named(0, ["x", "y"]), &lenient()).unwrap();
    teach(&mut learner, &named(1, ["p", "q"]), &lenient()).unwrap();
    let right = |classes, task| learner.evaluate_on(&named(0, classes), task).unwrap().right;
    let [first, rows] = [learner.evaluate().unwrap()[0].right, 10];
    assert_eq!(right(["x", "y"], None), first);
    assert_eq!(right(["x", "y"], Some("task 0")), first);
    assert_eq!(right(["p", "q"], None), first);
    assert_eq!(right(["x", "q"], None), first);
    assert_eq!(right(["y", "x"], None), rows - first);
    assert_eq!(right(["q", "x"], None), rows - first);
    let said = refusal(learner.evaluate_on(&named(0, ["x", "z"]), None));
    assert_eq!(
        said,
        "school has the class `z`, which the learner does not know; it knows x, y, p, q; choose \
         with --classes"
    );
    let said = refusal(learner.evaluate_on(&named(0, ["x", "y"]), Some("task 1")));
    assert!(
        said.contains("`x`, which the learner does not know of `task 1`; it knows p, q"),
        "{said}"
    );
    let rows = lesson(0);
    learner.predict(&rows.test, &rows.spec, "rows", None).unwrap();
}

/// Catches: labels by position where classes have names, a class with two outputs, classes that are
/// matched by their order though one task has more.
#[test]
fn one_head_for_all_tasks_knows_classes_by_name_or_by_order() {
    let folder = tempfile::tempdir().unwrap();
    let made = Settings { setting: Some(Setting::Domain), ..settings("er") };
    let mut learner = Learner::create(&folder.path().join("l"), &made).unwrap();
    let named = |number: usize, classes: [&str; 2]| Lesson {
        classes: classes.map(String::from).to_vec(),
        ..lesson(number)
    };
    teach(&mut learner, &named(0, ["x", "y"]), &lenient()).unwrap();
    let said = refusal(teach(&mut learner, &named(1, ["y", "z"]), &lenient()));
    assert!(said.contains("are y, z, those of the learner's task `task 0` x, y"), "{said}");
    // More classes than the head has outputs, with and without a known name, and fewer.
    for classes in [&["p", "q", "r"][..], &["x", "y", "z"], &["x"], &["p"]] {
        let other =
            Lesson { classes: classes.iter().map(|&name| name.into()).collect(), ..lesson(1) };
        let said = refusal(teach(&mut learner, &other, &lenient()));
        let both = format!("are {}, those of the learner's task `task 0` x, y", classes.join(", "));
        assert!(said.contains(&both) && said.contains("--map here=there"), "{said}");
    }
    let turned = named(0, ["y", "x"]);
    let found = learner.evaluate_on(&turned, None).unwrap();
    let right = learner.evaluate_on(&named(0, ["x", "y"]), None).unwrap();
    assert_eq!(found.right + right.right, found.rows);
    let remarks = learner.remarks(&named(1, ["p", "q"]), &lenient()).unwrap();
    assert!(remarks[0].contains("matched by their order (p as x, q as y)"), "{remarks:?}");
    teach(&mut learner, &named(1, ["y", "x"]), &lenient()).unwrap();
    let said = learner.predict(&lesson(1).test, &lesson(1).spec, "rows", None).unwrap();
    assert_eq!(said.classes, ["x", "y"]);
}
