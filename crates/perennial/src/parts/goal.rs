//! How well a task must be learnt.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::learner::LearnError;
use crate::parts::per_task::{PerTask, Written};

/// The accuracy on validation rows that a task must reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub enum Goal {
    /// That of a network of its own: the first width, the same passes.
    #[default]
    Individual,
    /// A number for each task.
    Each(PerTask),
}

impl TryFrom<Written> for Goal {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let words = [("individual", Self::Individual)];
        written.read(&words, Self::Each, "individual, or an accuracy such as 0.95")
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Individual => f.write_str("individual"),
            Self::Each(goals) => goals.fmt(f),
        }
    }
}

impl From<Goal> for String {
    fn from(goal: Goal) -> Self {
        goal.to_string()
    }
}

impl Goal {
    /// Refuses what is no accuracy.
    ///
    /// # Errors
    ///
    /// With the setting's `key`.
    pub fn check(&self, key: &str) -> Result<(), LearnError> {
        let Self::Each(goals) = self else { return Ok(()) };
        let expected = "a goal is an accuracy from 0 to 1 (divide percentages by 100)";
        goals.check(key, |goal| (0.0..=1.0).contains(&goal), expected)
    }

    /// The goal of a task (0-based), if it is said.
    pub fn of(&self, task: usize) -> Option<f64> {
        match self {
            Self::Individual => None,
            Self::Each(goals) => Some(goals.of(task)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<Goal, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_or_numbers() {
        for text in ["individual", "0.9,0.8"] {
            let goal = read(json!(text)).unwrap();
            assert_eq!((goal.to_string(), json!(goal)), (text.to_owned(), json!(text)));
        }
        assert_eq!(read(json!("0.9,0.8")).unwrap().of(1), Some(0.8));
        assert_eq!(Goal::Individual.of(0), None);
        assert!(read(json!("high")).unwrap_err().contains("expected individual"));
    }

    #[test]
    fn a_goal_above_1_is_refused() {
        let error = read(json!(95)).unwrap().check("cpg.goal").unwrap_err().to_string();
        assert!(error.contains("cpg.goal = 95 cannot be") && error.contains("divide"), "{error}");
        assert!(read(json!([0, 1])).unwrap().check("cpg.goal").is_ok());
    }
}
