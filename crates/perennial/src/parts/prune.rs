//! How much of what a task took it gives back.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::learner::LearnError;
use crate::parts::per_task::{PerTask, Written};

/// A task that gets a smaller part of the weights than this learns little more than its head.
const LEAST: f64 = 0.005;
/// What is freed where the number of tasks is not known.
const UNKNOWN: f64 = 0.75;

/// Which share of the weights that a task took is freed after its training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub enum Prune {
    /// So much that all tasks end with equally many: task t of T frees (T − t)/(T − t + 1); three
    /// quarters where T is not known.
    #[default]
    Equal,
    /// The paper's: half of the first task's, then three quarters, none of the last's.
    Paper,
    /// The share of each task.
    Each(PerTask),
}

impl TryFrom<Written> for Prune {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let words = [("equal", Self::Equal), ("paper", Self::Paper)];
        written.read(&words, Self::Each, "equal, paper, a number or numbers: 0.5,0.75")
    }
}

impl fmt::Display for Prune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal => f.write_str("equal"),
            Self::Paper => f.write_str("paper"),
            Self::Each(shares) => shares.fmt(f),
        }
    }
}

impl From<Prune> for String {
    fn from(prune: Prune) -> Self {
        prune.to_string()
    }
}

impl Prune {
    /// Refuses a share outside [0, 1).
    ///
    /// # Errors
    ///
    /// With the setting's `key`.
    pub fn check(&self, key: &str) -> Result<(), LearnError> {
        let Self::Each(shares) = self else { return Ok(()) };
        let expected = "each share must be at least 0 and below 1";
        shares.check(key, |share| (0.0..1.0).contains(&share), expected)
    }

    /// What task `task` (0-based) of `tasks` frees of its own.
    pub fn fraction(&self, task: usize, tasks: Option<usize>) -> f64 {
        let left = tasks.map(|tasks| tasks.saturating_sub(task + 1));
        match (self, left) {
            (Self::Equal, Some(left)) => left as f64 / (left + 1) as f64,
            (Self::Equal, None) => UNKNOWN,
            (Self::Paper, Some(0)) => 0.0,
            (Self::Paper, _) => {
                if task == 0 {
                    0.5
                } else {
                    0.75
                }
            }
            (Self::Each(shares), _) => shares.of(task),
        }
    }

    /// Refuses to begin `task` with `free` of all weights when it, or one of the `tasks` to come,
    /// would get next to nothing.
    ///
    /// # Errors
    ///
    /// [`LearnError::NoFreeWeights`], of the first such task.
    pub fn check_room(
        &self,
        strategy: &'static str,
        task: usize,
        tasks: Option<usize>,
        free: f64,
    ) -> Result<(), LearnError> {
        let mut free = free;
        for task in task..tasks.unwrap_or(task + 1) {
            let freed = self.fraction(task, tasks);
            let share = free * (1.0 - freed);
            if share < LEAST {
                return Err(LearnError::NoFreeWeights { strategy, task, percent: 100.0 * share });
            }
            free *= freed;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<Prune, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// By hand for three tasks: ⅔ of all is freed, then ½ of that, then none: a third each.
    #[test]
    fn equal_shares_by_hand() {
        let freed = [0, 1, 2].map(|task| Prune::Equal.fraction(task, Some(3)));
        assert_eq!(freed, [2.0 / 3.0, 0.5, 0.0]);
        assert_eq!(Prune::Equal.fraction(7, None), 0.75);
        let paper = [0, 1, 2].map(|task| Prune::Paper.fraction(task, Some(3)));
        assert_eq!(paper, [0.5, 0.75, 0.0]);
        let each = read(json!([0.5, 0.25])).unwrap();
        assert_eq!([0, 1, 9].map(|task| each.fraction(task, Some(10))), [0.5, 0.25, 0.25]);
    }

    #[test]
    fn a_word_or_numbers() {
        for text in ["equal", "paper", "0.5,0.75"] {
            let prune = read(json!(text)).unwrap();
            assert_eq!((prune.to_string(), json!(prune)), (text.to_owned(), json!(text)));
        }
        assert!(read(json!("some")).unwrap_err().contains("expected equal, paper"));
    }

    #[test]
    fn shares_outside_their_range_are_refused() {
        for share in [-0.1, 1.0] {
            let error = read(json!([0.5, share])).unwrap().check("packnet.prune").unwrap_err();
            assert!(error.to_string().starts_with("packnet.prune = 0.5,"), "{error}");
        }
        assert!(read(json!([0.0, 0.99])).unwrap().check("packnet.prune").is_ok());
    }

    /// By hand: with a half freed each time, task 8 gets .5⁸ = .39 %. Catches: a run that is let
    /// to train eight tasks before it says so, or a check of what is free instead of what is got.
    #[test]
    fn a_task_without_weights_is_refused_before_training() {
        let half = read(json!(0.5)).unwrap();
        let refused = |task, tasks, free| {
            half.check_room("packnet", task, tasks, free).err().map(|error| error.to_string())
        };
        let error = refused(0, Some(9), 1.0).unwrap();
        assert!(error.starts_with("no free weights: task 8 gets 0.39 %"), "{error}");
        assert_eq!(refused(0, Some(7), 1.0), None);
        assert_eq!(refused(7, None, 0.02), None);
        assert!(refused(7, None, 0.009).is_some());
        assert!(Prune::Equal.check_room("packnet", 0, Some(199), 1.0).is_ok());
        assert!(Prune::Equal.check_room("packnet", 0, Some(201), 1.0).is_err());
    }
}
