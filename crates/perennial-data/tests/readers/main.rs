//! The readers: what they return for right files, and what they say of wrong ones.

mod cifar;
mod digits;
mod files;
mod folders;
mod idx;
