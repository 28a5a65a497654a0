//! What a plain dense column receives from older ones, over slices.
//!
//! Older columns are held, so they run forward only. With δ the slope at the place that receives,
//! h_j what column j reads there, a = [α_1 h_1; …; α_{k−1} h_{k−1}] and s = relu(a V + b_V):
//!
//! ```text
//! linear   + Σ_j (h_j U_j + b_j)     ∂U_j = h_jᵀ δ,  ∂b_j = Σ δ
//! adapter  + s U + b_U               ∂U = sᵀ δ,  ∂b_U = Σ δ,  γ = (δ Uᵀ) ⊙ (s > 0)
//!                                    ∂V = aᵀ γ,  ∂b_V = Σ γ,  ∂α_j = Σ h_j ⊙ (γ V_jᵀ)
//! ```

use faer::{Accum, MatRef};

use super::{Before, Group, Layer, Place};
use super::{add_bias, add_rows, inputs_times, matrix, matrix_mut, rectify};
use crate::Grid;
use crate::model::{Column, Model, View};
use crate::network::shared::multiply;
use crate::network::sparse::Sparse;
use crate::network::{Lateral, LateralKind};
use crate::{Layout, SlotId};

/// The older columns of a view and what its own column receives from them.
pub(super) struct Laterals {
    /// Oldest first.
    older: Vec<Older>,
    /// By place: the layers, and the output.
    own: Vec<Option<Map>>,
}

/// A column that is read.
struct Older {
    layers: Vec<Layer>,
    maps: Vec<Option<Map>>,
}

/// What one place receives.
struct Map {
    /// α, of an adapter.
    alpha: Option<Place>,
    /// U_j of each older column, oldest first; V and U of an adapter.
    parts: Vec<Affine>,
}

/// xW + b, or xW.
struct Affine {
    weight: Place,
    bias: Option<Place>,
    inputs: usize,
    outputs: usize,
}

/// What a backward pass is about.
pub(super) struct At<'a> {
    pub(super) layout: &'a Layout,
    pub(super) theta: &'a [f32],
    /// Of the pass, and those of them that are not 0.
    pub(super) inputs: &'a [f32],
    pub(super) sparse: &'a mut Sparse,
}

/// Matrices that passes use again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    /// h_1 … h_L of each older column. `[rows, width]` each
    hidden: Vec<Vec<Vec<f32>>>,
    /// Of each place of the view's own column.
    adapters: Vec<Adapter>,
    /// Of older columns' places, one after another.
    other: Adapter,
}

/// What happens within an adapter.
#[derive(Clone, Debug, Default)]
struct Adapter {
    /// a. `[rows, Σ inputs]`
    joined: Vec<f32>,
    /// s. `[rows, width]`
    squeezed: Vec<f32>,
    /// γ, and its way back to a.
    slopes: [Vec<f32>; 2],
}

impl Laterals {
    /// Those of a view over θ's own numbers; `None` when a part of it is anything else.
    pub(super) fn of(model: &Model, view: &View) -> Option<Self> {
        let column = |column: &Column| {
            let pairs = column.parameters.chunks_exact(2);
            let layers = pairs.map(|pair| layer(model, &pair[0], &pair[1]));
            Some(Older { layers: layers.collect::<Option<_>>()?, maps: maps(model, column)? })
        };
        let older = view.older.iter().map(column).collect::<Option<_>>()?;
        Some(Self { older, own: maps(model, &view.column)? })
    }

    /// The slots of what the view's own column receives.
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotId> {
        self.own.iter().flatten().flat_map(Map::slots)
    }

    /// The slots of what a place receives.
    pub(super) fn slots_at(&self, place: usize) -> impl Iterator<Item = SlotId> {
        self.own.get(place).into_iter().flatten().flat_map(Map::slots)
    }

