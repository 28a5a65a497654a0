//! What a learner is taught, and how.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::gate::Gate;
use crate::data::{Dataset, InputSpec, LeftOut, Opened, Part, Understanding};
use crate::learner::{Remainder, Training};
use crate::scenario::{Samples, Task};
use crate::strategy::Card;

/// Labelled rows to be taught as one task, and rows to judge it by: as they are stored, not yet
/// scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// The task's name.
    pub task: String,
    /// What the rows are, and how they become inputs.
    pub spec: InputSpec,
    /// The names of the classes, by label.
    pub classes: Vec<String>,
    /// Rows to learn from.
    pub train: Samples,
    /// Rows to choose by, for a strategy that does; may be none.
    pub validation: Samples,
    /// Rows to be judged by, kept by the learner.
    pub test: Samples,
    /// Rows of the task's kind without labels, for a method that measures on such; may be none. Their
    /// labels are not looked at.
    pub unlabelled: Samples,
    /// Where the rows came from, for people.
    pub from: String,
    /// What was understood of the data.
    pub understanding: Understanding,
}

impl Lesson {
    /// A task of all rows of a data set, used as they are. A row's id is its number in its part.
    ///
    /// # Errors
    ///
    /// If the set's fields do not belong together.
    pub fn new(task: impl Into<String>, data: &Dataset) -> Result<Self, StoreError> {
        Self::of(task, Opened::of(data.clone()))
    }

    /// A task of data that were [opened](crate::data::open). A row's id is its number among those of
    /// its part, before classes were chosen.
    ///
    /// # Errors
    ///
    /// If the set's fields do not belong together.
    pub fn of(task: impl Into<String>, data: Opened) -> Result<Self, StoreError> {
        let Opened { dataset, spec, understanding, train_rows, test_rows } = data;
        let inputs = spec.row_len();
        let part = |part: Part, ids| Samples::new(part.values, inputs, part.labels, ids);
        let validation = match dataset.validation {
            Some(rows) => {
                let ids = (0..rows.len() as u64).collect();
                part(rows, ids)?
            }
            None => Samples::none(inputs),
        };
        Ok(Self {
            task: task.into(),
            classes: dataset.classes,
            train: part(dataset.train, train_rows)?,
            validation,
            test: part(dataset.test, test_rows)?,
            unlabelled: Samples::none(inputs),
            from: understanding.from.clone(),
            spec,
            understanding,
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
        for part in [&mut self.train, &mut self.validation, &mut self.test] {
            *part = part.relabelled(&label_of);
        }
        self.classes = classes.to_vec();
        Ok(self)
    }

    /// BLAKE3 of all rows, labels and class names, and of how rows become inputs.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for size in self.spec.shape {
            hasher.update(&(size as u64).to_le_bytes());
        }
        for class in &self.classes {
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        }
        if let Some(scaling) = &self.spec.scaling {
            for number in scaling.mean.iter().chain(&scaling.deviation) {
                hasher.update(&number.to_le_bytes());
            }
            hasher.update(&scaling.clip.unwrap_or_default().to_le_bytes());
        }
        self.train.hash(&mut hasher);
        self.test.hash(&mut hasher);
        if !self.validation.is_empty() {
            self.validation.hash(&mut hasher);
        }
        if !self.unlabelled.is_empty() {
            hasher.update(b"unlabelled");
            self.unlabelled.hash(&mut hasher);
        }
        hasher.finalize().to_hex().to_string()
    }

    pub(super) fn source(&self) -> Source {
        Source {
            from: self.from.clone(),
            shape: self.spec.shape,
            classes: self.classes.len(),
            train: self.train.len(),
            test: self.test.len(),
            dropped: self.understanding.left_out.iter().map(LeftOut::to_string).collect(),
            understanding: Some(Box::new(self.understanding.clone())),
        }
    }

