//! The rows of one part of one task, in memory.

use std::fmt;

use perennial_data::Values;

use super::ScenarioError;
use super::error::plural;
use super::fingerprint::hash_list;
use crate::vector::simd_dispatch;

/// Which rows of a task: those to learn from, to choose settings by, or to be judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Rows to learn from.
    Train,
    /// Rows taken away from the training rows, to choose by. Often none.
    Validation,
    /// Rows of the data's test part.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// The rows of one part of one task, in memory.
#[derive(Clone, PartialEq)]
pub struct Samples {
    values: Values,
    inputs: usize,
    labels: Vec<u32>,
    ids: Vec<u64>,
}

impl Samples {
    /// Rows of `inputs` numbers each. `labels` are indices into the task's classes and `ids` the
    /// numbers of the rows in the data they came from; both `[rows]`.
    ///
    /// # Errors
    ///
    /// If the counts do not belong together, a row has no input, a byte is above `white`, or a
    /// float is not a finite number.
    pub fn new(
        values: Values,
        inputs: usize,
        labels: Vec<u32>,
        ids: Vec<u64>,
    ) -> Result<Self, ScenarioError> {
        let rows = labels.len();
        if inputs == 0 {
            return Err(bad("a row has 0 inputs; give the number of values of one row"));
        }
        if ids.len() != rows {
            let (labels, ids) = (plural(rows, "label"), plural(ids.len(), "id"));
            return Err(bad(format!("{labels} and {ids}; give one of each a row")));
        }
        let found = values.len();
        if rows.checked_mul(inputs) != Some(found) {
            return Err(bad(format!(
                "{} where {} of {} ask for {rows} × {inputs}",
                plural(found, "value"),
                plural(rows, "labelled row"),
                plural(inputs, "input"),
            )));
        }
        match &values {
            Values::Bytes { white: 0, .. } => {
                return Err(bad("white is 0; give the value that is to be read as 1"));
            }
            Values::Bytes { pixels, white } => {
                if let Some(at) = pixels.iter().position(|pixel| pixel > white) {
                    let (row, pixel) = (at / inputs, pixels[at]);
                    return Err(bad(format!("row {row} holds {pixel}, above white = {white}")));
                }
            }
            Values::Floats(floats) => {
                if let Some(at) = floats.iter().position(|value| !value.is_finite()) {
                    let (row, value) = (at / inputs, floats[at]);
                    return Err(bad(format!("row {row} holds {value}; give finite numbers")));
                }
            }
        }
        Ok(Self { values, inputs, labels, ids })
    }

    /// No rows, of `inputs` numbers each.
    #[must_use]
    pub fn none(inputs: usize) -> Self {
        Self { values: Values::Floats(Vec::new()), inputs, labels: Vec::new(), ids: Vec::new() }
    }

