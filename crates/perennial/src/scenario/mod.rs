//! What arrives, in order: streams of tasks.
//!
//! ```text
//! Dataset ──► Permuted │ Rotated │ Split │ list ──► Stream { tasks: [Task] } ──load──► Samples
//!              what changes from task to task        which rows, which          the rows of one
//!                                                    classes, which transform   part, in memory
//! ```
//!
//! A stream is a pure function of its data, its options and a seed. A [`Task`] is data: which
//! rows, which classes, which transform; images are gathered and transformed when
//! [`Task::load`] is called, once, and stay bytes. Every draw is keyed by seed, task and purpose
//! ([`Key`](crate::draws::Key)), so a task of a longer stream is the task of the shorter one.
//!
//! | part | where its rows come from |
//! | --- | --- |
//! | [`Part::Train`] | the training part of the data; `samples_per_task` of it if asked for |
//! | [`Part::Validation`] | a share of those rows, taken away from [`Part::Train`] |
//! | [`Part::Test`] | the test part of the data, all of it; nothing else ever looks at it |
//!
//! Whether the learner is told the task, and what its head must tell apart, is the [`Setting`];
//! [`Stream::check`] refuses what is impossible in one.
//!
//! ```
//! use std::sync::Arc;
//! use perennial::scenario::{Benchmark, Options, Part, Setting};
//!
//! let digits = Arc::new(perennial_data::digits()?);
//! let (mut benchmark, _data) = Benchmark::parse("split-digits")?;
//! benchmark.set("order", "drawn")?;
//! let stream = benchmark.build(&digits, &Options::default(), 0)?;
//! stream.check(Setting::Class)?;
//!
//! let task = &stream.tasks[0];
//! let samples = task.load(Part::Train);
//! let mut row = Vec::new();
//! samples.append_row(0, &mut row); // [inputs], in 0 … 1
//! assert_eq!((stream.tasks.len(), task.classes.len(), row.len()), (5, 2, 64));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod benchmark;
mod choice;
mod error;
mod fingerprint;
mod list;
mod near;
mod options;
mod origin;
mod permuted;
mod reader;
mod rotated;
mod samples;
mod setting;
mod split;
mod stream;
mod task;
#[cfg(test)]
mod tests;
mod transform;
mod words;

pub use self::benchmark::Benchmark;
pub use self::error::ScenarioError;
pub use self::list::{Entry, List};
pub use self::options::Options;
pub use self::permuted::{First, Permuted};
pub(crate) use self::reader::Reader;
pub use self::rotated::{Angles, Rotated};
pub use self::samples::{Part, Samples};
pub(crate) use self::setting::ClassMatch;
pub use self::setting::Setting;
pub use self::split::{Order, Split};
pub use self::stream::Stream;
pub use self::task::Task;
pub(crate) use self::task::largest_share;
pub use self::transform::Interpolation;
pub use perennial_data::Values;
