//! Published and ours on a terminal.

use unicode_width::UnicodeWidthStr;

use super::columns::{columns, padded};
use super::{Cell, Choice, Measure, Measured, Reproduction, Table, machines};
use crate::format::{self, NONE};
use crate::text::{shorten, wrap};

/// Longer names of methods are cut.
const LONGEST_NAME: usize = 16;

/// One table a protocol, then what it adds up to. Ends with a line break.
#[must_use]
pub fn reproduction_table(reproduction: &Reproduction, width: usize) -> String {
    let mut text = String::new();
    for table in &reproduction.protocols {
        text += &of_protocol(table, width);
        text.push('\n');
    }
    let legend = "published, ours: means over seeds, ours with its 95 % interval; diff: ours less \
                  published; tol: the tolerance that the protocol sets. Reproduced: both diff and \
                  the interval's half-width within it.";
    let machines = machines(&reproduction.protocols);
    let ran = machines.iter().map(|(machine, cells)| format!("{cells} cells ran on {machine}."));
    let said = [legend.to_owned(), reproduction.summary()].into_iter().chain(ran);
    for line in said.flat_map(|said| wrap(&said, width, 0)) {
        text += &line;
        text.push('\n');
    }
    text
}

impl Reproduction {
    /// What all cells add up to, and what they cost, as a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let cells = self.protocols.iter().flat_map(|table| &table.cells);
        let seconds: f64 = cells.map(|cell| cell.seconds).sum();
        format!("{} {} of computing.", self.counts.sentence(), format::seconds(seconds))
    }
}

fn of_protocol(table: &Table, width: usize) -> String {
    let title = format!("{}: {}, {}", table.protocol, table.paper, table.table);
    let mut lines = wrap(&title, width, 2);
    let half = |m: &Measured| m.ours.map_or_else(String::new, format::half).width();
    let measures = || table.cells.iter().flat_map(|cell| &cell.measures);
    let room = measures().map(half).max().unwrap_or(0);
    let rows: Vec<[String; 8]> = table.cells.iter().flat_map(|cell| rows(cell, room)).collect();
    let heads = ["method", "measure", "published", "ours", "diff", "tol", "verdict", "seeds"];
    let mut text = String::new();
    lines.extend(columns(heads, 2, &rows).lines().map(ToOwned::to_owned));
    if !table.choices.is_empty() {
        lines.push(String::new());
        let rows: Vec<[String; 4]> = table.choices.iter().flat_map(choice_rows).collect();
        let heads = ["choice", "measure", "ours", "against the cell"];
        lines.extend(columns(heads, 2, &rows).lines().map(ToOwned::to_owned));
    }
    for cell in &table.cells {
        lines.extend(notes(cell).iter().flat_map(|note| wrap(note, width, 2)));
    }
    for choice in &table.choices {
        let failed = choice.failures.iter().map(|why| format!("{}: {why}", choice.of));
        lines.extend(failed.flat_map(|note| wrap(&note, width, 2)));
    }
    for line in lines {
        text += &line;
        text.push('\n');
    }
    text
}

/// One row a measure of a cell.
fn rows(cell: &Cell, room: usize) -> Vec<[String; 8]> {
    let row = |(i, measured): (usize, &Measured)| {
        let first = |text: String| if i == 0 { text } else { String::new() };
        let show = shown(measured.measure);
        let published = measured.published.as_ref();
        [
            first(shorten(&cell.method, LONGEST_NAME)),
            measured.measure.name().to_owned(),
            published.map_or_else(|| NONE.into(), |published| show(published.value)),
            match measured.ours {
                Some(ours) => padded(show(ours.mean), &format::half(ours), room),
                None => padded(NONE.into(), "", room),
            },
            measured.difference.map_or_else(String::new, format::change),
            published.map_or_else(String::new, |published| format::fraction(published.tolerance)),
            measured.verdict.map_or_else(String::new, |verdict| verdict.words().into()),
            first(format!("{}/{}", cell.seeds_run.len(), cell.seeds)),
        ]
    };
    cell.measures.iter().enumerate().map(row).collect()
}

fn choice_rows(choice: &Choice) -> Vec<[String; 4]> {
    let row = |(i, measured): (usize, &super::ChoiceMeasured)| {
        let name = format!("{}: {}", choice.of, choice.what);
        [
            if i == 0 { shorten(&name, 40) } else { String::new() },
            measured.measure.name().to_owned(),
            measured.ours.map_or_else(|| NONE.into(), format::estimate),
            measured.difference.map_or_else(String::new, format::estimated_change),
        ]
    };
    choice.measures.iter().enumerate().map(row).collect()
}

/// What to think of a number that is much better than published.
pub(super) const TOO_GOOD: &str = "better by more than twice the tolerance, which needs a reason: a \
                                   leak of test data, another protocol?";

/// What there is to say of a cell beside its numbers.
fn notes(cell: &Cell) -> Vec<String> {
    let failed = cell.failures.iter().map(|why| format!("{}: {why}", cell.method));
    let reason = cell.reason.iter().map(|why| format!("{}: {why}", cell.method));
    let chance = cell.at_chance.then(|| {
        format!("{}: the published value is at chance level, and counted apart.", cell.method)
    });
    let chosen = cell.chosen_here.iter().map(|how| {
        format!("{}: setting chosen on this cell, which is counted apart: {how}.", cell.method)
    });
    let far = cell.too_good().then(|| format!("{}: {TOO_GOOD}", cell.method));
    failed.chain(reason).chain(chance).chain(chosen).chain(far).collect()
}

/// How a measure's mean is written: a change carries its sign.
fn shown(measure: Measure) -> fn(f64) -> String {
    match measure {
        Measure::Acc | Measure::Forgetting => format::fraction,
        Measure::Bwt | Measure::BwtOverT => format::change,
    }
}
