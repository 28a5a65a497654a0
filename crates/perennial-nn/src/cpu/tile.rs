//! The kernel of the forward pass and of the gradient by the input.

// Sums have to be indexed by loops that are unrolled: iterators of unknown length put them in memory.
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::cpu::correlation::{Planes, Segment};
use crate::cpu::instructions::{InstructionSet, load, mul_add};

/// Targets of a band: 48 registers of 16 numbers, a multiple of every tile's width.
const BAND: usize = 768;
/// Numbers of the source that are read again for each block of outputs: less than half of a second cache
/// of 512 KB, with room for weights and targets. Measured on a core with such a cache: 76 GFLOP/s over
/// the forward pass of the narrow network, against 73 with 512 KB.
const CACHED: usize = 192 * 1024 / size_of::<f32>();
/// Jobs a thread, so that threads that are slower for a while get fewer.
const JOBS: usize = 4;

/// One pass over arranged planes: `groups` times `outputs` channels, each a sum over the `inputs`
/// channels of its group.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) planes: &'a Planes,
    pub(crate) groups: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) taps: usize,
    pub(crate) columns: usize,
    pub(crate) source: &'a [f32],
    /// `[group][block of outputs][input][tap][output of the block]`.
    pub(crate) weights: &'a [f32],
}

/// Outputs of a tile for a layer of `outputs` channels a group.
pub(crate) fn block(outputs: usize, instructions: InstructionSet) -> usize {
    let sizes: &[usize] =
        if instructions.has_32_registers() { &[10, 8, 4, 1] } else { &[6, 5, 4, 1] };
    // A tile takes as long as its outputs, those that it lacks included, and about one more for what it
    // loads.
    let cost = |size: &usize| outputs.div_ceil(*size) * (size + 1);
    sizes.iter().copied().min_by_key(cost).unwrap_or(1)
}

/// Neighbouring targets of some channels of one group.
struct Job<'a> {
    group: usize,
    block: usize,
    from: usize,
    targets: Vec<&'a mut [f32]>,
}

/// Computes `target`, `[groups · outputs][height][width][rows]`. Only how the work is split depends on
/// the number of threads.
pub(crate) fn run(pass: &Pass, instructions: InstructionSet, target: &mut [f32], parallel: bool) {
    let band = pass.planes.band(BAND);
    let block = block(pass.outputs, instructions);
    let blocks = pass.outputs.div_ceil(block);
    let bands = pass.planes.target().div_ceil(band);
    let wanted = if parallel { JOBS * rayon::current_num_threads() } else { 1 };
    let split = blocks.div_ceil(wanted.div_ceil(bands * pass.groups).clamp(1, blocks)) * block;
    let mut jobs = Vec::new();
    for (group, channels) in
        target.chunks_exact_mut(pass.outputs * pass.planes.target()).enumerate()
    {
        for (part, channels) in channels.chunks_mut(split * pass.planes.target()).enumerate() {
            let first = jobs.len();
            for channel in channels.chunks_exact_mut(pass.planes.target()) {
                for (at, targets) in channel.chunks_mut(band).enumerate() {
                    if jobs.len() == first + at {
                        let (block, from) = (part * split / block, at * band);
                        jobs.push(Job { group, block, from, targets: Vec::new() });
                    }
                    jobs[first + at].targets.push(targets);
                }
            }
        }
    }
    let one = |job: Job| instructions.run(Bands { pass, block, job });
    if parallel {
        jobs.into_par_iter().for_each(one);
    } else {
        jobs.into_iter().for_each(one);
    }
}

struct Bands<'a> {
    pass: &'a Pass<'a>,
    block: usize,
    job: Job<'a>,
}

impl WithSimd for Bands<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pass, block, job } = self;
        // The tiles that use nearly all registers for sums and still leave room for what they load.
        if S::REGISTER_COUNT >= 32 {
            match block {
                10 => blocks::<S, 10, 2>(simd, pass, job),
                8 => blocks::<S, 8, 3>(simd, pass, job),
                4 => blocks::<S, 4, 5>(simd, pass, job),
                _ => blocks::<S, 1, 8>(simd, pass, job),
            }
        } else {
            match block {
                6 => blocks::<S, 6, 2>(simd, pass, job),
                5 => blocks::<S, 5, 2>(simd, pass, job),
                4 => blocks::<S, 4, 2>(simd, pass, job),
                _ => blocks::<S, 1, 4>(simd, pass, job),
            }
        }
    }
}

/// A register of targets: where its first tap and it are, and how many of its numbers count.
#[derive(Clone, Copy)]
struct Place {
    source: usize,
    target: usize,
    lanes: usize,
}

#[inline(always)]
fn blocks<S: Simd, const Q: usize, const V: usize>(simd: S, pass: &Pass, job: Job) {
    match pass.columns {
        1 => blocks_of::<S, Q, V, 1>(simd, pass, job),
        2 => blocks_of::<S, Q, V, 2>(simd, pass, job),
        3 => blocks_of::<S, Q, V, 3>(simd, pass, job),
        _ => blocks_of::<S, Q, V, 0>(simd, pass, job),
    }
}

