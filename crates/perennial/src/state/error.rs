//! What can go wrong between a value and its saved state.

use std::fmt::Display;

use safetensors::SafeTensorError;
use serde::{de, ser};

use super::Kind;

/// Why a value cannot be saved or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The value holds something that a state cannot.
    #[error("cannot save {}: {message}", place(.path))]
    Unsaveable {
        /// The field's path; empty for the value itself.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The header holds something else than the value needs.
    #[error("cannot restore {}: {message}", place(.path))]
    Unreadable {
        /// The field's path; empty for the value itself.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The header lacks a field of the value.
    #[error("cannot restore {}: the saved state has no field `{field}`", place(.path))]
    MissingField {
        /// The path of the struct; empty for the value itself.
        path: String,
        /// The field.
        field: &'static str,
    },
    /// The header speaks of a tensor that the state does not hold.
    #[error("the saved state has no tensor `{name}`, although its header names it")]
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// A tensor holds numbers of another kind than the field.
    #[error("the tensor `{name}` holds {found}, expected {expected}")]
    WrongKind {
        /// The tensor's name.
        name: String,
        /// The kind of numbers it holds.
        found: Kind,
        /// The kind that the field holds.
        expected: Kind,
    },
    /// A tensor's bytes do not fit its shape.
    #[error(
        "the tensor `{name}` has {found} bytes, expected {expected} for {kind} of shape {shape:?}"
    )]
    WrongLength {
        /// The tensor's name.
        name: String,
        /// The kind of numbers it holds.
        kind: Kind,
        /// Its shape.
        shape: Vec<usize>,
        /// The bytes it has.
        found: usize,
        /// The bytes that its shape asks for.
        expected: u128,
    },
    /// The bytes are no safetensors, or too many tensors for its header.
    #[error("the state is not in the safetensors format: {0}")]
    Safetensors(SafeTensorError),
    /// The bytes are safetensors, but no state.
    #[error("the safetensors hold no saved state: {0}")]
    NotAState(String),
    /// The bytes are a state of a format that this program does not know.
    #[error(
        "the saved state has format {found}, this program reads format {supported}: use the version of the program that wrote it"
    )]
    UnknownVersion {
        /// The format of the bytes.
        found: u64,
        /// The format that this program reads.
        supported: u64,
    },
}

/// How a sentence speaks of a path.
fn place(path: &str) -> String {
    if path.is_empty() { "the value".to_owned() } else { format!("`{path}`") }
}

impl StateError {
    pub(super) fn unsaveable(message: impl Display) -> Self {
        Self::Unsaveable { path: String::new(), message: message.to_string() }
    }

    pub(super) fn unreadable(message: impl Display) -> Self {
        Self::Unreadable { path: String::new(), message: message.to_string() }
    }

    /// The same error, seen from one level further out: serde makes errors without a place,
    /// which they collect on their way up.
    pub(super) fn within(mut self, part: &str) -> Self {
        if let Self::Unsaveable { path, .. }
        | Self::Unreadable { path, .. }
        | Self::MissingField { path, .. } = &mut self
        {
            if path.is_empty() {
                part.clone_into(path);
            } else {
                path.insert(0, '.');
                path.insert_str(0, part);
            }
        }
        self
    }
}

impl ser::Error for StateError {
    fn custom<T: Display>(message: T) -> Self {
        Self::unsaveable(message)
    }
}

impl de::Error for StateError {
    fn custom<T: Display>(message: T) -> Self {
        Self::unreadable(message)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField { path: String::new(), field }
    }
}
