//! Rows of a task, read one by one: what is read once need not lie in memory.

use perennial_data::Values;

use super::Samples;
use super::transform::Plan;

/// The rows of one part of a task, none of them gathered.
pub(crate) struct Reader<'t>(Read<'t>);

enum Read<'t> {
    /// With what each byte is read as: 0 where the data are no bytes.
    Seen(Seen<'t>, Box<[f32; 256]>),
    Own(&'t Samples),
}

/// Rows of a data set, each transformed when it is read.
pub(super) struct Seen<'t> {
    /// Of the part of the data in which the rows lie.
    pub(super) values: &'t Values,
    pub(super) labels: &'t [u32],
    /// Numbers a row.
    pub(super) inputs: usize,
    /// Which rows of them.
    pub(super) rows: &'t [u32],
    /// The task's label of each class of the data.
    pub(super) label_of: Vec<u32>,
    pub(super) plan: Plan,
}

impl<'t> Reader<'t> {
    pub(super) fn seen(seen: Seen<'t>) -> Self {
        let number = |byte: usize| match seen.values {
            // A division, as in `Samples::append_row`: the same numbers to the bit.
            Values::Bytes { white, .. } => byte as f32 / f32::from(*white),
            Values::Floats(_) => 0.0,
        };
        let numbers = Box::new(std::array::from_fn(number));
        Self(Read::Seen(seen, numbers))
    }

    /// Reads rows in memory.
    pub(crate) fn of(samples: &'t Samples) -> Self {
        Self(Read::Own(samples))
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Read::Seen(seen, _) => seen.rows.len(),
            Read::Own(samples) => samples.len(),
        }
    }

    /// The label of a row: an index into the task's classes.
    pub(crate) fn label(&self, row: usize) -> u32 {
        match &self.0 {
            Read::Seen(seen, _) => seen.label(seen.rows[row]),
            Read::Own(samples) => samples.label(row),
        }
    }

    /// Appends the numbers of a row to a batch, as [`Samples::append_row`] does.
    pub(crate) fn append_row(&self, row: usize, to: &mut Vec<f32>) {
        match &self.0 {
            Read::Seen(seen, numbers) => seen.append_row(row, numbers, to),
            Read::Own(samples) => samples.append_row(row, to),
        }
    }
}

impl Seen<'_> {
    /// The task's label of a row of the data.
    fn label(&self, row: u32) -> u32 {
        self.label_of[self.labels[row as usize] as usize]
    }

    fn append_row(&self, row: usize, numbers: &[f32; 256], to: &mut Vec<f32>) {
        let first = self.rows[row] as usize * self.inputs;
        let range = first..first + self.inputs;
        match self.values {
            Values::Bytes { pixels, .. } => {
                self.plan.append(&pixels[range], |byte: u8| numbers[usize::from(byte)], to);
            }
            Values::Floats(floats) => self.plan.append(&floats[range], |number| number, to),
        }
    }

    /// All rows, gathered.
    pub(super) fn gather(&self) -> Samples {
        let values = match self.values {
            Values::Bytes { pixels, white } => {
                let pixels = self.plan.gather(pixels, self.inputs, self.rows);
                Values::Bytes { pixels, white: *white }
            }
            Values::Floats(floats) => {
                Values::Floats(self.plan.gather(floats, self.inputs, self.rows))
            }
        };
        let labels = self.rows.iter().map(|&row| self.label(row)).collect();
        let ids = self.rows.iter().map(|&row| u64::from(row)).collect();
        Samples::gathered(values, self.inputs, labels, ids)
    }
}
