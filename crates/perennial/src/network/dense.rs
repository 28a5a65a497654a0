//! Plain dense networks over slices: forward and backward without a graph.
//!
//! ```text
//! h_0 = x,  h_l = relu(h_{l−1} W_l + b_l),  z = h_L W + b        [rows, ·]
//! δ_L = (∂loss/∂z Wᵀ) ⊙ (h_L > 0),  δ_{l−1} = (δ_l W_lᵀ) ⊙ (h_{l−1} > 0)
//! ∂loss/∂W_l = h_{l−1}ᵀ δ_l over a group of rows,  ∂loss/∂b_l = Σ δ_l
//! ```
//!
//! One forward and one δ pass serve any number of groups of rows, each with a gradient of its
//! own. What a column receives from older ones is added before its rectifier. Autodiff is the
//! general path and the oracle this one is tested against. Inputs that are mostly zeros are
//! multiplied [number by number](super::sparse).

mod backward;
mod factors;
mod laterals;

use std::ops::Range;

use faer::{Accum, MatMut, MatRef};

pub(crate) use self::backward::Group;
use self::backward::{Before, add_rows, rectify};
pub(crate) use self::factors::{Dot, Factors};
use self::laterals::Laterals;
use super::Network;
use super::shared::multiply;
use super::sparse::{Aligned, Kept, Sparse, WIDE};
use crate::Grid;
use crate::SlotId;
use crate::model::{Model, View};
use crate::vector::simd_dispatch;
use perennial_nn::loss::Columns;

/// A view of a plain dense network: where its layers lie in θ.
pub(crate) struct Dense {
    trunk: Vec<Layer>,
    /// Output layers side by side, each with its columns of the logits.
    heads: Vec<(Layer, Range<usize>)>,
    /// Which unit each column of the logits is.
    pub(crate) columns: Columns,
    /// The effective weights, layer after layer, where they are not θ's own: blocks joined, what
    /// the view masks 0.
    joined: Option<Vec<f32>>,
    /// What the view's column receives from older ones.
    laterals: Option<Laterals>,
}

/// One dense layer.
struct Layer {
    weight: Place,
    bias: Place,
    inputs: usize,
    outputs: usize,
}

/// A parameter: the slots it is made of, and where it lies in the effective weights.
struct Place {
    grid: Grid,
    at: Range<usize>,
}

/// Matrices that passes use again and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// `[rows, inputs]`
    pub(crate) inputs: Vec<f32>,
    /// Where they are not 0.
    sparse: Sparse,
    /// h_1 … h_L. `[rows, width]` each
    hidden: Vec<Vec<f32>>,
    /// `[rows, units]`
    pub(crate) logits: Vec<f32>,
    /// ∂loss/∂z. `[rows, units]`
    pub(crate) slope: Vec<f32>,
    /// δ_1 … δ_L. `[rows, width]` each
    deltas: Vec<Vec<f32>>,
    laterals: laterals::Work,
    /// Effective weights that are not θ's own.
    pub(crate) joined: Vec<f32>,
    /// Where the rows are [kept](Kept): δ_1, and what is summed.
    right: Aligned,
    sums: Aligned,
    /// Inner products of inputs with those of another pass. `[rows, other rows]`
    products: Vec<f32>,
}

impl Work {
    /// What the heads read of the rows of the last pass: h_L, or the inputs of a network without
    /// hidden layers.
    pub(crate) fn features(&self) -> &[f32] {
        self.hidden.last().unwrap_or(&self.inputs)
    }
}

/// Rows that are not read anew, with W_1 as their products take it.
#[derive(Clone, Copy)]
pub(crate) struct Again<'a> {
    pub(crate) rows: &'a Kept,
    pub(crate) weight: &'a Aligned,
}

