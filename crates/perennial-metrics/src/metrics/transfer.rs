//! What one task does to the others: backward and forward transfer (Lopez-Paz & Ranzato, *Gradient
//! Episodic Memory for Continual Learning*, 2017, <https://arxiv.org/abs/1706.08840>).

use crate::{Accuracy, mean};

impl Accuracy {
    /// BWT, backward transfer: what learning later tasks did to the earlier ones. Negative is
    /// forgetting.
    ///
    /// `BWT = 1/(T−1) · Σ_{j<T} (R[T][j] − R[j][j])`: the last row against the
    /// [`diagonal`](Self::diagonal), without the last task, which nothing followed.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // R[3] = .375 .5, the diagonal = .75 .875    ((.375 − .75) + (.5 − .875)) / 2 = −.75 / 2
    /// assert_eq!(r.bwt(), Some(-0.375));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// `None` for a single task. BWT of 0 is not "knows everything": a network that never learnt
    /// anything has it too; read it beside the
    /// [learning accuracy](Self::learning_accuracy). The authors' code divides by T:
    /// [`bwt_over_t`](Self::bwt_over_t).
    #[must_use]
    pub fn bwt(&self) -> Option<f64> {
        let last = self.tasks();
        mean((1..last).map(|j| Some(self.at(last, j - 1)? - self.at(j, j - 1)?)))
    }

    /// BWT as the authors' code of GEM prints it: the same sum divided by T.
    ///
    /// `1/T · Σ_{j<T} (R[T][j] − R[j][j]) = (T−1)/T · BWT`.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // ((.375 − .75) + (.5 − .875)) / 3 = −.75 / 3
    /// assert_eq!(r.bwt_over_t(), Some(-0.25));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// For comparisons with that paper's tables only. `None` where [`bwt`](Self::bwt) is.
    #[must_use]
    pub fn bwt_over_t(&self) -> Option<f64> {
        let tasks = self.tasks() as f64;
        Some(self.bwt()? * (tasks - 1.0) / tasks)
    }

    /// FWT, forward transfer: what the earlier tasks did for a task before it was learnt.
    ///
    /// `FWT = 1/(T−1) · Σ_{j≥2} (R[j−1][j] − R[0][j])`: each task just before it is learnt
    /// against the untrained network.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // R[1][2] − R[0][2] = .375 − .25    R[2][3] − R[0][3] = .5 − .125    (.125 + .375) / 2
    /// assert_eq!(r.fwt(), Some(0.25));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// `None` for a single task, and wherever the network cannot answer a task before learning it:
    /// a head per task, growing heads, independent networks, PNN, PackNet, CPG. The untrained
    /// network is measured (row 0); chance level, 1/classes, is not what it does.
    #[must_use]
    pub fn fwt(&self) -> Option<f64> {
        mean((2..=self.tasks()).map(|j| Some(self.at(j - 1, j - 1)? - self.at(0, j - 1)?)))
    }
}