    /// Rows that are known to belong together: gathered from data that were checked.
    pub(super) fn gathered(values: Values, inputs: usize, labels: Vec<u32>, ids: Vec<u64>) -> Self {
        debug_assert_eq!(values.len(), labels.len() * inputs);
        Self { values, inputs, labels, ids }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The label of a row: an index into the task's classes.
    ///
    /// # Panics
    ///
    /// If `row` is not below [`Samples::len`], like a slice; so do the other readers of rows.
    #[must_use]
    pub fn label(&self, row: usize) -> u32 {
        self.labels[row]
    }

    /// The number of a row in the data it came from.
    #[must_use]
    pub fn id(&self, row: usize) -> u64 {
        self.ids[row]
    }

    /// The inputs of all rows as they are stored: what a memory copies.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The labels of all rows. `[rows]`
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The numbers of all rows in the data they came from. `[rows]`
    #[must_use]
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Appends the numbers of a row to a batch: bytes as `byte / white`, which is in 0 … 1.
    pub fn append_row(&self, row: usize, to: &mut Vec<f32>) {
        let range = row * self.inputs..(row + 1) * self.inputs;
        match &self.values {
            // A division, not a product with 1 / white: the nearest f32 to the quotient, which is
            // what other systems feed their networks.
            Values::Bytes { pixels, white } => {
                let (white, pixels, first) = (f32::from(*white), &pixels[range], to.len());
                to.resize(first + pixels.len(), 0.0);
                let to = &mut to[first..];
                simd_dispatch(
                    #[inline(always)]
                    || to.iter_mut().zip(pixels).for_each(|(to, &p)| *to = f32::from(p) / white),
                );
            }
            Values::Floats(floats) => to.extend_from_slice(&floats[range]),
        }
    }

    /// The memory that the inputs, labels and ids take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Bytes { pixels, .. } => pixels.len(),
            Values::Floats(floats) => size_of_val(floats.as_slice()),
        };
        values + size_of_val(self.labels.as_slice()) + size_of_val(self.ids.as_slice())
    }

    /// These rows, in this order.
    pub(crate) fn rows(&self, rows: &[usize]) -> Self {
        fn gathered<T: Copy>(from: &[T], inputs: usize, rows: &[usize]) -> Vec<T> {
            rows.iter().flat_map(|row| &from[row * inputs..(row + 1) * inputs]).copied().collect()
        }
        let inputs = self.inputs;
        let values = match &self.values {
            Values::Bytes { pixels, white } => {
                Values::Bytes { pixels: gathered(pixels, inputs, rows), white: *white }
            }
            Values::Floats(floats) => Values::Floats(gathered(floats, inputs, rows)),
        };
        let labels = rows.iter().map(|&row| self.labels[row]).collect();
        let ids = rows.iter().map(|&row| self.ids[row]).collect();
        Self { values, inputs, labels, ids }
    }

    /// The rows whose label has a new one, with that.
    pub(crate) fn relabelled(&self, label_of: &[Option<u32>]) -> Self {
        let new = |&row: &usize| label_of[self.labels[row] as usize];
        let stay: Vec<usize> = (0..self.len()).filter(|row| new(row).is_some()).collect();
        let labels = stay.iter().filter_map(new).collect();
        Self { labels, ..self.rows(&stay) }
    }

    /// The same rows with these values, as many.
    pub(crate) fn with_values(&self, values: Values) -> Self {
        debug_assert_eq!(values.len(), self.values.len());
        let (inputs, labels, ids) = (self.inputs, self.labels.clone(), self.ids.clone());
        Self { values, inputs, labels, ids }
    }

    /// The same rows, each with label 0.
    pub(crate) fn without_labels(&self) -> Self {
        Self { labels: vec![0; self.len()], ..self.clone() }
    }

    /// The highest label, with its row.
    pub(super) fn highest_label(&self) -> Option<(usize, u32)> {
        self.labels.iter().copied().enumerate().max_by_key(|&(_, label)| label)
    }

    /// Everything that distinguishes these rows from others goes into the hash.
    pub(crate) fn hash(&self, hasher: &mut blake3::Hasher) {
        for count in [self.len(), self.inputs] {
            hasher.update(&(count as u64).to_le_bytes());
        }
        match &self.values {
            Values::Bytes { pixels, white } => {
                hasher.update(&[1, *white]).update(pixels);
            }
            Values::Floats(floats) => {
                hasher.update(&[2]);
                for value in floats {
                    hasher.update(&value.to_le_bytes());
                }
            }
        }
        hash_list(hasher, &self.labels);
        for id in &self.ids {
            hasher.update(&id.to_le_bytes());
        }
    }
}

/// Without the values: a part of a task is thousands of lines of numbers.
impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, inputs) = (self.len(), self.inputs);
        f.debug_struct("Samples")
            .field("rows", &rows)
            .field("inputs", &inputs)
            .finish_non_exhaustive()
    }
}

fn bad(problem: impl Into<String>) -> ScenarioError {
    ScenarioError::Samples { problem: problem.into() }
}
