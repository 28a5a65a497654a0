//! The one sum behind all passes, and the layout in which its taps become plain offsets.
//!
//! ```text
//! target[r][c] = Σ_channel Σ_ky Σ_kx  w[channel][ky][kx] · source[channel][start.row + r · stride.height + ky]
//!                                                                 [start.column + c · stride.width + kx]
//! ```
//!
//! with zeros outside the source. The forward pass is one such sum with `start` = −padding. The
//! gradient by the input is one for each residue of a pixel's position modulo the stride.

use rayon::prelude::*;

use crate::cpu::geometry::Size;

/// Numbers behind every plane, of any value: the widest register, so that a register that begins on the
/// last pixel may be loaded whole.
const TAIL: usize = 16;
/// Targets narrower than this are computed over [`Planes::shifted`] copies. 16 is the widest
/// register: a row of a single sample fills it from there on.
const NARROW: usize = 16;

/// A row and a column that may lie outside the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) row: isize,
    pub(crate) column: isize,
}

/// The sum of this file: which source pixels each target pixel reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Correlation {
    pub(crate) kernel: Size,
    pub(crate) stride: Size,
    pub(crate) start: Offset,
    pub(crate) source: Size,
    pub(crate) target: Size,
}

/// Neighbouring numbers of a target, and where the numbers that they read begin in a source plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) len: usize,
}

/// How the source of a correlation is arranged for a batch of `rows` samples. Every channel is a
/// plane of its own, in one of two layouts:
///
/// - wide targets with stride 1: `[source row][source column][sample]` with the border of zeros, so
///   the tap (ky, kx) is at `ky * pitch + kx * rows`; registers run along the rows of the target;
/// - all others, `shifted`: `[kx][ky mod stride][row][target column][sample]`, one copy of the source
///   for each kernel column, so registers run over the whole target and small maps fill them.
///
/// Both sum in the same order, so a target has the same bits in either.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes {
    correlation: Correlation,
    rows: usize,
    shifted: bool,
    phases: usize,
    plane_rows: usize,
    columns: usize,
}

impl Planes {
    pub(crate) fn new(correlation: Correlation, rows: usize) -> Self {
        let Correlation { stride, target, .. } = correlation;
        let shifted = target.width < NARROW || stride != Size::square(1);
        Self::arranged(correlation, rows, shifted)
    }

    /// A copy of the source for each kernel column, of any target.
    pub(crate) fn shifted(correlation: Correlation, rows: usize) -> Self {
        Self::arranged(correlation, rows, true)
    }

    fn arranged(correlation: Correlation, rows: usize, shifted: bool) -> Self {
        let Correlation { kernel, stride, target, .. } = correlation;
        Self {
            correlation,
            rows,
            shifted,
            phases: stride.height.min(kernel.height),
            plane_rows: target.height + (kernel.height - 1) / stride.height,
            columns: if shifted { target.width } else { target.width + kernel.width - 1 },
        }
    }

    /// From a row to the next.
    fn pitch(&self) -> usize {
        self.columns * self.rows
    }

    fn copy_len(&self) -> usize {
        self.phases * self.plane_rows * self.pitch()
    }

    fn copies(&self) -> usize {
        if self.shifted { self.correlation.kernel.width } else { 1 }
    }

    /// Numbers of a plane, a multiple of the widest register.
    pub(crate) fn plane(&self) -> usize {
        (self.copies() * self.copy_len()).next_multiple_of(TAIL) + TAIL
    }

    /// From a tap to its right neighbour.
    pub(crate) fn column_step(&self) -> usize {
        if self.shifted { self.copy_len() } else { self.rows }
    }

    /// Where the first tap of each kernel row is, seen from the source of a [`Segment`].
    pub(crate) fn row_offsets(&self) -> Vec<usize> {
        let stride = self.correlation.stride.height;
        let row = |ky: usize| (ky % stride) * self.plane_rows + ky / stride;
        (0..self.correlation.kernel.height).map(|ky| row(ky) * self.pitch()).collect()
    }

