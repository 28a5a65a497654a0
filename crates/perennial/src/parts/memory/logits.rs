//! Logits kept beside the rows of a memory.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Place;
use crate::vector::Vector;

/// What the network said of each kept row when it was stored or last renewed, and of which units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptLogits {
    /// Numbers a row: the widest so far.
    width: usize,
    /// `[rows, width]`
    values: Vector,
    /// The first unit of each row's logits and the one after the last. `[rows, 2]`
    #[serde(with = "crate::state::u32s")]
    units: Vec<u32>,
}

impl KeptLogits {
    /// What one row of `width` logits takes, in bytes.
    pub fn row_bytes(width: usize) -> usize {
        size_of::<f32>() * width + 2 * size_of::<u32>()
    }

    /// Stores the logits over `units` at the place where their row went.
    pub fn put(&mut self, place: Place, units: &Range<usize>, logits: &[f32]) {
        self.widen(logits.len());
        let rows = self.units.len() / 2;
        let at = match place {
            Place::Over(at) => at,
            Place::End => {
                self.units.extend([0, 0]);
                self.values.resize((rows + 1) * self.width);
                rows
            }
        };
        self.units[2 * at] = units.start as u32;
        self.units[2 * at + 1] = units.end as u32;
        self.values[at * self.width..][..logits.len()].copy_from_slice(logits);
    }

    /// Appends the logits of further units to those of row `at`.
    pub fn extend(&mut self, at: usize, more: &[f32]) {
        let (units, logits) = self.row(at);
        let (units, all) = (units.start..units.end + more.len(), [logits, more].concat());
        self.put(Place::Over(at), &units, &all);
    }

    /// Units and logits of row `at`.
    ///
    /// # Panics
    ///
    /// When there is no such row, like a slice.
    pub fn row(&self, at: usize) -> (Range<usize>, &[f32]) {
        let units = self.units[2 * at] as usize..self.units[2 * at + 1] as usize;
        let logits = &self.values[at * self.width..][..units.len()];
        (units, logits)
    }

    /// Keeps only these rows, in this order.
    pub fn keep(&mut self, rows: &[usize]) {
        let mut kept = Self { width: self.width, ..Self::default() };
        for (to, &at) in rows.iter().enumerate() {
            let (units, logits) = self.row(at);
            debug_assert_eq!(to, kept.units.len() / 2);
            kept.put(Place::End, &units, logits);
        }
        *self = kept;
    }

    fn widen(&mut self, width: usize) {
        if width <= self.width {
            return;
        }
        let rows = self.units.len() / 2;
        let mut values = Vector::zeros(rows * width);
        for at in 0..rows {
            let old = &self.values[at * self.width..(at + 1) * self.width];
            values[at * width..][..self.width].copy_from_slice(old);
        }
        (self.width, self.values) = (width, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: rows that shift when the width grows, a replaced row that keeps its units.
    #[test]
    fn logits_stay_with_their_rows() {
        let mut kept = KeptLogits::default();
        kept.put(Place::End, &(0..2), &[1.0, 2.0]);
        kept.put(Place::End, &(2..4), &[3.0, 4.0]);
        kept.put(Place::End, &(0..3), &[5.0, 6.0, 7.0]);
        kept.put(Place::Over(0), &(1..2), &[8.0]);
        assert_eq!(kept.row(0), (1..2, &[8.0][..]));
        assert_eq!(kept.row(1), (2..4, &[3.0, 4.0][..]));
        kept.extend(0, &[9.0, 10.0, 11.0, 12.0]);
        assert_eq!(kept.row(0), (1..6, &[8.0, 9.0, 10.0, 11.0, 12.0][..]));
        assert_eq!(kept.row(2), (0..3, &[5.0, 6.0, 7.0][..]));
        kept.keep(&[2, 1]);
        assert_eq!(kept.row(0), (0..3, &[5.0, 6.0, 7.0][..]));
        assert_eq!(kept.row(1), (2..4, &[3.0, 4.0][..]));
    }
}
