#![doc = include_str!("lib.md")]
#![forbid(unsafe_code)]

pub mod draws;
mod engine;
mod layout;
mod model;
pub mod network;
mod objective;
mod vector;

pub use crate::engine::{Computed, Engine, Frozen, Logits};
pub use crate::layout::{Layout, Slot, SlotId};
pub use crate::model::{Among, Column, Extent, Grid, Head, Model, Outputs, Statistics, View};
pub use crate::objective::{Mode, ObjectiveError, Pass, Target, Term};
pub use crate::vector::{Mask, Vector};
