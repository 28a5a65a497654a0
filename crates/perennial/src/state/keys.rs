//! The keys of maps: strings in the header, whatever they are in the value.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Impossible, Serialize, Serializer};

use super::error::StateError;

/// Writes a key: strings, integers, characters, truth values, unit variants and newtypes of them.
pub(super) struct KeyWriter;

macro_rules! written {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, key: $type) -> Result<String, StateError> {
            Ok(key.to_string())
        }
    )*};
}

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $result:ty = $what:literal,)*) => {$(
        fn $method(self $(, _: $type)*) -> Result<$result, StateError> {
            Err(refusal($what))
        }
    )*};
}

fn refusal(what: &str) -> StateError {
    StateError::unsaveable(format_args!(
        "a key of a map is {what}, expected a string, an integer of at most 64 bits, a character, a truth value or a unit variant"
    ))
}

impl Serializer for KeyWriter {
    type Ok = String;
    type Error = StateError;
    type SerializeSeq = Impossible<String, StateError>;
    type SerializeTuple = Impossible<String, StateError>;
    type SerializeTupleStruct = Impossible<String, StateError>;
    type SerializeTupleVariant = Impossible<String, StateError>;
    type SerializeMap = Impossible<String, StateError>;
    type SerializeStruct = Impossible<String, StateError>;
    type SerializeStructVariant = Impossible<String, StateError>;

    written! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_char: char,
        serialize_str: &str,
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<String, StateError> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        key: &T,
    ) -> Result<String, StateError> {
        key.serialize(self)
    }

    refused! {
        serialize_i128(i128) -> String = "a 128-bit integer",
        serialize_u128(u128) -> String = "a 128-bit integer",
        serialize_f32(f32) -> String = "a float",
        serialize_f64(f64) -> String = "a float",
        serialize_bytes(&[u8]) -> String = "a row of bytes",
        serialize_none() -> String = "an option",
        serialize_unit() -> String = "a unit",
        serialize_unit_struct(&'static str) -> String = "a unit",
        serialize_seq(Option<usize>) -> Self::SerializeSeq = "a sequence",
        serialize_tuple(usize) -> Self::SerializeTuple = "a tuple",
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct = "a tuple",
        serialize_tuple_variant(&'static str, u32, &'static str, usize)
            -> Self::SerializeTupleVariant = "a variant with content",
        serialize_map(Option<usize>) -> Self::SerializeMap = "a map",
        serialize_struct(&'static str, usize) -> Self::SerializeStruct = "a struct",
        serialize_struct_variant(&'static str, u32, &'static str, usize)
            -> Self::SerializeStructVariant = "a variant with content",
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _key: &T) -> Result<String, StateError> {
        Err(refusal("an option"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _content: &T,
    ) -> Result<String, StateError> {
        Err(refusal("a variant with content"))
    }
}

/// Reads a key as the type that asks for it.
pub(super) struct KeyReader<'de>(pub(super) &'de str);

macro_rules! parsed {
    ($($method:ident: $type:ty => $visit:ident, $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
            let key: $type = self.0.parse().map_err(|_| {
                StateError::unreadable(format_args!(
                    "the key `{}` of a map is not {}", self.0, $what
                ))
            })?;
            visitor.$visit(key)
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = StateError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        visitor.visit_borrowed_str(self.0)
    }

    parsed! {
        deserialize_bool: bool => visit_bool, "a truth value";
        deserialize_i8: i64 => visit_i64, "an integer";
        deserialize_i16: i64 => visit_i64, "an integer";
        deserialize_i32: i64 => visit_i64, "an integer";
        deserialize_i64: i64 => visit_i64, "an integer";
        deserialize_u8: u64 => visit_u64, "a natural number";
        deserialize_u16: u64 => visit_u64, "a natural number";
        deserialize_u32: u64 => visit_u64, "a natural number";
        deserialize_u64: u64 => visit_u64, "a natural number";
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
