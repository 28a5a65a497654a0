//! Who saves, logs and shows a run: never the learner itself.

use serde::{Deserialize, Serialize};

use super::Learner;
use crate::model::Model;
use crate::scenario::Stream;
use crate::strategy::Outcome;

type WatchResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// What a run tells as it goes.
///
/// [`save`](Self::save) and [`event`](Self::event) are the learner's memory: events told after
/// the last save are told again by the run that goes on from it. The default of each does
/// nothing.
pub trait Watch {
    /// Something to log.
    ///
    /// # Errors
    ///
    /// When it cannot be logged; the run ends.
    fn event(&mut self, event: &Event) -> WatchResult {
        let _ = event;
        Ok(())
    }

    /// After every step, and as measurements and long hooks go on: where the run is. Must be
    /// quick.
    fn progress(&mut self, progress: &Progress<'_>) {
        let _ = progress;
    }

    /// At every boundary between phases and tasks, and within a phase when
    /// [`due`](Self::due): the whole learner, to be written.
    ///
    /// # Errors
    ///
    /// When it cannot be written; the run ends.
    fn save(&mut self, learner: &Learner) -> WatchResult {
        let _ = learner;
        Ok(())
    }

    /// Whether the learner should be saved after this step of a phase, its `steps`-th in all.
    fn due(&mut self, steps: u64) -> bool {
        let _ = steps;
        false
    }
}

/// A watch that does nothing.
impl Watch for () {}

/// A line of a run's log. Without clocks: a resumed run logs what the uninterrupted would have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A task began.
    Task {
        /// 0-based.
        task: usize,
        /// Its name.
        name: String,
        /// BLAKE3 of its data and transform.
        fingerprint: String,
        /// Weights in θ now.
        parameters: usize,
    },
    /// A strategy decided something.
    Decision {
        /// 0-based.
        task: usize,
        /// What, and on what grounds: a flat JSON object.
        what: serde_json::Value,
    },
    /// A phase ended.
    Phase {
        /// 0-based.
        task: usize,
        /// 0-based within the task.
        phase: usize,
        /// How.
        outcome: Outcome,
    },
    /// What was counted ([`Learner::figures`]), told when the stream's last task ended.
    Figures {
        /// 0-based.
        task: usize,
        /// By kind.
        figures: serde_json::Value,
    },
    /// R has another row.
    Row {
        /// How many tasks were learnt.
        after: usize,
        /// Accuracy on each task, null where there is no answer; empty where it is not measured.
        accuracy: Vec<Option<f64>>,
    },
}

impl Event {
    pub(super) fn task(stream: &Stream, task: usize, model: &Model) -> Self {
        let source = &stream.tasks[task];
        Self::Task {
            task,
            name: source.name.clone(),
            fingerprint: source.fingerprint(),
            parameters: model.theta.len(),
        }
    }
}

/// Where a run is, after a step or a measured task.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// 0-based.
    pub task: usize,
    /// T.
    pub tasks: usize,
    /// Whether these are steps of a phase. Else `phase` says what the run is at, `evaluate` while
    /// it measures, and `step` of `steps` how far it is.
    pub trains: bool,
    /// The phase's name.
    pub phase: &'a str,
    /// 0-based.
    pub epoch: usize,
    /// Epochs in this phase.
    pub epochs: usize,
    /// Steps made in this epoch.
    pub step: usize,
    /// Steps an epoch has.
    pub steps: usize,
    /// The learner's steps in all.
    pub total_steps: u64,
    /// Mean accuracy over the tasks that the last row of R could measure, where it is at hand.
    pub accuracy: Option<f64>,
}
