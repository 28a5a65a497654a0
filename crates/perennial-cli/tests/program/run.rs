//! Running the program on small jobs.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A comparison of under a second: three tasks of 200 digits, three strategies, one seed.
pub(crate) const SMALL: &[&str] = &[
    "compare",
    "permuted-digits",
    "--strategies=finetune,joint,independent",
    "--seeds=1",
    "--tasks=3",
    "--samples-per-task=200",
    "--network=mlp:20",
    "--eval-samples=100",
];

/// The program, with none of the environment that changes what it does.
pub(crate) fn perennial() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perennial"));
    command.env_remove("PERENNIAL_DATA").env_remove("RAYON_NUM_THREADS").stdin(Stdio::null());
    command
}

/// The small comparison into `out`, with more words.
pub(crate) fn small(out: &Path, more: &[&str]) -> Command {
    let mut command = perennial();
    command.args(SMALL).args(more).arg("--out").arg(out);
    command
}

/// What a command prints as its one JSON document.
pub(crate) fn document(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// Runs to the end, which must be good; says the document.
pub(crate) fn finish(mut command: Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    document(&output)
}

/// What must be equal of two comparisons: everything but seconds and the machine.
pub(crate) fn numbers(mut document: Value) -> Value {
    for run in document["runs"].as_array_mut().unwrap() {
        let run = run.as_object_mut().unwrap();
        run.remove("train_seconds");
        run.remove("eval_seconds");
    }
    document
}

/// Expects a failure: its exit code and, with `--json`, its code and the words of its sentence
/// and hint. Nothing else may be on standard out.
pub(crate) fn refused(mut command: Command, exit: i32, code: &str) -> String {
    let output = command.arg("--json").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{errors}");
    let error = document(&output)["error"].clone();
    assert_eq!(error["code"], code, "{error}");
    format!("{}\n{}", error["message"].as_str().unwrap(), error["hint"].as_str().unwrap())
}