    /// Runs the older columns on the inputs of a pass.
    pub(super) fn read(
        &self,
        theta: &[f32],
        inputs: (&[f32], &Sparse),
        rows: usize,
        work: &mut Work,
    ) {
        work.hidden.resize_with(self.older.len(), Vec::new);
        work.adapters.resize_with(self.own.len(), Adapter::default);
        for (k, column) in self.older.iter().enumerate() {
            let (before, own) = work.hidden.split_at_mut(k);
            let own = &mut own[0];
            own.resize_with(column.layers.len(), Vec::new);
            for (l, layer) in column.layers.iter().enumerate() {
                let (below, out) = own.split_at_mut(l);
                let out = &mut out[0];
                out.resize(rows * layer.outputs, 0.0);
                match below.last() {
                    Some(h) => layer.forward(theta, h, matrix_mut(out, rows, layer.outputs)),
                    None => layer.first(theta, inputs, out),
                }
                if let Some(Some(map)) = column.maps.get(l) {
                    map.add(theta, &reads(before, l), inputs, out, &mut work.other);
                }
                add_bias(out, &theta[layer.bias.at.clone()], true);
            }
        }
    }

    /// Adds to `out` what a place receives. `[rows, width]`
    pub(super) fn add(
        &self,
        place: usize,
        theta: &[f32],
        inputs: (&[f32], &Sparse),
        out: &mut [f32],
        work: &mut Work,
    ) {
        if let Some(Some(map)) = self.own.get(place) {
            map.add(theta, &reads(&work.hidden, place), inputs, out, &mut work.adapters[place]);
        }
    }

    /// The gradient of what a place receives, from the slope there over all rows of the pass.
    pub(super) fn gradient(
        &self,
        place: usize,
        at: At<'_>,
        slope: &[f32],
        group: &mut Group<'_>,
        work: &mut Work,
        known: &impl Fn(SlotId) -> Option<usize>,
    ) {
        if let Some(Some(map)) = self.own.get(place) {
            let from = reads(&work.hidden, place);
            map.gradient(at, &from, slope, group, &mut work.adapters[place], known);
        }
    }
}

/// What each column's layer below a place said; `None` where it reads the inputs of the pass.
fn reads(hidden: &[Vec<Vec<f32>>], place: usize) -> Vec<Option<&[f32]>> {
    let below = place.checked_sub(1);
    hidden.iter().map(|hidden| Some(&hidden[below?][..])).collect()
}

fn place(model: &Model, grid: &Grid) -> Option<Place> {
    let [slot] = grid.blocks[..] else { return None };
    Some(Place { grid: grid.clone(), at: model.layout.slot(slot).range() })
}

fn layer(model: &Model, weight: &Grid, bias: &Grid) -> Option<Layer> {
    let &[inputs, outputs] = &weight.shape(&model.layout)[..] else { return None };
    Some(Layer { weight: place(model, weight)?, bias: place(model, bias)?, inputs, outputs })
}

fn maps(model: &Model, column: &Column) -> Option<Vec<Option<Map>>> {
    let map = |lateral: &Option<Lateral>| match lateral {
        Some(lateral) => Map::of(model, lateral).map(Some),
        None => Some(None),
    };
    column.laterals.iter().map(map).collect()
}

impl Map {
    fn of(model: &Model, lateral: &Lateral) -> Option<Self> {
        let own = |slot: SlotId| place(model, &slot.into());
        let (alpha, matrices) = match lateral.kind {
            LateralKind::Linear => (None, &lateral.slots[..]),
            LateralKind::Adapter => {
                let (&alpha, matrices) = lateral.slots.split_first()?;
                (Some(own(alpha)?), matrices)
            }
        };
        let affine = |slots: &[SlotId]| {
            let &[inputs, outputs] = &model.layout.slot(slots[0]).shape[..] else { return None };
            let bias = match slots.get(1) {
                Some(&bias) => Some(own(bias)?),
                None => None,
            };
            Some(Affine { weight: own(slots[0])?, bias, inputs, outputs })
        };
        let parts = matrices.chunks(1 + usize::from(lateral.biases));
        Some(Self { alpha, parts: parts.map(affine).collect::<Option<_>>()? })
    }

    fn slots(&self) -> impl Iterator<Item = SlotId> {
        let biases = self.parts.iter().filter_map(|part| part.bias.as_ref());
        let places = self.parts.iter().map(|part| &part.weight).chain(biases).chain(&self.alpha);
        places.map(|place| place.grid.blocks[0])
    }

