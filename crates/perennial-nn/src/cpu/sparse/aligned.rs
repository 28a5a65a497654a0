//! A matrix whose rows begin where a cache line does.

use pulp::{Arch, Simd, WithSimd};

use super::kernels::{Matrix, MatrixMut};

/// Numbers of a cache line, and of the widest register.
const LINE: usize = 16;

/// A copy of a matrix in whole registers, each in one line of the cache. From rows of a hundred
/// numbers a register loads parts of two lines, at half the speed.
///
/// Where a row does not end with a register, another one follows those that it fills: of its last
/// numbers, some of which are in the one before, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aligned {
    numbers: Vec<f32>,
    /// Where the first row begins.
    first: usize,
    /// From one row to the next.
    stride: usize,
    /// Numbers of a row: at least a register's.
    pub(super) width: usize,
    /// Of those, how many come before the last register, and how many it holds.
    before: usize,
    lanes: usize,
}

/// How many numbers a register holds.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

impl Aligned {
    /// Makes room for rows of `width` numbers, which may be anything.
    pub(super) fn begin(&mut self, rows: usize, width: usize) {
        self.lanes = Arch::new().dispatch(Lanes);
        self.before = (width - 1) / self.lanes * self.lanes;
        (self.width, self.stride) = (width, width.next_multiple_of(LINE));
        self.numbers.resize(rows * self.stride + LINE, 0.0);
        // Only speed depends on the address.
        let bytes = LINE * size_of::<f32>();
        self.first = self.numbers.as_ptr().align_offset(bytes).min(LINE);
    }

    /// Copies rows of `width` numbers.
    pub(crate) fn copy(&mut self, rows: &[f32], width: usize) {
        self.begin(rows.len() / width, width);
        let Self { before, lanes, .. } = *self;
        let to = self.numbers[self.first..].chunks_exact_mut(self.stride);
        for (to, row) in to.zip(rows.chunks_exact(width)) {
            to[..before].copy_from_slice(&row[..before]);
            to[before..before + lanes].copy_from_slice(&row[width - lanes..]);
        }
    }

    /// All rows, one after another.
    pub(super) fn write(&self, to: &mut [f32]) {
        let Self { before, lanes, width, .. } = *self;
        let rows = self.numbers[self.first..].chunks_exact(self.stride);
        for (to, row) in to.chunks_exact_mut(width).zip(rows) {
            to[..before].copy_from_slice(&row[..before]);
            to[width - lanes..].copy_from_slice(&row[before..before + lanes]);
        }
    }

    pub(super) fn matrix_mut(&mut self) -> MatrixMut<'_> {
        MatrixMut { numbers: &mut self.numbers[self.first..], stride: self.stride }
    }

    /// The rows from `row` on.
    pub(super) fn from(&self, row: usize) -> Matrix<'_> {
        let first = self.first + row * self.stride;
        Matrix { numbers: &self.numbers[first..], stride: self.stride }
    }
}
