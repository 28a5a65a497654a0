//! What the header writes that JSON has no words for.
//!
//! An object with one key that begins with a single `$` is a word of ours; in all other objects
//! such a key has one `$` more, so nothing a user names can be mistaken for one.
//!
//! | word | meaning |
//! |---|---|
//! | `{"$tensor": "strategy.omega"}` | the tensor of this name |
//! | `{"$f32": "7fc00001"}`, `{"$f64": "…"}` | a float that is not finite, by its bits |
//! | `{"$some": x}` | `Some(x)`, where x alone would read as `None` or as a `$some` itself |

use serde_json::{Number, Value};

use super::error::StateError;

const TENSOR: &str = "$tensor";
const F32: &str = "$f32";
const F64: &str = "$f64";
const SOME: &str = "$some";

/// A word of ours, read.
pub(super) enum Word<'a> {
    Tensor(&'a str),
    F32(f32),
    F64(f64),
    Some(&'a Value),
}

/// The word that `value` is, if it is one.
pub(super) fn word(value: &Value) -> Result<Option<Word<'_>>, StateError> {
    let Value::Object(entries) = value else { return Ok(None) };
    let mut entries = entries.iter();
    let (Some((key, content)), None) = (entries.next(), entries.next()) else { return Ok(None) };
    if !key.starts_with('$') || key.starts_with("$$") {
        return Ok(None);
    }
    let word = match (key.as_str(), content) {
        (TENSOR, Value::String(name)) => Some(Word::Tensor(name)),
        (F32, Value::String(bits)) => {
            u32::from_str_radix(bits, 16).ok().map(|bits| Word::F32(f32::from_bits(bits)))
        }
        (F64, Value::String(bits)) => {
            u64::from_str_radix(bits, 16).ok().map(|bits| Word::F64(f64::from_bits(bits)))
        }
        (SOME, content) => Some(Word::Some(content)),
        _ => None,
    };
    match word {
        Some(word) => Ok(Some(word)),
        None => Err(StateError::unreadable(format_args!("the header's {value} has no meaning"))),
    }
}

/// Text as JSON.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

pub(super) fn tensor(name: &str) -> String {
    object(TENSOR, &text(name))
}

pub(super) fn f32(value: f32) -> String {
    // Every f32 is an f64 of the same value, except that a NaN may lose its payload.
    match Number::from_f64(f64::from(value)) {
        Some(number) => number.to_string(),
        None => object(F32, &text(&format!("{:08x}", value.to_bits()))),
    }
}

pub(super) fn f64(value: f64) -> String {
    match Number::from_f64(value) {
        Some(number) => number.to_string(),
        None => object(F64, &text(&format!("{:016x}", value.to_bits()))),
    }
}

/// `Some` of what was written as `inner`.
pub(super) fn some(inner: String) -> String {
    // No user's key begins with a single `$`, so that what begins so is the word.
    let ambiguous = inner == "null" || inner.starts_with(&format!("{{\"{SOME}\":"));
    if ambiguous { object(SOME, &inner) } else { inner }
}

/// An object of one entry, its key as it stands.
pub(super) fn object(key: &str, content: &str) -> String {
    format!("{{{}:{content}}}", text(key))
}

/// A user's key as the header writes it.
pub(super) fn escape(mut key: String) -> String {
    if key.starts_with('$') {
        key.insert(0, '$');
    }
    key
}

/// A key of the header as the user named it.
pub(super) fn unescape(key: &str) -> &str {
    if key.starts_with("$$") { &key[1..] } else { key }
}
