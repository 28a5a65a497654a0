//! Every task shows other classes.
//!
//! Zenke, Poole & Ganguli (2017), *Continual learning through synaptic intelligence*,
//! <https://arxiv.org/abs/1703.04200>; with classes drawn per seed as in van de Ven & Tolias
//! (2019), *Three scenarios for continual learning*, <https://arxiv.org/abs/1904.07734>.

use std::sync::Arc;

use perennial_data::Dataset;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::task::Rows;
use super::transform::Transform;
use super::words::Words;
use super::{Options, Part, ScenarioError, Stream, Task, choice};
use crate::draws::Key;

/// Tasks when neither a number of them nor of their classes is asked for: two classes each of ten.
const TASKS: usize = 5;

/// Settings of the split benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Split {
    /// Classes a task, at least 1. `None` (default): as many as there are for the tasks.
    pub classes: Option<usize>,
    /// The order in which classes arrive: `natural` (default), `drawn`, or a list of classes.
    pub order: Order,
}

/// The order in which classes arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Words", into = "Words")]
pub enum Order {
    /// As the data number them: 0, 1 | 2, 3 | …
    #[default]
    Natural,
    /// At random, by the seed.
    Drawn,
    /// These, by their names or numbers. Classes not listed are left out.
    Given(Vec<String>),
}

impl Split {
    /// The stream: 5 tasks by default, or as many as `classes` a task allow. Label j of a task
    /// is the j-th of its classes in the order of arrival. Classes that fill no task are left
    /// out.
    ///
    /// # Errors
    ///
    /// If the classes are too few for the tasks (the error says how many are possible), the
    /// order names a class that does not exist or twice, or the options ask for no tasks or for
    /// rows that are not there.
    pub fn stream(
        &self,
        dataset: &Arc<Dataset>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        let origin = Origin::new(dataset)?;
        let order = self.order.of_classes(dataset, seed)?;
        let (tasks, per_task) = self.sizes(order.len(), dataset, options)?;
        let tasks = order.chunks_exact(per_task).take(tasks).zip(0..).map(|(classes, task)| {
            let name = name(classes, dataset);
            let train = origin.rows_of(Part::Train, classes);
            let cut = options.cut(&name, &train, Key { seed, task, ..Key::default() })?;
            let test = origin.rows_of(Part::Test, classes);
            let rows = Rows::new(&origin, classes.into(), Transform::Identity, cut, test);
            Task::from_rows(name, classes.to_vec(), rows)
        });
        let tasks = tasks.collect::<Result<_, _>>()?;
        let name = format!("split-{}", dataset.name);
        Stream::from_tasks(name, dataset.shape, dataset.classes.clone(), tasks)
    }

    /// How many tasks of how many classes, both at least 1.
    fn sizes(
        &self,
        available: usize,
        dataset: &Dataset,
        options: &Options,
    ) -> Result<(usize, usize), ScenarioError> {
        let too_many = |tasks, per_task| {
            let data = dataset.name.clone();
            ScenarioError::TooManyTasks { data, tasks, per_task, available }
        };
        let (tasks, per_task) = match self.classes {
            Some(0) => return Err(ScenarioError::NoClassesPerTask),
            Some(per_task) => (options.tasks_or((available / per_task).max(1))?, per_task),
            None => {
                let tasks = options.tasks_or(TASKS.min(available))?;
                (tasks, (available / tasks.max(1)).max(1))
            }
        };
        match tasks.checked_mul(per_task) {
            Some(needed) if needed <= available && tasks > 0 => Ok((tasks, per_task)),
            _ => Err(too_many(tasks, per_task)),
        }
    }
}

impl Order {
    fn of_classes(&self, dataset: &Dataset, seed: u64) -> Result<Vec<u32>, ScenarioError> {
        let mut natural: Vec<u32> = (0..dataset.classes.len() as u32).collect();
        match self {
            Self::Natural => Ok(natural),
            Self::Drawn => {
                natural.shuffle(&mut Key::of_seed(seed).generator("class order"));
                Ok(natural)
            }
            Self::Given(words) => choice::classes(words, dataset),
        }
    }
}

/// The classes of a task for people; long lists by their ends.
fn name(classes: &[u32], dataset: &Dataset) -> String {
    const LISTED: usize = 4;
    let names: Vec<&str> = classes.iter().map(|&i| dataset.classes[i as usize].as_str()).collect();
    match names.as_slice() {
        [first, .., last] if names.len() > LISTED => {
            format!("{first} … {last} ({} classes)", names.len())
        }
        _ => names.join(", "),
    }
}

impl TryFrom<Words> for Order {
    type Error = String;

    fn try_from(words: Words) -> Result<Self, String> {
        Ok(match words.single() {
            Some("natural") => Self::Natural,
            Some("drawn") => Self::Drawn,
            _ => Self::Given(words.0),
        })
    }
}

impl From<Order> for Words {
    fn from(order: Order) -> Self {
        match order {
            Order::Natural => Self(vec!["natural".into()]),
            Order::Drawn => Self(vec!["drawn".into()]),
            Order::Given(words) => Self(words),
        }
    }
}
