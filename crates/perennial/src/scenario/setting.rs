//! What the learner is told, and what its head must tell apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ScenarioError;

/// What the learner is told when it answers (van de Ven & Tolias 2019).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// Task-incremental: the learner is told the task; one head a task.
    Task,
    /// Domain-incremental: it is not told, and answers with one head that all tasks share. Label
    /// j of every task is the same output.
    Domain,
    /// Class-incremental: it is not told, and tells apart all classes seen so far with a head
    /// that grows.
    Class,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Task => "task",
            Self::Domain => "domain",
            Self::Class => "class",
        })
    }
}

impl FromStr for Setting {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        match text {
            "task" => Ok(Self::Task),
            "domain" => Ok(Self::Domain),
            "class" => Ok(Self::Class),
            _ => Err(ScenarioError::UnknownSetting { found: text.to_string() }),
        }
    }
}

/// How the classes of two tasks are matched in the domain setting, where all tasks share one head and
/// label j of every task is the same output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassMatch {
    /// Both tasks have the same classes.
    ByName,
    /// No class is in both tasks, and there are as many: class j of one is class j of the other.
    ByOrder,
}

impl ClassMatch {
    /// `None` where the tasks cannot share a head: some classes are in both tasks and some are not, or
    /// none is and one task has more. No class occurs twice in a task.
    pub(crate) fn of<T: PartialEq>(known: &[T], new: &[T]) -> Option<Self> {
        let shared = new.iter().filter(|class| known.contains(class)).count();
        match shared {
            _ if known.len() != new.len() => None,
            0 => Some(Self::ByOrder),
            all if all == new.len() => Some(Self::ByName),
            _ => None,
        }
    }
}
