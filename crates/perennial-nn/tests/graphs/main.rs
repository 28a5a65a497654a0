//! Whole networks against their definition: gradients, views, laterals, memory, refusals.

#[path = "../plain/mod.rs"]
mod plain;

mod columns;
mod definition;
mod dropout;
mod laterals;
mod memory;
mod net;
mod refusals;
mod statistics;
mod whole;
