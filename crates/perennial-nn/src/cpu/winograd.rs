//! Winograd's kernel for filters of 3x3 with stride 1: four neighbouring targets by 16 products instead
//! of 36 (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, F(2x2, 3x3)).
//!
//! ```text
//! Y = Aᵀ [ Σ_channel (G g Gᵀ) ⊙ (Bᵀ d B) ] A      d: 4x4 of the source, g: 3x3 weights, Y: 2x2 targets
//! ```
//!
//! The 16 products of a pair of channels are 16 sums over channels for the tiles of `tile.rs`. Registers
//! run along the 2x2 squares of targets and their samples.

// See `tile.rs`: registers have to be indexed by loops that are unrolled.
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::cpu::correlation::{Correlation, Offset, Planes, copy_pixel};
use crate::cpu::geometry::{Conv2dShape, Size};
use crate::cpu::instructions::InstructionSet;
use crate::cpu::tile::{self, Start, Tile};
use crate::cpu::workspace::Buffer;

/// Products of a square.
pub(crate) const PRODUCTS: usize = 16;
/// Numbers of a source that may be read behind its last plane: the registers of the widest tile.
pub(crate) const BEHIND: usize = 128;
/// Channels whose transformed squares are in the cache at a time. A part of the definition: sums over
/// more channels are sums of such parts.
const CHANNELS: usize = 128;
/// Numbers between the sums of a strip, so that their 16 lines do not fall in one set of the cache:
/// three lines.
const GAP: usize = 3 * 64 / size_of::<f32>();
/// Numbers of transformed squares that are read again for each block of outputs: three quarters of a
/// second cache of 512 KB. Measured over 128 channels: 119 GFLOP/s of direct products with 256 KB, 126
/// with 384 KB.
const STRIPS: usize = 384 * 1024 / size_of::<f32>();
/// Squares of a band at most, about.
const BAND: usize = 768;
/// Jobs a thread, so that threads that are slower for a while get fewer.
const JOBS: usize = 4;

/// Weights from which on threads are worth their start.
const PARALLEL_PACKING: usize = 1 << 15;

/// Channels from which on the transforms pay. Measured with AVX2: 0.96 of the direct kernel's speed with
/// 20 channels, 1.3 times with 40.
const LEAST_CHANNELS: usize = 32;
/// Pixels from which on transformed weights pay, which take longer to pack than direct ones. Measured
/// with a batch of 10: a loss at 4x4, a gain at 8x8.
const LEAST_AREA: usize = 64;

/// Whether this kernel computes a shape: filters of 3x3 with stride 1 that keep height and width, where
/// there are enough channels and pixels.
pub(crate) fn computes(shape: &Conv2dShape) -> bool {
    let one = Size::square(1);
    let same = shape.kernel == Size::square(3) && shape.padding == one;
    let enough = shape.inputs.min(shape.outputs) >= LEAST_CHANNELS;
    let enough = enough && shape.image.area() >= LEAST_AREA;
    same && shape.stride == one && shape.groups == 1 && enough
}

/// The source pixels of all squares: taps are those of a filter of 4x4 with stride 2.
pub(crate) fn squares(image: Size, rows: usize) -> Planes {
    let correlation = Correlation {
        kernel: Size::square(4),
        stride: Size::square(2),
        start: Offset { row: -1, column: -1 },
        source: image,
        target: Size::new(image.height.div_ceil(2), image.width.div_ceil(2)),
    };
    Planes::shifted(correlation, rows)
}

/// One pass over arranged squares.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) planes: &'a Planes,
    pub(crate) image: Size,
    pub(crate) rows: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// The arranged source, and `BEHIND` numbers of any value.
    pub(crate) source: &'a [f32],
    /// `[block of outputs][product][input][output of the block]`
    pub(crate) weights: &'a [f32],
    pub(crate) start: Start<'a>,
}

/// Some rows of squares of some channels.
struct Job<'a> {
    block: usize,
    /// Its first row of squares.
    row: usize,
    /// Two rows of pixels for each row of squares, or one at the end.
    targets: Vec<&'a mut [f32]>,
}

