//! The kernels of the gradient by the weights.
//!
//! A *pair* is an input channel and a tap; the gradient is one number for each output and pair,
//!
//! ```text
//! dw[output][pair] = Σ_target  dy[output][target] · x[pair][target]
//! ```
//!
//! Two kernels compute it. *Dot products* run registers along the targets: good for any number of
//! outputs, at the price of summing each register in the end. *Outer products* run registers along
//! the outputs, of dy transposed, and are faster where the outputs fill registers.

// See `tile.rs`: sums have to be indexed by loops that are unrolled.
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::cpu::correlation::{Planes, Segment};
use crate::cpu::instructions::{InstructionSet, mul_add};
use crate::cpu::tile::copy;
use crate::cpu::transpose::{Matrix, transpose};

/// Targets of a block of dot products: four channels of dy of this length are 16 KB, half of a first
/// cache of 32 KB, with the other half for the windows of x.
const DOT_BLOCK: usize = 1024;
/// Targets of a block of outer products. Partial sums this short also keep rounding errors small.
const OUTER_BLOCK: usize = 512;
/// Jobs a thread.
const JOBS: usize = 4;

/// The gradient by the weights of one group.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) planes: &'a Planes,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) taps: usize,
    pub(crate) columns: usize,
    /// The arranged planes of the group's inputs.
    pub(crate) source: &'a [f32],
    /// `[outputs][target]`.
    pub(crate) output_gradient: &'a [f32],
}

/// The gradient of one group, `[outputs][pairs]`.
pub(crate) struct Gradient<'a> {
    pub(crate) values: &'a mut [f32],
    /// Whether to add to what it holds.
    pub(crate) add: bool,
}

impl Group<'_> {
    fn pairs(&self) -> usize {
        self.inputs * self.taps
    }

    /// Where the windows of the pairs begin.
    fn starts(&self) -> Vec<usize> {
        let rows = self.planes.row_offsets();
        let (plane, step, columns) = (self.planes.plane(), self.planes.column_step(), self.columns);
        let taps = move |input: usize, row: usize| {
            (0..columns).map(move |column| input * plane + row + column * step)
        };
        let rows = &rows;
        (0..self.inputs).flat_map(|i| rows.iter().flat_map(move |row| taps(i, *row))).collect()
    }
}

/// Pairs from which on outer products pay for the transposition of dy. Measured with AVX2: dot products
/// are faster with 20 and 40 pairs, outer products with 80.
const OUTER_PAIRS: usize = 64;

/// Whether a layer is computed by outer products: where outputs fill three quarters of their registers,
/// and the limit above says so.
pub(crate) fn by_outer_products(
    outputs: usize,
    pairs: usize,
    instructions: InstructionSet,
) -> bool {
    let filled = 4 * outputs >= 3 * outputs.next_multiple_of(instructions.lanes());
    filled && pairs >= OUTER_PAIRS
}

/// Outputs that outer products compute together: the registers of a tile.
fn panel(instructions: InstructionSet) -> usize {
    let registers = if instructions.has_32_registers() { 3 } else { 2 };
    registers * instructions.lanes()
}

/// The panels of so many outputs, all of `panel` but the last ones.
fn panels(outputs: usize, instructions: InstructionSet) -> Vec<Range<usize>> {
    let (panel, lanes) = (panel(instructions), instructions.lanes());
    let mut panels = Vec::new();
    let mut first = 0;
    while first < outputs {
        let left = (outputs - first).div_ceil(lanes) * lanes;
        // A register more than a panel is two and two, as one alone would wait for its sums.
        let width = if left == panel + lanes { left / 2 } else { left.min(panel) };
        let width = width.next_multiple_of(lanes);
        panels.push(first..first + width);
        first += width;
    }
    panels
}

/// Numbers of the two buffers that outer products need: dy transposed, and the sums.
pub(crate) fn buffers(group: &Group, instructions: InstructionSet) -> (usize, usize) {
    let padded = group.outputs.next_multiple_of(instructions.lanes());
    (group.planes.target() * padded, group.pairs() * padded)
}

