//! Activations: functions of single numbers.

use super::{Backward, Forward, Layer, Memory, Op, Shapes, Target, single};
use crate::cpu::products::by_parts;
use crate::params::Parameter;
use crate::params::vector::simd_dispatch;

/// An activation as a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation(pub Nonlinearity);

/// A function of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// max(x, 0).
    Relu,
    /// ½ x (1 + erf(x / √2)) (Hendrycks & Gimpel 2016).
    Gelu,
    /// tanh x.
    Tanh,
}

impl Nonlinearity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Gelu, Self::Tanh];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Gelu => "gelu",
            Self::Tanh => "tanh",
        }
    }
}

impl Layer for Activation {
    fn kind(&self) -> &str {
        self.0.word()
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        single(inputs).map(|_| Vec::new())
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        Ok(Box::new(Bound { of: self.0, shape: single(shapes.inputs)?.to_vec() }))
    }

    fn is_activation(&self) -> bool {
        true
    }
}

struct Bound {
    of: Nonlinearity,
    shape: Vec<usize>,
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.shape
    }

    fn memory(&self) -> Memory {
        let from_output = self.of != Nonlinearity::Gelu;
        Memory { overwrites_input: from_output, passes_gradient: true, keeps_output: from_output }
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let x = call.inputs.get(0);
        if !x.is_empty() {
            call.output.copy_from_slice(x);
        }
        by_parts(call.output, |_, part| match self.of {
            Nonlinearity::Relu => simd_dispatch(
                #[inline(always)]
                // NaN stays.
                || part.iter_mut().for_each(|y| *y = if *y <= 0.0 { 0.0 } else { *y }),
            ),
            Nonlinearity::Gelu => part.iter_mut().for_each(|y| *y *= normal_distribution(*y)),
            Nonlinearity::Tanh => part.iter_mut().for_each(|y| *y = y.tanh()),
        });
    }

    fn backward(&self, call: &mut Backward<'_>, _: &mut [Option<Target<'_>>]) {
        let (output, input) = (call.output, call.inputs.get(0));
        by_parts(call.output_gradient, |at, part| match self.of {
            Nonlinearity::Relu => {
                let y = &output[at];
                simd_dispatch(
                    #[inline(always)]
                    || {
                        for (d, &y) in part.iter_mut().zip(y) {
                            *d = if y > 0.0 { *d } else { 0.0 };
                        }
                    },
                );
            }
            Nonlinearity::Gelu => {
                for (d, &x) in part.iter_mut().zip(&input[at]) {
                    *d *= normal_distribution(x) + x * normal_density(x);
                }
            }
            Nonlinearity::Tanh => {
                part.iter_mut().zip(&output[at]).for_each(|(d, y)| *d *= 1.0 - y * y);
            }
        });
    }
}

/// Φ(x), the share of a standard normal below x.
fn normal_distribution(x: f32) -> f32 {
    0.5 * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// φ(x), the density of a standard normal.
fn normal_density(x: f32) -> f32 {
    (-0.5 * x * x).exp() / std::f32::consts::TAU.sqrt()
}
