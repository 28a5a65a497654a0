//! Every method against numbers of an independent replica.
//!
//! The replicas are programs in plain numpy and float64 that share no code with this crate. They
//! learnt the tasks of [`cases`] from the same first weights, and the numbers here are what they
//! printed. A test fails when a term of a method is lost or changes its factor.

#![allow(clippy::unwrap_used)] // helpers of tests, outside of `#[test]` functions

mod cases;
mod cpg;
mod ewc;
mod gem;
mod lwf;
mod packnet;
mod pnn;
mod replay;
mod rwalk;
mod si;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