    fn add(
        &self,
        theta: &[f32],
        from: &[Option<&[f32]>],
        inputs: (&[f32], &Sparse),
        out: &mut [f32],
        Adapter { joined, squeezed, .. }: &mut Adapter,
    ) {
        let Some(alpha) = &self.alpha else {
            for (part, h) in self.parts.iter().zip(from) {
                match h {
                    Some(h) => part.add(theta, h, out),
                    None => part.add_inputs(theta, inputs, out, squeezed),
                }
            }
            return;
        };
        let [v, u] = &self.parts[..] else { return };
        let rows = out.len() / u.outputs;
        joined.clear();
        joined.resize(rows * v.inputs, 0.0);
        let mut first = 0;
        for (h, alpha) in from.iter().zip(&theta[alpha.at.clone()]) {
            let h = h.unwrap_or(inputs.0);
            let width = h.len() / rows;
            let to = joined.chunks_exact_mut(v.inputs).zip(h.chunks_exact(width));
            for (to, h) in to {
                let to = to[first..first + width].iter_mut();
                to.zip(h).for_each(|(to, h)| *to = alpha * h);
            }
            first += width;
        }
        squeezed.clear();
        squeezed.resize(rows * v.outputs, 0.0);
        v.add(theta, joined, squeezed);
        squeezed.iter_mut().for_each(|z| *z = if *z <= 0.0 { 0.0 } else { *z }); // NaN stays
        u.add(theta, squeezed, out);
    }

    fn gradient(
        &self,
        At { layout, theta, inputs, sparse }: At<'_>,
        from: &[Option<&[f32]>],
        slope: &[f32],
        group: &mut Group<'_>,
        Adapter { joined, squeezed, slopes: [gamma, back] }: &mut Adapter,
        known: &impl Fn(SlotId) -> Option<usize>,
    ) {
        let Some(last) = self.parts.last() else { return };
        let (all, rows) = (slope.len() / last.outputs, group.rows.clone());
        let delta = matrix(slope, all, last.outputs).subrows(rows.start, rows.len());
        let Some(alpha) = &self.alpha else {
            for (part, h) in self.parts.iter().zip(from) {
                let h = match h {
                    Some(h) => Before::Dense(h),
                    None if sparse.holds(&rows) => Before::Sparse(inputs, &mut *sparse, slope),
                    None => Before::Dense(inputs),
                };
                part.gradient(layout, h, delta, group, known);
            }
            return;
        };
        let [v, u] = &self.parts[..] else { return };
        u.gradient(layout, Before::Dense(squeezed), delta, group, known);
        gamma.resize(rows.len() * u.inputs, 0.0);
        let to = matrix_mut(gamma, rows.len(), u.inputs);
        multiply(to, Accum::Replace, delta, u.matrix(theta).transpose());
        rectify(gamma, &squeezed[rows.start * u.inputs..]);
        let slope = matrix(gamma, rows.len(), v.outputs);
        v.gradient(layout, Before::Dense(joined), slope, group, known);
        if known(alpha.grid.blocks[0]).is_none() {
            return;
        }
        back.resize(rows.len() * v.inputs, 0.0);
        let to = matrix_mut(back, rows.len(), v.inputs);
        multiply(to, Accum::Replace, slope, v.matrix(theta).transpose());
        alpha.gradient(layout, group, known, |to, add| {
            let mut first = 0;
            for (to, h) in to.iter_mut().zip(from) {
                let h = h.unwrap_or(inputs);
                let width = h.len() / all;
                let own = h[rows.start * width..].chunks_exact(width);
                let product = |(back, h): (&[f32], &[f32])| -> f32 {
                    back[first..first + width].iter().zip(h).map(|(back, h)| back * h).sum()
                };
                let sum: f32 = back.chunks_exact(v.inputs).zip(own).map(product).sum();
                *to = if add { *to + sum } else { sum };
                first += width;
            }
        });
    }
}

