//! Strips: the numbers that a few registers of targets read, side by side in the order of the sum.
//!
//! A tile of the forward pass reads, for every input channel and tap, one run of numbers as wide as its
//! registers. In the source these runs lie far apart, which costs address translations and evicts
//! cached lines. A strip is a copy of them that a tile reads from its beginning to its end and that
//! all output channels share:
//!
//! ```text
//! [channel][slot][number]      slot = (row of the source, kernel column)
//! ```
//!
//! A strip covers the same numbers of several neighbouring target rows where that saves copies: two
//! rows of a 3x3 filter share two thirds of what they read.

// See `tile.rs`: registers have to be indexed by loops that are unrolled.
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

use std::ops::Range;

use pulp::Simd;

use crate::cpu::correlation::{Correlation, Planes};
use crate::cpu::geometry::Size;

/// Target rows of a strip of several rows.
const STACKED: usize = 4;
/// Outputs from which on the copies of a strip of a single row cost less than a twentieth of its tiles.
const STACKED_OUTPUTS: usize = 64;
/// Strips of a target row from which on the last one may be partly empty.
const STRIPS: usize = 16;

/// How the source of a pass is cut into strips.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strips {
    correlation: Correlation,
    rows: usize,
    /// The arrangement that strips are copied from; none where they are copied from the source itself.
    planes: Option<Planes>,
    /// Numbers of a line of strips, a part of the target that strips do not cross.
    pub(crate) line: usize,
    /// Lines that a strip covers at most.
    pub(crate) stacked: usize,
}

impl Strips {
    /// Strips of `width` numbers for a pass with so many outputs.
    pub(crate) fn new(correlation: Correlation, rows: usize, outputs: usize, width: usize) -> Self {
        let Correlation { kernel, stride, source, target, .. } = correlation;
        // Taps are then shifts of the whole image, in which some numbers have to be masked.
        let in_place = stride == Size::square(1) && source.width == target.width;
        let row = target.width * rows;
        let stack = in_place && kernel.height > 1 && outputs < STACKED_OUTPUTS;
        let stack = stack && (row.is_multiple_of(width) || row >= STRIPS * width);
        Self {
            correlation,
            rows,
            planes: (!in_place).then(|| Planes::shifted(correlation, rows)),
            line: if stack { row } else { row * target.height },
            stacked: if stack { STACKED.min(target.height) } else { 1 },
        }
    }

    pub(crate) fn planes(&self) -> Option<&Planes> {
        self.planes.as_ref()
    }

    /// Numbers of one channel of the target.
    pub(crate) fn target(&self) -> usize {
        self.correlation.target.area() * self.rows
    }

    /// Numbers from a channel of what strips are copied from to the next.
    pub(crate) fn channel(&self) -> usize {
        match &self.planes {
            Some(planes) => planes.plane(),
            None => self.correlation.source.area() * self.rows,
        }
    }

    /// Slots of a strip that covers so many lines.
    pub(crate) fn slots(&self, lines: usize) -> usize {
        (lines - 1 + self.correlation.kernel.height) * self.correlation.kernel.width
    }

    /// Slots from a line to the next.
    pub(crate) fn line_step(&self) -> usize {
        self.correlation.kernel.width
    }

    /// Plans the copies of a batch of neighbouring strips.
    pub(crate) fn plan(&self, batch: &Targets, plan: &mut Plan) {
        plan.runs.clear();
        plan.masks.clear();
        plan.width = batch.width;
        let kernel = self.correlation.kernel;
        plan.slots = self.slots(batch.lines);
        for slot in 0..plan.slots {
            let (y, kx) = (slot / kernel.width, slot % kernel.width);
            for (strip, from) in batch.range.clone().step_by(batch.width).enumerate() {
                let len = batch.width.min(batch.range.end - from);
                let source = self.source(from, len, y, kx, plan);
                if let (Source::Whole(_), Some(run)) = (&source, plan.runs.last_mut())
                    && let Run { source: Source::Whole(_), slot: last, .. } = run
                    && *last == slot
                {
                    run.strips += 1;
                } else {
                    plan.runs.push(Run { slot, first: strip, strips: 1, source });
                }
            }
        }
    }

