//! What is measured within tasks: any-time metrics and learning curves.

use perennial_report::Comparison;
use serde_json::{Value, json};

use crate::run::{finish, small};

#[test]
fn what_was_measured_within_tasks_is_in_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--strategies=finetune", "--iterations=20", "--anytime=5"];
    let document = finish(small(&folder.path().join("within"), &words));
    let within = &document["runs"][0]["anytime"];
    assert_eq!((&within["period"], &within["evaluations"]), (&5.into(), &12.into()));
    for key in ["window", "aaa", "min_acc", "wc_acc", "wf", "wp"] {
        assert!(within[key].is_number(), "{key} of {within}");
    }
    let series = within["series"].as_array().unwrap();
    let steps: Vec<u64> = series.iter().map(|at| at["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (1..=12).map(|n| 5 * n).collect::<Vec<u64>>());
    assert_eq!(
        (&series[11]["task"], series[11]["accuracies"].as_array().unwrap().len()),
        (&2.into(), 3)
    );
    let read = Comparison::read(&folder.path().join("within")).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), document);
    // Not asked for, it is absent.
    let plain = finish(small(&folder.path().join("plain"), &words[..2]));
    assert!(plain["runs"][0].get("anytime").is_none());
}

/// Before the first batch of a task the network is that of the row of R before, after the last that
/// of the row after; four batches are all there are. Catches: an accuracy before a batch that is
/// counted as after it, another task's, other test rows than those of R.
#[test]
fn learning_curves_run_from_one_row_of_r_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--strategies=finetune,er", "--iterations=4", "--lca=4"];
    let document = finish(small(&folder.path().join("lca"), &words));
    for run in document["runs"].as_array().unwrap() {
        let curves = &run["learning_curves"];
        let mut all = Vec::new();
        for task in 0..3 {
            let curve = curves["curves"][task].as_array().unwrap();
            assert_eq!(curve.len(), 5);
            assert_eq!(curve[0], run["accuracy"][task][task], "{run}");
            assert_eq!(curve[4], run["accuracy"][task + 1][task], "{run}");
            all.extend(curve.iter().map(|accuracy| accuracy.as_f64().unwrap()));
        }
        let mean = all.iter().sum::<f64>() / 15.0;
        assert!((run["lca"].as_f64().unwrap() - mean).abs() < 1e-12);
        assert_eq!((&curves["beta"], &curves["area"]), (&json!(4), &run["lca"]));
    }
    let page = std::fs::read_to_string(folder.path().join("lca/report.html")).unwrap();
    assert!(page.contains("<th scope=\"col\">LCA</th>") && page.contains("its first 4"));

    // Not asked for, it costs nothing and says nothing; asked for more batches than there are, null.
    let plain = finish(small(&folder.path().join("plain"), &words[..2]));
    assert_eq!(plain["runs"][0]["lca"], Value::Null);
    assert!(plain["runs"][0].get("learning_curves").is_none());
    assert_eq!(plain["runs"][0]["state_digest"], document["runs"][0]["state_digest"]);
    let long = ["--strategies=finetune", "--iterations=4", "--lca=5"];
    let long = finish(small(&folder.path().join("long"), &long));
    assert_eq!(long["runs"][0]["lca"], Value::Null);
}

/// Catches: the fall of a network that begins anew taken for forgetting, batches of all tasks for
/// those of one.
#[test]
fn what_restarts_within_a_task_has_no_metrics_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = ["aaa", "min_acc", "wc_acc", "wf", "wp"];
    let words = ["--strategies=finetune,joint,cpg", "--anytime=5", "--lca=2"];
    let document = finish(small(&folder.path().join("run"), &words));
    let numbers = |run: &Value| metrics.map(|key| run["anytime"][key].is_number());
    for run in document["runs"].as_array().unwrap() {
        let measured = run["strategy"] == "finetune";
        assert_eq!(numbers(run), [measured; 5], "{run}");
        assert_eq!(run["lca"].is_number(), measured, "{run}");
        assert!(!run["anytime"]["series"].as_array().unwrap().is_empty(), "{run}");
    }
    // Joint training that goes on has any-time metrics; its batches are of all tasks so far.
    let words = ["--strategies=joint", "--set=joint.start=continued", "--anytime=5", "--lca=2"];
    let document = finish(small(&folder.path().join("continued"), &words));
    let run = &document["runs"][0];
    assert_eq!((numbers(run), &run["lca"]), ([true; 5], &Value::Null));
}

/// Catches: means of the last task's end that are measured within the next one.
#[test]
fn what_answers_at_the_end_of_a_task_is_not_measured_within_it() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--setting=task", "--strategies=icarl,gdumb", "--anytime=5", "--lca=2"];
    let words = [&words[..], &["--set=gdumb.passes=2"]].concat();
    let document = finish(small(&folder.path().join("run"), &words));
    for run in document["runs"].as_array().unwrap() {
        let series = run["anytime"]["series"].as_array().unwrap();
        assert_eq!(series.is_empty(), run["strategy"] == "icarl", "{run}");
        let nulls = [&run["anytime"]["aaa"], &run["anytime"]["wc_acc"], &run["lca"]];
        assert_eq!(nulls, [&Value::Null; 3], "{run}");
        assert!(run["accuracy"][3][0].is_number(), "{run}");
    }
}

/// Two tasks of five digits have other numbers of test rows. Catches: rows of another part, a mean
/// in which a small task counts as much as a large one.
#[test]
fn test_rows_weigh_the_average_incremental_accuracy() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::run::perennial();
    command.args(["compare", "split-digits", "--tasks=2", "--seed=0", "--strategies=finetune"]);
    command.args(["--network=mlp:20", "--samples-per-task=200"]).arg("--out").arg(folder.path());
    let document = finish(command);
    let run = &document["runs"][0];
    let rows: Vec<f64> =
        run["test_rows"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    assert!(rows.len() == 2 && rows[0] != rows[1], "{rows:?}");
    let r = |i: usize, j: usize| run["accuracy"][i][j].as_f64().unwrap();
    for (j, rows) in rows.iter().enumerate() {
        let right = r(2, j) * rows;
        assert!((right - right.round()).abs() < 1e-9, "{right} of {rows} rows");
    }
    let by_rows = (r(2, 0) * rows[0] + r(2, 1) * rows[1]) / (rows[0] + rows[1]);
    let expected = [(r(1, 0) + f64::midpoint(r(2, 0), r(2, 1))) / 2.0, (r(1, 0) + by_rows) / 2.0];
    let keys = ["average_incremental_accuracy", "average_incremental_accuracy_by_rows"];
    for (key, expected) in keys.into_iter().zip(expected) {
        assert!((run[key].as_f64().unwrap() - expected).abs() < 1e-12, "{key}");
    }
}