/// The gradient `[outputs][pairs]` by outer products.
pub(crate) fn outer(
    group: &Group,
    instructions: InstructionSet,
    [transposed, sums]: [&mut [f32]; 2],
    gradient: &mut Gradient,
    parallel: bool,
) {
    let (outputs, targets, pairs) = (group.outputs, group.planes.target(), group.pairs());
    let panels = panels(outputs, instructions);
    let mut left = &mut *transposed;
    for panel in &panels {
        let (to, rest) = left.split_at_mut(panel.len() * targets);
        let rows = panel.len().min(outputs - panel.start);
        let values = &group.output_gradient[panel.start * targets..][..rows * targets];
        transpose(Matrix { values, rows, columns: targets }, to, panel.len(), false);
        left = rest;
    }
    let starts = group.starts();
    let pairs_at_once = if instructions.has_32_registers() { 8 } else { 6 };
    let wanted = if parallel { JOBS * rayon::current_num_threads() } else { 1 };
    let job = pairs.div_ceil(pairs_at_once).div_ceil(wanted) * pairs_at_once;
    let padded = sums.len() / pairs;
    let transposed = &*transposed;
    let one = |(starts, sums): (&[usize], &mut [f32])| {
        instructions.run(OuterJob { group, starts, transposed, panels: &panels, sums });
    };
    if parallel {
        starts.par_chunks(job).zip(sums.par_chunks_mut(job * padded)).for_each(one);
    } else {
        starts.chunks(job).zip(sums.chunks_mut(job * padded)).for_each(one);
    }
    // The surplus columns of the sums are left out: the gradient has no rows for them.
    for (at, sums) in sums.chunks(job * padded).enumerate() {
        let rows = sums.len() / padded;
        let mut left = sums;
        for panel in &panels {
            let (values, rest) = left.split_at(rows * panel.len());
            let end = panel.end.min(outputs);
            let to = panel.start * pairs + at * job..(end - 1) * pairs + at * job + rows;
            let matrix = Matrix { values, rows, columns: panel.len() };
            transpose(matrix, &mut gradient.values[to], pairs, gradient.add);
            left = rest;
        }
    }
}

/// Outer products of some pairs with all outputs.
struct OuterJob<'a> {
    group: &'a Group<'a>,
    starts: &'a [usize],
    /// `[panel][target][output]`
    transposed: &'a [f32],
    panels: &'a [Range<usize>],
    /// `[panel][pair][output]`
    sums: &'a mut [f32],
}

impl WithSimd for OuterJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            outer_blocks::<S, 8>(simd, self);
        } else {
            outer_blocks::<S, 6>(simd, self);
        }
    }
}

#[inline(always)]
fn outer_blocks<S: Simd, const A: usize>(simd: S, job: OuterJob) {
    let OuterJob { group, starts, transposed, panels, sums } = job;
    let targets = group.planes.target();
    for from in (0..targets).step_by(OUTER_BLOCK) {
        let segments = group.planes.segments(from, targets.min(from + OUTER_BLOCK));
        let (mut transposed, mut sums) = (transposed, &mut *sums);
        for panel in panels {
            let width = panel.len();
            let (panel, rest) = transposed.split_at(targets * width);
            let (sums_here, sums_rest) = sums.split_at_mut(starts.len() * width);
            (transposed, sums) = (rest, sums_rest);
            for (starts, sums) in starts.chunks(A).zip(sums_here.chunks_mut(A * width)) {
                let starts = std::array::from_fn(|a| starts[a.min(starts.len() - 1)]);
                let tile = OuterTile::<A> {
                    source: group.source,
                    starts: &starts,
                    segments: &segments,
                    transposed: panel,
                    sums,
                    add: from > 0,
                };
                match width / S::F32_LANES {
                    3 => simd.vectorize(Wide::<A, 3>(tile)),
                    2 => simd.vectorize(Wide::<A, 2>(tile)),
                    _ => simd.vectorize(Wide::<A, 1>(tile)),
                }
            }
        }
    }
}

