//! When the classes of the class setting get their outputs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::LearnError;
use super::settings::bad;

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