    /// Where the targets `from..from + len` of a strip read by row `y` and column `kx` of the kernel.
    fn source(&self, from: usize, len: usize, y: usize, kx: usize, plan: &mut Plan) -> Source {
        let (mask, whole) = (plan.masks.len(), len == plan.width);
        if let Some(planes) = &self.planes {
            let at = planes.tap(y, kx) + from;
            if whole {
                return Source::Whole(at);
            }
            plan.masks.resize(mask + plan.width, 0.0);
            plan.masks[mask..][..len].fill(ONES);
            return Source::Masked { at: at.cast_signed(), mask };
        }
        let Correlation { start, source, .. } = self.correlation;
        let row = source.width * self.rows;
        let down = start.row + y.cast_signed();
        let right = (start.column + kx.cast_signed()) * self.rows.cast_signed();
        let at = from.cast_signed() + down * row.cast_signed() + right;
        // The numbers of a target row that read inside a source row.
        let low = (-right).max(0).unsigned_abs().min(row);
        let high = (row.cast_signed() - right.max(0)).max(0).unsigned_abs();
        let inside = |target: usize| {
            let row = usize::try_from(target.cast_signed() + down).ok();
            row.is_some_and(|row| row < source.height)
        };
        let (first, column) = (from / row, from % row);
        let one_row = column + len <= row;
        if one_row && !inside(first) {
            return Source::Zero;
        }
        if let (true, Ok(at)) = (one_row && whole, usize::try_from(at))
            && (low..=high).contains(&column)
            && column + len <= high
        {
            return Source::Whole(at);
        }
        plan.masks.resize(mask + plan.width, 0.0);
        let ones = &mut plan.masks[mask..][..len];
        let mut done = 0;
        while done < len {
            let (target, column) = ((from + done) / row, (from + done) % row);
            let here = (row - column).min(len - done);
            let (low, high) = (low.max(column), high.min(column + here));
            if inside(target) && low < high {
                ones[done + low - column..done + high - column].fill(ONES);
            }
            done += here;
        }
        Source::Masked { at, mask }
    }
}

/// All bits.
const ONES: f32 = f32::from_bits(u32::MAX);

/// Neighbouring strips.
pub(crate) struct Targets {
    /// Where they begin and end in their first line.
    pub(crate) range: Range<usize>,
    /// Numbers of a strip's slot.
    pub(crate) width: usize,
    pub(crate) lines: usize,
}

/// The copies that fill a batch of strips, the same for all channels.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    width: usize,
    slots: usize,
    runs: Vec<Run>,
    masks: Vec<f32>,
}

/// A slot of neighbouring strips.
#[derive(Debug)]
struct Run {
    slot: usize,
    first: usize,
    strips: usize,
    source: Source,
}

/// Where the numbers of a slot come from, seen from the source of a channel.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Outside the image.
    Zero,
    /// The numbers from here on, of all strips of a run.
    Whole(usize),
    /// The numbers from here on, zeros where the bits of the mask are zero.
    Masked { at: isize, mask: usize },
}

/// Some channels that strips are copied from.
#[derive(Clone, Copy)]
pub(crate) struct Channels<'a> {
    /// From the first of the channels on.
    pub(crate) source: &'a [f32],
    /// Numbers from a channel to the next.
    pub(crate) channel: usize,
    pub(crate) channels: usize,
}

impl Channels<'_> {
    /// Copies neighbouring strips of `V` registers, each `size` numbers behind the one before: slot
    /// after slot, so that the source is read in runs as long as all strips.
    #[inline(always)]
    pub(crate) fn copy<S: Simd, const V: usize>(
        &self,
        simd: S,
        plan: &Plan,
        strips: &mut [f32],
        size: usize,
    ) {
        let width = V * S::F32_LANES;
        for channel in 0..self.channels {
            let source = channel * self.channel;
            for run in &plan.runs {
                let slot = (channel * plan.slots + run.slot) * width;
                let strips = &mut strips[run.first * size + slot..];
                match run.source {
                    Source::Zero => strips[..width].fill(0.0),
                    Source::Whole(first) => {
                        let from = &self.source[source + first..][..run.strips * width];
                        let from = from.chunks_exact(width).zip(strips.chunks_mut(size));
                        for (from, to) in from {
                            let from = &S::as_simd_f32s(from).0[..V];
                            let to = &mut S::as_mut_simd_f32s(&mut to[..width]).0[..V];
                            for v in 0..V {
                                to[v] = from[v];
                            }
                        }
                    }
                    Source::Masked { at, mask } => {
                        let (first, mask) = (source.cast_signed() + at, &plan.masks[mask..]);
                        let to = &mut strips[..width];
                        copy_masked(simd, self.source, first, &mask[..width], to);
                    }
                }
            }
        }
    }
}

/// Copies the numbers of `source` from `first` on, zeros where the bits of the mask are zero. The first
/// and the last numbers may lie outside the source: they are masked.
#[inline(always)]
fn copy_masked<S: Simd>(simd: S, source: &[f32], first: isize, mask: &[f32], to: &mut [f32]) {
    let from = usize::try_from(first).ok().and_then(|at| source.get(at..at + to.len()));
    if let Some(from) = from {
        let registers = S::as_simd_f32s(from).0.iter().zip(S::as_simd_f32s(mask).0);
        for (to, (from, mask)) in S::as_mut_simd_f32s(to).0.iter_mut().zip(registers) {
            *to = simd.and_f32s(*from, *mask);
        }
        return;
    }
    for (lane, (to, mask)) in to.iter_mut().zip(mask).enumerate() {
        let at = first + lane.cast_signed();
        let from = usize::try_from(at).ok().filter(|_| mask.to_bits() != 0);
        *to = from.map_or(0.0, |at| source[at]);
    }
}
