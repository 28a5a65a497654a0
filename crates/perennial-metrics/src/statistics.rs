//! Over seeds: never a bare mean.
//!
//! A run is one draw of a random experiment, and its seed is the unit that is repeated. Intervals
//! here are over seeds, not over test samples: they say how the number moves when everything is
//! done again, not how exactly one network was measured.
//!
//! Two methods run on the same seeds see the same tasks in the same order from the same start, so
//! they are compared by the differences of their pairs, which are far less noisy than the
//! difference of their means suggests. Many methods are compared by [`MultipleComparison`], which
//! says which of them the seeds tell from the best.
//!
//! ```
//! use perennial_metrics::statistics::{BySeed, paired_difference};
//!
//! let method: BySeed = [(0, 0.5), (1, 0.625), (2, 0.875)].into();
//! let other: BySeed = [(0, 0.375), (1, 0.5), (2, 0.625), (7, 0.0)].into();
//! let paired = paired_difference(&method, &other).ok_or("two common seeds")?;
//! // the differences are .125 .125 .25; seed 7 has no partner
//! assert_eq!((paired.difference.n, paired.difference.mean), (3, 0.5 / 3.0));
//! assert!((paired.p - 0.0572).abs() < 1e-4); // t = 4 with 2 degrees of freedom
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One network before and after a change is another question: the unit that is repeated is the test
//! sample, and the pairs are its two answers ([`PairedFall`], [`mean_fall`], [`wilson`]).

mod fall;
mod holm;
mod mean_fall;
mod multiple;
mod paired;
mod studentized_range;
mod summary;
mod wilson;

use std::collections::BTreeMap;

pub use fall::PairedFall;
pub use holm::holm;
pub use mean_fall::{MeanFall, SharedSamples, mean_fall};
pub use multiple::{Answers, AnswersBySeed, MultipleComparison};
pub use paired::{PairedDifference, paired_difference};
pub use studentized_range::StudentizedRange;
pub use summary::Summary;
pub use wilson::wilson;

/// One number of one method for each seed it was run with.
pub type BySeed = BTreeMap<u64, f64>;

/// The level at which a difference counts as one, and 1 − the level of the intervals.
pub const SIGNIFICANCE: f64 = 0.05;
