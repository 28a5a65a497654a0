//! Convolutional architectures written down layer by layer, and run in the same order.

use burn::tensor::{Tensor, activation::relu};

use super::{Activation, Buffer, Init, Normaliser, Parameter, Stage, Weights};

/// What an architecture needs, in the order its forward pass asks for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) parameters: Vec<Parameter>,
    pub(super) buffers: Vec<Buffer>,
    pub(super) stages: Vec<Stage>,
    /// The first buffer of each stage.
    stage_buffers: Vec<usize>,
}

impl Plan {
    /// A square convolution without bias (the normalisation after it has one), started by He's
    /// normal.
    pub(super) fn conv(&mut self, name: &str, inputs: usize, outputs: usize, kernel: usize) {
        let init = Init::he(inputs * kernel * kernel);
        let shape = [outputs, inputs, kernel, kernel];
        self.parameters.push(Parameter::new(format!("{name}.weight"), &shape, init));
    }

    /// Batch normalisation, started as the identity.
    pub(super) fn norm(&mut self, name: &str, channels: usize) {
        for (part, start) in [("gamma", 1.0), ("beta", 0.0)] {
            let init = Init::Constant(start);
            self.parameters.push(Parameter::new(format!("{name}.{part}"), &[channels], init));
        }
        for (part, start) in [("mean", 0.0), ("variance", 1.0)] {
            let init = Init::Constant(start);
            self.buffers.push(Buffer::new(format!("{name}.{part}"), &[channels], init));
        }
    }

    /// A dense layer, started by He's normal.
    pub(super) fn dense(&mut self, name: &str, inputs: usize, outputs: usize) {
        let init = Init::he(inputs);
        self.parameters.push(Parameter::new(format!("{name}.weight"), &[inputs, outputs], init));
        let init = Init::Constant(0.0);
        self.parameters.push(Parameter::new(format!("{name}.bias"), &[outputs], init));
    }

    /// Closes a stage over the layers written down since the last one.
    pub(super) fn stage(&mut self, name: impl Into<String>, output: &[usize]) {
        let first = self.stages.last().map_or(0, |stage| stage.parameters.end);
        self.stages.push(Stage {
            name: name.into(),
            parameters: first..self.parameters.len(),
            output: output.to_vec(),
        });
        self.stage_buffers.push(self.buffers.len());
    }

    /// The layers of a stage, to be run in the order they were written down.
    pub(super) fn layers<'a, 'b>(
        &self,
        stage: usize,
        weights: &'a Weights,
        normaliser: &'a mut Normaliser<'b>,
    ) -> Layers<'a, 'b> {
        let buffer = if stage == 0 { 0 } else { self.stage_buffers[stage - 1] };
        Layers { weights, normaliser, parameter: self.stages[stage].parameters.start, buffer }
    }
}

/// Runs layers over the next parameters and buffers. Shapes are those of the weights.
pub(super) struct Layers<'a, 'b> {
    weights: &'a Weights,
    normaliser: &'a mut Normaliser<'b>,
    parameter: usize,
    buffer: usize,
}

impl Layers<'_, '_> {
    /// The index of the first of the next `count` parameters.
    fn next(&mut self, count: usize) -> usize {
        self.parameter += count;
        self.parameter - count
    }

    /// A convolution that keeps height and width, or divides them by `stride`, rounding up.
    pub(super) fn conv(&mut self, x: Tensor<4>, stride: usize) -> Tensor<4> {
        let weight = self.next(1);
        self.weights.conv(weight, x, stride)
    }

    pub(super) fn norm(&mut self, x: Tensor<4>) -> Tensor<4> {
        let gamma = self.next(2);
        self.buffer += 2;
        self.weights.batch_norm(gamma, self.normaliser, x, self.buffer - 2)
    }

    pub(super) fn dense(&mut self, x: Tensor<2>) -> Tensor<2> {
        let weight = self.next(2);
        self.weights.dense(weight, x)
    }
}

/// What other columns add, and the rectifier that ends a stage of maps.
pub(super) fn finish(mut z: Tensor<4>, lateral: Option<Activation>) -> Activation {
    if let Some(lateral) = lateral {
        let [_, channels, height, width] = z.dims();
        z = z + lateral.map([channels, height, width]);
    }
    Activation::Map(relu(z))
}
