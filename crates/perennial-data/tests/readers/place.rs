//! A folder of files to be read, and what is said of them.

use std::path::PathBuf;

use perennial_data::{Opened, ReadOptions, open};
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
