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
