#![doc = include_str!("lib.md")]
#![forbid(unsafe_code)]

pub mod clock;
mod descent;
mod engine;
mod growth;
pub mod learner;
mod model;
pub mod network;
mod optimizer;
pub mod parts;
pub mod scenario;
pub mod state;
pub mod store;
pub mod strategies;
pub mod strategy;

pub use perennial_data as data;
pub use perennial_metrics as metrics;
pub use perennial_nn::draws;
pub use perennial_nn::params::{Grid, Layout, Mask, Slot, SlotId, Vector};

pub use crate::engine::{Computed, Engine, EngineError, Frozen, Logits, Workspace};
pub use crate::learner::Learner;
pub use crate::model::{
    Among, Column, Extent, Head, Model, NormStatistics, Outputs, Statistics, View,
};
pub use crate::optimizer::{Keep, Optimizer, OptimizerKind, OptimizerSettings};
pub use crate::scenario::{Setting, Stream, Task};
pub use crate::strategy::Strategy;
pub use perennial_nn::loss::{Mode, ObjectiveError, Pass, Target, Term};
use perennial_nn::params::vector;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
