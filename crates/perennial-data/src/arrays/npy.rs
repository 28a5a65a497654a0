//! The `.npy` format of NumPy: a header that is a Python dictionary, then the values.
//!
//! `\x93NUMPY`, the version in two bytes, the length of the header in two (version 1) or four bytes,
//! little-endian; the header, as `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`;
//! then the values, in C order or, where it says so, in Fortran's. Source:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use super::element::{Element, Kind};
use super::{Array, declared};
use crate::DataError;
use crate::input::Input;
use crate::open::OpenError;

const MAGIC: &[u8] = b"\x93NUMPY";
/// More text than the header of any array of numbers has.
const LONGEST_HEADER: usize = 1 << 16;

/// Reads an array, after checking that what its header declares can be there.
pub(super) fn read(mut input: Input<'_>) -> Result<Array, DataError> {
    let path = input.path().to_path_buf();
    let malformed = |problem: &str| {
        DataError::from(OpenError::Malformed {
            path: path.clone(),
            format: "npy",
            problem: problem.to_owned(),
        })
    };
    let start = input.read(MAGIC.len() as u64 + 2)?;
    let Some([version, _]) = start.strip_prefix(MAGIC) else {
        return Err(malformed("it does not begin with the mark of the format"));
    };
    let length = match version {
        1 => input.read(2)?,
        2 | 3 => input.read(4)?,
        _ => return Err(malformed(&format!("its version is {version}, expected 1, 2 or 3"))),
    };
    let length = length.iter().rev().fold(0, |all, &byte| all << 8 | usize::from(byte));
    if length > LONGEST_HEADER {
        return Err(malformed(&format!("its header of {length} bytes is too long to be one")));
    }
    let header = input.read(length as u64)?;
    let Some(Header { descr, fortran_order, shape }) = Header::parse(&header) else {
        return Err(malformed("its header is no dictionary of descr, fortran_order and shape"));
    };
    let Some(element) = element(&descr) else {
        let expected = "numbers of 1 to 8 bytes, truths or text";
        return Err(OpenError::ArrayType { path, found: descr, expected }.into());
    };
    let count = declared(&shape, element, input.available(), &path)?;
    let expected = (count * element.size) as u64;
    let bytes = input.read(expected)?;
    let found = bytes.len().to_string();
    if (bytes.len() as u64) < expected {
        return Err(DataError::WrongLength { path, found, expected });
    }
    if !input.at_end()? {
        let found = format!("more than {expected}");
        return Err(DataError::WrongLength { path, found, expected });
    }
    let mut data = element.decode(bytes).map_err(|problem| malformed(&problem))?;
    if fortran_order && shape.len() > 1 && count > 0 {
        data = data.reordered(&from_fortran(&shape, count));
    }
    Ok(Array { shape, data })
}

/// Where each value of an array in C order lies in Fortran's, in which the first index is the
/// fastest.
fn from_fortran(shape: &[usize], count: usize) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut from = Vec::with_capacity(count);
    for _ in 0..count {
        from.push(index.iter().zip(&strides).map(|(i, stride)| i * stride).sum());
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    from
}

/// The type that `descr` names: byte order, kind, size. `None` if it is no number, truth or text.
fn element(descr: &str) -> Option<Element> {
    let mut letters = descr.chars();
    let big_endian = match letters.next()? {
        '<' | '|' | '=' => false,
        '>' => true,
        _ => return None,
    };
    let kind = letters.next()?;
    let size: usize = letters.as_str().parse().ok()?;
    let (kind, size) = match (kind, size) {
        ('b', 1) => (Kind::Truth, 1),
        ('i', 1 | 2 | 4 | 8) => (Kind::Signed, size),
        ('u', 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
        ('f', 2 | 4 | 8) => (Kind::Float, size),
        ('S', _) => (Kind::Text, size),
        ('U', _) => (Kind::Unicode, size.checked_mul(4)?),
        _ => return None,
    };
    Some(Element { kind, size, big_endian })
}

/// The dictionary of a header.
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the subset of Python that headers are written in. `None` if it is anything else.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Text(std::str::from_utf8(bytes).ok()?);
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        rest.take('{')?;
        while rest.take('}').is_none() {
            let key = rest.quoted()?;
            rest.take(':')?;
            match key {
                "descr" => descr = Some(rest.quoted()?.to_owned()),
                "fortran_order" => fortran_order = Some(rest.truth()?),
                "shape" => shape = Some(rest.tuple()?),
                _ => return None,
            }
            if rest.take(',').is_none() {
                rest.take('}')?;
                break;
            }
        }
        rest.0.trim().is_empty().then_some(())?;
        Some(Self { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }
}

/// What of a header is still to be read.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn take(&mut self, mark: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(mark)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
        let (inside, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        Some(inside)
    }

    fn truth(&mut self) -> Option<bool> {
        let text = self.0.trim_start();
        let (truth, rest) = match text.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("False")?),
        };
        self.0 = rest;
        Some(truth)
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.take('(')?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let inside = inside.trim();
        let sizes = inside.strip_suffix(',').unwrap_or(inside);
        match sizes {
            "" => Some(Vec::new()),
            some => some.split(',').map(|size| size.trim().parse().ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_they_are_written() {
        let shape = |text: &str| Header::parse(text.as_bytes()).map(|header| header.shape);
        let with = |shape: &str| {
            format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}  \n")
        };
        assert_eq!(shape(&with("(2, 3)")), Some(vec![2, 3]));
        assert_eq!(shape(&with("(5,)")), Some(vec![5]));
        assert_eq!(shape(&with("()")), Some(vec![]));
        assert_eq!(
            shape("{\"shape\":(1,2),\"fortran_order\":True,\"descr\":\"|u1\"}"),
            Some(vec![1, 2])
        );
        for wrong in
            ["(2, -3)", "(2, x)", "(2, 3", "[2, 3]", "(1,,2)", "(99999999999999999999999,)"]
        {
            assert_eq!(shape(&with(wrong)), None, "{wrong}");
        }
        for wrong in
            ["", "{", "{}", "{'descr': '<f4'}", "{'other': '1'}", "{'descr': [('a', '<f4')]}"]
        {
            assert_eq!(shape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn types_that_are_read() {
        let sort = |descr| element(descr).map(|it| (it.kind, it.size, it.big_endian));
        assert_eq!(sort("<f4"), Some((Kind::Float, 4, false)));
        assert_eq!(sort(">i2"), Some((Kind::Signed, 2, true)));
        assert_eq!(sort("|u1"), Some((Kind::Unsigned, 1, false)));
        assert_eq!(sort("<U3"), Some((Kind::Unicode, 12, false)));
        for descr in ["|O", "<c8", "<f16", "<M8[s]", "f4", "", "<", "<f", "<i3"] {
            assert_eq!(sort(descr), None, "{descr}");
        }
    }

    /// [[1, 2, 3], [4, 5, 6]] lies in Fortran's order as 1 4 2 5 3 6.
    #[test]
    fn fortrans_order_by_hand() {
        let lies = [1, 4, 2, 5, 3, 6];
        let found: Vec<_> = from_fortran(&[2, 3], 6).into_iter().map(|at| lies[at]).collect();
        assert_eq!(found, [1, 2, 3, 4, 5, 6]);
    }
}