/// Computes `target`, `[outputs][height][width][rows]`. Only how the work is split depends on the
/// number of threads. `scratch` gets a buffer for each thread.
pub(crate) fn run(
    pass: &Pass,
    instructions: InstructionSet,
    target: &mut [f32],
    scratch: &mut Vec<Buffer>,
    parallel: bool,
) {
    let block = tile::block(pass.outputs, instructions);
    let height = pass.image.height.div_ceil(2);
    let threads = if parallel { rayon::current_num_threads() } else { 1 };
    let wanted = if parallel { JOBS * threads } else { 1 };
    let most = BAND / (pass.image.width.div_ceil(2) * pass.rows);
    let band = most.min(height / wanted).max(1);
    let blocks = pass.outputs.div_ceil(block);
    let parts = threads.div_ceil(height.div_ceil(band)).min(blocks);
    let part = blocks.div_ceil(parts) * block;
    let row = pass.image.width * pass.rows;
    let len = pass.image.height * row;
    let mut jobs = Vec::new();
    for (at, channels) in target.chunks_mut(part * len).enumerate() {
        let (first, block) = (jobs.len(), at * part / block);
        for channel in channels.chunks_exact_mut(len) {
            for (at, targets) in channel.chunks_mut(2 * band * row).enumerate() {
                if jobs.len() == first + at {
                    jobs.push(Job { block, row: at * band, targets: Vec::new() });
                }
                jobs[first + at].targets.push(targets);
            }
        }
    }
    scratch.resize_with(threads.max(scratch.len()), Buffer::default);
    let jobs = Mutex::new(jobs.into_iter());
    // The guard is dropped before the job runs.
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = |buffer: &mut Buffer| {
        while let Some(job) = next() {
            instructions.run(Squares { pass, block, job, buffer });
        }
    };
    if parallel {
        scratch[..threads].par_iter_mut().with_max_len(1).for_each(work);
    } else {
        work(&mut scratch[0]);
    }
}

struct Squares<'a> {
    pass: &'a Pass<'a>,
    block: usize,
    job: Job<'a>,
    buffer: &'a mut Buffer,
}

impl WithSimd for Squares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The tiles are those of `tile.rs`.
        if S::REGISTER_COUNT >= 32 {
            match self.block {
                10 => strips::<S, 10, 2>(simd, self),
                8 => strips::<S, 8, 3>(simd, self),
                4 => strips::<S, 4, 5>(simd, self),
                _ => strips::<S, 1, 8>(simd, self),
            }
        } else {
            match self.block {
                6 => strips::<S, 6, 2>(simd, self),
                5 => strips::<S, 5, 2>(simd, self),
                4 => strips::<S, 4, 2>(simd, self),
                _ => strips::<S, 1, 4>(simd, self),
            }
        }
    }
}

#[inline(always)]
fn strips<S: Simd, const Q: usize, const V: usize>(simd: S, squares: Squares) {
    let Squares { pass, mut job, buffer, .. } = squares;
    let Pass { planes, image, rows, inputs, .. } = *pass;
    let width = V * S::F32_LANES;
    let line = image.width.div_ceil(2) * rows;
    let pixels = job.targets.first().map_or(0, |target| target.len()) / rows.max(1);
    let len = (pixels / image.width).div_ceil(2) * line;
    let at_once = CHANNELS.min(inputs);
    let size = PRODUCTS * (at_once * width + GAP);
    let together = (STRIPS / size).max(1);
    let (strips, products) =
        buffer.get(together * size + PRODUCTS * Q * width).split_at_mut(together * size);
    let taps: [usize; PRODUCTS] = std::array::from_fn(|tap| planes.tap(tap / 4, tap % 4));
    let weights = pass.weights.as_chunks::<Q>().0.chunks_exact(PRODUCTS * inputs).skip(job.block);
    let weights = weights.collect::<Vec<_>>();
    let places = (0..len).step_by(width).collect::<Vec<_>>();
    for places in places.chunks(together) {
        for channel in (0..inputs).step_by(at_once) {
            let channels = at_once.min(inputs - channel);
            for at in 0..channels {
                let source = &pass.source[(channel + at) * planes.plane() + job.row * line..];
                for (place, strip) in places.iter().zip(strips.chunks_exact_mut(size)) {
                    let strip = &mut strip[at * width..];
                    transform::<S, V>(
                        simd,
                        &source[*place..],
                        &taps,
                        strip,
                        channels * width + GAP,
                    );
                }
            }
            for (block, (targets, weights)) in job.targets.chunks_mut(Q).zip(&weights).enumerate() {
                let start = match pass.start {
                    _ if channel > 0 => Start::Target,
                    Start::Bias(bias) => Start::Bias(&bias[(job.block + block) * Q..]),
                    start => start,
                };
                for (place, strip) in places.iter().zip(strips.chunks_exact(size)) {
                    for (product, to) in products.chunks_exact_mut(Q * width).enumerate() {
                        let mut rows = to.chunks_exact_mut(width);
                        let mut rows: [&mut [f32]; Q] =
                            std::array::from_fn(|_| rows.next().unwrap_or_default());
                        simd.vectorize(Tile::<Q, V> {
                            strip: &strip[product * (channels * width + GAP)..],
                            channel: width,
                            channels,
                            taps: 1,
                            weights: &weights[product * inputs + channel..][..channels],
                            targets: &mut rows,
                            at: 0,
                            lanes: width,
                            start: Start::Zero,
                        });
                    }
                    let lanes = width.min(len - place);
                    let place = Place { pass, line, from: *place, lanes };
                    simd.vectorize(Outputs::<Q, V> { products, targets, start, place });
                }
            }
        }
    }
}

