//! From bytes to a [`Comparison`] that keeps its promises, or a sentence that says why not.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{BegunRun, Cell, Comparison, FailedRun, Run, SCHEMA, WithinTasks};
use crate::ReportError;

impl Comparison {
    /// Reads a `result.json`, or the one in a run folder.
    ///
    /// # Errors
    /// [`ReportError::Missing`] when there is no such file, else as [`Comparison::parse`].
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let file = if path.is_dir() { path.join("result.json") } else { path.to_path_buf() };
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text, &file.display().to_string()),
            Err(source) if source.kind() == std::io::ErrorKind::InvalidData => {
                Err(bad(&file.display().to_string(), "it is not UTF-8 text; expected JSON"))
            }
            Err(source) => Err(ReportError::Missing { path: file, source }),
        }
    }

    /// Reads a document from its text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`ReportError::Newer`] for a newer schema; [`ReportError::BadData`] for text that is not
    /// a comparison, and for one whose parts do not fit together (see [`Comparison::check`]).
    pub fn parse(text: &str, origin: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            schema: Option<String>,
        }
        let Head { schema } = serde_json::from_str(text)
            .map_err(|error| bad(origin, format!("it is not a JSON object ({error})")))?;
        let found = schema.ok_or_else(|| {
            bad(origin, format!("it has no `schema` key; expected \"schema\": \"{SCHEMA}\""))
        })?;
        if found != SCHEMA {
            let newer = match (found.split_once('/'), SCHEMA.split_once('/')) {
                (Some((name, version)), Some((ours, known))) if name == ours => {
                    version.parse::<u64>().ok() > known.parse::<u64>().ok()
                }
                _ => false,
            };
            return Err(if newer {
                ReportError::Newer { origin: origin.to_owned(), found, known: SCHEMA }
            } else {
                bad(origin, format!("its schema is \"{found}\"; expected \"{SCHEMA}\""))
            });
        }
        let comparison: Self = serde_json::from_str(text)
            .map_err(|error| bad(origin, format!("{error}; expected a {SCHEMA} document")))?;
        comparison.check_as(origin)?;
        Ok(comparison)
    }

    /// Checks what the types cannot say: at least one task, T task names, a complete R of T
    /// tasks in every run, metrics within their range, and no cell twice.
    ///
    /// # Errors
    /// [`ReportError::BadData`] with the first contradiction.
    pub fn check(&self) -> Result<(), ReportError> {
        self.check_as("the comparison")
    }

    pub(crate) fn check_as(&self, origin: &str) -> Result<(), ReportError> {
        let tasks = self.tasks;
        if tasks == 0 {
            return Err(bad(origin, "it has 0 tasks; expected at least 1"));
        }
        let names = self.task_names.len();
        if names != tasks {
            return Err(bad(origin, format!("it has {tasks} tasks but {names} task names")));
        }
        let mut cells = HashSet::new();
        for cell in &self.runs {
            let (strategy, seed) = (cell.strategy(), cell.seed());
            if !cells.insert((strategy, seed)) {
                return Err(bad(origin, format!("strategy {strategy}, seed {seed} occurs twice")));
            }
        }
        for BegunRun { strategy, seed, so_far } in self.begun() {
            let found = so_far.tasks();
            if !so_far.rows().is_empty() && found != tasks {
                return Err(bad(
                    origin,
                    format!(
                        "strategy {strategy}, seed {seed}: its accuracies are of {found} tasks; \
                         expected {tasks}"
                    ),
                ));
            }
        }
        self.done().try_for_each(|run| {
            check_run(run, tasks).map_err(|problem| {
                let Run { strategy, seed, .. } = run;
                bad(origin, format!("strategy {strategy}, seed {seed}: {problem}"))
            })
        })
    }
}

fn check_run(run: &Run, tasks: usize) -> Result<(), String> {
    let (columns, rows) = (run.accuracy.tasks(), run.accuracy.rows().len());
    if (columns, rows) != (tasks, tasks + 1) {
        return Err(format!(
            "its accuracy matrix has {rows} rows of {columns}; {tasks} tasks need {} rows (row 0 \
             is the untrained network) of {tasks}",
            tasks + 1
        ));
    }
    let seconds = [run.train_seconds, run.eval_seconds];
    if let Some(value) = seconds.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        return Err(format!("it took {value} seconds; expected a number from 0"));
    }
    let rows = run.test_rows.len();
    if rows != 0 && rows != tasks {
        return Err(format!("it has test rows of {rows} tasks; expected {tasks}"));
    }
    let shares = run.largest_class.len();
    if shares != 0 && shares != tasks {
        return Err(format!("it has largest classes of {shares} tasks; expected {tasks}"));
    }
    let derived = [
        run.acc,
        run.bwt,
        run.fwt,
        run.forgetting,
        run.learning_accuracy,
        run.average_incremental_accuracy,
        run.average_incremental_accuracy_by_rows,
        run.lca,
        run.intransigence,
    ];
    if let Some(inferred) = &run.inferred {
        let shares = inferred.accuracy.iter().chain(&inferred.found).chain([&inferred.acc]);
        if let Some(value) = shares.into_iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(format!("an inferred share is {value}; expected 0 to 1"));
        }
    }
    let within = run.anytime.iter().flat_map(WithinTasks::metrics);
    match derived.into_iter().chain(within).flatten().find(|value| !(-1.0..=1.0).contains(value)) {
        Some(value) => Err(format!("one of its metrics is {value}; expected -1 to 1 or null")),
        None => Ok(()),
    }
}

fn bad(origin: &str, problem: impl Into<String>) -> ReportError {
    ReportError::BadData { origin: origin.to_owned(), problem: problem.into() }
}

/// By hand, because serde's untagged enums answer every mistake with "did not match any
/// variant"; this way the missing or mistyped field is named.
impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let named = |error: serde_json::Error, value: &serde_json::Value| {
            let part = |key| value.get(key).map_or_else(|| "?".to_owned(), ToString::to_string);
            D::Error::custom(format!(
                "run of strategy {}, seed {}: {error}",
                part("strategy"),
                part("seed")
            ))
        };
        if value.get("error").is_some() {
            FailedRun::deserialize(&value).map(Cell::Failed).map_err(|error| named(error, &value))
        } else if value.get("so_far").is_some() {
            BegunRun::deserialize(&value).map(Cell::Begun).map_err(|error| named(error, &value))
        } else {
            Run::deserialize(&value)
                .map(|run| Cell::Done(Box::new(run)))
                .map_err(|error| named(error, &value))
        }
    }
}
