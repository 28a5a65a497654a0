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
    /// As [`check`](Self::check).
    pub(super) fn new(dataset: &Arc<Dataset>) -> Result<Arc<Self>, ScenarioError> {
        Self::check(dataset)?;
        Ok(Arc::new(Self { dataset: Arc::clone(dataset), digest: OnceLock::new() }))
    }

    /// # Errors
    ///
    /// If the fields of the set do not belong together. The readers return no such set, but its
    /// fields are public.
    pub(super) fn check(dataset: &Dataset) -> Result<(), ScenarioError> {
        let bad = |problem| ScenarioError::Dataset { data: dataset.name.clone(), problem };
        let [channels, height, width] = dataset.shape;
        let size = channels.checked_mul(height).and_then(|size| size.checked_mul(width));
        let Some(inputs) = size.filter(|&size| size > 0 && u32::try_from(size).is_ok()) else {
            return Err(bad(format!("no image has the shape {:?}", dataset.shape)));
        };
        let parts = [("training", &dataset.train), ("test", &dataset.test)];
        let validation = dataset.validation.iter().map(|part| ("validation", part));
        for (name, part) in parts.into_iter().chain(validation.clone()) {
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
        let white = |part: &data::Part| part.values.white();
        let others = validation.map(|(_, part)| part).chain([&dataset.test]);
        if others.into_iter().any(|part| white(part) != white(&dataset.train)) {
            return Err(bad("its parts hold numbers of different types or whites".into()));
        }
        Ok(())
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The part of the set that a part of a task takes its rows from; `own_validation`: whether
    /// those to choose by are a part of their own.
    pub(super) fn part(&self, part: Part, own_validation: bool) -> &data::Part {
        match (part, &self.dataset.validation) {
            (Part::Test, _) => &self.dataset.test,
            (Part::Validation, Some(validation)) if own_validation => validation,
            (Part::Train | Part::Validation, _) => &self.dataset.train,
        }
    }

    /// The numbers of all rows of a part. `[rows]`
    pub(super) fn all_rows(&self, part: Part) -> Arc<[u32]> {
        (0..self.part(part, true).labels.len() as u32).collect()
    }

    /// The numbers of the rows of a part whose class is one of `classes`. `[rows]`
    pub(super) fn rows_of(&self, part: Part, classes: &[u32]) -> Arc<[u32]> {
        let labels = self.part(part, true).labels.iter().zip(0..);
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
            let validation = self.dataset.validation.as_ref();
            let parts = [Some(&self.dataset.train), Some(&self.dataset.test), validation];
            for part in parts.into_iter().flatten() {
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
