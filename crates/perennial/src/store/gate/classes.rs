//! What became of each class: a rare one can be lost while its task's accuracy hardly moves.
//!
//! A class is known by its name, and its recall is over the test rows of all older tasks that have
//! it, as a user counts. Rows that several tasks share, which were taught once more, count once.

use perennial_metrics::statistics::{PairedFall, SIGNIFICANCE, holm};
use serde::{Deserialize, Serialize};

use super::beyond;
use super::clause::{Clause, HOLM};
use crate::store::diff::ClassChange;

/// A class with so many rows right before and none now is lost, and refuses without a further
/// test: five rows that all broke are the first that chance explains less than 1 time in 20 (1/32).
const LOST: u64 = 5;

/// What became of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClassJudged {
    /// Its name.
    pub class: String,
    /// Test rows of the older tasks that are of it.
    pub rows: u64,
    /// How many of them were right before.
    pub before: u64,
    /// How many of them are right now.
    pub after: u64,
    /// Rows that were right before and are wrong now.
    pub broke: u64,
    /// Rows that were wrong before and are right now.
    pub mended: u64,
    /// As a task's p, after Holm over the classes; none with fewer than [`FEWEST`](Self::FEWEST)
    /// rows.
    pub p: Option<f64>,
    /// What the gate said of it.
    pub verdict: ClassVerdict,
    /// The clause that refused it, if one did: [`Clause::Fall`] or [`Clause::Lost`]. Versions of
    /// older programs have none here.
    #[serde(default)]
    pub refused: Option<Clause>,
}

/// What the gate says of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassVerdict {
    /// It may be so.
    Passed,
    /// It fell by more than allowed and than chance explains, or it is lost.
    Refused,
    /// It has too few rows to say.
    TooFew,
}

impl ClassJudged {
    /// Below so many rows a recall is too coarse to judge: one row is more than a tenth of it.
    pub const FEWEST: u64 = 10;

    /// The fall of its recall.
    pub fn fall(&self) -> f64 {
        (self.before as f64 - self.after as f64) / self.rows as f64
    }

    /// Why it refuses, if it does.
    pub(super) fn reason(&self, max_drop: f64) -> Option<String> {
        let Self { class, rows, before, after, .. } = self;
        let fell =
            format!("the recall of `{class}` fell from {before} of {rows} to {after} of {rows}");
        Some(self.refused?.reason(&fell, HOLM, max_drop))
    }
}

/// Judges classes, each with at least one row. A recall cannot fall by more than 1, so a
/// `max_drop` of 1 refuses nothing.
pub(super) fn judge(classes: Vec<ClassChange>, max_drop: f64) -> Vec<ClassJudged> {
    let enough = |class: &ClassChange| class.rows >= ClassJudged::FEWEST;
    let p = |class: &ClassChange| {
        PairedFall { samples: class.rows, broke: class.broke, mended: class.mended }.p()
    };
    let p: Vec<f64> = classes.iter().filter(|class| enough(class)).map(p).collect();
    let mut p = holm(&p).unwrap_or_default().into_iter();
    let judged = classes.into_iter().map(|change| {
        let p = if enough(&change) { p.next() } else { None };
        let ClassChange { class, rows, before, after, broke, mended } = change;
        let (verdict, refused) = (ClassVerdict::Passed, None);
        let mut judged =
            ClassJudged { class, rows, before, after, broke, mended, p, verdict, refused };
        let significant = p.filter(|p| beyond(judged.fall(), max_drop) && *p < SIGNIFICANCE);
        let lost = max_drop < 1.0 && before >= LOST && after == 0;
        judged.refused = match significant {
            Some(p) => Some(Clause::Fall { p, level: SIGNIFICANCE }),
            None => lost.then_some(Clause::Lost),
        };
        judged.verdict = match p {
            _ if judged.refused.is_some() => ClassVerdict::Refused,
            Some(_) => ClassVerdict::Passed,
            None => ClassVerdict::TooFew,
        };
        judged
    });
    judged.collect()
}

/// The largest fall of a class with rows enough to judge.
pub(super) fn worst(classes: &[ClassJudged]) -> Option<(String, f64)> {
    let judged = classes.iter().filter(|class| class.p.is_some());
    let worst = judged.max_by(|a, b| a.fall().total_cmp(&b.fall()))?;
    Some((worst.class.clone(), worst.fall()))
}
