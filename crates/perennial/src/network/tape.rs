//! What layers saw in a forward pass, and what reached their outputs in the backward pass.
//!
//! A tracked zero added to a layer's output has, after the backward pass, the slope of the loss
//! at that output as its gradient. With the layer's input that is all a per-sample gradient of
//! its weights is made of, so one batched backward gives those of every row.

use std::collections::BTreeSet;

use burn::tensor::{Gradients, Tensor};

/// The layers of one forward pass, as far as they went through [`Weights`](super::Weights).
#[derive(Default)]
pub(crate) struct Tape {
    /// In the order they ran.
    pub(crate) layers: Vec<Layer>,
    /// Parameters of those layers.
    seen: BTreeSet<usize>,
    /// Whether the network took a parameter by itself, or one twice: then the layers do not tell
    /// the whole gradient.
    opaque: bool,
}

/// One layer: where its parameters are, what it read, and the zero that was added to what it
/// said.
pub(crate) enum Layer {
    /// Parameters `weight` and `weight + 1`, the bias.
    Dense {
        /// `[inputs, outputs]`
        weight: usize,
        /// `[rows, inputs]`
        input: Tensor<2>,
        /// `[rows, outputs]`
        zero: Tensor<2>,
    },
    /// Parameter `weight`, no bias.
    Conv {
        /// `[outputs, inputs, kernel, kernel]`
        weight: usize,
        /// Its height and width.
        kernel: usize,
        /// Rows and columns that the kernel moves on by.
        stride: usize,
        /// `[rows, inputs, height, width]`
        input: Tensor<4>,
        /// `[rows, outputs, height, width]`
        zero: Tensor<4>,
    },
    /// Parameters `gamma` and `gamma + 1`, β.
    Norm {
        /// `[channels]`
        gamma: usize,
        /// What γ multiplies. `[rows, channels, height, width]`
        normalised: Tensor<4>,
        /// `[rows, channels, height, width]`
        zero: Tensor<4>,
    },
}

impl Tape {
    /// Notes that the network took parameter `index` by itself.
    pub(super) fn taken(&mut self, _: usize) {
        self.opaque = true;
    }

    /// Notes a layer over these parameters.
    pub(super) fn push(&mut self, layer: Layer, parameters: impl IntoIterator<Item = usize>) {
        for parameter in parameters {
            self.opaque |= !self.seen.insert(parameter);
        }
        self.layers.push(layer);
    }

    /// Whether the layers are the whole of a network of so many parameters.
    pub(crate) fn tells_all(&self, parameters: usize) -> bool {
        !self.opaque && self.seen.len() == parameters
    }
}

/// A tensor with a zero added, and that zero, whose gradient will be the slope at the tensor.
pub(super) fn watched<const D: usize>(z: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let zero = Tensor::zeros(z.dims(), &z.device()).require_grad();
    (z + zero.clone(), zero)
}

/// The slope at the output that `zero` was added to; 0 where the loss does not depend on it.
pub(crate) fn slope<const D: usize>(zero: &Tensor<D>, gradients: &mut Gradients) -> Tensor<D> {
    zero.grad_remove(gradients).unwrap_or_else(|| zero.clone().inner())
}
