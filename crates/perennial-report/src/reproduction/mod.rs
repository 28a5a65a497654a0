//! Published tables beside ours: what a paper printed, what the runs of a protocol gave, and the
//! [verdict](Verdict).
//!
//! A *protocol* is one published table; a *cell* is one method of it, with one or more measures. A
//! *choice* is a cell run again with one thing done otherwise, which shows what that is worth.
//!
//! Accuracies are fractions in `[0, 1]`; a number that does not exist is `null`, here `None`.

mod columns;
mod page;
mod quick;
mod table;
mod verdict;

use std::collections::BTreeMap;

use perennial_metrics::statistics::{BySeed, Summary, paired_difference};
use serde::{Deserialize, Serialize};

use crate::document::Run;

pub use page::page;
pub use quick::{QUICK_SCHEMA, Quick, QuickCell, quick_table};
pub use table::reproduction_table;
pub use verdict::{Counts, PlusMinus, Published, Verdict};

/// The schema of the documents of [`Reproduction`].
pub const REPRODUCTION_SCHEMA: &str = "perennial.reproduce/1";

/// Published tables and what became of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reproduction {
    /// [`REPRODUCTION_SCHEMA`].
    pub schema: String,
    /// Version of the program that judged.
    pub version: String,
    /// One a protocol.
    pub protocols: Vec<Table>,
    /// All their cells, counted.
    pub counts: Counts,
}

/// A published table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// The protocol's name in the program.
    pub protocol: String,
    /// Its version: another one gives other numbers.
    pub protocol_version: u32,
    /// Authors, title, year.
    pub paper: String,
    /// Which table or figure.
    pub table: String,
    /// Where the paper lies.
    pub link: String,
    /// Settings of all cells, as they are written after `--set`.
    pub settings: Vec<String>,
    /// What is not as in the paper.
    pub differs: Vec<String>,
    /// One a method.
    pub cells: Vec<Cell>,
    /// Cells with one thing done otherwise.
    pub choices: Vec<Choice>,
    /// Its cells, counted.
    pub counts: Counts,
}

/// One method of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// Its name in the table.
    pub method: String,
    /// Its own settings, as they are written after `--set`.
    pub settings: Vec<String>,
    /// What was published of it, and ours.
    pub measures: Vec<Measured>,
    /// The worst of its measures' verdicts; `None` where nothing was published.
    pub verdict: Option<Verdict>,
    /// Whether the published value says no more than chance does.
    pub at_chance: bool,
    /// Which setting that the paper does not record was chosen by a result of this very cell, and how.
    pub chosen_here: Option<String>,
    /// Seeds that the protocol asks for.
    pub seeds: u64,
    /// Those that ran to their end.
    pub seeds_run: Vec<u64>,
    /// Runs that failed, each with the reason.
    pub failures: Vec<String>,
    /// Why it is not reproduced, or better than it should be, as far as that was found.
    pub reason: Option<String>,
    /// How long it took, all seeds: training and evaluation.
    pub seconds: f64,
    /// On what, as `4 × MODEL, linux x86_64`; several where it was moved.
    pub machines: Vec<String>,
    /// Version of the program that ran it.
    pub program: Option<String>,
}

/// One number of a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Which.
    pub measure: Measure,
    /// What the paper says; `None` where it is not known.
    pub published: Option<Published>,
    /// Ours over the seeds that ran; `None` for none.
    pub ours: Option<Summary>,
    /// Ours less the published.
    pub difference: Option<f64>,
    /// `None` where nothing was published.
    pub verdict: Option<Verdict>,
}

/// A cell with one thing done otherwise, beside that cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The method it is a variant of.
    pub of: String,
    /// What is done otherwise.
    pub what: String,
    /// Its own settings, as they are written after `--set`.
    pub settings: Vec<String>,
    /// One a measure of that cell.
    pub measures: Vec<ChoiceMeasured>,
    /// Runs that failed, each with the reason.
    pub failures: Vec<String>,
}

