//! Random sequences of verbs and crashes against a model in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use perennial::store::{Learner, Made, StoreError, Taught};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::disk::Cut;
use crate::school::{lenient, lesson, opened, settings, strict, teach, verified};

#[derive(Clone, Debug)]
enum Verb {
    Teach(usize),
    Refused(usize),
    Evaluate,
    Rollback(usize),
    Promote,
    Gc(usize),
    Verify,
    /// The next verb ends after so many calls.
    Crash(usize),
}

fn verbs() -> impl Strategy<Value = Vec<Verb>> {
    let verb = prop_oneof![
        4 => (0usize..3).prop_map(Verb::Teach),
        1 => (0usize..3).prop_map(Verb::Refused),
        1 => Just(Verb::Evaluate),
        2 => (0usize..4).prop_map(Verb::Rollback),
        1 => Just(Verb::Promote),
        1 => (1usize..3).prop_map(Verb::Gc),
        1 => Just(Verb::Verify),
        2 => (0usize..40).prop_map(Verb::Crash),
    ];
    prop::collection::vec(verb, 4..12)
}

/// What is known of a version: its parent and the tasks that its line was taught.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    parent: Option<u64>,
    tasks: Vec<String>,
    refused: bool,
}

/// What the learner should be.
#[derive(Default)]
struct Model {
    head: u64,
    versions: BTreeMap<u64, Known>,
    /// Weights by what was taught, over all sequences: the same lessons, the same bits.
    digests: BTreeMap<Vec<String>, String>,
    /// Versions taught by the rate that the gate refuses, and all that were taught after one: they
    /// have the names of others' tasks and other bits.
    apart: BTreeSet<u64>,
}

impl Model {
    /// Takes in what one verb may have added: nothing, or one version with `tasks`.
    fn hear(&mut self, learner: &Learner, allowed: Option<&Known>) {
        let history = learner.history().unwrap();
        let mut judged = BTreeMap::new();
        for manifest in &history.versions {
            let row = learner.accuracies(manifest).unwrap().expect("nobody collects meanwhile");
            let tasks: Vec<String> = row.into_iter().map(|(task, _)| task).collect();
            if let (Some(own), true) = (manifest.task(), manifest.gate.is_some()) {
                for task in tasks.iter().filter(|task| *task != own) {
                    *judged.entry(task.clone()).or_insert(0) += 1;
                }
            }
            let (parent, refused) = (manifest.parent, manifest.refused());
            let found = Known { parent, tasks, refused };
            match self.versions.get(&manifest.id) {
                Some(known) => assert_eq!(known, &found, "a version changed"),
                None => {
                    assert_eq!(Some(&found), allowed, "a version from nowhere");
                    self.versions.insert(manifest.id, found.clone());
                }
            }
            let after = found.parent.is_some_and(|parent| self.apart.contains(&parent));
            if after || found.refused || matches!(manifest.made, Made::Promoted { .. }) {
                self.apart.insert(manifest.id);
            } else if let Some(digest) = &manifest.state_digest {
                let same = self.digests.entry(found.tasks).or_insert_with(|| digest.clone());
                assert_eq!(same, digest, "the same lessons gave other bits");
            }
        }
        assert_eq!(history.judged, judged, "counted by lines and row by row");
        let there: Vec<u64> = history.versions.iter().map(|version| version.id).collect();
        self.versions.retain(|id, _| there.contains(id));
    }

    fn tasks(&self) -> Vec<String> {
        self.versions[&self.head].tasks.clone()
    }
}

