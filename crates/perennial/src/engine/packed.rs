//! Gradients of a memory's rows, packed.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::layout::{Layout, SlotId};
use crate::model::{Model, View};
use crate::network::Network;
use crate::network::dense::{Dense, Group, Work};
use crate::network::sparse::Kept;
use crate::objective::{Mode, ObjectiveError, Pass};
use crate::parts::memory::Memory;

use super::heads_of;

/// Rows of a pass: enough for the kernels, few enough that inputs and weights of small networks
/// stay in a core's cache, and that passes of several threads take little memory.
pub(crate) const ROWS: usize = 256;

/// Gradients as rows of a matrix over the active slots, packed one after another. Scratch: made
/// anew by every call that fills it, and no part of a saved state.
#[derive(Clone, Debug, Default)]
pub struct PackedGradients {
    /// `[gradients, length]`
    pub rows: Vec<f32>,
    /// Weights in the active slots.
    pub length: usize,
    /// Where each active slot begins in a row.
    pub(crate) places: Vec<(SlotId, usize)>,
    /// Of each thread.
    works: Vec<Work>,
    /// Of each part, what its passes read.
    reads: Vec<Vec<Read>>,
}

/// The rows of a pass as they were last read: most memories stay as they are while a task is
/// learnt.
#[derive(Clone, Debug, Default)]
struct Read {
    /// Task and id of each row, a list a group: which samples they are.
    samples: Vec<Vec<(usize, u64)>>,
    /// [`Dense::keeps`] of the layers that read them.
    sides: Option<(usize, usize)>,
    /// `None` where they are read anew each time.
    kept: Option<Kept>,
}

