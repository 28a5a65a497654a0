//! System calls seen and disturbed from outside, by `strace`.

use std::path::Path;
use std::process::{Command, Output};

use crate::place::quiet;

/// The calls that change files.
const CALLS: &str = "write,pwrite64,writev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,\
                     unlink,unlinkat,mkdir,mkdirat";

/// One call of a run: its name, and how many calls of that name it comes after, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) number: usize,
    /// As `strace` shows it.
    pub(crate) shown: String,
}

/// Whether `strace` is there; if not, says so.
pub(crate) fn is_there() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !there {
        eprintln!("skipped: strace is not installed, so no system call can be disturbed");
    }
    there
}

/// Runs the program to its end, which must be good, and says the calls that its main thread made to
/// change files below `folder`.
pub(crate) fn record(folder: &Path, words: &[&str]) -> Vec<Call> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command.args(["-qq", "-y", "-s", "0", "-o"]).arg(log.path());
    command.args(["-e", &format!("trace={CALLS}"), env!("CARGO_BIN_EXE_perennial")]).args(words);
    let output = quiet(&mut command).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(log.path()).unwrap();
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        let number = 1 + calls.iter().filter(|call| call.name == name).count();
        calls.push(Call { name: name.to_owned(), number, shown: line.to_owned() });
    }
    // Standard streams are counted like all others, and left alone. Paths are relative where the
    // program was given a relative one.
    let real = folder.canonicalize().unwrap();
    let within =
        |call: &Call| call.shown.contains(&*real.to_string_lossy()) || call.shown.contains("(\"it");
    calls.retain(within);
    calls
}

/// Runs the program while one of its calls is disturbed: `how` is `signal=KILL` or `error=EIO`.
pub(crate) fn disturb(folder: &Path, words: &[&str], call: &Call, how: &str) -> Output {
    let Call { name, number, .. } = call;
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={name}")]);
    command.args(["-e", &format!("inject={name}:{how}:when={number}")]);
    command.arg(env!("CARGO_BIN_EXE_perennial")).args(words);
    quiet(&mut command).current_dir(folder).output().unwrap()
}