    /// The task for the driver, its rows as inputs: `validation` of its training rows are set apart,
    /// where it has none of its own. `number` is the task's.
    pub(super) fn task(
        &self,
        classes: Vec<u32>,
        validation: f64,
        seed: u64,
        number: usize,
    ) -> Result<Task, StoreError> {
        let key = crate::draws::Key { seed, task: number as u64, ..Default::default() };
        let rows = self.train.len();
        let apart = match rows_apart(validation, rows) {
            0 => Vec::new(),
            wanted => {
                let generator = &mut key.generator("validation");
                let mut drawn = rand::seq::index::sample(generator, rows, wanted).into_vec();
                drawn.sort_unstable();
                drawn
            }
        };
        let (remaining, set_apart);
        let (train, chosen_by) = if apart.is_empty() {
            (&self.train, &self.validation)
        } else {
            let stay = (0..rows).filter(|row| apart.binary_search(row).is_err());
            remaining = self.train.rows(&stay.collect::<Vec<usize>>());
            set_apart = self.train.rows(&apart);
            (&remaining, &set_apart)
        };
        let [train, validation, test] =
            [train, chosen_by, &self.test].map(|samples| inputs_of(&self.spec, samples));
        let task = Task::from_samples(self.task.clone(), classes, train, validation, test)?;
        Ok(task.with_unlabelled(&inputs_of(&self.spec, &self.unlabelled))?)
    }
}

/// How many of so many training rows a share of them is: at least one, unless it is 0.
pub(super) fn rows_apart(share: f64, rows: usize) -> usize {
    match share {
        0.0 => 0,
        share => ((share * rows as f64).round() as usize).clamp(1, rows),
    }
}

/// Rows as they are stored as a network's inputs.
pub(super) fn inputs_of(spec: &InputSpec, samples: &Samples) -> Samples {
    match spec.scaling {
        Some(_) => samples.with_values(spec.inputs(samples.values()).0),
        None => samples.clone(),
    }
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
    /// Measures the scaling of all inputs anew, on this task. Refused for a strategy that keeps rows
    /// or statistics, which are of the old scaling.
    pub rescale: bool,
    /// Teaches a task that the learner knows once more, under the name `NAME~2`.
    pub again: bool,
    /// Saves the half-done task every so many steps; `None`: by time.
    pub save_every: Option<u64>,
}

impl Default for Teaching {
    fn default() -> Self {
        let (training, gate) = (Training::default(), Gate::default());
        Self { training, validation: None, gate, rescale: false, again: false, save_every: None }
    }
}

impl Teaching {
    /// Refuses what cannot be asked for, whatever the data: also a task without a name.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range, or the name.
    pub fn check(&self, task: &str) -> Result<(), StoreError> {
        if task.is_empty() || task.chars().any(char::is_control) {
            return Err(StoreError::Cannot("a task needs a name: --task NAME".into()));
        }
        self.gate.check().map_err(StoreError::Cannot)?;
        self.training.check()?;
        self.training.check_open_ended()?;
        match self.validation {
            None | Some(0.0..1.0) => Ok(()),
            Some(validation) => Err(StoreError::Cannot(format!(
                "--validation {validation} cannot be: it is a share of at least 0 and below 1"
            ))),
        }
    }

    /// The share of a lesson's training rows that is set apart to choose by.
    pub(super) fn validation_share(&self, lesson: &Lesson, card: &Card) -> f64 {
        // Data may bring rows to choose by.
        let usual = if lesson.validation.is_empty() { card.validation_share() } else { 0.0 };
        self.validation.unwrap_or(usual)
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
    /// Whether the scaling of the inputs was measured anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rescale: bool,
}

fn short() -> Remainder {
    Remainder::Short
}

fn is_short(remainder: &Remainder) -> bool {
    *remainder == short()
}

impl Plan {
    /// How many of so many training rows it sets apart to choose by.
    #[must_use]
    pub fn rows_apart(&self, train: usize) -> usize {
        rows_apart(self.validation, train)
    }

    /// Whether it teaches a task of this name once more, as `NAME~2`, `NAME~3`, …
    pub(super) fn repeats(&self, name: &str) -> bool {
        let number = self.task.strip_prefix(name).and_then(|rest| rest.strip_prefix('~'));
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    }

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
        compare("--rescale", self.rescale.to_string(), now.rescale.to_string());
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
    /// Rows and files that the reader left out: how many, and why.
    pub dropped: Vec<String>,
    /// What was understood of the data; none for a version that was taught before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub understanding: Option<Box<Understanding>>,
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
