//! What a learner is taught, and how.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::gate::Gate;
use super::tasks::{Tasks, white};
use crate::data::{Dataset, Part};
use crate::learner::{Remainder, Training};
use crate::scenario::{Samples, Task};

/// Labelled rows to be taught as one task, and rows to judge it by.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// The task's name.
    pub task: String,
    /// Of every input: `[channels, height, width]`.
    pub shape: [usize; 3],
    /// What the numbers of an input are called, in order; empty where they have no names.
    pub columns: Vec<String>,
    /// The names of the classes, by label.
    pub classes: Vec<String>,
    /// Rows to learn from.
    pub train: Samples,
    /// Rows to be judged by, kept by the learner.
    pub test: Samples,
    /// Where the rows came from, for people.
    pub from: String,
    /// Rows that the reader left out: how many, and why.
    pub dropped: Vec<String>,
}

impl Lesson {
    /// A task of all rows of a data set. A row's id is its number in its part.
    ///
    /// # Errors
    ///
    /// If the set's fields do not belong together.
    pub fn new(task: impl Into<String>, data: &Dataset) -> Result<Self, StoreError> {
        let inputs = data.shape.iter().product();
        let part = |part: &Part| {
            let ids = (0..part.labels.len() as u64).collect();
            Samples::new(part.values.clone(), inputs, part.labels.clone(), ids)
        };
        Ok(Self {
            task: task.into(),
            shape: data.shape,
            columns: Vec::new(),
            classes: data.classes.clone(),
            train: part(&data.train)?,
            test: part(&data.test)?,
            from: data.name.clone(),
            dropped: Vec::new(),
        })
    }

    /// Only the rows of these classes, which become the labels in this order.
    ///
    /// # Errors
    ///
    /// A class that the data do not have, or one named twice.
    pub fn only(mut self, classes: &[String]) -> Result<Self, StoreError> {
        let mut label_of = vec![None; self.classes.len()];
        for (name, label) in classes.iter().zip(0u32..) {
            let Some(old) = self.classes.iter().position(|class| class == name) else {
                let known = self.classes;
                return Err(StoreError::Unknown { what: "class", name: name.clone(), known });
            };
            if label_of[old].replace(label).is_some() {
                return Err(StoreError::Cannot(format!("the class `{name}` is named twice")));
            }
        }
        for part in [&mut self.train, &mut self.test] {
            *part = part.relabelled(&label_of);
        }
        self.classes = classes.to_vec();
        Ok(self)
    }

    /// BLAKE3 of all rows, labels and class names.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for size in self.shape {
            hasher.update(&(size as u64).to_le_bytes());
        }
        for class in &self.classes {
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        }
        self.train.hash(&mut hasher);
        self.test.hash(&mut hasher);
        hasher.finalize().to_hex().to_string()
    }

    pub(super) fn source(&self) -> Source {
        Source {
            from: self.from.clone(),
            shape: self.shape,
            classes: self.classes.len(),
            train: self.train.len(),
            test: self.test.len(),
            dropped: self.dropped.clone(),
        }
    }

    /// Refuses rows that the learner cannot take beside what it knows; rows that are bytes become
    /// floats where the learner's are.
    pub(super) fn fitted(&self, tasks: &Tasks) -> Result<Self, StoreError> {
        let mut lesson = self.clone();
        if lesson.task.is_empty() || lesson.task.chars().any(char::is_control) {
            return Err(StoreError::Cannot("a task needs a name: --task NAME".into()));
        }
        for (what, part) in [("training", &lesson.train), ("test", &lesson.test)] {
            if part.is_empty() {
                let task = &lesson.task;
                return Err(StoreError::Data(format!("the {what} part of `{task}` is empty")));
            }
        }
        let Some(shape) = tasks.shape else { return Ok(lesson) };
        if lesson.shape != shape {
            return Err(other_shape(&lesson.task, lesson.shape, shape));
        }
        same_columns(&lesson.from, &lesson.columns, &tasks.columns)?;
        for part in [&mut lesson.train, &mut lesson.test] {
            match (tasks.white, white(part.values())) {
                (known, found) if known == found => {}
                (0, _) => *part = part.as_floats(),
                (known, found) => {
                    let kind = |white| match white {
                        0 => "floats".to_owned(),
                        white => format!("bytes of which {white} is read as 1"),
                    };
                    return Err(StoreError::Data(format!(
                        "the values of `{}` are {}, those of the learner's tasks {}: give all \
                         tasks alike",
                        lesson.task,
                        kind(found),
                        kind(known)
                    )));
                }
            }
        }
        Ok(lesson)
    }

    /// The task for the driver: of its training rows, `validation` are set apart. `number` is the
    /// task's.
    pub(super) fn task(
        &self,
        classes: Vec<u32>,
        validation: f64,
        seed: u64,
        number: usize,
    ) -> Result<Task, StoreError> {
        let key = crate::draws::Key { seed, task: number as u64, ..Default::default() };
        let rows = self.train.len();
        let apart = match validation {
            0.0 => Vec::new(),
            share => {
                let wanted = ((share * rows as f64).round() as usize).clamp(1, rows);
                let generator = &mut key.generator("validation");
                let mut drawn = rand::seq::index::sample(generator, rows, wanted).into_vec();
                drawn.sort_unstable();
                drawn
            }
        };
        let stay: Vec<usize> = (0..rows).filter(|row| apart.binary_search(row).is_err()).collect();
        let (train, validation) = (self.train.rows(&stay), self.train.rows(&apart));
        Ok(Task::from_samples(self.task.clone(), classes, train, validation, self.test.clone())?)
    }
}

