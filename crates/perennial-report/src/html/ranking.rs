//! The ranked table, as the page shows it.

use perennial_metrics::statistics::Summary;

use crate::format;
use crate::ranking::{Marks, beta, marks, note, shown};
use crate::standing::{Ranked, Standing};
use crate::svg::Svg;

/// The strategies by rank.
pub(crate) struct Ranking<'a> {
    pub(crate) rows: Vec<Row<'a>>,
    /// What the sign ≈ says, or why no row has it.
    pub(crate) note: Option<String>,
    /// β of the learning curves, where they were measured.
    pub(crate) beta: Option<usize>,
}

/// One strategy in the ranked table; numbers as they are shown.
pub(crate) struct Row<'a> {
    pub(crate) label: &'a str,
    pub(crate) badges: Vec<&'static str>,
    /// The seeds do not separate it from the best method: said by a sign, because it is said often.
    pub(crate) alike: Option<String>,
    pub(crate) acc: String,
    pub(crate) interval: Option<Svg>,
    pub(crate) bwt: String,
    pub(crate) fwt: String,
    pub(crate) forgetting: String,
    pub(crate) worst: String,
    pub(crate) learning: String,
    pub(crate) incremental: String,
    pub(crate) lca: String,
    pub(crate) train: String,
    pub(crate) parameters: String,
    pub(crate) kept: String,
}

impl<'a> Ranking<'a> {
    pub(crate) fn of(ranked: &Ranked<'a>) -> Self {
        let rows = ranked.standings.iter().zip(marks(ranked)).map(row).collect();
        Self { rows, note: note(ranked), beta: beta(&ranked.standings) }
    }
}

fn row<'a>((standing, marks): (&Standing<'a>, Marks)) -> Row<'a> {
    Row {
        label: standing.label,
        badges: marks.words,
        alike: marks.alike,
        acc: shown(standing.acc, format::estimate),
        interval: standing.acc.map(|acc| interval(standing.label, acc)),
        bwt: shown(standing.bwt, format::estimated_change),
        fwt: shown(standing.fwt, format::estimated_change),
        forgetting: shown(standing.forgetting, format::estimate),
        worst: shown(standing.worst, format::estimate),
        learning: shown(standing.learning, format::estimate),
        incremental: shown(standing.incremental, format::estimate),
        lca: shown(standing.lca, format::estimate),
        train: format::seconds(standing.train_seconds),
        parameters: format::count(standing.parameters),
        kept: format::bytes(standing.kept.total()),
    }
}

/// The accuracy and its interval on a track from 0 to 1.
fn interval(label: &str, acc: Summary) -> Svg {
    const WIDTH: f64 = 100.0;
    let x = |accuracy: f64| 3.0 + accuracy.clamp(0.0, 1.0) * (WIDTH - 6.0);
    let mut svg = Svg::new(WIDTH, 12.0, &format!("{label}: {}", format::estimate(acc)));
    svg.line("track", (x(0.0), 6.0), (x(1.0), 6.0));
    if let Some((low, high)) = acc.interval() {
        svg.line("interval", (x(low), 6.0), (x(high), 6.0));
    }
    svg.line("mean", (x(acc.mean), 1.0), (x(acc.mean), 11.0));
    svg
}
