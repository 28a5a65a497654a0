//! What every network must hold, whatever its layers: its gradient is the slope of its loss, its
//! statistics are those of the data, and an answer depends on the weights and the row alone.

#![allow(clippy::unwrap_used)] // in a test, what fails is to stop it

mod architectures;
mod gradients;
mod rows;
mod statistics;
mod support;
mod views;
