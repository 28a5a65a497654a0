//! The rows of the ranked table, as the page shows them.

use perennial_metrics::statistics::Summary;

use crate::format;
use crate::ranking::{ALIKE, marks, shown};
use crate::standing::Standing;
use crate::svg::Svg;

/// One strategy in the ranked table; numbers as they are shown.
pub(crate) struct Row<'a> {
    pub(crate) label: &'a str,
    pub(crate) badges: Vec<&'static str>,
    /// Within noise of the best: said by a sign, because most are.
    pub(crate) alike: bool,
    pub(crate) acc: String,
    pub(crate) interval: Option<Svg>,
    pub(crate) bwt: String,
    pub(crate) fwt: String,
    pub(crate) forgetting: String,
    pub(crate) worst: String,
    pub(crate) learning: String,
    pub(crate) train: String,
    pub(crate) parameters: String,
    pub(crate) kept: String,
}

pub(crate) fn rows<'a>(standings: &[Standing<'a>]) -> Vec<Row<'a>> {
    let row = |(standing, badges): (&Standing<'a>, Vec<&'static str>)| Row {
        label: standing.label,
        alike: badges.contains(&ALIKE),
        badges: badges.into_iter().filter(|badge| *badge != ALIKE).collect(),
        acc: shown(standing.acc, format::estimate),
        interval: standing.acc.map(|acc| interval(standing.label, acc)),
        bwt: shown(standing.bwt, format::estimated_change),
        fwt: shown(standing.fwt, format::estimated_change),
        forgetting: shown(standing.forgetting, format::estimate),
        worst: shown(standing.worst, format::estimate),
        learning: shown(standing.learning, format::estimate),
        train: format::seconds(standing.train_seconds),
        parameters: format::count(standing.parameters),
        kept: format::bytes(standing.kept.total()),
    };
    standings.iter().zip(marks(standings)).map(row).collect()
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
