//! One strategy in full: what it is, R as a heat map, its tasks over time, its settings.

use serde_json::Value;

use super::heat_cell;
use crate::charts::heat::{moment, shown};
use crate::document::{Comparison, KeptBytes, Method, Run};
use crate::figures::{self, Figure};
use crate::format::{self, NONE};
use crate::ranking::{self, Marks};
use crate::standing::{Ranked, Standing};

/// What the page shows of one strategy.
pub(crate) struct Card<'a> {
    pub(crate) label: &'a str,
    pub(crate) badges: Vec<String>,
    pub(crate) method: Option<&'a Method>,
    pub(crate) heat: Vec<HeatRow>,
    pub(crate) curves: Figure,
    pub(crate) figures: Vec<Figure>,
    pub(crate) price: String,
    pub(crate) intransigence: Option<String>,
    pub(crate) incremental: Option<String>,
    pub(crate) untold: Option<String>,
    pub(crate) settings: Vec<(&'a str, String)>,
    pub(crate) notes: Vec<&'a str>,
    pub(crate) runs: &'a [&'a Run],
}

/// Accuracies after one task, or of the untrained network.
pub(crate) struct HeatRow {
    pub(crate) head: String,
    pub(crate) cells: Vec<HeatCell>,
}

/// One accuracy.
pub(crate) struct HeatCell {
    pub(crate) class: String,
    pub(crate) text: String,
}

pub(crate) fn cards<'a>(comparison: &'a Comparison, ranked: &'a Ranked<'a>) -> Vec<Card<'a>> {
    let card = |(standing, marks): (&'a Standing<'a>, Marks)| {
        let accuracy = standing.accuracy(comparison.tasks);
        let mut notes: Vec<&str> = Vec::new();
        for note in standing.runs.iter().flat_map(|run| &run.notes) {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
        Card {
            label: standing.label,
            badges: marks.all().into_iter().map(ToOwned::to_owned).collect(),
            method: comparison.methods.iter().find(|method| method.strategy == standing.strategy),
            heat: heat(&accuracy),
            curves: figures::curves(standing, comparison.tasks),
            figures: figures::of_strategy(standing, comparison.tasks),
            price: price(standing),
            intransigence: standing.intransigence.map(format::estimated_change),
            incremental: incremental(standing),
            untold: untold(standing),
            settings: standing.runs[0]
                .settings
                .iter()
                .map(|(key, value)| (key.as_str(), plain(value)))
                .collect(),
            notes,
            runs: &standing.runs,
        }
    };
    ranked.standings.iter().zip(ranking::marks(ranked)).map(card).collect()
}

/// What the strategy costs, and where the kept bytes lie.
fn price(standing: &Standing<'_>) -> String {
    let KeptBytes { model, strategy, data } = standing.kept;
    format!(
        "{} of training and {} of evaluation, {} parameters; keeps {} of model, {} of its own, {} \
         of data",
        format::seconds(standing.train_seconds),
        format::seconds(standing.eval_seconds),
        format::count(standing.parameters),
        format::bytes(model),
        format::bytes(strategy),
        format::bytes(data)
    )
}

/// How good it was along the way, where it is known how many test rows each task has.
fn incremental(standing: &Standing<'_>) -> Option<String> {
    let [tasks, rows] =
        [standing.incremental?, standing.incremental_by_rows?].map(format::estimate);
    Some(format!("{tasks} where every task counts the same, {rows} where every test row does"))
}

/// How it answers when it is not told the task.
fn untold(standing: &Standing<'_>) -> Option<String> {
    let by = &standing.runs[0].inferred.as_ref()?.by;
    let acc = standing.over_seeds(|run| Some(run.inferred.as_ref()?.acc))?;
    #[expect(clippy::cast_precision_loss, reason = "tasks are few")]
    let found = standing.over_seeds(|run| {
        let found = &run.inferred.as_ref()?.found;
        Some(found.iter().sum::<f64>() / found.len().max(1) as f64)
    })?;
    Some(format!(
        "Not told the task, and answered by the network that is surest (least {by}): {} right; the \
         task’s own network answered {} of the samples",
        format::fraction(acc),
        format::fraction(found)
    ))
}

/// A setting as one would write it: text without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn heat(accuracy: &[Vec<Option<f64>>]) -> Vec<HeatRow> {
    let row = |(i, row): (usize, &Vec<Option<f64>>)| HeatRow {
        head: moment(i),
        cells: row
            .iter()
            .enumerate()
            .map(|(j, value)| {
                let (mut class, text) = match value {
                    Some(value) => heat_cell(*value),
                    None => ("none".to_owned(), NONE.to_owned()),
                };
                if i == j + 1 {
                    class.push_str(" new"); // the diagonal: just learnt
                }
                HeatCell { class, text }
            })
            .collect(),
    };
    shown(accuracy).map(row).collect()
}
