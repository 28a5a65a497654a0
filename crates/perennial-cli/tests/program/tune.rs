//! Settings chosen before a comparison, on what it does not report.

use std::fs;

use serde_json::Value;

use crate::run::{finish, numbers, perennial, refused};

/// A comparison of three reported tasks, with these flags more.
fn tuned(folder: &std::path::Path, out: &str, more: &[&str]) -> Value {
    let mut command = perennial();
    command.current_dir(folder).args(["compare", "--strategies=finetune,l2", "--tasks=3"]);
    command.args(["--samples-per-task=200", "--network=mlp:20", "--seeds=2", "--epochs=2"]);
    finish({
        command.args(more).args(["--out", out]);
        command
    })
}

/// Catches: tuning tasks that are reported, the reported tasks' accuracies in the choice, a
/// choice that is not used, one that is not the best.
#[test]
fn the_best_is_chosen_on_tasks_that_are_not_reported() {
    let folder = tempfile::tempdir().unwrap();
    // λ = 30 pulls too hard to learn anything after the first task.
    let flags = ["--tune=l2.lambda=30,0.01", "--tune-tasks=2"];
    let document = tuned(folder.path(), "a", &flags);
    let told = &document["tuned"][0];
    assert_eq!((&told["strategy"], &told["chosen"]), (&"l2".into(), &1.into()));
    let acc = |i: usize| told["tried"][i]["acc"].as_f64();
    assert!(acc(0).is_none_or(|worse| worse < acc(1).unwrap()), "{told}");
    let names = document["task_names"].as_array().unwrap();
    assert_eq!((names.len(), &names[0]), (3, &"permutation 3".into()));
    for run in document["runs"].as_array().unwrap().iter().filter(|run| run["strategy"] == "l2") {
        assert_eq!(run["settings"]["lambda"], 0.01);
    }
    // What was tried was judged by the 20 validation rows of each of two tasks.
    let cell = folder.path().join("a/tune/l2/lambda=0.01/cells/l2-0/result.json");
    let tried: Value = serde_json::from_slice(&fs::read(cell).unwrap()).unwrap();
    let last = tried["accuracy"].as_array().unwrap().last().unwrap().clone();
    let twentieths = |acc: &Value| (acc.as_f64().unwrap() * 20.0).fract().abs();
    assert_eq!(last.as_array().unwrap().iter().map(twentieths).collect::<Vec<_>>(), [0.0; 2]);
    // The same command goes on with what is there, and the one it prints makes it again.
    assert_eq!(numbers(tuned(folder.path(), "a", &flags)), numbers(document.clone()));
    let command = document["command"].as_str().unwrap();
    assert!(command.contains("--tune l2.lambda=30,0.01 --tune-tasks 2"), "{command}");
    assert!(!command.contains("--set l2.lambda"), "{command}");
}

/// Catches: tuning seeds that are reported.
#[test]
fn other_seeds_are_those_after_the_reported() {
    let folder = tempfile::tempdir().unwrap();
    tuned(folder.path(), "a", &["--tune=l2.lambda=0.01,0.1", "--tune-seeds=2"]);
    let cells = folder.path().join("a/tune/l2/lambda=0.1/cells");
    let mut names: Vec<_> =
        fs::read_dir(cells).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["l2-2", "l2-3"]);
}

#[test]
fn what_cannot_be_tuned_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (words, says) in [
        (&["--tune=l2.lambda=1,2"][..], "--tune-tasks K"),
        (&["--tune=l2.lambda", "--tune-tasks=1"], "no `=`"),
        (&["--tune=lr=1,2", "--tune-tasks=1"], "no setting of a strategy"),
        (&["--tune=l2.lamda=1,2", "--tune-tasks=1"], "l2.lambda"),
        (&["--tune=l2.lambda=1,x", "--tune-tasks=1"], "l2.lambda = x cannot be"),
        (&["--tune=l2.lambda=1,-2", "--tune-tasks=1"], "-2 cannot be"),
        (&["--tune=l2.lambda=1,,2", "--tune-tasks=1"], "a value is empty"),
        (&["--tune=l2.lambda=1,1", "--tune-tasks=1"], "there twice"),
        (&["--tune=l2.lambda=1,2", "--tune-tasks=0"], "on nothing"),
        (&["--tune=ewc.lambda=1,2", "--tune-tasks=1"], "ewc takes no part"),
        (&["split-digits", "--tune=l2.lambda=1,2", "--tune-seeds=1"], "every seed has the same"),
        (&["split-digits", "--tune=l2.lambda=1,2", "--tune-tasks=9"], "tasks"),
    ] {
        let mut command = perennial();
        command.current_dir(folder.path()).args(["compare", "--strategies=finetune,l2"]);
        let said = refused(
            {
                command.args(words).arg("--out=run");
                command
            },
            2,
            "usage",
        );
        assert!(said.contains(says), "{words:?}: {said}");
    }
    let cells = folder.path().join("run/cells");
    assert!(!cells.exists(), "nothing was to run");
}
