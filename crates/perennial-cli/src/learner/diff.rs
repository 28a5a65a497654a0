//! `perennial diff`.

use perennial::store::{Learner, TaskChange};
use serde_json::{Value, json};

use super::args::Diff;
use super::{change, counted, number, version};
use crate::error::Result;
use crate::output;

/// Compares two versions.
pub(crate) fn run(args: &Diff) -> Result<u8> {
    let learner = Learner::open(&args.learner)?;
    let (from, to) = (version(&learner, &args.from)?, version(&learner, &args.to)?);
    let difference = learner.diff(from, to)?;
    if args.json {
        output::document(&json!({
            "schema": "perennial.diff/1",
            "from": from,
            "to": to,
            "tasks": difference.tasks.iter().map(task).collect::<Vec<Value>>(),
        }))?;
        return Ok(0);
    }
    let mut text = String::new();
    for task in &difference.tasks {
        text += &words(task, from, to);
    }
    if text.is_empty() {
        text = "neither version knows a task\n".into();
    }
    output::answer(&text)?;
    Ok(0)
}

fn task(change: &TaskChange) -> Value {
    let classes = change.classes.iter().map(|class| {
        json!({
            "class": class.class, "rows": class.rows,
            "right_before": class.before, "right_after": class.after,
        })
    });
    json!({
        "task": change.task,
        "before": change.before,
        "after": change.after,
        "classes": classes.collect::<Vec<Value>>(),
        "broke": change.broke,
        "mended": change.mended,
    })
}

fn words(task: &TaskChange, from: u64, to: u64) -> String {
    let name = &task.task;
    let (before, after) = match (task.before, task.after) {
        (Some(before), Some(after)) => (before, after),
        (None, Some(after)) => {
            return format!("`{name}`: {} in version {to}, unknown to {from}\n", number(after));
        }
        (Some(before), None) => {
            return format!("`{name}`: {} in version {from}, unknown to {to}\n", number(before));
        }
        (None, None) => return format!("`{name}`: measured in neither version\n"),
    };
    let mut text =
        format!("`{name}`: {} → {} ({})\n", number(before), number(after), change(before, after));
    let mut rows = Vec::new();
    for class in task.classes.iter().filter(|class| class.before != class.after) {
        let what = if class.after > class.before { "better" } else { "worse" };
        let right = format!("{} → {} of {} right", class.before, class.after, class.rows);
        rows.push([format!("  {}", class.class), what.to_owned(), right]);
    }
    text += &output::columns(&rows, output::width());
    let flips = [("broke", &task.broke), ("mended", &task.mended)];
    let flips = flips.into_iter().filter(|(_, ids)| !ids.is_empty());
    let flips: Vec<[String; 2]> =
        flips.map(|(what, ids)| [format!("  {what}"), samples(ids)]).collect();
    text + &output::columns(&flips, output::width())
}

/// As many ids as a reader may want; all are in the document.
fn samples(ids: &[u64]) -> String {
    const MOST: usize = 20;
    let shown: Vec<String> = ids.iter().take(MOST).map(ToString::to_string).collect();
    let more = if ids.len() > MOST { ", …" } else { "" };
    let count = counted(ids.len() as u64, "test sample");
    format!("{count} ({}{more})", shown.join(", "))
}
