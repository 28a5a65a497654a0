//! What can go wrong while learning.

use crate::engine::EngineError;
use crate::network::{GraphError, NetworkError};
use crate::scenario::{ScenarioError, Setting};
use crate::state::StateError;
use perennial_nn::loss::ObjectiveError;

/// Why learning ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The stop signal came within a hook; the state before it is the one to go on from.
    #[error("stopped before {0} was done")]
    Stopped(&'static str),
    /// A loss, a gradient or a weight that is no finite number.
    #[error(
        "the {what} became {value} in task {} at step {step} of epoch {} ({strategy}, learning rate \
         {lr}): a smaller learning rate or penalty keeps it finite; the state before is kept",
        task + 1,
        epoch + 1
    )]
    NotFinite {
        /// What: `loss`, `gradient`, `weight`, …
        what: String,
        /// The method.
        strategy: &'static str,
        /// 0-based.
        task: usize,
        /// 0-based.
        epoch: usize,
        /// 0-based, within the epoch.
        step: usize,
        /// NaN or infinite.
        value: f64,
        /// The rate in force.
        lr: f32,
    },
    /// A setting out of its range.
    #[error("{key} = {value} cannot be: {expected}")]
    BadSetting {
        /// Its name, as the program's `--set` takes it.
        key: String,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// A method in a setting where it cannot work.
    #[error("{strategy} cannot work with --setting {setting}: {reason}")]
    Impossible {
        /// The method.
        strategy: &'static str,
        /// The setting.
        setting: Setting,
        /// Why not.
        reason: String,
    },
    /// A method whose tasks have statistics of their own, asked to keep the first task's.
    #[error(
        "{strategy} cannot keep the statistics of the first task (norm.statistics = fixed-after-first): \
         each of its tasks has a part of the network with statistics of its own"
    )]
    OwnStatistics {
        /// The method.
        strategy: &'static str,
    },
    /// A method that must know where tasks begin and end, in a stream without borders.
    #[error(
        "{strategy} cannot learn from a stream without borders between tasks (--blurry, \
         --no-borders): {reason}"
    )]
    NeedsBorders {
        /// The method.
        strategy: &'static str,
        /// What it does at a border.
        reason: &'static str,
    },
    /// A strategy that reads data which its card does not claim.
    #[error("{strategy} asked for the data of task {}, which its card does not keep", task + 1)]
    DataNotKept {
        /// The method.
        strategy: &'static str,
        /// 0-based.
        task: usize,
    },
    /// A method that chooses by validation accuracy, on a stream without validation rows.
    #[error(
        "{strategy} chooses by the accuracy on validation rows, and task {} has none: set a part \
         of the training rows apart, for example --validation 0.1",
        task + 1
    )]
    NoValidation {
        /// The method.
        strategy: &'static str,
        /// 0-based.
        task: usize,
    },
    /// A task for which next to nothing of the network is left.
    #[error(
        "no free weights: task {} gets {percent:.2} % of {strategy}'s network; prune more \
         ({strategy}.prune), use a wider network (--network), or use cpg, which grows",
        task + 1
    )]
    NoFreeWeights {
        /// The method.
        strategy: &'static str,
        /// 0-based.
        task: usize,
        /// Of all weights that tasks share out.
        percent: f64,
    },
    /// An importance of nothing.
    #[error(
        "{strategy} cannot measure what matters to task {}: there are {reason} to measure it on",
        task + 1
    )]
    NothingToMeasure {
        /// The method.
        strategy: &'static str,
        /// 0-based.
        task: usize,
        /// What is missing.
        reason: String,
    },
    /// A step that asks for what its view has not.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A network that cannot be what was asked.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A network that could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A stream that cannot be what was asked.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A state that does not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// A saved learner of another run.
    #[error("the saved learner belongs to another run: its {what} is {saved}, this run's {given}")]
    OtherRun {
        /// What differs.
        what: &'static str,
        /// As saved.
        saved: String,
        /// As asked for now.
        given: String,
    },
    /// The watcher could not save or log.
    #[error(transparent)]
    Watch(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl From<GraphError> for LearnError {
    fn from(error: GraphError) -> Self {
        Self::Network(error.into())
    }
}
