//! `perennial predict`.

use perennial::scenario::Samples;
use perennial::store::{Learner, Predictions};
use perennial_data::{Ids, Understanding};
use serde_json::{Value, json};

use super::args::{Lines, Predict};
use super::source;
use crate::error::Result;
use crate::output;
use crate::plan::value;

/// What was asked and answered.
#[derive(Default)]
struct Answered {
    /// What each row is called. `[rows]`
    names: Vec<String>,
    /// What the data call each row.
    ids: Option<Ids>,
    understood: Vec<Understanding>,
}

/// Answers rows.
pub(crate) fn run(args: &Predict) -> Result<u8> {
    let learner = Learner::open(&args.learner)?;
    let (mut asked, mut answers) = (Answered::default(), None::<Predictions>);
    for input in &args.inputs {
        let more = asked.answer(&learner, input, args)?;
        match &mut answers {
            Some(answers) => answers.rows.extend(more.rows),
            None => answers = Some(more),
        }
    }
    let Some(answers) = answers else { return Ok(0) };
    match (args.json, args.format) {
        (true, _) => {
            let rows: Vec<Value> = asked.rows(&answers).collect();
            output::document(&json!({
                "schema": "perennial.predict/1", "version": answers.version, "task": answers.task,
                "classes": answers.classes, "rows": rows,
                "data": asked.understood.iter().map(value).collect::<Vec<Value>>(),
            }))?;
        }
        (false, Lines::Jsonl) => {
            let lines: String = asked.rows(&answers).map(|row| format!("{row}\n")).collect();
            output::answer(&lines)?;
        }
        (false, Lines::Csv) => output::answer(&asked.csv(&answers))?,
    }
    Ok(0)
}

impl Answered {
    /// Lets the learner answer the rows of an input.
    fn answer(
        &mut self,
        learner: &Learner,
        input: &std::path::Path,
        args: &Predict,
    ) -> Result<Predictions> {
        let mut rows = source::rows(learner, input, &args.reading)?;
        let from = input.display().to_string();
        // Among several inputs a row is known by its input too, as an image always is.
        if args.inputs.len() > 1 && !rows.understanding.format.is_of_files() {
            rows.names.iter_mut().for_each(|name| *name = format!("{from} {name}"));
        }
        let count = rows.names.len();
        let numbers = (0..count as u64).collect();
        let samples = Samples::new(rows.values, rows.spec.row_len(), vec![0; count], numbers)?;
        let answers = learner.predict(&samples, &rows.spec, &from, args.task.as_deref())?;
        if let Some(ids) = rows.ids {
            let before = || Ids { column: ids.column, rows: vec![String::new(); self.names.len()] };
            self.ids.get_or_insert_with(before).rows.extend(ids.rows);
        } else if let Some(ids) = &mut self.ids {
            ids.rows.resize(ids.rows.len() + count, String::new());
        }
        self.names.extend(rows.names);
        self.understood.push(rows.understanding);
        Ok(answers)
    }

    fn rows<'a>(&'a self, answers: &'a Predictions) -> impl Iterator<Item = Value> + 'a {
        self.names.iter().zip(&answers.rows).enumerate().map(|(at, (name, row))| {
            let classes = answers.classes.iter().zip(&row.probabilities);
            let probabilities: serde_json::Map<String, Value> =
                classes.map(|(class, &p)| (class.clone(), short(p).into())).collect();
            let mut document = json!({
                "input": name, "label": answers.classes[row.class],
                "probability": short(row.probabilities[row.class]),
                "probabilities": probabilities,
            });
            if let Some(ids) = &self.ids {
                document["id"] = ids.rows[at].clone().into();
            }
            document
        })
    }

    fn csv(&self, answers: &Predictions) -> String {
        let mut lines = String::from("input");
        if let Some(ids) = &self.ids {
            lines += &format!(",{}", quoted(&ids.column));
        }
        lines += ",label,probability";
        for class in &answers.classes {
            lines += &format!(",{}", quoted(&format!("p({class})")));
        }
        lines.push('\n');
        for (at, (name, row)) in self.names.iter().zip(&answers.rows).enumerate() {
            lines += &quoted(name);
            if let Some(ids) = &self.ids {
                lines += &format!(",{}", quoted(&ids.rows[at]));
            }
            let p = row.probabilities[row.class];
            lines += &format!(",{},{p:.4}", quoted(&answers.classes[row.class]));
            for p in &row.probabilities {
                lines += &format!(",{p:.4}");
            }
            lines.push('\n');
        }
        lines
    }
}

/// Without the digits that only single precision has.
fn short(p: f32) -> f64 {
    p.to_string().parse().unwrap_or(f64::from(p))
}

/// A field of CSV (RFC 4180): in quotes where it holds what would end it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