    /// Where a tap is, seen from the source of a [`Segment`].
    pub(crate) fn tap(&self, ky: usize, kx: usize) -> usize {
        let stride = self.correlation.stride.height;
        ((ky % stride) * self.plane_rows + ky / stride) * self.pitch() + kx * self.column_step()
    }

    /// Numbers of one channel of the target.
    pub(crate) fn target(&self) -> usize {
        self.correlation.target.area() * self.rows
    }

    /// The pieces of `from..to` of the target.
    pub(crate) fn segments(&self, from: usize, to: usize) -> Vec<Segment> {
        if self.shifted {
            return vec![Segment { source: from, target: from, len: to - from }];
        }
        let run = self.correlation.target.width * self.rows;
        let mut segments = Vec::new();
        let mut at = from;
        while at < to {
            let len = (run - at % run).min(to - at);
            segments.push(Segment { source: at / run * self.pitch() + at % run, target: at, len });
            at += len;
        }
        segments
    }

    /// Arranges `source` of `[channels][height][width][rows]`.
    pub(crate) fn arrange(&self, source: &[f32], planes: &mut [f32], parallel: bool) {
        let channel = self.correlation.source.area() * self.rows;
        if channel == 0 {
            return;
        }
        let one = |(source, plane): (&[f32], &mut [f32])| self.arrange_channel(source, plane);
        if parallel {
            source
                .par_chunks_exact(channel)
                .zip(planes.par_chunks_exact_mut(self.plane()))
                .for_each(one);
        } else {
            source.chunks_exact(channel).zip(planes.chunks_exact_mut(self.plane())).for_each(one);
        }
    }

    fn arrange_channel(&self, source: &[f32], plane: &mut [f32]) {
        let Correlation { stride, start, source: size, .. } = self.correlation;
        let mut rows = plane.chunks_exact_mut(self.pitch());
        for kx in 0..self.copies() {
            // The target columns that read inside the source: before and after them are zeros.
            let first = start.column + kx as isize;
            let from = (-first).max(0).unsigned_abs().div_ceil(stride.width).min(self.columns);
            let to = (size.width as isize - first).max(0).unsigned_abs().div_ceil(stride.width);
            let to = to.clamp(from, self.columns);
            let column = (first + (from * stride.width) as isize).max(0).unsigned_abs();
            for phase in 0..self.phases {
                for r in 0..self.plane_rows {
                    let Some(row) = rows.next() else { return };
                    let from_row = start.row + (phase + r * stride.height) as isize;
                    let inside = usize::try_from(from_row).ok().filter(|row| *row < size.height);
                    let Some(from_row) = inside.filter(|_| from < to) else {
                        row.fill(0.0);
                        continue;
                    };
                    row[..from * self.rows].fill(0.0);
                    row[to * self.rows..].fill(0.0);
                    let source = &source[(from_row * size.width + column) * self.rows..];
                    let row = &mut row[from * self.rows..to * self.rows];
                    if stride.width == 1 {
                        row.copy_from_slice(&source[..row.len()]);
                    } else {
                        let pixels = source.chunks(stride.width * self.rows);
                        for (to, from) in row.chunks_exact_mut(self.rows).zip(pixels) {
                            copy_pixel(to, &from[..self.rows]);
                        }
                    }
                }
            }
        }
    }
}

/// Copies the numbers of all samples at one pixel. They are few, and a call that copies any number of
/// them would take longer than the copy: so two copies of a fixed length that may overlap.
#[inline(always)]
pub(crate) fn copy_pixel(to: &mut [f32], from: &[f32]) {
    match to.len() {
        0..4 => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        4..8 => copy_ends::<4>(to, from),
        8..16 => copy_ends::<8>(to, from),
        16..=32 => copy_ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies between `L` and twice `L` numbers.
#[inline(always)]
fn copy_ends<const L: usize>(to: &mut [f32], from: &[f32]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<L>(), from.first_chunk::<L>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<L>(), from.last_chunk::<L>()) {
        *to = *from;
    }
}
