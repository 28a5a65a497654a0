//! What each verb does.

use std::fs;
use std::path::Path;

use perennial::learner::{Remainder, Stop, Training};
use perennial::scenario::{Samples, Setting, Values};
use perennial::store::{Learner, Made, Settings, StoreError, Taught, Teaching};

use crate::school::{lenient, lesson, school, settings, strict, taught, teach, verified};

fn refusal<T>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(_) => panic!("it was done"),
        Err(error) => error.to_string(),
    }
}

fn objects(path: &Path) -> usize {
    fs::read_dir(path.join("objects")).unwrap().count()
}

/// Catches: a rollback that loses what it leaves, one that writes more than HEAD.
#[test]
fn rollback_moves_head_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0, 1]);
    let (third, before) = (learner.head().unwrap(), objects(folder.path()));
    let row = learner.evaluate().unwrap();
    assert_eq!(learner.rollback(None).unwrap().id, 1);
    assert_eq!(learner.tasks().unwrap(), ["task 0"]);
    assert_eq!(objects(folder.path()), before);
    assert_eq!(learner.rollback(Some(2)).unwrap(), third);
    assert_eq!(learner.evaluate().unwrap(), row);
    let said = refusal(learner.rollback(Some(7)));
    assert_eq!(said, "the learner has no version `7`; it has 0, 1, 2");
    learner.rollback(Some(0)).unwrap();
    assert!(refusal(learner.rollback(None)).contains("version 0 is the first"));
}

/// Catches: a way out of damage that reads what is damaged.
#[test]
fn a_whole_version_is_the_way_out_of_a_damaged_head() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0, 1]);
    let head = folder.path().join("HEAD");
    let damages: [&dyn Fn(); 3] =
        [&|| fs::remove_file(&head).unwrap(), &|| fs::write(&head, "").unwrap(), &|| {
            fs::write(folder.path().join("versions/000002.json"), "{}").unwrap();
        }];
    for damage in damages {
        damage();
        refusal(learner.head());
        let mut mended = Learner::open_to_mend(folder.path()).unwrap();
        assert_eq!(mended.rollback(Some(1)).unwrap().id, 1);
        assert_eq!(learner.tasks().unwrap(), ["task 0"]);
        let _ = learner.rollback(Some(2)); // while it is whole
    }
}

/// Catches: weights that depend on what was taught and rolled back.
#[test]
fn a_version_is_a_function_of_what_its_line_was_taught() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in ["er", "packnet"] {
        let mut straight =
            school(&folder.path().join(format!("{strategy} straight")), strategy, &[0]);
        let wanted = taught(&mut straight, 2);
        let mut learner = school(&folder.path().join(strategy), strategy, &[0, 1]);
        learner.rollback(None).unwrap();
        let found = taught(&mut learner, 2);
        assert_eq!((found.id, found.parent), (3, Some(1)));
        assert_eq!(found.state_digest, wanted.state_digest);
        assert_eq!(found.objects, wanted.objects, "the same bytes, so the same names");
    }
}

/// Catches: an old test part, weights or a strategy's state written once more, though unchanged.
#[test]
fn unchanged_objects_are_shared() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0, 1]);
    let before = objects(folder.path());
    taught(&mut learner, 2);
    // learner, tasks, row, gate; weights, buffers and the third anchor; a test part, and what was
    // said of three.
    let added = objects(folder.path()) - before;
    assert!((8..=12).contains(&added), "{added}");
}

/// Catches: a lesson taught twice, or not again when asked for.
#[test]
fn what_was_taught_is_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0, 1]);
    let again = teach(&mut learner, &lesson(0), &lenient()).unwrap();
    assert_eq!(again, Taught::Already { version: 1 });
    let training = Training { lr: 0.3, remainder: Remainder::Short, ..lenient().training };
    let said = refusal(teach(&mut learner, &lesson(0), &Teaching { training, ..lenient() }));
    assert!(said.contains("knows a task `task 0`"), "{said}");
    assert!(said.contains("(--remainder: even → short, --lr: 0.1 → 0.3)"), "{said}");
    let how = Teaching { again: true, ..lenient() };
    let Taught::Committed { version, .. } = teach(&mut learner, &lesson(0), &how).unwrap() else {
        panic!("it was not taught again")
    };
    assert_eq!((version.id, version.task()), (3, Some("task 0~2")));
}

