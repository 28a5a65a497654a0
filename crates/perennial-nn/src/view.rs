//! Which numbers of θ make a network: views.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::params::{Grid, Mask, SlotId};

/// The slots of one network's parameters and buffers, in its graph's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// One for each of [`Graph::parameters`](crate::Graph::parameters).
    pub parameters: Vec<Grid>,
    /// One for each of [`Graph::buffers`](crate::Graph::buffers).
    pub buffers: Vec<SlotId>,
    /// What it receives from the columns before it: one for each of
    /// [`Graph::stages`](crate::Graph::stages) and one for the output. Empty for a column that stands
    /// alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub laterals: Vec<Option<Lateral>>,
}

/// An output layer, or a block of columns of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// `[features, units]`
    pub weight: Grid,
    /// `[units]`
    pub bias: Grid,
    /// The output units it makes, counted over all heads in the order they were appended.
    pub units: Range<usize>,
}

/// What one place of a column (a stage before its last activation, or the output) receives from
/// the same place's inputs `h_1 … h_{k−1}` in the columns before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateral {
    /// Through which map.
    pub kind: LateralKind,
    /// Whether a bias follows every matrix.
    pub biases: bool,
    /// Its parameters: α `[older]`, V, b_V, U, b_U of an adapter; U_j, b_j for each older column
    /// where it is linear. Matrices are `[inputs, outputs]`, or over maps `[outputs, inputs, 1, 1]`.
    pub slots: Vec<SlotId>,
}

/// Through which map a lateral goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateralKind {
    /// `U σ(V [α_1 h_1; …; α_{k−1} h_{k−1}] + b_V) + b_U`, σ the rectifier.
    Adapter,
    /// `Σ_j (U_j h_j + b_j)`.
    Linear,
}

/// Whether a column's running statistics follow the data or stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Training passes use their batch's statistics and move the running ones.
    Learn,
    /// Every pass uses the running ones; they do not move by a bit.
    Fixed,
}

/// The network that trains on or answers a task, as data: which slots of θ are which of its
/// parameters.
#[derive(Clone, Debug)]
pub struct View {
    /// The network below its heads.
    pub column: Column,
    /// The columns that its laterals read, oldest first. They are held: their statistics are fixed
    /// and their weights have no gradient.
    pub older: Vec<Column>,
    /// Whether the column's statistics learn.
    pub statistics: Statistics,
    /// The heads it has, as indices into all heads; ascending.
    pub heads: Vec<usize>,
    /// The units among which it answers.
    pub answer: Range<usize>,
    /// Over θ: a weight it says no of is 0 to this view. Weights beyond its end are used.
    pub keep: Option<Arc<Mask>>,
}
