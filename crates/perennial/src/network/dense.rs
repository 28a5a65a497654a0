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

mod laterals;

use std::ops::Range;

use faer::{Accum, MatMut, MatRef};

use self::laterals::{At, Laterals};
use super::Network;
use super::shared::multiply;
use super::sparse::{Aligned, Kept, Sparse, WIDE};
use crate::layout::{Layout, SlotId};
use crate::model::{Grid, Model, View};
use crate::objective::Columns;
use crate::vector::wide;

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
    /// Where the rows are [kept](Kept): some rows of W_1, or δ_1; and what it is multiplied to.
    right: Aligned,
    sums: Aligned,
}

/// A group of rows of a pass and the gradient it goes to.
pub(crate) struct Group<'a> {
    /// Which rows.
    pub(crate) rows: Range<usize>,
    /// The packed gradient.
    pub(crate) gradient: &'a mut [f32],
    /// Whether what the gradient holds is added to.
    pub(crate) add: bool,
}

/// What a layer read, of all rows of the pass.
enum Before<'a> {
    /// `[rows, inputs]`
    Dense(&'a [f32]),
    /// The same, what of it is not 0, and δ `[rows, outputs]`.
    Sparse(&'a [f32], &'a mut Sparse, &'a [f32]),
    /// The same of rows that were read before, and scratch.
    Kept(&'a Kept, &'a Aligned, &'a mut Aligned),
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
                place.grid.write_effective(model, view.keep.as_deref(), to);
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
        Some((first.inputs, first.outputs))
    }

    /// The logits of `kept`, or else of `work.inputs`, into `work.logits`.
    pub(crate) fn forward(
        &self,
        theta: &[f32],
        (rows, kept): (usize, Option<&Kept>),
        work: &mut Work,
    ) {
        let theta = self.joined.as_deref().unwrap_or(theta);
        let Work { inputs, sparse, hidden, logits, slope, laterals: received, right, sums, .. } =
            work;
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
                (None, Some(kept)) => {
                    kept.times((&theta[layer.weight.at.clone()], width), (right, sums), out);
                }
                (None, None) => layer.first(theta, (inputs, sparse), out),
            }
            if let Some(laterals) = &self.laterals {
                laterals.add(l, theta, (inputs, sparse), out, received);
            }
            add_bias(out, &theta[layer.bias.at.clone()], true);
        }
        let features = hidden.last().map_or(&inputs[..], |h| &h[..]);
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

    /// From `work.slope` to the gradient of each group, after [`forward`](Self::forward) of the
    /// same rows. `place` says where in a packed gradient a slot begins; slots it does not know
    /// are left out.
    pub(crate) fn backward(
        &self,
        layout: &Layout,
        theta: &[f32],
        (rows, kept): (usize, Option<&Kept>),
        work: &mut Work,
        groups: &mut [Group<'_>],
        place: impl Fn(SlotId) -> Option<usize>,
    ) {
        let theta = self.joined.as_deref().unwrap_or(theta);
        let Work { inputs, sparse, hidden, slope, deltas, laterals: received, right, sums, .. } =
            work;
        deltas.resize_with(self.trunk.len(), Vec::new);
        let (depth, units) = (self.trunk.len(), self.columns.len());
        let slopes = matrix(slope, rows, units);
        let known = |(l, layer): (usize, &Layer)| {
            let own = layer.weight.grid.blocks.iter().chain(&layer.bias.grid.blocks).copied();
            let received = self.laterals.iter().flat_map(|laterals| laterals.slots_at(l));
            own.chain(received).any(|slot| place(slot).is_some())
        };
        let lowest = self.trunk.iter().enumerate().position(known).unwrap_or(depth);
        for l in (lowest..depth).rev() {
            let width = self.trunk[l].outputs;
            let (own, after) = deltas.split_at_mut(l + 1);
            let delta = &mut own[l];
            delta.resize(rows * width, 0.0);
            if let Some(next) = self.trunk.get(l + 1) {
                let weight = matrix(&theta[next.weight.at.clone()], next.inputs, next.outputs);
                let from = matrix(&after[0], rows, next.outputs);
                let to = matrix_mut(delta, rows, width);
                multiply(to, Accum::Replace, from, weight.transpose());
            } else {
                for (i, (head, columns)) in self.heads.iter().enumerate() {
                    let weight = matrix(&theta[head.weight.at.clone()], head.inputs, head.outputs);
                    let from = slopes.subcols(columns.start, columns.len());
                    let accum = if i == 0 { Accum::Replace } else { Accum::Add };
                    let to = matrix_mut(delta, rows, width);
                    multiply(to, accum, from, weight.transpose());
                }
            }
            rectify(delta, &hidden[l]);
        }
        if let (Some(_), Some(delta), Some(layer)) = (kept, deltas.first(), self.trunk.first()) {
            right.copy(&delta[..rows * layer.outputs], layer.outputs);
        }
        for group in groups {
            for (l, layer) in self.trunk.iter().enumerate().skip(lowest) {
                let delta = &deltas[l][..rows * layer.outputs];
                let h = match (l, kept) {
                    (0, Some(kept)) => Before::Kept(kept, right, sums),
                    (0, None) if sparse.holds(&group.rows) => Before::Sparse(inputs, sparse, delta),
                    (0, None) => Before::Dense(inputs),
                    _ => Before::Dense(&hidden[l - 1]),
                };
                layer.gradient(layout, h, matrix(delta, rows, layer.outputs), group, &place);
                if let Some(laterals) = &self.laterals {
                    let at = At { layout, theta, inputs, sparse };
                    laterals.gradient(l, at, delta, group, received, &place);
                }
            }
            if let Some(laterals) = &self.laterals {
                let at = At { layout, theta, inputs, sparse };
                laterals.gradient(depth, at, &slope[..rows * units], group, received, &place);
            }
            let features = hidden.last().map_or(&inputs[..], |h| &h[..]);
            for (head, columns) in &self.heads {
                let delta = slopes.subcols(columns.start, columns.len());
                head.gradient(layout, Before::Dense(features), delta, group, &place);
            }
        }
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

    /// hᵀδ and Σ δ over the group's rows, where the packed gradient has a place for them.
    fn gradient(
        &self,
        layout: &Layout,
        mut h: Before<'_>,
        delta: MatRef<'_, f32>,
        group: &mut Group<'_>,
        place: &impl Fn(SlotId) -> Option<usize>,
    ) {
        let rows = group.rows.clone();
        let delta = delta.subrows(rows.start, rows.len());
        let sides = (self.inputs, self.outputs);
        self.weight.gradient(layout, group, place, |to, add| {
            h.transposed_times(rows.clone(), delta, sides, to, add);
        });
        self.bias.gradient(layout, group, place, |to, add| add_rows(to, delta, add));
    }
}

impl Before<'_> {
    /// hᵀδ over `rows`, into or added to `to` `[inputs, outputs]`; δ is of those rows alone.
    fn transposed_times(
        &mut self,
        rows: Range<usize>,
        delta: MatRef<'_, f32>,
        (inputs, outputs): (usize, usize),
        to: &mut [f32],
        add: bool,
    ) {
        match self {
            Self::Sparse(h, sparse, delta) => {
                sparse.transposed_times(h, rows, (*delta, outputs), to, add);
            }
            Self::Kept(kept, delta, sums) => kept.transposed_times(&rows, (delta, sums), to, add),
            Self::Dense(h) => {
                let h = matrix(&h[rows.start * inputs..], rows.len(), inputs);
                let accum = if add { Accum::Add } else { Accum::Replace };
                let to = matrix_mut(to, inputs, outputs);
                multiply(to, accum, h.transpose(), delta);
            }
        }
    }
}

impl Place {
    /// Writes or adds a gradient to where its slots have their places. `write` does so for the
    /// whole parameter.
    fn gradient(
        &self,
        layout: &Layout,
        group: &mut Group<'_>,
        place: &impl Fn(SlotId) -> Option<usize>,
        mut write: impl FnMut(&mut [f32], bool),
    ) {
        if let [slot] = self.grid.blocks[..] {
            if let Some(first) = place(slot) {
                write(&mut group.gradient[first..first + self.at.len()], group.add);
            }
            return;
        }
        if self.grid.blocks.iter().all(|&slot| place(slot).is_none()) {
            return;
        }
        let mut whole = vec![0.0; self.at.len()];
        write(&mut whole, false);
        self.grid.runs(layout, |slot, joined, flat| {
            let Some(first) = place(slot) else { return };
            let first = first + flat.start - layout.slot(slot).offset;
            let (to, from) = (&mut group.gradient[first..first + flat.len()], &whole[joined]);
            match group.add {
                true => to.iter_mut().zip(from).for_each(|(to, from)| *to += from),
                false => to.copy_from_slice(from),
            }
        });
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
    wide(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(bias.len()) {
                for (value, bias) in row.iter_mut().zip(bias) {
                    let z = *value + bias;
                    *value = if cut && z <= 0.0 { 0.0 } else { z };
                }
            }
        },
    );
}

/// The sum of the rows, written or added.
fn add_rows(to: &mut [f32], rows: MatRef<'_, f32>, add: bool) {
    if !add {
        to.fill(0.0);
    }
    wide(
        #[inline(always)]
        || {
            for row in rows.row_iter() {
                to.iter_mut().zip(row.iter()).for_each(|(to, x)| *to += x);
            }
        },
    );
}

/// 0 where the unit did not fire.
fn rectify(delta: &mut [f32], hidden: &[f32]) {
    wide(
        #[inline(always)]
        || {
            for (delta, &h) in delta.iter_mut().zip(hidden) {
                *delta = if h > 0.0 { *delta } else { 0.0 };
            }
        },
    );
}

#[cfg(test)]
mod tests;
