//! What can go wrong with a learner on disk.

use std::path::{Path, PathBuf};

use crate::data::few;
use crate::learner::LearnError;
use crate::network::NetworkError;
use crate::scenario::ScenarioError;
use crate::state::{FileError, FileErrorKind, LockError, StateError};

/// Why something cannot be done with a learner; HEAD is then where it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The path holds no learner.
    #[error("{} is no learner: {what}", .path.display())]
    NotALearner {
        /// The path.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// A new learner cannot be where something else is.
    #[error("cannot make a learner in {}: {what}", .path.display())]
    Occupied {
        /// The path.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        what: String,
    },
    /// Something that the learner does not have.
    #[error("the learner has no {what} `{name}`; it has {}", few(.known))]
    Unknown {
        /// `version`, `tag`, `task`, `class`.
        what: &'static str,
        /// Its name or number.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Something that cannot be asked for; the sentence says why and what to do.
    #[error("{0}")]
    Cannot(String),
    /// Data that the learner cannot take; the sentence says what was found and expected.
    #[error("{0}")]
    Data(String),
    /// A file could not be written or read.
    #[error(transparent)]
    File(FileError),
    /// Another process works in the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A saved value does not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// Training failed.
    #[error(transparent)]
    Learn(LearnError),
}

impl StoreError {
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    /// Of a file that is part of a learner: where it is missing, the learner is damaged.
    pub(super) fn of_part(error: FileError) -> Self {
        match error {
            FileError::Missing { path } => Self::damaged(&path, "it is missing"),
            FileError::Damaged { path, what } => Self::Damaged { path, what },
            FileError::OtherKind { path, found, expected } => {
                Self::Damaged { path, what: format!("it holds a `{found}`, not a `{expected}`") }
            }
            other => Self::File(other),
        }
    }

    /// Whether a read met a file that is not, or no longer, as a version needs it.
    pub(super) fn is_of_a_version(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Unknown { .. })
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        match error.kind() {
            FileErrorKind::Damaged => Self::of_part(error),
            _ => Self::File(error),
        }
    }
}

impl From<LearnError> for StoreError {
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::Watch(error) => match error.downcast::<FileError>() {
                Ok(error) => Self::File(*error),
                Err(error) => Self::Learn(LearnError::Watch(error)),
            },
            other => Self::Learn(other),
        }
    }
}

impl From<NetworkError> for StoreError {
    fn from(error: NetworkError) -> Self {
        Self::Learn(error.into())
    }
}

impl From<ScenarioError> for StoreError {
    fn from(error: ScenarioError) -> Self {
        Self::Learn(error.into())
    }
}