/// `A` pairs by the registers of a panel.
struct OuterTile<'a, const A: usize> {
    source: &'a [f32],
    starts: &'a [usize; A],
    segments: &'a [Segment],
    /// `[target][output]`
    transposed: &'a [f32],
    /// `[pair][output]`, of fewer than `A` pairs at the end: surplus sums are dropped.
    sums: &'a mut [f32],
    add: bool,
}

struct Wide<'a, const A: usize, const V: usize>(OuterTile<'a, A>);

impl<const A: usize, const V: usize> WithSimd for Wide<'_, A, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let OuterTile { source, starts, segments, transposed, sums: to, add } = self.0;
        let width = V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; A];
        for &Segment { source: at, target, len } in segments {
            let mut x: [&[f32]; A] = [&[]; A];
            for a in 0..A {
                x[a] = &source[starts[a] + at..][..len];
            }
            let rows = transposed[target * width..][..len * width].chunks_exact(width);
            for (i, row) in (0..len).zip(rows) {
                let row = &S::as_simd_f32s(row).0[..V];
                let mut y = [simd.splat_f32s(0.0); V];
                for v in 0..V {
                    y[v] = row[v];
                }
                for a in 0..A {
                    let x = simd.splat_f32s(x[a][i]);
                    for v in 0..V {
                        sums[a][v] = mul_add(simd, y[v], x, sums[a][v]);
                    }
                }
            }
        }
        let sums = copy(simd.splat_f32s(0.0), &sums);
        for (sums, to) in sums.iter().zip(to.chunks_exact_mut(width)) {
            let to = &mut S::as_mut_simd_f32s(to).0[..V];
            for v in 0..V {
                to[v] = if add { simd.add_f32s(to[v], sums[v]) } else { sums[v] };
            }
        }
    }
}

/// The gradients `[outputs][pairs]` of all groups by dot products.
pub(crate) fn dot<'a>(
    groups: impl Iterator<Item = (Group<'a>, Gradient<'a>)>,
    instructions: InstructionSet,
    parallel: bool,
) {
    let groups = groups.collect::<Vec<_>>();
    let Some((group, _)) = groups.first() else { return };
    let (starts, pairs) = (group.starts(), group.pairs());
    let tile = DotTile::of(group.outputs, instructions);
    let blocks = group.outputs.div_ceil(tile.outputs) * groups.len();
    let wanted = if parallel { JOBS * rayon::current_num_threads() } else { 1 };
    let parts = wanted.div_ceil(blocks).clamp(1, pairs.div_ceil(tile.pairs));
    let part = pairs.div_ceil(tile.pairs).div_ceil(parts) * tile.pairs;
    let mut jobs = Vec::new();
    for (group, gradient) in groups {
        let gradient_add = gradient.add;
        for (block, rows) in gradient.values.chunks_mut(tile.outputs * pairs).enumerate() {
            let first = jobs.len();
            for row in rows.chunks_exact_mut(pairs) {
                for (at, gradient) in row.chunks_mut(part).enumerate() {
                    if jobs.len() == first + at {
                        let starts = &starts[at * part..][..gradient.len()];
                        let output = block * tile.outputs;
                        let (add, gradient) = (gradient_add, Vec::new());
                        jobs.push(DotJob { group, starts, output, gradient, add });
                    }
                    jobs[first + at].gradient.push(gradient);
                }
            }
        }
    }
    let one = |job: DotJob| instructions.run(job);
    if parallel {
        jobs.into_par_iter().for_each(one);
    } else {
        jobs.into_iter().for_each(one);
    }
}

/// Outputs and pairs of a tile of dot products.
struct DotTile {
    outputs: usize,
    pairs: usize,
}

impl DotTile {
    /// The tile of a layer: nearly all registers hold sums. A depthwise layer has one output a group,
    /// and nine pairs are a filter of 3x3.
    fn of(outputs: usize, instructions: InstructionSet) -> Self {
        match (outputs, instructions.has_32_registers()) {
            (1, _) => Self { outputs: 1, pairs: 9 },
            (_, true) => Self { outputs: 4, pairs: 5 },
            (_, false) => Self { outputs: 3, pairs: 3 },
        }
    }
}

