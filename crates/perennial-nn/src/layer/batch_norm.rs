//! Batch normalisation (Ioffe & Szegedy 2015).
//!
//! ```text
//! x̂ = (x − μ) / √(σ² + ε),   y = γ x̂ + β                         per channel
//! ∂/∂γ = Σ d x̂,   ∂/∂β = Σ d
//! ∂/∂x = γ/√(σ² + ε) · (d − mean(d) − x̂ mean(d x̂))               by the batch's own statistics
//! ∂/∂x = γ/√(σ² + ε) · d                                        by running ones
//! ```

use super::{Backward, Forward, Layer, Op, Shapes, Statistic, Target, single};
use crate::cpu::products::LONG;
use crate::params::vector::simd_dispatch;
use crate::params::{Buffer, Init, Parameter};
use rayon::prelude::*;

/// Batch normalisation over images, per channel, with learnt scale γ and shift β.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm;

/// Variance is kept this far from zero (PyTorch's value).
const EPSILON: f64 = 1e-5;
/// The share of the newest batch in a running statistic (PyTorch's value).
const MOMENTUM: f32 = 0.1;
/// Samples of a register: [`Channel`] sums over so many numbers side by side.
const LANES: usize = 16;

impl BatchNorm {
    fn channels(inputs: &[&[usize]]) -> Result<[usize; 3], String> {
        super::image(inputs)
    }
}

impl Layer for BatchNorm {
    fn kind(&self) -> &'static str {
        "batch_norm"
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        let [channels, ..] = Self::channels(inputs)?;
        let part = |name, start| Parameter::new(name, &[channels], Init::Constant(start));
        Ok(vec![part("gamma", 1.0), part("beta", 0.0)])
    }

    fn buffers(&self, inputs: &[&[usize]]) -> Vec<Buffer> {
        let channels = single(inputs).map_or(0, |shape| shape[0]);
        let part = |name, start| Buffer::new(name, &[channels], Init::Constant(start));
        vec![part("mean", 0.0), part("variance", 1.0)]
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        Ok(Box::new(Bound { shape: Self::channels(shapes.inputs)? }))
    }
}

struct Bound {
    shape: [usize; 3],
}

/// What [`Saved::floats`](super::Saved::floats) holds: for each channel, so many numbers.
const SAVED: usize = 5;

/// What a pass knows of a channel.
#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    mean: f32,
    /// 1/√(σ² + ε)
    inverse: f32,
    /// Σ d and Σ d x̂ of the backward pass.
    sum: f32,
    product: f32,
    /// 1 where mean and variance are the batch's own.
    learnt: f32,
}

impl Channel {
    fn load(from: &[f32]) -> Self {
        Self { mean: from[0], inverse: from[1], sum: from[2], product: from[3], learnt: from[4] }
    }

    fn store(self, to: &mut [f32]) {
        to.copy_from_slice(&[self.mean, self.inverse, self.sum, self.product, self.learnt]);
    }
}

/// The gradient by the input of a channel: scale (d − shift − (x − μ) slope).
#[derive(Clone, Copy)]
struct ByInput {
    mean: f32,
    scale: f32,
    shift: f32,
    slope: f32,
}