/// Bᵀ d B of `V` registers of squares of one channel, each of the 16 numbers `step` behind the last.
#[inline(always)]
fn transform<S: Simd, const V: usize>(
    simd: S,
    source: &[f32],
    taps: &[usize; PRODUCTS],
    strip: &mut [f32],
    step: usize,
) {
    let four = |d: [S::f32s; 4]| {
        [
            simd.sub_f32s(d[0], d[2]),
            simd.add_f32s(d[1], d[2]),
            simd.sub_f32s(d[2], d[1]),
            simd.sub_f32s(d[1], d[3]),
        ]
    };
    for v in 0..V {
        let lane = v * S::F32_LANES;
        let mut columns = [[simd.splat_f32s(0.0); 4]; 4];
        for x in 0..4 {
            let mut d = [simd.splat_f32s(0.0); 4];
            for y in 0..4 {
                d[y] = S::as_simd_f32s(&source[taps[4 * y + x] + lane..][..S::F32_LANES]).0[0];
            }
            columns[x] = four(d);
        }
        for y in 0..4 {
            let mut row = [simd.splat_f32s(0.0); 4];
            for x in 0..4 {
                row[x] = columns[x][y];
            }
            let row = four(row);
            for x in 0..4 {
                let to = &mut strip[(4 * y + x) * step + lane..][..S::F32_LANES];
                S::as_mut_simd_f32s(to).0[0] = row[x];
            }
        }
    }
}

/// Where the squares of a strip are.
#[derive(Clone, Copy)]
struct Place<'a> {
    pass: &'a Pass<'a>,
    /// Numbers of a row of squares.
    line: usize,
    /// The first number, from the first row of the job on.
    from: usize,
    /// Numbers that count.
    lanes: usize,
}

/// Aᵀ M A of the outputs of a block.
struct Outputs<'a, 'b, const Q: usize, const V: usize> {
    /// `[product][output][number]`
    products: &'a [f32],
    targets: &'a mut [&'b mut [f32]],
    start: Start<'a>,
    place: Place<'a>,
}

impl<const Q: usize, const V: usize> WithSimd for Outputs<'_, '_, Q, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { products, targets, start, place } = self;
        let width = V * S::F32_LANES;
        let two = |m: [S::f32s; 4]| {
            let low = simd.add_f32s(simd.add_f32s(m[0], m[1]), m[2]);
            [low, simd.sub_f32s(simd.sub_f32s(m[1], m[2]), m[3])]
        };
        for (q, target) in targets.iter_mut().enumerate() {
            let bias = match start {
                Start::Bias(bias) => bias[q],
                _ => 0.0,
            };
            let mut squares = [[[simd.splat_f32s(0.0); V]; 2]; 2];
            for v in 0..V {
                let mut columns = [[simd.splat_f32s(0.0); 2]; 4];
                for x in 0..4 {
                    let mut m = [simd.splat_f32s(0.0); 4];
                    for y in 0..4 {
                        let at = ((4 * y + x) * Q + q) * width + v * S::F32_LANES;
                        m[y] = S::as_simd_f32s(&products[at..][..S::F32_LANES]).0[0];
                    }
                    columns[x] = two(m);
                }
                for a in 0..2 {
                    let mut row = [simd.splat_f32s(0.0); 4];
                    for x in 0..4 {
                        row[x] = columns[x][a];
                    }
                    let row = two(row);
                    for b in 0..2 {
                        squares[a][b][v] = match start {
                            Start::Bias(_) => simd.add_f32s(row[b], simd.splat_f32s(bias)),
                            _ => row[b],
                        };
                    }
                }
            }
            let add = matches!(start, Start::Target);
            for a in 0..2 {
                for b in 0..2 {
                    let numbers: &[f32] = pulp::bytemuck::cast_slice(&squares[a][b]);
                    place.write([a, b], numbers, target, add);
                }
            }
        }
    }
}

