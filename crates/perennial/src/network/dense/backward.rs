//! From the slopes of a loss to gradients.

use std::ops::Range;

use faer::{Accum, MatRef};

use super::laterals::At;
use super::{Again, Dense, Layer, Place, Work, matrix, matrix_mut, multiply};
use crate::network::sparse::{Aligned, Kept, Sparse};
use crate::vector::simd_dispatch;
use crate::{Layout, SlotId};

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
pub(super) enum Before<'a> {
    /// `[rows, inputs]`
    Dense(&'a [f32]),
    /// The same, what of it is not 0, and δ `[rows, outputs]`.
    Sparse(&'a [f32], &'a mut Sparse, &'a [f32]),
    /// The same of rows that were read before, and scratch.
    Kept(&'a Kept, &'a Aligned, &'a mut Aligned),
}

impl Dense {
    /// The first layer of which a packed gradient has a place for anything.
    fn lowest(&self, place: &impl Fn(SlotId) -> Option<usize>) -> usize {
        let known = |(l, layer): (usize, &Layer)| {
            let own = layer.weight.grid.blocks.iter().chain(&layer.bias.grid.blocks).copied();
            let received = self.laterals.iter().flat_map(|laterals| laterals.slots_at(l));
            own.chain(received).any(|slot| place(slot).is_some())
        };
        self.trunk.iter().enumerate().position(known).unwrap_or(self.trunk.len())
    }

    /// From `work.slope` to δ of each layer that needs it, after [`forward`](Self::forward) of the
    /// same rows. `place` says where in a packed gradient a slot begins, if it has a place there.
    pub(crate) fn deltas(
        &self,
        theta: &[f32],
        rows: usize,
        work: &mut Work,
        place: impl Fn(SlotId) -> Option<usize>,
    ) {
        let theta = self.joined.as_deref().unwrap_or(theta);
        let Work { hidden, slope, deltas, .. } = work;
        deltas.resize_with(self.trunk.len(), Vec::new);
        let slopes = matrix(slope, rows, self.columns.len());
        for l in (self.lowest(&place)..self.trunk.len()).rev() {
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
    }

    /// The gradient of each group, after [`deltas`](Self::deltas) of the same rows. Slots that
    /// `place` does not know are left out.
    pub(crate) fn gradients(
        &self,
        layout: &Layout,
        theta: &[f32],
        (rows, kept): (usize, Option<Again<'_>>),
        work: &mut Work,
        groups: &mut [Group<'_>],
        place: impl Fn(SlotId) -> Option<usize>,
    ) {
        let theta = self.joined.as_deref().unwrap_or(theta);
        let Work { inputs, sparse, hidden, slope, deltas, laterals: received, right, sums, .. } =
            work;
        let (depth, units) = (self.trunk.len(), self.columns.len());
        let slopes = matrix(slope, rows, units);
        let lowest = self.lowest(&place);
        if let (Some(_), Some(delta), Some(layer)) = (kept, deltas.first(), self.trunk.first()) {
            right.copy(&delta[..rows * layer.outputs], layer.outputs);
        }
        for group in groups {
            for (l, layer) in self.trunk.iter().enumerate().skip(lowest) {
                let delta = &deltas[l][..rows * layer.outputs];
                let h = match (l, kept) {
                    (0, Some(kept)) => Before::Kept(kept.rows, right, sums),
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
    /// hᵀδ and Σ δ over the group's rows, where the packed gradient has a place for them.
    pub(super) fn gradient(
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
    pub(super) fn transposed_times(
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
    pub(super) fn gradient(
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

/// The sum of the rows, written or added.
pub(super) fn add_rows(to: &mut [f32], rows: MatRef<'_, f32>, add: bool) {
    if !add {
        to.fill(0.0);
    }
    simd_dispatch(
        #[inline(always)]
        || {
            for row in rows.row_iter() {
                to.iter_mut().zip(row.iter()).for_each(|(to, x)| *to += x);
            }
        },
    );
}

/// 0 where the unit did not fire.
pub(super) fn rectify(delta: &mut [f32], hidden: &[f32]) {
    simd_dispatch(
        #[inline(always)]
        || {
            for (delta, &h) in delta.iter_mut().zip(hidden) {
                *delta = if h > 0.0 { *delta } else { 0.0 };
            }
        },
    );
}
