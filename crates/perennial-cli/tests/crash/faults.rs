//! A kill before every call that changes a file, and every such call refused.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Output;

use crate::finding::{Extent, Finding};
use crate::place::{Base, STRATEGIES, TEACH, done, errors, look, perennial};
use crate::trace::{self, Call};

const SIGKILL: i32 = 9;

/// A command that changes a learner, made ready in a folder of its own.
struct Job {
    name: String,
    words: &'static [&'static str],
    base: Base,
    prepare: fn(&Path),
    /// What must hold after it was cut short and given again.
    settle: fn(&Base, &Path),
}

fn jobs() -> Vec<Job> {
    let mut jobs = Vec::new();
    for strategy in STRATEGIES {
        let base = Base::new(strategy);
        let (name, words) = (format!("teach ({strategy})"), TEACH);
        jobs.push(Job { name, words, base, prepare: |_| {}, settle: taught });
    }
    let job = |name: &str, words, prepare, settle| {
        let base = Base::new(STRATEGIES[0]);
        Job { name: name.to_owned(), words, base, prepare, settle }
    };
    let after = |at: &Path| {
        done(at, TEACH);
    };
    jobs.push(job("rollback", &["rollback", "it", "--to=1", "--json"], after, |base, at| {
        assert_eq!(look(at).digest.as_ref(), Some(&base.old));
    }));
    // Of three versions only the second is garbage: HEAD goes on from the first.
    let branched = |at: &Path| {
        done(at, TEACH);
        done(at, &["rollback", "it", "--to=1", "--json"]);
        done(
            at,
            &[
                "teach",
                "it",
                "digits",
                "--task=third",
                "--classes=5,6",
                "--max-drop=1",
                "--max-class-drop=1",
                "--json",
            ],
        );
    };
    jobs.push(job("gc", &["gc", "it", "--keep=1", "--delete", "--json"], branched, |_, at| {
        let seen = done(at, &["gc", "it", "--keep=1", "--delete", "--json"]);
        assert_eq!((&seen["files"], look(at).head), (&0.into(), 3));
    }));
    let exported = |at: &Path| {
        done(at, &["export", "it", "exported.safetensors", "--json"]);
        std::fs::rename(at.join("it"), at.join("exporter")).unwrap();
    };
    jobs.push(job(
        "import",
        &["import", "it", "exported.safetensors", "--json"],
        exported,
        |base, at| assert_eq!(look(at).digest.as_ref(), Some(&base.old)),
    ));
    jobs
}

/// Taught to the same bits as when nothing went wrong.
fn taught(base: &Base, at: &Path) {
    let seen = look(at);
    assert_eq!((seen.head, seen.digest.as_ref()), (2, Some(&base.new)));
}

impl Job {
    fn ready(&self) -> tempfile::TempDir {
        let folder = self.base.copy();
        (self.prepare)(folder.path());
        folder
    }

    /// The calls to disturb.
    fn calls(&self) -> Vec<Call> {
        let folder = self.ready();
        let calls = trace::record(folder.path(), self.words);
        assert!(calls.len() >= 3, "{}: {calls:?}", self.name);
        calls
    }

    /// After something went wrong: a reader sees the old or the new learner, whole, and the same
    /// command given again ends well.
    fn settles(&self, at: &Path, what: &str) {
        let before_first = self.name == "import" && !at.join("it/HEAD").exists();
        if !before_first {
            let seen = look(at);
            let known = [&self.base.old, &self.base.new];
            let gc = self.name == "gc" && seen.head == 3;
            assert!(gc || seen.digest.iter().any(|it| known.contains(&it)), "{what}: {seen:?}");
        }
        let output = perennial(at, self.words).output().unwrap();
        // Imported after all: there is a learner already.
        let there = self.name == "import" && at.join("it/HEAD").exists() && !before_first;
        assert!(output.status.success() || there, "{what}: {}", errors(&output));
        (self.settle)(&self.base, at);
        let next = [
            "teach",
            "it",
            "digits",
            "--task=next",
            "--classes=7,8",
            "--max-drop=1",
            "--max-class-drop=1",
            "--json",
        ];
        assert_eq!(done(at, &next)["committed"], true, "{what}");
    }
}

pub(crate) fn killed_at_every_call(extent: Extent) -> Finding {
    let mut found = Vec::new();
    for job in trace::is_there().then(jobs).into_iter().flatten() {
        let calls = extent.pick(job.calls(), 29);
        for call in &calls {
            let folder = job.ready();
            let output = trace::disturb(folder.path(), job.words, call, "signal=KILL");
            let what = format!("{} killed before {}", job.name, call.shown);
            // strace ends as what it watches does, or says it as shells do.
            let (signal, code) = (output.status.signal(), output.status.code());
            let killed = signal == Some(SIGKILL) || code == Some(128 + SIGKILL);
            assert!(killed, "{what}: was not: {}", errors(&output));
            job.settles(folder.path(), &what);
        }
        found.push(format!("{} {}", job.name, calls.len()));
    }
    Finding {
        heading: "Killed before every call",
        done: "`kill -9` before each write, fsync, rename, unlink and mkdir below the learner's folder. \
               After each, readers see exactly the old or the new version, every byte of every version \
               hashes to its name, the same command given again ends with the digest of an undisturbed \
               run, and the next task is taught.",
        found: format!("Kills: {}. All held.", found.join(", ")),
    }
}

pub(crate) fn refused_by_the_system(extent: Extent) -> Finding {
    let mut found = Vec::new();
    for job in trace::is_there().then(jobs).into_iter().flatten() {
        let mut tried = [0, 0];
        for call in extent.pick(job.calls(), 31) {
            let errors: &[&str] = if call.name == "write" { &["EIO", "ENOSPC"] } else { &["EIO"] };
            for (error, tried) in errors.iter().zip(&mut tried) {
                let folder = job.ready();
                let how = format!("error={error}");
                let output = trace::disturb(folder.path(), job.words, &call, &how);
                let what = format!("{}: {error} of {}", job.name, call.shown);
                told(&output, &call, &what);
                job.settles(folder.path(), &what);
                *tried += 1;
            }
        }
        found.push(format!("{} {} and {}", job.name, tried[0], tried[1]));
    }
    Finding {
        heading: "Refused by the system",
        done: "EIO from each write, fsync, rename, unlink and mkdir, and ENOSPC from each write. The \
               command is refused with exit code 73 or 74 and a sentence that names the file; the rest as \
               above.",
        found: format!("Refusals (EIO and ENOSPC): {}. All held.", found.join(", ")),
    }
}

/// The refusal is told with the file. That a file of a killed writer cannot be removed may pass:
/// what matters is whether the one that takes its place can be made.
fn told(output: &Output, call: &Call, what: &str) {
    let said = errors(output);
    if call.name.starts_with("unlink") && output.status.success() {
        return;
    }
    assert!([Some(73), Some(74)].contains(&output.status.code()), "{what}: {said}");
    let named = ["it/", "create it:", "folder"].iter().any(|name| said.contains(name));
    assert!(named, "{what}: no file is named: {said}");
}