/// Catches: a task that is committed without a step, a refusal that leaves it half done.
#[test]
fn a_task_of_which_no_step_would_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let training = Training { batch: 25, remainder: Remainder::Drop, ..lenient().training };
    let said = refusal(teach(&mut learner, &lesson(1), &Teaching { training, ..lenient() }));
    assert!(said.contains("task `task 1`, which has 24 training samples"), "{said}");
    assert_eq!(learner.half_done().unwrap(), None);
}

/// Catches: a remainder that the version does not record.
#[test]
fn a_version_says_how_its_rows_were_divided() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let short = Training { batch: 10, remainder: Remainder::Short, ..lenient().training };
    teach(&mut learner, &lesson(1), &Teaching { training: short, ..lenient() }).unwrap();
    let remainders = learner.history().unwrap().versions.into_iter().filter_map(|version| {
        let Made::Taught { plan, .. } = version.made else { return None };
        Some(plan.remainder)
    });
    assert_eq!(remainders.collect::<Vec<_>>(), [Remainder::Even, Remainder::Short]);
}

/// Catches: classes that are known by position, a head that does not grow.
#[test]
fn classes_are_known_by_name_and_new_ones_grow_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let mut next = lesson(1);
    next.classes = vec!["0 high".into(), "new".into()];
    teach(&mut learner, &next, &lenient()).unwrap();
    let rows = Samples::new(Values::Floats(vec![0.0; 6]), 6, vec![0], vec![0]).unwrap();
    let said = learner.predict(&rows, &lesson(0).spec, "rows", None).unwrap();
    assert_eq!(said.classes, ["0 low", "0 high", "new"]);
    let sum: f32 = said.rows[0].probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5);
    assert_eq!(said.rows[0].probabilities.len(), 3);
}

/// Asks for a stop after so many steps of the learner's.
struct Halt(u64, Stop);

impl perennial::learner::Watch for Halt {
    fn progress(&mut self, progress: &perennial::learner::Progress<'_>) {
        if progress.total_steps >= self.0 {
            self.1.ask();
        }
    }
}

/// Catches: flags that change training going unseen, a gate that may not change.
#[test]
fn a_half_done_task_is_gone_on_with_as_it_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0]);
    let stop = Stop::default();
    let mut halt = Halt(8, stop.clone());
    let ended = learner.teach(&lesson(1), &lenient(), &mut halt, &stop).unwrap();
    assert_eq!(ended, Taught::Stopped);
    assert_eq!(learner.half_done().unwrap().unwrap().task, "task 1");
    assert_eq!(learner.plan_of("task 1", false).unwrap(), learner.half_done().unwrap());
    assert_eq!(learner.plan_of("task", true).unwrap(), None);
    let other = Teaching { training: Training { lr: 0.3, ..lenient().training }, ..lenient() };
    let said = refusal(teach(&mut learner, &lesson(1), &other));
    assert!(said.contains("half done") && said.contains("--lr: 0.1 → 0.3"), "{said}");
    let said = refusal(teach(&mut learner, &lesson(2), &lenient()));
    assert!(said.contains("--task: task 1 → task 2") && said.contains("DATA"), "{said}");
    learner.rollback(Some(0)).unwrap();
    let said = refusal(teach(&mut learner, &lesson(1), &lenient()));
    assert!(said.contains("half done from version 1"), "{said}");
    learner.rollback(Some(1)).unwrap();
    assert_eq!(learner.abort().unwrap().as_deref(), Some("task 1"));
    assert_eq!(learner.abort().unwrap(), None);
    taught(&mut learner, 2);
}

