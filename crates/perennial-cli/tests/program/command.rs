//! The command in a document makes the same comparison again, whatever was asked for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{finish, perennial};

/// The plan that a run's folder holds.
fn plan(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("run.json")).unwrap()).unwrap()
}

/// Catches: a setting that the command leaves out, two that refuse each other, and words that
/// a shell takes apart.
#[test]
fn the_command_pasted_into_a_shell_makes_the_same_plan() {
    let folder = tempfile::tempdir().unwrap();
    let list = "my tasks, it's $HOME.toml";
    let task = |name: &str, turn: u32| {
        format!("[[task]]\nname = '{name}'\ndata = 'digits'\nrotate = {turn}\n")
    };
    fs::write(folder.path().join(list), task("a", 0) + &task("b", 40)).unwrap();
    for (i, words) in [
        &["permuted-digits", "--iterations=3", "--tasks=2", "--remainder=drop"][..],
        &[
            "permuted-digits",
            "--epochs=2",
            "--tasks=2",
            "--seed=7",
            "--set=permuted.first=identity",
        ],
        &[list, "--lr=1e-30", "--validation=0.25", "--eval-every=2"],
        &[
            "rotated-digits",
            "--set=rotated.angles=0, 15.5",
            "--optimizer=adam",
            "--anytime=2",
            "--lca=4",
        ],
        &[
            "permuted-digits",
            "--tasks=2",
            "--memory=1.5kB",
            "--strategies=gem,er",
            "--set=gem.margin=0",
        ],
        &["split-digits", "--set", "split.order=3, 1, 4, 0", "--set=split.classes=2"],
    ]
    .into_iter()
    .enumerate()
    {
        let (first, second) = (format!("first {i}"), format!("second {i}"));
        let mut command = perennial();
        command.current_dir(folder.path()).arg("compare").args(words);
        let unsaid = words.iter().all(|word| !word.starts_with("--strategies"));
        command.args(unsaid.then_some("--strategies=finetune"));
        command.args(["--samples-per-task=20", "--network=mlp:8"]);
        let unsaid = words.iter().all(|word| !word.starts_with("--seed"));
        command.args(unsaid.then_some("--seeds=1")).args(["--out", &first]);
        let said = finish(command)["command"].as_str().unwrap().to_owned();
        let program = env!("CARGO_BIN_EXE_perennial");
        let script = format!("perennial() {{ \"$PROGRAM\" \"$@\"; }}; {said} --out '{second}' -q");
        let output = Command::new("sh")
            .args(["-c", &script])
            .env("PROGRAM", program)
            .env_remove("PERENNIAL_DATA")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{said}: {}", String::from_utf8_lossy(&output.stderr));
        let [first, second] = [first, second].map(|name| plan(&folder.path().join(name)));
        assert_eq!(first, second, "{said}");
        assert!(said.len() < 400, "numbers are written short: {said}");
    }
}
