//! Protocols made small: whether they still give what they gave.

use perennial_metrics::statistics::Summary;
use serde::Serialize;

use super::columns::columns;
use crate::format::{self, NONE};
use crate::text::{shorten, wrap};

/// The schema of the documents of [`Quick`].
pub const QUICK_SCHEMA: &str = "perennial.reproduce-quick/1";

/// Small forms of protocols beside what they gave when they were recorded. No reproduction: a paper
/// says nothing of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quick {
    /// [`QUICK_SCHEMA`].
    pub schema: String,
    /// Version of the program that ran them.
    pub version: String,
    /// One a method and protocol.
    pub cells: Vec<QuickCell>,
}

/// A method of a small protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuickCell {
    /// The protocol's name.
    pub protocol: String,
    /// The method's name in its table.
    pub method: String,
    /// Mean ACC when it was recorded; `None` where it was not.
    pub recorded: Option<f64>,
    /// Mean ACC now; `None` where a run failed.
    pub now: Option<f64>,
    /// The largest difference that another processor's rounding may make.
    pub tolerance: f64,
    /// Whether it moved by more, or failed.
    pub moved: bool,
    /// Runs that failed, each with the reason.
    pub failures: Vec<String>,
    /// Training and evaluation.
    pub seconds: f64,
}

impl QuickCell {
    /// Compares what runs gave with what was recorded.
    #[must_use]
    pub fn judged(recorded: Option<f64>, accs: &[f64], tolerance: f64) -> (Option<f64>, bool) {
        let now = Summary::of(accs).map(|summary| summary.mean);
        let moved = match (recorded, now) {
            (Some(recorded), Some(now)) => (now - recorded).abs() > tolerance,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        (now, moved)
    }
}

/// As a table for a terminal. Ends with a line break.
#[must_use]
pub fn quick_table(quick: &Quick, width: usize) -> String {
    let four = |value: Option<f64>| value.map_or_else(|| NONE.into(), |v| format!("{v:.4}"));
    let row = |cell: &QuickCell| {
        let difference = cell.now.zip(cell.recorded).map(|(now, then)| now - then);
        [
            shorten(&cell.protocol, 20),
            shorten(&cell.method, 16),
            four(cell.recorded),
            four(cell.now),
            difference.map_or_else(String::new, |by| format!("{by:+.4}")),
            match (cell.moved, cell.recorded) {
                (true, _) if cell.now.is_none() => "failed".into(),
                (true, _) => "moved".into(),
                (false, Some(_)) => "as recorded".into(),
                (false, None) => "not recorded".to_owned(),
            },
        ]
    };
    let rows: Vec<[String; 6]> = quick.cells.iter().map(row).collect();
    let mut text = columns(["protocol", "method", "recorded", "now", "diff", ""], 2, &rows) + "\n";
    let failures = quick.cells.iter().flat_map(|cell| {
        cell.failures.iter().map(move |why| format!("{} {}: {why}", cell.protocol, cell.method))
    });
    let kept = quick.cells.iter().filter(|cell| !cell.moved && cell.recorded.is_some()).count();
    let seconds: f64 = quick.cells.iter().map(|cell| cell.seconds).sum();
    let sum = format!(
        "{} of {} small runs are as recorded, {} of computing. They check that this program's \
         numbers did not move; no paper has them.",
        kept,
        quick.cells.len(),
        format::seconds(seconds)
    );
    for line in failures.chain([sum]).flat_map(|line| wrap(&line, width, 2)) {
        text += &line;
        text.push('\n');
    }
    text
}