/// One number of a choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChoiceMeasured {
    /// Which.
    pub measure: Measure,
    /// Over its seeds; `None` for none.
    pub ours: Option<Summary>,
    /// Less the cell's own, over common seeds; `None` with fewer than two.
    pub difference: Option<Summary>,
}

/// What is compared with a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Mean accuracy over all tasks at the end.
    Acc,
    /// Backward transfer, over T − 1 tasks.
    Bwt,
    /// Backward transfer divided by T, as the code of the GEM paper does.
    BwtOverT,
    /// Mean drop from a task's best.
    Forgetting,
}

impl Measure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Acc, Self::Bwt, Self::BwtOverT, Self::Forgetting];

    /// What a run gives.
    #[must_use]
    pub fn of(self, run: &Run) -> Option<f64> {
        match self {
            Self::Acc => run.accuracy.acc(),
            Self::Bwt => run.accuracy.bwt(),
            Self::BwtOverT => run.accuracy.bwt_over_t(),
            Self::Forgetting => run.accuracy.forgetting(),
        }
    }

    /// Over the runs that have it.
    fn over(self, runs: &[Run]) -> BySeed {
        runs.iter().filter_map(|run| Some((run.seed, self.of(run)?))).collect()
    }

    /// Its head in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Acc => "ACC",
            Self::Bwt => "BWT",
            Self::BwtOverT => "BWT ÷T",
            Self::Forgetting => "forgets",
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        self != Self::Forgetting
    }
}

impl Measured {
    /// A paper's number beside that of these runs.
    #[must_use]
    pub fn new(measure: Measure, published: Option<Published>, runs: &[Run]) -> Self {
        let values: Vec<f64> = measure.over(runs).into_values().collect();
        let ours = Summary::of(&values);
        let difference = published.as_ref().zip(ours).map(|(p, ours)| ours.mean - p.value);
        let verdict = published.as_ref().map(|p| match ours {
            Some(ours) => p.verdict(ours, measure.more_is_better()),
            None => Verdict::NotRun,
        });
        Self { measure, published, ours, difference, verdict }
    }
}

impl Cell {
    /// The worst of the measures' verdicts: a failed run is no reproduction. `None` where nothing
    /// was published.
    #[must_use]
    pub fn judged(measures: &[Measured], failures: &[String]) -> Option<Verdict> {
        let worst = measures.iter().filter_map(|measured| measured.verdict).max()?;
        Some(if failures.is_empty() { worst } else { Verdict::NotReproduced })
    }

    /// Whether it is better than published by more than twice the tolerance, and nothing says why.
    #[must_use]
    pub fn too_good(&self) -> bool {
        let far = |m: &Measured| match (&m.published, m.difference, m.verdict) {
            (Some(published), Some(difference), Some(Verdict::Better)) => {
                difference.abs() > 2.0 * published.tolerance
            }
            _ => false,
        };
        self.reason.is_none() && self.measures.iter().any(far)
    }
}

impl ChoiceMeasured {
    /// A choice's number, and how far it is from that of the cell it varies.
    #[must_use]
    pub fn new(measure: Measure, base: &[Run], runs: &[Run]) -> Self {
        let (base, own) = (measure.over(base), measure.over(runs));
        let difference = paired_difference(&own, &base).map(|paired| paired.difference);
        let values: Vec<f64> = own.into_values().collect();
        Self { measure, ours: Summary::of(&values), difference }
    }
}

impl Reproduction {
    /// Of these tables.
    #[must_use]
    pub fn new(version: String, protocols: Vec<Table>) -> Self {
        let counts = Counts::sum(protocols.iter().map(|table| table.counts));
        Self { schema: REPRODUCTION_SCHEMA.into(), version, protocols, counts }
    }
}

/// Machines and how many cells ran on each, most first.
fn machines(tables: &[Table]) -> Vec<(String, usize)> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for machine in tables.iter().flat_map(|t| &t.cells).flat_map(|cell| &cell.machines) {
        *known.entry(machine).or_default() += 1;
    }
    let mut known: Vec<(String, usize)> =
        known.into_iter().map(|(name, cells)| (name.to_owned(), cells)).collect();
    known.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    known
}
