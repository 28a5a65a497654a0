//! Layer normalisation (Ba, Kiros & Hinton 2016).
//!
//! ```text
//! x̂ = (x − μ) / √(σ² + ε),   y = γ x̂ + β               over the last dimension, position by position
//! ∂/∂x = (e − mean(e) − x̂ mean(e x̂)) / √(σ² + ε),   e = γ d
//! ```

use super::linear::add_statistic;
use super::{Backward, Forward, Layer, Op, Shapes, Statistic, Sums, Target, single, size};
use crate::params::{Init, Parameter};

/// Layer normalisation over the last dimension of vectors or sequences, with learnt γ and β.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerNorm;

/// Variance is kept this far from zero (PyTorch's value).
const EPSILON: f32 = 1e-5;

impl Layer for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer_norm"
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        match single(inputs)? {
            &[width] | &[_, width] => {
                let part = |name, start| Parameter::new(name, &[width], Init::Constant(start));
                Ok(vec![part("gamma", 1.0), part("beta", 0.0)])
            }
            shape => Err(format!(
                "it normalises vectors [n] or sequences [tokens, n] and was given {shape:?}"
            )),
        }
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        self.parameters(shapes.inputs)?;
        let shape = single(shapes.inputs)?.to_vec();
        Ok(Box::new(Bound { width: shape[shape.len() - 1], shape }))
    }
}

struct Bound {
    shape: Vec<usize>,
    width: usize,
}

impl Bound {
    /// Calls `each` for every position of some rows with x̂, 1/√(σ² + ε) and d.
    fn positions(&self, x: &[f32], delta: &[f32], mut each: impl FnMut(&[f32], f32, &[f32])) {
        let mut normal = vec![0.0; self.width];
        for (x, delta) in x.chunks_exact(self.width).zip(delta.chunks_exact(self.width)) {
            let inverse = normalise(x, &mut normal);
            each(&normal, inverse, delta);
        }
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.shape
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let (x, gamma, beta) = (call.inputs.get(0), call.parameters.get(0), call.parameters.get(1));
        for (y, x) in call.output.chunks_exact_mut(self.width).zip(x.chunks_exact(self.width)) {
            normalise(x, y);
            y.iter_mut().zip(gamma).zip(beta).for_each(|((y, gamma), beta)| *y = gamma * *y + beta);
        }
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        let (x, gamma, add) = (call.inputs.get(0), call.parameters.get(0), to.add);
        let mut positions = to.values.chunks_exact_mut(self.width);
        self.positions(x, call.output_gradient, |normal, inverse, delta| {
            let Some(to) = positions.next() else { return };
            let terms = || delta.iter().zip(gamma).map(|(d, gamma)| d * gamma);
            let mean = terms().sum::<f32>() / self.width as f32;
            let along = terms().zip(normal).map(|(e, x)| e * x).sum::<f32>() / self.width as f32;
            for ((to, e), x) in to.iter_mut().zip(terms()).zip(normal) {
                let gradient = (e - mean - x * along) * inverse;
                *to = if add { *to + gradient } else { gradient };
            }
        });
    }

    fn parameter_gradient(&self, index: usize, call: &mut Backward<'_>, to: Target<'_>) {
        if !to.add {
            to.values.fill(0.0);
        }
        self.positions(call.inputs.get(0), call.output_gradient, |normal, _, delta| {
            let of = |(d, x): (&f32, &f32)| if index == 0 { d * x } else { *d };
            to.values.iter_mut().zip(delta.iter().zip(normal).map(of)).for_each(|(to, g)| *to += g);
        });
    }

    fn sample_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let (row, x, delta) = (size(&self.shape), call.inputs.get(0), &*call.output_gradient);
        let mut gradients = [vec![0.0; self.width], vec![0.0; self.width]];
        for (x, delta) in x.chunks_exact(row).zip(delta.chunks_exact(row)) {
            gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
            self.positions(x, delta, |normal, _, delta| {
                for i in 0..self.width {
                    gradients[0][i] += delta[i] * normal[i];
                    gradients[1][i] += delta[i];
                }
            });
            sums.iter_mut().zip(&gradients).for_each(|(sums, g)| add_statistic(sums, g, of));
        }
    }
}

/// Writes x̂; says 1/√(σ² + ε).
fn normalise(x: &[f32], to: &mut [f32]) -> f32 {
    let width = x.len() as f32;
    let mean = x.iter().sum::<f32>() / width;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / width;
    let inverse = 1.0 / (variance + EPSILON).sqrt();
    to.iter_mut().zip(x).for_each(|(to, x)| *to = (x - mean) * inverse);
    inverse
}