/// Dot products of the outputs of one tile with some pairs.
struct DotJob<'a> {
    group: Group<'a>,
    starts: &'a [usize],
    output: usize,
    gradient: Vec<&'a mut [f32]>,
    add: bool,
}

impl WithSimd for DotJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.group.outputs == 1 {
            dot_blocks::<S, 1, 9>(simd, self);
        } else if S::REGISTER_COUNT >= 32 {
            dot_blocks::<S, 4, 5>(simd, self);
        } else {
            dot_blocks::<S, 3, 3>(simd, self);
        }
    }
}

#[inline(always)]
fn dot_blocks<S: Simd, const A: usize, const B: usize>(simd: S, job: DotJob) {
    let DotJob { group, starts, output, mut gradient, add } = job;
    let targets = group.planes.target();
    // Surplus outputs and pairs of the last tiles repeat the last one, and their sums are dropped.
    let last = gradient.len() - 1;
    let output_gradients = std::array::from_fn(|a| {
        &group.output_gradient[(output + a.min(last)) * targets..][..targets]
    });
    for from in (0..targets).step_by(DOT_BLOCK) {
        let segments = group.planes.segments(from, targets.min(from + DOT_BLOCK));
        for first in (0..starts.len()).step_by(B) {
            let starts = std::array::from_fn(|b| starts[(first + b).min(starts.len() - 1)]);
            let source = group.source;
            let sums = simd.vectorize(Dot::<A, B> {
                output_gradients: &output_gradients,
                source,
                starts,
                segments: &segments,
            });
            for (row, sums) in gradient.iter_mut().zip(sums) {
                for (to, sum) in row[first..].iter_mut().zip(sums) {
                    *to = if add || from > 0 { *to + sum } else { sum };
                }
            }
        }
    }
}

/// `A` outputs by `B` pairs.
struct Dot<'a, const A: usize, const B: usize> {
    output_gradients: &'a [&'a [f32]; A],
    source: &'a [f32],
    starts: [usize; B],
    segments: &'a [Segment],
}

impl<const A: usize, const B: usize> WithSimd for Dot<'_, A, B> {
    type Output = [[f32; B]; A];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [[f32; B]; A] {
        let Self { output_gradients, source, starts, segments } = self;
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; B]; A];
        for &Segment { source: at, target, len } in segments {
            let whole = len / S::F32_LANES;
            let rest = whole * S::F32_LANES..len;
            let mut y: [&[S::f32s]; A] = [&[]; A];
            for a in 0..A {
                y[a] = &S::as_simd_f32s(&output_gradients[a][target..][..len]).0[..whole];
            }
            let mut x: [&[S::f32s]; B] = [&[]; B];
            for b in 0..B {
                x[b] = &S::as_simd_f32s(&source[starts[b] + at..][..len]).0[..whole];
            }
            for i in 0..whole {
                let mut ys = [zero; A];
                for a in 0..A {
                    ys[a] = y[a][i];
                }
                for b in 0..B {
                    let x = x[b][i];
                    for a in 0..A {
                        sums[a][b] = mul_add(simd, ys[a], x, sums[a][b]);
                    }
                }
            }
            if !rest.is_empty() {
                let mut ys = [zero; A];
                for a in 0..A {
                    ys[a] = simd.partial_load_f32s(&output_gradients[a][target..][rest.clone()]);
                }
                for b in 0..B {
                    let x = simd.partial_load_f32s(&source[starts[b] + at..][rest.clone()]);
                    for a in 0..A {
                        sums[a][b] = mul_add(simd, ys[a], x, sums[a][b]);
                    }
                }
            }
        }
        let sums = copy(zero, &sums);
        let mut out = [[0.0; B]; A];
        for a in 0..A {
            for b in 0..B {
                out[a][b] = simd.reduce_sum_f32s(sums[a][b]);
            }
        }
        out
    }
}
