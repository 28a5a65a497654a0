//! The gate: what must not become worse when a learner is taught something new.
//!
//! A test part is a sample, and answers flip both ways when nothing became worse. So a fall above
//! what is allowed refuses only if chance does not explain it. `docs/gate.md` has the rules, and how
//! often they refuse at random.

mod classes;
mod clause;
mod hints;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use perennial_metrics::statistics::{PairedFall, SharedSamples, holm, mean_fall};
use serde::{Deserialize, Serialize};

pub use self::classes::{ClassJudged, ClassVerdict};
pub use self::clause::Clause;
use self::clause::{Fall, Whose};
use super::diff::ClassChange;

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
    /// Refuses every measured fall beyond `max_drop`, also one that chance explains.
    // A manifest without this field was judged so. `HEAD` and later versions name a manifest by the
    // hash of the text that is written of it, so the old rule must not be written either.
    #[serde(default = "old_strict", skip_serializing_if = "is_old_strict")]
    pub strict: bool,
    /// The most by which the recall of a class may fall; 1 judges no class.
    #[serde(default = "old_class_drop", skip_serializing_if = "is_old_class_drop")]
    pub max_class_drop: f64,
}

impl Default for Gate {
    fn default() -> Self {
        Self { max_drop: 0.02, floor: None, confident: false, strict: false, max_class_drop: 0.2 }
    }
}

fn old_strict() -> bool {
    true
}

fn is_old_strict(strict: &bool) -> bool {
    *strict == old_strict()
}

fn old_class_drop() -> f64 {
    1.0
}

fn is_old_class_drop(max_class_drop: &f64) -> bool {
    *max_class_drop == old_class_drop()
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
    /// The largest fall of the recall of a class with rows enough to judge, and whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_class: Option<(String, f64)>,
}

/// The object `gate` of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Judgement {
    /// Every task, in the order in which they were taught; the new one is the last.
    pub tasks: Vec<Judged>,
    /// The mean over the older tasks, by bootstrap.
    pub mean: Option<MeanJudged>,
    /// Every class of the older tasks, in the order in which they came.
    #[serde(default)]
    pub classes: Vec<ClassJudged>,
    /// Why it was refused; empty where it passed.
    pub reasons: Vec<String>,
    /// What to try where it was refused, in sentences.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Tasks whose answers are worth nothing, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
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
    /// (exact one-sided binomial on the rows that changed), after Holm over the tasks; tasks with the
    /// same test rows and the same answers count as one.
    pub p: Option<f64>,
    /// The upper 95 % bound of the fall.
    pub upper: Option<f64>,
    /// Whether it fell by more than `max_drop` and passed, because chance explains the fall.
    #[serde(default)]
    pub noise: bool,
    /// The clause that refused its fall, if one did. Versions of older programs have none here; their
    /// reasons are sentences alone.
    #[serde(default)]
    pub refused: Option<Clause>,
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
    /// The clause that refused it, if one did, as [`Judged::refused`].
    #[serde(default)]
    pub refused: Option<Clause>,
}

