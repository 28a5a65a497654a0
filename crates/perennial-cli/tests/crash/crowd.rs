//! Many processes in one folder.

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::finding::{Extent, Finding};
use crate::place::{Base, STRATEGIES, done, errors, look, perennial};

/// What is counted.
#[derive(Default)]
struct Counts {
    taught: AtomicUsize,
    moved: AtomicUsize,
    waited: AtomicUsize,
    read: AtomicUsize,
}

impl Counts {
    /// A writer ends well, or is told who holds the lock.
    fn writer(&self, output: &Output, what: &AtomicUsize) {
        let said = errors(output);
        match output.status.code() {
            Some(0) => what.fetch_add(1, Ordering::Relaxed),
            Some(75) => {
                assert!(said.contains("process ") && said.contains("is at work in"), "{said}");
                self.waited.fetch_add(1, Ordering::Relaxed)
            }
            code => panic!("{code:?}: {said}"),
        };
    }
}

pub(crate) fn teachers_readers_and_others(extent: Extent) -> Finding {
    let base = Base::new(STRATEGIES[0]);
    let folder = base.copy();
    let at = folder.path();
    // The first version is kept, so that there is always one to go back to.
    done(at, &["tag", "it", "base", "1", "--json"]);
    let counts = Counts::default();
    let end = Instant::now() + extent.of(Duration::from_secs(60), Duration::from_secs(4));
    let goes_on = || Instant::now() < end;
    thread::scope(|scope| {
        for teacher in 0..2 {
            let counts = &counts;
            scope.spawn(move || {
                let mut lesson = 0;
                while goes_on() {
                    let task = format!("--task=of-{teacher}-{lesson}");
                    let words = [
                        "teach",
                        "it",
                        "digits",
                        &task,
                        "--classes=3,4",
                        "--max-drop=1",
                        "--max-class-drop=1",
                        "--json",
                    ];
                    let output = perennial(at, &words).output().unwrap();
                    counts.writer(&output, &counts.taught);
                    lesson += 1;
                }
            });
        }
        for words in [
            &["gc", "it", "--keep=2", "--delete", "--json"][..],
            &["rollback", "it", "--to=base", "--json"],
        ] {
            let counts = &counts;
            scope.spawn(move || {
                while goes_on() {
                    counts.writer(&perennial(at, words).output().unwrap(), &counts.moved);
                    thread::sleep(Duration::from_millis(150));
                }
            });
        }
        for reader in 0..4 {
            let counts = &counts;
            scope.spawn(move || {
                while goes_on() {
                    reads(at, reader);
                    counts.read.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    look(at);
    let [taught, moved, waited, read] =
        [counts.taught, counts.moved, counts.waited, counts.read].map(AtomicUsize::into_inner);
    assert!(taught > 0 && moved > 0 && read > 0, "{taught} {moved} {waited} {read}");
    Finding {
        heading: "A crowd",
        done: "Two teachers, a gc and a rollback in one folder for a minute, with four readers. Who finds \
               the folder in use is told by whom (exit code 75); readers need no lock and always see a \
               version that was committed, all of it; at the end every byte hashes to its name.",
        found: format!(
            "{taught} tasks taught, {moved} rollbacks and collections, {waited} times told who is at work, \
             {read} reads. All held."
        ),
    }
}

/// A reader always sees a version that was committed: one whose gate let it pass.
fn reads(at: &Path, reader: usize) {
    if reader.is_multiple_of(2) {
        let row = done(at, &["eval", "it", "--json"]);
        assert!(row["tasks"].as_array().is_some_and(|tasks| !tasks.is_empty()), "{row}");
        return;
    }
    let history = done(at, &["history", "it", "--json"]);
    let versions = history["versions"].as_array().unwrap();
    let head = versions.iter().find(|version| version["id"] == history["head"]);
    assert_eq!(head.map(|head| &head["refused"]), Some(&false.into()), "{history}");
}
