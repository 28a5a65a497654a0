//! The rows of the ranked table.

use perennial_metrics::statistics::Summary;

use crate::ReportError;
use crate::document::Comparison;
use crate::format;
use crate::standing::{self, Ranked, Role, Standing};
use crate::tabular::{Datum, Tabular};
use crate::verdict::Verdict;

/// Names of the numbers in the ranked table, in its order, with their units. A column of the learning
/// curve area follows where that was measured.
const HEAD: [&str; 14] = [
    "strategy",
    "marks",
    "ACC",
    "BWT",
    "forgetting",
    "worst task",
    "learning",
    "FWT",
    "average incremental accuracy",
    "average incremental accuracy by test rows",
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
    let ranked = Ranked::of(comparison);
    let beta = beta(&ranked.standings);
    let row = |(standing, marks): (&Standing<'_>, Marks)| {
        let seconds = |value| Datum::Number(value, format::in_seconds(value));
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        let count = |value: u64| Datum::Number(value as f64, format::count(value));
        let mut row = vec![
            Datum::text(standing.label),
            Datum::text(marks.all().join("; ")),
            Datum::estimate(standing.acc, format::estimate),
            Datum::estimate(standing.bwt, format::estimated_change),
            Datum::estimate(standing.forgetting, format::estimate),
            Datum::estimate(standing.worst, format::estimate),
            Datum::estimate(standing.learning, format::estimate),
            Datum::estimate(standing.fwt, format::estimated_change),
            Datum::estimate(standing.incremental, format::estimate),
            Datum::estimate(standing.incremental_by_rows, format::estimate),
            seconds(standing.train_seconds),
            seconds(standing.eval_seconds),
            count(standing.parameters),
            count(standing.kept.total()),
        ];
        row.extend(beta.map(|_| Datum::estimate(standing.lca, format::estimate)));
        row
    };
    let rows = ranked.standings.iter().zip(marks(&ranked)).map(row).collect();
    let mut table = Tabular::new(&HEAD, rows);
    table.head.extend(beta.map(|beta| format!("LCA over {beta} batches")));
    Ok(table)
}

/// What a reader must know of a strategy to compare fairly, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) words: Vec<&'static str>,
    /// From which method the seeds do not separate it, where that is the best one.
    pub(crate) alike: Option<String>,
}

impl Marks {
    pub(crate) fn all(&self) -> Vec<&str> {
        self.words.iter().copied().chain(self.alike.as_deref()).collect()
    }
}

/// The marks of each strategy.
pub(crate) fn marks(ranked: &Ranked<'_>) -> Vec<Marks> {
    let Ranked { standings, verdicts } = ranked;
    let all_told = standing::all_told(standings);
    let best = verdicts.best().map(|best| standings[best].label);
    let marks = |(index, standing): (usize, &Standing<'_>)| {
        let role = match standing.role {
            Role::Baseline => Some("no protection"),
            Role::AllData => Some("trains on all data again"),
            Role::Method => None,
        };
        let told = (standing.told && !all_told).then_some("told the task");
        let alike = verdicts.against_best(index) == Some(Verdict::NotSeparated);
        Marks {
            words: role.into_iter().chain(told).collect(),
            alike: best.filter(|_| alike).map(|best| format!("not separated from {best}")),
        }
    };
    standings.iter().enumerate().map(marks).collect()
}

/// What the sign ≈ says, or why no strategy has it; nothing where there is nothing to say.
pub(crate) fn note(ranked: &Ranked<'_>) -> Option<String> {
    let Ranked { standings, verdicts } = ranked;
    if verdicts.too_few_seeds() {
        return Some(too_few_seeds(ranked));
    }
    let best = standings[verdicts.best()?].label;
    let alike = |index| verdicts.against_best(index) == Some(Verdict::NotSeparated);
    let seeds = verdicts.seeds();
    (0..standings.len())
        .any(alike)
        .then(|| format!("≈ {seeds} seeds do not separate it from {best}, {}", ranked.best_words()))
}

/// That so many strategies cannot be ranked.
pub(crate) fn too_few_seeds(ranked: &Ranked<'_>) -> String {
    let (seeds, strategies) = (ranked.verdicts.seeds(), ranked.verdicts.strategies());
    format!("too few seeds to rank {strategies} strategies: {seeds}, and 5 are needed")
}

/// β of the learning curves, where they were measured.
pub(crate) fn beta(standings: &[Standing<'_>]) -> Option<usize> {
    let runs = standings.iter().flat_map(|standing| &standing.runs);
    runs.filter_map(|run| Some(run.learning_curves.as_ref()?.beta)).next()
}

/// An estimate as it is shown, or a dash.
pub(crate) fn shown(value: Option<Summary>, how: fn(Summary) -> String) -> String {
    Datum::estimate(value, how).shown().to_owned()
}
