//! What the gate measures and refuses. How often it is wrong is in its own tests.

use perennial::learner::Training;
use perennial::store::{
    ClassVerdict, Gate, Judgement, Learner, Lesson, Settings, Taught, Teaching,
};
use serde_json::json;

use crate::school::{lenient, lesson, school, settings, taught, teach};

/// Catches: a fall measured against another version than the parent, a mean over the new task,
/// a bound that is not looked at.
#[test]
fn the_gate_refuses_by_the_fall_that_it_measured() {
    let folder = tempfile::tempdir().unwrap();
    // One head and no memory: fine-tuning with large steps forgets task 0.
    let path = folder.path().join("learner");
    let one_head = Settings { setting: None, ..settings("finetune") };
    let mut learner = Learner::create(&path, &one_head).unwrap();
    taught(&mut learner, 0);
    let harsh = Training { lr: 2.0, epochs: 6, ..lenient().training };
    let mut other = lesson(1);
    other.classes = lesson(0).classes; // the same classes, told apart by another input
    let gate = Gate { max_drop: 0.0, strict: true, ..lenient().gate };
    let how = Teaching { training: harsh, gate, ..lenient() };
    let before = learner.evaluate().unwrap()[0].accuracy();
    let (version, judgement) = match teach(&mut learner, &other, &how).unwrap() {
        Taught::Refused { version, judgement } => (version, judgement),
        other => panic!("{other:?}"),
    };
    let judged = &judgement.tasks[0];
    assert_eq!(judged.before, Some(before));
    let fall = before - judged.after;
    assert!(fall > 0.0);
    let rows = judged.rows as f64;
    assert!(((judged.broke as f64 - judged.mended as f64) / rows - fall).abs() < 1e-12);
    let verdict = version.gate.unwrap();
    assert_eq!((verdict.passed, verdict.judged), (false, 1));
    assert_eq!(verdict.mean_fall.map(|mean| (mean - fall).abs() < 1e-12), Some(true));
    assert!(judgement.reasons[0].contains("`task 0` fell by"), "{:?}", judgement.reasons);
    assert_eq!(judgement.tasks[1].before, None, "the new task has no before");

    // Exactly what it fell is allowed; the upper bound of it is more.
    let just = Gate { max_drop: fall, ..gate };
    let confident = Teaching { gate: Gate { confident: true, ..just }, ..how.clone() };
    let Taught::Refused { judgement, .. } = teach(&mut learner, &other, &confident).unwrap() else {
        panic!("ten rows cannot make sure of it")
    };
    assert!(judgement.reasons[0].contains("by as much as"), "{:?}", judgement.reasons);
    let passed = teach(&mut learner, &other, &Teaching { gate: just, ..how }).unwrap();
    assert!(matches!(passed, Taught::Committed { .. }), "{passed:?}");
    assert_eq!(learner.history().unwrap().judged["task 0"], 3);
}

#[test]
fn a_gate_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[]);
    for gate in [
        Gate { max_drop: -0.1, ..Gate::default() },
        Gate { max_drop: f64::NAN, ..Gate::default() },
        Gate { floor: Some(1.5), ..Gate::default() },
        Gate { max_class_drop: 1.1, ..Gate::default() },
    ] {
        let ended = teach(&mut learner, &lesson(0), &Teaching { gate, ..lenient() });
        assert!(ended.unwrap_err().to_string().contains("a share from 0 to 1"));
    }
}

fn refused(learner: &mut Learner, lesson: &Lesson, how: &Teaching) -> Judgement {
    match teach(learner, lesson, how).unwrap() {
        Taught::Refused { judgement, .. } => judgement,
        other => panic!("{other:?}"),
    }
}

