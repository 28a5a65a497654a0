//! The numbers of arrays, from bytes.

use half::{bf16, f16};

/// The type of an array's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: Kind,
    /// Bytes of one value.
    pub(super) size: usize,
    pub(super) big_endian: bool,
}

/// The sort of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Truth,
    Signed,
    Unsigned,
    Float,
    /// The upper half of a float of 32 bits.
    Brain,
    /// Bytes of text, padded with zeros.
    Text,
    /// Code points of four bytes, padded with zeros.
    Unicode,
}

/// Values, in the type that loses nothing that networks see.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Bytes(Vec<u8>),
    /// Each 0 or 1.
    Truths(Vec<u8>),
    Integers(Vec<i64>),
    /// Whole numbers of 64 bits without a sign.
    Naturals(Vec<u64>),
    Floats(Vec<f32>),
    /// Labels need all their digits.
    Doubles(Vec<f64>),
    Texts(Vec<String>),
}

impl Element {
    /// Bytes of one value as [`Data`].
    pub(super) fn in_memory(self) -> u64 {
        match (self.kind, self.size) {
            (Kind::Truth, _) | (Kind::Unsigned, 1) => 1,
            (Kind::Signed | Kind::Unsigned, _) | (Kind::Float, 8) => 8,
            (Kind::Float | Kind::Brain, _) => 4,
            (Kind::Text | Kind::Unicode, size) => size_of::<String>() as u64 + size as u64,
        }
    }

    /// Values from their bytes, whose number is a multiple of the size. `Err` says what is wrong
    /// with one of them.
    pub(super) fn decode(self, bytes: Vec<u8>) -> Result<Data, String> {
        let values = || bytes.chunks_exact(self.size.max(1));
        Ok(match (self.kind, self.size) {
            (Kind::Unsigned, 1) => Data::Bytes(bytes),
            (Kind::Truth, _) => match bytes.iter().find(|&&byte| byte > 1) {
                Some(byte) => return Err(format!("a truth value is {byte}")),
                None => Data::Truths(bytes),
            },
            (Kind::Signed, size) => {
                // Sign-extended: the highest bit of the value fills those above it.
                let unused = 64 - 8 * size;
                Data::Integers(
                    values().map(|it| (self.word(it) << unused) as i64 >> unused).collect(),
                )
            }
            (Kind::Unsigned, _) => Data::Naturals(values().map(|it| self.word(it)).collect()),
            (Kind::Float, 2) => {
                floats(values(), |it| f16::from_bits(self.word(it) as u16).to_f32())
            }
            (Kind::Float, 4) => floats(values(), |it| f32::from_bits(self.word(it) as u32)),
            (Kind::Float, _) => {
                Data::Doubles(values().map(|it| f64::from_bits(self.word(it))).collect())
            }
            (Kind::Brain, _) => {
                floats(values(), |it| bf16::from_bits(self.word(it) as u16).to_f32())
            }
            (Kind::Text | Kind::Unicode, 0) => return Err("its texts have no letters".to_owned()),
            (Kind::Text, _) => {
                let text = |it: &[u8]| {
                    let end = it.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                    String::from_utf8(it[..end].to_vec())
                };
                let texts = values().map(text).collect::<Result<_, _>>();
                Data::Texts(texts.map_err(|_| "a text is no UTF-8".to_owned())?)
            }
            (Kind::Unicode, _) => {
                let point = |it: &[u8]| char::from_u32(self.word(it) as u32);
                let text = |it: &[u8]| it.chunks_exact(4).map(point).collect::<Option<String>>();
                let text = |it| text(it).map(|text| text.trim_end_matches('\0').to_owned());
                let texts = values().map(text).collect::<Option<_>>();
                Data::Texts(texts.ok_or_else(|| "a text is no Unicode".to_owned())?)
            }
        })
    }

    /// Up to 8 bytes as a whole number.
    fn word(self, bytes: &[u8]) -> u64 {
        let join = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
        if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
    }
}

