//! What every benchmark can be asked for: how many tasks, which of their rows.

use std::sync::Arc;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::origin::Origin;
use super::{Part, ScenarioError};
use crate::draws::Key;

/// The accuracy matrix of this many tasks has 10⁸ numbers; a slip of the keys is refused before
/// memory runs out.
const MOST_TASKS: usize = 10_000;

/// What every benchmark can be asked for. The default is the benchmark's own number of tasks,
/// all rows, no validation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Options {
    /// How many tasks, 1 to 10,000. `None`: as many as the benchmark says.
    pub tasks: Option<usize>,
    /// How many of a task's training rows to take, at least 1: drawn by seed and task, without
    /// replacement. `None`: all. Rows for validation come out of these.
    pub samples_per_task: Option<usize>,
    /// The share of a task's training rows that is taken away from training to choose by, at
    /// least 0 and below 1: drawn by seed and task, rounded to whole rows, at least one if above
    /// 0.
    pub validation: f64,
}

/// The training rows of a task and those taken away from them for validation, each in the order
/// of the data. `[rows]`
pub(super) struct Cut {
    pub(super) train: Arc<[u32]>,
    pub(super) validation: Arc<[u32]>,
    /// Whether the validation rows are of a part of the data's own.
    pub(super) own_validation: bool,
}

/// How many of a task's `rows` training rows a share above 0 sets apart.
pub(super) fn rows_apart(task: &str, rows: usize, share: f64) -> Result<usize, ScenarioError> {
    let apart = ((share * rows as f64).round() as usize).max(1);
    if apart >= rows {
        return Err(ScenarioError::NoTrainingRows { task: task.to_owned(), share, rows });
    }
    Ok(apart)
}

impl Cut {
    /// With the rows of the data's own validation part, where they have one and no share of the
    /// training rows was asked for.
    pub(super) fn or_own(self, origin: &Origin, classes: &[u32]) -> Self {
        if !self.validation.is_empty() || origin.dataset().validation.is_none() {
            return self;
        }
        let validation = origin.rows_of(Part::Validation, classes);
        Self { validation, own_validation: true, ..self }
    }
}

impl Options {
    /// The number of tasks, once it is known how many the benchmark has by itself.
    pub(super) fn tasks_or(&self, own: usize) -> Result<usize, ScenarioError> {
        match self.tasks {
            Some(0) => Err(ScenarioError::NoTasks),
            Some(asked) if asked > MOST_TASKS => {
                Err(ScenarioError::TasksBeyondReason { asked, most: MOST_TASKS })
            }
            Some(tasks) => Ok(tasks),
            None => Ok(own),
        }
    }

    /// Chooses among the training rows of the task that `name` and `key` name.
    pub(super) fn cut(
        &self,
        name: &str,
        rows: &Arc<[u32]>,
        key: Key,
    ) -> Result<Cut, ScenarioError> {
        if rows.is_empty() {
            return Err(ScenarioError::NoRows { task: name.to_string(), part: Part::Train });
        }
        let chosen = match self.samples_per_task {
            None => Arc::clone(rows),
            Some(0) => return Err(ScenarioError::NoSamples),
            Some(asked) if asked > rows.len() => {
                let task = name.to_string();
                return Err(ScenarioError::TooFewRows { task, asked, available: rows.len() });
            }
            Some(asked) => {
                let mut drawn = rows.to_vec();
                let (chosen, _) = drawn.partial_shuffle(&mut key.generator("samples"), asked);
                chosen.sort_unstable();
                Arc::from(&*chosen)
            }
        };
        if !(0.0..1.0).contains(&self.validation) {
            return Err(ScenarioError::ValidationShare { share: self.validation });
        }
        if self.validation == 0.0 {
            return Ok(Cut { train: chosen, validation: Arc::default(), own_validation: false });
        }
        let held_out = rows_apart(name, chosen.len(), self.validation)?;
        let mut drawn = chosen.to_vec();
        let (validation, train) = drawn.partial_shuffle(&mut key.generator("validation"), held_out);
        validation.sort_unstable();
        train.sort_unstable();
        let (train, validation) = (Arc::from(&*train), Arc::from(&*validation));
        Ok(Cut { train, validation, own_validation: false })
    }
}
