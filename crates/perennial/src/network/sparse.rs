//! Rows that are mostly zeros, such as strokes on an empty page, multiplied number by number.
//!
//! A number of a product is a sum over the entries of one row (forward) or one column (gradient)
//! in their order, whatever else is in the batch and however wide the machine's registers are.
//! Which way a row goes is its own affair too: an answer does not depend on its batch.
//!
//! Registers are named here, not left to the compiler: of arrays as wide as a register of one
//! machine it made gathers on another, ten times as slow.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::vector::wide;

/// A row goes this way when at most one number in so many is not 0. Measured against the dense
/// product, which is as fast at about half.
const SPARSE: usize = 2;
/// Rows of the matrix on the right that are read together: of a hundred columns they fit a core's
/// first cache, where whole matrices do not.
const TOGETHER: usize = 64;

/// Where the numbers of a batch of rows are not 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse {
    /// Numbers a row.
    inputs: usize,
    /// Columns, row after row and ascending; none of a full row.
    columns: Vec<u16>,
    /// Where the columns of each run of [`TOGETHER`] of each row begin, and where the last ones
    /// end. `[rows · runs + 1]`
    starts: Vec<usize>,
    /// Rows with too many numbers other than 0, ascending.
    full: Vec<usize>,
    /// Scratch: which numbers of a row are not 0, a byte each. `[inputs, to a multiple of eight]`
    flags: Vec<u8>,
    /// Scratch: entries of some rows, column after column.
    turned: Vec<Entry>,
    /// Scratch: where each column's entries begin, and where the last one's end. `[inputs + 1]`
    tops: Vec<usize>,
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
        let serves = outputs >= WIDE && inputs <= usize::from(u16::MAX);
        self.inputs = inputs;
        self.full.clear();
        self.starts.clear();
        self.starts.push(0);
        self.flags.clear();
        self.flags.resize(inputs.next_multiple_of(EIGHT), 0);
        let mut end = 0;
        for (number, row) in rows.chunks_exact(inputs.max(1)).enumerate() {
            let room = end + self.flags.len();
            if self.columns.len() < room {
                self.columns.resize(room, 0);
            }
            let (first, before) = (end, self.starts.len());
            if serves {
                flag(row, &mut self.flags);
            }
            for (run, flags) in self.flags.chunks(TOGETHER).enumerate() {
                end += take(flags, run * TOGETHER, &mut self.columns[end..]);
                self.starts.push(end);
            }
            if (end - first) * SPARSE > inputs || !serves {
                self.full.push(number);
                self.starts[before..].fill(first);
                end = first;
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
        self.full.len() * self.runs() + 1 >= self.starts.len()
    }

    /// Runs of columns in a row.
    fn runs(&self) -> usize {
        self.inputs.div_ceil(TOGETHER)
    }

    /// XW of the rows that are not full, into their rows of `out` `[rows, outputs]`; X is what was
    /// read and W is `[inputs, outputs]`.
    pub(crate) fn times(&self, x: &[f32], weight: &[f32], outputs: usize, out: &mut [f32]) {
        let product = Times { sparse: self, x, weight, outputs, out };
        Arch::new().dispatch(Blocks { outputs, product });
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
        for first in rows.clone().step_by(TOGETHER) {
            let together = first..rows.end.min(first + TOGETHER);
            let add = add || together.start > rows.start;
            self.turn(x, together);
            let (entries, tops, out) = (&self.turned[..], &self.tops[..], &mut *out);
            let product = Transposed { entries, tops, delta, outputs, out, add };
            Arch::new().dispatch(Blocks { outputs, product });
        }
    }

    /// Sorts the entries of `rows` by column; within one they keep the order of rows.
    fn turn(&mut self, x: &[f32], rows: Range<usize>) {
        let runs = self.runs();
        let Self { inputs, columns, starts, turned, tops, .. } = self;
        tops.clear();
        tops.resize(*inputs + 1, 0);
        let all = &columns[starts[rows.start * runs]..starts[rows.end * runs]];
        for &column in all {
            tops[usize::from(column) + 1] += 1;
        }
        let mut sum = 0;
        for top in &mut *tops {
            sum += *top;
            *top = sum;
        }
        turned.resize(all.len(), Entry::default());
        for row in rows {
            let x = &x[row * *inputs..(row + 1) * *inputs];
            for &column in &columns[starts[row * runs]..starts[(row + 1) * runs]] {
                let place = &mut tops[usize::from(column)];
                turned[*place] = Entry { row: row as u32, value: x[usize::from(column)] };
                *place += 1;
            }
        }
        // Each column's place moved on to where the next one begins.
        tops.rotate_right(1);
        tops[0] = 0;
    }
}

