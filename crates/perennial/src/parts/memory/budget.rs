//! How much may be kept.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much a memory may hold: so many samples, `500`, so many bytes, `"2MB"`, or whichever of both
/// is less, `"2000|64MB"`.
///
/// A sample's bytes are its numbers in their stored type, its id, its label's unit, its task and
/// whatever else the method stores with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Samples.
    Samples(usize),
    /// Bytes.
    Bytes(usize),
    /// Whichever is less.
    Both {
        /// Samples.
        samples: usize,
        /// Bytes.
        bytes: usize,
    },
}

/// Suffix and size of the units of bytes: powers of 1,000, or of 1,024 with an `i`.
const UNITS: [(&str, usize); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

const EXPECTED: &str =
    "a number of samples such as 500, of bytes such as 2MB, or both such as 2000|64MB";

impl Budget {
    /// In words, for cards: `500 samples`, `2MB of samples`.
    pub fn words(self) -> String {
        match self {
            Self::Samples(1) => "1 sample".into(),
            Self::Samples(samples) => format!("{samples} samples"),
            Self::Bytes(_) => format!("{self} of samples"),
            Self::Both { samples, bytes } => {
                format!("{samples} samples, at most {}", Self::Bytes(bytes))
            }
        }
    }

    /// Its part when it is shared out equally, rounded down; `None` when nothing is left of it.
    pub fn share(self, among: usize) -> Option<Self> {
        let part = |whole: usize| Some(whole / among.max(1)).filter(|part| *part > 0);
        Some(match self {
            Self::Samples(samples) => Self::Samples(part(samples)?),
            Self::Bytes(bytes) => Self::Bytes(part(bytes)?),
            Self::Both { samples, bytes } => {
                Self::Both { samples: part(samples)?, bytes: part(bytes)? }
            }
        })
    }

    /// The number of samples it holds, at `each` bytes a sample.
    pub fn samples(self, each: usize) -> usize {
        match self {
            Self::Samples(samples) => samples,
            Self::Bytes(bytes) => bytes / each.max(1),
            Self::Both { samples, bytes } => samples.min(bytes / each.max(1)),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Samples(samples) => write!(f, "{samples}"),
            Self::Both { samples, bytes } => write!(f, "{samples}|{}", Self::Bytes(bytes)),
            Self::Bytes(bytes) => {
                let fits = |&&(_, size): &&(&str, usize)| bytes > 0 && bytes % size == 0;
                let (unit, size) =
                    UNITS.iter().filter(fits).max_by_key(|(_, size)| *size).unwrap_or(&UNITS[6]);
                write!(f, "{}{unit}", bytes / size)
            }
        }
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not {EXPECTED}");
        let text = text.trim();
        if let Ok(samples) = text.parse() {
            return Ok(Self::Samples(samples));
        }
        if let Some((samples, bytes)) = text.split_once('|') {
            return match (samples.parse()?, bytes.parse()?) {
                (Self::Samples(samples), Self::Bytes(bytes)) => Ok(Self::Both { samples, bytes }),
                _ => Err(wrong()),
            };
        }
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(wrong)?;
        let number = text[..text.len() - unit.0.len()].trim_end();
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let bytes = number * unit.1 as f64;
        if !(0.0..=f64::from(u32::MAX) * 1024.0).contains(&bytes) {
            return Err(wrong());
        }
        Ok(Self::Bytes(bytes as usize))
    }
}

impl Serialize for Budget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Samples(samples) => serializer.serialize_u64(samples as u64),
            Self::Bytes(_) | Self::Both { .. } => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Budget;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_u64<E: Error>(self, samples: u64) -> Result<Budget, E> {
                Ok(Budget::Samples(samples as usize))
            }

            fn visit_i64<E: Error>(self, samples: i64) -> Result<Budget, E> {
                let samples = usize::try_from(samples);
                samples
                    .map(Budget::Samples)
                    .map_err(|_| E::custom(format_args!("a negative number is not {EXPECTED}")))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Budget, E> {
                Err(E::invalid_type(Unexpected::Float(number), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Budget, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn budgets_are_read_and_written() {
        let read = |value| serde_json::from_value::<Budget>(value);
        let both = |samples, bytes| Budget::Both { samples, bytes };
        for (value, budget, written) in [
            (json!(500), Budget::Samples(500), json!(500)),
            (json!("500"), Budget::Samples(500), json!(500)),
            (json!("2MB"), Budget::Bytes(2_000_000), json!("2MB")),
            (json!("1.5 kB"), Budget::Bytes(1500), json!("1500B")),
            (json!("2MiB"), Budget::Bytes(2 << 20), json!("2MiB")),
            (json!("0B"), Budget::Bytes(0), json!("0B")),
            (json!("2000 | 64MB"), both(2000, 64_000_000), json!("2000|64MB")),
            (json!("0|1B"), both(0, 1), json!("0|1B")),
        ] {
            assert_eq!(read(value).unwrap(), budget);
            assert_eq!(serde_json::to_value(budget).unwrap(), written);
            assert_eq!(read(written).unwrap(), budget);
        }
        let wrong = [json!("2 pounds"), json!(-3), json!(2.5), json!("-1MB"), json!("NaNMB")];
        let halves = ["64MB|2000", "2000|", "|64MB", "1|2|3MB", "1MB|2MB"].map(|text| json!(text));
        for wrong in wrong.into_iter().chain(halves) {
            let error = read(wrong).unwrap_err().to_string();
            let expected = "a number of samples such as 500, of bytes such as 2MB, or both such as \
                            2000|64MB";
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(Budget::Bytes(1000).samples(300), 3);
        assert_eq!(Budget::Samples(7).samples(300), 7);
        assert_eq!([both(3, 1000).samples(300), both(4, 1000).samples(300)], [3, 3]);
        assert_eq!(both(2, 1000).samples(300), 2);
        assert_eq!(Budget::Samples(7).share(3), Some(Budget::Samples(2)));
        assert_eq!(Budget::Bytes(2_000_000).share(20), Some(Budget::Bytes(100_000)));
        assert_eq!(Budget::Samples(2).share(3), None);
        assert_eq!(both(7, 20).share(3), Some(both(2, 6)));
        assert_eq!([both(2, 20).share(3), both(7, 2).share(3)], [None, None]);
    }
}
