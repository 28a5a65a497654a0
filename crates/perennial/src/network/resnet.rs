//! The residual network of 18 layers.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::plan::{Plan, finish};
use super::{
    Activation, Buffer, Network, NetworkError, Normaliser, Parameter, Stage, Weights, scaled_width,
};

/// `resnet18:20`: the residual network of 18 layers (He et al. 2016) as it is used for small
/// images: a 3×3 convolution of `filters` channels, then four groups of two basic blocks of 1,
/// 2, 4 and 8 times as many channels, the last three groups at half the height and width of the
/// one before, and the average over what is left. With 20 filters it is the reduced network of
/// the GEM paper (Lopez-Paz & Ranzato 2017), with 64 the full one.
#[derive(Clone, Debug)]
pub struct Resnet18 {
    input: [usize; 3],
    filters: usize,
    plan: Plan,
}

/// Channels of each block as a multiple of the filters, and its stride.
const BLOCKS: [(usize, usize); 8] =
    [(1, 1), (1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2), (8, 1)];

impl Resnet18 {
    /// A residual network over inputs of shape `input`.
    ///
    /// # Errors
    ///
    /// When `filters` is 0.
    pub fn new(input: [usize; 3], filters: usize) -> Result<Self, NetworkError> {
        if filters == 0 {
            return Err(NetworkError::Unknown {
                spec: "resnet18:0".into(),
                expected: "it needs at least one filter, as in resnet18:20".into(),
            });
        }
        let [mut channels, mut height, mut width] = input;
        let mut plan = Plan::default();
        plan.conv("stem.conv", channels, filters, 3);
        plan.norm("stem.norm", filters);
        plan.stage("stem", &[filters, height, width]);
        channels = filters;
        for (i, (multiple, stride)) in BLOCKS.into_iter().enumerate() {
            let name = format!("block{}", i + 1);
            let outputs = multiple * filters;
            plan.conv(&format!("{name}.conv1"), channels, outputs, 3);
            plan.norm(&format!("{name}.norm1"), outputs);
            plan.conv(&format!("{name}.conv2"), outputs, outputs, 3);
            plan.norm(&format!("{name}.norm2"), outputs);
            if stride != 1 {
                // Every block that halves the image also doubles the channels.
                plan.conv(&format!("{name}.shortcut.conv"), channels, outputs, 1);
                plan.norm(&format!("{name}.shortcut.norm"), outputs);
            }
            (height, width) = (height.div_ceil(stride), width.div_ceil(stride));
            plan.stage(name, &[outputs, height, width]);
            channels = outputs;
        }
        plan.stage("pool", &[channels]);
        Ok(Self { input, filters, plan })
    }
}

impl Network for Resnet18 {
    fn spec(&self) -> String {
        format!("resnet18:{}", self.filters)
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
        let x = h.map(self.input); // [batch, channels, height, width]; flat only before the stem
        let mut layers = self.plan.layers(stage, weights, normaliser);
        if stage == 0 {
            let z = layers.conv(x, 1);
            return finish(layers.norm(z), lateral);
        }
        let Some(&(_, stride)) = BLOCKS.get(stage - 1) else {
            let mut pooled = average(x); // [batch, channels]
            if let Some(lateral) = lateral {
                pooled = pooled + lateral.flat();
            }
            return Activation::Flat(pooled);
        };
        let z = layers.conv(x.clone(), stride);
        let z = relu(layers.norm(z));
        let z = layers.conv(z, 1);
        let z = layers.norm(z);
        let shortcut = if stride == 1 {
            x
        } else {
            let x = layers.conv(x, stride);
            layers.norm(x)
        };
        finish(z + shortcut, lateral)
    }

    fn scaled(&self, factor: f64) -> Result<Arc<dyn Network>, NetworkError> {
        Ok(Arc::new(Self::new(self.input, scaled_width(self.filters, factor))?))
    }
}

/// The mean over height and width.
fn average(x: Tensor<4>) -> Tensor<2> {
    x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
}
