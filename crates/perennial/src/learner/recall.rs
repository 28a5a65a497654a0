//! Gradients of what a memory holds, at the current weights.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Context, LearnError};
use crate::engine::{Frozen, heads_of};
use crate::layout::{Layout, SlotId};
use crate::model::{Model, View};
use crate::network::dense::{Dense, Group, Work};
use crate::objective::{Mode, ObjectiveError, Pass};
use crate::parts::memory::Memory;
use crate::vector::Vector;

/// Rows of a pass: enough for the kernels, few enough that inputs and weights of small networks
/// stay in a core's cache, and that passes of several threads take little memory.
const ROWS: usize = 256;

/// Gradients as rows of a matrix over the active slots, packed one after another. Scratch: made
/// anew by every call that fills it, and no part of a saved state.
#[derive(Clone, Debug, Default)]
pub struct PackedGradients {
    /// `[gradients, length]`
    pub rows: Vec<f32>,
    /// Weights in the active slots.
    pub length: usize,
    /// Of each thread.
    works: Vec<Work>,
    /// Where each active slot begins in a row.
    places: Vec<(SlotId, usize)>,
}

impl PackedGradients {
    /// Says which slots a row is made of and makes room for `rows` rows, which hold anything. Of
    /// several rows there may be `most` later: room that is not used takes no memory, where rows
    /// that outgrow theirs leave a hole behind.
    fn begin(&mut self, layout: &Layout, active: &[SlotId], rows: usize, most: usize) {
        self.places.clear();
        self.length = 0;
        for &slot in active {
            self.places.push((slot, self.length));
            self.length += layout.slot(slot).len();
        }
        if self.rows.capacity() < rows * self.length {
            self.rows = Vec::new(); // before there is room for more: never old and new at once
            if rows > 1 {
                let _ = self.rows.try_reserve_exact(most.saturating_mul(self.length));
            }
        }
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
    /// dense network runs forward and backward without a graph, on all threads, and to the same
    /// bits on any number of them; any other network runs one pass after another.
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
        let most = self.tasks().unwrap_or(groups.len());
        into.begin(&self.model.layout, active, groups.len(), most);
        let (model, network) = (&*self.model, self.network().as_ref());
        let part = |groups| {
            let heads = heads_of(model, view, &answers(groups, memory, model));
            let dense = Dense::of(network, model, view, &heads, &mut Vec::new())?;
            Some(Part { dense, groups })
        };
        let parts: Option<Vec<Part<'_>>> = runs(groups).into_iter().map(part).collect();
        let reached = |part: &Part<'_>| {
            let slots: BTreeSet<SlotId> = part.dense.slots().collect();
            active.iter().all(|slot| slots.contains(slot))
        };
        if !parts.iter().flatten().all(reached) {
            into.rows.fill(0.0); // what the pass of a group does not reach
        }
        match parts {
            Some(parts) => Ok(into.fill(&parts, memory, model)?),
            None => self.gradients_by_graph(view, memory, groups, into),
        }
    }

    /// One pass and one backward after another.
    fn gradients_by_graph(
        &mut self,
        view: &View,
        memory: &Memory,
        groups: &[Vec<usize>],
        into: &mut PackedGradients,
    ) -> Result<(), LearnError> {
        let mut gradient = Vector::zeros(self.model.theta.len());
        into.rows.fill(0.0);
        for (group, to) in groups.iter().zip(into.rows.chunks_exact_mut(into.length.max(1))) {
            let weight = 1.0 / group.len() as f32;
            for rows in group.chunks(ROWS) {
                let model = &*self.model;
                let pass = memory.pass(rows.to_vec(), weight, |task| model.answer(task));
                let (pass, frozen) = (Pass { mode: Mode::Evaluate, ..pass }, Frozen::default());
                let (_, found) =
                    self.engine.gradient(self.model, view, &frozen, vec![pass], &mut gradient)?;
                let places = into.places.iter().filter(|(slot, _)| found.contains(slot));
                for &(slot, first) in places {
                    let from = &gradient[self.model.layout.slot(slot).range()];
                    to[first..].iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        }
        Ok(())
    }
}

/// Groups that one thread computes in one pass, or one group in as many passes as it needs.
struct Part<'a> {
    dense: Dense,
    groups: &'a [Vec<usize>],
}