/// Flags that are looked at together.
const EIGHT: usize = 8;
/// For each byte of eight flags, the lowest first: the numbers of those that are set, in order.
static SET: [[u16; EIGHT]; 256] = set();

const fn set() -> [[u16; EIGHT]; 256] {
    let mut all = [[0; EIGHT]; 256];
    let mut flags = 0;
    while flags < all.len() {
        let (mut at, mut end) = (0, 0);
        while at < EIGHT {
            if flags >> at & 1 == 1 {
                all[flags][end] = at as u16;
                end += 1;
            }
            at += 1;
        }
        flags += 1;
    }
    all
}

/// 1 where a number is not 0, whatever its sign.
fn flag(row: &[f32], flags: &mut [u8]) {
    wide(
        #[inline(always)]
        || {
            for (flag, value) in flags.iter_mut().zip(row) {
                *flag = u8::from(value.to_bits() << 1 != 0);
            }
        },
    );
}

/// Writes the columns whose flags are 1, the first of them column `first` of its row; says how
/// many there are. Eight are written each time and the end moves on after those that count: no
/// branch to guess.
fn take(flags: &[u8], first: usize, to: &mut [u16]) -> usize {
    /// Moves the lowest bits of eight bytes to the highest byte, the first to its lowest bit.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut end = 0;
    for (flags, first) in flags.as_chunks::<EIGHT>().0.iter().zip((first..).step_by(EIGHT)) {
        let flags = u64::from_le_bytes(*flags).wrapping_mul(GATHER) >> (u64::BITS - 8);
        if let Some(to) = to[end..].first_chunk_mut() {
            *to = SET[flags as usize].map(|at| first as u16 + at);
        }
        end += flags.count_ones() as usize;
    }
    end
}

/// Products of fewer columns than the widest registers hold go the other way.
pub(crate) const WIDE: usize = 16;
/// Registers of sums that are held at once: what most machines have, less what is added.
const HELD: usize = 13;

/// Some columns of a product: V registers side by side, and one more that ends with the columns.
/// It overlaps those before it, and both hold the same sums.
#[derive(Clone, Copy)]
struct Columns {
    first: usize,
    width: usize,
}

/// The sums of some columns of a row.
struct Sums<S: Simd, const V: usize> {
    whole: [S::f32s; V],
    last: S::f32s,
}

impl<S: Simd, const V: usize> Sums<S, V> {
    #[inline(always)]
    fn zero(simd: S) -> Self {
        Self { whole: [simd.splat_f32s(0.0); V], last: simd.splat_f32s(0.0) }
    }

    /// Of the columns' numbers of a row.
    #[inline(always)]
    fn load(simd: S, row: &[f32]) -> Self {
        let last = S::as_simd_f32s(&row[row.len() - S::F32_LANES..]).0;
        match (S::as_simd_f32s(row).0.first_chunk(), last) {
            (Some(&whole), &[last]) => Self { whole, last },
            _ => Self::zero(simd), // never: the row is as wide as V registers
        }
    }

    #[inline(always)]
    fn store(self, row: &mut [f32]) {
        if let Some(whole) = S::as_mut_simd_f32s(row).0.first_chunk_mut() {
            *whole = self.whole;
        }
        let last = row.len() - S::F32_LANES;
        S::as_mut_simd_f32s(&mut row[last..]).0.fill(self.last);
    }

    /// Adds a number times those of another row.
    #[inline(always)]
    fn add(&mut self, simd: S, value: f32, row: &[f32]) {
        let (value, row) = (simd.splat_f32s(value), Self::load(simd, row));
        for (sum, numbers) in self.whole.iter_mut().zip(row.whole) {
            *sum = simd.mul_add_e_f32s(value, numbers, *sum);
        }
        self.last = simd.mul_add_e_f32s(value, row.last, self.last);
    }
}

