//! Where each strategy stands: its runs over the seeds, summed up once for every view.

use perennial_metrics::IncrementalMean;
use perennial_metrics::statistics::Summary;

use crate::document::{Comparison, KeptBytes, Run};
use crate::verdict::Verdicts;

/// What a strategy is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `finetune`: what happens when nothing is done against forgetting.
    Baseline,
    /// `joint`: trains on the data of all tasks so far. How long is part of its label; it is a
    /// reference and no bound.
    AllData,
    /// Everything else.
    Method,
}

impl Role {
    fn of(strategy: &str) -> Self {
        match strategy {
            "finetune" => Self::Baseline,
            "joint" => Self::AllData,
            _ => Self::Method,
        }
    }
}

/// One strategy over its finished seeds; at least one.
pub(crate) struct Standing<'a> {
    pub(crate) strategy: &'a str,
    pub(crate) label: &'a str,
    pub(crate) role: Role,
    /// Its number among the strategies of the document, which does not change as they change
    /// ranks: it decides the colour.
    pub(crate) number: usize,
    /// It was told which task a test sample belongs to.
    pub(crate) told: bool,
    pub(crate) runs: Vec<&'a Run>,
    pub(crate) acc: Option<Summary>,
    pub(crate) bwt: Option<Summary>,
    pub(crate) fwt: Option<Summary>,
    pub(crate) forgetting: Option<Summary>,
    pub(crate) learning: Option<Summary>,
    /// Accuracy on the task that is worst at the end.
    pub(crate) worst: Option<Summary>,
    pub(crate) intransigence: Option<Summary>,
    /// Average incremental accuracy, every task alike.
    pub(crate) incremental: Option<Summary>,
    /// The same, every test row alike.
    pub(crate) incremental_by_rows: Option<Summary>,
    /// The area under the learning curve, where it was measured.
    pub(crate) lca: Option<Summary>,
    /// Mean over the seeds.
    pub(crate) train_seconds: f64,
    /// Mean over the seeds.
    pub(crate) eval_seconds: f64,
    /// The most of any seed.
    pub(crate) parameters: u64,
    /// The most of any seed.
    pub(crate) kept: KeptBytes,
}

/// The strategies of a comparison by rank, and what the seeds say of them.
pub(crate) struct Ranked<'a> {
    /// Best ACC first.
    pub(crate) standings: Vec<Standing<'a>>,
    pub(crate) verdicts: Verdicts<'a>,
}

impl<'a> Ranked<'a> {
    pub(crate) fn of(comparison: &'a Comparison) -> Self {
        let standings = standings(comparison);
        let verdicts = Verdicts::of(&standings);
        Self { standings, verdicts }
    }

    /// What the method is that all others are compared with. One that lacks seeds may stand above it.
    /// Where the seeds cannot rank, it has the highest ACC and is not called the best.
    pub(crate) fn best_words(&self) -> String {
        let above = &self.standings[..self.verdicts.best().unwrap_or(0)];
        let what = match self.verdicts.best().is_none() || self.verdicts.too_few_seeds() {
            true => "which has the highest ACC",
            false => "the best",
        };
        match above.iter().any(|standing| standing.role == Role::Method) {
            true => format!("{what} of the methods with all {} seeds", self.verdicts.seeds()),
            false => format!("{what} of the methods"),
        }
    }
}

/// The strategies that finished a seed, best ACC first; equals in the document's order.
pub(crate) fn standings(comparison: &Comparison) -> Vec<Standing<'_>> {
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    for run in comparison.done() {
        match groups.iter_mut().find(|group| group[0].strategy == run.strategy) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let mut names: Vec<&str> = Vec::new();
    for cell in &comparison.runs {
        if Role::of(cell.strategy()) == Role::Method && !names.contains(&cell.strategy()) {
            names.push(cell.strategy());
        }
    }
    let number = |group: &[&Run]| names.iter().position(|name| *name == group[0].strategy);
    let mut standings: Vec<_> = groups
        .into_iter()
        .map(|group| Standing { number: number(&group).unwrap_or(0), ..Standing::of(group) })
        .collect();
    let acc = |standing: &Standing<'_>| standing.acc.map_or(f64::NEG_INFINITY, |acc| acc.mean);
    standings.sort_by(|a, b| acc(b).total_cmp(&acc(a)));
    standings
}

/// Whether all were told the task, as in the task setting: then it marks nobody.
pub(crate) fn all_told(standings: &[Standing<'_>]) -> bool {
    standings.iter().all(|standing| standing.told)
}

/// The number of seeds of the strategy that has most of them.
pub(crate) fn seeds(standings: &[Standing<'_>]) -> usize {
    standings.iter().map(|standing| standing.runs.len()).max().unwrap_or(0)
}

impl<'a> Standing<'a> {
    fn of(runs: Vec<&'a Run>) -> Self {
        let first = runs[0];
        let role = Role::of(&first.strategy);
        let over = |value: fn(&Run) -> Option<f64>| {
            // A number that one seed does not have, the strategy does not have.
            runs.iter()
                .map(|run| value(run))
                .collect::<Option<Vec<_>>>()
                .and_then(|v| Summary::of(&v))
        };
        let mean = |value: fn(&Run) -> f64| mean(runs.iter().map(|run| value(run)));
        Self {
            strategy: &first.strategy,
            label: if first.label.is_empty() { &first.strategy } else { &first.label },
            role,
            number: 0,
            told: runs.iter().any(|run| run.task_known),
            acc: over(|run| run.acc),
            bwt: over(|run| run.bwt),
            fwt: over(|run| run.fwt),
            forgetting: over(|run| run.forgetting),
            learning: over(|run| run.learning_accuracy),
            worst: over(|run| run.accuracy.worst_task()),
            intransigence: over(|run| run.intransigence),
            // R has it, in documents of older programs too.
            incremental: over(|run| {
                run.accuracy.average_incremental_accuracy(IncrementalMean::Tasks)
            }),
            incremental_by_rows: over(|run| run.average_incremental_accuracy_by_rows),
            lca: over(|run| run.lca),
            train_seconds: mean(|run| run.train_seconds),
            eval_seconds: mean(|run| run.eval_seconds),
            parameters: runs.iter().map(|run| run.parameters).max().unwrap_or(0),
            kept: runs
                .iter()
                .map(|run| run.kept_bytes)
                .max_by_key(|kept| kept.total())
                .unwrap_or_default(),
            runs,
        }
    }

    /// R over the seeds: each cell the mean, or nothing where a seed has nothing.
    pub(crate) fn accuracy(&self, tasks: usize) -> Vec<Vec<Option<f64>>> {
        let cell = |i, j| self.over_seeds(|run| run.accuracy.at(i, j));
        (0..=tasks).map(|i| (0..tasks).map(|j| cell(i, j)).collect()).collect()
    }

    /// Mean accuracy over the tasks learnt so far, `(k, A_k)` for k = 1 … T; a k at which a seed
    /// has no answer is left out.
    #[expect(clippy::cast_precision_loss, reason = "tasks are few")]
    pub(crate) fn so_far(&self, tasks: usize) -> Vec<(f64, f64)> {
        (1..=tasks)
            .filter_map(|k| Some((k as f64, self.over_seeds(|run| run.accuracy.acc_after(k))?)))
            .collect()
    }

    /// The mean of a number over the seeds; nothing where a seed does not have it.
    pub(crate) fn over_seeds(&self, value: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.runs.iter().map(|run| value(run)).collect::<Option<_>>()?;
        Some(mean(values.into_iter()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "values are few")]
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}
