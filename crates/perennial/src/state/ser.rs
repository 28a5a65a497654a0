//! From a value to its state: a serde serialiser that makes the header and sets tensors aside.

use std::collections::BTreeMap;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::Kind;
use super::State;
use super::error::StateError;
use super::header;
use super::keys::KeyWriter;
use super::tensor::Tensor;

/// How many fields within fields are saved. A level makes at most two of JSON, and JSON readers
/// stop at 128.
const MAX_DEPTH: usize = 60;

const NULL: &str = "null";

pub(super) fn to_state<T: Serialize + ?Sized>(value: &T) -> Result<State, StateError> {
    let mut tensors = BTreeMap::new();
    let header = walk(value, &mut |name, kind, elements| {
        tensors.insert(name.to_owned(), Tensor::from_elements(kind, elements)?);
        Ok(())
    })?;
    let header = serde_json::from_str(&header).map_err(StateError::unsaveable)?;
    Ok(State { header, tensors })
}

/// What is done with a tensor: its name, and its elements as [`Tensor::from_elements`] takes them.
pub(super) type Take<'t> = dyn FnMut(&str, Kind, &[u8]) -> Result<(), StateError> + 't;

/// Hands over a value's tensors, one after another, and says its header as JSON: text all the way,
/// for of a thousand tasks a tree of values is ten times as large.
pub(super) fn walk<T: Serialize + ?Sized>(
    value: &T,
    take: &mut Take<'_>,
) -> Result<String, StateError> {
    let mut sink = Sink { take, collects: true, name: String::new(), depth: 0 };
    value.serialize(Writer { sink: &mut sink, kind: None })
}

/// Hands over a value's tensors alone.
pub(super) fn visit<T: Serialize + ?Sized>(
    value: &T,
    take: &mut Take<'_>,
) -> Result<(), StateError> {
    let mut sink = Sink { take, collects: false, name: String::new(), depth: 0 };
    value.serialize(Writer { sink: &mut sink, kind: None })?;
    Ok(())
}

/// What the whole walk shares.
struct Sink<'s> {
    take: &'s mut Take<'s>,
    /// Whether a header is made: it may be as large as what walks within walks are to save.
    collects: bool,
    /// The name of the field we are in, with a `.` before each part.
    name: String,
    depth: usize,
}

impl Sink<'_> {
    /// Writes what lies one level deeper.
    fn deeper<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<String, StateError> {
        if self.depth == MAX_DEPTH {
            return Err(StateError::unsaveable(format_args!(
                "it lies deeper than {MAX_DEPTH} fields within fields"
            )));
        }
        self.depth += 1;
        let written = value.serialize(Writer { sink: self, kind: None })?;
        self.depth -= 1;
        Ok(written)
    }

    /// Writes a field.
    fn field<T: Serialize + ?Sized>(
        &mut self,
        part: &str,
        value: &T,
    ) -> Result<String, StateError> {
        let outside = self.enter(part);
        let written = self.deeper(value).map_err(|error| error.within(part))?;
        self.leave(outside);
        Ok(if self.collects { written } else { String::new() })
    }

    fn enter(&mut self, part: &str) -> usize {
        let outside = self.name.len();
        self.name.push('.');
        for letter in part.chars() {
            if matches!(letter, '.' | '\\') {
                self.name.push('\\');
            }
            self.name.push(letter);
        }
        outside
    }

    fn leave(&mut self, outside: usize) {
        self.name.truncate(outside);
    }

    fn tensor(&mut self, kind: Kind, elements: &[u8]) -> Result<String, StateError> {
        let name = match self.name.strip_prefix('.') {
            None => "value", // no field: the whole value is a tensor
            // Safetensors keeps this name for itself; no part of ours has a `\` before a `_`.
            Some("__metadata__") => "\\__metadata__",
            Some(name) => name,
        };
        (self.take)(name, kind, elements)?;
        Ok(header::tensor(name))
    }
}

