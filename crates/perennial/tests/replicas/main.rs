//! Methods against the numbers of independent replicas.
//!
//! The replicas are programs in plain numpy and float64 that share no code with this crate. They
//! learnt the tasks of [`cases`] from the same first weights, in full batches, and the numbers in
//! these files are what they printed. A test fails when a term of a method is lost or has another
//! factor, which no accuracy would show.

#![allow(clippy::unwrap_used)] // helpers of tests, outside of `#[test]` functions

mod cases;
mod cpg;
mod er_ace;
mod ewc;
mod gem;
mod importances;
mod lwf;
mod packnet;
mod pnn;
mod replay;
mod rwalk;
mod si;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