impl Dense {
    /// The view as dense layers with these heads; `None` when it is anything else. Joined weights,
    /// if it has any, are written over `scratch`: [`scratch`](Self::scratch) gives it back.
    pub(crate) fn of(
        network: &dyn Network,
        model: &Model,
        view: &View,
        heads: &[usize],
        scratch: &mut Vec<f32>,
    ) -> Option<Self> {
        if !network.dense() {
            return None;
        }
        let heads = heads.iter().map(|&head| &model.heads[head]);
        let columns = Columns::new(heads.clone().map(|head| head.units.clone()).collect());
        let trunk = view.column.parameters.chunks_exact(2).map(|pair| (&pair[0], &pair[1]));
        let parameters = trunk.chain(heads.map(|head| (&head.weight, &head.bias)));
        let whole = |grid: &Grid| grid.blocks.len() == 1;
        let plain = view.keep.is_none() && parameters.clone().all(|(w, b)| whole(w) && whole(b));
        let laterals = match (view.older.is_empty(), plain) {
            (true, _) => None,
            (false, true) => Some(Laterals::of(model, view)?),
            (false, false) => return None,
        };
        let mut end = 0;
        let mut place = |grid: &Grid| {
            let at = if plain {
                model.layout.slot(grid.blocks[0]).range()
            } else {
                end += grid.len(&model.layout);
                end - grid.len(&model.layout)..end
            };
            Place { grid: grid.clone(), at }
        };
        let layer = |(weight, bias): (&Grid, &Grid)| {
            let &[inputs, outputs] = &weight.shape(&model.layout)[..] else { return None };
            Some(Layer { weight: place(weight), bias: place(bias), inputs, outputs })
        };
        let mut trunk = parameters.map(layer).collect::<Option<Vec<_>>>()?;
        let mut first = 0;
        let beside = |head: Layer| {
            let columns = first..first + head.outputs;
            first = columns.end;
            (head, columns)
        };
        let heads = trunk.split_off(view.column.parameters.len() / 2);
        let heads = heads.into_iter().map(beside).collect();
        let mut dense = Self { trunk, heads, columns, joined: None, laterals };
        if !plain {
            let mut joined = std::mem::take(scratch);
            joined.resize(end, 0.0); // old numbers are written over
            for place in dense.places() {
                let to = &mut joined[place.at.clone()];
                place.grid.write_effective(&model.layout, &model.theta, view.keep.as_deref(), to);
            }
            dense.joined = Some(joined);
        }
        Some(dense)
    }

    /// What it wrote joined weights to, to be used again.
    pub(crate) fn scratch(self) -> Vec<f32> {
        self.joined.unwrap_or_default()
    }

    /// The parameters of its layers and heads.
    fn places(&self) -> impl Iterator<Item = &Place> {
        let heads = self.heads.iter().map(|(layer, _)| layer);
        self.trunk.iter().chain(heads).flat_map(|layer| [&layer.weight, &layer.bias])
    }