/// Writes one value; as elements of a tensor of `kind`, if there is one.
struct Writer<'a, 's> {
    sink: &'a mut Sink<'s>,
    kind: Option<Kind>,
}

macro_rules! plain {
    ($($method:ident: $type:ty => $into:expr,)*) => {$(
        fn $method(self, value: $type) -> Result<String, StateError> {
            Ok($into(value))
        }
    )*};
}

impl<'a, 's> Serializer for Writer<'a, 's> {
    type Ok = String;
    type Error = StateError;
    type SerializeSeq = Items<'a, 's>;
    type SerializeTuple = Items<'a, 's>;
    type SerializeTupleStruct = Items<'a, 's>;
    type SerializeTupleVariant = Items<'a, 's>;
    type SerializeMap = Fields<'a, 's>;
    type SerializeStruct = Fields<'a, 's>;
    type SerializeStructVariant = Fields<'a, 's>;

    plain! {
        serialize_bool: bool => |value: bool| value.to_string(),
        serialize_i8: i8 => |value: i8| value.to_string(),
        serialize_i16: i16 => |value: i16| value.to_string(),
        serialize_i32: i32 => |value: i32| value.to_string(),
        serialize_i64: i64 => |value: i64| value.to_string(),
        serialize_u8: u8 => |value: u8| value.to_string(),
        serialize_u16: u16 => |value: u16| value.to_string(),
        serialize_u32: u32 => |value: u32| value.to_string(),
        serialize_u64: u64 => |value: u64| value.to_string(),
        serialize_f32: f32 => header::f32,
        serialize_f64: f64 => header::f64,
        serialize_char: char => |letter: char| header::text(&letter.to_string()),
        serialize_str: &str => header::text,
        serialize_unit_struct: &'static str => |_| NULL.to_owned(),
    }

    /// A row of numbers asks this to know whether to hand over its elements as bytes.
    fn is_human_readable(&self) -> bool {
        self.kind.is_none()
    }

    fn serialize_i128(self, value: i128) -> Result<String, StateError> {
        Err(too_wide(value))
    }

