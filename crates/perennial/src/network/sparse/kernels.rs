//! Sums of rows of a matrix, each times a number: what both products of sparse rows are made of.
//!
//! Registers are named here, not left to the compiler: of arrays as wide as a register of one
//! machine it made gathers on another, ten times as slow.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::places::Places;

/// Products of fewer columns than the widest registers hold go the other way.
pub(crate) const WIDE: usize = 16;
/// Registers of sums that are held at once: what most machines have, less what is added.
const HELD: usize = 13;

/// The matrix on the right of a product: its first row, and how far the next ones are apart.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) stride: usize,
}

/// The matrix that a product is added to, likewise.
pub(super) struct MatrixMut<'a> {
    pub(super) numbers: &'a mut [f32],
    pub(super) stride: usize,
}

/// Some columns of a product: V registers side by side, and one more that ends with the columns.
/// It overlaps those before it, and both hold the same sums.
#[derive(Clone, Copy)]
pub(super) struct Columns {
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
        self.add_times(simd, value, &Self::load(simd, row));
    }

    /// The same of a row that is in registers.
    #[inline(always)]
    fn add_times(&mut self, simd: S, value: f32, row: &Self) {
        let value = simd.splat_f32s(value);
        for (sum, numbers) in self.whole.iter_mut().zip(row.whole) {
            *sum = simd.mul_add_e_f32s(value, numbers, *sum);
        }
        self.last = simd.mul_add_e_f32s(value, row.last, self.last);
    }
}

impl Columns {
    /// Where the columns' numbers of row `row` of a matrix are, whose rows are `stride` apart.
    #[inline(always)]
    fn of(self, row: usize, stride: usize) -> Range<usize> {
        let first = row * stride + self.first;
        first..first + self.width
    }

    /// Adds, for each entry, its value times the columns of its row of a matrix.
    #[inline(always)]
    fn add<S: Simd, const V: usize>(
        self,
        simd: S,
        entries: impl Iterator<Item = (usize, f32)>,
        Matrix { numbers, stride }: Matrix<'_>,
        mut sums: Sums<S, V>,
    ) -> Sums<S, V> {
        for (row, value) in entries {
            sums.add(simd, value, &numbers[self.of(row, stride)]);
        }
        sums
    }
}

/// A product, some of its columns at a time.
pub(super) trait Product {
    /// Columns that fill V registers, and of one more what is left.
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns);
}

/// All columns of a product of at least [`WIDE`], as many at a time as the registers hold.
pub(super) struct Blocks<P> {
    pub(super) outputs: usize,
    pub(super) product: P,
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

/// XW, row by row.
pub(super) struct Times<'a> {
    /// Where X is not 0.
    pub(super) places: &'a Places,
    /// Rows that are left as they are, ascending.
    pub(super) full: &'a [usize],
    /// X.
    pub(super) x: &'a [f32],
    /// W. `[columns of X, outputs]`
    pub(super) weight: &'a [f32],
    /// At least [`WIDE`].
    pub(super) outputs: usize,
    /// `[rows, outputs]`
    pub(super) out: &'a mut [f32],
}

impl Product for Times<'_> {
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        let Self { places, full, x, weight, outputs, .. } = *self;
        let (Places { inputs, columns: entries, starts }, runs) = (places, places.runs());
        let weight = Matrix { numbers: weight, stride: outputs };
        for run in 0..runs {
            let mut full = full.iter().peekable();
            for (row, starts) in starts.windows(runs + 1).step_by(runs).enumerate() {
                if full.next_if_eq(&&row).is_some() {
                    continue;
                }
                let out = &mut self.out[columns.of(row, outputs)];
                let start = if run > 0 { Sums::<S, V>::load(simd, out) } else { Sums::zero(simd) };
                let x = &x[row * inputs..(row + 1) * inputs];
                let entries = entries[range(&starts[run..])].iter();
                let entries = entries.map(|&at| (usize::from(at), x[usize::from(at)]));
                columns.add(simd, entries, weight, start).store(out);
            }
        }
    }
}

/// XW, column of X by column of X, added.
pub(super) struct Spread<'a, R> {
    /// Where the entries of each column begin, and where the last ones end. `[columns of X + 1]`
    pub(super) tops: &'a [u32],
    /// Rows and numbers of these entries of a column.
    pub(super) entries: R,
    /// W. `[columns of X, outputs]`
    pub(super) weight: &'a [f32],
    /// At least [`WIDE`].
    pub(super) outputs: usize,
    /// `[rows, outputs]`
    pub(super) out: MatrixMut<'a>,
}

impl<R, I> Product for Spread<'_, R>
where
    R: Fn(Range<usize>) -> I,
    I: Iterator<Item = (usize, f32)>,
{
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        for (input, tops) in self.tops.windows(2).enumerate() {
            let entries = range(tops);
            if entries.is_empty() {
                continue;
            }
            let weight = Sums::<S, V>::load(simd, &self.weight[columns.of(input, self.outputs)]);
            for (row, value) in (self.entries)(entries) {
                let out = &mut self.out.numbers[columns.of(row, self.out.stride)];
                let mut sums = Sums::<S, V>::load(simd, out);
                sums.add_times(simd, value, &weight);
                sums.store(out);
            }
        }
    }
}

/// XᵀD, column of X by column of X.
pub(super) struct Transposed<'a, R> {
    /// Where the entries of each column begin, and where the last ones end. `[columns of X + 1]`
    pub(super) tops: &'a [u32],
    /// Rows and numbers of these entries of a column.
    pub(super) entries: R,
    /// D. `[rows, outputs]`
    pub(super) delta: Matrix<'a>,
    /// At least [`WIDE`].
    pub(super) outputs: usize,
    /// `[columns of X, outputs]`
    pub(super) out: &'a mut [f32],
    /// Whether what `out` holds is added to.
    pub(super) add: bool,
}

impl<R, I> Product for Transposed<'_, R>
where
    R: Fn(Range<usize>) -> I,
    I: Iterator<Item = (usize, f32)>,
{
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        let (delta, outputs, add) = (self.delta, self.outputs, self.add);
        for (input, tops) in self.tops.windows(2).enumerate() {
            let entries = range(tops);
            if add && entries.is_empty() {
                continue;
            }
            let out = &mut self.out[columns.of(input, outputs)];
            let start = if add { Sums::<S, V>::load(simd, out) } else { Sums::zero(simd) };
            let entries = (self.entries)(entries);
            columns.add(simd, entries, delta, start).store(out);
        }
    }
}

/// From the first to the second of these.
#[inline(always)]
fn range(bounds: &[u32]) -> Range<usize> {
    bounds[0] as usize..bounds[1] as usize
}