/// Catches: classes counted of one task alone, of the new task too, or by another's label; rows
/// that count twice because they were taught twice.
#[test]
fn a_class_is_judged_over_all_older_tasks_that_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(&folder.path().join("learner"), "er", &[0]);
    // `0 high` is label 1 of the first task and label 0 of the second.
    let mut second = lesson(1);
    second.classes = vec!["0 high".into(), "new".into()];
    teach(&mut learner, &second, &lenient()).unwrap();
    let once_more = Teaching { again: true, ..lenient() };
    teach(&mut learner, &lesson(0), &once_more).unwrap();
    let Taught::Committed { judgement, version } =
        teach(&mut learner, &lesson(3), &lenient()).unwrap()
    else {
        panic!("it was refused")
    };
    let rows: Vec<(&str, u64)> =
        judgement.classes.iter().map(|class| (class.class.as_str(), class.rows)).collect();
    assert_eq!(rows, [("0 low", 5), ("0 high", 10), ("new", 5)]);
    let verdicts: Vec<ClassVerdict> = judgement.classes.iter().map(|class| class.verdict).collect();
    use ClassVerdict::{Passed, TooFew};
    assert_eq!(verdicts, [TooFew, Passed, TooFew]);
    // As the versions' answers have it: the difference of the two is counted by the same rows.
    let difference = learner.diff(version.id - 1, version.id).unwrap();
    for class in &judgement.classes {
        let of_it = difference.tasks[..2].iter().flat_map(|task| &task.classes);
        let of_it: Vec<_> = of_it.filter(|change| change.class == class.class).collect();
        let sum = |count: fn(&perennial::store::ClassChange) -> u64| {
            of_it.iter().map(|change| count(change)).sum::<u64>()
        };
        let counted = [sum(|c| c.rows), sum(|c| c.before), sum(|c| c.after), sum(|c| c.broke)];
        assert_eq!([class.rows, class.before, class.after, class.broke], counted);
        assert_eq!(class.before + class.mended, class.after + class.broke);
    }
    assert_eq!(learner.judgement(&version).unwrap(), Some(judgement));
}

/// Catches: a hint that the learner cannot follow, or one that tells it to do what it does.
#[test]
fn a_refusal_says_what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let hints = |name: &str, settings: &Settings, gate: Gate| {
        let mut learner = Learner::create(&folder.path().join(name), settings).unwrap();
        taught(&mut learner, 0);
        let forgets = Training { lr: 2.0, epochs: 20, ..lenient().training };
        let how = Teaching { training: forgets, gate, ..lenient() };
        let mut other = lesson(1);
        other.classes = lesson(0).classes;
        refused(&mut learner, &other, &how).hints
    };
    let strict = Gate { max_drop: 0.0, strict: true, floor: Some(1.0), ..lenient().gate };
    let class = |strategy: &str| {
        let mut one_head = Settings { setting: None, ..settings(strategy) };
        if strategy == "er" {
            one_head.strategy_settings = json!({ "memory": 1 }); // too little for two classes
        }
        one_head
    };
    let teach = "try a lower --lr (2 now) or more --epochs (20 now)";
    let anew = "a learner made anew may forget less: one";
    for (name, wanted) in [
        (
            "er",
            format!(
                "{anew} with more memory (--set er.memory, 1 now), or one by --strategy derpp, \
                 which also keeps what it answered"
            ),
        ),
        ("ewc", format!("{anew} by --strategy derpp, which keeps samples where ewc keeps none")),
        ("derpp", format!("{anew} with more memory (--set derpp.memory, 2000|64MB now)")),
    ] {
        assert_eq!(hints(name, &class(name), strict), [teach.to_owned(), wanted]);
    }
    let mut gdumb = class("gdumb");
    gdumb.strategy_settings = json!({ "memory": 2, "passes": 1 });
    let wanted = format!(
        "{anew} with more memory (--set gdumb.memory, 2 now), or one with more passes over it (--set \
         gdumb.passes, 1 now)"
    );
    assert_eq!(hints("gdumb", &gdumb, strict), ["try a lower --lr (2 now)".to_owned(), wanted]);
    assert_eq!(hints("joint", &class("joint"), strict), [teach]);
    assert_eq!(hints("a head a task", &settings("ewc"), strict), [teach]);
    // Nothing was forgotten: the new task alone is below the floor.
    let mut learner = school(&folder.path().join("slow"), "ewc", &[]);
    let slow = Training { lr: 1e-6, ..lenient().training };
    let gate = Gate { floor: Some(1.0), ..lenient().gate };
    let how = Teaching { training: slow, gate, ..lenient() };
    let judgement = refused(&mut learner, &lesson(0), &how);
    assert_eq!(judgement.hints, ["try more --epochs (2 now) or another --lr (0.000001 now)"]);
}
