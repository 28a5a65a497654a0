//! The readers: what they return for right files, and what they say of wrong ones.

mod arrays;
mod cifar;
mod csv;
mod digits;
mod files;
mod folders;
mod idx;
mod images;
mod open;
mod own;
