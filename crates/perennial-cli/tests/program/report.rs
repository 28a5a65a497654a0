//! The report: of one run and of several, finished or not; its figures and event files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::{document, finish, perennial, refused, small};

fn report(folders: &[&Path], more: &[&str]) -> Command {
    let mut command = perennial();
    command.arg("report").args(folders).args(more);
    command
}

/// A tiny run in a folder of this name.
fn part(folder: &Path, name: &str, words: &[&str]) -> PathBuf {
    let out = folder.join(name);
    let mut command = perennial();
    command.args(["compare", "--strategies=finetune", "--tasks=2", "--samples-per-task=20"]);
    command.args(["--network=mlp:8"]).args(words).arg("--out").arg(&out);
    finish(command);
    out
}

#[test]
fn a_report_is_made_of_run_folders_only() {
    let folder = tempfile::tempdir().unwrap();
    let (run, page) = (folder.path().join("run"), folder.path().join("page.html"));
    finish(small(&run, &[]));
    let mut command = report(&[&run], &[]);
    command.arg("-o").arg(&page);
    assert_eq!(finish(command)["schema"], "perennial.report/1");
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    let said = refused(report(&[folder.path()], &[]), 66, "input-missing");
    assert!(said.contains("result.json"), "{said}");
}

/// Catches: seeds of two folders that stay apart; different comparisons that are joined or refused;
/// one cell that counts twice.
#[test]
fn parts_are_joined_and_other_comparisons_stand_beside() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name, words: &[&str]| part(folder.path(), name, words);
    let (a, b) = (part("a", &["--seed=0"]), part("b", &["--seed=1"]));
    let other = part("other", &["--seed=2", "--lr=0.2"]);
    let page = folder.path().join("page.html");
    let mut command = report(&[&a, &b, &other], &[]);
    let output = command.arg("-o").arg(&page).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("permuted-digits, 2 tasks").count(), 2, "{text}");
    let legend = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(legend.contains("interval over 2 seeds"), "{text}");
    let page = fs::read_to_string(&page).unwrap();
    assert_eq!(page.matches(">The answer</h2>").count(), 2);
    let said = refused(report(&[&a, &a], &[]), 65, "bad-data");
    assert!(said.contains("strategy finetune, seed 0 occurs twice"), "{said}");
}

/// A run that was stopped: one cell ended, one has half a line in its log. Catches: a prefix that
/// is refused or taken for a result.
#[test]
fn a_run_that_has_not_ended_shows_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    finish(small(&run, &["--strategies=finetune,ewc"]));
    halve(&run, "ewc-0");
    let output = report(&[&run], &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("has not ended: 1 of 2 runs have"), "{said}");
    assert!(said.contains("goes on: perennial compare permuted-digits"), "{said}");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("<b>ewc</b>, seed 0, has not ended: 1 of 3 tasks so far"));
}

/// Makes a finished run one whose cell of this name is under way: after one of its three tasks,
/// in the middle of a line.
pub(crate) fn halve(run: &Path, cell: &str) -> String {
    let cell = run.join("cells").join(cell);
    fs::remove_file(run.join("result.json")).unwrap();
    fs::remove_file(cell.join("result.json")).unwrap();
    let log = fs::read_to_string(cell.join("events.jsonl")).unwrap();
    let row = log.find("\"after\":2").unwrap();
    let (before, after) = log.split_at(row);
    fs::write(cell.join("events.jsonl"), before).unwrap();
    after.to_owned()
}

#[test]
fn a_run_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = part(folder.path(), "a", &["--seed=0"]);
    for (name, schema) in [("result.json", "perennial.compare"), ("run.json", "perennial.run")] {
        let path = run.join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(&format!("{schema}/1"), &format!("{schema}/2"))).unwrap();
        let said = refused(report(&[&run], &[]), 65, "bad-data");
        assert!(said.contains(&format!("has schema {schema}/2")), "{said}");
        fs::remove_file(&path).unwrap();
    }
}

/// Catches: a figure that is not written, a PNG without pixels or without its text.
#[test]
#[allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]
fn figures_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = part(folder.path(), "a", &["--seeds=2"]);
    let figures = folder.path().join("figures");
    let said = finish(report(&[&run], &["--figures", figures.to_str().unwrap()]));
    let names: Vec<String> = fs::read_dir(&figures)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(said["figure_files"], names.len());
    for name in
        ["accuracy-so-far", "stability", "memory-price", "matrix-finetune", "curves-finetune"]
    {
        for kind in ["svg", "csv", "md", "tex"] {
            assert!(names.contains(&format!("{name}.{kind}")), "{name}.{kind} in {names:?}");
        }
    }
    let csv = fs::read_to_string(figures.join("ranking.csv")).unwrap();
    assert!(csv.starts_with("strategy,marks,ACC,ACC ± 95 %,BWT"), "{csv}");
    if !names.contains(&"stability.png".to_owned()) {
        eprintln!("SKIPPED: no fonts here: PNG files are NOT checked");
        return;
    }
    let png = fs::read(figures.join("matrix-finetune.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 2000, "{} bytes", png.len());
}

/// Reads event files back with the package that draws them, where Python has it.
#[test]
#[allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]
fn event_files_are_read_by_tensorboard() {
    const READ: &str = "
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0})
read.Reload()
tags = read.Tags()['scalars']
print(json.dumps({tag: [[e.step, e.value] for e in read.Scalars(tag)] for tag in tags}))
";
    let folder = tempfile::tempdir().unwrap();
    let run = part(folder.path(), "a", &["--seed=0"]);
    let events = folder.path().join("events");
    let said = finish(report(&[&run], &["--tensorboard", events.to_str().unwrap()]));
    assert_eq!(said["event_files"], 1);
    let cell = events.join("finetune/seed-0");
    assert_eq!(fs::read_dir(&cell).unwrap().count(), 1);
    let has = Command::new("python3").args(["-c", "import tensorboard"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no tensorboard in python3: event files are NOT read back");
        return;
    }
    let output = Command::new("python3").args(["-c", READ]).arg(&cell).output().unwrap();
    let told = document(&output);
    let result: Value =
        serde_json::from_str(&fs::read_to_string(run.join("result.json")).unwrap()).unwrap();
    let r = &result["runs"][0];
    for task in 0..2 {
        let scalars = told[format!("accuracy/task {}", task + 1)].as_array().unwrap();
        assert_eq!(scalars.len(), 3, "untrained, and after each task");
        for (after, scalar) in scalars.iter().enumerate() {
            let value = r["accuracy"][after][task].as_f64().unwrap();
            assert_eq!(scalar[0], after);
            assert!((scalar[1].as_f64().unwrap() - value).abs() < 1e-6, "{scalar} {value}");
        }
    }
    let bwt = told["end/BWT"][0][1].as_f64().unwrap();
    assert!((bwt - r["bwt"].as_f64().unwrap()).abs() < 1e-6);
}