/// Groups one after another, as many together as make a pass: by their sizes alone, so that no
/// sum depends on the number of threads.
fn runs(groups: &[Vec<usize>]) -> Vec<&[Vec<usize>]> {
    let mut rows = groups.first().map_or(0, Vec::len);
    let joined = |_: &Vec<usize>, next: &Vec<usize>| {
        rows += next.len();
        let fits = rows <= ROWS;
        if !fits {
            rows = next.len();
        }
        fits
    };
    groups.chunk_by(joined).collect()
}

/// The units that answer the tasks of these groups.
fn answers(groups: &[Vec<usize>], memory: &Memory, model: &Model) -> Vec<Range<usize>> {
    let tasks: BTreeSet<usize> = groups.iter().flatten().map(|&at| memory.task(at)).collect();
    tasks.into_iter().map(|task| model.answer(task)).collect()
}

impl PackedGradients {
    /// The rows of all parts, shared among the threads.
    fn fill(
        &mut self,
        parts: &[Part<'_>],
        memory: &Memory,
        model: &Model,
    ) -> Result<(), ObjectiveError> {
        let (length, places) = (self.length, &self.places[..]);
        let each = parts.len().div_ceil(rayon::current_num_threads()).max(1);
        let threads = parts.len().div_ceil(each);
        self.works.resize_with(threads.max(self.works.len()), Work::default);
        let mut ended = vec![Ok(()); threads];
        rayon::scope(|scope| {
            let mut rest = &mut self.rows[..];
            let own = parts.chunks(each).zip(&mut self.works).zip(&mut ended);
            for ((parts, work), ended) in own {
                let rows = parts.iter().map(|part| part.groups.len()).sum::<usize>();
                let (mut to, after) = rest.split_at_mut(rows * length);
                rest = after;
                scope.spawn(move |_| {
                    *ended = parts.iter().try_for_each(|part| {
                        let (own, after) =
                            std::mem::take(&mut to).split_at_mut(part.groups.len() * length);
                        to = after;
                        part.gradients(memory, model, places, own, work)
                    });
                });
            }
        });
        ended.into_iter().collect()
    }
}

impl Part<'_> {
    /// The gradient of each group, packed one after another into `to`.
    fn gradients(
        &self,
        memory: &Memory,
        model: &Model,
        places: &[(SlotId, usize)],
        to: &mut [f32],
        work: &mut Work,
    ) -> Result<(), ObjectiveError> {
        let length = to.len() / self.groups.len();
        let place = |slot| {
            let at = places.binary_search_by_key(&slot, |&(slot, _)| slot).ok()?;
            Some(places[at].1)
        };
        // A single group may need several passes, several groups share one.
        let passes: Vec<Vec<&[usize]>> = match self.groups {
            [group] => group.chunks(ROWS).map(|rows| vec![rows]).collect(),
            groups => vec![groups.iter().map(|group| &group[..]).collect()],
        };
        for (i, portions) in passes.into_iter().enumerate() {
            let inputs = std::mem::take(&mut work.inputs);
            let mut pass = Pass { inputs, rows: 0, mode: Mode::Evaluate, terms: Vec::new() };
            pass.inputs.clear();
            let mut groups = Vec::with_capacity(portions.len());
            let rows = to.chunks_exact_mut(length.max(1)).zip(self.groups);
            for (portion, (gradient, group)) in portions.into_iter().zip(rows) {
                let (first, weight) = (pass.rows, 1.0 / group.len() as f32);
                memory.append_to(&mut pass, portion.to_vec(), weight, |task| model.answer(task));
                groups.push(Group { rows: first..pass.rows, gradient, add: i > 0 });
            }
            work.inputs = std::mem::take(&mut pass.inputs);
            self.dense.forward(&model.theta, pass.rows, work);
            pass.loss(&work.logits, &self.dense.columns, &mut work.slope)?;
            self.dense.backward(&model.layout, &model.theta, pass.rows, work, &mut groups, place);
        }
        Ok(())
    }
}