/// Catches: a plan of another task or of a version that is not in the line, a half-done `NAME~2` that
/// is taken for `NAME`, or that is not found when `NAME` is taught once more.
#[test]
fn the_plan_of_a_task_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let short = Training { epochs: 3, remainder: Remainder::Short, ..lenient().training };
    teach(&mut learner, &lesson(1), &Teaching { training: short, ..lenient() }).unwrap();
    let plan = |learner: &Learner, task, again| learner.plan_of(task, again).unwrap();
    let first = plan(&learner, "task 0", false).unwrap();
    assert_eq!((first.epochs, first.remainder), (2, Remainder::Even));
    let second = plan(&learner, "task 1", false).unwrap();
    assert_eq!((second.epochs, second.remainder), (3, Remainder::Short));
    assert_eq!(plan(&learner, "task", false), None);
    // Taught once more, a task is taught anew.
    assert_eq!(plan(&learner, "task 0", true), None);
    let stop = Stop::default();
    let how = Teaching {
        training: Training { epochs: 5, ..lenient().training },
        again: true,
        ..lenient()
    };
    // Two tasks of 24 rows took 2 × 3 and 3 × 3 steps.
    let mut halt = Halt(17, stop.clone());
    assert_eq!(learner.teach(&lesson(0), &how, &mut halt, &stop).unwrap(), Taught::Stopped);
    let again = plan(&learner, "task 0", true).unwrap();
    assert_eq!((again.task.as_str(), again.epochs), ("task 0~2", 5));
    assert_eq!(plan(&learner, "task 0", false), Some(first));
    learner.abort().unwrap();
    learner.rollback(None).unwrap();
    assert_eq!(plan(&learner, "task 1", false), None);
}

/// Catches: a candidate that becomes the learner by itself, or by a rollback, or without a reason.
#[test]
fn what_the_gate_refused_is_kept_and_can_be_promoted() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let Taught::Refused { version, judgement } =
        teach(&mut learner, &lesson(1), &strict()).unwrap()
    else {
        panic!("it passed")
    };
    assert!(judgement.reasons.iter().any(|reason| reason.contains("below 1")), "{judgement:?}");
    assert_eq!((version.id, learner.head().unwrap().id), (2, 1));
    assert!(refusal(learner.rollback(Some(2))).contains("the gate refused version 2"));
    assert!(refusal(learner.promote(2, " ")).contains("needs a reason"));
    assert!(refusal(learner.promote(1, "so")).contains("did not refuse version 1"));
    let promoted = learner.promote(2, "it must go out").unwrap();
    assert_eq!((promoted.id, promoted.objects), (3, version.objects));
    assert_eq!(learner.head().unwrap().id, 3);
    assert!(matches!(promoted.made, Made::Promoted { version: 2, .. }));
    let known = teach(&mut learner, &lesson(1), &strict()).unwrap();
    assert_eq!(known, Taught::Already { version: 2 });
    assert!(refusal(learner.promote(2, "again")).contains("made from version 1"));
}

/// Catches: garbage that something needs, and garbage that stays.
#[test]
fn garbage_is_what_nobody_needs() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0, 1, 2, 3]);
    learner.tag("good", Some(1)).unwrap();
    learner.rollback(Some(3)).unwrap();
    fs::write(folder.path().join("objects/.left.tmp"), "half").unwrap();
    let would = learner.collect_garbage(1, false).unwrap();
    assert_eq!(would.versions, [0, 2]);
    assert_eq!(learner.history().unwrap().versions.len(), 5, "only said");
    assert_eq!(learner.collect_garbage(1, true).unwrap(), would);
    let left: Vec<u64> =
        learner.history().unwrap().versions.iter().map(|version| version.id).collect();
    assert_eq!(left, [1, 3, 4]);
    assert!(!folder.path().join("objects/.left.tmp").exists());
    verified(folder.path());
    for version in left {
        learner.rollback(Some(version)).unwrap();
        assert!(!learner.evaluate().unwrap().is_empty());
    }
    learner.rollback(Some(3)).unwrap();
    assert_eq!(learner.collect_garbage(1, true).unwrap().files, 0);
}

/// Catches: a copy that stays in the memory, or that is taken with its neighbour's.
#[test]
fn a_forgotten_sample_is_in_no_object_of_the_new_version() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let before = learner.head().unwrap();
    let forgot = (0..24).filter(|&id| learner.forget_sample("task 0", id).is_ok()).count();
    // Eight rows, some of them twice: of both epochs.
    assert!((4..=8).contains(&forgot), "{forgot}");
    assert!((0..24).all(|id| learner.forget_sample("task 0", id).is_err()));
    let head = learner.head().unwrap();
    assert_eq!(head.state_digest, before.state_digest, "weights are as they were");
    assert!(refusal(learner.forget_sample("task 0", 0)).contains("does not keep sample 0"));
    taught(&mut learner, 1);
    let mut other = school(&folder.path().join("other"), "ewc", &[0]);
    assert!(refusal(other.forget_sample("task 0", 0)).contains("ewc keeps no samples"));
}

