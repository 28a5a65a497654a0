//! `perennial predict`.

use perennial::store::{Learner, Predictions};
use serde_json::{Value, json};

use super::args::{Lines, Predict};
use super::source;
use crate::error::Result;
use crate::output;

/// Answers rows.
pub(crate) fn run(args: &Predict) -> Result<u8> {
    let learner = Learner::open(&args.learner)?;
    let (mut names, mut answers) = (Vec::new(), None::<Predictions>);
    for input in &args.inputs {
        let several = args.inputs.len() > 1;
        let (samples, shape, own) = source::inputs(&learner, input, &args.reading, several)?;
        let more = learner.predict(&samples, shape, args.task.as_deref())?;
        names.extend(own);
        match &mut answers {
            Some(answers) => answers.rows.extend(more.rows),
            None => answers = Some(more),
        }
    }
    let Some(answers) = answers else { return Ok(0) };
    match (args.json, args.format) {
        (true, _) => {
            let rows: Vec<Value> = rows(&names, &answers).collect();
            output::document(&json!({
                "schema": "perennial.predict/1", "version": answers.version, "task": answers.task,
                "classes": answers.classes, "rows": rows,
            }))?;
        }
        (false, Lines::Jsonl) => {
            let lines: String = rows(&names, &answers).map(|row| format!("{row}\n")).collect();
            output::answer(&lines)?;
        }
        (false, Lines::Csv) => output::answer(&csv(&names, &answers))?,
    }
    Ok(0)
}

fn rows<'a>(names: &'a [String], answers: &'a Predictions) -> impl Iterator<Item = Value> + 'a {
    names.iter().zip(&answers.rows).map(|(name, row)| {
        let classes = answers.classes.iter().zip(&row.probabilities);
        let probabilities: serde_json::Map<String, Value> =
            classes.map(|(class, &p)| (class.clone(), short(p).into())).collect();
        json!({
            "input": name, "label": answers.classes[row.class],
            "probability": short(row.probabilities[row.class]),
            "probabilities": probabilities,
        })
    })
}

/// Without the digits that only single precision has.
fn short(p: f32) -> f64 {
    p.to_string().parse().unwrap_or(f64::from(p))
}

fn csv(names: &[String], answers: &Predictions) -> String {
    let mut lines = String::from("input,label,probability");
    for class in &answers.classes {
        lines += &format!(",{}", quoted(&format!("p({class})")));
    }
    lines.push('\n');
    for (name, row) in names.iter().zip(&answers.rows) {
        let label = &answers.classes[row.class];
        let p = row.probabilities[row.class];
        lines += &format!("{},{},{p:.4}", quoted(name), quoted(label));
        for p in &row.probabilities {
            lines += &format!(",{p:.4}");
        }
        lines.push('\n');
    }
    lines
}

/// A field of CSV (RFC 4180): in quotes where it holds what would end it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
