//! What the gate measures and refuses.

use perennial::learner::Training;
use perennial::store::{Gate, Learner, Settings, Taught, Teaching};

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
    let gate = Gate { max_drop: 0.0, ..Gate::default() };
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
    assert!(judgement.reasons[0].contains("may be as much as"), "{:?}", judgement.reasons);
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
    ] {
        let ended = teach(&mut learner, &lesson(0), &Teaching { gate, ..lenient() });
        assert!(ended.unwrap_err().to_string().contains("a share from 0 to 1"));
    }
}