impl Place<'_> {
    /// Writes the numbers of one pixel of all squares, or adds them to the target.
    #[inline(always)]
    fn write(&self, [a, b]: [usize; 2], numbers: &[f32], target: &mut [f32], add: bool) {
        let Pass { image, rows, .. } = *self.pass;
        let mut done = 0;
        while done < self.lanes {
            let at = self.from + done;
            let (row, rest) = (at / self.line, at % self.line);
            let (column, sample) = (rest / rows, rest % rows);
            let len = (rows - sample).min(self.lanes - done);
            let (y, x) = (2 * row + a, 2 * column + b);
            // A square at the end of an odd image has one row or column.
            let to = (y * image.width + x) * rows + sample;
            if x < image.width && to < target.len() {
                let (to, from) = (&mut target[to..to + len], &numbers[done..done + len]);
                if add {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                } else {
                    copy_pixel(to, from);
                }
            }
            done += len;
        }
    }
}

/// Fills `packed` with the transformed filters G g Gᵀ, `[block][product][input][output of the block]`,
/// zeros for the outputs that the last block lacks. `filters` are the packed filters of the direct
/// kernel, `[block][input][3x3][output of the block]`.
pub(crate) fn pack(
    filters: &[f32],
    inputs: usize,
    block: usize,
    instructions: InstructionSet,
    packed: &mut Vec<f32>,
) {
    packed.resize(filters.len() / 9 * PRODUCTS, 0.0);
    let one = |(filters, packed): (&[f32], &mut [f32])| {
        instructions.run(Filters { filters, block, packed });
    };
    let (from, to) = (9 * inputs * block, PRODUCTS * inputs * block);
    if filters.len() >= PARALLEL_PACKING && rayon::current_num_threads() > 1 {
        filters.par_chunks_exact(from).zip(packed.par_chunks_exact_mut(to)).for_each(one);
    } else {
        filters.chunks_exact(from).zip(packed.chunks_exact_mut(to)).for_each(one);
    }
}

/// The filters of one block of outputs.
struct Filters<'a> {
    filters: &'a [f32],
    block: usize,
    packed: &'a mut [f32],
}

impl WithSimd for Filters<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.block {
            10 => transform_filters::<10>(self),
            8 => transform_filters::<8>(self),
            6 => transform_filters::<6>(self),
            5 => transform_filters::<5>(self),
            4 => transform_filters::<4>(self),
            _ => transform_filters::<1>(self),
        }
    }
}

/// Inputs whose products are collected before they are written in a run: written one by one, the 16
/// products of many inputs lie in one set of the cache.
const COLLECTED: usize = 16;

#[inline(always)]
fn transform_filters<const Q: usize>(filters: Filters) {
    let Filters { filters, packed, .. } = filters;
    let filters = filters.as_chunks::<Q>().0.as_chunks::<9>().0;
    let packed = packed.as_chunks_mut::<Q>().0;
    let four = |[a, b, c]: [[f32; Q]; 3]| {
        let mut to = [[0.0; Q]; 4];
        for q in 0..Q {
            let (sum, middle) = (0.5 * (a[q] + c[q]), 0.5 * b[q]);
            (to[0][q], to[1][q], to[2][q], to[3][q]) = (a[q], sum + middle, sum - middle, c[q]);
        }
        to
    };
    for (at, some) in filters.chunks(COLLECTED).enumerate() {
        let mut products = [[[0.0; Q]; COLLECTED]; PRODUCTS];
        for (input, filter) in some.iter().enumerate() {
            let mut columns = [[[0.0; Q]; 4]; 3];
            for x in 0..3 {
                columns[x] = four([filter[x], filter[3 + x], filter[6 + x]]);
            }
            for y in 0..4 {
                let row = four([columns[0][y], columns[1][y], columns[2][y]]);
                for x in 0..4 {
                    products[4 * y + x][input] = row[x];
                }
            }
        }
        for (product, from) in products.iter().enumerate() {
            let to = &mut packed[product * filters.len() + at * COLLECTED..][..some.len()];
            to.copy_from_slice(&from[..some.len()]);
        }
    }
}
