//! The rows of the ranked table.

use perennial_metrics::statistics::Summary;

use crate::format::{self, NONE};
use crate::standing::{self, Role, Standing};
use crate::svg::Svg;

/// One strategy in the ranked table; numbers as they are shown.
pub(crate) struct Row<'a> {
    pub(crate) label: &'a str,
    pub(crate) badges: Vec<&'static str>,
    pub(crate) acc: String,
    pub(crate) interval: Option<Svg>,
    pub(crate) bwt: String,
    pub(crate) fwt: String,
    pub(crate) forgetting: String,
    pub(crate) learning: String,
    pub(crate) train: String,
    pub(crate) parameters: String,
    pub(crate) kept: String,
}

pub(crate) fn rows<'a>(standings: &[Standing<'a>]) -> Vec<Row<'a>> {
    let alike = standing::within_noise(&standings.iter().collect::<Vec<_>>());
    let all_told = standing::all_told(standings);
    let row = |(standing, alike): (&Standing<'a>, Option<bool>)| {
        let mut badges = badges(standing, all_told);
        if alike == Some(true) {
            badges.push("within noise of the best");
        }
        let show = |value: Option<Summary>, how: fn(Summary) -> String| {
            value.map_or_else(|| NONE.to_owned(), how)
        };
        Row {
            label: standing.label,
            badges,
            acc: show(standing.acc, format::estimate),
            interval: standing.acc.map(|acc| interval(standing.label, acc)),
            bwt: show(standing.bwt, format::estimated_change),
            fwt: show(standing.fwt, format::estimated_change),
            forgetting: show(standing.forgetting, format::estimate),
            learning: show(standing.learning, format::estimate),
            train: format::seconds(standing.train_seconds),
            parameters: format::count(standing.parameters),
            kept: format::bytes(standing.kept.total()),
        }
    };
    standings.iter().zip(alike).map(row).collect()
}

/// What a reader must know to compare fairly, in words.
pub(crate) fn badges(standing: &Standing<'_>, all_told: bool) -> Vec<&'static str> {
    let mut badges = Vec::new();
    match standing.role {
        Role::Lower => badges.push("lower bound"),
        Role::Upper => badges.push("upper bound"),
        Role::Reference => badges.push("few passes: no bound"),
        Role::Method => {}
    }
    if standing.told && !all_told {
        badges.push("told the task");
    }
    badges
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