impl Columns {
    /// Where the columns' numbers of row `row` of a matrix are.
    #[inline(always)]
    fn of(self, row: usize, width: usize) -> Range<usize> {
        let first = row * width + self.first;
        first..first + self.width
    }

    /// Adds, for each entry, its value times the columns of its row of a matrix.
    #[inline(always)]
    fn add<S: Simd, const V: usize>(
        self,
        simd: S,
        entries: impl Iterator<Item = (usize, f32)>,
        matrix: &[f32],
        width: usize,
        mut sums: Sums<S, V>,
    ) -> Sums<S, V> {
        for (row, value) in entries {
            sums.add(simd, value, &matrix[self.of(row, width)]);
        }
        sums
    }
}

/// A product, some of its columns at a time.
trait Product {
    /// Columns that fill V registers, and of one more what is left.
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns);
}

/// All columns of a product of at least [`WIDE`], as many at a time as the registers hold.
struct Blocks<P> {
    outputs: usize,
    product: P,
}

impl<P: Product> WithSimd for Blocks<P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (lanes, mut first) = (S::F32_LANES, 0);
        while first < self.outputs {
            let left = self.outputs - first;
            let each = left.div_ceil(left.div_ceil(HELD * lanes));
            // Whole registers, but never so many that less than a register is left.
            let whole = each.next_multiple_of(lanes);
            let width = if whole + lanes <= left { whole } else { each };
            let columns = Columns { first, width };
            let product = &mut self.product;
            match (width - lanes).div_ceil(lanes) {
                0 => product.columns::<S, 0>(simd, columns),
                1 => product.columns::<S, 1>(simd, columns),
                2 => product.columns::<S, 2>(simd, columns),
                3 => product.columns::<S, 3>(simd, columns),
                4 => product.columns::<S, 4>(simd, columns),
                5 => product.columns::<S, 5>(simd, columns),
                6 => product.columns::<S, 6>(simd, columns),
                7 => product.columns::<S, 7>(simd, columns),
                8 => product.columns::<S, 8>(simd, columns),
                9 => product.columns::<S, 9>(simd, columns),
                10 => product.columns::<S, 10>(simd, columns),
                11 => product.columns::<S, 11>(simd, columns),
                _ => product.columns::<S, 12>(simd, columns),
            }
            first += width;
        }
    }
}

/// See [`Sparse::times`].
struct Times<'a> {
    sparse: &'a Sparse,
    x: &'a [f32],
    weight: &'a [f32],
    outputs: usize,
    out: &'a mut [f32],
}

impl Product for Times<'_> {
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        let Self { sparse, x, weight, outputs, .. } = *self;
        let Sparse { inputs, columns: places, starts, full, .. } = sparse;
        let runs = sparse.runs();
        for run in 0..runs {
            let mut full = full.iter().peekable();
            for (row, starts) in starts.windows(runs + 1).step_by(runs).enumerate() {
                if full.next_if_eq(&&row).is_some() {
                    continue;
                }
                let out = &mut self.out[columns.of(row, outputs)];
                let start = if run > 0 { Sums::<S, V>::load(simd, out) } else { Sums::zero(simd) };
                let x = &x[row * inputs..(row + 1) * inputs];
                let places = places[starts[run]..starts[run + 1]].iter();
                let entries = places.map(|&place| (usize::from(place), x[usize::from(place)]));
                columns.add(simd, entries, weight, outputs, start).store(out);
            }
        }
    }
}

/// See [`Sparse::transposed_times`].
struct Transposed<'a> {
    entries: &'a [Entry],
    tops: &'a [usize],
    delta: &'a [f32],
    outputs: usize,
    out: &'a mut [f32],
    add: bool,
}

impl Product for Transposed<'_> {
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        let Self { entries, tops, delta, outputs, add, .. } = *self;
        for (input, tops) in tops.windows(2).enumerate() {
            let entries = &entries[tops[0]..tops[1]];
            if add && entries.is_empty() {
                continue;
            }
            let out = &mut self.out[columns.of(input, outputs)];
            let start = if add { Sums::<S, V>::load(simd, out) } else { Sums::zero(simd) };
            let entries = entries.iter().map(|entry| (entry.row as usize, entry.value));
            columns.add(simd, entries, delta, outputs, start).store(out);
        }
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
