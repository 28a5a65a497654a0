//! Every task shows the same images turned by another angle.
//!
//! Lopez-Paz & Ranzato (2017), *Gradient episodic memory for continual learning*,
//! <https://arxiv.org/abs/1706.08840>: angles between 0 and 180 degrees, one drawn in each of as
//! many equal intervals as there are tasks, so neighbouring tasks are alike.

use std::sync::Arc;

use perennial_data::Dataset;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::permuted::whole_set;
use super::transform::Transform;
use super::words::Words;
use super::{Interpolation, Options, ScenarioError, Stream};
use crate::draws::Key;

/// Tasks when neither a number of them nor angles are asked for.
const TASKS: usize = 10;

/// Drawn angles lie below this many degrees, as in GEM's protocol.
const WIDEST: f64 = 180.0;

/// Settings of the rotated benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rotated {
    /// The angle of each task in degrees, such as `0,15,30`, or `drawn` (default).
    pub angles: Angles,
    /// How images are read between pixels: `nearest` (default) or `bilinear`.
    pub interpolation: Interpolation,
}

/// The angles of the tasks, in degrees, counter-clockwise as seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Words", into = "Words")]
pub enum Angles {
    /// One a task, uniform in the task's own of T equal intervals of 0 … 180.
    #[default]
    Drawn,
    /// These, one a task. Any finite number.
    Given(Vec<f64>),
}

impl Rotated {
    /// The stream: 10 tasks by default, or as many as angles are given; each has all classes and
    /// all test rows.
    ///
    /// Images are turned about their centre and keep their shape; what comes from outside is 0.
    /// Quarter turns of square images lose nothing. Where in its interval an angle lies depends
    /// on the seed and the number of the task alone.
    ///
    /// # Errors
    ///
    /// If angles are not as many as tasks or not finite, or the options ask for no tasks or for
    /// rows that are not there.
    pub fn stream(
        &self,
        dataset: &Arc<Dataset>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        let origin = Origin::new(dataset)?;
        let angles = self.angles.of_tasks(options, seed)?;
        let transforms = angles.into_iter().map(|degrees| {
            let name = format!("{}°", (degrees * 10.0).round() / 10.0);
            (name, Transform::Rotate { degrees, interpolation: self.interpolation })
        });
        whole_set("rotated", &origin, transforms, options, seed)
    }
}

impl Angles {
    fn of_tasks(&self, options: &Options, seed: u64) -> Result<Vec<f64>, ScenarioError> {
        match self {
            Self::Drawn => {
                let tasks = options.tasks_or(TASKS)?;
                let width = WIDEST / tasks as f64;
                let angle = |task: usize| {
                    let key = Key { seed, task: task as u64, ..Key::default() };
                    (task as f64 + key.generator("angle").random::<f64>()) * width
                };
                Ok((0..tasks).map(angle).collect())
            }
            Self::Given(angles) => {
                let tasks = options.tasks_or(angles.len())?;
                if angles.len() != tasks {
                    return Err(ScenarioError::AngleCount { angles: angles.len(), tasks });
                }
                angles.iter().try_for_each(|&angle| finite(angle))?;
                Ok(angles.clone())
            }
        }
    }
}

/// An angle by which something can be turned.
pub(super) fn finite(angle: f64) -> Result<(), ScenarioError> {
    if angle.is_finite() { Ok(()) } else { Err(ScenarioError::Angle { angle }) }
}

impl TryFrom<Words> for Angles {
    type Error = String;

    fn try_from(words: Words) -> Result<Self, String> {
        if words.single() == Some("drawn") {
            return Ok(Self::Drawn);
        }
        let angle = |word: &String| match word.parse::<f64>() {
            Ok(angle) if angle.is_finite() => Ok(angle),
            _ => Err(format!("`{word}` is not an angle; give degrees such as 0,15,30, or `drawn`")),
        };
        words.0.iter().map(angle).collect::<Result<_, _>>().map(Self::Given)
    }
}

impl From<Angles> for Words {
    fn from(angles: Angles) -> Self {
        match angles {
            Angles::Drawn => Self(vec!["drawn".into()]),
            Angles::Given(angles) => Self(angles.iter().map(ToString::to_string).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(tasks: usize, seed: u64) -> Vec<f64> {
        let options = Options { tasks: Some(tasks), ..Options::default() };
        Angles::Drawn.of_tasks(&options, seed).unwrap()
    }

    proptest! {
        #[test]
        fn one_angle_is_drawn_in_each_interval(tasks in 1..40_usize, seed: u64) {
            let width = 180.0 / tasks as f64;
            for (i, angle) in drawn(tasks, seed).into_iter().enumerate() {
                prop_assert!((i as f64 * width..(i + 1) as f64 * width).contains(&angle));
            }
        }

        #[test]
        fn a_place_in_the_interval_does_not_depend_on_the_number_of_tasks(seed: u64) {
            let place = |tasks: usize| {
                let width = 180.0 / tasks as f64;
                drawn(tasks, seed).into_iter().take(5).map(move |angle| angle / width)
            };
            for (few, many) in place(5).zip(place(50)) {
                prop_assert!((few - many).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn places_differ_between_tasks_and_between_seeds() {
        let (one, other) = (drawn(2, 0), drawn(2, 1));
        assert!((one[1] - 90.0 - one[0]).abs() > 1e-6);
        assert_ne!(one, other);
    }
}
