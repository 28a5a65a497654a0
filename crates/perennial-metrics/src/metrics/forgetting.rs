//! What was lost and what could not be learnt: forgetting and intransigence (Chaudhry et al.,
//! *Riemannian Walk for Incremental Learning*, 2018, <https://arxiv.org/abs/1801.10112>).

use crate::{Accuracy, mean};

impl Accuracy {
    /// Forgetting `F_T`: how far the old tasks fell below the best they ever were.
    ///
    /// [`forgetting_after`](Self::forgetting_after) all T tasks; `None` before that and for a
    /// single task.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // task 1: max(.75, .9375) − .375 = .5625    task 2: max(.375, .875) − .5 = .375
    /// // (.5625 + .375) / 2
    /// assert_eq!(r.forgetting(), Some(0.46875));
    /// // more than −BWT = .375, because task 1 was best after task 2, not right after itself
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    #[must_use]
    pub fn forgetting(&self) -> Option<f64> {
        self.forgetting_after(self.tasks())
    }

    /// Forgetting `F_k` after `k` tasks (`2..=T`): the mean over the older tasks of the best accuracy
    /// of any earlier row less the accuracy now.
    ///
    /// `F_k = 1/(k−1) · Σ_{j<k} (max_{1≤l<k} R[l][j] − R[k][j])`.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // after task 2, task 1 had got better: .75 − .9375
    /// assert_eq!(r.forgetting_after(2), Some(-0.1875));
    /// assert_eq!(r.forgetting_after(1), None); // nothing old to forget
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// - It can be negative, as above, and is not clipped.
    /// - The maximum leaves out row 0 and row k. With row k in it F could never be negative.
    /// - `F_T ≥ −BWT`, since the maximum is at least `R[j][j]`; they are not two names of one thing.
    /// - Earlier rows that do not exist are skipped, so a run that was evaluated every few tasks
    ///   has a forgetting, though a smaller one; a task of which no earlier row exists makes it
    ///   `None`, and so does a missing answer now.
    #[must_use]
    pub fn forgetting_after(&self, k: usize) -> Option<f64> {
        mean((0..k.saturating_sub(1)).map(|j| {
            let best = (1..k).filter_map(|l| self.at(l, j)).reduce(f64::max)?;
            Some(best - self.at(k, j)?)
        }))
    }

    /// Intransigence `I_T`: how much worse the last task was learnt than by a network free of the
    /// past.
    ///
    /// [`intransigence_after`](Self::intransigence_after) all T tasks.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// let joint = [0.875, 0.9375, 0.875].map(Some);
    /// // a*_3 − R[3][3] = .875 − .625
    /// assert_eq!(r.intransigence(&joint), Some(0.25));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    #[must_use]
    pub fn intransigence(&self, reference: &[Option<f64>]) -> Option<f64> {
        self.intransigence_after(self.tasks(), reference)
    }

    /// Intransigence `I_k` of task `k` (`1..=T`): the accuracy of a reference on task k less that of
    /// this run, each right after learning it. Positive: the past was in the way.
    ///
    /// `I_k = a*_k − R[k][k]`, with `a*_k = reference[k - 1]` the accuracy on task k of a network
    /// trained jointly on tasks 1 … k.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// let joint = [0.875, 0.9375, 0.875].map(Some);
    /// // .9375 − .875
    /// assert_eq!(r.intransigence_after(2, &joint), Some(0.0625));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// The reference is the [`diagonal`](Self::diagonal) of a joint run that starts *from scratch*
    /// at each task, on the same stream and seed. A joint run that continues is itself held back by
    /// its past and no reference. Without such a run there is no intransigence: it is not
    /// approximated. `None` too when the reference is not one entry a task.
    #[must_use]
    pub fn intransigence_after(&self, k: usize, reference: &[Option<f64>]) -> Option<f64> {
        if reference.len() != self.tasks() {
            return None;
        }
        let j = k.checked_sub(1)?;
        Some((*reference.get(j)?)? - self.at(k, j)?)
    }
}
