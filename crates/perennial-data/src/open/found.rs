//! What [`open`](super::open) and [`read`](super::read) return.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::OpenError;
use crate::{DataError, Dataset, Values};

/// Labelled data, opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The rows to learn from and to be judged by. Named after the file or folder.
    pub dataset: Dataset,
    /// What the data are.
    pub format: Format,
    /// What the numbers of a row are called, in order: the columns of a table, but the label's;
    /// empty where they have no names.
    pub columns: Vec<String>,
    /// Where the test part comes from.
    pub test: TestPart,
    /// The rows that were left out, one entry a reason. Empty where none were.
    pub dropped: Vec<Dropped>,
}

impl Opened {
    /// The set, if no row was left out.
    ///
    /// # Errors
    ///
    /// If one was, for whoever cannot tell it.
    pub fn whole(self) -> Result<Dataset, DataError> {
        if self.dropped.is_empty() {
            return Ok(self.dataset);
        }
        let dropped = self.dropped.iter().map(ToString::to_string).collect();
        Err(OpenError::NotWhole { name: self.dataset.name, dropped }.into())
    }
}

/// The rows of one part: data to answer, or to be judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The shape of every row: `[channels, height, width]`; `[1, 1, n]` for n numbers.
    pub shape: [usize; 3],
    /// As [`Opened::columns`].
    pub columns: Vec<String>,
    /// The rows one after another: `[rows, channels, height, width]`.
    pub values: Values,
    /// The class of each row, an index into `classes`; `None` where the data hold no labels.
    pub labels: Option<Vec<u32>>,
    /// The names of the classes by label; empty without labels.
    pub classes: Vec<String>,
    /// What to call each row: the path of its image, `line 7` or `row 7`, counted from 1. `[rows]`
    pub names: Vec<String>,
    /// What the data are.
    pub format: Format,
    /// The rows that were left out, one entry a reason.
    pub dropped: Vec<Dropped>,
}

/// What data are. Shown as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// A known set, or a folder with the files of one.
    Set,
    /// Folders of images, named after their classes.
    ImageFolder,
    /// Images without labels.
    Images,
    /// Text with a row a line.
    Csv,
    /// Columns in groups of rows.
    Parquet,
    /// One array.
    Npy,
    /// Several arrays, in a `.npz` or a folder of `.npy`.
    Npz,
    /// Several arrays, in a safetensors file.
    Safetensors,
    /// Grey images as bytes.
    Idx,
    /// Colour images of fixed size.
    Cifar,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Set => "known set",
            Self::ImageFolder => "image folder",
            Self::Images => "images",
            Self::Csv => "CSV",
            Self::Parquet => "Parquet",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Safetensors => "safetensors",
            Self::Idx => "IDX",
            Self::Cifar => "CIFAR",
        })
    }
}

/// Where a test part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestPart {
    /// The data bring it, or it was given.
    Own,
    /// It was set apart: every fifth row of each class.
    HeldBack,
}

/// Rows that were left out, and why. Shown as one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// What the rows have or lack: `without a value in column 3`.
    pub why: String,
    /// How many rows.
    pub rows: u64,
    /// Where the first of them is: `line 17`, or a path.
    pub first: String,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, rows, first } = self;
        match rows {
            1 => write!(f, "1 row {why} ({first})"),
            _ => write!(f, "{rows} rows {why} (the first: {first})"),
        }
    }
}

impl Dropped {
    /// Counts a row.
    pub(crate) fn count(all: &mut Vec<Self>, why: String, place: impl FnOnce() -> String) {
        match all.iter_mut().find(|dropped| dropped.why == why) {
            Some(dropped) => dropped.rows += 1,
            None => all.push(Self { why, rows: 1, first: place() }),
        }
    }
}
