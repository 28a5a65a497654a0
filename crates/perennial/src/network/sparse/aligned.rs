//! A matrix whose rows begin where a cache line does.

use super::kernels::{Matrix, MatrixMut};

/// Numbers of a cache line, and of the widest register.
const LINE: usize = 16;

/// A copy of a matrix whose rows all begin where a line of the cache does. A register then loads
/// one line; from rows of a hundred numbers it loads parts of two, at half the speed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aligned {
    numbers: Vec<f32>,
    /// Where the first row begins.
    first: usize,
    /// From one row to the next.
    stride: usize,
    /// Numbers of a row.
    pub(super) width: usize,
}

impl Aligned {
    /// Makes room for rows of `width` numbers.
    fn begin(&mut self, rows: usize, width: usize) {
        (self.width, self.stride) = (width, width.next_multiple_of(LINE));
        self.numbers.resize(rows * self.stride + LINE, 0.0);
        // Only speed depends on the address.
        let bytes = LINE * size_of::<f32>();
        self.first = self.numbers.as_ptr().align_offset(bytes).min(LINE);
    }

    /// Copies rows of `width` numbers.
    pub(crate) fn copy(&mut self, rows: &[f32], width: usize) {
        self.begin(rows.len() / width, width);
        let to = self.numbers[self.first..].chunks_exact_mut(self.stride);
        to.zip(rows.chunks_exact(width)).for_each(|(to, row)| to[..width].copy_from_slice(row));
    }

    /// Rows of `width` zeros.
    pub(super) fn clear(&mut self, rows: usize, width: usize) {
        self.begin(rows, width);
        self.numbers.fill(0.0);
    }

    /// All rows, one after another.
    pub(super) fn write(&self, to: &mut [f32]) {
        let rows = self.numbers[self.first..].chunks_exact(self.stride);
        to.chunks_exact_mut(self.width).zip(rows).for_each(|(to, row)| {
            to.copy_from_slice(&row[..to.len()]);
        });
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
