//! A learner that the first program made: two tasks, a third that its gate refused, and that task half
//! done by another rate. `fixtures/learner-0.1.0` are its bytes.

use std::fs;
use std::path::Path;

use perennial::learner::{Remainder, Training};
use perennial::store::{Gate, Learner, Taught, Teaching};

use crate::school::{lenient, lesson, teach, verified};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// Catches: a field that old manifests do not have and that breaks their seals, an old verdict told
/// by today's rule, a half-done task that cannot go on.
#[test]
fn a_learner_of_the_first_program_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learner");
    copy(Path::new("tests/fixtures/learner-0.1.0"), &path);
    verified(&path);
    let mut learner = Learner::open(&path).unwrap();
    let history = learner.history().unwrap();
    assert_eq!((history.head, history.versions.len()), (2, 4));
    let refused = &history.versions[3];
    assert!(refused.refused());
    let verdict = refused.gate.as_ref().unwrap();
    let rule = Gate { strict: true, max_class_drop: 1.0, floor: Some(1.0), ..Gate::default() };
    assert_eq!((verdict.gate, &verdict.worst_class), (rule, &None));
    let judgement = learner.judgement(refused).unwrap().unwrap();
    assert_eq!(judgement.reasons[0], "`task 0` fell by 0.5000, more than 0.02");
    assert_eq!((judgement.classes.len(), judgement.hints.len()), (0, 0));
    assert!(judgement.tasks.iter().all(|task| task.refused.is_none()), "{judgement:?}");
    assert_eq!(learner.judgement(&history.versions[0]).unwrap(), None);
    assert_eq!(learner.evaluate().unwrap().len(), 2);
    assert_eq!(learner.half_done().unwrap().unwrap().task, "task 2");
    // It was begun with a smaller last batch, as that program always made one.
    let how = Teaching {
        training: Training { remainder: Remainder::Short, ..lenient().training },
        ..lenient()
    };
    let remarks = learner.remarks(&lesson(2), &how).unwrap();
    assert!(remarks[0].contains("was made before inputs were standardised"), "{remarks:?}");
    let ended = teach(&mut learner, &lesson(2), &how).unwrap();
    assert!(matches!(&ended, Taught::Committed { version, .. } if version.id == 4), "{ended:?}");
    assert_eq!(learner.half_done().unwrap(), None);
    verified(&path);
}
