//! The accuracy matrix R.

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// The accuracy matrix R of one run on T tasks: everything the metrics are made of.
///
/// Row i holds the accuracies after training ended on task i, as fractions from 0 to 1, one for
/// every task's test set; row 0 is the untrained network, measured and not assumed to be
/// 1/classes. So R has up to T + 1 rows of T columns, and grows by a row a task.
///
/// # Indices
///
/// Rows count tasks (`0..=T`, "how many tasks has it learnt"), columns are positions (`0..T`).
/// The papers' `R[i][j]`, with tasks counted from 1, is therefore `r.at(i, j - 1)`, and "task k
/// right after it was learnt" is `r.at(k, k - 1)`. Arguments named `k` count tasks, from 1.
///
/// # What does not exist
///
/// `None` is an answer the network cannot give, such as one of a head that was never trained. A
/// metric whose formula reads a `None`, or a row that has not been measured yet, is `None`; what a
/// formula does not read does not matter.
///
/// A row in the midst of R that was not measured is `[]`: over a thousand tasks, of which every
/// hundredth is followed by an evaluation, R is ten rows and not a thousand. The first row says T
/// and is never left out.
///
/// # On disk
///
/// R is written as its rows, `[[0.1, null], [], [0.9, 0.2], …]`, and checked when read. A matrix
/// without rows is `[]`, which does not say T: read back, it takes T from its first row. JSON
/// read by `serde_json` gives back every bit only with that crate's feature `float_roundtrip`.
///
/// # The example of every metric
///
/// ```
/// # use perennial_metrics::Accuracy;
/// let mut r = Accuracy::new(3);
/// for row in [
///     [0.125, 0.25, 0.125],  // untrained
///     [0.75, 0.375, 0.25],   // after task 1
///     [0.9375, 0.875, 0.5],  // after task 2: task 1 got better
///     [0.375, 0.5, 0.625],   // after task 3: both older tasks lost
/// ] {
///     r.push_row(row.map(Some))?;
/// }
/// assert_eq!((r.tasks(), r.trained()), (3, 3));
/// assert_eq!(r.at(2, 0), Some(0.9375));
/// # Ok::<(), perennial_metrics::AccuracyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Vec<Option<f64>>>")]
pub struct Accuracy {
    tasks: usize,
    rows: Vec<Vec<Option<f64>>>, // [≤ tasks + 1, tasks or none]
}

/// Why a row cannot be part of R.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AccuracyError {
    /// A first row without a single task.
    #[error(
        "Row 0 of the accuracy matrix is empty, but a run has at least one task; give one \
         accuracy (or null) for each task."
    )]
    Empty,
    /// A row of another length than the number of tasks.
    #[error(
        "Row {row} of the accuracy matrix has {found} entries, but the run has {expected} tasks; \
         give one accuracy (or null) for each task, or none at all if it was not measured."
    )]
    RowLength {
        /// Which row.
        row: usize,
        /// Its length.
        found: usize,
        /// T.
        expected: usize,
    },
    /// More rows than T + 1.
    #[error(
        "The accuracy matrix of {tasks} tasks is complete with {} rows (the untrained network and \
         one row a task); a further row does not belong to this run.",
        tasks + 1
    )]
    TooManyRows {
        /// T.
        tasks: usize,
    },
    /// A value that is no fraction.
    #[error(
        "Row {row}, column {task} of the accuracy matrix is {value}, but an accuracy is a fraction \
         from 0 to 1; divide percentages by 100, and write null for an answer that does not exist."
    )]
    NotAFraction {
        /// Which row.
        row: usize,
        /// Which column, counted from 0.
        task: usize,
        /// What was found there.
        value: f64,
    },
}

impl Accuracy {
    /// An R of `tasks` tasks in which nothing is measured yet, not even the untrained network.
    #[must_use]
    pub fn new(tasks: usize) -> Self {
        Self { tasks, rows: Vec::new() }
    }

    /// Appends the next row, one accuracy a task: first the untrained network's, then that after
    /// each task, or nothing where it was not measured.
    ///
    /// # Errors
    ///
    /// When the row's length is not [`tasks`](Self::tasks) and it is not an empty one after the
    /// first, when R is complete, or when a value is no fraction from 0 to 1 (NaN is none). R is
    /// unchanged then.
    pub fn push_row(&mut self, row: impl Into<Vec<Option<f64>>>) -> Result<(), AccuracyError> {
        let values = row.into(); // [tasks]
        let row = self.rows.len();
        // `[]` on disk does not say how many tasks there are; the first row does.
        let tasks = if self.tasks == 0 { values.len() } else { self.tasks };
        if row == 0 && values.is_empty() {
            return Err(AccuracyError::Empty);
        }
        if row > tasks {
            return Err(AccuracyError::TooManyRows { tasks });
        }
        if values.len() != tasks && !values.is_empty() {
            return Err(AccuracyError::RowLength { row, found: values.len(), expected: tasks });
        }
        if let Some((task, value)) = not_a_fraction(&values) {
            return Err(AccuracyError::NotAFraction { row, task, value });
        }
        self.tasks = tasks;
        self.rows.push(values);
        Ok(())
    }