impl ByInput {
    #[inline(always)]
    fn of(self, x: f32, d: f32) -> f32 {
        self.scale * (d - self.shift - (x - self.mean) * self.slope)
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.shape
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let [channels, height, width] = self.shape;
        let plane = height * width * call.rows;
        let (x, gamma, beta) = (call.inputs.get(0), call.parameters.get(0), call.parameters.get(1));
        let learns = call.running.learns();
        let (means, variances) = (call.running.get(0), call.running.get(1));
        let saved = &mut call.saved.floats;
        saved.resize(channels * SAVED, 0.0);
        let one = |c: usize, y: &mut [f32], saved: &mut [f32]| {
            let x = &x[c * plane..][..plane];
            let (mean, variance) = match learns {
                true => moments(x),
                false => (means[c], f64::from(variances[c])),
            };
            let inverse = (1.0 / (variance + EPSILON).sqrt()) as f32;
            let learnt = f32::from(u8::from(learns));
            Channel { mean, inverse, learnt, sum: variance as f32, product: 0.0 }.store(saved);
            let (scale, shift) = (gamma[c] * inverse, beta[c]);
            simd_dispatch(
                #[inline(always)]
                || y.iter_mut().zip(x).for_each(|(y, &x)| *y = scale * (x - mean) + shift),
            );
        };
        if channels * plane < LONG {
            let parts = call.output.chunks_exact_mut(plane).zip(saved.chunks_exact_mut(SAVED));
            parts.enumerate().for_each(|(c, (y, saved))| one(c, y, saved));
        } else {
            let parts =
                call.output.par_chunks_exact_mut(plane).zip(saved.par_chunks_exact_mut(SAVED));
            parts.enumerate().for_each(|(c, (y, saved))| one(c, y, saved));
        }
        // The running variance is the unbiased one, as PyTorch keeps it.
        let unbiased = plane as f32 / (plane as f32 - 1.0).max(1.0);
        let mut learn = |index: usize, factor: f32, at: usize| {
            let Some(running) = call.running.learn(index) else { return };
            for (running, saved) in running.iter_mut().zip(saved.chunks_exact(SAVED)) {
                *running += MOMENTUM * (factor * saved[at] - *running);
            }
        };
        learn(0, 1.0, 0);
        learn(1, unbiased, 2);
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let plane = self.shape[1] * self.shape[2] * call.rows;
        let (x, delta, gamma) =
            (call.inputs.get(0), &*call.output_gradient, call.parameters.get(0));
        let saved = &mut call.saved.floats;
        let one = |c: usize, saved: &mut [f32], to: Option<(&mut [f32], bool)>| {
            let at = c * plane..(c + 1) * plane;
            let (x, delta) = (&x[at.clone()], &delta[at]);
            let mut channel = Channel::load(saved);
            let Channel { mean, inverse, learnt, .. } = channel;
            let [sum, product] = sums(x, delta, mean);
            (channel.sum, channel.product) = (sum as f32, (product * f64::from(inverse)) as f32);
            channel.store(saved);
            let Some((to, add)) = to else { return };
            let share = learnt / plane as f32;
            let (shift, slope) = (channel.sum * share, channel.product * share * inverse);
            let by_input = ByInput { mean, scale: gamma[c] * inverse, shift, slope };
            let numbers = to.iter_mut().zip(x.iter().zip(delta));
            match add {
                true => simd_dispatch(
                    #[inline(always)]
                    || numbers.for_each(|(to, (&x, &d))| *to += by_input.of(x, d)),
                ),
                false => simd_dispatch(
                    #[inline(always)]
                    || numbers.for_each(|(to, (&x, &d))| *to = by_input.of(x, d)),
                ),
            }
        };
        match inputs {
            [Some(Target { values, add })] if values.len() < LONG => {
                let parts = saved.chunks_exact_mut(SAVED).zip(values.chunks_exact_mut(plane));
                parts.enumerate().for_each(|(c, (saved, to))| one(c, saved, Some((to, *add))));
            }
            [Some(Target { values, add })] => {
                let parts =
                    saved.par_chunks_exact_mut(SAVED).zip(values.par_chunks_exact_mut(plane));
                parts.enumerate().for_each(|(c, (saved, to))| one(c, saved, Some((to, *add))));
            }
            _ => {
                let parts = saved.chunks_exact_mut(SAVED).enumerate();
                parts.for_each(|(c, saved)| one(c, saved, None));
            }
        }
    }

    fn parameter_gradient(&self, index: usize, call: &mut Backward<'_>, to: Target<'_>) {
        let at = if index == 0 { 3 } else { 2 };
        let sums = call.saved.floats.chunks_exact(SAVED).map(|saved| saved[at]);
        for (value, sum) in to.values.iter_mut().zip(sums) {
            *value = if to.add { *value + sum } else { sum };
        }
    }

