//! The rows of numbers that become tensors, and how serde meets them.
//!
//! A row announces itself by the name of a newtype ([`Kind::mark`]) around its elements. Our
//! serialiser knows the names and, as the only one that is not `is_human_readable` inside of
//! them, gets the elements as bytes; any other format sees a plain sequence.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::params::{Mask, Vector};

/// What a tensor's bytes are. All numbers are little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
    /// Bytes.
    U8,
    /// 32-bit unsigned integers.
    U32,
    /// 64-bit unsigned integers.
    U64,
    /// Bits, eight to a byte, the first in the lowest place; the places after the last are 0.
    Bits,
}

impl Kind {
    const ALL: [Self; 6] = [Self::F32, Self::F64, Self::U8, Self::U32, Self::U64, Self::Bits];

    /// The name of the newtype by which a row of numbers tells our serialiser what it is.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::F32 => "$perennial::f32",
            Self::F64 => "$perennial::f64",
            Self::U8 => "$perennial::u8",
            Self::U32 => "$perennial::u32",
            Self::U64 => "$perennial::u64",
            Self::Bits => "$perennial::bits",
        }
    }

    /// The kind that announces itself by this name.
    pub fn of_mark(mark: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.mark() == mark)
    }

    /// How many elements so many bytes are; of bits, a byte is one.
    pub const fn count(self, bytes: usize) -> usize {
        match self {
            Self::Bits => bytes,
            _ => bytes * 8 / self.width(),
        }
    }

    /// How many bytes a tensor of so many bytes of elements has: of bits, eight are one.
    pub const fn stored(self, bytes: usize) -> usize {
        match self {
            Self::Bits => bytes.div_ceil(8),
            _ => bytes,
        }
    }

    /// The bits that one element takes.
    pub const fn width(self) -> usize {
        match self {
            Self::Bits => 1,
            Self::U8 => 8,
            Self::F32 | Self::U32 => 32,
            Self::F64 | Self::U64 => 64,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "32-bit floats",
            Self::F64 => "64-bit floats",
            Self::U8 => "bytes",
            Self::U32 => "32-bit integers",
            Self::U64 => "64-bit integers",
            Self::Bits => "bits",
        })
    }
}

/// A number with a fixed little-endian form.
trait Element: Serialize + DeserializeOwned {
    const KIND: Kind;

    /// The numbers as bytes: where they lie, on machines that lay them out so.
    fn to_bytes(row: &[Self]) -> Cow<'_, [u8]>;

    /// The numbers in `bytes`, and whether all of its bytes were used.
    fn from_bytes(bytes: &[u8]) -> (Vec<Self>, bool);
}

macro_rules! elements {
    ($($number:ty: $kind:ident),*) => {$(
        impl Element for $number {
            const KIND: Kind = Kind::$kind;

            fn to_bytes(row: &[Self]) -> Cow<'_, [u8]> {
                if cfg!(target_endian = "little") {
                    return Cow::Borrowed(bytemuck::cast_slice(row));
                }
                let bytes: Vec<_> = row.iter().map(|number| number.to_le_bytes()).collect();
                Cow::Owned(bytes.into_flattened())
            }

            fn from_bytes(bytes: &[u8]) -> (Vec<Self>, bool) {
                let (numbers, rest) = bytes.as_chunks();
                let row = numbers.iter().map(|&number| Self::from_le_bytes(number)).collect();
                (row, rest.is_empty())
            }
        }
    )*};
}

elements!(f32: F32, f64: F64, u8: U8, u32: U32, u64: U64);

/// The elements of a row, inside the newtype.
struct Elements<'a, T>(&'a [T]);

impl<T: Element> Serialize for Elements<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(self.0);
        }
        serializer.serialize_bytes(&T::to_bytes(self.0))
    }
}

/// Reads a row as a newtype around its elements, or the elements alone.
struct Row<T>(PhantomData<T>);

impl<'de, T: Element> Visitor<'de> for Row<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {}", T::KIND)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Vec<T>, D::Error> {
        if inner.is_human_readable() {
            inner.deserialize_any(self)
        } else {
            inner.deserialize_byte_buf(self)
        }
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
        match T::from_bytes(bytes) {
            (row, true) => Ok(row),
            (_, false) => Err(E::invalid_length(bytes.len(), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Vec<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(elements))
    }
}

fn save<T: Element, S: Serializer>(kind: Kind, row: &[T], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_newtype_struct(kind.mark(), &Elements(row))
}

fn restore<'de, T: Element, D: Deserializer<'de>>(kind: Kind, d: D) -> Result<Vec<T>, D::Error> {
    d.deserialize_newtype_struct(kind.mark(), Row(PhantomData))
}

macro_rules! with_modules {
    ($($(#[$doc:meta])* $name:ident: $number:ty;)*) => {$(
        $(#[$doc])*
        pub mod $name {
            use serde::{Deserializer, Serializer};

            use super::Element;

            /// Saves the row as a tensor.
            ///
            /// # Errors
            ///
            /// What the serialiser refuses.
            pub fn serialize<S: Serializer>(row: &[$number], s: S) -> Result<S::Ok, S::Error> {
                super::save(<$number>::KIND, row, s)
            }

            /// Restores the row.
            ///
            /// # Errors
            ///
            /// Something else stands in its place.
            pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<$number>, D::Error> {
                super::restore(<$number>::KIND, d)
            }
        }
    )*};
}

with_modules! {
    /// `#[serde(with = "perennial_nn::rows::bytes")]`: a `Vec<u8>` that is saved as a tensor.
    bytes: u8;
    /// `#[serde(with = "perennial_nn::rows::u32s")]`: a `Vec<u32>` that is saved as a tensor.
    u32s: u32;
    /// `#[serde(with = "perennial_nn::rows::u64s")]`: a `Vec<u64>` that is saved as a tensor.
    u64s: u64;
    /// `#[serde(with = "perennial_nn::rows::f64s")]`: a `Vec<f64>` that is saved as a tensor.
    f64s: f64;
}

impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        save::<f32, S>(Kind::F32, self, serializer)
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        restore::<f32, D>(Kind::F32, deserializer).map(Self::from)
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        save::<u8, S>(Kind::Bits, self.bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        restore::<u8, D>(Kind::Bits, deserializer).map(Self::from_bytes)
    }
}
