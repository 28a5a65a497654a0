//! How many rows a step draws from a memory, and how many steps a batch gets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::learner::LearnError;

/// Rows that a step draws from a memory, without replacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub enum ReplayBatch {
    /// As many as the step's batch has: the word `batch`.
    #[default]
    AsBatch,
    /// So many; all where the memory has fewer.
    Rows(usize),
}

/// A number, or a text that is a number or the word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Rows(u64),
    Number(f64),
    Text(String),
}

const EXPECTED: &str = "a number of rows such as 32, or batch for as many as the batch has";

impl TryFrom<Written> for ReplayBatch {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = match written {
            Written::Rows(rows) => return Ok(Self::Rows(rows as usize)),
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        match text.trim() {
            "batch" => Ok(Self::AsBatch),
            number => {
                number.parse().map(Self::Rows).map_err(|_| format!("`{text}` is not {EXPECTED}"))
            }
        }
    }
}

impl fmt::Display for ReplayBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsBatch => f.write_str("batch"),
            Self::Rows(rows) => rows.fmt(f),
        }
    }
}

impl From<ReplayBatch> for String {
    fn from(batch: ReplayBatch) -> Self {
        batch.to_string()
    }
}

impl ReplayBatch {
    /// How many rows a step draws whose batch has `batch` rows.
    pub fn rows(self, batch: usize) -> usize {
        match self {
            Self::AsBatch => batch,
            Self::Rows(rows) => rows,
        }
    }

    /// Refuses a draw of no row, and a batch without a step. `name` is the method's.
    ///
    /// # Errors
    ///
    /// With the setting's key and what would work.
    pub fn check(self, name: &str, steps: usize) -> Result<(), LearnError> {
        let bad = |key: &str, expected: &str| LearnError::BadSetting {
            key: format!("{name}.{key}"),
            value: "0".into(),
            expected: expected.into(),
        };
        if self == Self::Rows(0) {
            return Err(bad("batch", "it must be at least 1 row, or batch"));
        }
        if steps == 0 {
            return Err(bad("steps", "it must be at least 1 step on each batch"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<ReplayBatch, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// Catches: a number from the command line, which is a text, that is refused; a word that is
    /// written back as another.
    #[test]
    fn a_number_or_the_word() {
        for value in [json!(32), json!("32"), json!(" 32 ")] {
            assert_eq!(read(value).unwrap(), ReplayBatch::Rows(32));
        }
        assert_eq!(read(json!("batch")).unwrap().rows(7), 7);
        assert_eq!(read(json!(32)).unwrap().rows(7), 32);
        for batch in [ReplayBatch::AsBatch, ReplayBatch::Rows(3)] {
            assert_eq!(read(json!(batch)).unwrap(), batch);
        }
        for wrong in [json!(-1), json!(2.5), json!("many")] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains("a number of rows such as 32, or batch"), "{error}");
        }
        assert_eq!(ReplayBatch::AsBatch.check("er", 1).ok(), Some(()));
    }
}
