//! Batch normalisation over buffers that are values.

use std::ops::Range;

use burn::tensor::module::{batch_norm, batch_norm_train};
use burn::tensor::{Device, Tensor, TensorData};

/// Variance is kept this far from zero (the value of PyTorch and Burn).
const EPSILON: f64 = 1e-5;
/// The share of the newest batch in a running statistic (the value of PyTorch and Burn).
const MOMENTUM: f32 = 0.1;

/// Normalises with the batch's statistics and learns the running ones, or uses the running
/// ones and leaves them alone.
pub struct Normaliser<'a> {
    buffers: &'a mut [f32],
    slots: &'a [Range<usize>],
    /// The rows of a pass that learns, without padding.
    learn: Option<usize>,
    device: Device,
}

impl<'a> Normaliser<'a> {
    /// `slots[i]` is where the network's buffer `i` lies in `buffers`. With `learn`, a number of
    /// rows, a pass uses its own statistics and moves the buffers; without, it uses the buffers
    /// and never moves them.
    pub(crate) fn new(
        buffers: &'a mut [f32],
        slots: &'a [Range<usize>],
        learn: Option<usize>,
        device: &Device,
    ) -> Self {
        Self { buffers, slots, learn, device: device.clone() }
    }

    /// Normalises `x` over all dimensions but the channels, then scales and shifts.
    ///
    /// `mean` and `variance` are indices into the network's buffers, each `[channels]`; the
    /// running variance is the unbiased one, as PyTorch keeps it.
    pub fn batch_norm<const D: usize>(
        &mut self,
        x: Tensor<D>,     // [batch, channels, …]
        gamma: Tensor<1>, // [channels]
        beta: Tensor<1>,  // [channels]
        mean: usize,
        variance: usize,
    ) -> Tensor<D> {
        let Some(rows) = self.learn else {
            let (mean, variance) = (self.buffer(mean), self.buffer(variance));
            return batch_norm(x, gamma, beta, mean, variance, EPSILON);
        };
        // A single row comes as two equal ones: mean and variance are its own all the same, but
        // it counts once.
        let per_channel = (rows * x.dims()[2..].iter().product::<usize>()) as f32;
        let normalised = batch_norm_train(x, gamma, beta, EPSILON);
        let unbiased = per_channel / (per_channel - 1.0).max(1.0);
        self.learn(mean, normalised.mean, 1.0);
        self.learn(variance, normalised.variance, unbiased);
        normalised.output
    }

    /// `x` less the running mean, over the running deviation: what γ multiplies in evaluation.
    pub(super) fn normalised(&self, x: Tensor<4>, mean: usize, variance: usize) -> Tensor<4> {
        let part = |index: usize| {
            let values = self.values(index).to_vec();
            let channels = values.len();
            Tensor::<4>::from_data(TensorData::new(values, [1, channels, 1, 1]), &x.device())
        };
        let (mean, deviation) = (part(mean), (part(variance) + EPSILON).sqrt());
        (x - mean) / deviation
    }

    /// Whether this pass learns statistics.
    pub fn learns(&self) -> bool {
        self.learn.is_some()
    }

    /// The running statistic `index` as numbers.
    pub fn values(&self, index: usize) -> &[f32] {
        &self.buffers[self.slots[index].clone()]
    }

    /// Replaces the running statistic `index`; ignored in a pass that does not learn.
    pub fn set(&mut self, index: usize, values: &[f32]) {
        if self.learns() {
            self.buffers[self.slots[index].clone()].copy_from_slice(values);
        }
    }

    fn buffer(&self, index: usize) -> Tensor<1> {
        let values = self.values(index).to_vec();
        let len = values.len();
        Tensor::from_data(TensorData::new(values, [len]), &self.device)
    }

    fn learn(&mut self, index: usize, seen: Tensor<1>, factor: f32) {
        let seen = crate::engine::floats(seen.into_data());
        let running = &mut self.buffers[self.slots[index].clone()];
        for (running, seen) in running.iter_mut().zip(seen) {
            *running += MOMENTUM * (factor * seen - *running);
        }
    }
}