fn run(verbs: &[Verb], digests: &mut BTreeMap<Vec<String>, String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut learner = Learner::create(path, &settings("er")).unwrap();
    let mut model = Model { digests: std::mem::take(digests), ..Model::default() };
    model.hear(&learner, Some(&Known::default()));
    let mut cut = None;
    for verb in verbs {
        if let Verb::Crash(calls) = verb {
            cut = Some(*calls);
            continue;
        }
        let crashes = cut.is_some();
        if let Some(calls) = cut.take() {
            learner = opened(path, Arc::new(Cut::after(calls)));
        }
        let (before, tasks) = (model.head, model.tasks());
        let with = |task: usize, refused| {
            let mut tasks = tasks.clone();
            tasks.push(format!("task {task}"));
            Known { parent: Some(before), tasks, refused }
        };
        // What the verb may add, where the head may be after it, and what it says.
        let mut allowed = None;
        let ended: Result<(), StoreError> = match verb {
            Verb::Teach(task) | Verb::Refused(task) => {
                let refuses = matches!(verb, Verb::Refused(_));
                let how = if refuses { strict() } else { lenient() };
                let half_done = learner.half_done().unwrap();
                let ended = teach(&mut learner, &lesson(*task), &how);
                if !tasks.contains(&format!("task {task}")) {
                    // A task half done by the other rate is refused before it is gone on with.
                    let found = ended.as_ref().ok();
                    let refused = matches!(found, Some(Taught::Refused { .. }));
                    let known = refused || (refuses && found.is_none());
                    allowed = Some(with(*task, known));
                    if half_done.is_none() && !crashes {
                        assert!(ended.is_ok(), "{ended:?}");
                    }
                }
                let stale = ended
                    .as_ref()
                    .err()
                    .is_some_and(|error| error.to_string().contains("half done"));
                if stale {
                    drop(Learner::open(path).unwrap().abort().unwrap());
                }
                ended.map(drop)
            }
            Verb::Evaluate => learner.evaluate().map(|row| {
                let names: Vec<String> = row.into_iter().map(|task| task.task).collect();
                assert_eq!(names, tasks);
            }),
            Verb::Rollback(back) => {
                let ids: Vec<u64> = model.versions.keys().rev().copied().collect();
                let to = ids[back % ids.len()];
                let ended = learner.rollback(Some(to)).map(drop);
                if ended.is_err() && !crashes {
                    assert!(model.versions[&to].refused, "{ended:?}");
                }
                ended
            }
            Verb::Promote => {
                let candidate = model
                    .versions
                    .iter()
                    .find(|(_, known)| known.refused && known.parent == Some(before));
                match candidate {
                    Some((&id, known)) => {
                        allowed = Some(Known { refused: false, ..known.clone() });
                        learner.promote(id, "the model says so").map(drop)
                    }
                    None => Ok(()),
                }
            }
            Verb::Gc(keep) => learner.collect_garbage(*keep, true).map(drop),
            Verb::Verify => {
                verified(path);
                Ok(())
            }
            Verb::Crash(_) => Ok(()),
        };
        learner = Learner::open(path).unwrap();
        let head = learner.head().unwrap();
        model.hear(&learner, allowed.as_ref());
        match verb {
            Verb::Rollback(_) => {}
            _ if head.id == before => {}
            _ => {
                let found = &model.versions[&head.id];
                assert!(!found.refused, "a refused version became the learner");
                assert_eq!(found.parent, Some(before));
            }
        }
        if !crashes {
            let moves = matches!(verb, Verb::Teach(_) | Verb::Rollback(_) | Verb::Promote);
            assert!(moves || head.id == before, "{verb:?} moved the learner: {ended:?}");
        }
        model.head = head.id;
        verified(path);
    }
    *digests = model.digests;
}

fn sequences(cases: u32) {
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let digests = std::cell::RefCell::new(BTreeMap::new());
    let ended = runner.run(&verbs(), |verbs| {
        run(&verbs, &mut digests.borrow_mut());
        Ok(())
    });
    if let Err(failure) = ended {
        panic!("{failure}");
    }
}

/// Catches: a version that changes or appears from nowhere, a head that moves by itself, bits that
/// depend on what was crashed or rolled back.
#[test]
fn sequences_of_verbs_and_crashes_do_what_the_model_does() {
    sequences(24);
}

/// As above, in many more sequences.
#[test]
#[ignore = "minutes: part of the crash proofs"]
fn five_hundred_sequences() {
    sequences(500);
}
