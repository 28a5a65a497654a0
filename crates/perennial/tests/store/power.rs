//! A power cut at any instant of a commit, on a disk that keeps or loses what was not flushed as
//! it likes and tears what was being written.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use perennial::store::{Learner, Manifest};

use crate::disk::{Recorded, Weak, snapshot, write};
use crate::school::{lenient, lesson, opened, school, strict, taught, teach, verified};

/// What happens to a learner of two tasks.
type Event = fn(&mut Learner);

const EVENTS: &[(&str, Event)] = &[
    ("teach", |learner| drop(taught(learner, 2))),
    ("teach, refused", |learner| drop(teach(learner, &lesson(2), &strict()).unwrap())),
    ("rollback", |learner| drop(learner.rollback(Some(1)).unwrap())),
    ("gc", |learner| drop(learner.collect_garbage(1, true).unwrap())),
    ("tag", |learner| assert_eq!(learner.tag("kept", Some(1)).unwrap(), 1)),
    ("forget", |learner| {
        let kept = (0..24).find(|&id| learner.forget_sample("task 1", id).is_ok());
        assert!(kept.is_some(), "a sample is in the memory");
    }),
];

/// Builds the states that a cut may leave, every `sample`-th of them, and opens each; every
/// `teach`-th is taught a task. Says how many were opened.
fn states_of(strategy: &str, event: Event, sample: usize, teach: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learner");
    drop(school(&path, strategy, &[0, 1]));
    let before = snapshot(&path);
    let old = Learner::open(&path).unwrap().head().unwrap();
    let files = Arc::new(Recorded::default());
    event(&mut opened(&path, files.clone()));
    let new = Learner::open(&path).unwrap().head().unwrap();
    verified(&path);
    let calls = files.calls();
    let mut weak = Weak::new(before);
    let (mut states, mut all) = (0, 0);
    for next in calls.iter().map(Some).chain([None]) {
        for disk in weak.states(next) {
            all += 1;
            if all % sample != 0 {
                continue;
            }
            let left = folder.path().join("left");
            write(&disk, &path, &left);
            fs::create_dir_all(left.join("tags")).unwrap();
            opens_as_one_of(&left, &old, &new);
            if states % teach == 0 {
                teaches(&left);
            }
            fs::remove_dir_all(&left).unwrap();
            states += 1;
        }
        if let Some(call) = next {
            weak.done(call);
        }
    }
    states
}

fn opens_as_one_of(path: &Path, old: &Manifest, new: &Manifest) {
    let learner = Learner::open(path).unwrap();
    let head = learner.head().unwrap();
    assert!(head == *old || head == *new, "{head:#?}");
    verified(path);
}

/// The next task is learnt as if nothing had been.
fn teaches(path: &Path) {
    let mut learner = Learner::open(path).unwrap();
    learner.abort().unwrap();
    let before = learner.tasks().unwrap().len();
    let version = teach(&mut learner, &lesson(4), &lenient()).unwrap();
    assert!(matches!(version, perennial::store::Taught::Committed { .. }));
    assert_eq!(learner.tasks().unwrap().len(), before + 1);
    verified(path);
}

/// Catches: HEAD moved before what it means is flushed, an object that is taken for whole because
/// its name is there, a folder that is not flushed, garbage removed before what names it.
#[test]
fn every_state_that_a_power_cut_may_leave_opens_as_the_old_or_the_new_version() {
    for (name, event) in EVENTS {
        assert!(states_of("er", *event, 6, 10) > 1, "{name}");
    }
}

/// As above, every state, over strategies.
#[test]
#[ignore = "minutes: part of the crash proofs"]
fn thousands_of_states() {
    let mut counted = Vec::new();
    for strategy in ["er", "ewc", "packnet"] {
        for (name, event) in EVENTS.iter().filter(|(name, _)| strategy == "er" || *name != "forget")
        {
            counted.push((strategy, *name, states_of(strategy, *event, 1, 25)));
        }
    }
    let all: usize = counted.iter().map(|(.., states)| states).sum();
    assert!(all >= 5000, "{all} states: {counted:?}");
}
