//! Networks as architectures over views of θ.
//!
//! A [`Network`] holds no weights: it says which parameters it needs and maps weights and an
//! input to features. What the weights are is the [`View`](crate::View)'s to say; the output
//! layer belongs to the model's heads, not to the network.

mod cnn;
pub(crate) mod dense;
mod lateral;
mod mlp;
mod module;
mod normaliser;
mod parse;
mod plan;
mod resnet;
mod shared;
pub(crate) mod sparse;
pub(crate) mod tape;
mod weights;

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::Tensor;

pub use self::cnn::Cnn;
pub use self::lateral::{Lateral, LateralKind};
pub use self::mlp::Mlp;
pub use self::module::{ModuleNetwork, Trunk};
pub use self::normaliser::Normaliser;
pub use self::parse::{LIST, parse};
pub use self::resnet::Resnet18;
pub use self::weights::Weights;
pub use perennial_nn::params::{Buffer, Init, Parameter, Start};

/// A piece of the network whose output other columns may read and add to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// For example `stem` or `block3`.
    pub name: String,
    /// Its parameters, as indices into [`Network::parameters`].
    pub parameters: Range<usize>,
    /// Shape of one row of its output: `[units]` or `[channels, height, width]`.
    pub output: Vec<usize>,
}

/// What flows between stages.
#[derive(Clone, Debug)]
pub enum Activation {
    /// `[batch, units]`
    Flat(Tensor<2>),
    /// `[batch, channels, height, width]`
    Map(Tensor<4>),
}

impl Activation {
    /// As rows of units; a map is flattened.
    pub fn flat(self) -> Tensor<2> {
        match self {
            Self::Flat(x) => x,
            Self::Map(x) => x.flatten(1, 3),
        }
    }

    /// As maps of `[channels, height, width]`; flat rows are reshaped.
    pub fn map(self, [channels, height, width]: [usize; 3]) -> Tensor<4> {
        match self {
            Self::Map(x) => x,
            Self::Flat(x) => {
                let batch = x.dims()[0];
                x.reshape([batch, channels, height, width])
            }
        }
    }
}

/// Why a network cannot be what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The name says no known network.
    #[error("there is no network `{spec}`: {expected}")]
    Unknown {
        /// What was asked for.
        spec: String,
        /// What there is.
        expected: String,
    },
    /// The network does not fit the data.
    #[error("the network `{network}` cannot read images of shape {shape:?}: {reason}")]
    Shape {
        /// The network.
        network: String,
        /// Channels, height, width.
        shape: [usize; 3],
        /// What it needs.
        reason: String,
    },
    /// The network has one width only.
    #[error(
        "the network `{network}` cannot be made wider or narrower: implement `Network::scaled` \
         for it (see examples/your_own_layers.rs)"
    )]
    OneWidth {
        /// The network.
        network: String,
    },
    /// The network does not say what its layers are.
    #[error(
        "the network `{network}` does not declare its layers, which {strategy} connects: implement \
         `Network::stages` and `Network::forward_stage` for it (see examples/your_own_layers.rs)"
    )]
    NoLayers {
        /// The network.
        network: String,
        /// The method that asks.
        strategy: &'static str,
    },
    /// A Burn module cannot be a network.
    #[error("the module of the network `{network}` cannot be trained here: {reason}")]
    Module {
        /// The network.
        network: String,
        /// What stands against it.
        reason: String,
    },
}

/// An architecture without weights: input → features, in stages.
pub trait Network: Send + Sync {
    /// The name that makes it again, for example `mlp:100x100`.
    fn spec(&self) -> String;

    /// Shape of one input: channels, height, width.
    fn input(&self) -> [usize; 3];

    /// What it needs, in the order [`Weights::get`] counts.
    fn parameters(&self) -> Vec<Parameter>;

    /// Its running statistics, in the order [`Normaliser`] counts.
    fn buffers(&self) -> Vec<Buffer> {
        Vec::new()
    }

    /// Its pieces from input to features; every parameter belongs to exactly one.
    fn stages(&self) -> Vec<Stage>;

    /// One stage. `lateral`, of the stage's output shape, is what other columns add before the
    /// stage's last activation. Shapes follow the weights, so a wider or narrower set of them
    /// runs through the same code.
    fn forward_stage(
        &self,
        stage: usize,
        weights: &Weights,
        normaliser: &mut Normaliser<'_>,
        h: Activation,
        lateral: Option<Activation>,
    ) -> Activation;

    /// Units in the last stage's output, flattened: what a head reads.
    fn features(&self) -> usize {
        self.stages().last().map_or(0, |stage| stage.output.iter().product())
    }

    /// How the heads over its features start.
    fn head_start(&self) -> Start {
        Start::Xavier
    }

    /// Whether its stages are its layers, so that columns can be connected layer by layer.
    fn layered(&self) -> bool {
        true
    }

    /// Whether it is nothing but dense layers with a rectifier after each, its parameters their
    /// weights and biases in turn. Such a network may be run over slices, without autodiff.
    fn dense(&self) -> bool {
        false
    }

    /// The same architecture with every hidden width multiplied by `factor` (at least 1 unit
    /// each).
    ///
    /// # Errors
    ///
    /// [`NetworkError::OneWidth`] when it has no other width.
    fn scaled(&self, factor: f64) -> Result<Arc<dyn Network>, NetworkError> {
        let _ = factor;
        Err(NetworkError::OneWidth { network: self.spec() })
    }
}

/// The widest form of a network, of widths up to `most` times its own, that `fits`; its narrowest
/// where none does. Wider is never to fit where narrower does not.
pub(crate) fn widest(
    network: &Arc<dyn Network>,
    most: f64,
    fits: impl Fn(&dyn Network) -> bool,
) -> Result<Arc<dyn Network>, NetworkError> {
    /// Halvings of the range of factors: widths of millions are told apart.
    const HALVINGS: usize = 24;
    let (mut fitting, mut too_wide) = (0.0, most);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(fitting, too_wide);
        if fits(network.scaled(middle)?.as_ref()) {
            fitting = middle;
        } else {
            too_wide = middle;
        }
    }
    network.scaled(fitting)
}

/// A width times a factor, rounded, at least 1.
fn scaled_width(width: usize, factor: f64) -> usize {
    ((width as f64 * factor).round() as usize).max(1)
}
