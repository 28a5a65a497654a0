//! The mathematics that strategies share: plain functions and values, each tested alone.

pub mod anchor;
pub mod curvature;
pub mod explain;
pub mod fisher;
pub mod guard;
pub mod moments;
pub mod path;
