//! Transposition of matrices: what turns one layout of activations or gradients into another.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::cpu::geometry::ConvError;
use crate::cpu::instructions::InstructionSet;

/// Side of the blocks that are transposed at a time: a register of the widest set.
const SIDE: usize = 16;
/// Target rows of a job.
const JOB: usize = 256;
/// Numbers from which on threads are worth their start: about as many microseconds as waking one takes.
const PARALLEL: usize = 1 << 18;

/// Reorders samples of `[rows, features]` to `[features, rows]`, the layout of the kernels: with
/// features = channels × height × width, `[rows, channels, height, width]` becomes
/// `[channels, height, width, rows]`.
///
/// # Errors
///
/// When the samples are not `rows` × a whole number, or the target has another length.
pub fn to_batch_last(samples: &[f32], rows: usize, target: &mut [f32]) -> Result<(), ConvError> {
    let features = features(samples, rows, target)?;
    transpose(Matrix { values: samples, rows, columns: features }, target, rows, false);
    Ok(())
}

/// The inverse of [`to_batch_last`]: `[channels, height, width, rows]` to
/// `[rows, channels, height, width]`.
///
/// # Errors
///
/// When the planes are not `rows` × a whole number, or the target has another length.
pub fn to_batch_first(planes: &[f32], rows: usize, target: &mut [f32]) -> Result<(), ConvError> {
    let features = features(planes, rows, target)?;
    transpose(Matrix { values: planes, rows: features, columns: rows }, target, features, false);
    Ok(())
}

fn features(source: &[f32], rows: usize, target: &[f32]) -> Result<usize, ConvError> {
    if !source.len().is_multiple_of(rows.max(1)) {
        return Err(ConvError::Batch { what: "batch", found: source.len(), multiple: rows });
    }
    if target.len() != source.len() {
        let (found, expected) = (target.len(), source.len());
        return Err(ConvError::Length { what: "reordered batch", found, expected });
    }
    Ok(source.len() / rows.max(1))
}

/// `rows` × `columns` numbers, row after row.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// Writes the first columns of the matrix, as many as the target has rows of `stride` numbers, as those
/// rows, or adds them to what the target holds. Numbers between the rows stay as they are.
pub(crate) fn transpose(matrix: Matrix, target: &mut [f32], stride: usize, add: bool) {
    if matrix.values.is_empty() {
        return;
    }
    let instructions = InstructionSet::best();
    let one = |(job, target): (usize, &mut [f32])| {
        instructions.run(Part { matrix, from: job * JOB, target, stride, add });
    };
    if matrix.values.len() >= PARALLEL && rayon::current_num_threads() > 1 {
        target.par_chunks_mut(JOB * stride).enumerate().for_each(one);
    } else {
        target.chunks_mut(JOB * stride).enumerate().for_each(one);
    }
}

/// The columns of the matrix from `from` on, as many as the target has rows.
struct Part<'a> {
    matrix: Matrix<'a>,
    from: usize,
    target: &'a mut [f32],
    stride: usize,
    add: bool,
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { matrix: Matrix { values, rows, columns }, from, target, stride, add } = self;
        for (block, target) in target.chunks_mut(SIDE * stride).enumerate() {
            let from = from + block * SIDE;
            let width = SIDE.min(target.len().div_ceil(stride));
            for row in (0..rows).step_by(SIDE) {
                let height = SIDE.min(rows - row);
                let values = &values[row * columns + from..];
                let target = &mut target[row..];
                if width == SIDE && height == SIDE {
                    let mut square = [[0.0; SIDE]; SIDE];
                    for (r, square) in square.iter_mut().enumerate() {
                        square.copy_from_slice(&values[r * columns..][..SIDE]);
                    }
                    for c in 0..SIDE {
                        let mut column = [0.0; SIDE];
                        for r in 0..SIDE {
                            column[r] = square[r][c];
                        }
                        let to = &mut target[c * stride..][..SIDE];
                        if add {
                            to.iter_mut().zip(column).for_each(|(to, from)| *to += from);
                        } else {
                            to.copy_from_slice(&column);
                        }
                    }
                } else {
                    for c in 0..width {
                        for r in 0..height {
                            let to = &mut target[c * stride + r];
                            let from = values[r * columns + c];
                            *to = if add { *to + from } else { from };
                        }
                    }
                }
            }
        }
    }
}
