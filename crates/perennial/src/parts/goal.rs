//! How well a task must be learnt.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::learner::LearnError;

/// The accuracy on validation rows that a task must reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub enum Goal {
    /// That of a network of its own: the first width, the same passes.
    #[default]
    Individual,
    /// A number for each task; for later ones the last.
    Each(Vec<f64>),
}

/// The forms in which it may be written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    List(Vec<f64>),
    Text(String),
}

impl TryFrom<Written> for Goal {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(goal) => Ok(Self::Each(vec![goal])),
            Written::List(goals) if goals.is_empty() => Err("an empty list".into()),
            Written::List(goals) => Ok(Self::Each(goals)),
            Written::Text(text) if text == "individual" => Ok(Self::Individual),
            Written::Text(text) => text
                .split(',')
                .map(|goal| goal.trim().parse())
                .collect::<Result<_, _>>()
                .map(Self::Each)
                .map_err(|_| format!("`{text}`, expected individual, or an accuracy such as 0.95")),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Individual => f.write_str("individual"),
            Self::Each(goals) => {
                let goals: Vec<String> = goals.iter().map(ToString::to_string).collect();
                f.write_str(&goals.join(","))
            }
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
        match self {
            Self::Each(goals) if !goals.iter().all(|goal| (0.0..=1.0).contains(goal)) => {
                let expected = "a goal is an accuracy from 0 to 1 (divide percentages by 100)";
                let (key, value) = (key.into(), self.to_string());
                Err(LearnError::BadSetting { key, value, expected: expected.into() })
            }
            _ => Ok(()),
        }
    }

    /// The goal of a task (0-based), if it is said.
    pub fn of(&self, task: usize) -> Option<f64> {
        match self {
            Self::Individual => None,
            Self::Each(goals) => goals.get(task).or(goals.last()).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn written_and_read_in_every_form() {
        let read = |value| serde_json::from_value::<Goal>(value).map_err(|e| e.to_string());
        for (value, text) in [
            (json!("individual"), "individual"),
            (json!(0.9), "0.9"),
            (json!("0.9"), "0.9"),
            (json!([0.9, 0.8]), "0.9,0.8"),
        ] {
            let goal = read(value).unwrap();
            assert_eq!(goal.to_string(), text);
            assert_eq!(read(json!(text)).unwrap(), goal);
        }
        assert!(read(json!("high")).unwrap_err().contains("expected individual"));
        let each = Goal::Each(vec![0.9, 0.8]);
        assert_eq!([0, 1, 5].map(|task| each.of(task)), [Some(0.9), Some(0.8), Some(0.8)]);
        assert_eq!(Goal::Individual.of(0), None);
    }

    #[test]
    fn a_goal_above_1_is_refused() {
        let error = Goal::Each(vec![95.0]).check("cpg.goal").unwrap_err().to_string();
        assert!(error.contains("cpg.goal = 95 cannot be") && error.contains("divide"), "{error}");
        assert!(Goal::Each(vec![0.0, 1.0]).check("cpg.goal").is_ok());
    }
}
