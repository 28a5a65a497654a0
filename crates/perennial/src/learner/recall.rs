//! Gradients of what a memory holds, at the current weights.

use super::{Context, LearnError};
use crate::engine::{Frozen, heads_of};
use crate::layout::{Layout, SlotId};
use crate::model::View;
use crate::network::dense::{Dense, Group, Work};
use crate::objective::{Mode, Pass};
use crate::parts::memory::Memory;
use crate::vector::Vector;

/// Rows of a pass: enough for the kernels, few enough for the caches and for memory.
const ROWS: usize = 1024;

/// Gradients as rows of a matrix over the active slots, packed one after another. Scratch: made
/// anew by every call that fills it, and no part of a saved state.
#[derive(Clone, Debug, Default)]
pub struct PackedGradients {
    /// `[gradients, length]`
    pub rows: Vec<f32>,
    /// Weights in the active slots.
    pub length: usize,
    work: Work,
    /// Where each active slot begins in a row.
    places: Vec<(SlotId, usize)>,
}

impl PackedGradients {
    /// Says which slots a row is made of and makes room for `rows` rows.
    fn begin(&mut self, layout: &Layout, active: &[SlotId], rows: usize) {
        self.places.clear();
        self.length = 0;
        for &slot in active {
            self.places.push((slot, self.length));
            self.length += layout.slot(slot).len();
        }
        self.rows.clear();
        self.rows.resize(rows * self.length, 0.0);
    }

    /// A vector over θ, packed.
    pub fn pack(&self, layout: &Layout, values: &[f32]) -> Vec<f32> {
        let mut packed = Vec::with_capacity(self.length);
        for &(slot, _) in &self.places {
            packed.extend_from_slice(&values[layout.slot(slot).range()]);
        }
        packed
    }

    /// Writes a packed vector to its slots of a vector over θ.
    pub fn unpack(&self, layout: &Layout, packed: &[f32], values: &mut [f32]) {
        for &(slot, first) in &self.places {
            let range = layout.slot(slot).range();
            let packed = &packed[first..first + range.len()];
            values[range].copy_from_slice(packed);
        }
    }
}

impl Context<'_> {
    /// The gradient of the mean cross-entropy of each group of a memory's rows, at the current
    /// weights over the slots `active`, in evaluation mode: one row of `into` a group. A plain
    /// dense network runs one forward and one backward pass for all; any other one a group.
    ///
    /// # Errors
    ///
    /// When a row's task is not answered by the view.
    pub fn memory_gradients(
        &mut self,
        view: &View,
        memory: &Memory,
        groups: &[Vec<usize>],
        active: &[SlotId],
        into: &mut PackedGradients,
    ) -> Result<(), LearnError> {
        into.begin(&self.model.layout, active, groups.len());
        let mut chunk: Vec<Portion<'_>> = Vec::new();
        let mut rows = 0;
        for (group, all) in groups.iter().enumerate() {
            for (i, own) in all.chunks(ROWS).enumerate() {
                if rows + own.len() > ROWS {
                    self.portions(view, memory, &chunk, into)?;
                    (chunk, rows) = (Vec::new(), 0);
                }
                rows += own.len();
                chunk.push(Portion { group, rows: own, of: all.len(), add: i > 0 });
            }
        }
        self.portions(view, memory, &chunk, into)
    }

    fn portions(
        &mut self,
        view: &View,
        memory: &Memory,
        portions: &[Portion<'_>],
        into: &mut PackedGradients,
    ) -> Result<(), LearnError> {
        let model = &*self.model;
        let answer = |task| model.answer(task);
        let weight = |portion: &Portion<'_>| 1.0 / portion.of as f32;
        let (inputs, mode) = (std::mem::take(&mut into.work.inputs), Mode::Evaluate);
        let mut all = Pass { inputs, rows: 0, mode, terms: Vec::new() };
        all.inputs.clear();
        let mut ends = Vec::with_capacity(portions.len());
        for portion in portions {
            memory.append_to(&mut all, portion.rows.to_vec(), weight(portion), answer);
            ends.push(all.rows);
        }
        let heads = heads_of(model, view, all.terms.iter().map(|term| &term.active));
        into.work.inputs = std::mem::take(&mut all.inputs);
        let length = into.length;
        let Some(dense) = Dense::of(self.network().as_ref(), model, view, &heads) else {
            let mut gradient = Vector::zeros(model.theta.len());
            for portion in portions {
                let model = &*self.model;
                let answer = |task| model.answer(task);
                let pass = memory.pass(portion.rows.to_vec(), weight(portion), answer);
                let (pass, frozen) = (Pass { mode, ..pass }, Frozen::default());
                let (_, found) =
                    self.engine.gradient(self.model, view, &frozen, vec![pass], &mut gradient)?;
                let to = &mut into.rows[portion.group * length..][..length];
                let places = into.places.iter().filter(|(slot, _)| found.contains(slot));
                for &(slot, first) in places {
                    let from = &gradient[self.model.layout.slot(slot).range()];
                    to[first..].iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
            return Ok(());
        };
        let (work, theta) = (&mut into.work, &model.theta[..]);
        dense.forward(theta, all.rows, work);
        let Work { logits, slope, .. } = work;
        all.loss(logits, &dense.columns, slope)?;
        let mut groups: Vec<Group<'_>> = Vec::with_capacity(portions.len());
        let first = portions.first().map_or(0, |portion| portion.group);
        let mut free = into.rows[first * length..].chunks_exact_mut(length.max(1));
        let mut start = 0;
        for (portion, end) in portions.iter().zip(ends) {
            if let Some(gradient) = free.next() {
                groups.push(Group { rows: start..end, gradient, add: portion.add });
            }
            start = end;
        }
        let places = &into.places;
        let place = |slot| {
            let at = places.binary_search_by_key(&slot, |&(slot, _)| slot).ok()?;
            Some(places[at].1)
        };
        dense.backward(&model.layout, theta, all.rows, work, &mut groups, place);
        Ok(())
    }
}

/// Some rows of a group.
struct Portion<'a> {
    /// Which group.
    group: usize,
    /// Which rows of the memory.
    rows: &'a [usize],
    /// Rows of the whole group.
    of: usize,
    /// Whether other rows of the group came before.
    add: bool,
}
