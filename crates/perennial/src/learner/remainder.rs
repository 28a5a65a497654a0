//! The rows of an epoch that fill no whole batch.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::LearnError;
use super::settings::bad;

/// How an epoch's rows are divided into batches when the batch size does not divide their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remainder {
    /// The last batch is smaller. Its step has the same learning rate: one of 2 rows after batches
    /// of 10 can undo what the epoch learnt.
    Short,
    /// The last rows are left out. Every epoch has its own order, so each leaves out others.
    Drop,
    /// There are as many batches as with [`Short`](Self::Short), but their sizes differ by at most
    /// one row; the larger come first.
    #[default]
    Even,
}

impl Remainder {
    /// How many batches an epoch of `rows` rows has; none is larger than `batch` ≥ 1.
    #[must_use]
    pub fn batches(self, rows: usize, batch: usize) -> usize {
        match self {
            Self::Drop => rows / batch,
            Self::Short | Self::Even => rows.div_ceil(batch),
        }
    }

    /// Where batch `number`, 0-based, lies in the order of an epoch's rows.
    ///
    /// # Panics
    ///
    /// When there are no rows.
    #[must_use]
    pub fn range(self, number: usize, rows: usize, batch: usize) -> Range<usize> {
        match self {
            Self::Short | Self::Drop => number * batch..rows.min((number + 1) * batch),
            Self::Even => {
                let batches = self.batches(rows, batch);
                let (size, larger) = (rows / batches, rows % batches);
                let start = |number: usize| number * size + number.min(larger);
                start(number)..start(number + 1)
            }
        }
    }
}

impl fmt::Display for Remainder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "short",
            Self::Drop => "drop",
            Self::Even => "even",
        })
    }
}

impl FromStr for Remainder {
    type Err = LearnError;

    fn from_str(text: &str) -> Result<Self, LearnError> {
        match text {
            "short" => Ok(Self::Short),
            "drop" => Ok(Self::Drop),
            "even" => Ok(Self::Even),
            _ => Err(bad("remainder", &text, "expected short, drop or even")),
        }
    }
}

/// Reads a remainder, or the `drop-last` that plans and learners had before there was one.
pub(super) fn of_any_version<'de, D: Deserializer<'de>>(from: D) -> Result<Remainder, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Saved {
        DropLast(bool),
        Remainder(Remainder),
    }
    Ok(match Saved::deserialize(from)? {
        Saved::DropLast(false) => Remainder::Short,
        Saved::DropLast(true) => Remainder::Drop,
        Saved::Remainder(remainder) => remainder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(remainder: Remainder, rows: usize, batch: usize) -> Vec<usize> {
        let batches = remainder.batches(rows, batch);
        (0..batches).map(|number| remainder.range(number, rows, batch).len()).collect()
    }

    /// By hand: 12 rows in batches of 5. Catches: a remainder that is spread over too many batches,
    /// or not at all.
    #[test]
    fn twelve_rows_in_batches_of_five() {
        assert_eq!(sizes(Remainder::Short, 12, 5), [5, 5, 2]);
        assert_eq!(sizes(Remainder::Drop, 12, 5), [5, 5]);
        assert_eq!(sizes(Remainder::Even, 12, 5), [4, 4, 4]);
        assert_eq!(sizes(Remainder::Even, 11, 5), [4, 4, 3]);
        assert_eq!(sizes(Remainder::Even, 3, 5), [3]);
        assert_eq!(sizes(Remainder::Drop, 3, 5), [0; 0]);
    }

    /// Catches: a row that comes twice or never, a batch beyond its size, sizes two apart.
    #[test]
    fn batches_follow_each_other_and_none_is_too_large() {
        for rows in 1..60 {
            for batch in 1..60 {
                for remainder in [Remainder::Short, Remainder::Drop, Remainder::Even] {
                    let mut end = 0;
                    for number in 0..remainder.batches(rows, batch) {
                        let range = remainder.range(number, rows, batch);
                        assert_eq!(range.start, end, "{remainder} {rows} {batch}");
                        assert!(!range.is_empty() && range.len() <= batch);
                        end = range.end;
                    }
                    let whole =
                        if remainder == Remainder::Drop { rows - rows % batch } else { rows };
                    assert_eq!(end, whole, "{remainder} {rows} {batch}");
                }
                let even = sizes(Remainder::Even, rows, batch);
                assert!(even[0] - even[even.len() - 1] <= 1, "{even:?}");
                if rows % batch == 0 {
                    assert_eq!(even, sizes(Remainder::Short, rows, batch));
                }
            }
        }
    }
}
