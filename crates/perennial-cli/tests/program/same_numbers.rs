//! Numbers depend on the plan alone: not on jobs, threads or when a cell was saved.

use serde_json::Value;

use crate::run::{finish, numbers, small};

#[test]
fn jobs_threads_and_saving_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, words: &[&str]| {
        numbers(finish(small(&folder.path().join(name), &[words, &["--seeds=2"]].concat())))
    };
    let first = with("a", &["--jobs=1", "--threads=1"]);
    assert_eq!(with("b", &["--jobs=2", "--threads=1"]), first);
    assert_eq!(with("c", &["--jobs=2", "--threads=2"]), first);
    assert_eq!(with("d", &["--jobs=1", "--threads=2", "--save-every=7"]), first);
    // Two memories of 150 rows are two passes, which two threads share.
    let gem = ["--strategies=gem", "--set=gem.memory=150", "--jobs=1"];
    let one = with("e", &[&gem[..], &["--threads=1"]].concat());
    assert_eq!(with("f", &[&gem[..], &["--threads=2"]].concat()), one);
}

/// What a strategy found, with all of its digests.
fn run_of(document: &Value, strategy: &str) -> Value {
    let runs = numbers(document.clone())["runs"].as_array().unwrap().clone();
    runs.into_iter().find(|run| run["strategy"] == strategy).unwrap()
}

/// Catches: samples set apart for all where one chooses by them, one that chooses without any, a
/// report that does not say who has fewer.
#[test]
fn no_strategy_depends_on_those_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let with = |strategies: &str, more: &[&str]| {
        let out = folder.path().join(format!("{strategies}{}", more.len()));
        let strategies = format!("--strategies={strategies}");
        finish(small(&out, &[&[&strategies, "--setting=task"], more].concat()))
    };
    let (alone, beside) = (with("finetune", &[]), with("finetune,packnet,cpg", &[]));
    assert_eq!(run_of(&alone, "finetune"), run_of(&beside, "finetune"));
    assert_eq!(alone["training"]["validation"], "0");
    let says = "cpg sets 10 % of its training samples apart to choose by";
    assert_eq!(beside["training"]["validation"], format!("0; {says}"));
    let cpg = run_of(&beside, "cpg");
    assert_eq!(cpg["notes"][0], says);
    assert_eq!(run_of(&beside, "packnet")["notes"], Value::Array(Vec::new()));
    // What it takes by itself is what it has when all are asked to set a tenth apart.
    let asked = with("finetune,cpg", &["--validation=0.1"]);
    assert_eq!(run_of(&asked, "cpg")["state_digest"], cpg["state_digest"]);
    assert_eq!(asked["training"]["validation"], "0.1");
    assert_ne!(
        run_of(&asked, "finetune")["state_digest"],
        run_of(&alone, "finetune")["state_digest"]
    );
}