    /// The slots of its layers and heads.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotId> {
        let own = self.places().flat_map(|place| place.grid.blocks.iter().copied());
        own.chain(self.laterals.iter().flat_map(Laterals::slots))
    }

    /// Columns and products of rows that may be [kept](Kept); `None` where each pass has to read
    /// its inputs.
    pub(crate) fn keeps(&self) -> Option<(usize, usize)> {
        let first = self.trunk.first().filter(|_| self.laterals.is_none())?;
        (first.outputs >= WIDE).then_some((first.inputs, first.outputs))
    }

    /// Copies W_1 to what products of kept rows take, if rows [may be](Self::keeps); whether so.
    pub(crate) fn align(&self, theta: &[f32], to: &mut Aligned) -> bool {
        let theta = self.joined.as_deref().unwrap_or(theta);
        let first = self.trunk.first().filter(|_| self.keeps().is_some());
        if let Some(first) = first {
            to.copy(&theta[first.weight.at.clone()], first.outputs);
        }
        first.is_some()
    }

    /// The logits of `kept`, or else of `work.inputs`, into `work.logits`.
    pub(crate) fn forward(
        &self,
        theta: &[f32],
        (rows, kept): (usize, Option<Again<'_>>),
        work: &mut Work,
    ) {
        let theta = self.joined.as_deref().unwrap_or(theta);
        let Work { inputs, sparse, hidden, logits, slope, laterals: received, sums, .. } = work;
        hidden.resize_with(self.trunk.len(), Vec::new);
        if let (Some(first), None) = (self.trunk.first(), kept) {
            sparse.read(&inputs[..rows * first.inputs], first.inputs, first.outputs);
        }
        if let Some(laterals) = &self.laterals {
            laterals.read(theta, (inputs, sparse), rows, received);
        }
        for (l, layer) in self.trunk.iter().enumerate() {
            let (before, out) = hidden.split_at_mut(l);
            let (out, width) = (&mut out[0], layer.outputs);
            out.resize(rows * width, 0.0);
            match (before.last(), kept) {
                (Some(h), _) => layer.forward(theta, h, matrix_mut(out, rows, width)),
                (None, Some(kept)) => kept.rows.times(kept.weight, sums, out),
                (None, None) => layer.first(theta, (inputs, sparse), out),
            }
            if let Some(laterals) = &self.laterals {
                laterals.add(l, theta, (inputs, sparse), out, received);
            }
            add_bias(out, &theta[layer.bias.at.clone()], true);
        }
        let features = hidden.last().unwrap_or(inputs);
        let units = self.columns.len();
        logits.resize(rows * units, 0.0);
        let mut bias = vec![0.0; units];
        for (layer, columns) in &self.heads {
            let out = matrix_mut(logits, rows, units);
            layer.forward(theta, features, out.subcols_mut(columns.start, columns.len()));
            bias[columns.clone()].copy_from_slice(&theta[layer.bias.at.clone()]);
        }
        if let Some(laterals) = &self.laterals {
            laterals.add(self.trunk.len(), theta, (inputs, sparse), logits, received);
        }
        add_bias(logits, &bias, false);
        slope.clear();
        slope.resize(rows * units, 0.0);
    }
}

impl Layer {
    /// hW
    fn forward(&self, theta: &[f32], h: &[f32], out: MatMut<'_, f32>) {
        let weight = matrix(&theta[self.weight.at.clone()], self.inputs, self.outputs);
        let h = matrix(&h[..out.nrows() * self.inputs], out.nrows(), self.inputs);
        multiply(out, Accum::Replace, h, weight);
    }

    /// xW of the inputs of the pass.
    fn first(&self, theta: &[f32], inputs: (&[f32], &Sparse), out: &mut [f32]) {
        inputs_times(inputs, &theta[self.weight.at.clone()], (self.inputs, self.outputs), out);
    }
}

/// xW of the inputs x of a pass, into `out` `[rows, outputs]`.
fn inputs_times(
    (values, sparse): (&[f32], &Sparse),
    weight: &[f32],
    (inputs, outputs): (usize, usize),
    out: &mut [f32],
) {
    let rows = out.len() / outputs;
    let serves = outputs >= WIDE;
    if !serves || !sparse.holds(&(0..rows)) {
        let (x, weight) = (matrix(values, rows, inputs), matrix(weight, inputs, outputs));
        multiply(matrix_mut(out, rows, outputs), Accum::Replace, x, weight);
    }
    if serves && !sparse.holds_none() {
        sparse.times(values, weight, outputs, out);
    }
}

fn matrix(values: &[f32], rows: usize, columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(&values[..rows * columns], rows, columns)
}

fn matrix_mut(values: &mut [f32], rows: usize, columns: usize) -> MatMut<'_, f32> {
    MatMut::from_row_major_slice_mut(&mut values[..rows * columns], rows, columns)
}

/// Adds the bias to each row and, if asked, cuts at 0.
fn add_bias(values: &mut [f32], bias: &[f32], cut: bool) {
    simd_dispatch(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(bias.len().max(1)) {
                for (value, bias) in row.iter_mut().zip(bias) {
                    let z = *value + bias;
                    *value = if cut && z <= 0.0 { 0.0 } else { z };
                }
            }
        },
    );
}

#[cfg(test)]
mod tests;
