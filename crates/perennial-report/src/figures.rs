//! Every picture of a comparison, each with its numbers: those of all strategies together, and of
//! each strategy its own.

mod columns;
mod conflicts;
mod curves;
mod decisions;
mod held;
mod matrix;
mod memory;
mod overview;
mod owners;
mod planes;

use crate::document::Comparison;
use crate::standing::{self, Role, Standing};
use crate::svg::Svg;
use crate::tabular::Tabular;
use crate::{ReportError, colour};

pub(crate) use curves::curves;
pub(crate) use matrix::{matrix, small};
pub(crate) use overview::overview;
pub(crate) use planes::{memory_price, stability, time_price};

/// A picture with its numbers.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name, fit for a file: `accuracy-so-far`, `curves-ewc`.
    pub name: String,
    /// What it shows and how to read it.
    pub caption: String,
    /// Its numbers.
    pub table: Tabular,
    pub(crate) plot: Svg,
    /// T.
    tasks: usize,
}

impl Figure {
    /// The picture as an SVG file, on a light ground.
    #[must_use]
    pub fn svg(&self) -> String {
        self.plot.alone(self.tasks)
    }
}

/// Every figure of a comparison: `accuracy-so-far`, `stability`, `memory-price`, `time-price`,
/// and of each strategy `matrix-NAME`, `curves-NAME` and what it counted; best strategy first.
///
/// # Errors
/// [`ReportError::BadData`] when the comparison contradicts itself ([`Comparison::check`]).
pub fn figures(comparison: &Comparison) -> Result<Vec<Figure>, ReportError> {
    comparison.check()?;
    let standings = standing::standings(comparison);
    let tasks = comparison.tasks;
    let mut all = Vec::new();
    if !standings.is_empty() {
        all.push(overview(&standings, tasks));
        all.extend(stability(&standings, tasks));
        all.extend(memory_price(&standings, tasks));
        all.extend(time_price(&standings, tasks));
    }
    for standing in &standings {
        all.push(matrix(standing, tasks));
        all.push(curves(standing, tasks));
        all.extend(of_strategy(standing, tasks));
    }
    Ok(all)
}

/// What a strategy counted while it learnt: a figure for every kind that is known.
pub(crate) fn of_strategy(standing: &Standing<'_>, tasks: usize) -> Vec<Figure> {
    let kinds = [
        held::importance,
        held::moves,
        conflicts::conflicts,
        conflicts::angles,
        memory::figure,
        owners::figure,
        decisions::figure,
        columns::figure,
    ];
    kinds.into_iter().filter_map(|figure| figure(standing, tasks)).collect()
}

/// The classes that colour a strategy, the same in every figure.
fn classes(standing: &Standing<'_>) -> String {
    match standing.role {
        Role::Baseline => "baseline".to_owned(),
        Role::AllData => "reference".to_owned(),
        Role::Method => {
            let number = standing.number;
            format!("s{} d{}", number % colour::DISTINCT, number / colour::DISTINCT % 3)
        }
    }
}

/// A name for a file: what is neither letter nor digit becomes a dash.
fn file_name(kind: &str, strategy: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("{kind}-{}", strategy.chars().map(plain).collect::<String>())
}