#[inline(always)]
fn blocks_of<S: Simd, const Q: usize, const V: usize, const C: usize>(
    simd: S,
    pass: &Pass,
    mut job: Job,
) {
    let len = job.targets.first().map_or(0, |target| target.len());
    let plane = pass.planes.plane();
    let mut places = Vec::with_capacity(len / S::F32_LANES + 1);
    for Segment { source, target, len } in pass.planes.segments(job.from, job.from + len) {
        places.extend((0..len).step_by(S::F32_LANES).map(|at| Place {
            source: source + at,
            target: target - job.from + at,
            lanes: S::F32_LANES.min(len - at),
        }));
    }
    let rows = pass.planes.row_offsets();
    let source = &pass.source[job.group * pass.inputs * plane..][..pass.inputs * plane];
    let per_block = pass.inputs * pass.taps;
    let first = job.group * pass.outputs.div_ceil(Q) + job.block;
    let weights = &pass.weights.as_chunks::<Q>().0[first * per_block..];
    let inputs = (CACHED / pass.planes.window(len).max(1)).clamp(1, pass.inputs);
    for (part, source) in source.chunks(inputs * plane).enumerate() {
        let targets = job.targets.chunks_mut(Q);
        for (targets, weights) in targets.zip(weights.chunks_exact(per_block)) {
            let mut tiles = Tiles {
                source,
                plane,
                rows: &rows,
                columns: pass.columns,
                step: pass.planes.column_step(),
                weights: &weights[part * inputs * pass.taps..],
                targets,
                add: part > 0,
            };
            let (whole, rest) = places.as_chunks::<V>();
            for places in whole {
                simd.vectorize(Tile::<Q, V, C> { tiles: &mut tiles, places });
            }
            let (pairs, rest) = if V > 2 { rest.as_chunks::<2>() } else { (&[] as &[_], rest) };
            for places in pairs {
                simd.vectorize(Tile::<Q, 2, C> { tiles: &mut tiles, places });
            }
            for places in rest.as_chunks::<1>().0 {
                simd.vectorize(Tile::<Q, 1, C> { tiles: &mut tiles, places });
            }
        }
    }
}

/// The values that the tiles of one block of outputs share.
struct Tiles<'a, 'b, const Q: usize> {
    source: &'a [f32],
    plane: usize,
    rows: &'a [usize],
    columns: usize,
    step: usize,
    /// `[input][tap]`.
    weights: &'a [[f32; Q]],
    /// Fewer than `Q` in the last block of a group: the surplus sums are dropped.
    targets: &'a mut [&'b mut [f32]],
    /// Whether to add to the targets: all but the first of the cached parts of the source.
    add: bool,
}

/// `Q` outputs by `V` registers.
struct Tile<'a, 'b, 'c, const Q: usize, const V: usize, const C: usize> {
    tiles: &'a mut Tiles<'b, 'c, Q>,
    places: &'a [Place; V],
}

/// Copies element by element: what a loop with branches indexes is then never the sums themselves,
/// which would put them in memory for the whole kernel (a third of the speed).
#[inline(always)]
pub(crate) fn copy<T: Copy, const Q: usize, const V: usize>(
    zero: T,
    from: &[[T; V]; Q],
) -> [[T; V]; Q] {
    let mut to = [[zero; V]; Q];
    for q in 0..Q {
        for v in 0..V {
            to[q][v] = from[q][v];
        }
    }
    to
}

impl<const Q: usize, const V: usize, const C: usize> WithSimd for Tile<'_, '_, '_, Q, V, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tiles { source, plane, rows, columns, step, weights, targets, add } = self.tiles;
        let (plane, step, places) = (*plane, *step, *self.places);
        let columns = if C > 0 { C } else { *columns };
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; V]; Q];
        if *add {
            let mut old = sums;
            for (old, target) in old.iter_mut().zip(targets.iter()) {
                for v in 0..V {
                    old[v] = simd.partial_load_f32s(&target[places[v].target..][..places[v].lanes]);
                }
            }
            sums = copy(zero, &old);
        }
        let span = (columns - 1) * step + S::F32_LANES;
        for (source, weights) in
            source.chunks_exact(plane).zip(weights.chunks_exact(rows.len() * columns))
        {
            for (row, weights) in rows.iter().zip(weights.chunks_exact(columns)) {
                let mut windows: [&[f32]; V] = [&[]; V];
                for v in 0..V {
                    windows[v] = &source[places[v].source + row..][..span];
                }
                for (kx, weights) in weights.iter().enumerate() {
                    let mut x = [zero; V];
                    for v in 0..V {
                        x[v] = load::<S>(&windows[v][kx * step..]);
                    }
                    for q in 0..Q {
                        let w = simd.splat_f32s(weights[q]);
                        for v in 0..V {
                            sums[q][v] = mul_add(simd, x[v], w, sums[q][v]);
                        }
                    }
                }
            }
        }
        let sums = copy(zero, &sums);
        for (sums, target) in sums.iter().zip(targets.iter_mut()) {
            for v in 0..V {
                let target = &mut target[places[v].target..][..places[v].lanes];
                if target.len() == S::F32_LANES {
                    S::as_mut_simd_f32s(target).0[0] = sums[v];
                } else {
                    simd.partial_store_f32s(target, sums[v]);
                }
            }
        }
    }
}
