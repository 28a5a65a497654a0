//! The durable learner: what it promises, and that no lost write breaks a promise.
#![allow(clippy::unwrap_used, reason = "a test ends with what went wrong, helpers included")]

mod cuts;
mod damage;
mod disk;
mod gate;
mod inputs;
mod machine;
mod old;
mod power;
mod replay;
mod school;
mod verbs;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
