//! From a state back to the value: a serde deserialiser over the header that fetches tensors.

use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer, BytesDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Value, map};

use super::Kind;
use super::State;
use super::error::StateError;
use super::header::{Word, unescape, word};
use super::keys::KeyReader;
use super::tensor::Tensor;

pub(super) fn from_state<T: DeserializeOwned>(state: &State) -> Result<T, StateError> {
    T::deserialize(Reader { node: &state.header, state })
}

/// Reads one node of the header.
#[derive(Clone, Copy)]
struct Reader<'de> {
    node: &'de Value,
    state: &'de State,
}

impl<'de> Reader<'de> {
    fn at(self, node: &'de Value) -> Self {
        Self { node, ..self }
    }

    fn tensor(self, name: &str) -> Result<&'de Tensor, StateError> {
        let missing = || StateError::MissingTensor { name: name.to_owned() };
        let tensor = self.state.tensors.get(name).ok_or_else(missing)?;
        tensor.check(name)?;
        Ok(tensor)
    }

    fn array<V: Visitor<'de>>(
        self,
        items: &'de [Value],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        let mut access = Items { reader: self, items: items.iter(), index: 0 };
        let value = visitor.visit_seq(&mut access)?;
        if access.index == items.len() {
            return Ok(value);
        }
        let expected = format!("{} elements", access.index);
        Err(StateError::invalid_length(items.len(), &expected.as_str()))
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = StateError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        match (word(self.node)?, self.node) {
            (Some(Word::Tensor(name)), _) => {
                let tensor = self.tensor(name)?;
                match tensor.kind {
                    Kind::Bits => visitor.visit_bytes(&tensor.elements()),
                    _ => visitor.visit_borrowed_bytes(&tensor.bytes),
                }
            }
            (Some(Word::F32(value)), _) => visitor.visit_f32(value),
            (Some(Word::F64(value)), _) => visitor.visit_f64(value),
            (Some(Word::Some(inner)), _) => visitor.visit_some(self.at(inner)),
            (None, Value::Null) => visitor.visit_unit(),
            (None, &Value::Bool(value)) => visitor.visit_bool(value),
            (None, Value::Number(_)) => {
                self.node.deserialize_any(visitor).map_err(StateError::unreadable)
            }
            (None, Value::String(text)) => visitor.visit_borrowed_str(text),
            (None, Value::Array(items)) => self.array(items, visitor),
            (None, Value::Object(fields)) => {
                visitor.visit_map(Fields { reader: self, fields: fields.iter(), value: None })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        match (word(self.node)?, self.node) {
            (Some(Word::Some(inner)), _) => visitor.visit_some(self.at(inner)),
            (None, Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        let Some(expected) = Kind::of_mark(name) else { return visitor.visit_newtype_struct(self) };
        let Some(Word::Tensor(name)) = word(self.node)? else {
            return visitor.visit_newtype_struct(self);
        };
        let tensor = self.tensor(name)?;
        if tensor.kind != expected {
            let (name, found) = (name.to_owned(), tensor.kind);
            return Err(StateError::WrongKind { name, found, expected });
        }
        match expected {
            Kind::Bits => visitor.visit_newtype_struct(BytesDeserializer::new(&tensor.elements())),
            _ => visitor.visit_newtype_struct(BorrowedBytesDeserializer::new(&tensor.bytes)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        if let Value::String(variant) = self.node {
            return visitor.visit_enum(BorrowedStrDeserializer::new(variant));
        }
        if let (None, Value::Object(entries)) = (word(self.node)?, self.node)
            && let Some((variant, node)) = entries.iter().next()
            && entries.len() == 1
        {
            let variant = unescape(variant);
            return visitor.visit_enum(Variant { variant, content: self.at(node) });
        }
        Err(StateError::unreadable(format_args!(
            "expected a variant of `{name}`: its name, or an object of its name and content"
        )))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The elements of an array.
struct Items<'de> {
    reader: Reader<'de>,
    items: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = StateError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, StateError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        let item = seed.deserialize(self.reader.at(item));
        item.map(Some).map_err(|error| error.within(&index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of an object.
struct Fields<'de> {
    reader: Reader<'de>,
    fields: map::Iter<'de>,
    /// The entry whose value comes next.
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = StateError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, StateError> {
        let Some((key, value)) = self.fields.next() else { return Ok(None) };
        let key = unescape(key);
        self.value = Some((key, value));
        seed.deserialize(KeyReader(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, StateError> {
        let Some((key, value)) = self.value.take() else {
            return Err(StateError::unreadable("a map is asked for a value before its key"));
        };
        seed.deserialize(self.reader.at(value)).map_err(|error| error.within(key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

/// A variant of an enum with content.
struct Variant<'de> {
    variant: &'de str,
    content: Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = StateError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), StateError> {
        let variant: BorrowedStrDeserializer<'de, StateError> =
            BorrowedStrDeserializer::new(self.variant);
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = StateError;

    fn unit_variant(self) -> Result<(), StateError> {
        Err(StateError::unreadable(format_args!("the variant `{}` has no content", self.variant)))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, StateError> {
        seed.deserialize(self.content).map_err(|error| error.within(self.variant))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        self.content.deserialize_any(visitor).map_err(|error| error.within(self.variant))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        self.content.deserialize_any(visitor).map_err(|error| error.within(self.variant))
    }
}
