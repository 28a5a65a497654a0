//! A setting that is a number for each task, or a word that says how to find it.

use std::fmt;

use serde::Deserialize;

use crate::learner::LearnError;

/// A number for each task; of later ones the last. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct PerTask(Vec<f64>);

impl PerTask {
    /// The number of a task (0-based).
    pub fn of(&self, task: usize) -> f64 {
        self.0[task.min(self.0.len() - 1)]
    }

    /// Refuses numbers of which one does not fit.
    ///
    /// # Errors
    ///
    /// With the setting's `key` and what was `expected`.
    pub fn check(
        &self,
        key: &str,
        fits: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Result<(), LearnError> {
        if self.0.iter().all(|&number| fits(number)) {
            return Ok(());
        }
        let (key, value) = (key.into(), self.to_string());
        Err(LearnError::BadSetting { key, value, expected: expected.into() })
    }
}

impl TryFrom<Vec<f64>> for PerTask {
    type Error = String;

    fn try_from(numbers: Vec<f64>) -> Result<Self, String> {
        if numbers.is_empty() { Err("an empty list".into()) } else { Ok(Self(numbers)) }
    }
}

/// As it is written in a setting: `0.5,0.75`.
impl fmt::Display for PerTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// The forms in which such a setting may be written: `0.5`, `[0.5, 0.75]`, `"0.5, 0.75"` or a
/// word.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Written {
    /// One number for all tasks.
    Number(f64),
    /// A number a task.
    List(Vec<f64>),
    /// The same as a text, or a word.
    Text(String),
}

impl Written {
    /// The number or numbers, or what its word stands for.
    ///
    /// # Errors
    ///
    /// When it is neither; says what was `expected`.
    pub(crate) fn read<T: Clone>(
        self,
        words: &[(&str, T)],
        numbers: impl Fn(PerTask) -> T,
        expected: &str,
    ) -> Result<T, String> {
        let list = match self {
            Self::Number(number) => vec![number],
            Self::List(list) => list,
            Self::Text(text) => {
                if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
                    return Ok(meaning.clone());
                }
                let numbers = text.split(',').map(|number| number.trim().parse::<f64>());
                let list = numbers.collect::<Result<Vec<_>, _>>();
                list.map_err(|_| format!("`{text}`, expected {expected}"))?
            }
        };
        PerTask::try_from(list).map(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Catches: a form that is not read, a text that reads back as something else, an empty list
    /// let through.
    #[test]
    fn written_and_read_in_every_form() {
        let read = |value| {
            let written: Written = serde_json::from_value(value).unwrap();
            let words = [("half", PerTask(vec![0.5]))];
            written.read(&words, |numbers| numbers, "half, or numbers")
        };
        for (value, text) in [
            (json!("half"), "0.5"),
            (json!(0.9), "0.9"),
            (json!("0.9"), "0.9"),
            (json!([0.9, 0.8]), "0.9,0.8"),
            (json!("0.9, 0.8"), "0.9,0.8"),
        ] {
            let numbers = read(value).unwrap();
            assert_eq!(numbers.to_string(), text);
            assert_eq!(read(json!(text)).unwrap(), numbers);
        }
        assert_eq!(read(json!("some")).unwrap_err(), "`some`, expected half, or numbers");
        assert_eq!(read(json!([])).unwrap_err(), "an empty list");
    }

    #[test]
    fn later_tasks_have_the_last_number() {
        let each = PerTask(vec![0.9, 0.8]);
        assert_eq!([0, 1, 5].map(|task| each.of(task)), [0.9, 0.8, 0.8]);
    }

    /// Catches: a look at the first number alone, NaN let through.
    #[test]
    fn one_number_that_does_not_fit_is_enough() {
        let check = |list: &[f64]| {
            PerTask(list.to_vec()).check("a.b", |number| number < 1.0, "it must be below 1")
        };
        assert!(check(&[0.5, 0.9]).is_ok());
        for bad in [1.0, f64::NAN] {
            let error = check(&[0.5, bad]).unwrap_err().to_string();
            assert!(error.starts_with("a.b = 0.5,"), "{error}");
        }
    }
}
