//! What a lifelong learner knew after each task, and what that says about forgetting.
//!
//! Three layers, each a pure function of the one before it:
//!
//! | layer | what | where |
//! | --- | --- | --- |
//! | measured | the accuracy matrix R of one run, and the log of evaluations inside tasks | [`Accuracy`], [`AnytimeLog`] |
//! | derived | one number of one run: ACC, BWT, FWT, forgetting, LCA, … | methods of [`Accuracy`] and [`AnytimeLog`], [`LearningCurves`] |
//! | compared | mean and interval over seeds; which methods the seeds tell apart | [`statistics`] |
//!
//! A number that does not exist is `None`, never NaN, zero or a guess: an answer the learner cannot
//! give yet, a metric that needs two tasks when there is one, an interval from one seed.
//!
//! ```
//! use perennial_metrics::Accuracy;
//! use perennial_metrics::statistics::Summary;
//!
//! let mut r = Accuracy::new(2);
//! r.push_row([Some(0.125), Some(0.125)])?; // the untrained network
//! r.push_row([Some(1.0), Some(0.25)])?; //    after task 1
//! r.push_row([Some(0.5), Some(1.0)])?; //     after task 2: half of task 1 is gone
//! assert_eq!(r.acc(), Some(0.75));
//! assert_eq!(r.bwt(), Some(-0.5));
//!
//! let over_seeds = Summary::of(&[0.75, 0.5, 1.0]).ok_or("three finite numbers")?;
//! assert_eq!((over_seeds.mean, over_seeds.sd), (0.75, Some(0.25)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod accuracy;
mod anytime;
mod learning_curve;
mod metrics;
#[cfg(test)]
mod properties;
pub mod statistics;

pub use accuracy::{Accuracy, AccuracyError};
pub use anytime::{Anytime, AnytimeError, AnytimeLog, Evaluation};
pub use learning_curve::LearningCurves;
pub use metrics::IncrementalMean;

/// The mean of `values`; `None` when there are none or one of them does not exist.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut count = 0_u32;
    let sum: f64 = values.inspect(|_| count += 1).sum::<Option<f64>>()?;
    (count > 0).then(|| sum / f64::from(count))
}
