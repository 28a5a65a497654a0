//! A state as bytes: safetensors, the header as one string of its metadata.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, View};
use serde_json::Value;

use super::Kind;
use super::tensor::Tensor;
use super::{State, StateError};

/// The format that this program writes and reads; a change of the layout of the bytes, of the
/// header's words or of the tensors' names makes it another.
const FORMAT: u64 = 1;

/// The entry of the metadata that holds all that is no tensor, as JSON: `bits`, the length of each
/// tensor of bits, which safetensors knows as bytes only; `format`; `header`.
const ENTRY: &str = "perennial";

impl State {
    /// The state as safetensors bytes: equal states give equal bytes. The tensors come in the
    /// order of their element's width, then of their names, each aligned to that width.
    ///
    /// # Errors
    ///
    /// A tensor whose bytes do not fit its shape; a header beyond the format's 100 MB (then a
    /// long row was not saved as a tensor).
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        Ok(self.parts()?.concat())
    }

    /// The same bytes in parts that follow each other, the tensors where they are.
    ///
    /// # Errors
    ///
    /// As [`to_bytes`](Self::to_bytes).
    pub fn parts(&self) -> Result<Vec<Cow<'_, [u8]>>, StateError> {
        let mut announced = Vec::with_capacity(self.tensors.len());
        for (name, tensor) in &self.tensors {
            tensor.check(name)?;
            announced.push((name, Announced::new(tensor.kind, &tensor.shape, tensor.bytes.len())));
        }
        let (head, order) = lay_out(&self.header.to_string(), announced)?;
        let tensors = order.into_iter().map(|name| Cow::Borrowed(&self.tensors[name].bytes[..]));
        Ok(std::iter::once(Cow::Owned(head)).chain(tensors).collect())
    }

    /// Reads what [`State::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// Bytes that are no safetensors, no state, or a state of another format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(StateError::Safetensors)?;
        let envelope = metadata.metadata().as_ref().and_then(|metadata| metadata.get(ENTRY));
        let (header, mut bits) = open(envelope.ok_or_else(|| {
            StateError::NotAState(format!("their metadata have no entry `{ENTRY}`"))
        })?)?;

        let views = SafeTensors::deserialize(bytes).map_err(StateError::Safetensors)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in views.iter() {
            let (kind, shape) = match (view.dtype(), bits.remove(name)) {
                (Dtype::U8, Some(len)) => (Kind::Bits, vec![len]),
                (Dtype::U8, None) => (Kind::U8, view.shape().to_vec()),
                (Dtype::F32, None) => (Kind::F32, view.shape().to_vec()),
                (Dtype::F64, None) => (Kind::F64, view.shape().to_vec()),
                (Dtype::U32, None) => (Kind::U32, view.shape().to_vec()),
                (Dtype::U64, None) => (Kind::U64, view.shape().to_vec()),
                (other, _) => {
                    return Err(StateError::NotAState(format!("`{name}` has the type {other}")));
                }
            };
            let tensor = Tensor { kind, shape, bytes: view.data().to_vec() };
            tensor.check(name)?;
            tensors.insert(name.to_owned(), tensor);
        }
        match bits.into_keys().next() {
            Some(name) => Err(StateError::MissingTensor { name }),
            None => Ok(Self { header, tensors }),
        }
    }
}

/// The bytes before those of the tensors, and the order in which these follow.
pub(super) fn lay_out<'a>(
    header: &str,
    mut tensors: Vec<(&'a String, Announced)>,
) -> Result<(Vec<u8>, Vec<&'a String>), StateError> {
    let bits = tensors.iter().filter_map(|(name, tensor)| Some((name.as_str(), tensor.bits?)));
    let bits: BTreeMap<&str, usize> = bits.collect();
    let bits = serde_json::to_string(&bits).map_err(StateError::unsaveable)?;
    let envelope = format!(r#"{{"bits":{bits},"format":{FORMAT},"header":{header}}}"#);
    let metadata = HashMap::from([(ENTRY.to_owned(), envelope)]);
    // The order in which safetensors lays tensors out.
    tensors.sort_by(|(a, first), (b, second)| second.dtype.cmp(&first.dtype).then(a.cmp(b)));
    let order = tensors.iter().map(|(name, _)| *name).collect();
    let head = safetensors::serialize(tensors, Some(metadata)).map_err(StateError::Safetensors)?;
    Ok((head, order))
}

/// A tensor of which the head of the bytes tells; its numbers follow from where they are.
pub(super) struct Announced {
    dtype: Dtype,
    shape: Vec<usize>,
    /// In bytes.
    len: usize,
    /// How many there are, where they are bits.
    bits: Option<usize>,
}

impl Announced {
    pub(super) fn new(kind: Kind, shape: &[usize], len: usize) -> Self {
        let dtype = match kind {
            Kind::F32 => Dtype::F32,
            Kind::F64 => Dtype::F64,
            Kind::U8 | Kind::Bits => Dtype::U8,
            Kind::U32 => Dtype::U32,
            Kind::U64 => Dtype::U64,
        };
        match kind {
            Kind::Bits => Self { dtype, shape: vec![len], len, bits: Some(shape.iter().product()) },
            _ => Self { dtype, shape: shape.to_vec(), len, bits: None },
        }
    }
}

impl View for Announced {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }

    fn data_len(&self) -> usize {
        self.len
    }
}

/// The header, and the lengths of the tensors of bits.
fn open(envelope: &str) -> Result<(Value, BTreeMap<String, usize>), StateError> {
    let broken = |error| StateError::NotAState(format!("their entry `{ENTRY}` is broken: {error}"));
    let mut envelope: BTreeMap<String, Value> = serde_json::from_str(envelope).map_err(broken)?;
    let mut take = |entry| envelope.remove(entry).unwrap_or_default();
    let found: u64 = serde_json::from_value(take("format")).map_err(broken)?;
    if found != FORMAT {
        return Err(StateError::UnknownVersion { found, supported: FORMAT });
    }
    let bits = serde_json::from_value(take("bits")).map_err(broken)?;
    Ok((take("header"), bits))
}
