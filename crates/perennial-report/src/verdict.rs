//! Which strategies the seeds tell apart: one verdict a comparison, which the table, the sentences
//! and the page share, so that they cannot contradict each other.

use perennial_metrics::statistics::{Answers, AnswersBySeed, MultipleComparison, SIGNIFICANCE};

use crate::document::Run;
use crate::standing::{Role, Standing};

/// Test rows of a task in documents that do not say: what the accuracies of most data sets here are
/// measured on, to an order of magnitude. It matters where accuracies are close to 0 or 1, or all
/// alike.
const UNKNOWN_ROWS: u64 = 1000;

/// What the seeds say of two strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The one that is ahead is ahead by more than chance.
    Separated,
    /// Chance may be all of the difference.
    NotSeparated,
    /// So many strategies cannot be ranked by so few seeds.
    TooFewSeeds,
    /// There are not two seeds that both have, or other strategies leave one of them out.
    Unknown,
}

/// What the seeds say of every pair of strategies, at the 5 % level, by
/// [`MultipleComparison`] on the logits of ACC.
///
/// `finetune` and `joint` are named before anything is run, so what is claimed against them is
/// adjusted by Holm for the number of strategies. All other pairs, of which the best method is
/// picked from the results, are judged by Games and Howell's test over all strategies.
pub(crate) struct Verdicts<'a> {
    strategies: Vec<&'a str>,
    /// Mean ACC, by which strategies are ranked.
    acc: Vec<Option<f64>>,
    compared: Option<MultipleComparison>,
    /// Adjusted p-values of all strategies against those that are named beforehand.
    named: Vec<(usize, Vec<Option<f64>>)>,
    /// The best method that is compared.
    best: Option<usize>,
}

impl<'a> Verdicts<'a> {
    /// The strategies in the order of their rank.
    pub(crate) fn of(standings: &[Standing<'a>]) -> Self {
        let answers: Vec<AnswersBySeed> = standings.iter().map(answers).collect();
        let compared = MultipleComparison::new(&answers.iter().collect::<Vec<_>>());
        let mut named = Vec::new();
        let mut best = None;
        if let Some(compared) = &compared {
            for (index, standing) in standings.iter().enumerate() {
                match standing.role {
                    Role::Baseline | Role::AllData => {
                        named.push((index, compared.holm_against(index)));
                    }
                    Role::Method if best.is_none() && compared.has(index) => best = Some(index),
                    Role::Method => {}
                }
            }
            // A pair of both is judged against finetune.
            named.sort_by_key(|(index, _)| standings[*index].role != Role::Baseline);
        }
        Self {
            strategies: standings.iter().map(|standing| standing.strategy).collect(),
            acc: standings.iter().map(|standing| Some(standing.acc?.mean)).collect(),
            compared,
            named,
            best,
        }
    }

    /// How many seeds were compared; 0 where none could be.
    pub(crate) fn seeds(&self) -> usize {
        self.compared.as_ref().map_or(0, |compared| compared.seeds().len())
    }

    /// How many strategies were compared; 0 where none could be.
    pub(crate) fn strategies(&self) -> usize {
        self.compared.as_ref().map_or(0, MultipleComparison::methods)
    }

    /// Whether there are too few seeds to rank so many strategies.
    pub(crate) fn too_few_seeds(&self) -> bool {
        self.compared.as_ref().is_some_and(|compared| !compared.ranks())
    }

    /// The index of the method that all others are compared with.
    pub(crate) fn best(&self) -> Option<usize> {
        self.best
    }

    /// What the seeds say of two strategies.
    pub(crate) fn pair(&self, one: &Standing<'_>, other: &Standing<'_>) -> Verdict {
        let index = |of: &Standing<'_>| self.strategies.iter().position(|it| *it == of.strategy);
        match (index(one), index(other)) {
            (Some(one), Some(other)) => self.of_pair(one, other),
            _ => Verdict::Unknown,
        }
    }

    /// What the seeds say of a strategy and the best method; `None` for the best itself, and where
    /// there is none.
    pub(crate) fn against_best(&self, index: usize) -> Option<Verdict> {
        let best = self.best.filter(|best| *best != index)?;
        Some(self.of_pair(best, index))
    }

    fn of_pair(&self, one: usize, other: usize) -> Verdict {
        let Some(compared) = &self.compared else { return Verdict::Unknown };
        let Some(p) = self.p(compared, one, other) else { return Verdict::Unknown };
        if !compared.ranks() {
            return Verdict::TooFewSeeds;
        }
        // Ranks go by the mean of ACC, tests by that of its logit: the same one must be ahead.
        let lead = || Some((self.acc[one]? - self.acc[other]?) * compared.difference(one, other)?);
        let separated = p <= SIGNIFICANCE && lead().is_some_and(|lead| lead > 0.0);
        if separated { Verdict::Separated } else { Verdict::NotSeparated }
    }

    fn p(&self, compared: &MultipleComparison, one: usize, other: usize) -> Option<f64> {
        for (reference, p) in &self.named {
            if *reference == one {
                return *p.get(other)?;
            }
            if *reference == other {
                return *p.get(one)?;
            }
        }
        compared.games_howell(one, other)
    }
}

/// What the runs of a strategy answered, by seed.
fn answers(standing: &Standing<'_>) -> AnswersBySeed {
    let of = |run: &&Run| Some((run.seed, Answers::new(run.acc?, rows(run))?));
    standing.runs.iter().filter_map(of).collect()
}

/// Test rows of all tasks together.
fn rows(run: &Run) -> u64 {
    match run.test_rows.iter().sum() {
        0 => UNKNOWN_ROWS * run.accuracy.tasks() as u64,
        rows => rows,
    }
}
