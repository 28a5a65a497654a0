//! Our own layers against Burn: every named network, written again from its definition in Burn's tensor
//! operations and in double precision, has the gradients, running statistics and statistics of single
//! samples that the engine computes. And modules of Burn as networks.

#![allow(clippy::unwrap_used)] // in a test, what fails is to stop it

mod definition;
mod gradients;
mod laterals;
mod module;
mod networks;
mod statistics;
mod support;
