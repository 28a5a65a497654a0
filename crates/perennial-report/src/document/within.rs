//! What happens inside tasks, in a run that was asked to measure it.

use perennial_metrics::{Anytime, AnytimeError, AnytimeLog, Evaluation};
use serde::{Deserialize, Serialize};

/// D: windowed forgetting and plasticity look at so many evaluations in a row.
const WINDOW: usize = 10;

/// The evaluations inside the tasks of a run, and their metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WithinTasks {
    /// `period`, `evaluations` (how many), `window`, `aaa`, `min_acc`, `wc_acc`, `wf`, `wp`. The
    /// metrics are null where the strategy restarts within a task (`joint` from scratch, `gdumb`, `cpg`)
    /// or answers by what it computes when a task ends (`icarl`, which has no evaluations either).
    #[serde(flatten)]
    pub summary: Anytime,
    /// The evaluations themselves, in order: `step`, `task` (from 0), `accuracies` (T of them).
    pub series: Vec<Evaluation>,
}

impl WithinTasks {
    /// Of a run on `tasks` tasks that was evaluated every `period` steps.
    ///
    /// # Errors
    /// When an evaluation does not follow from those before it, as [`AnytimeLog::push`].
    pub fn new(
        tasks: usize,
        period: u64,
        series: impl IntoIterator<Item = Evaluation>,
    ) -> Result<Self, AnytimeError> {
        let mut log = AnytimeLog::new(tasks, period);
        series.into_iter().try_for_each(|evaluation| log.push(evaluation))?;
        Ok(Self { summary: log.summary(WINDOW), series: log.evaluations().to_vec() })
    }

    /// The evaluations without their metrics, which do not exist where a strategy restarts within a
    /// task, as the fall of accuracies then is its restart and no forgetting, or has no answers within it.
    #[must_use]
    pub fn without_metrics(self) -> Self {
        let summary =
            Anytime { aaa: None, min_acc: None, wc_acc: None, wf: None, wp: None, ..self.summary };
        Self { summary, ..self }
    }

    /// The metrics, which are fractions or differences of fractions.
    pub(super) fn metrics(&self) -> [Option<f64>; 5] {
        let Anytime { aaa, min_acc, wc_acc, wf, wp, .. } = self.summary;
        [aaa, min_acc, wc_acc, wf, wp]
    }
}
