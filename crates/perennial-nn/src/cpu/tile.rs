//! The kernel of the forward pass and of the gradient by the input.

// Sums have to be indexed by loops that are unrolled: iterators of unknown length put them in memory.
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::cpu::instructions::{InstructionSet, mul_add};
use crate::cpu::strips::{Channels, Plan, Strips, Targets};
use crate::cpu::workspace::Buffer;

/// Numbers of a strip: 64 channels of a 3x3 filter in strips of 16 numbers. Larger strips are summed in
/// parts of their channels. Measured over 256 channels: 88 GFLOP/s with 24 KB, 91 with 36 KB.
const STRIP: usize = 36 * 1024 / size_of::<f32>();
/// Numbers of the strips that are read again for each block of outputs: less than half of a second
/// cache of 512 KB.
const STRIPS: usize = 192 * 1024 / size_of::<f32>();
/// Targets of a band at most, about.
const BAND: usize = 768;
/// Jobs a thread, so that threads that are slower for a while get fewer.
const JOBS: usize = 4;

/// One pass: `groups` times `outputs` channels, each a sum over the `inputs` channels of its group.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) strips: &'a Strips,
    pub(crate) groups: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) taps: usize,
    /// The source, arranged if the strips ask for it.
    pub(crate) source: &'a [f32],
    /// `[group][block of outputs][input][tap][output of the block]`.
    pub(crate) weights: &'a [f32],
    pub(crate) start: Start<'a>,
}

/// The number that the sum of a target starts from.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// One number for each output.
    Bias(&'a [f32]),
    /// The number that the target holds.
    Target,
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

/// Numbers of a strip's slot: the registers of a tile of so many outputs. The tiles use nearly all
/// registers for sums and still leave room for what they load.
pub(crate) fn width(block: usize, instructions: InstructionSet) -> usize {
    let registers = match (block, instructions.has_32_registers()) {
        (8, _) => 3,
        (4, true) => 5,
        (1, true) => 8,
        (1, false) => 4,
        _ => 2,
    };
    registers * instructions.lanes()
}

/// Neighbouring targets of some channels of one group.
struct Job<'a> {
    group: usize,
    block: usize,
    from: usize,
    targets: Vec<&'a mut [f32]>,
}

/// Computes `target`, `[groups · outputs][height][width][rows]`. Only how the work is split depends on
/// the number of threads. `scratch` gets a buffer for each thread.
pub(crate) fn run(
    pass: &Pass,
    instructions: InstructionSet,
    target: &mut [f32],
    scratch: &mut Vec<Buffer>,
    parallel: bool,
) {
    let block = block(pass.outputs, instructions);
    let width = width(block, instructions);
    let (blocks, len) = (pass.outputs.div_ceil(block), pass.strips.target());
    let threads = if parallel { rayon::current_num_threads() } else { 1 };
    let wanted = if parallel { (JOBS * threads).div_ceil(pass.groups) } else { 1 };
    let band = match pass.strips.stacked {
        1 => (BAND.min(len.div_ceil(wanted)) / width).max(1) * width,
        lines => lines * pass.strips.line,
    };
    // Jobs with other outputs of the same band copy the same strips: only where bands are too few.
    let parts = threads.div_ceil(len.div_ceil(band) * pass.groups).min(blocks);
    let part = blocks.div_ceil(parts) * block;
    let mut jobs = Vec::new();
    for (group, channels) in target.chunks_exact_mut(pass.outputs * len).enumerate() {
        for (at, channels) in channels.chunks_mut(part * len).enumerate() {
            let (first, block) = (jobs.len(), at * part / block);
            for channel in channels.chunks_exact_mut(len) {
                for (at, targets) in channel.chunks_mut(band).enumerate() {
                    if jobs.len() == first + at {
                        jobs.push(Job { group, block, from: at * band, targets: Vec::new() });
                    }
                    jobs[first + at].targets.push(targets);
                }
            }
        }
    }
    scratch.resize_with(threads.max(scratch.len()), Buffer::default);
    if parallel {
        let jobs = Mutex::new(jobs.into_iter());
        // The guard is dropped before the job runs.
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        scratch[..threads].par_iter_mut().with_max_len(1).for_each(|buffer| {
            while let Some(job) = next() {
                instructions.run(Bands { pass, block, job, buffer });
            }
        });
    } else {
        for job in jobs {
            instructions.run(Bands { pass, block, job, buffer: &mut scratch[0] });
        }
    }
}

