//! The rows of the ranked table.

use perennial_metrics::statistics::Summary;

use crate::ReportError;
use crate::document::Comparison;
use crate::format;
use crate::standing::{self, Role, Standing};
use crate::tabular::{Datum, Tabular};

/// Names of the numbers in the ranked table, in its order.
const HEAD: [&str; 12] = [
    "strategy",
    "marks",
    "ACC",
    "BWT",
    "forgetting",
    "worst task",
    "learning",
    "FWT",
    "training, s",
    "evaluation, s",
    "parameters",
    "kept, bytes",
];

/// The strategies that finished a seed, best ACC first, with what they keep, forget and cost: the
/// table of the page, to be written in another form.
///
/// # Errors
/// [`ReportError::BadData`] when the comparison contradicts itself ([`Comparison::check`]).
pub fn ranking(comparison: &Comparison) -> Result<Tabular, ReportError> {
    comparison.check()?;
    let standings = standing::ranked(comparison);
    let marks = marks(&standings);
    let row = |(standing, marks): (&Standing<'_>, &Vec<&str>)| {
        let seconds = |value| Datum::Number(value, format::seconds(value));
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        let count = |value: u64, show: fn(u64) -> String| Datum::Number(value as f64, show(value));
        vec![
            Datum::text(standing.label),
            Datum::text(marks.join("; ")),
            Datum::estimate(standing.acc, format::estimate),
            Datum::estimate(standing.bwt, format::estimated_change),
            Datum::estimate(standing.forgetting, format::estimate),
            Datum::estimate(standing.worst, format::estimate),
            Datum::estimate(standing.learning, format::estimate),
            Datum::estimate(standing.fwt, format::estimated_change),
            seconds(standing.train_seconds),
            seconds(standing.eval_seconds),
            count(standing.parameters, format::count),
            count(standing.kept.total(), format::bytes),
        ]
    };
    Ok(Tabular::new(&HEAD, standings.iter().zip(&marks).map(row).collect()))
}

/// The mark of a strategy that the seeds do not tell from the best one.
pub(crate) const ALIKE: &str = "within noise of the best";

/// What a reader must know of each strategy to compare fairly, in words.
pub(crate) fn marks(standings: &[Standing<'_>]) -> Vec<Vec<&'static str>> {
    let alike = standing::within_noise(&standings.iter().collect::<Vec<_>>());
    let all_told = standing::all_told(standings);
    let marks = |(standing, alike): (&Standing<'_>, Option<bool>)| {
        let mut marks = Vec::new();
        match standing.role {
            Role::Lower => marks.push("lower bound"),
            Role::Upper => marks.push("upper bound"),
            Role::Reference => marks.push("few passes: no bound"),
            Role::Method => {}
        }
        if standing.told && !all_told {
            marks.push("told the task");
        }
        if alike == Some(true) {
            marks.push(ALIKE);
        }
        marks
    };
    standings.iter().zip(alike).map(marks).collect()
}

/// An estimate as it is shown, or a dash.
pub(crate) fn shown(value: Option<Summary>, how: fn(Summary) -> String) -> String {
    Datum::estimate(value, how).shown().to_owned()
}
