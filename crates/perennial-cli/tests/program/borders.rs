//! `compare --blurry` and `--no-borders`.

use std::fs;

use serde_json::{Value, json};

use crate::run::{document, finish, numbers, perennial, refused, small};

const BLURRED: &[&str] = &["--strategies=finetune,er", "--blurry=0.25", "--no-borders"];

/// Catches: a flag that the plan, the report or the command lack, one that a run can be gone on with
/// without, numbers that it does not change.
#[test]
fn the_run_says_what_its_borders_are_and_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let blurred = finish(small(folder.path(), BLURRED));
    let text = fs::read_to_string(folder.path().join("run.json")).unwrap();
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["training"]["blurry"], 0.25);
    assert_eq!(plan["training"]["no-borders"], true);
    let rows = &blurred["training"];
    let said = "0.25 of each task's training samples come from other tasks";
    assert_eq!(rows["blurry"], said);
    assert_eq!(rows["no-borders"], "strategies are not told where tasks begin and end");
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("training samples come from other tasks"));
    let command = blurred["command"].as_str().unwrap();
    assert!(command.contains(" --blurry 0.25 ") && command.contains(" --no-borders"), "{command}");
    // The command is of the same run: nothing is left to do.
    let mut again = perennial();
    again.args(command.split(' ').skip(1)).arg("--out").arg(folder.path());
    assert_eq!(numbers(finish(again)), numbers(blurred.clone()));
    for (words, difference) in [
        (["--blurry=0.5", "--no-borders"], "blurry: 0.25 → 0.5"),
        (["--blurry=0.25", "--no-borders=false"], "no-borders: true → none"),
    ] {
        let words = [&["--strategies=finetune,er"][..], &words].concat();
        let said = refused(small(folder.path(), &words), 2, "usage");
        assert!(said.contains(difference), "{said}");
    }
    let plain = tempfile::tempdir().unwrap();
    let plain = finish(small(plain.path(), &["--strategies=finetune,er"]));
    assert_eq!(plain["runs"][0]["test_rows"], blurred["runs"][0]["test_rows"]);
    assert_ne!(plain["runs"][0]["state_digest"], blurred["runs"][0]["state_digest"]);
    assert_ne!(plain["runs"][1]["state_digest"], blurred["runs"][1]["state_digest"]);
}

/// Catches: a share of 0 that changes a bit, or a plan of a program that had no such flag.
#[test]
fn a_share_of_nothing_is_no_flag() {
    let folder = tempfile::tempdir().unwrap();
    let plain = finish(small(folder.path(), &["--strategies=er"]));
    let zero = ["--strategies=er", "--blurry=0", "--set=no-borders=false"];
    assert_eq!(numbers(finish(small(folder.path(), &zero))), numbers(plain.clone()));
    let other = tempfile::tempdir().unwrap();
    assert_eq!(numbers(finish(small(other.path(), &zero))), numbers(plain));
    let text = |folder: &tempfile::TempDir| fs::read(folder.path().join("run.json")).unwrap();
    assert_eq!(text(&folder), text(&other));
}

/// Catches: a method that needs borders and is trained with, or that ends a comparison of all; a
/// sentence that does not say what would work; a memory of all tasks that is shared out by tasks.
#[test]
fn who_needs_borders_is_refused_or_skipped() {
    let folder = tempfile::tempdir().unwrap();
    for (words, code, said) in [
        (&["--strategies=ewc", "--blurry=0.1"][..], "usage", "matters"),
        (&["--strategies=ewc", "--no-borders"], "usage", "when a task ends"),
        (&["--strategies=agem", "--no-borders"], "usage", "agem.choose=reservoir"),
        (&["--strategies=er", "--blurry=1"], "usage", "at least 0 and below 1"),
        (&["--strategies=er", "--blurry=-0.1"], "usage", "at least 0 and below 1"),
        (&["--strategies=er", "--blurry=0.1", "--setting=task"], "usage", "--setting domain or"),
        (&["--strategies=er", "--no-borders", "--setting=task"], "usage", "--setting domain or"),
    ] {
        let said = said.replace("matters", "matter when a task ends");
        let told = refused(small(folder.path(), words), 2, code);
        assert!(told.contains(&said), "{told}");
    }
    let all = ["--strategies=all", "--no-borders", "--network=mlp:8", "--samples-per-task=50"];
    let done = finish(small(&folder.path().join("all"), &all));
    let ran: Vec<&Value> =
        done["runs"].as_array().unwrap().iter().map(|run| &run["strategy"]).collect();
    assert_eq!(ran, ["finetune", "er", "er-ace", "der", "derpp"]);
    let skipped = done["skipped"].as_array().unwrap();
    assert!(skipped.iter().any(|skipped| skipped["strategy"] == "agem"), "{skipped:?}");
    let agem = ["--strategies=agem", "--set=agem.choose=reservoir", "--no-borders", "--memory=30"];
    let done = finish(small(&folder.path().join("agem"), &agem));
    assert_eq!(done["runs"][0]["settings"]["memory"], 30);
    let kept = &done["runs"][0]["figures"]["memory"][2];
    let kept: u64 = kept.as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert_eq!(kept, 30);
}

/// In the class setting all classes have their output from the start. Catches: a report that says
/// that the head grows, a head that grows.
#[test]
fn the_head_is_full_without_borders() {
    let folder = tempfile::tempdir().unwrap();
    let words = "compare split-digits --tasks 3 --setting class --strategies finetune,er --seed 0 \
                 --samples-per-task 100 --network mlp:12 --blurry 0.1";
    let run = |more: &[&str]| {
        let mut command = perennial();
        command.args(words.split_whitespace()).args(more).arg("--out").arg(folder.path());
        command
    };
    let done = finish(run(&[]));
    assert_eq!(done["training"]["head"], "full");
    let said = refused(run(&["--head=grow"]), 2, "usage");
    assert!(said.contains("use --head full, or leave it out"), "{said}");
    let listed = document(&perennial().args(["list", "strategies", "--json"]).output().unwrap());
    let of = |name: &str| {
        let all = listed["strategies"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["needs_borders"].clone()
    };
    assert_eq!((of("er"), of("gem").is_string()), (json!(null), true));
}