    fn sample_statistics(
        &self,
        call: &mut Backward<'_>,
        of: Statistic,
        sums: &mut [super::Sums<'_>],
    ) {
        let (rows, x, delta) = (call.rows, call.inputs.get(0), &*call.output_gradient);
        let plane = self.shape[1] * self.shape[2] * rows;
        let of_rows = &mut call.scratch.floats;
        of_rows.resize(2 * rows, 0.0);
        let (shifts, products) = of_rows.split_at_mut(rows);
        for (c, saved) in call.saved.floats.chunks_exact(SAVED).enumerate() {
            let Channel { mean, inverse, .. } = Channel::load(saved);
            shifts.fill(0.0);
            products.fill(0.0);
            let at = c * plane..(c + 1) * plane;
            let pixels = x[at.clone()].chunks_exact(rows).zip(delta[at].chunks_exact(rows));
            for (x, delta) in pixels {
                shifts.iter_mut().zip(delta).for_each(|(sum, d)| *sum += d);
                let terms = x.iter().zip(delta).map(|(x, d)| d * (x - mean) * inverse);
                products.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
            let total = |rows: &[f32]| rows.iter().map(|&g| f64::from(of.of(g))).sum::<f64>();
            sums[0][c] += total(products);
            sums[1][c] += total(shifts);
        }
    }
}

/// Numbers that are summed in single precision before they are added to a sum in double precision.
const BLOCK: usize = 2048;

/// Mean and biased variance, in one pass. Deviations are taken from a number near the mean, so that their
/// squares do not cancel.
fn moments(x: &[f32]) -> (f32, f64) {
    let near = &x[..x.len().min(BLOCK)];
    let near = near.iter().sum::<f32>() / near.len() as f32;
    let [sum, squares] = blocks([x, x], near, Sums::Moments);
    let len = x.len() as f64;
    let mean = sum / len;
    ((f64::from(near) + mean) as f32, (squares / len - mean * mean).max(0.0))
}

/// Σ d and Σ d (x − mean).
fn sums(x: &[f32], delta: &[f32], mean: f32) -> [f64; 2] {
    blocks([x, delta], mean, Sums::Gradients)
}

/// Which two sums are made of x and d.
#[derive(Clone, Copy)]
enum Sums {
    /// Σ (x − m) and Σ (x − m)².
    Moments,
    /// Σ d and Σ d (x − m).
    Gradients,
}

/// Two sums over the numbers of slices of one length, in an order that depends on the length alone.
fn blocks([x, d]: [&[f32]; 2], m: f32, of: Sums) -> [f64; 2] {
    simd_dispatch(
        #[inline(always)]
        || match of {
            Sums::Moments => blocks_of::<true>(x, d, m),
            Sums::Gradients => blocks_of::<false>(x, d, m),
        },
    )
}

#[inline(always)]
fn blocks_of<const MOMENTS: bool>(x: &[f32], d: &[f32], m: f32) -> [f64; 2] {
    let mut totals = [0.0; 2];
    for (x, d) in x.chunks(BLOCK).zip(d.chunks(BLOCK)) {
        let ((chunks, rest), (d_chunks, d_rest)) = (x.as_chunks::<LANES>(), d.as_chunks::<LANES>());
        let (mut first, mut second) = ([0.0f32; LANES], [0.0f32; LANES]);
        for (x, d) in chunks.iter().zip(d_chunks) {
            for lane in 0..LANES {
                let deviation = x[lane] - m;
                let factor = if MOMENTS { deviation } else { d[lane] };
                first[lane] += factor;
                second[lane] += factor * deviation;
            }
        }
        for (lane, (x, d)) in rest.iter().zip(d_rest).enumerate() {
            let deviation = x - m;
            let factor = if MOMENTS { deviation } else { *d };
            first[lane] += factor;
            second[lane] += factor * deviation;
        }
        totals[0] += f64::from(first.iter().sum::<f32>());
        totals[1] += f64::from(second.iter().sum::<f32>());
    }
    totals
}