    /// T, the number of tasks of the run, learnt or not.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// How many tasks have been learnt and have their row, measured or not: the number of rows
    /// without row 0.
    #[must_use]
    pub fn trained(&self) -> usize {
        self.rows.len().saturating_sub(1)
    }

    /// R after `i` tasks (`0..=T`, 0 is the untrained network), on the task at position `j`
    /// (`0..T`). `None` when it does not exist or has not been measured.
    #[must_use]
    pub fn at(&self, i: usize, j: usize) -> Option<f64> {
        *self.rows.get(i)?.get(j)?
    }

    /// The rows so far, `[trained() + 1][tasks()]`, row 0 first; what was not measured is empty.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Option<f64>>] {
        &self.rows
    }

    /// How well each task was done right after it was learnt: `R[k][k]` for k = 1 … T.
    /// `[tasks()]`, `None` for what is not measured yet.
    ///
    /// The diagonal of a joint run is the reference of [`intransigence`](Self::intransigence).
    #[must_use]
    pub fn diagonal(&self) -> Vec<Option<f64>> {
        (0..self.tasks).map(|j| self.at(j + 1, j)).collect()
    }

    /// R from numbers that need not be accuracies, to test what holds for all numbers.
    #[cfg(test)]
    pub(crate) fn unchecked(rows: Vec<Vec<Option<f64>>>) -> Self {
        Self { tasks: rows.first().map_or(0, Vec::len), rows }
    }
}

/// The first value that is no fraction from 0 to 1, and its position.
pub(crate) fn not_a_fraction(values: &[Option<f64>]) -> Option<(usize, f64)> {
    let measured = values.iter().enumerate().filter_map(|(task, value)| Some((task, (*value)?)));
    measured.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value))
}

impl TryFrom<Vec<Vec<Option<f64>>>> for Accuracy {
    type Error = AccuracyError;

    /// R from its rows; T is their length.
    fn try_from(rows: Vec<Vec<Option<f64>>>) -> Result<Self, AccuracyError> {
        let mut r = Self::new(0);
        rows.into_iter().try_for_each(|row| r.push_row(row))?;
        Ok(r)
    }
}

impl Serialize for Accuracy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Accuracy, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn is_written_as_its_rows_and_read_back() {
        let json = "[[0.125,null],[0.75,null],[0.5,1.0]]";
        let r = read(json).unwrap();
        assert_eq!((r.tasks(), r.trained()), (2, 2));
        assert_eq!((r.at(0, 0), r.at(1, 1), r.at(2, 1)), (Some(0.125), None, Some(1.0)));
        assert_eq!(r.diagonal(), [Some(0.75), Some(1.0)]);
        assert_eq!(serde_json::to_string(&r).unwrap(), json);
    }

    #[test]
    fn what_is_not_measured_is_none() {
        let sparse = read("[[0.5,0.5],[],[0.5,1.0]]").unwrap();
        assert_eq!((sparse.tasks(), sparse.trained()), (2, 2));
        assert_eq!((sparse.at(1, 0), sparse.at(2, 1)), (None, Some(1.0)));
        assert_eq!(sparse.diagonal(), [None, Some(1.0)]);
        assert_eq!(serde_json::to_string(&sparse).unwrap(), "[[0.5,0.5],[],[0.5,1.0]]");
        let mut r = Accuracy::new(2);
        assert_eq!((r.tasks(), r.trained(), r.at(0, 0)), (2, 0, None));
        r.push_row([Some(0.0), Some(1.0)]).unwrap();
        assert_eq!((r.trained(), r.at(0, 1), r.at(0, 2), r.at(1, 0)), (0, Some(1.0), None, None));
        assert_eq!(r.diagonal(), [None, None]);
    }

    #[test]
    fn without_rows_takes_its_tasks_from_the_first() {
        let mut r = read("[]").unwrap();
        r.push_row([None, Some(0.5)]).unwrap();
        assert_eq!(r.tasks(), 2);
        assert!(r.push_row([Some(0.5)]).is_err());
    }

    #[test]
    fn refuses_what_is_no_accuracy_matrix() {
        for (json, says) in [
            ("[[]]", "Row 0 of the accuracy matrix is empty"),
            ("[[0.5, 0.5], [0.5]]", "Row 1 of the accuracy matrix has 1 entries"),
            ("[[0.5], [0.5], [0.5]]", "complete with 2 rows"),
            ("[[0.5, 1.5]]", "Row 0, column 1 of the accuracy matrix is 1.5"),
            ("[[-0.5]]", "is -0.5"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(says), "{json}: {error}");
        }
    }

    #[test]
    fn a_refused_row_changes_nothing() {
        let mut r = Accuracy::new(1);
        for row in [vec![Some(f64::NAN)], vec![], vec![None, None]] {
            assert!(r.push_row(row).is_err());
        }
        assert_eq!(r, Accuracy::new(1));
    }
}
