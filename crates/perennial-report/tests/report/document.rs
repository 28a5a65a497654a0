//! The contract: what is written is read back, and what is wrong is said.

use perennial_report::document::Cell;
use perennial_report::{Comparison, ReportError};
use serde_json::{Value, json};

use crate::sample::*;

fn written() -> Value {
    serde_json::to_value(with_gaps(comparison(&[FINETUNE, INDEPENDENT], 3, 2))).unwrap()
}

fn refused(document: &Value) -> ReportError {
    Comparison::parse(&document.to_string(), "run/result.json").unwrap_err()
}

#[test]
fn is_read_as_it_was_written() {
    let comparison = with_gaps(comparison(&[FINETUNE, INDEPENDENT], 3, 2));
    let text = serde_json::to_string(&comparison).unwrap();
    assert_eq!(Comparison::parse(&text, "x").unwrap(), comparison);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("result.json");
    std::fs::write(&file, &text).unwrap();
    assert_eq!(Comparison::read(folder.path()).unwrap(), comparison);
    assert_eq!(Comparison::read(&file).unwrap(), comparison);
}

#[test]
fn a_run_has_exactly_the_keys_of_the_contract() {
    let document = written();
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().unwrap().keys().map(ToString::to_string).collect()
    };
    assert_eq!(
        keys(&document["runs"][0]).join(" "),
        "acc accuracy average_incremental_accuracy average_incremental_accuracy_by_rows bwt \
         eval_seconds forgetting fwt intransigence kept_bytes label largest_class lca learner_digest \
         learning_accuracy notes parameters seed settings state_digest steps strategy task_known \
         test_rows train_seconds"
    );
    assert_eq!(keys(&document["runs"][0]["kept_bytes"]).join(" "), "data model strategy");
    assert_eq!(keys(&document["runs"][4]).join(" "), "error seed strategy");
    assert_eq!(keys(&document["runs"][4]["error"]).join(" "), "code hint message");
    assert_eq!(document["runs"][2]["fwt"], Value::Null);
    assert_eq!(document["runs"][2]["accuracy"][0], json!([null, null, null]));
}

#[test]
fn optional_parts_may_be_absent() {
    let mut document = written();
    let keys = document.as_object_mut().unwrap();
    keys.remove("methods");
    keys.remove("skipped");
    document["runs"][0].as_object_mut().unwrap().remove("notes");
    let comparison = Comparison::parse(&document.to_string(), "x").unwrap();
    assert!(comparison.methods.is_empty() && comparison.skipped.is_empty());
}

/// Catches: a figure of a kind of its own that is lost, one of a known kind that is not read.
#[test]
fn figures_are_kept_by_kind() {
    let mut document = written();
    let counted = json!({ "task": 1, "steps": 3, "projected": 0.5, "violated": 1.0,
                          "angle_before": 120.0, "angle_after": 90.0 });
    document["runs"][0]["figures"] = json!({ "conflicts": [counted], "my-own": [1, 2] });
    let comparison = Comparison::parse(&document.to_string(), "x").unwrap();
    assert_eq!(serde_json::to_value(&comparison).unwrap(), document);
    assert_eq!(comparison.done().next().unwrap().figures.conflicts.as_ref().unwrap()[0].steps, 3);
    document["runs"][0]["figures"]["conflicts"][0]["steps"] = json!("many");
    assert!(refused(&document).to_string().contains("seed 0: invalid type: string \"many\""));
}

#[test]
fn a_newer_schema_is_refused_as_newer() {
    let mut document = written();
    document["schema"] = json!("perennial.compare/2");
    document["runs"] = json!("of another shape");
    let error = refused(&document);
    assert!(matches!(error, ReportError::Newer { .. }));
    insta::assert_snapshot!(error, @"run/result.json has schema perennial.compare/2, and this program reads up to perennial.compare/1; use the perennial that wrote it, or a newer one");
}

#[test]
fn what_is_wrong_is_named() {
    let change = |pointer: &str, value: Value| {
        let mut document = written();
        *document.pointer_mut(pointer).unwrap() = value;
        refused(&document).to_string()
    };
    for (pointer, value, says) in [
        ("/schema", json!("other/1"), "its schema is \"other/1\"; expected"),
        ("/schema", json!(null), "it has no `schema` key"),
        ("/tasks", json!(0), "it has 0 tasks"),
        ("/tasks", json!(4), "it has 4 tasks but 3 task names"),
        ("/runs/1/seed", json!(0), "strategy finetune, seed 0 occurs twice"),
        ("/runs/0/accuracy", json!([[0.5, 0.5, 0.5]]), "has 1 rows of 3; 3 tasks need 4 rows"),
        ("/runs/0/accuracy/1/1", json!(1.5), "Row 1, column 1 of the accuracy matrix is 1.5"),
        ("/runs/0/acc", json!(58.3), "seed 0: one of its metrics is 58.3"),
        ("/runs/0/test_rows", json!([100, 100]), "seed 0: it has test rows of 2 tasks; expected 3"),
        ("/runs/0/lca", json!(1.5), "seed 0: one of its metrics is 1.5"),
        ("/runs/0/train_seconds", json!(-1.0), "seed 0: it took -1 seconds"),
        ("/runs/0/kept_bytes", json!(3), "run of strategy \"finetune\", seed 0"),
    ] {
        let error = change(pointer, value);
        assert!(error.contains(says), "{pointer}: {error}");
        assert!(error.starts_with("run/result.json "), "{error}");
    }
    let mut document = written();
    document["runs"][1].as_object_mut().unwrap().remove("steps");
    let error = refused(&document).to_string();
    assert!(error.contains("strategy \"finetune\", seed 1: missing field `steps`"), "{error}");
}

#[test]
fn no_file_half_a_file_and_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let error = Comparison::read(folder.path()).unwrap_err();
    assert!(matches!(error, ReportError::Missing { .. }));
    assert!(error.to_string().contains("result.json"), "{error}");

    let file = folder.path().join("result.json");
    let text = written().to_string();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let error = Comparison::read(&file).unwrap_err();
    assert!(matches!(error, ReportError::BadData { .. }) && error.to_string().contains("EOF"));

    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(Comparison::read(&file).unwrap_err().to_string().contains("not UTF-8"));
}

#[test]
fn cells_can_be_told_apart() {
    let comparison: Comparison = serde_json::from_value(written()).unwrap();
    assert_eq!(comparison.done().count(), 4);
    let failed: Vec<_> = comparison.failed().map(|run| (&*run.strategy, run.seed)).collect();
    assert_eq!(failed, [("gem", 3)]);
    assert!(matches!(comparison.runs[0], Cell::Done(_)));
}
