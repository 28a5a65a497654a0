//! The comparison as an aligned table for a terminal.

use perennial_metrics::statistics::Summary;
use unicode_width::UnicodeWidthStr;

use crate::document::Comparison;
use crate::format::{self, NONE};
use crate::ranking;
use crate::standing::{self, Ranked, Role, Standing};
use crate::text::{shorten, wrap};
use crate::verdict::Verdict;

/// Longer names are cut: no name may push the numbers out of the terminal.
const LONGEST_NAME: usize = 28;
/// Between two columns.
const GAP: usize = 2;

struct Column {
    head: &'static str,
    /// What the legend says of it.
    meaning: String,
    cells: Vec<String>,
    /// Which column goes first when the terminal is too narrow: the highest; 0 stays.
    expendable: u8,
}

impl Column {
    fn new(expendable: u8, head: &'static str, meaning: &str, cells: Vec<String>) -> Self {
        Self { head, meaning: meaning.to_owned(), cells, expendable }
    }

    fn width(&self) -> usize {
        self.cells.iter().map(|cell| cell.width()).max().unwrap_or(0).max(self.head.width())
    }
}

/// The finished strategies ranked by ACC, with what they kept, forgot and cost, in at most
/// `width` columns (as far as names and ACC allow); below it the legend of its marks, and the
/// cells that failed or were skipped, with the reason. Ends with a line break.
#[must_use]
pub fn table(comparison: &Comparison, width: usize) -> String {
    let ranked = Ranked::of(comparison);
    let mut lines = Vec::new();
    if ranked.standings.is_empty() {
        lines.push("no run finished".to_owned());
    } else {
        let columns = fitting(columns(&ranked), width);
        lines.extend(rows(&columns));
        lines.push(String::new());
        lines.extend(wrap(&legend(&ranked, &columns), width, 0));
        lines.extend(untold(&ranked.standings).iter().flat_map(|text| wrap(text, width, 0)));
    }
    for run in comparison.failed() {
        let error = &run.error;
        let text = format!(
            "failed: {}, seed {}: {} {}",
            run.strategy, run.seed, error.message, error.hint
        );
        lines.extend(wrap(&text, width, 2));
    }
    for skipped in &comparison.skipped {
        let text = format!("skipped: {}: {}", skipped.strategy, skipped.reason);
        lines.extend(wrap(&text, width, 2));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The name of a strategy with its marks.
fn name(ranked: &Ranked<'_>, index: usize) -> String {
    let standing = &ranked.standings[index];
    let marks = [
        (standing.role == Role::AllData, '‡'),
        (standing.told && !standing::all_told(&ranked.standings), '†'),
        (ranked.verdicts.against_best(index) == Some(Verdict::NotSeparated), '≈'),
    ];
    let marks: String = marks.into_iter().filter_map(|(has, mark)| has.then_some(mark)).collect();
    let name = shorten(standing.label, LONGEST_NAME);
    if marks.is_empty() { name } else { format!("{name} {marks}") }
}

fn columns(ranked: &Ranked<'_>) -> Vec<Column> {
    let standings = &ranked.standings;
    let all = |cell: &dyn Fn(&Standing<'_>) -> String| standings.iter().map(cell).collect();
    let plain = |value: Option<Summary>| {
        value.map_or_else(|| NONE.to_owned(), |value| format::fraction(value.mean))
    };
    let names = (0..standings.len()).map(|index| name(ranked, index)).collect();
    let acc = measured(standings, |s| s.acc, format::fraction);
    let bwt = measured(standings, |s| s.bwt, format::change);
    let time = all(&|s| format::seconds(s.train_seconds));
    let parameters = all(&|s| format::short_count(s.parameters));
    let kept = all(&|s| format::bytes(s.kept.total()));
    let mut columns = vec![
        Column::new(0, "strategy", "", names),
        Column::new(0, "ACC", "accuracy on all tasks at the end", acc),
        Column::new(1, "BWT", "its change on a task since that was learnt", bwt),
        Column::new(5, "forgets", "drop from a task's best", all(&|s| plain(s.forgetting))),
        Column::new(6, "learns", "accuracy when just learnt", all(&|s| plain(s.learning))),
        Column::new(2, "time", "training, one seed", time),
        Column::new(4, "params", "", parameters),
        Column::new(3, "kept", "bytes between tasks", kept),
    ];
    if let Some(beta) = ranking::beta(standings) {
        let meaning = format!("mean accuracy on a task over its first {beta} batches");
        columns.push(Column::new(1, "LCA", &meaning, all(&|s| plain(s.lca))));
    }
    let meaning = "accuracy on the tasks so far, averaged over the run";
    columns.push(Column::new(7, "AIA", meaning, all(&|s| plain(s.incremental))));
    columns
}

/// Without the most expendable columns, until the others fit.
fn fitting(mut columns: Vec<Column>, width: usize) -> Vec<Column> {
    let total = |columns: &[Column]| {
        columns.iter().map(Column::width).sum::<usize>() + GAP * (columns.len() - 1)
    };
    while total(&columns) > width {
        let Some((index, _)) = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.expendable > 0)
            .max_by_key(|(_, column)| column.expendable)
        else {
            break;
        };
        columns.remove(index);
    }
    columns
}

fn rows(columns: &[Column]) -> Vec<String> {
    let line = |cell: &dyn Fn(&Column) -> String| {
        let mut line = String::new();
        for (i, column) in columns.iter().enumerate() {
            let (cell, width) = (cell(column), column.width());
            let space = " ".repeat(width - cell.width());
            // Names to the left, numbers to the right.
            line += &if i == 0 { cell + &space } else { " ".repeat(GAP) + &space + &cell };
        }
        line.trim_end().to_owned()
    };
    let rule = |column: &Column| "─".repeat(column.width());
    let mut lines = vec![line(&|column| column.head.to_owned()), line(&rule)];
    let count = columns.first().map_or(0, |column| column.cells.len());
    lines.extend((0..count).map(|row| line(&|column| column.cells[row].clone())));
    lines
}

/// Means with their intervals; the means stand under each other also where one has no interval.
fn measured(
    standings: &[Standing<'_>],
    value: fn(&Standing<'_>) -> Option<Summary>,
    show: fn(f64) -> String,
) -> Vec<String> {
    let half = |standing: &Standing<'_>| value(standing).map_or_else(String::new, format::half);
    let room = standings.iter().map(|standing| half(standing).width()).max().unwrap_or(0);
    let cell = |standing: &Standing<'_>| {
        let mean = value(standing).map_or_else(|| NONE.to_owned(), |value| show(value.mean));
        let half = half(standing);
        let space = " ".repeat(room - half.width());
        format!("{mean}{half}{space}")
    };
    standings.iter().map(cell).collect()
}

/// What the strategies that are told the task reach when they are not; nothing without any.
fn untold(standings: &[Standing<'_>]) -> Option<String> {
    let of = |standing: &Standing<'_>| {
        let acc = standing.over_seeds(|run| Some(run.inferred.as_ref()?.acc))?;
        Some(format!("{} {}", standing.label, format::fraction(acc)))
    };
    let all: Vec<String> = standings.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| {
        format!(
            "Not told the task, with the network that is surest giving the answer: {}.",
            all.join(", ")
        )
    })
}

fn legend(ranked: &Ranked<'_>, columns: &[Column]) -> String {
    let standings = &ranked.standings;
    let mut parts: Vec<String> = columns
        .iter()
        .filter(|column| !column.meaning.is_empty())
        .map(|column| format!("{}: {}", column.head, column.meaning))
        .collect();
    parts.push(match standing::seeds(standings) {
        1 => "one seed: no intervals".to_owned(),
        seeds => format!("±: 95 % interval over {seeds} seeds"),
    });
    if standings.iter().any(|standing| standing.role == Role::AllData) {
        parts.push("‡ trains on all data again".to_owned());
    }
    if standing::all_told(standings) {
        parts.push("all are told the task".to_owned());
    } else if standings.iter().any(|standing| standing.told) {
        parts.push("† told the task".to_owned());
    }
    parts.extend(ranking::note(ranked));
    parts.join("; ")
}
