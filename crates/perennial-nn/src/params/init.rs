//! How parameters and buffers start.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Vector;
use crate::draws::Generator;

/// How a parameter starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Every number the same.
    Constant(f32),
    /// Uniform from `low` to `high`.
    Between {
        /// The least.
        low: f32,
        /// The most.
        high: f32,
    },
    /// Uniform in ±bound.
    Uniform {
        /// Half the width.
        bound: f32,
    },
    /// Normal with mean 0.
    Normal {
        /// The standard deviation.
        sd: f32,
    },
    /// Normal with mean 0, drawn again beyond two standard deviations.
    TruncatedNormal {
        /// The standard deviation before the cut.
        sd: f32,
    },
    /// These numbers, one for each of the slot's: a network that brings its own start. They are
    /// saved with the layout, so a start made again after a resume is the same.
    Given(Vector),
}

impl Init {
    /// Xavier's uniform: ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010, eq. 16).
    pub fn xavier(inputs: usize, outputs: usize) -> Self {
        Self::Uniform { bound: (6.0 / (inputs + outputs) as f32).sqrt() }
    }

    /// He's normal for rectified units: sd √(2 / fan) (He et al. 2015, eq. 10 and 14).
    pub fn he(fan: usize) -> Self {
        Self::Normal { sd: (2.0 / fan as f32).sqrt() }
    }

    /// Draws `len` numbers; given ones are taken as they are.
    pub fn draw(&self, len: usize, generator: &mut Generator) -> Vec<f32> {
        match self {
            Self::Constant(value) => vec![*value; len],
            &Self::Uniform { bound } => {
                (0..len).map(|_| generator.random_range(-bound..=bound)).collect()
            }
            &Self::Between { low, high } => {
                (0..len).map(|_| generator.random_range(low..=high)).collect()
            }
            &Self::Normal { sd } => (0..len).map(|_| sd * standard_normal(generator)).collect(),
            &Self::TruncatedNormal { sd } => {
                let within = |generator: &mut Generator| loop {
                    let draw = standard_normal(generator);
                    if draw.abs() < 2.0 {
                        break sd * draw;
                    }
                };
                (0..len).map(|_| within(generator)).collect()
            }
            Self::Given(values) => values.to_vec(),
        }
    }
}

/// One draw from the standard normal (Box & Muller 1958), the cosine branch.
pub fn standard_normal(generator: &mut impl rand::Rng) -> f32 {
    let radius = (-2.0 * (1.0 - generator.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * generator.random::<f64>()).cos()) as f32
}

/// A trainable parameter that an architecture needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Unique in the network, for example `dense1.weight`.
    pub name: String,
    /// Row-major; dense weights `[inputs, outputs]`, convolutions `[outputs, inputs, h, w]`.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
}

impl Parameter {
    /// A parameter from its parts.
    pub fn new(name: impl Into<String>, shape: &[usize], init: Init) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), init }
    }
}

/// Non-trained state that an architecture needs: a running statistic of batch normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Unique among the network's buffers, for example `norm1.mean`.
    pub name: String,
    /// Row-major.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
}

impl Buffer {
    /// A buffer from its parts.
    pub fn new(name: impl Into<String>, shape: &[usize], init: Init) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), init }
    }
}