/// Catches: an export that loses a part of the learner.
#[test]
fn an_imported_learner_goes_on_as_the_exported_one() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in ["er", "packnet", "si"] {
        let file = folder.path().join(format!("{strategy}.safetensors"));
        let mut learner = school(&folder.path().join(strategy), strategy, &[0, 1]);
        learner.export(2, &file).unwrap();
        let copy = folder.path().join(format!("{strategy} copy"));
        let mut copy = Learner::import(&copy, &file).unwrap();
        assert_eq!(copy.tasks().unwrap(), ["task 0", "task 1"]);
        let digests = [taught(&mut learner, 2), taught(&mut copy, 2)].map(|it| it.state_digest);
        assert_eq!(digests[0], digests[1]);
        let bytes = fs::read(&file).unwrap();
        for at in (0..bytes.len()).step_by(211) {
            let mut bad = bytes.clone();
            bad[at] ^= 4;
            fs::write(&file, bad).unwrap();
            let path = folder.path().join(format!("{strategy} {at}"));
            assert!(Learner::import(&path, &file).is_err(), "{at}");
        }
    }
}

/// Catches: rows that panic a layer, a type of value that a memory cannot hold.
#[test]
fn data_that_do_not_fit_are_refused_and_head_is_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "er", &[0]);
    let head = learner.head().unwrap();
    let mut flat = lesson(1);
    flat.spec.shape = [1, 2, 3];
    assert!(refusal(teach(&mut learner, &flat, &lenient())).contains("1×2×3"));
    let mut empty = lesson(1);
    empty.test = Samples::none(6);
    assert!(refusal(teach(&mut learner, &empty, &lenient())).contains("test part"));
    let mut unnamed = lesson(1);
    unnamed.task.clear();
    assert!(refusal(teach(&mut learner, &unnamed, &lenient())).contains("needs a name"));
    let mut unknown = lesson(0);
    unknown.classes[1] = "other".into();
    let of = |task| learner.evaluate_on(&unknown, task);
    assert!(refusal(of(Some("task 0"))).contains("has the class `other`, which the learner does"));
    assert!(refusal(of(None)).contains("has the class `other`, which the learner does not know;"));
    assert!(refusal(of(Some("task 5"))).contains("no task `task 5`"));
    // Among all classes that it knows, no task need be named.
    assert_eq!(learner.evaluate_on(&lesson(0), None).unwrap().rows, 10);
    assert_eq!(learner.head().unwrap(), head);
}

#[test]
fn a_folder_that_is_no_learner_is_not_opened_and_a_full_one_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(refusal(Learner::open(&path.join("nothing"))).contains("there is no such folder"));
    assert!(refusal(Learner::open(path)).contains("has no file FORMAT"));
    fs::write(path.join("letter"), "dear").unwrap();
    assert!(refusal(Learner::create(path, &settings("ewc"))).contains("it holds letter"));
    assert!(refusal(Learner::open(&path.join("letter"))).contains("it is a file"));
    let learner = path.join("learner");
    drop(school(&learner, "ewc", &[]));
    assert!(refusal(Learner::create(&learner, &settings("ewc"))).contains("there already"));
    let impossible = Settings { setting: Some(Setting::Class), ..settings("packnet") };
    assert!(refusal(Learner::create(&path.join("new"), &impossible)).contains("told the task"));
    assert!(!path.join("new").exists());
}

/// Catches: a lock that is not taken, or a message that does not say who holds it.
#[test]
fn a_writer_is_told_who_works_in_the_folder_and_a_reader_is_not_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0, 1]);
    let held = perennial::state::Lock::take(folder.path(), std::time::Duration::ZERO).unwrap();
    let said = refusal(learner.rollback(None));
    assert!(said.contains(&format!("process {} on ", std::process::id())), "{said}");
    assert_eq!(learner.evaluate().unwrap().len(), 2);
    drop(held);
    learner.rollback(None).unwrap();
}

/// A manifest stays small however many tasks there are: what grows is in objects.
#[test]
fn manifests_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = school(folder.path(), "ewc", &[0, 1, 2, 3, 4, 5]);
    let head = taught(&mut learner, 6);
    let path = folder.path().join(format!("versions/{:06}.json", head.id));
    assert!(fs::metadata(path).unwrap().len() < 4096);
}