fn floats<'a>(values: impl Iterator<Item = &'a [u8]>, float: impl Fn(&[u8]) -> f32) -> Data {
    Data::Floats(values.map(float).collect())
}

impl Data {
    /// The values in the order of `from`: value i of the result is value `from[i]`.
    pub(super) fn reordered(self, from: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[T], from: &[usize]) -> Vec<T> {
            from.iter().map(|&i| values[i].clone()).collect()
        }
        match self {
            Self::Bytes(it) => Self::Bytes(pick(&it, from)),
            Self::Truths(it) => Self::Truths(pick(&it, from)),
            Self::Integers(it) => Self::Integers(pick(&it, from)),
            Self::Naturals(it) => Self::Naturals(pick(&it, from)),
            Self::Doubles(it) => Self::Doubles(pick(&it, from)),
            Self::Floats(it) => Self::Floats(pick(&it, from)),
            Self::Texts(it) => Self::Texts(pick(&it, from)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(kind: Kind, size: usize, big_endian: bool, bytes: &[u8]) -> Result<Data, String> {
        Element { kind, size, big_endian }.decode(bytes.to_vec())
    }

    #[test]
    fn numbers_of_every_width_by_hand() {
        let integers = |numbers: &[i64]| Ok(Data::Integers(numbers.to_vec()));
        assert_eq!(decode(Kind::Signed, 1, false, &[0xff, 0x7f]), integers(&[-1, 127]));
        assert_eq!(decode(Kind::Signed, 2, false, &[0xfe, 0xff]), integers(&[-2]));
        assert_eq!(decode(Kind::Signed, 2, true, &[0xff, 0xfe]), integers(&[-2]));
        assert_eq!(decode(Kind::Unsigned, 2, true, &[1, 2]), Ok(Data::Naturals(vec![258])));
        assert_eq!(decode(Kind::Signed, 8, false, &(-5_i64).to_le_bytes()), integers(&[-5]));
        let most = Ok(Data::Naturals(vec![u64::MAX]));
        assert_eq!(decode(Kind::Unsigned, 8, false, &[0xff; 8]), most);
        let floats = |numbers: &[f32]| Ok(Data::Floats(numbers.to_vec()));
        assert_eq!(decode(Kind::Float, 2, false, &[0x00, 0x3e]), floats(&[1.5])); // 0x3e00
        assert_eq!(decode(Kind::Float, 4, true, &1.25_f32.to_be_bytes()), floats(&[1.25]));
        let doubles = Ok(Data::Doubles(vec![16_777_217.0]));
        assert_eq!(decode(Kind::Float, 8, false, &16_777_217_f64.to_le_bytes()), doubles);
        assert_eq!(decode(Kind::Brain, 2, false, &[0xc0, 0x3f]), floats(&[1.5])); // 0x3fc0
        assert_eq!(decode(Kind::Truth, 1, false, &[0, 1]), Ok(Data::Truths(vec![0, 1])));
        assert!(decode(Kind::Truth, 1, false, &[2]).is_err());
    }

    #[test]
    fn texts_lose_their_padding() {
        let texts =
            |texts: &[&str]| Ok(Data::Texts(texts.iter().map(ToString::to_string).collect()));
        assert_eq!(decode(Kind::Text, 3, false, b"ab\0cde"), texts(&["ab", "cde"]));
        let points: Vec<u8> =
            ['ö', '\0'].iter().flat_map(|&point| u32::from(point).to_le_bytes()).collect();
        assert_eq!(decode(Kind::Unicode, 8, false, &points), texts(&["ö"]));
        assert!(decode(Kind::Unicode, 4, false, &[0xff; 4]).is_err());
        assert!(decode(Kind::Text, 1, false, &[0xff]).is_err());
        assert!(decode(Kind::Text, 0, false, &[]).is_err());
    }
}
