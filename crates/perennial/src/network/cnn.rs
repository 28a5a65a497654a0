//! A small convolutional network.

use std::sync::Arc;

use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

use super::plan::{Plan, finish};
use super::{
    Activation, Buffer, Network, NetworkError, Normaliser, Parameter, Stage, Weights, scaled_width,
};

/// `cnn`, or `cnn:32x64x128`: two blocks of 3×3 convolution, batch normalisation, rectifier and
/// 2×2 maximum, then a rectified dense layer. The numbers are the channels of the blocks and the
/// units of the layer.
#[derive(Clone, Debug)]
pub struct Cnn {
    input: [usize; 3],
    widths: [usize; 3],
    plan: Plan,
}

impl Cnn {
    /// The widths that plain `cnn` stands for.
    pub const WIDTHS: [usize; 3] = [32, 64, 128];

    /// A network over inputs of shape `input`, of two convolutions and a dense layer.
    ///
    /// # Errors
    ///
    /// When a width is 0, or the images are smaller than 4×4.
    pub fn new(input: [usize; 3], widths: [usize; 3]) -> Result<Self, NetworkError> {
        let [channels, height, width] = input;
        let [first, second, dense] = widths;
        if widths.contains(&0) {
            return Err(NetworkError::Unknown {
                spec: format!("cnn:{first}x{second}x{dense}"),
                expected: "every width must be at least 1, as in cnn:32x64x128".into(),
            });
        }
        if height < 4 || width < 4 {
            return Err(NetworkError::Shape {
                network: "cnn".into(),
                shape: input,
                reason: "it halves height and width twice, so they must be at least 4".into(),
            });
        }
        let mut plan = Plan::default();
        plan.conv("conv1", channels, first, 3);
        plan.norm("norm1", first);
        plan.stage("conv1", &[first, height / 2, width / 2]);
        plan.conv("conv2", first, second, 3);
        plan.norm("norm2", second);
        plan.stage("conv2", &[second, height / 4, width / 4]);
        plan.dense("dense", second * (height / 4) * (width / 4), dense);
        plan.stage("dense", &[dense]);
        Ok(Self { input, widths, plan })
    }
}

impl Network for Cnn {
    fn spec(&self) -> String {
        let [first, second, dense] = self.widths;
        match self.widths {
            Self::WIDTHS => "cnn".into(),
            _ => format!("cnn:{first}x{second}x{dense}"),
        }
    }

    fn input(&self) -> [usize; 3] {
        self.input
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.plan.parameters.clone()
    }

    fn buffers(&self) -> Vec<Buffer> {
        self.plan.buffers.clone()
    }

    fn stages(&self) -> Vec<Stage> {
        self.plan.stages.clone()
    }

    fn forward_stage(
        &self,
        stage: usize,
        weights: &Weights,
        normaliser: &mut Normaliser<'_>,
        h: Activation,
        lateral: Option<Activation>,
    ) -> Activation {
        let mut layers = self.plan.layers(stage, weights, normaliser);
        if stage < 2 {
            let x = h.map(self.input); // flat only before the first stage
            let x = layers.conv(x, 1); // [batch, channels, height, width]
            let x = layers.norm(x);
            // The maximum before the rectifier: the same numbers, a quarter of the work.
            let x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
            return finish(x, lateral);
        }
        let mut z = layers.dense(h.flat()); // [batch, units]
        if let Some(lateral) = lateral {
            z = z + lateral.flat();
        }
        Activation::Flat(relu(z))
    }

    fn scaled(&self, factor: f64) -> Result<Arc<dyn Network>, NetworkError> {
        let widths = self.widths.map(|width| scaled_width(width, factor));
        Ok(Arc::new(Self::new(self.input, widths)?))
    }
}
