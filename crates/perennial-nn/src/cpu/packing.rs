//! Weights in the order in which the kernels read them.

use rayon::prelude::*;

use crate::cpu::conv2d::Algorithm;
use crate::cpu::geometry::Conv2dShape;
use crate::cpu::instructions::InstructionSet;
use crate::cpu::tile;

/// Weights from which on threads are worth their start.
const PARALLEL: usize = 1 << 15;

/// The weights of a [`Conv2d`](crate::Conv2d) in the order of its kernels: blocks of neighbouring
/// outputs, once for the forward pass and once, with the roles of inputs and outputs changed and the
/// filters reversed, for the gradient by the input. [`Conv2d::pack`](crate::Conv2d::pack) fills it.
#[derive(Clone, Debug, Default)]
pub struct PackedWeights {
    /// The convolution that the order belongs to.
    pub(crate) owner: Option<(Conv2dShape, InstructionSet, Algorithm)>,
    pub(crate) forward: Vec<f32>,
    /// Filters before they are transformed.
    pub(crate) filters: Vec<f32>,
    /// Whether `backward` holds the same weights.
    pub(crate) gradient: bool,
    /// One of each residue modulo the stride.
    pub(crate) backward: Vec<Vec<f32>>,
}

impl PackedWeights {
    /// Weights of nothing: [`Conv2d::pack`](crate::Conv2d::pack) fills them.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Where the weights of one pass are in `[outputs, inputs / groups, height, width]`: its channel c of
/// group g reads by tap t, from its source channel i, the weight at
/// `g * group + c * channel + i * source + taps[t]`.
pub(crate) struct Order<'a> {
    pub(crate) channels: usize,
    pub(crate) sources: usize,
    pub(crate) group: usize,
    pub(crate) channel: usize,
    pub(crate) source: usize,
    pub(crate) taps: &'a [usize],
}

/// Fills `packed` of `[group][block of channels][source channel][tap][channel of the block]`, with
/// zeros for the channels that the last block of a group lacks.
pub(crate) fn pack(
    weights: &[f32],
    order: &Order,
    instructions: InstructionSet,
    packed: &mut Vec<f32>,
) {
    let block = tile::block(order.channels, instructions);
    let blocks = order.channels.div_ceil(block);
    let len = order.sources * order.taps.len() * block;
    let groups = weights.len() / order.group;
    packed.resize(groups * blocks * len, 0.0);
    if len == 0 {
        return;
    }
    let one = |(at, packed): (usize, &mut [f32])| {
        let weights = &weights[at / blocks * order.group..][..order.group];
        let first = at % blocks * block;
        match block {
            10 => pack_block::<10>(weights, order, first, packed),
            8 => pack_block::<8>(weights, order, first, packed),
            6 => pack_block::<6>(weights, order, first, packed),
            5 => pack_block::<5>(weights, order, first, packed),
            4 => pack_block::<4>(weights, order, first, packed),
            _ => pack_block::<1>(weights, order, first, packed),
        }
    };
    if weights.len() >= PARALLEL && rayon::current_num_threads() > 1 {
        packed.par_chunks_exact_mut(len).enumerate().for_each(one);
    } else {
        packed.chunks_exact_mut(len).enumerate().for_each(one);
    }
}

/// The block of `Q` channels from `first` on, of one group.
fn pack_block<const Q: usize>(weights: &[f32], order: &Order, first: usize, packed: &mut [f32]) {
    let here = Q.min(order.channels - first);
    let mut packed = packed.as_chunks_mut::<Q>().0.iter_mut();
    for source in 0..order.sources {
        for (tap, packed) in order.taps.iter().zip(&mut packed) {
            let at = first * order.channel + source * order.source + tap;
            for (channel, packed) in packed.iter_mut().enumerate() {
                *packed = if channel < here { weights[at + channel * order.channel] } else { 0.0 };
            }
        }
    }
}
