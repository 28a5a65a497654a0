//! Large products, shared among threads.
//!
//! A product is cut by its sizes alone, and never along what is summed: every number of it is
//! summed whole, in the order in which it would be summed by one thread. So no bit depends on how
//! many threads there are, and none on whether a product was cut.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Multiply-adds of a part, at least: a few tenths of a millisecond, where a thread that sleeps
/// takes some hundredths to wake.
const PART: usize = 1 << 23;
/// Parts of a product, at most: a power of two.
const PARTS: usize = 8;
/// Columns or rows of a part, at least. Products with fewer than 64 of both are summed in another
/// order than larger ones.
const SIDE: usize = 128;

/// Numbers from which on a loop that reads and writes each of them once is worth several threads: about
/// 30 µs of one.
pub(crate) const LONG: usize = 1 << 17;

/// In how many parts so many multiply-adds are done over a side that can be cut: a power of two.
fn parts(multiply_adds: usize, side: usize) -> usize {
    1 << (multiply_adds / PART).min(side / SIDE).clamp(1, PARTS).ilog2()
}

/// `to` ← AB, or added to it.
pub(crate) fn multiply(to: MatMut<'_, f32>, accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    let multiply_adds = to.nrows() * to.ncols() * a.ncols();
    let parts = parts(multiply_adds, to.nrows().max(to.ncols()));
    halve(to, accum, a, b, parts);
}

fn halve(to: MatMut<'_, f32>, accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, parts: usize) {
    if parts == 1 {
        matmul(to, accum, a, b, 1.0, Par::Seq);
    } else if to.ncols() > to.nrows() {
        let half = to.ncols() / 2;
        let (left, right) = to.split_at_col_mut(half);
        let (b_left, b_right) = b.split_at_col(half);
        rayon::join(
            || halve(left, accum, a, b_left, parts / 2),
            || halve(right, accum, a, b_right, parts / 2),
        );
    } else {
        let half = to.nrows() / 2;
        let (top, bottom) = to.split_at_row_mut(half);
        let (a_top, a_bottom) = a.split_at_row(half);
        rayon::join(
            || halve(top, accum, a_top, b, parts / 2),
            || halve(bottom, accum, a_bottom, b, parts / 2),
        );
    }
}

/// Calls `of` for all rows of a product `[rows, width]` that takes so many multiply-adds, with
/// which rows and where they are.
pub(crate) fn by_rows<T: Send>(
    out: &mut [T],
    width: usize,
    multiply_adds: usize,
    of: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    let rows = out.len() / width.max(1);
    let each = rows.div_ceil(parts(multiply_adds, rows)).max(1);
    if each >= rows {
        return of(0..rows, out);
    }
    rayon::scope(|scope| {
        let of = &of;
        for (first, out) in (0..rows).step_by(each).zip(out.chunks_mut(each * width)) {
            scope.spawn(move |_| of(first..rows.min(first + each), out));
        }
    });
}

/// Calls `of` for all of `out`, in parts on several threads where it is long, with which numbers a part
/// is. Right where a number depends on its own place alone.
pub(crate) fn by_parts(out: &mut [f32], of: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let threads = rayon::current_num_threads();
    if out.len() < LONG || threads == 1 {
        return of(0..out.len(), out);
    }
    let each = out.len().div_ceil(threads).next_multiple_of(16);
    rayon::scope(|scope| {
        let of = &of;
        for (first, out) in (0..).step_by(each).zip(out.chunks_mut(each)) {
            scope.spawn(move |_| of(first..first + out.len(), out));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.7).sin()).collect()
    }

    /// Cut along rows and along columns, written and added: to the bit what one product is.
    /// Catches: a half at another's place, a part narrow enough for another kernel, whose sums
    /// have another order.
    #[test]
    fn a_product_is_the_same_in_parts() {
        for (rows, columns, sums) in [(40, 1030, 2000), (1030, 90, 300), (256, 257, 600)] {
            let (a, b) = (numbers(rows * sums), numbers(sums * columns));
            let (a, b) = (
                MatRef::from_row_major_slice(&a, rows, sums),
                MatRef::from_row_major_slice(&b, sums, columns),
            );
            for accum in [Accum::Replace, Accum::Add] {
                let product = |parts| {
                    let mut out = vec![1.0; rows * columns];
                    halve(
                        MatMut::from_row_major_slice_mut(&mut out, rows, columns),
                        accum,
                        a,
                        b,
                        parts,
                    );
                    out
                };
                let whole = product(1);
                let most = rows.max(columns) / SIDE;
                for parts in [2, 4, 8].into_iter().filter(|parts| *parts <= most) {
                    assert_eq!(product(parts), whole, "{rows} × {columns} in {parts} parts");
                }
            }
        }
    }

    /// Catches: small products whose threads cost more than they save, parts too narrow.
    #[test]
    fn small_products_are_not_cut() {
        assert_eq!([0, PART - 1, PART, 2 * PART - 1].map(|work| parts(work, 1 << 20)), [1; 4]);
        assert_eq!([2, 3, 4, 100].map(|times| parts(times * PART, 1 << 20)), [2, 2, 4, PARTS]);
        assert_eq!([1, 2 * SIDE - 1, 2 * SIDE].map(|side| parts(100 * PART, side)), [1, 1, 2]);
    }

    /// Catches: rows left out or given twice where parts meet.
    #[test]
    fn every_row_is_in_one_part() {
        for (rows, work) in [(0, 9 * PART), (5, 0), (2 * SIDE + 1, 2 * PART), (1003, 9 * PART)] {
            let mut out = vec![0; rows * 3];
            by_rows(&mut out, 3, work, |range, out| {
                assert_eq!(out.len(), range.len() * 3);
                range.zip(out.chunks_mut(3)).for_each(|(row, out)| {
                    out.iter_mut().for_each(|out| *out += 1 + row);
                });
            });
            assert!(out.chunks(3).enumerate().all(|(row, out)| out == [1 + row; 3]));
        }
    }
}
