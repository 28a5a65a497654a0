//! `perennial eval`.

use perennial::store::{Evaluated, Learner};
use serde_json::{Value, json};

use super::args::Eval;
use super::{number, source};
use crate::error::Result;
use crate::output;
use crate::plan::value;

/// Measures every task, or one on other data.
pub(crate) fn run(args: &Eval) -> Result<u8> {
    let learner = Learner::open(&args.learner)?;
    let version = learner.head()?.id;
    let mut understanding = None;
    let row = match &args.data {
        Some(data) => {
            let lesson = source::judges(&learner, data, args)?;
            let found = learner.evaluate_on(&lesson, args.task.as_deref())?;
            understanding = Some(lesson.understanding);
            vec![found]
        }
        None => learner.evaluate()?,
    };
    for note in row.iter().flat_map(|task| &task.notes) {
        output::note(note);
    }
    let mean = row.iter().map(Evaluated::accuracy).sum::<f64>() / row.len() as f64;
    let mean = (!row.is_empty()).then_some(mean);
    if args.json {
        let task = |task: &Evaluated| {
            json!({
                "task": task.task, "rows": task.rows, "right": task.right,
                "accuracy": task.accuracy(), "interval": task.interval, "notes": task.notes,
            })
        };
        let tasks: Vec<Value> = row.iter().map(task).collect();
        output::document(&json!({
            "schema": "perennial.eval/1", "version": version, "tasks": tasks, "mean": mean,
            "data": understanding.as_ref().map(value),
        }))?;
        return Ok(0);
    }
    if row.is_empty() {
        output::answer("no task has a test part here: teach one, or name data to measure on\n")?;
        return Ok(0);
    }
    let mut rows = vec![["task", "accuracy", "95 % interval", "samples"].map(String::from)];
    for task in &row {
        let [low, high] = task.interval.map(number);
        let interval = format!("{low} to {high}");
        rows.push([task.task.clone(), number(task.accuracy()), interval, task.rows.to_string()]);
    }
    if row.len() > 1 {
        let mean = mean.map_or_else(String::new, number);
        rows.push(["mean".into(), mean, String::new(), String::new()]);
    }
    output::answer(&output::columns(&rows, output::width()))?;
    Ok(0)
}
