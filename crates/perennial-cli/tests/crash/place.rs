//! Learners to be mistreated, and what is seen of one from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The methods whose learners are tried: one that keeps numbers beside θ, one that keeps masks.
pub(crate) const STRATEGIES: [&str; 2] = ["ewc", "packnet"];

/// What is taught while things go wrong. It saves by steps, so that every run makes the same calls.
pub(crate) const TEACH: &[&str] = &[
    "teach",
    "it",
    "digits",
    "--task=second",
    "--classes=3,4",
    "--epochs=2",
    "--max-drop=1",
    "--max-class-drop=1",
    "--save-every=25",
    "--json",
];

/// The program, in a folder.
pub(crate) fn perennial(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perennial"));
    quiet(&mut command).current_dir(folder).args(words);
    command
}

/// Without the environment that changes what the program does.
pub(crate) fn quiet(command: &mut Command) -> &mut Command {
    command.env_remove("PERENNIAL_DATA").env("RAYON_NUM_THREADS", "1").stdin(Stdio::null())
}

/// What a command says that must end well.
pub(crate) fn done(folder: &Path, words: &[&str]) -> Value {
    let output = perennial(folder, words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", errors(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn errors(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said + &String::from_utf8_lossy(&output.stdout)
}

/// A folder with a learner `it` that knows one task, and where it leads when nothing goes wrong.
pub(crate) struct Base {
    folder: TempDir,
    /// The digest of its version 1.
    pub(crate) old: String,
    /// The digest after [`TEACH`].
    pub(crate) new: String,
}

impl Base {
    pub(crate) fn new(strategy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let of = format!("--strategy={strategy}");
        done(at, &["init", "it", "--network=mlp:12", &of, "--setting=task", "--json"]);
        let first = ["teach", "it", "digits", "--task=first", "--classes=0,1,2", "--json"];
        let digest = |said: Value| said["state_digest"].as_str().unwrap().to_owned();
        let old = digest(done(at, &first));
        let undisturbed = copy(at);
        let new = digest(done(undisturbed.path(), TEACH));
        assert_ne!(old, new);
        Self { folder, old, new }
    }

    /// A copy to mistreat.
    pub(crate) fn copy(&self) -> TempDir {
        copy(self.folder.path())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A copy of a folder, with links and locks left behind.
pub(crate) fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy_into(from, to.path());
    to
}

pub(crate) fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_into(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a reader sees of the learner in a folder.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) head: u64,
    pub(crate) digest: Option<String>,
}

/// Opens the learner as a reader and hashes every byte of every version: all must be well.
pub(crate) fn look(folder: &Path) -> Seen {
    let history = done(folder, &["history", "it", "--json"]);
    let head = history["head"].as_u64().unwrap();
    let versions = history["versions"].as_array().unwrap();
    let version = versions.iter().find(|version| version["id"] == head).unwrap();
    let verified = done(folder, &["verify", "it", "--json"]);
    assert_eq!(verified["good"], true, "{verified}");
    Seen { head, digest: version["state_digest"].as_str().map(ToOwned::to_owned) }
}

/// All files of a learner below `it`, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("it")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