pub(super) fn other_shape(what: &str, found: [usize; 3], expected: [usize; 3]) -> StoreError {
    let text = |[channels, height, width]: [usize; 3]| format!("{channels}×{height}×{width}");
    StoreError::Data(format!(
        "the rows of `{what}` are {} (channels × height × width), the learner's network takes {}",
        text(found),
        text(expected)
    ))
}

/// Refuses columns that are not those of the learner's tasks, as far as both have names: numbers
/// are known by their place alone.
pub(super) fn same_columns(
    from: &str,
    found: &[String],
    known: &[String],
) -> Result<(), StoreError> {
    if found.is_empty() || known.is_empty() || found == known {
        return Ok(());
    }
    Err(StoreError::Data(format!(
        "the columns of {from} are {}, those that the learner knows {}: give the same in the same \
         order",
        found.join(", "),
        known.join(", ")
    )))
}

/// How a task is taught.
#[derive(Clone, Debug, PartialEq)]
pub struct Teaching {
    /// Passes, batch, remainder and learning rate; the optimiser is the learner's own.
    pub training: Training,
    /// The share of the training rows that is set apart to choose by; `None`: a tenth for a
    /// strategy that chooses by it, else none.
    pub validation: Option<f64>,
    /// What may not become worse.
    pub gate: Gate,
    /// Teaches a task that the learner knows once more, under the name `NAME~2`.
    pub again: bool,
    /// Saves the half-done task every so many steps; `None`: by time.
    pub save_every: Option<u64>,
}

impl Default for Teaching {
    fn default() -> Self {
        let (training, gate) = (Training::default(), Gate::default());
        Self { training, validation: None, gate, again: false, save_every: None }
    }
}

/// What decides the bits of a taught version: the same plan gives the same version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// The task's name.
    pub task: String,
    /// BLAKE3 of its data.
    pub data: String,
    /// The version it begins from.
    pub parent: u64,
    /// The seal of that version's manifest.
    pub parent_seal: String,
    /// Passes over its training rows.
    pub epochs: usize,
    /// Rows a step.
    pub batch: usize,
    /// What becomes of rows that fill no batch. `short` is not written: older programs knew nothing
    /// else and wrote no such field, and a manifest's seal is of its text.
    #[serde(default = "short", skip_serializing_if = "is_short")]
    pub remainder: Remainder,
    /// Learning rate.
    pub lr: f32,
    /// Share of the training rows set apart.
    pub validation: f64,
}

fn short() -> Remainder {
    Remainder::Short
}

fn is_short(remainder: &Remainder) -> bool {
    *remainder == short()
}

impl Plan {
    /// What differs of what training goes by: `lr: 0.1 → 0.2`.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |key: &str, then: String, now: String| {
            if then != now {
                differences.push(format!("{key}: {then} → {now}"));
            }
        };
        compare("--task", self.task.clone(), now.task.clone());
        compare("DATA (fingerprint)", self.data[..12].into(), now.data[..12].into());
        compare("--epochs", self.epochs.to_string(), now.epochs.to_string());
        compare("--batch", self.batch.to_string(), now.batch.to_string());
        compare("--remainder", self.remainder.to_string(), now.remainder.to_string());
        compare("--lr", self.lr.to_string(), now.lr.to_string());
        compare("--validation", self.validation.to_string(), now.validation.to_string());
        differences
    }
}

/// What the data of a taught version were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// Where they came from, for people.
    pub from: String,
    /// Of every input: `[channels, height, width]`.
    pub shape: [usize; 3],
    /// How many classes.
    pub classes: usize,
    /// Training rows.
    pub train: usize,
    /// Test rows.
    pub test: usize,
    /// Rows that the reader left out: how many, and why.
    pub dropped: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a program wrote it that took the last rows of an epoch as a smaller batch, always. Seals
    /// are of the text: catches an old plan that is refused, or that is written otherwise.
    #[test]
    fn plans_from_before_the_remainder_keep_their_text() {
        let old = r#"{"task":"low","data":"47d0","parent":0,"parent-seal":"30ed","epochs":5,"batch":10,"lr":0.1,"validation":0.0}"#;
        let plan: Plan = serde_json::from_str(old).unwrap();
        assert_eq!(plan.remainder, Remainder::Short);
        assert_eq!(serde_json::to_string(&plan).unwrap(), old);
        for remainder in [Remainder::Drop, Remainder::Even] {
            let now = Plan { remainder, ..plan.clone() };
            let text = serde_json::to_string(&now).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), now);
        }
    }
}
