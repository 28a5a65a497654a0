//! Rows that are mostly zeros, such as strokes on an empty page, multiplied number by number.
//!
//! A number of a product is a sum over the entries of one row (forward) or one column (gradient)
//! in their order, whatever else is in the batch and however wide the machine's registers are.
//! Which way a row goes is its own affair too: an answer does not depend on its batch.

mod aligned;
mod cached;
mod kernels;
mod nonzeros;

use std::ops::Range;

use pulp::Arch;

pub(crate) use self::aligned::Aligned;
pub use self::cached::CachedRows;
pub(crate) use self::kernels::WIDE;
use self::kernels::{Blocks, Matrix, Times, Transposed};
use self::nonzeros::{EIGHT, Nonzeros, TOGETHER, flag};
use super::products::by_rows;

/// Where the numbers of a batch of rows are not 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse {
    /// None of a full row.
    nonzeros: Nonzeros,
    /// Rows with too many numbers other than 0, ascending.
    full: Vec<usize>,
    /// Scratch: which numbers of a row are not 0, a byte each. `[inputs, to a multiple of eight]`
    flags: Vec<u8>,
    /// Scratch: the entries of [`TOGETHER`] rows after another, each column after column.
    transposed: Vec<Entry>,
    /// Scratch: where each column's entries begin, and where the last one's end.
    /// `[as many times, inputs + 1]`
    tops: Vec<u32>,
}

/// A number of a column that is not 0.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    row: u32,
    value: f32,
}

impl Sparse {
    /// Reads `rows` `[rows, inputs]` for products of `outputs` columns.
    pub(crate) fn read(&mut self, rows: &[f32], inputs: usize, outputs: usize) {
        let serves = Nonzeros::serve(inputs, rows.len(), outputs);
        self.full.clear();
        self.nonzeros.clear(inputs);
        self.flags.clear();
        self.flags.resize(inputs.next_multiple_of(EIGHT), 0);
        for (number, row) in rows.chunks_exact(inputs.max(1)).enumerate() {
            if !serves {
                self.nonzeros.leave_out();
                self.full.push(number);
                continue;
            }
            flag(row, &mut self.flags, |number| number == 0.0); // of either sign
            if !self.nonzeros.push(&self.flags) {
                self.full.push(number);
            }
        }
    }

    /// Whether no row of these is full.
    pub(crate) fn holds(&self, rows: &Range<usize>) -> bool {
        let first = self.full.partition_point(|&full| full < rows.start);
        self.full.get(first).is_none_or(|full| !rows.contains(full))
    }

    /// Whether every row is full.
    pub(crate) fn holds_none(&self) -> bool {
        self.full.len() == self.nonzeros.rows()
    }

    /// XW of the rows that are not full, into their rows of `out` `[rows, outputs]`; X is what was
    /// read and W is `[inputs, outputs]`.
    pub(crate) fn times(&self, x: &[f32], weight: &[f32], outputs: usize, out: &mut [f32]) {
        let Self { nonzeros, full, .. } = self;
        let multiply_adds = nonzeros.end() * outputs;
        by_rows(out, outputs, multiply_adds, |rows, out| {
            let product = Times { nonzeros, full, rows, x, weight, outputs, out };
            Arch::new().dispatch(Blocks { outputs, product });
        });
    }

