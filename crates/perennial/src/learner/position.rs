//! Where a learner stands, as data.

use serde::{Deserialize, Serialize};

use crate::draws::Key;
use crate::strategy::{Outcome, Phase};

/// Where a learner stands between two hooks or two steps. A saved learner goes on from here as
/// if it had never stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// Nothing was done yet: the untrained network is measured next.
    Start,
    /// The task begins next; at `task` = T everything is done.
    BeforeTask {
        /// 0-based.
        task: usize,
    },
    /// Within a phase.
    InPhase(InPhase),
    /// The strategy is asked for the next phase next.
    AfterPhase {
        /// 0-based.
        task: usize,
        /// 0-based number of the phase that ended.
        phase: usize,
        /// How it ended.
        outcome: Outcome,
    },
    /// All phases are done: the strategy ends the task next.
    AfterPhases {
        /// 0-based.
        task: usize,
    },
    /// The task ended: every task is measured next.
    AfterTask {
        /// 0-based.
        task: usize,
    },
}

/// Where a learner stands within a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InPhase {
    /// 0-based.
    pub task: usize,
    /// 0-based number of the phase within the task.
    pub number: usize,
    /// The phase.
    pub phase: Phase,
    /// 0-based epoch of the next step.
    pub epoch: usize,
    /// 0-based next step within the epoch.
    pub step: usize,
    /// Steps made in this phase.
    pub steps: u64,
    /// Sum of the losses of those steps.
    pub loss: f64,
}

impl InPhase {
    /// The start of a phase.
    pub fn start(task: usize, number: usize, phase: Phase) -> Self {
        Self { task, number, phase, epoch: 0, step: 0, steps: 0, loss: 0.0 }
    }

    /// What draws at this position are a function of.
    pub fn key(&self, seed: u64) -> Key {
        Key {
            seed,
            task: self.task as u64,
            phase: self.number as u64,
            epoch: self.epoch as u64,
            step: self.step as u64,
        }
    }

    /// The phase's outcome, if it ended here.
    pub fn outcome(&self, validation: Option<f64>) -> Outcome {
        let loss = (self.steps > 0).then(|| self.loss / self.steps as f64);
        Outcome { phase: self.phase.clone(), steps: self.steps, loss, validation }
    }
}

impl Position {
    /// The task it is at, 0-based; `None` before the first.
    pub fn task(&self) -> Option<usize> {
        match self {
            Self::Start => None,
            Self::InPhase(InPhase { task, .. })
            | Self::BeforeTask { task }
            | Self::AfterPhase { task, .. }
            | Self::AfterPhases { task }
            | Self::AfterTask { task } => Some(*task),
        }
    }

    /// What draws at this position are a function of.
    pub fn key(&self, seed: u64) -> Key {
        let of_task = |task: usize, phase: usize| Key {
            seed,
            task: task as u64,
            phase: phase as u64,
            ..Key::default()
        };
        match self {
            Self::Start => Key::of_seed(seed),
            Self::BeforeTask { task } => of_task(*task, 0),
            Self::InPhase(at) => at.key(seed),
            // Of the phase that may come next.
            Self::AfterPhase { task, phase, .. } => of_task(*task, phase + 1),
            Self::AfterPhases { task } | Self::AfterTask { task } => of_task(*task, 0),
        }
    }
}
