//! What strategies counted while they learnt, by kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a strategy counted while it learnt: an object with a key a kind.
///
/// A kind that the report knows has a field here, and so a promised shape; any other is kept as it
/// is and shown nowhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How often and how far new gradients pointed against those of the past: T of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Vec<Conflicts>>,
    /// Which share of each layer each task took, by layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners: Option<Vec<Owned>>,
    /// The sizes of progressive columns: T of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Column>>,
    /// What compacting, picking and growing decided: T of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<Decision>>,
    /// In which layers the importance lies by which weights are held, by layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Vec<Importance>>,
    /// How far important weights went and how far the others: one a task after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<Vec<Moves>>,
    /// Samples of each task in the memory, after each task: T rows, the t-th of t numbers, or of
    /// none where no evaluation followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Vec<Vec<u64>>>,
    /// Kinds that this report does not know.
    #[serde(flatten)]
    pub others: BTreeMap<String, serde_json::Value>,
}

impl Figures {
    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The conflicts of one task with those before it. Of the first there is none to count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conflicts {
    /// From 1.
    pub task: usize,
    /// Steps whose gradient was compared with the past.
    pub steps: u64,
    /// Share of those that pointed against it and were projected.
    pub projected: Option<f64>,
    /// Past gradients that a projected step pointed against, on average.
    pub violated: Option<f64>,
    /// Widest angle of a projected step's gradient to a past one, in degrees, on average.
    pub angle_before: Option<f64>,
    /// The same after the projection.
    pub angle_after: Option<f64>,
}

/// A layer and how much of all importance lies in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// For example `dense1`.
    pub name: String,
    /// Weights it has at the end.
    pub weights: u64,
    /// Its share of the sum of all importances, after each task; 0 where that sum is 0.
    pub share: Vec<f64>,
}

/// How far weights were from where they are held, when a task ended: means of |θ − θ*|.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moves {
    /// From 2: of the first task nothing is held yet.
    pub task: usize,
    /// Of the tenth of the weights that was most important.
    pub important: Option<f64>,
    /// Of all others that were known before the task.
    pub others: Option<f64>,
}

/// The weights of a layer and who took them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// For example `dense1`.
    pub name: String,
    /// Weights it has after each task; it may grow.
    pub weights: Vec<u64>,
    /// Weights that each task took for good.
    pub owned: Vec<u64>,
}

impl Owned {
    /// The share of the layer, as it is after task `after`, that `task` took; both from 0.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(crate) fn share(&self, after: usize, task: usize) -> Option<f64> {
        let (all, own) = (*self.weights.get(after)?, *self.owned.get(task)?);
        (all > 0).then(|| own as f64 / all as f64)
    }
}

/// The numbers of a progressive column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Of its layers and its head.
    pub own: u64,
    /// Of the laterals by which it reads older columns.
    pub laterals: u64,
}

/// What was decided for a task; accuracies are on validation rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// To be reached.
    pub goal: f64,
    /// Reached before anything was given back.
    pub reached: f64,
    /// Reached in the end.
    pub end: f64,
    /// Whether the end reaches the goal.
    pub met: bool,
    /// The share of the older weights that is used; none of the first task.
    pub picked: Option<f64>,
    /// Weights of the trunk, as a multiple of the first width's.
    pub width: f64,
    /// Whether it grew for this task.
    pub grown: bool,
    /// The share of what it took that was given back.
    pub pruned: f64,
    /// Whether retraining made it better.
    pub retrained: bool,
}