    /// XᵀD over `rows`, none of them full, into or added to `out` `[inputs, outputs]`; X is what
    /// was read and D is `[all rows, outputs]`.
    pub(crate) fn transposed_times(
        &mut self,
        x: &[f32],
        rows: Range<usize>,
        (delta, outputs): (&[f32], usize),
        out: &mut [f32],
        add: bool,
    ) {
        let Self { nonzeros, transposed, tops, .. } = self;
        let Nonzeros { inputs, columns, .. } = &*nonzeros;
        let blocks = rows.clone().step_by(TOGETHER);
        transposed.clear();
        tops.resize(blocks.len() * (inputs + 1), 0);
        for (first, tops) in blocks.zip(tops.chunks_exact_mut(inputs + 1)) {
            nonzeros.transpose(
                first..rows.end.min(first + TOGETHER),
                tops,
                transposed,
                |row, at| {
                    let value = x[row * inputs + usize::from(columns[at])];
                    Entry { row: row as u32, value }
                },
            );
        }
        let (transposed, tops) = (&*transposed, &*tops);
        by_rows(out, outputs, transposed.len() * outputs, |of, out| {
            for (block, tops) in tops.chunks_exact(inputs + 1).enumerate() {
                let entries = |range: Range<usize>| {
                    transposed[range].iter().map(|entry| (entry.row as usize, entry.value))
                };
                let tops = &tops[of.start..=of.end];
                let delta = Matrix { numbers: delta, stride: outputs };
                let (out, add) = (&mut *out, add || block > 0);
                let product = Transposed { tops, entries, delta, outputs, out, add };
                Arch::new().dispatch(Blocks { outputs, product });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Key;
    use rand::RngExt;

    /// Two runs of columns, one of them short.
    const INPUTS: usize = TOGETHER + 23;

    /// `rows` rows, a share of whose numbers is not 0.
    fn random(rows: usize, share: f64, purpose: &str) -> Vec<f32> {
        let mut generator = Key::of_seed(2).generator(purpose);
        let mut number = || match generator.random_range(0.0..1.0) < share {
            true => generator.random_range(-1.0..1.0f32),
            false => 0.0,
        };
        (0..rows * INPUTS).map(|_| number()).collect()
    }

    /// Catches: a column left out or done twice where blocks or registers meet, a row or column at another's entries,
    /// an old result that is added to, one that is not.
    #[test]
    fn products_are_those_of_the_plain_loops() {
        for outputs in [16, 17, 64, 100, 104, 105, 111, 112, 203, 209, 230] {
            let (rows, mut sparse) = (2 * TOGETHER, Sparse::default());
            let x = random(rows, 0.2, "x");
            let weight: Vec<f32> = (0..INPUTS * outputs).map(|i| (i % 13) as f32 - 6.0).collect();
            let delta: Vec<f32> = (0..rows * outputs).map(|i| (i % 7) as f32 - 3.0).collect();
            sparse.read(&x, INPUTS, outputs);
            assert!(sparse.holds(&(0..rows)) && !sparse.holds_none());
            let mut out = vec![5.0; rows * outputs];
            sparse.times(&x, &weight, outputs, &mut out);
            for (row, out) in out.chunks(outputs).enumerate() {
                for (column, out) in out.iter().enumerate() {
                    let parts =
                        (0..INPUTS).map(|i| x[row * INPUTS + i] * weight[i * outputs + column]);
                    assert!((out - parts.sum::<f32>()).abs() < 1e-5);
                }
            }
            let mut gradient = vec![5.0; INPUTS * outputs];
            let delta = (&delta[..], outputs);
            sparse.transposed_times(&x, 2..TOGETHER + 9, delta, &mut gradient, false);
            sparse.transposed_times(&x, TOGETHER + 9..rows, delta, &mut gradient, true);
            for (input, of_input) in gradient.chunks(outputs).enumerate() {
                for (column, found) in of_input.iter().enumerate() {
                    let parts = (2..rows)
                        .map(|row| x[row * INPUTS + input] * delta.0[row * outputs + column]);
                    assert!((found - parts.sum::<f32>()).abs() < 1e-5);
                }
            }
        }
    }

    /// Catches: a way that is chosen for the batch, a full row whose result is written over.
    #[test]
    fn a_row_goes_its_own_way() {
        let (few, many) = (random(1, 0.2, "few"), random(1, 0.9, "many"));
        let weight = vec![1.0; INPUTS * WIDE];
        let (mut alone, mut beside) = (vec![7.0; WIDE], vec![7.0; 3 * WIDE]);
        let mut sparse = Sparse::default();
        sparse.read(&few, INPUTS, WIDE);
        sparse.times(&few, &weight, WIDE, &mut alone);
        let three = [&many[..], &few[..], &many[..]].concat();
        sparse.read(&three, INPUTS, WIDE);
        assert!(sparse.holds(&(1..2)) && !sparse.holds(&(0..2)) && !sparse.holds(&(1..3)));
        sparse.times(&three, &weight, WIDE, &mut beside);
        assert_eq!(&beside[WIDE..2 * WIDE], &alone[..]);
        assert_eq!([&beside[..WIDE], &beside[2 * WIDE..]].concat(), [7.0; 2 * WIDE]);
        sparse.read(&many, INPUTS, WIDE);
        assert!(sparse.holds_none());
        sparse.read(&few, INPUTS, WIDE - 1);
        assert!(sparse.holds_none());
    }
}
