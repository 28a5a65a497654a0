//! The data that tasks take their rows from.

use std::sync::{Arc, OnceLock};

use perennial_data::{self as data, Dataset, Values};

use super::fingerprint::hash_list;
use super::{Part, ScenarioError};

/// A set whose parts are known to fit each other, shared by the tasks made of it.
pub(super) struct Origin {
    dataset: Arc<Dataset>,
    digest: OnceLock<blake3::Hash>,
}

impl Origin {
    /// # Errors
    ///
    /// If the fields of the set do not belong together. The readers return no such set, but its
    /// fields are public.
    pub(super) fn new(dataset: &Arc<Dataset>) -> Result<Arc<Self>, ScenarioError> {
        let bad = |problem| ScenarioError::Dataset { data: dataset.name.clone(), problem };
        let [channels, height, width] = dataset.shape;
        let size = channels.checked_mul(height).and_then(|size| size.checked_mul(width));
        let Some(inputs) = size.filter(|&size| size > 0 && u32::try_from(size).is_ok()) else {
            return Err(bad(format!("no image has the shape {:?}", dataset.shape)));
        };
        for (name, part) in [("training", &dataset.train), ("test", &dataset.test)] {
            let (rows, values) = (part.labels.len(), part.values.len());
            if rows.checked_mul(inputs) != Some(values) || u32::try_from(rows).is_err() {
                return Err(bad(format!(
                    "the {name} part has {values} values for {rows} rows of {inputs}"
                )));
            }
            let classes = dataset.classes.len();
            if let Some(row) = part.labels.iter().position(|&label| label as usize >= classes) {
                let label = part.labels[row];
                return Err(bad(format!(
                    "row {row} of the {name} part has label {label}, but there are {classes} classes"
                )));
            }
            if let Some(problem) = wrong(&part.values) {
                return Err(bad(format!("the {name} part has {problem}")));
            }
        }
        let white = |part: &data::Part| match part.values {
            Values::Bytes { white, .. } => Some(white),
            Values::Floats(_) => None,
        };
        if white(&dataset.train) != white(&dataset.test) {
            return Err(bad("its two parts hold numbers of different types or whites".into()));
        }
        Ok(Arc::new(Self { dataset: Arc::clone(dataset), digest: OnceLock::new() }))
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The part of the set that a part of a task takes its rows from.
    pub(super) fn part(&self, part: Part) -> &data::Part {
        match part {
            Part::Train | Part::Validation => &self.dataset.train,
            Part::Test => &self.dataset.test,
        }
    }

    /// The numbers of all rows of a part. `[rows]`
    pub(super) fn all_rows(&self, part: Part) -> Arc<[u32]> {
        (0..self.part(part).labels.len() as u32).collect()
    }

    /// The numbers of the rows of a part whose class is one of `classes`. `[rows]`
    pub(super) fn rows_of(&self, part: Part, classes: &[u32]) -> Arc<[u32]> {
        let labels = self.part(part).labels.iter().zip(0..);
        labels.filter(|(label, _)| classes.contains(label)).map(|(_, row)| row).collect()
    }

    /// The hash of every byte of the set, computed when it is first asked for.
    pub(super) fn digest(&self) -> &blake3::Hash {
        self.digest.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            for size in self.dataset.shape {
                hasher.update(&(size as u64).to_le_bytes());
            }
            if let Values::Bytes { white, .. } = self.dataset.train.values {
                hasher.update(&[white]);
            }
            for part in [&self.dataset.train, &self.dataset.test] {
                hash_list(&mut hasher, &part.labels);
                match &part.values {
                    Values::Bytes { pixels, .. } => {
                        hasher.update(pixels);
                    }
                    Values::Floats(floats) => {
                        hasher.update(b"floats");
                        for value in floats {
                            hasher.update(&value.to_le_bytes());
                        }
                    }
                }
            }
            hasher.finalize()
        })
    }
}

/// What is wrong with the values of a part, if something is.
fn wrong(values: &Values) -> Option<String> {
    match values {
        Values::Bytes { white: 0, .. } => Some("white 0, so no pixel can be lit".into()),
        Values::Bytes { pixels, white } => {
            let brightest = pixels.iter().copied().max().filter(|pixel| pixel > white)?;
            Some(format!("a pixel of {brightest}, above white = {white}"))
        }
        Values::Floats(floats) => {
            let value = floats.iter().find(|value| !value.is_finite())?;
            Some(format!("the value {value}, which is no finite number"))
        }
    }
}