struct Bands<'a> {
    pass: &'a Pass<'a>,
    block: usize,
    job: Job<'a>,
    buffer: &'a mut Buffer,
}

impl WithSimd for Bands<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The registers are those of `width`.
        if S::REGISTER_COUNT >= 32 {
            match self.block {
                10 => blocks::<S, 10, 2>(simd, self),
                8 => blocks::<S, 8, 3>(simd, self),
                4 => blocks::<S, 4, 5>(simd, self),
                _ => blocks::<S, 1, 8>(simd, self),
            }
        } else {
            match self.block {
                6 => blocks::<S, 6, 2>(simd, self),
                5 => blocks::<S, 5, 2>(simd, self),
                4 => blocks::<S, 4, 2>(simd, self),
                _ => blocks::<S, 1, 4>(simd, self),
            }
        }
    }
}

#[inline(always)]
fn blocks<S: Simd, const Q: usize, const V: usize>(simd: S, mut bands: Bands) {
    let strips = bands.pass.strips;
    let len = bands.job.targets.first().map_or(0, |target| target.len());
    let line = strips.line.min(len);
    if line == 0 {
        return;
    }
    // As many strips of `V` registers as fit in a line, and the rest of two and one.
    let whole = line / (V * S::F32_LANES) * V * S::F32_LANES;
    let pairs = whole + (line - whole) / (2 * S::F32_LANES) * 2 * S::F32_LANES;
    batches::<S, Q, V>(simd, &mut bands, 0..whole, line);
    batches::<S, Q, 2>(simd, &mut bands, whole..pairs, line);
    batches::<S, Q, 1>(simd, &mut bands, pairs..line, line);
}

/// Computes the strips of `V` registers of a part of each line.
#[inline(always)]
fn batches<S: Simd, const Q: usize, const V: usize>(
    simd: S,
    bands: &mut Bands,
    part: Range<usize>,
    line: usize,
) {
    let Bands { pass, job, buffer, .. } = bands;
    let Pass { strips, inputs, .. } = **pass;
    let width = V * S::F32_LANES;
    let lines = job.targets.first().map_or(0, |target| target.len()).div_ceil(line);
    let slots = strips.slots(lines);
    let at_once = (STRIP / (slots * width)).clamp(1, inputs);
    let size = at_once * slots * width;
    let places = part.clone().step_by(width).collect::<Vec<_>>();
    let source = &pass.source[job.group * inputs * strips.channel()..];
    let mut plan = Plan::default();
    for places in places.chunks((STRIPS / size).max(1)) {
        let (from, end) = (places[0], part.end.min(places[0] + places.len() * width));
        let range = job.from + from..job.from + end;
        strips.plan(&Targets { range, width, lines }, &mut plan);
        let buffer = buffer.get(places.len() * size);
        for channel in (0..inputs).step_by(at_once) {
            let channels = at_once.min(inputs - channel);
            let source = &source[channel * strips.channel()..];
            let from = Channels { source, channel: strips.channel(), channels };
            from.copy::<S, V>(simd, &plan, buffer, size);
            let batch = Batch {
                places,
                end: part.end,
                strips: buffer,
                size,
                slots,
                lines,
                line,
                channel,
                channels,
            };
            batch.sum::<S, Q, V>(simd, pass, job);
        }
    }
}

/// Strips of some channels, all in the cache.
struct Batch<'a> {
    /// Where the strips begin in a line.
    places: &'a [usize],
    /// Where the last one ends.
    end: usize,
    strips: &'a [f32],
    /// Numbers from a strip to the next.
    size: usize,
    slots: usize,
    lines: usize,
    line: usize,
    channel: usize,
    channels: usize,
}