impl PackedGradients {
    /// Says which slots a row is made of and makes room for `rows` rows, which hold anything. Of
    /// several rows there may be `most` later: room that is not used takes no memory, where rows
    /// that outgrow theirs leave a hole behind.
    pub(crate) fn begin(&mut self, layout: &Layout, active: &[SlotId], rows: usize, most: usize) {
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
    let mut tasks: Vec<usize> = groups.iter().flatten().map(|&at| memory.task(at)).collect();
    tasks.dedup(); // most groups are of one task
    let tasks: BTreeSet<usize> = tasks.into_iter().collect();
    tasks.into_iter().map(|task| model.answer(task)).collect()
}

impl PackedGradients {
    /// The gradient of each group on a plain dense network, by all threads; `false`, and nothing
    /// done, on any other.
    pub(crate) fn over_slices(
        &mut self,
        network: &dyn Network,
        (model, view): (&Model, &View),
        memory: &Memory,
        groups: &[Vec<usize>],
    ) -> Result<bool, ObjectiveError> {
        let part = |groups| {
            let heads = heads_of(model, view, &answers(groups, memory, model));
            let dense = Dense::of(network, model, view, &heads, &mut Vec::new())?;
            Some(Part { dense, groups })
        };
        let parts: Option<Vec<Part<'_>>> = runs(groups).into_iter().map(part).collect();
        let Some(parts) = parts else { return Ok(false) };
        let reached = |part: &Part<'_>| {
            let slots: BTreeSet<SlotId> = part.dense.slots().collect();
            self.places.iter().all(|(slot, _)| slots.contains(slot))
        };
        if !parts.iter().all(reached) || groups.iter().any(Vec::is_empty) {
            self.rows.fill(0.0); // what the pass of a group does not reach
        }
        self.fill(&parts, memory, model).map(|()| true)
    }

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
        self.reads.resize_with(parts.len(), Vec::new);
        let mut ended = vec![Ok(()); threads];
        rayon::scope(|scope| {
            let mut rest = &mut self.rows[..];
            let own = parts.chunks(each).zip(self.reads.chunks_mut(each));
            for (((parts, reads), work), ended) in own.zip(&mut self.works).zip(&mut ended) {
                let rows = parts.iter().map(|part| part.groups.len()).sum::<usize>();
                let (mut to, after) = rest.split_at_mut(rows * length);
                rest = after;
                scope.spawn(move |_| {
                    *ended = parts.iter().zip(reads).try_for_each(|(part, reads)| {
                        let (own, after) =
                            std::mem::take(&mut to).split_at_mut(part.groups.len() * length);
                        to = after;
                        part.gradients(memory, model, places, own, (work, reads))
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
        (work, reads): (&mut Work, &mut Vec<Read>),
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
        reads.resize_with(passes.len(), Read::default);
        for (i, (portions, read)) in passes.into_iter().zip(reads).enumerate() {
            let by_task = |rows: &[usize]| memory.by_task(rows.to_vec());
            let portions: Vec<Vec<usize>> = portions.into_iter().map(by_task).collect();
            read.again(memory, &portions, &self.dense);
            let inputs = std::mem::take(&mut work.inputs);
            let mut pass = Pass { inputs, rows: 0, mode: Mode::Evaluate, terms: Vec::new() };
            pass.inputs.clear();
            let mut groups = Vec::with_capacity(portions.len());
            let rows = to.chunks_exact_mut(length.max(1)).zip(self.groups);
            for (portion, (gradient, group)) in portions.iter().zip(rows) {
                let (first, weight) = (pass.rows, 1.0 / group.len() as f32);
                memory.append_terms(&mut pass, portion, weight, |task| model.answer(task));
                groups.push(Group { rows: first..pass.rows, gradient, add: i > 0 });
                if read.kept.is_none() {
                    portion.iter().for_each(|&at| memory.append_row(at, &mut pass.inputs));
                }
            }
            work.inputs = std::mem::take(&mut pass.inputs);
            let (dense, theta, kept) = (&self.dense, &model.theta, read.kept.as_ref());
            dense.forward(theta, (pass.rows, kept), work);
            pass.loss(&work.logits, &dense.columns, &mut work.slope)?;
            dense.backward(&model.layout, theta, (pass.rows, kept), work, &mut groups, place);
        }
        Ok(())
    }
}

impl Read {
    /// Reads the rows of a pass, unless they are those that it read last.
    fn again(&mut self, memory: &Memory, portions: &[Vec<usize>], dense: &Dense) {
        let sample = |&at: &usize| (memory.task(at), memory.id(at));
        let samples = portions.iter().map(|rows| rows.iter().map(sample).collect()).collect();
        let sides = dense.keeps();
        if (&samples, sides) != (&self.samples, self.sides) {
            let kept = sides.and_then(|sides| keep(memory, portions, sides));
            *self = Self { samples, sides, kept };
        }
    }
}

/// The rows of a pass for as many passes as they stay; `None` where each has to read them.
fn keep(memory: &Memory, groups: &[Vec<usize>], (inputs, outputs): (usize, usize)) -> Option<Kept> {
    let white = memory.white()?;
    let groups = groups.iter().map(|group| group.iter().map(|&at| memory.pixels(at)));
    Kept::read(groups, (inputs, white), outputs)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Among, Outputs};
    use crate::network::Mlp;
    use crate::parts::memory::Place;
    use crate::scenario::{Samples, Values};

    /// The same rows in other groups, and the same groups again. Catches: what was read for groups
    /// that ended elsewhere taken for these.
    #[test]
    fn rows_are_kept_for_their_groups_alone() {
        const INPUTS: usize = 12;
        let network: Arc<dyn Network> = Arc::new(Mlp::new([1, 3, 4], &[16]).unwrap());
        let mut model = Model::default();
        model.append_column(network.as_ref(), 3);
        model.append_head(16, 2, 3);
        model.outputs.push(Outputs { units: vec![0, 1], among: Among::All });
        let mut pixels = vec![0; 4 * INPUTS];
        (0..4).for_each(|row| pixels[row * INPUTS + 3 * row] = 50 + row as u8);
        let values = Values::Bytes { pixels, white: 100 };
        let samples = Samples::new(values, INPUTS, vec![0, 1, 1, 0], vec![0, 1, 2, 3]).unwrap();
        let mut memory = Memory::default();
        (0..4).for_each(|row| memory.put(Place::End, &samples, row, samples.label(row), 0));
        let active: Vec<SlotId> = (0..model.layout.slots().len()).map(SlotId).collect();
        let view = model.shared_view(0);
        let found = |packed: &mut PackedGradients, groups: &[Vec<usize>]| {
            packed.begin(&model.layout, &active, groups.len(), groups.len());
            let done = packed.over_slices(network.as_ref(), (&model, &view), &memory, groups);
            assert!(done.unwrap() && packed.reads[0][0].kept.is_some());
            packed.rows.clone()
        };
        let mut packed = PackedGradients::default();
        for groups in [[vec![0, 1, 2], vec![3]], [vec![0], vec![1, 2, 3]], [vec![0], vec![1, 2, 3]]]
        {
            let anew = found(&mut PackedGradients::default(), &groups);
            assert_eq!(found(&mut packed, &groups), anew);
        }
    }
}
