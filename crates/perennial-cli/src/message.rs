//! What a worker process and its parent say to each other: lines of JSON.

use std::path::PathBuf;

use perennial::learner::Progress;
use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::plan::{CellId, Plan};

/// A worker's task: the first line that it reads. What follows on its standard in is
/// [`STOP`], or the end, which means that the parent is gone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The cell's folder.
    pub(crate) folder: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) cell: CellId,
    /// Where the image sets lie.
    pub(crate) data: Option<PathBuf>,
    /// Steps between two saves; by time where not said.
    pub(crate) save_every: Option<u64>,
    /// Whether it measures what training spends its time on.
    pub(crate) profile: bool,
}

/// Asks a worker to save and end.
pub(crate) const STOP: &str = "stop";

/// A line of a worker's standard out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Told {
    Progress(At),
    /// The cell's `result.json` is there.
    Done,
    /// Asked to stop, it has saved.
    Stopped,
    Failed(Problem),
}

/// Where a cell is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct At {
    pub(crate) task: usize,
    pub(crate) tasks: usize,
    pub(crate) trains: bool,
    pub(crate) phase: String,
    pub(crate) epoch: usize,
    pub(crate) epochs: usize,
    pub(crate) step: usize,
    pub(crate) steps: usize,
    pub(crate) total_steps: u64,
    pub(crate) accuracy: Option<f64>,
}

impl From<&Progress<'_>> for At {
    fn from(progress: &Progress<'_>) -> Self {
        Self {
            task: progress.task,
            tasks: progress.tasks,
            trains: progress.trains,
            phase: progress.phase.to_owned(),
            epoch: progress.epoch,
            epochs: progress.epochs,
            step: progress.step,
            steps: progress.steps,
            total_steps: progress.total_steps,
            accuracy: progress.accuracy,
        }
    }
}

impl At {
    /// The share of the cell that is done, every task weighing the same; `None` between phases.
    pub(crate) fn share(&self) -> Option<f64> {
        let ratio = |part: f64, whole: usize| part / whole.max(1) as f64;
        let epoch = self.epoch as f64 + ratio(self.step as f64, self.steps);
        let share = ratio(self.task as f64 + ratio(epoch, self.epochs), self.tasks);
        self.trains.then_some(share.min(1.0))
    }
}
