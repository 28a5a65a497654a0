//! Linear layers: y = xW + b.
//!
//! ```text
//! ∂/∂W = Σ_n Σ_p x_pᵀ d_p,   ∂/∂b = Σ_n Σ_p d_p,   ∂/∂x = d Wᵀ
//! Σ_n h(x_nᵀ d_n) = h(X)ᵀ h(D)                       where a sample has one row (P = 1)
//! ```
//!
//! Rows of data that are mostly zeros are multiplied number by number ([`Sparse`](crate::cpu::sparse)).

use std::sync::Arc;

use faer::{Accum, MatMut, MatRef};

use super::{
    Backward, Forward, Layer, Op, Parameters, Prepared, Saved, Shapes, Statistic, Sums, Target,
    scaled_width, single, size,
};
use crate::cpu::products::multiply;
use crate::cpu::sparse::WIDE;
use crate::params::vector::simd_dispatch;
use crate::params::{Parameter, Start};

/// A linear layer of so many outputs, over vectors `[inputs]` or sequences of them `[tokens, inputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Numbers that it makes.
    pub outputs: usize,
    /// Whether it has a bias.
    pub bias: bool,
    /// How weights and biases start.
    pub init: Start,
}

impl Linear {
    /// A layer with a bias.
    pub fn new(outputs: usize, init: Start) -> Self {
        Self { outputs, bias: true, init }
    }
}

impl Layer for Linear {
    fn kind(&self) -> &'static str {
        "linear"
    }

    fn settings(&self) -> toml::Table {
        let mut table = toml::Table::new();
        table.insert("outputs".into(), toml::Value::Integer(self.outputs as i64));
        if !self.bias {
            table.insert("bias".into(), toml::Value::Boolean(false));
        }
        if self.init != Start::He {
            table.insert("init".into(), self.init.word().into());
        }
        table
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        let inputs = match single(inputs)? {
            &[inputs] | &[_, inputs] => inputs,
            shape => {
                return Err(format!(
                    "it reads vectors [n] or sequences [tokens, n] and was given {shape:?}; put a \
                     `flatten` before it"
                ));
            }
        };
        if self.outputs == 0 {
            return Err("it needs at least one output".into());
        }
        let [weight, bias] = self.init.dense(inputs, self.outputs);
        let mut parameters = vec![Parameter::new("weight", &[inputs, self.outputs], weight)];
        if self.bias {
            parameters.push(Parameter::new("bias", &[self.outputs], bias));
        }
        Ok(parameters)
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        let input = single(shapes.inputs)?;
        let (&[inputs, outputs], Some(&own)) = (&shapes.parameters[0][..], input.last()) else {
            return Err(format!("its weight has the shape {:?}", shapes.parameters[0]));
        };
        if inputs != own {
            return Err(format!("its weight reads {inputs} numbers and it was given {own}"));
        }
        let mut output = input.to_vec();
        let positions = size(input) / inputs;
        output.pop();
        output.push(outputs);
        Ok(Box::new(LinearOp { output, positions, inputs, outputs, sparse: shapes.reads_data }))
    }

    fn scaled(&self, factor: f64) -> Option<Arc<dyn Layer>> {
        let outputs = scaled_width(self.outputs, factor);
        Some(Arc::new(Self { outputs, ..self.clone() }))
    }
}

/// A linear layer with shapes.
pub(crate) struct LinearOp {
    output: Vec<usize>,
    positions: usize,
    inputs: usize,
    outputs: usize,
    /// Whether its rows may be mostly zeros.
    sparse: bool,
}

impl LinearOp {
    /// A layer over vectors.
    pub(crate) fn over(inputs: usize, outputs: usize, sparse: bool) -> Self {
        Self { output: vec![outputs], positions: 1, inputs, outputs, sparse }
    }

    /// Whether products of sparse rows serve it.
    fn is_sparse(&self) -> bool {
        self.sparse && self.outputs >= WIDE
    }
}

