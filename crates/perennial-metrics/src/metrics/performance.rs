//! How good is it: ACC, learning accuracy, average incremental accuracy, the worst task.

use crate::{Accuracy, mean};

/// How the tasks seen so far are averaged inside the average incremental accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncrementalMean<'a> {
    /// Every task counts the same.
    #[default]
    Tasks,
    /// Every test sample counts the same, as iCaRL does: the number of test samples of each task,
    /// `[tasks]`.
    Samples(&'a [usize]),
}

impl Accuracy {
    /// ACC, the average accuracy: how well the final network does on all tasks.
    ///
    /// `ACC = 1/T · Σ_j R[T][j]`, the mean of the last row.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // R[3] = .375 .5 .625    (.375 + .5 + .625) / 3 = 1.5 / 3
    /// assert_eq!(r.acc(), Some(0.5));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// `None` before the last task is learnt; see [`acc_after`](Self::acc_after) for the road there.
    ///
    /// Each task counts the same, whatever the size of its test set, so on tasks of unequal size
    /// this is not the accuracy over all test samples.
    #[must_use]
    pub fn acc(&self) -> Option<f64> {
        self.acc_after(self.tasks())
    }

    /// `A_k`, the average accuracy over the tasks seen so far after `k` of them (`1..=T`).
    ///
    /// `A_k = 1/k · Σ_{j≤k} R[k][j]`.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // R[2] = .9375 .875 | .5    (.9375 + .875) / 2: task 3 is not learnt yet and not counted
    /// assert_eq!(r.acc_after(2), Some(0.90625));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// `A_k` of different k are means over different tasks: a falling curve may also say that the
    /// later tasks are harder.
    #[must_use]
    pub fn acc_after(&self, k: usize) -> Option<f64> {
        mean((0..k).map(|j| self.at(k, j)))
    }

    /// Learning accuracy: how well each task was done right after it was learnt.
    ///
    /// `LA = 1/T · Σ_j R[j][j]`, the mean of the [`diagonal`](Self::diagonal).
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // the diagonal = .75 .875 .625    (.75 + .875 + .625) / 3 = 2.25 / 3
    /// assert_eq!(r.learning_accuracy(), Some(0.75));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// Read it beside BWT: a method that learns little has little to forget. With T > 1,
    /// `ACC = LA + (T−1)/T · BWT`.
    #[must_use]
    pub fn learning_accuracy(&self) -> Option<f64> {
        mean(self.diagonal().into_iter())
    }

    /// Average incremental accuracy: how good it was along the way, not only at the end.
    ///
    /// `1/T · Σ_k A_k` with `A_k = Σ_{j≤k} n_j R[k][j] / Σ_{j≤k} n_j`, where `n_j` is 1
    /// ([`IncrementalMean::Tasks`], `A_k` is then [`acc_after`](Self::acc_after)) or the number of
    /// test samples of task j ([`IncrementalMean::Samples`]).
    ///
    /// ```
    /// # use perennial_metrics::{Accuracy, IncrementalMean};
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // A_1 = .75    A_2 = (.9375 + .875) / 2 = .90625    A_3 = .5    their sum = 2.15625
    /// assert_eq!(r.average_incremental_accuracy(IncrementalMean::Tasks), Some(0.71875));
    /// // task 3 has twice the samples: A_3 = (.375 + .5 + 2 · .625) / 4 = .53125, the sum = 2.1875
    /// let weighted = IncrementalMean::Samples(&[100, 100, 200]);
    /// assert_eq!(r.average_incremental_accuracy(weighted), Some(2.1875 / 3.0));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// The two variants are published under one name, and so are means that leave out `A_1`: say
    /// which it is. `None` too when the sample counts are not one a task, or those of the first
    /// task are 0.
    #[must_use]
    pub fn average_incremental_accuracy(&self, over: IncrementalMean<'_>) -> Option<f64> {
        match over {
            IncrementalMean::Tasks => mean((1..=self.tasks()).map(|k| self.acc_after(k))),
            IncrementalMean::Samples(samples) if samples.len() == self.tasks() => {
                mean((1..=self.tasks()).map(|k| self.sample_mean(k, samples)))
            }
            IncrementalMean::Samples(_) => None,
        }
    }

    /// The mean over all test samples of the first `k` tasks after `k` tasks.
    fn sample_mean(&self, k: usize, samples: &[usize]) -> Option<f64> {
        // Exact below 2^53 samples.
        let weights = samples.iter().take(k).map(|&n| n as f64);
        let total: f64 = weights.clone().sum();
        let sum: f64 =
            weights.enumerate().map(|(j, n)| Some(n * self.at(k, j)?)).sum::<Option<f64>>()?;
        (total > 0.0).then(|| sum / total)
    }

    /// The worst task: the lowest accuracy of the final network on any task.
    ///
    /// `min_j R[T][j]`.
    ///
    /// ```
    /// # use perennial_metrics::Accuracy;
    /// # let mut r = Accuracy::new(3);
    /// # for row in [[0.125, 0.25, 0.125], [0.75, 0.375, 0.25], [0.9375, 0.875, 0.5], [0.375, 0.5, 0.625]] {
    /// #     r.push_row(row.map(Some))?;
    /// # }
    /// // R[3] = .375 .5 .625
    /// assert_eq!(r.worst_task(), Some(0.375));
    /// # Ok::<(), perennial_metrics::AccuracyError>(())
    /// ```
    ///
    /// ACC hides one lost task among many; this does not. A task without an answer makes it `None`,
    /// not the worst of the others.
    #[must_use]
    pub fn worst_task(&self) -> Option<f64> {
        let last = (0..self.tasks()).map(|j| self.at(self.tasks(), j));
        last.collect::<Option<Vec<_>>>()?.into_iter().reduce(f64::min)
    }
}
