//! The mathematics that strategies share: plain functions and values, each tested alone.

pub mod conflicts;
pub mod distil;
pub mod memory;
pub mod project;
pub mod qp;
