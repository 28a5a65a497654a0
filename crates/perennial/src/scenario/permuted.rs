//! Every task shows the same images through another permutation of their pixels.
//!
//! Goodfellow et al. (2013), *An empirical investigation of catastrophic forgetting in
//! gradient-based neural networks*, <https://arxiv.org/abs/1312.6211>. Labels stay; what a pixel
//! means changes. In GEM's protocol the first task is permuted too, in that of SI it is not.

use std::sync::Arc;

use perennial_data::Dataset;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::task::Rows;
use super::transform::Transform;
use super::{Options, Part, ScenarioError, Stream, Task};
use crate::draws::Key;

/// Tasks when none are asked for.
const TASKS: usize = 10;

/// Settings of the permuted benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Permuted {
    /// What the first task shows: `drawn` (default) or `identity`.
    pub first: First,
}

/// What the first task of a permuted stream shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// A permutation of its own, as every other task.
    #[default]
    Drawn,
    /// The images as they are.
    Identity,
}

impl Permuted {
    /// The stream: 10 tasks by default, each with all classes and all test rows.
    ///
    /// Positions are permuted, the same for each channel of an image. The permutation of a task
    /// depends on the seed and the number of the task alone.
    ///
    /// # Errors
    ///
    /// If the options ask for no tasks or for rows that are not there.
    pub fn stream(
        &self,
        dataset: &Arc<Dataset>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        let origin = Origin::new(dataset)?;
        let positions = (dataset.shape[1] * dataset.shape[2]) as u32;
        let transforms = (0..options.tasks_or(TASKS)?).map(|task| {
            let transform = match (task, self.first) {
                (0, First::Identity) => Transform::Identity,
                _ => permutation(positions, Key { seed, task: task as u64, ..Key::default() }),
            };
            (format!("permutation {}", task + 1), transform)
        });
        whole_set("permuted", &origin, transforms, options, seed)
    }
}

/// A permutation of the positions of an image.
pub(super) fn permutation(positions: u32, key: Key) -> Transform {
    let mut from: Vec<u32> = (0..positions).collect();
    from.shuffle(&mut key.generator("permutation"));
    Transform::Permute(from.into())
}

/// A stream whose tasks are the whole set, each through a transform: by name and transform.
pub(super) fn whole_set(
    kind: &str,
    origin: &Arc<Origin>,
    transforms: impl Iterator<Item = (String, Transform)>,
    options: &Options,
    seed: u64,
) -> Result<Stream, ScenarioError> {
    let dataset = origin.dataset();
    let classes: Vec<u32> = (0..dataset.classes.len() as u32).collect();
    let own: Arc<[u32]> = classes.as_slice().into();
    let (train, test) = (origin.all_rows(Part::Train), origin.all_rows(Part::Test));
    let tasks = transforms.zip(0..).map(|((name, transform), task)| {
        let cut = options.cut(&name, &train, Key { seed, task, ..Key::default() })?;
        let rows = Rows::new(origin, Arc::clone(&own), transform, cut, Arc::clone(&test));
        Task::from_rows(name, classes.clone(), rows)
    });
    let tasks = tasks.collect::<Result<_, _>>()?;
    let name = format!("{kind}-{}", dataset.name);
    Stream::from_tasks(name, dataset.shape, dataset.classes.clone(), tasks)
}