impl Batch<'_> {
    /// Adds the sums over these channels to the targets. One block of outputs after another, so that
    /// the targets of an output are written in runs as long as all strips.
    #[inline(always)]
    fn sum<S: Simd, const Q: usize, const V: usize>(&self, simd: S, pass: &Pass, job: &mut Job) {
        let (taps, width) = (pass.taps, V * S::F32_LANES);
        let first = job.group * pass.outputs.div_ceil(Q) + job.block;
        let weights = pass.weights.as_chunks::<Q>().0.chunks_exact(pass.inputs * taps).skip(first);
        for (block, (targets, weights)) in job.targets.chunks_mut(Q).zip(weights).enumerate() {
            let start = match pass.start {
                _ if self.channel > 0 => Start::Target,
                Start::Bias(bias) => {
                    Start::Bias(&bias[job.group * pass.outputs + (job.block + block) * Q..])
                }
                start => start,
            };
            for line in 0..self.lines {
                for (place, strip) in self.places.iter().zip(self.strips.chunks_exact(self.size)) {
                    simd.vectorize(Tile::<Q, V> {
                        strip: &strip[line * pass.strips.line_step() * width..],
                        channel: self.slots * width,
                        channels: self.channels,
                        taps,
                        weights: &weights[self.channel * taps..],
                        targets,
                        at: line * self.line + place,
                        lanes: width.min(self.end - place),
                        start,
                    });
                }
            }
        }
    }
}

/// `Q` outputs by `V` registers.
pub(crate) struct Tile<'a, 'b, const Q: usize, const V: usize> {
    /// From the first slot of the tile on.
    pub(crate) strip: &'a [f32],
    /// Numbers of the strip from a channel to the next.
    pub(crate) channel: usize,
    pub(crate) channels: usize,
    pub(crate) taps: usize,
    /// `[channel][tap]`
    pub(crate) weights: &'a [[f32; Q]],
    /// Fewer than `Q` in the last block of a group: the surplus sums are dropped.
    pub(crate) targets: &'a mut [&'b mut [f32]],
    pub(crate) at: usize,
    pub(crate) lanes: usize,
    pub(crate) start: Start<'a>,
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

impl<const Q: usize, const V: usize> WithSimd for Tile<'_, '_, Q, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { strip, channel, channels, taps, weights, targets, at, lanes, start } = self;
        let width = V * S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; V]; Q];
        match start {
            Start::Zero => {}
            Start::Bias(bias) => {
                let mut first = sums;
                for (first, bias) in first.iter_mut().zip(bias) {
                    *first = [simd.splat_f32s(*bias); V];
                }
                sums = copy(zero, &first);
            }
            Start::Target => {
                let mut old = sums;
                for (old, target) in old.iter_mut().zip(targets.iter()) {
                    let target = &target[at..][..lanes];
                    if lanes == width {
                        let target = &S::as_simd_f32s(target).0[..V];
                        for v in 0..V {
                            old[v] = target[v];
                        }
                    } else {
                        let registers = old.iter_mut().zip(target.chunks(S::F32_LANES));
                        registers.for_each(|(old, target)| *old = simd.partial_load_f32s(target));
                    }
                }
                sums = copy(zero, &old);
            }
        }
        // The taps of a channel are neighbours, and so are its channels if the strip covers one line.
        let merged = channel == taps * width;
        let (size, together) =
            if merged { (channel * channels, taps * channels) } else { (channel, taps) };
        let parts = strip.chunks(size).zip(weights.chunks_exact(together));
        for (strip, weights) in parts.take(channels * taps / together) {
            for (x, weights) in strip.chunks_exact(width).zip(weights) {
                let x = &S::as_simd_f32s(x).0[..V];
                let mut xs = [zero; V];
                for v in 0..V {
                    xs[v] = x[v];
                }
                for q in 0..Q {
                    let w = simd.splat_f32s(weights[q]);
                    for v in 0..V {
                        sums[q][v] = mul_add(simd, xs[v], w, sums[q][v]);
                    }
                }
            }
        }
        let sums = copy(zero, &sums);
        for (sums, target) in sums.iter().zip(targets.iter_mut()) {
            let target = &mut target[at..][..lanes];
            if lanes == width {
                let target = &mut S::as_mut_simd_f32s(target).0[..V];
                for v in 0..V {
                    target[v] = sums[v];
                }
            } else {
                let registers = sums.iter().zip(target.chunks_mut(S::F32_LANES));
                registers.for_each(|(sums, target)| simd.partial_store_f32s(target, *sums));
            }
        }
    }
}