impl Op for LinearOp {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn prepare_cached(&self, parameters: Parameters<'_>, prepared: &mut Prepared) {
        prepared.aligned.copy(parameters.get(0), self.outputs);
    }

    fn cached_sides(&self) -> Option<(usize, usize)> {
        (self.is_sparse() && self.positions == 1).then_some((self.inputs, self.outputs))
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let Self { inputs, outputs, .. } = *self;
        if let Some(cached) = call.inputs.cached() {
            cached.times(&call.prepared.aligned, &mut call.saved.sums, call.output);
            if call.parameters.len() > 1 {
                add_bias(call.output, call.parameters.get(1));
            }
            return;
        }
        let (x, weight) = (call.inputs.get(0), call.parameters.get(0));
        let rows = call.rows * self.positions;
        let Saved { sparse, .. } = &mut *call.saved;
        if self.is_sparse() {
            sparse.read(x, inputs, outputs);
        }
        if !self.is_sparse() || !sparse.holds(&(0..rows)) {
            let weight = matrix(weight, inputs, outputs);
            if call.keeps {
                let output = matrix_mut(call.output, rows, outputs);
                multiply(output, Accum::Replace, matrix(x, rows, inputs), weight);
            } else {
                multiply_in_blocks(x, weight, call.output, &mut call.scratch.floats);
            }
        }
        if self.is_sparse() && !sparse.holds_none() {
            sparse.times(x, weight, outputs, call.output);
        }
        if call.parameters.len() > 1 {
            add_bias(call.output, call.parameters.get(1));
        }
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        let rows = call.rows * self.positions;
        let delta = matrix(call.output_gradient, rows, self.outputs);
        let weight = matrix(call.parameters.get(0), self.inputs, self.outputs);
        multiply(
            matrix_mut(to.values, rows, self.inputs),
            accum(to.add),
            delta,
            weight.transpose(),
        );
    }

    fn parameter_gradient(&self, index: usize, call: &mut Backward<'_>, to: Target<'_>) {
        let Self { inputs, outputs, .. } = *self;
        let rows = call.rows * self.positions;
        let (x, delta) = (call.inputs.get(0), &*call.output_gradient);
        let Saved { sparse, right, sums, .. } = &mut *call.saved;
        if index == 1 {
            add_rows(to, delta);
        } else if let Some(cached) = call.inputs.cached() {
            right.copy(delta, outputs);
            cached.transposed_times(&(0..rows), (right, sums), to.values, to.add);
        } else if self.is_sparse() && sparse.holds(&(0..rows)) {
            sparse.transposed_times(x, 0..rows, (delta, outputs), to.values, to.add);
        } else {
            let (x, delta) = (matrix(x, rows, inputs), matrix(delta, rows, outputs));
            let values = matrix_mut(to.values, inputs, outputs);
            multiply(values, accum(to.add), x.transpose(), delta);
        }
    }

    fn sample_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let Self { inputs, outputs, positions, .. } = *self;
        let delta = &*call.output_gradient;
        if positions == 1 {
            // The sum over gradients r of h(X)ᵀ h(D_r) is one product.
            let gathered = &mut call.saved.statistics;
            if gathered.is_empty() {
                gathered.resize(delta.len(), 0.0);
            }
            gathered.iter_mut().zip(delta).for_each(|(sum, &d)| *sum += of.of(d));
            return;
        }
        let x = call.inputs.get(0);
        let gradient = &mut call.scratch.floats;
        gradient.resize(inputs * outputs, 0.0);
        for (x, delta) in x.chunks(positions * inputs).zip(delta.chunks(positions * outputs)) {
            let (x, d) = (matrix(x, positions, inputs), matrix(delta, positions, outputs));
            let to = matrix_mut(gradient, inputs, outputs);
            multiply(to, Accum::Replace, x.transpose(), d);
            add_statistic(sums[0], gradient, of);
            if let Some(bias) = sums.get_mut(1) {
                gradient[..outputs].fill(0.0);
                add_rows(Target { values: &mut gradient[..outputs], add: false }, delta);
                add_statistic(bias, &gradient[..outputs], of);
            }
        }
    }

    fn finish_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let Self { inputs, outputs, positions, .. } = *self;
        if positions != 1 || call.saved.statistics.is_empty() {
            return;
        }
        let rows = call.rows;
        let x: Vec<f32> = call.inputs.get(0).iter().map(|&x| of.of(x)).collect();
        let gathered = &mut call.saved.statistics;
        let product = &mut call.scratch.floats;
        product.resize(inputs * outputs, 0.0);
        let (x, d) = (matrix(&x, rows, inputs), matrix(gathered, rows, outputs));
        multiply(matrix_mut(product, inputs, outputs), Accum::Replace, x.transpose(), d);
        sums[0].iter_mut().zip(&*product).for_each(|(sum, &new)| *sum += f64::from(new));
        if let Some(bias) = sums.get_mut(1) {
            for row in gathered.chunks_exact(outputs) {
                bias.iter_mut().zip(row).for_each(|(sum, &new)| *sum += f64::from(new));
            }
        }
        gathered.clear();
    }
}

