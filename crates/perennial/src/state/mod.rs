//! Saved state: any serialisable value as named tensors and one JSON header, and the file that
//! keeps it.
//!
//! [`to_state`] walks a value by serde. [`Vector`](crate::Vector), [`Mask`](crate::Mask) and the
//! fields that ask for it by `#[serde(with = …)]` ([`bytes`], [`u32s`], [`u64s`], [`f64s`])
//! become tensors, named by their path (`strategy.omega`, `anchors.0.fisher`); everything else
//! goes into the header. [`from_state`] is the way back, bit for bit: every integer up to 64
//! bits, every float with its sign and the payload of its NaN.
//!
//! ```
//! use perennial::Vector;
//! use perennial::state::{State, from_state, to_state};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Debug, PartialEq)]
//! struct Quadratic {
//!     lambda: f64,
//!     #[serde(with = "perennial::state::u32s")]
//!     seen: Vec<u32>,
//!     omega: Vector, // [θ]
//! }
//!
//! let saved = Quadratic { lambda: -0.0, seen: vec![7], omega: Vector::from(vec![1.0, f32::INFINITY]) };
//! let bytes = to_state(&saved)?.to_bytes()?;
//! let state = State::from_bytes(&bytes)?;
//! assert!(state.tensors.keys().eq(["omega", "seen"]));
//! assert_eq!(from_state::<Quadratic>(&state)?, saved);
//! # Ok::<(), perennial::state::StateError>(())
//! ```
//!
//! The same types serialise with any other format as plain sequences of numbers.
//!
//! A state is deterministic: equal values give equal bytes, whatever the order in which a
//! `HashMap` hands out its entries (a `HashSet` is written as a sequence, in its own order: take
//! a `BTreeSet`). [`write_sealed`] and [`read_sealed`] put the bytes into a file that is either
//! whole, or known to be damaged.

mod de;
mod error;
mod file;
mod files;
mod format;
mod header;
mod keys;
mod lent;
mod lock;
mod ser;
mod tensor;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use error::StateError;
pub use file::{FileError, FileErrorKind, read_sealed, write_atomic, write_sealed};
pub(crate) use file::{TEMPORARY, place, write_parts, write_sealed_by};
pub use files::{Files, System};
pub use lent::lend;
pub(crate) use lent::tensor_bytes;
pub use lock::{Holder, Lock, LockError};
pub use perennial_nn::rows::{Kind, bytes, f64s, u32s, u64s};
pub use tensor::Tensor;

/// A saved value: its long rows of numbers as tensors, the rest as a JSON header.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Everything that is no tensor; where one belongs stands `{"$tensor": "its.name"}`.
    pub header: Value,
    /// The tensors by name. A name is the path of the field, its parts joined by `.`; a `.` or
    /// `\` within a part has a `\` before it.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Takes a value apart into a [`State`].
///
/// # Errors
///
/// A value that JSON cannot hold: 128-bit integers, map keys that are no strings, integers,
/// characters, truth values or unit variants, two entries of one name, nesting deeper than 60;
/// and whatever the value's own `Serialize` refuses.
pub fn to_state<T: Serialize + ?Sized>(value: &T) -> Result<State, StateError> {
    ser::to_state(value)
}

/// Puts a value together again from its [`State`].
///
/// # Errors
///
/// A field or tensor that is missing, of another type or length, or that the value's own
/// `Deserialize` refuses; the sentence names its path.
pub fn from_state<T: DeserializeOwned>(state: &State) -> Result<T, StateError> {
    de::from_state(state)
}

/// What can be saved, as a trait that objects can have: every `Serialize` value.
pub trait SaveState {
    /// The value's [`State`], as [`to_state`] makes it.
    ///
    /// # Errors
    ///
    /// As [`to_state`].
    fn save_state(&self) -> Result<State, StateError>;
}

impl<T: Serialize + ?Sized> SaveState for T {
    fn save_state(&self) -> Result<State, StateError> {
        to_state(self)
    }
}
