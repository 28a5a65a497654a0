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

use pulp::Simd;

use crate::correlation::{Correlation, Planes};
use crate::geometry::Size;

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

/// Where the numbers of a slot come from, seen from the source of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// Outside the image.
    Zero,
    /// All numbers, from here on.
    Whole(usize),
    /// The numbers from here on, zeros where the bits of the mask are zero.
    Masked(isize),
}

impl Strips {
    /// Strips of `width` numbers for a pass with so many outputs.
    pub(crate) fn new(
        correlation: Correlation,
        rows: usize,
        outputs: usize,
        width: usize,
    ) -> Self {
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

    /// Fills `cut` for the strip of `width` numbers, of which `len` count, that begins at the target
    /// `from`.
    pub(crate) fn cut(&self, from: usize, len: usize, width: usize, lines: usize, cut: &mut Cut) {
        cut.slots.clear();
        cut.masks.clear();
        let kernel = self.correlation.kernel;
        let rows = lines - 1 + kernel.height;
        for (y, kx) in (0..rows).flat_map(|y| (0..kernel.width).map(move |kx| (y, kx))) {
            let first = cut.masks.len();
            cut.masks.resize(first + width, 0.0);
            let mask = &mut cut.masks[first..][..len];
            let at = match &self.planes {
                Some(planes) => {
                    mask.fill(ONES);
                    (planes.tap(y, kx) + from).cast_signed()
                }
                None => self.mask(from, y, kx, mask),
            };
            let ones = mask.iter().filter(|number| number.to_bits() != 0).count();
            let slot = match usize::try_from(at) {
                _ if ones == 0 => Slot::Zero,
                Ok(at) if ones == width => Slot::Whole(at),
                _ => Slot::Masked(at),
            };
            cut.slots.push(slot);
        }
    }

    /// Sets the bits of the targets from `from` on that read inside the source by row `y` and column
    /// `kx` of the kernel. Returns where the first one reads.
    fn mask(&self, from: usize, y: usize, kx: usize, mask: &mut [f32]) -> isize {
        let Correlation { start, source, .. } = self.correlation;
        let row = source.width * self.rows;
        let (down, right) = (start.row + y.cast_signed(), start.column + kx.cast_signed());
        let right = right * self.rows.cast_signed();
        // The numbers of a target row that read inside a source row.
        let low = (-right).max(0).unsigned_abs().min(row);
        let high = (row.cast_signed() - right.max(0)).max(0).unsigned_abs();
        let mut at = 0;
        while at < mask.len() {
            let (target, column) = ((from + at) / row, (from + at) % row);
            let len = (row - column).min(mask.len() - at);
            let inside = usize::try_from(target.cast_signed() + down).ok();
            if inside.is_some_and(|row| row < source.height) {
                let (low, high) = (low.max(column), high.min(column + len));
                if low < high {
                    mask[at + low - column..at + high - column].fill(ONES);
                }
            }
            at += len;
        }
        from.cast_signed() + down * row.cast_signed() + right
    }
}

/// All bits.
const ONES: f32 = f32::from_bits(u32::MAX);

/// Where the numbers of one strip come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    slots: Vec<Slot>,
    /// `[slot][number]`
    masks: Vec<f32>,
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
    /// Copies neighbouring strips of `V` registers, each `size` numbers behind the one before: number
    /// after number of each slot, so that the source is read in runs as long as all strips.
    #[inline(always)]
    pub(crate) fn copy<S: Simd, const V: usize>(
        &self,
        simd: S,
        cuts: &[Cut],
        strips: &mut [f32],
        size: usize,
    ) {
        let width = V * S::F32_LANES;
        let slots = cuts.first().map_or(0, |cut| cut.slots.len());
        for at in 0..self.channels {
            let channel = at * self.channel;
            for slot in 0..slots {
                let to = (at * slots + slot) * width;
                for (cut, strip) in cuts.iter().zip(strips.chunks_mut(size)) {
                    let to = &mut strip[to..][..width];
                    match cut.slots[slot] {
                        Slot::Zero => to.fill(0.0),
                        Slot::Whole(first) => {
                            let from = &self.source[channel + first..][..width];
                            let from = &S::as_simd_f32s(from).0[..V];
                            let to = &mut S::as_mut_simd_f32s(to).0[..V];
                            for v in 0..V {
                                to[v] = from[v];
                            }
                        }
                        Slot::Masked(first) => {
                            let mask = &cut.masks[slot * width..][..width];
                            copy_masked(simd, self.source, channel.cast_signed() + first, mask, to);
                        }
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
