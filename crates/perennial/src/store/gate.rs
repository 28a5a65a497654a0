//! The gate: what must not become worse when a learner is taught something new.

use perennial_metrics::statistics::{PairedFall, holm, mean_fall};
use serde::{Deserialize, Serialize};

/// What may not become worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gate {
    /// The most by which the accuracy of an older task, and their mean, may fall.
    pub max_drop: f64,
    /// The least accuracy of every task, the new one included.
    pub floor: Option<f64>,
    /// Refuses also when the upper 95 % bound of a fall is beyond `max_drop`.
    pub confident: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { max_drop: 0.02, floor: None, confident: false }
    }
}

/// What the gate said of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Verdict {
    /// Whether the version may become the learner.
    pub passed: bool,
    /// What it was judged by.
    pub gate: Gate,
    /// How many older tasks were judged.
    pub judged: usize,
    /// The mean fall over the older tasks; none without any.
    pub mean_fall: Option<f64>,
    /// The largest fall of an older task, and whose it is.
    pub worst: Option<(String, f64)>,
}

/// The object `gate` of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Judgement {
    /// Of every task, in the order in which they were taught; the new one is the last.
    pub tasks: Vec<Judged>,
    /// Of the mean over the older tasks, by bootstrap.
    pub mean: Option<MeanJudged>,
    /// Why it was refused; empty where it passed.
    pub reasons: Vec<String>,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Judged {
    /// Its name.
    pub task: String,
    /// Rows of its test part.
    pub rows: u64,
    /// Accuracy before; none for the new task.
    pub before: Option<f64>,
    /// Accuracy after.
    pub after: f64,
    /// Rows that were right before and are wrong now.
    pub broke: u64,
    /// Rows that were wrong before and are right now.
    pub mended: u64,
    /// The chance of so many more broken than mended if a change were as likely either way
    /// (exact one-sided binomial on the rows that changed), after Holm over the tasks.
    pub p: Option<f64>,
    /// The upper 95 % bound of the fall.
    pub upper: Option<f64>,
}

/// What became of the mean over the older tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MeanJudged {
    /// Mean accuracy before less the mean accuracy after.
    pub fall: f64,
    /// The lower bound of the fall: one-sided, 95 %.
    pub lower: f64,
    /// The upper bound of the fall: one-sided, 95 %.
    pub upper: f64,
    /// How often chance alone gives such a fall.
    pub p: f64,
}

/// A task's test rows: whether each was answered right before, and now.
pub(super) struct Pair<'a> {
    pub(super) task: &'a str,
    pub(super) before: Option<Vec<bool>>,
    pub(super) after: Vec<bool>,
}

impl Gate {
    /// Refuses what cannot be asked for.
    pub(super) fn check(&self) -> Result<(), String> {
        let share = |name: &str, value: f64| match value {
            0.0..=1.0 => Ok(()),
            _ => Err(format!("{name} {value} cannot be: it is a share from 0 to 1")),
        };
        share("--max-drop", self.max_drop)?;
        self.floor.map_or(Ok(()), |floor| share("--floor", floor))
    }

    /// Judges by the measured fall; the tests inform, unless asked to be confident.
    pub(super) fn judge(&self, pairs: &[Pair<'_>], seed: u64) -> (Verdict, Judgement) {
        /// Enough that the bounds of the mean stay to three digits.
        const RESAMPLES: u32 = 2000;
        let falls: Vec<Option<PairedFall>> =
            pairs.iter().map(|pair| PairedFall::of(pair.before.as_ref()?, &pair.after)).collect();
        let older: Vec<PairedFall> = falls.iter().flatten().copied().collect();
        let mut p = older.iter().map(PairedFall::p).collect::<Vec<f64>>();
        p = holm(&p).unwrap_or_default();
        let mut p = p.into_iter();
        let share = |right: &[bool]| {
            right.iter().filter(|&&right| right).count() as f64 / right.len() as f64
        };
        let mut judgement = Judgement::default();
        let mut worst: Option<(String, f64)> = None;
        for (pair, fall) in pairs.iter().zip(&falls) {
            let after = share(&pair.after);
            if let Some(fall) = fall.as_ref() {
                let (task, measured) = (pair.task, fall.fall());
                if worst.as_ref().is_none_or(|(_, worst)| measured > *worst) {
                    worst = Some((task.to_owned(), measured));
                }
                if beyond(measured, self.max_drop) {
                    judgement.reasons.push(format!(
                        "`{task}` fell by {measured:.4}, more than {}",
                        self.max_drop
                    ));
                } else if self.confident && beyond(fall.upper(), self.max_drop) {
                    judgement.reasons.push(format!(
                        "the fall of `{task}` may be as much as {:.4} (95 %), more than {}",
                        fall.upper(),
                        self.max_drop
                    ));
                }
            }
            if let Some(floor) = self.floor.filter(|floor| after < *floor) {
                let task = pair.task;
                judgement.reasons.push(format!("`{task}` is at {after:.4}, below {floor}"));
            }
            judgement.tasks.push(Judged {
                task: pair.task.to_owned(),
                rows: pair.after.len() as u64,
                before: pair.before.as_deref().map(share),
                after,
                broke: fall.as_ref().map_or(0, |fall| fall.broke),
                mended: fall.as_ref().map_or(0, |fall| fall.mended),
                p: fall.as_ref().and_then(|_| p.next()),
                upper: fall.as_ref().map(PairedFall::upper),
            });
        }
        judgement.mean = mean_fall(&older, RESAMPLES, seed).map(|mean| MeanJudged {
            fall: mean.mean,
            lower: mean.lower,
            upper: mean.upper,
            p: mean.p,
        });
        if let Some(mean) = judgement.mean {
            if beyond(mean.fall, self.max_drop) {
                let max = self.max_drop;
                judgement
                    .reasons
                    .push(format!("the mean fell by {:.4}, more than {max}", mean.fall));
            } else if self.confident && beyond(mean.upper, self.max_drop) {
                judgement.reasons.push(format!(
                    "the fall of the mean may be as much as {:.4} (95 %), more than {}",
                    mean.upper, self.max_drop
                ));
            }
        }
        let verdict = Verdict {
            passed: judgement.reasons.is_empty(),
            gate: *self,
            judged: older.len(),
            mean_fall: judgement.mean.map(|mean| mean.fall),
            worst,
        };
        (verdict, judgement)
    }
}

/// Whether a fall is more than allowed: exactly what is allowed passes, however it rounds.
fn beyond(fall: f64, max_drop: f64) -> bool {
    fall > max_drop + 1e-12
}
