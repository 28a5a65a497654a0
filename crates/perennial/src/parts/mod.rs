//! The mathematics that strategies share: plain functions and values, each tested alone.

pub mod anchor;
pub mod compact;
pub mod conflicts;
pub mod curvature;
pub mod distil;
pub mod explain;
pub mod fisher;
pub mod goal;
pub mod guard;
pub mod held;
pub mod means;
pub mod memory;
pub mod moments;
pub mod owners;
pub mod path;
pub mod per_task;
pub mod picks;
pub mod project;
pub mod prune;
pub mod qp;
pub mod schedule;
pub mod shares;
