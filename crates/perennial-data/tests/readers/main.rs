//! The readers: what they return for right files, and what they say of wrong ones.
#![allow(clippy::unwrap_used, reason = "a test ends with what went wrong, helpers included")]

mod arrays;
mod cifar;
mod csv;
mod digits;
mod files;
mod folders;
mod idx;
mod images;
mod layouts;
mod open;
mod own;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod refused;
mod remembered;
mod understood;