    fn serialize_u128(self, value: u128) -> Result<String, StateError> {
        Err(too_wide(value))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<String, StateError> {
        self.sink.tensor(self.kind.unwrap_or(Kind::U8), bytes)
    }

    fn serialize_none(self) -> Result<String, StateError> {
        Ok(NULL.to_owned())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, StateError> {
        self.sink.deeper(value).map(header::some)
    }

    fn serialize_unit(self) -> Result<String, StateError> {
        Ok(NULL.to_owned())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<String, StateError> {
        Ok(header::text(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<String, StateError> {
        value.serialize(Writer { kind: Kind::of_mark(name), ..self })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<String, StateError> {
        let content = self.sink.field(variant, value)?;
        Ok(header::object(&header::escape(variant.to_owned()), &content))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Items<'a, 's>, StateError> {
        Ok(Items::new(self.sink, None))
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'a, 's>, StateError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Items<'a, 's>, StateError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Items<'a, 's>, StateError> {
        Ok(Items::new(self.sink, Some(variant)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Fields<'a, 's>, StateError> {
        Ok(Fields::new(self.sink, None))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Fields<'a, 's>, StateError> {
        Ok(Fields::new(self.sink, None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Fields<'a, 's>, StateError> {
        Ok(Fields::new(self.sink, Some(variant)))
    }
}

fn too_wide(value: impl std::fmt::Display) -> StateError {
    StateError::unsaveable(format_args!(
        "{value} is a 128-bit integer, and the header holds at most 64 bits: save it as text or as two halves"
    ))
}

/// What surrounds a sequence or a struct: the walk, and the variant of an enum that it is.
struct Around<'a, 's> {
    sink: &'a mut Sink<'s>,
    variant: Option<&'static str>,
    outside: usize,
}

impl<'a, 's> Around<'a, 's> {
    fn new(sink: &'a mut Sink<'s>, variant: Option<&'static str>) -> Self {
        let outside = match variant {
            Some(variant) => sink.enter(variant),
            None => sink.name.len(),
        };
        Self { sink, variant, outside }
    }

    fn field<T: Serialize + ?Sized>(
        &mut self,
        part: &str,
        value: &T,
    ) -> Result<String, StateError> {
        self.sink.field(part, value).map_err(|error| match self.variant {
            Some(variant) => error.within(variant),
            None => error,
        })
    }

    fn close(self, content: String) -> String {
        self.sink.leave(self.outside);
        match self.variant {
            Some(variant) => header::object(&header::escape(variant.to_owned()), &content),
            None => content,
        }
    }
}

/// A sequence or tuple under way.
struct Items<'a, 's> {
    around: Around<'a, 's>,
    /// JSON that is not closed yet.
    items: String,
    count: usize,
}

impl<'a, 's> Items<'a, 's> {
    fn new(sink: &'a mut Sink<'s>, variant: Option<&'static str>) -> Self {
        Self { around: Around::new(sink, variant), items: "[".to_owned(), count: 0 }
    }

    fn add<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), StateError> {
        let item = self.around.field(&self.count.to_string(), item)?;
        if self.count > 0 {
            self.items.push(',');
        }
        self.items.push_str(&item);
        self.count += 1;
        Ok(())
    }

    fn finish(self) -> Result<String, StateError> {
        Ok(self.around.close(self.items + "]"))
    }
}

macro_rules! items {
    ($($trait:ident: $add:ident,)*) => {$(
        impl $trait for Items<'_, '_> {
            type Ok = String;
            type Error = StateError;

            fn $add<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), StateError> {
                self.add(item)
            }

            fn end(self) -> Result<String, StateError> {
                self.finish()
            }
        }
    )*};
}

items! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// A map or struct under way.
struct Fields<'a, 's> {
    around: Around<'a, 's>,
    /// JSON by name: equal values have equal headers, in whatever order a map hands over.
    fields: BTreeMap<String, String>,
    /// The key whose value comes next.
    key: Option<String>,
}

impl<'a, 's> Fields<'a, 's> {
    fn new(sink: &'a mut Sink<'s>, variant: Option<&'static str>) -> Self {
        Self { around: Around::new(sink, variant), fields: BTreeMap::new(), key: None }
    }

    fn add<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), StateError> {
        let value = self.around.field(key, value)?;
        match self.fields.insert(header::escape(key.to_owned()), value) {
            None => Ok(()),
            Some(_) => Err(StateError::unsaveable(format_args!("it has two entries `{key}`"))),
        }
    }

    fn finish(self) -> Result<String, StateError> {
        let sizes = self.fields.iter().map(|(key, value)| key.len() + value.len());
        let marks = 4 * self.fields.len() + 2; // quotes, colons, commas and braces
        let mut object = String::with_capacity(sizes.sum::<usize>() + marks);
        object.push('{');
        for (key, value) in self.fields {
            if object.len() > 1 {
                object.push(',');
            }
            object += &header::text(&key);
            object.push(':');
            object += &value; // which ends here: of a large header there are two copies
        }
        object.push('}');
        Ok(self.around.close(object))
    }
}

macro_rules! fields {
    ($($trait:ident,)*) => {$(
        impl $trait for Fields<'_, '_> {
            type Ok = String;
            type Error = StateError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), StateError> {
                self.add(key, value)
            }

            fn end(self) -> Result<String, StateError> {
                self.finish()
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant,);

impl SerializeMap for Fields<'_, '_> {
    type Ok = String;
    type Error = StateError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), StateError> {
        self.key = Some(key.serialize(KeyWriter)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        match self.key.take() {
            Some(key) => self.add(&key, value),
            None => Err(StateError::unsaveable("a map hands over a value before its key")),
        }
    }

    fn end(self) -> Result<String, StateError> {
        self.finish()
    }
}
