//! A folder of files to be read, and what is said of them.

use std::path::PathBuf;

use perennial_data::{InputSpec, Opened, ReadOptions, Rows, open, read};
use tempfile::TempDir;

use crate::files::put;

/// A folder of files, by name and content.
pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(TempDir::new().unwrap());
        files.iter().for_each(|(name, text)| put(place.0.path(), name, text.as_bytes()));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn open(&self, name: &str) -> Opened {
        open(&self.path(name), &ReadOptions::default(), None).unwrap()
    }

    pub(crate) fn refused(&self, name: &str, how: &ReadOptions) -> String {
        open(&self.path(name), how, None).unwrap_err().to_string()
    }
}

pub(crate) fn notes(opened: &Opened) -> String {
    opened.understanding.notes.join("; ")
}

pub(crate) fn with(place: &Place, name: &str, how: &ReadOptions) -> Opened {
    open(&place.path(name), how, None).unwrap()
}

pub(crate) fn later(
    place: &Place,
    name: &str,
    how: &ReadOptions,
    known: &InputSpec,
) -> Result<Rows, String> {
    read(&place.path(name), how, Some(known)).map_err(|error| error.to_string())
}

pub(crate) fn classes(rows: &Rows) -> Vec<&str> {
    let labels = rows.labels.as_ref().unwrap();
    labels.iter().map(|&label| rows.classes[label as usize].as_str()).collect()
}

pub(crate) fn label(name: &str) -> ReadOptions {
    ReadOptions { label: Some(name.into()), ..ReadOptions::default() }
}
