//! The conformance suite: every strategy of the registry against the laws of the trait.
//!
//! A strategy gets all of it from its registry line. What is checked follows from its card: who
//! isolates must answer old tasks with the same bits for ever, who keeps nothing must keep
//! nothing, what it promises it must reach. Each check names the mutation it catches.

#![allow(clippy::unwrap_used)] // helpers of tests, outside of `#[test]` functions

mod bits;
mod borders;
mod class;
mod columns;
mod exemplars;
mod instructions;
mod memory;
mod norm;
mod penalties;
mod promises;
mod recall;
mod replay;
mod resources;
mod resume;
mod toy;
mod traced;
mod tracer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