/// Rows of a block. Products of at most 64 rows and 64 columns sum in another order than larger ones.
const BLOCK: usize = 64;
/// Rows of a block, at least. Products of a few rows and a few columns take a kernel that sums over more
/// than 512 numbers in another order than larger ones.
const LEAST: usize = 8;

/// xW in blocks of rows, so that no bit of a row depends on how many others there are.
fn multiply_in_blocks(x: &[f32], weight: MatRef<'_, f32>, out: &mut [f32], scratch: &mut Vec<f32>) {
    let (inputs, outputs) = (weight.nrows(), weight.ncols());
    for (x, out) in x.chunks(BLOCK * inputs).zip(out.chunks_mut(BLOCK * outputs)) {
        let rows = out.len() / outputs;
        if rows >= LEAST {
            let (x, out) = (matrix(x, rows, inputs), matrix_mut(out, rows, outputs));
            multiply(out, Accum::Replace, x, weight);
            continue;
        }
        scratch.clear();
        scratch.extend_from_slice(x);
        scratch.resize(LEAST * (inputs + outputs), 0.0);
        let (x, made) = scratch.split_at_mut(LEAST * inputs);
        multiply(
            matrix_mut(made, LEAST, outputs),
            Accum::Replace,
            matrix(x, LEAST, inputs),
            weight,
        );
        out.copy_from_slice(&made[..out.len()]);
    }
}

/// Adds h of each number of a sample's gradient.
pub(crate) fn add_statistic(sums: &mut [f64], gradient: &[f32], of: Statistic) {
    simd_dispatch(
        #[inline(always)]
        || match of {
            Statistic::Square => {
                sums.iter_mut().zip(gradient).for_each(|(sum, &g)| *sum += f64::from(g * g));
            }
            Statistic::Absolute => {
                sums.iter_mut().zip(gradient).for_each(|(sum, &g)| *sum += f64::from(g.abs()));
            }
        },
    );
}

fn accum(add: bool) -> Accum {
    if add { Accum::Add } else { Accum::Replace }
}

/// Row-major numbers as a matrix.
pub(crate) fn matrix(values: &[f32], rows: usize, columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(&values[..rows * columns], rows, columns)
}

/// The same to write to.
pub(crate) fn matrix_mut(values: &mut [f32], rows: usize, columns: usize) -> MatMut<'_, f32> {
    MatMut::from_row_major_slice_mut(&mut values[..rows * columns], rows, columns)
}

/// Adds the bias to each row.
fn add_bias(values: &mut [f32], bias: &[f32]) {
    simd_dispatch(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
            }
        },
    );
}

/// The sum of the rows, written or added.
pub(crate) fn add_rows(to: Target<'_>, rows: &[f32]) {
    let Target { values, add } = to;
    if !add {
        values.fill(0.0);
    }
    simd_dispatch(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(values.len()) {
                values.iter_mut().zip(row).for_each(|(to, x)| *to += x);
            }
        },
    );
}