impl Affine {
    fn matrix<'a>(&self, theta: &'a [f32]) -> MatRef<'a, f32> {
        matrix(&theta[self.weight.at.clone()], self.inputs, self.outputs)
    }

    /// out + xW + b
    fn add(&self, theta: &[f32], x: &[f32], out: &mut [f32]) {
        let rows = out.len() / self.outputs;
        let (x, to) = (matrix(x, rows, self.inputs), matrix_mut(out, rows, self.outputs));
        multiply(to, Accum::Add, x, self.matrix(theta));
        self.add_bias(theta, out);
    }

    /// The same of the inputs x of the pass.
    fn add_inputs(
        &self,
        theta: &[f32],
        inputs: (&[f32], &Sparse),
        out: &mut [f32],
        product: &mut Vec<f32>,
    ) {
        product.resize(out.len(), 0.0);
        let weight = &theta[self.weight.at.clone()];
        inputs_times(inputs, weight, (self.inputs, self.outputs), product);
        out.iter_mut().zip(&*product).for_each(|(out, product)| *out += product);
        self.add_bias(theta, out);
    }

    fn add_bias(&self, theta: &[f32], out: &mut [f32]) {
        if let Some(bias) = &self.bias {
            add_bias(out, &theta[bias.at.clone()], false);
        }
    }

    /// xᵀδ and Σ δ over the group's rows, δ of those rows alone.
    fn gradient(
        &self,
        layout: &Layout,
        mut x: Before<'_>,
        delta: MatRef<'_, f32>,
        group: &mut Group<'_>,
        known: &impl Fn(SlotId) -> Option<usize>,
    ) {
        let (rows, sides) = (group.rows.clone(), (self.inputs, self.outputs));
        self.weight.gradient(layout, group, known, |to, add| {
            x.transposed_times(rows.clone(), delta, sides, to, add);
        });
        if let Some(bias) = &self.bias {
            bias.gradient(layout, group, known, |to, add| add_rows(to, delta, add));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::agrees_with_autodiff;
    use super::*;
    use crate::model::Statistics;
    use crate::network::{Init, Mlp, Network};

    /// A lateral into a place of `output` units from older inputs of these widths.
    fn lateral(
        model: &mut Model,
        kind: LateralKind,
        biases: bool,
        widths: &[usize],
        (squeezed, output): (usize, usize),
    ) -> Lateral {
        let mut slots = Vec::new();
        let mut append = |shape: &[usize]| {
            let name = format!("{kind:?} {}", model.layout.slots().len());
            slots.push(model.append(&name, shape, Init::Uniform { bound: 0.5 }, 7));
        };
        let shapes = match kind {
            LateralKind::Linear => widths.iter().map(|&width| [width, output]).collect(),
            LateralKind::Adapter => {
                append(&[widths.len()]);
                vec![[widths.iter().sum(), squeezed], [squeezed, output]]
            }
        };
        for shape in shapes {
            append(&shape);
            if biases {
                append(&shape[1..]);
            }
        }
        Lateral { kind, biases, slots }
    }

    /// Three columns, the second narrower, with laterals of each kind into each place, the first
    /// layer included. Catches: a lateral left out, at another place or from another column, an
    /// older column without its own, a bias or a factor forgotten, a slope that is not cut where
    /// the squeezed unit did not fire, rows of another group.
    #[test]
    fn gradients_are_those_of_autodiff() {
        for (kind, biases) in [
            (LateralKind::Linear, true),
            (LateralKind::Linear, false),
            (LateralKind::Adapter, true),
            (LateralKind::Adapter, false),
        ] {
            let mlp = |hidden: &[usize]| -> Arc<dyn Network> {
                Arc::new(Mlp::new([1, 3, 4], hidden).unwrap())
            };
            let mut model = Model::default();
            for (k, hidden) in [[9, 7], [5, 4], [9, 7]].iter().enumerate() {
                model.append_column(mlp(hidden).as_ref(), 3);
                let older = [[12, 12], [9, 5], [7, 4]].map(|widths| widths[..k].to_vec());
                let inputs = [12, hidden[0], hidden[1]];
                let outputs = [hidden[0], hidden[1], 5];
                if k > 0 {
                    let mut at = |place: usize| {
                        let sizes = (inputs[place], outputs[place]);
                        Some(lateral(&mut model, kind, biases, &older[place], sizes))
                    };
                    let laterals = (0..3).map(&mut at).collect();
                    model.columns[k].laterals = laterals;
                }
            }
            model.append_head(7, 5, 3);
            let view = View {
                column: model.columns[2].clone(),
                older: model.columns[..2].to_vec(),
                statistics: Statistics::Learn,
                heads: vec![0],
                answer: 0..5,
                keep: None,
            };
            agrees_with_autodiff(mlp(&[9, 7]), model, &view);
        }
    }
}
