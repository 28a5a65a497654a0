//! When the classes of the class setting get their outputs.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::settings::bad;
use super::{LearnError, Learner};
use crate::model::{Among, Outputs};
use crate::scenario::{Stream, Task};

/// When a class gets its output in the one head of the class setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassHead {
    /// With the task that brings it: the head grows, and an older task never competed with the
    /// classes that came later.
    #[default]
    Grow,
    /// From the start: a task is learnt against all classes of the stream, those of later tasks
    /// included. The stream must be known.
    Full,
}

impl fmt::Display for ClassHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grow => "grow",
            Self::Full => "full",
        })
    }
}

impl FromStr for ClassHead {
    type Err = LearnError;

    fn from_str(text: &str) -> Result<Self, LearnError> {
        match text {
            "grow" => Ok(Self::Grow),
            "full" => Ok(Self::Full),
            _ => Err(bad("head", &text, "expected grow or full")),
        }
    }
}

impl Learner {
    /// One head for all classes of the stream, in the order in which a growing head would get them.
    pub(super) fn append_full_head(&mut self, stream: &Stream) {
        let model = &mut self.core.model;
        let mut unit_of: HashMap<u32, u32> = HashMap::new();
        let mut unit = |&class: &u32| {
            let next = unit_of.len() as u32;
            *unit_of.entry(class).or_insert(next)
        };
        let mut outputs = |task: &Task| Outputs {
            units: task.classes.iter().map(&mut unit).collect(),
            among: Among::All,
        };
        model.outputs = stream.tasks.iter().map(&mut outputs).collect();
        model.append_head(self.engine.network().features(), unit_of.len(), self.core.seed);
    }
}
