//! The convolution kernels: what they compute, and that their bits depend on nothing else.
#![allow(clippy::unwrap_used, reason = "a test ends with what went wrong, helpers included")]

mod bits;
mod definition;
mod plain;
