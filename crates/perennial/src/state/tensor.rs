//! One tensor of a state: a long row of numbers, as bytes.

use std::borrow::Cow;

use perennial_nn::rows::Kind;

use super::error::StateError;

/// A row of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// What the bytes are.
    pub kind: Kind,
    /// The number of elements along each dimension; our own have one.
    pub shape: Vec<usize>,
    /// The elements, the last dimension running fastest.
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// A tensor of one dimension from its elements: little-endian bytes or, for bits, a byte
    /// of 0 or 1 each.
    pub(super) fn from_elements(kind: Kind, elements: &[u8]) -> Result<Self, StateError> {
        let bytes = match kind {
            Kind::Bits => pack(elements)?,
            _ => elements.to_vec(),
        };
        Ok(Self { kind, shape: vec![kind.count(elements.len())], bytes })
    }

    /// The inverse of [`Tensor::from_elements`].
    pub(super) fn elements(&self) -> Cow<'_, [u8]> {
        match self.kind {
            Kind::Bits => Cow::Owned(unpack(&self.bytes, self.shape.iter().product())),
            _ => Cow::Borrowed(&self.bytes),
        }
    }

    /// Refuses bytes that do not fit the shape.
    pub(super) fn check(&self, name: &str) -> Result<(), StateError> {
        fits(name, self.kind, &self.shape, self.bytes.len())
    }
}

/// Refuses a number of bytes that does not fit the shape.
pub(super) fn fits(
    name: &str,
    kind: Kind,
    shape: &[usize],
    found: usize,
) -> Result<(), StateError> {
    let width = kind.width() as u128;
    let bits = shape.iter().try_fold(width, |product, &len| product.checked_mul(len as u128));
    let expected = bits.map_or(u128::MAX, |bits| bits.div_ceil(8));
    if expected == found as u128 {
        return Ok(());
    }
    let (name, shape) = (name.to_owned(), shape.to_vec());
    Err(StateError::WrongLength { name, kind, shape, found, expected })
}

fn pack(elements: &[u8]) -> Result<Vec<u8>, StateError> {
    if let Some(position) = elements.iter().position(|&element| element > 1) {
        return Err(StateError::unsaveable(format_args!(
            "element {position} of a mask is {}, expected 0 or 1",
            elements[position]
        )));
    }
    let byte = |eight: &[u8]| eight.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    Ok(elements.chunks(8).map(byte).collect())
}

fn unpack(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut elements = Vec::with_capacity(bytes.len() * 8);
    for &byte in bytes {
        elements.extend_from_slice(&[0, 1, 2, 3, 4, 5, 6, 7].map(|place| byte >> place & 1));
    }
    elements.truncate(len);
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_is_the_lowest() {
        let mask = [1, 0, 1, 1, 0, 0, 0, 1, 0, 1];
        let tensor = Tensor::from_elements(Kind::Bits, &mask).unwrap();
        assert_eq!(tensor.bytes, [0b1000_1101, 0b10]);
        assert_eq!(tensor.shape, [10]);
        assert_eq!(&tensor.elements()[..], mask);
    }

    #[test]
    fn a_bit_is_0_or_1() {
        let error = Tensor::from_elements(Kind::Bits, &[0, 1, 2]).unwrap_err();
        assert!(error.to_string().contains("element 2 of a mask is 2"), "{error}");
    }

    #[test]
    fn bytes_must_fit_the_shape_even_where_it_overflows() {
        let row = Tensor { kind: Kind::F32, shape: vec![2, 3], bytes: vec![0; 24] };
        assert!(row.check("w").is_ok());
        let short = Tensor { bytes: vec![0; 23], ..row.clone() };
        let said = "the tensor `w` has 23 bytes, expected 24 for 32-bit floats of shape [2, 3]";
        assert_eq!(short.check("w").unwrap_err().to_string(), said);
        let absurd = Tensor { shape: vec![usize::MAX, usize::MAX, usize::MAX], ..row };
        assert!(absurd.check("w").is_err());
    }
}
