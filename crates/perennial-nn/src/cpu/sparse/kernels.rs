//! Sums of rows of a matrix, each times a number: what both products of sparse rows are made of.
//!
//! Registers are named here, not left to the compiler: of arrays as wide as a register of one
//! machine it made gathers on another, ten times as slow.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::nonzeros::Nonzeros;

/// Products of fewer columns than the widest registers hold go the other way.
pub(crate) const WIDE: usize = 16;
/// Registers of sums that are held at once, at most: what most machines have, less what is added.
const HELD: usize = 13;
/// Columns that they sum, at most: [`TOGETHER`](super::nonzeros::TOGETHER) rows of so many fit a
/// core's first cache.
const COLUMNS: usize = 112;

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
    fn load(row: &[f32]) -> Self {
        let whole = &S::as_simd_f32s(row).0[..V];
        let (last, _) = S::as_simd_f32s(&row[row.len() - S::F32_LANES..]);
        Self { whole: std::array::from_fn(|i| whole[i]), last: last[0] }
    }

    /// Of V + 1 registers.
    #[inline(always)]
    fn of(registers: &[S::f32s]) -> Self {
        Self { whole: std::array::from_fn(|i| registers[i]), last: registers[V] }
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
        self.add_times(simd, value, &Self::load(row));
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
            let each = left.div_ceil(left.div_ceil(COLUMNS.min(HELD * lanes)));
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
    pub(super) nonzeros: &'a Nonzeros,
    /// Rows that are left as they are, ascending.
    pub(super) full: &'a [usize],
    /// Which rows.
    pub(super) rows: Range<usize>,
    /// X.
    pub(super) x: &'a [f32],
    /// W. `[columns of X, outputs]`
    pub(super) weight: &'a [f32],
    /// At least [`WIDE`].
    pub(super) outputs: usize,
    /// Of these rows. `[rows, outputs]`
    pub(super) out: &'a mut [f32],
}

impl Product for Times<'_> {
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        let Self { nonzeros, full, x, weight, outputs, .. } = *self;
        let (Nonzeros { inputs, columns: entries, starts }, runs) = (nonzeros, nonzeros.runs());
        let weight = Matrix { numbers: weight, stride: outputs };
        let first_full = full.partition_point(|&full| full < self.rows.start);
        for run in 0..runs {
            let mut full = full[first_full..].iter().peekable();
            for (own, row) in self.rows.clone().enumerate() {
                if full.next_if_eq(&&row).is_some() {
                    continue;
                }
                let starts = &starts[row * runs..];
                let out = &mut self.out[columns.of(own, outputs)];
                let start = if run > 0 { Sums::<S, V>::load(out) } else { Sums::zero(simd) };
                let x = &x[row * inputs..(row + 1) * inputs];
                let entries = entries[range(&starts[run..])].iter();
                let entries = entries.map(|&at| (usize::from(at), x[usize::from(at)]));
                columns.add(simd, entries, weight, start).store(out);
            }
        }
    }
}

/// A row of a product, or a part of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Which row.
    pub(super) to: u16,
    /// How many rows of the matrix on the right are added up.
    pub(super) entries: u16,
}

/// Sums of rows of a matrix, line by line. Both matrices are [aligned](super::Aligned).
pub(super) struct Lines<'a> {
    pub(super) lines: &'a [Line],
    /// Of line after line, and what follows the last one's: which row, and the byte of its number.
    pub(super) entries: &'a [[u8; 2]],
    /// What each byte is as a number.
    pub(super) numbers: &'a [f32; 256],
    pub(super) right: Matrix<'a>,
    pub(super) out: MatrixMut<'a>,
    /// Whether what `out` holds is added to.
    pub(super) add: bool,
}

impl Product for Lines<'_> {
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, columns: Columns) {
        let first = columns.first / S::F32_LANES;
        let (right, right_stride) = (self.right.numbers, self.right.stride / S::F32_LANES);
        let (right, _) = S::as_simd_f32s(right);
        let (out, _) = S::as_mut_simd_f32s(self.out.numbers);
        let out_stride = self.out.stride / S::F32_LANES;
        let registers = |row: usize, stride: usize| {
            let first = row * stride + first;
            first..first + V + 1
        };
        let mut left = self.entries;
        for line in self.lines {
            let (entries, after) = left.split_at(usize::from(line.entries));
            left = after;
            if self.add && entries.is_empty() {
                continue;
            }
            let out = &mut out[registers(usize::from(line.to), out_stride)];
            let mut sums = if self.add { Sums::<S, V>::of(out) } else { Sums::zero(simd) };
            for &[row, level] in entries {
                let row = &right[registers(usize::from(row), right_stride)];
                sums.add_times(simd, self.numbers[usize::from(level)], &Sums::of(row));
            }
            out[..V].copy_from_slice(&sums.whole);
            out[V] = sums.last;
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
            let start = if add { Sums::<S, V>::load(out) } else { Sums::zero(simd) };
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
