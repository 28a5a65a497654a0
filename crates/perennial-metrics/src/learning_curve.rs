//! How fast tasks are learnt: the area under the learning curve (Chaudhry, Ranzato, Rohrbach &
//! Elhoseiny, *Efficient Lifelong Learning with A-GEM*, 2019, <https://arxiv.org/abs/1812.00420>).

use serde::{Deserialize, Serialize};

use crate::mean;

/// LCA_β of one run, with what it is made of.
///
/// `LCA_β = 1/(β + 1) · Σ_{b=0}^{β} Z_b`, where `Z_b = 1/T · Σ_k a_k(b)` and `a_k(b)` is the accuracy
/// on task k after its b-th batch. `a_k(0)` is from before the first batch, with the task's head in
/// place. So `LCA_0` is the mean accuracy before a task is learnt, and a high LCA_β says that tasks
/// are learnt from few samples. Numbers of different β or batch sizes do not compare.
///
/// ```
/// use perennial_metrics::LearningCurves;
///
/// let curves = LearningCurves::new(2, vec![
///     vec![Some(0.125), Some(0.5), Some(0.75)], // task 1: before, after one batch, after two
///     vec![Some(0.375), Some(0.75), Some(1.0)],
/// ]);
/// assert_eq!(curves.means, [Some(0.25), Some(0.625), Some(0.875)]); // Z_0, Z_1, Z_2
/// assert_eq!(curves.area, Some(1.75 / 3.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningCurves {
    /// β: the batches of each task that count.
    pub beta: usize,
    /// `LCA_β`, from 0 to 1. `None` where some task has no answer after some batch up to the β-th,
    /// as a task of fewer batches.
    pub area: Option<f64>,
    /// `Z_0 … Z_β`. `[β + 1]`
    pub means: Vec<Option<f64>>,
    /// `a_k(0), a_k(1), …` of each task. `[T][up to β + 1]`; `[0]` of a run without learning curves
    pub curves: Vec<Vec<Option<f64>>>,
}

impl LearningCurves {
    /// From the accuracies of each task, which may be cut short or go on after the β-th batch.
    #[must_use]
    pub fn new(beta: usize, curves: Vec<Vec<Option<f64>>>) -> Self {
        let after = |b: usize| mean(curves.iter().map(|curve| *curve.get(b)?));
        let means: Vec<Option<f64>> = (0..=beta).map(after).collect();
        Self { beta, area: mean(means.iter().copied()), means, curves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: a division by β, an area over the batches that are there.
    #[test]
    fn what_was_not_measured_has_no_area() {
        let half = LearningCurves::new(1, vec![vec![Some(0.25), Some(0.75)]]);
        assert_eq!(half.area, Some(0.5));
        assert_eq!(LearningCurves::new(0, half.curves.clone()).area, Some(0.25));
        let short = LearningCurves::new(2, half.curves);
        assert_eq!((short.means, short.area), (vec![Some(0.25), Some(0.75), None], None));
        let untold = LearningCurves::new(1, vec![vec![None, Some(0.5)], vec![Some(0.5); 2]]);
        assert_eq!((untold.means, untold.area), (vec![None, Some(0.5)], None));
        assert_eq!(LearningCurves::new(1, Vec::new()).area, None);
    }
}
