#![doc = include_str!("lib.md")]
#![forbid(unsafe_code)]

pub mod clock;
mod descent;
pub mod draws;
mod engine;
mod growth;
mod layout;
pub mod learner;
mod model;
pub mod network;
mod objective;
mod optimizer;
pub mod parts;
pub mod scenario;
pub mod state;
pub mod store;
pub mod strategies;
pub mod strategy;
mod vector;

pub use perennial_data as data;
pub use perennial_metrics as metrics;

pub use crate::engine::{Computed, Engine, Frozen, Logits};
pub use crate::layout::{Layout, Slot, SlotId};
pub use crate::learner::Learner;
pub use crate::model::{
    Among, Column, Extent, Grid, Head, Model, NormStatistics, Outputs, Statistics, View,
};
pub use crate::objective::{Mode, ObjectiveError, Pass, Target, Term};
pub use crate::optimizer::{Keep, Optimizer, OptimizerKind, OptimizerSettings};
pub use crate::scenario::{Setting, Stream, Task};
pub use crate::strategy::Strategy;
pub use crate::vector::{Mask, Vector};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