/// A task's test rows: whether each was answered right before, and now.
pub(super) struct Pair<'a> {
    pub(super) task: &'a str,
    /// The hash of its test rows: tasks of one hash have the same rows.
    pub(super) rows: &'a str,
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
        share("--max-class-drop", self.max_class_drop)?;
        self.floor.map_or(Ok(()), |floor| share("--floor", floor))
    }

    /// Judges the tasks and their mean by the accuracies before and after, and the classes of the
    /// older tasks by their recalls.
    pub(super) fn judge(
        &self,
        pairs: &[Pair<'_>],
        classes: Vec<ClassChange>,
        seed: u64,
    ) -> (Verdict, Judgement) {
        /// Enough that the bounds of the mean stay to three digits.
        const RESAMPLES: u32 = 2000;
        let falls: Vec<Option<PairedFall>> =
            pairs.iter().map(|pair| PairedFall::of(pair.before.as_ref()?, &pair.after)).collect();
        // Tasks with the same rows and the same answers are one test, not several.
        let is_first = |&at: &usize| falls[at].is_some() && first_alike(pairs, at) == at;
        let distinct: Vec<usize> = (0..pairs.len()).filter(is_first).collect();
        let p: Vec<f64> = distinct.iter().filter_map(|&at| Some(falls[at]?.p())).collect();
        let p = distinct.iter().zip(holm(&p).unwrap_or_default());
        let p: BTreeMap<usize, f64> = p.map(|(&at, p)| (at, p)).collect();
        let mut judgement = Judgement::default();
        let mut worst: Option<(String, f64)> = None;
        for (at, (pair, fall)) in pairs.iter().zip(&falls).enumerate() {
            let p = fall.and_then(|_| p.get(&first_alike(pairs, at)).copied());
            if let Some(fall) = fall
                && worst.as_ref().is_none_or(|(_, worst)| fall.fall() > *worst)
            {
                worst = Some((pair.task.to_owned(), fall.fall()));
            }
            let (judged, reasons) = self.judge_task(pair, fall.as_ref(), p);
            judgement.tasks.push(judged);
            judgement.reasons.extend(reasons);
        }
        if let Some(mean) = mean_fall(&shared_rows(pairs), RESAMPLES, seed) {
            // A single older task, or copies of one, are their own mean, and its test has judged it.
            let p = Some(mean.p).filter(|_| distinct.len() > 1);
            let fall = Fall { whose: Whose::Mean, measured: mean.mean, upper: mean.upper, p };
            let refused = self.clause(&fall);
            judgement.reasons.extend(refused.map(|clause| fall.reason(clause, self.max_drop)));
            let (fall, lower, upper) = (mean.mean, mean.lower, mean.upper);
            judgement.mean = Some(MeanJudged { fall, lower, upper, p: mean.p, refused });
        }
        judgement.classes = classes::judge(classes, self.max_class_drop);
        let of_class = |class: &ClassJudged| class.reason(self.max_class_drop);
        judgement.reasons.extend(judgement.classes.iter().filter_map(of_class));
        let verdict = Verdict {
            passed: judgement.reasons.is_empty(),
            gate: *self,
            judged: falls.iter().flatten().count(),
            mean_fall: judgement.mean.map(|mean| mean.fall),
            worst,
            worst_class: classes::worst(&judgement.classes),
        };
        (verdict, judgement)
    }

    /// Judges a task, whose p has Holm's correction; says why it refuses, if it does.
    fn judge_task(
        &self,
        pair: &Pair<'_>,
        fall: Option<&PairedFall>,
        p: Option<f64>,
    ) -> (Judged, Vec<String>) {
        let share = |right: &[bool]| {
            right.iter().filter(|&&right| right).count() as f64 / right.len() as f64
        };
        let (task, after) = (pair.task, share(&pair.after));
        let mut judged = Judged {
            task: task.to_owned(),
            rows: pair.after.len() as u64,
            before: pair.before.as_deref().map(share),
            after,
            broke: fall.map_or(0, |fall| fall.broke),
            mended: fall.map_or(0, |fall| fall.mended),
            p,
            upper: fall.map(PairedFall::upper),
            noise: false,
            refused: None,
        };
        let mut reasons = Vec::new();
        if let Some(fall) = fall {
            let (measured, upper) = (fall.fall(), fall.upper());
            let fall = Fall { whose: Whose::Task(task), measured, upper, p };
            judged.refused = self.clause(&fall);
            judged.noise = judged.refused.is_none() && beyond(measured, self.max_drop);
            reasons.extend(judged.refused.map(|clause| fall.reason(clause, self.max_drop)));
        }
        if let Some(floor) = self.floor.filter(|floor| after < *floor) {
            reasons.push(format!("`{task}` is at {after:.4}, below {floor}"));
        }
        (judged, reasons)
    }
}

/// The first task that has the rows of this one, with the same answers before and after.
fn first_alike(pairs: &[Pair<'_>], at: usize) -> usize {
    let Pair { rows, before, after, .. } = &pairs[at];
    let alike = |it: &Pair<'_>| it.rows == *rows && it.before == *before && it.after == *after;
    pairs.iter().position(alike).unwrap_or(at)
}

/// The older tasks in groups that have the same test rows.
fn shared_rows(pairs: &[Pair<'_>]) -> Vec<SharedSamples> {
    let mut groups: Vec<(&str, Vec<[&[bool]; 2]>)> = Vec::new();
    for pair in pairs {
        let Some(before) = pair.before.as_deref() else { continue };
        let answers = [before, &pair.after[..]];
        match groups.iter_mut().find(|(rows, _)| *rows == pair.rows) {
            Some((_, group)) => group.push(answers),
            None => groups.push((pair.rows, vec![answers])),
        }
    }
    groups.iter().filter_map(|(_, group)| SharedSamples::of(group)).collect()
}

/// Whether a fall is more than allowed: exactly what is allowed passes, however it rounds.
fn beyond(fall: f64, allowed: f64) -> bool {
    fall > allowed + 1e-12
}
