//! A state's bytes without a copy of what is long in them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Kind;
use super::StateError;
use super::format::{Announced, lay_out};
use super::ser::{visit, walk};
use super::tensor::{Tensor, fits};

/// Tensors of so many bytes are lent, not copied.
const LARGE: usize = 1 << 18;
/// So many of them, the largest; a walk within a walk for each.
const MOST: usize = 16;

/// Calls `to` with what [`State::to_bytes`](super::State::to_bytes) makes of the value, in parts
/// that follow each other. The longest rows of numbers are lent from where the value has them: a
/// memory of samples is the largest thing a learner has, and need not be there twice to be saved.
///
/// # Errors
///
/// As [`to_state`](super::to_state) and [`State::to_bytes`](super::State::to_bytes).
pub fn lend<T: Serialize + ?Sized, R>(
    value: &T,
    to: impl FnOnce(&[&[u8]]) -> R,
) -> Result<R, StateError> {
    let mut sizes = Vec::new();
    visit(value, &mut |name, kind, elements| {
        if kind != Kind::Bits && elements.len() >= LARGE {
            sizes.push((Reverse(elements.len()), name.to_owned()));
        }
        Ok(())
    })?;
    sizes.sort();
    let large: Vec<String> = sizes.into_iter().take(MOST).map(|(_, name)| name).collect();
    let (mut copied, mut announced) = (BTreeMap::new(), Vec::new());
    let header = walk(value, &mut |name, kind, elements| {
        let (shape, len) = ([kind.count(elements.len())], kind.stored(elements.len()));
        fits(name, kind, &shape, len)?;
        announced.push((name.to_owned(), Announced::new(kind, &shape, len)));
        if !large.iter().any(|large| large == name) {
            copied.insert(name.to_owned(), Tensor::from_elements(kind, elements)?.bytes);
        }
        Ok(())
    })?;
    let (names, announced): (Vec<String>, Vec<Announced>) = announced.into_iter().unzip();
    let (head, order) = lay_out(&header, names.iter().zip(announced).collect())?;
    let (mut to, mut result) = (Some(to), None);
    within(value, &large, &[], &mut |lent| {
        let tensor = |name: &&String| match large.iter().position(|large| large == *name) {
            Some(at) => lent[at],
            None => &copied[*name][..],
        };
        let parts: Vec<&[u8]> =
            std::iter::once(&head[..]).chain(order.iter().map(tensor)).collect();
        result = to.take().map(|to| to(&parts));
    })?;
    result.ok_or_else(|| StateError::unsaveable("it does not serialise to the same rows each time"))
}

/// Calls `to` where the rows of all these names are at hand: each within the walk that meets it.
fn within<T: Serialize + ?Sized>(
    value: &T,
    names: &[String],
    lent: &[&[u8]],
    to: &mut dyn FnMut(&[&[u8]]),
) -> Result<(), StateError> {
    let Some((name, names)) = names.split_first() else {
        to(lent);
        return Ok(());
    };
    visit(value, &mut |found, _, elements| match found == name {
        true => within(value, names, &[lent, &[elements]].concat(), to),
        false => Ok(()),
    })
}

/// How many bytes a value's tensors have in its state.
///
/// # Errors
///
/// As [`to_state`](super::to_state).
pub(crate) fn tensor_bytes<T: Serialize + ?Sized>(value: &T) -> Result<usize, StateError> {
    let mut sum = 0;
    visit(value, &mut |_, kind, elements| {
        sum += kind.stored(elements.len());
        Ok(())
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::super::to_state;
    use super::*;
    use crate::{Mask, Vector};

    /// Rows of every sort: long ones of several lengths, more than are lent, and short ones.
    #[derive(Serialize)]
    struct Rows {
        masks: Vec<Mask>,
        rows: Vec<Vector>,
        #[serde(with = "crate::state::bytes")]
        pixels: Vec<u8>,
        #[serde(with = "crate::state::u64s")]
        ids: Vec<u64>,
        number: f64,
    }

    /// Catches: a row lent under another's name, one that is left out, bits that are not packed.
    #[test]
    fn what_is_lent_is_what_a_state_has() {
        let row =
            |len: usize, first: usize| (first..first + len).map(|i| i as f32).collect::<Vec<_>>();
        let row = |i: usize| Vector::from(row(LARGE / 4 - 1 + i, i));
        let value = Rows {
            masks: vec![Mask::filled(LARGE + 3, true), Mask::filled(5, false)],
            rows: (0..MOST + 3).map(row).collect(),
            pixels: (0..2 * LARGE).map(|i| i as u8).collect(),
            ids: (0..7).collect(),
            number: -0.0,
        };
        let state = to_state(&value).unwrap();
        let first = value.rows[MOST].as_ptr().cast::<u8>();
        lend(&value, |parts| {
            assert_eq!(parts.concat(), state.to_bytes().unwrap());
            assert!(parts.iter().any(|part| part.as_ptr() == first), "the rows were copied");
        })
        .unwrap();
        let bytes: usize = state.tensors.values().map(|tensor| tensor.bytes.len()).sum();
        assert_eq!(tensor_bytes(&value).unwrap(), bytes);
        let nothing = to_state(&7).unwrap().to_bytes().unwrap();
        assert_eq!(lend(&7, |parts| parts.concat()).unwrap(), nothing);
    }
}
