//! Gradients of a memory's rows, packed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;

use crate::layout::{Layout, SlotId};
use crate::model::{Model, View};
use crate::network::Network;
use crate::network::dense::{Dense, Group, Work};
use crate::network::sparse::Kept;
use crate::objective::{Mode, ObjectiveError, Pass};
use crate::parts::memory::Memory;
use crate::vector::wide;

use super::heads_of;

/// Rows of a pass: enough for the kernels, few enough that inputs and weights of small networks
/// stay in a core's cache, and that passes of several threads take little memory.
pub(crate) const ROWS: usize = 256;
/// Of rows that are a single group, as many are a piece at least, and there are so many pieces at
/// most: each is a thread's, and adding up their gradients costs as much as a few rows do.
const PIECE: usize = 64;
const PIECES: usize = 4;

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
    /// Whether groups are memories of tasks, which stay while another one is learnt.
    stay: bool,
    /// Of each part, what its passes read.
    reads: Vec<Vec<Read>>,
}

/// The rows of a pass as they were last read: the memories of tasks stay as they are while another
/// one is learnt, but of all memories together other rows may be drawn for each step.
#[derive(Clone, Debug, Default)]
struct Read {
    /// Task and id of each row, a list a group: which samples they are.
    samples: Vec<Vec<(usize, u64)>>,
    /// [`Dense::keeps`] of the layers that read them.
    sides: Option<(usize, usize)>,
    /// Whether they are taken for rows that stay.
    stays: bool,
    /// `None` where they are read anew each time.
    kept: Option<Kept>,
}

impl PackedGradients {
    /// Says which slots a row is made of and makes room for `rows` rows, which hold anything. Of
    /// the memories of tasks there may be `most` later: room that is not used takes no memory,
    /// where rows that outgrow theirs leave a hole behind.
    pub(crate) fn begin(&mut self, layout: &Layout, active: &[SlotId], rows: usize, most: usize) {
        self.places.clear();
        self.length = 0;
        for &slot in active {
            self.places.push((slot, self.length));
            self.length += layout.slot(slot).len();
        }
        self.stay = most > 1;
        if self.rows.capacity() < rows * self.length {
            self.rows = Vec::new(); // before there is room for more: never old and new at once
            let _ = self.rows.try_reserve_exact(most.saturating_mul(self.length));
        }
        self.rows.resize(rows * self.length, 0.0);
    }

    /// Calls `edit` with a vector over θ, packed, and writes it back. Where all slots follow each
    /// other, as those of a network with one head do, it is edited where it lies.
    pub fn edit<R>(
        &self,
        layout: &Layout,
        values: &mut [f32],
        edit: impl FnOnce(&mut [f32]) -> R,
    ) -> R {
        let ranges = || self.places.iter().map(|&(slot, _)| layout.slot(slot).range());
        if ranges().is_sorted_by(|a, b| a.end == b.start) {
            let first = ranges().next().map_or(0, |range| range.start);
            return edit(&mut values[first..first + self.length]);
        }
        let mut packed = Vec::with_capacity(self.length);
        ranges().for_each(|range| packed.extend_from_slice(&values[range]));
        let result = edit(&mut packed);
        for (&(_, first), range) in self.places.iter().zip(ranges()) {
            let packed = &packed[first..first + range.len()];
            values[range].copy_from_slice(packed);
        }
        result
    }
}

/// Groups that one thread computes in one pass, or one group in as many passes as it needs.
struct Part<'a> {
    dense: Dense,
    groups: &'a [Vec<usize>],
    /// Rows of the group that these are pieces of; `None` where each is a group.
    pieces_of: Option<usize>,
    /// Whether its rows stay.
    stay: bool,
}

/// A single group in pieces, by its size alone; `None` where it is too small, or not alone.
fn pieces(groups: &[Vec<usize>]) -> Option<Vec<Vec<usize>>> {
    let [group] = groups else { return None };
    let pieces = (group.len() / PIECE).min(PIECES);
    let rows = group.chunks(group.len().div_ceil(pieces.max(1)).max(1));
    (pieces > 1).then(|| rows.map(<[usize]>::to_vec).collect())
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
    /// done, on any other. `works` are of each thread.
    pub(crate) fn over_slices(
        &mut self,
        network: &dyn Network,
        (model, view): (&Model, &View),
        memory: &Memory,
        groups: &[Vec<usize>],
        works: &mut Vec<Work>,
    ) -> Result<bool, ObjectiveError> {
        let pieces = pieces(groups);
        let pieces_of = pieces.as_ref().map(|_| groups[0].len());
        let stay = self.stay;
        let (groups, together) = match &pieces {
            Some(pieces) => (&pieces[..], pieces.chunks(1).collect()),
            None => (groups, runs(groups)),
        };
        let part = |groups| {
            let heads = heads_of(model, view, &answers(groups, memory, model));
            let dense = Dense::of(network, model, view, &heads, &mut Vec::new())?;
            Some(Part { dense, groups, pieces_of, stay })
        };
        let parts: Option<Vec<Part<'_>>> = together.into_iter().map(part).collect();
        let Some(parts) = parts else { return Ok(false) };
        self.rows.resize(groups.len() * self.length, 0.0);
        let reached = |part: &Part<'_>| {
            let slots: BTreeSet<SlotId> = part.dense.slots().collect();
            self.places.iter().all(|(slot, _)| slots.contains(slot))
        };
        if !parts.iter().all(reached) || groups.iter().any(Vec::is_empty) {
            self.rows.fill(0.0); // what the pass of a group does not reach
        }
        self.fill(&parts, memory, model, works)?;
        if pieces.is_some() {
            let (sum, rest) = self.rows.split_at_mut(self.length);
            for piece in rest.chunks_exact(self.length.max(1)) {
                wide(
                    #[inline(always)]
                    || sum.iter_mut().zip(piece).for_each(|(sum, piece)| *sum += piece),
                );
            }
            self.rows.truncate(self.length);
        }
        Ok(true)
    }

    /// The rows of all parts, shared among the threads: each takes the next one.
    fn fill(
        &mut self,
        parts: &[Part<'_>],
        memory: &Memory,
        model: &Model,
        works: &mut Vec<Work>,
    ) -> Result<(), ObjectiveError> {
        let (length, places) = (self.length, &self.places[..]);
        let threads = rayon::current_num_threads().min(parts.len());
        works.resize_with(threads.max(works.len()), Work::default);
        self.reads.resize_with(parts.len(), Vec::new);
        let mut ended = vec![Ok(()); parts.len()];
        let mut rest = &mut self.rows[..];
        let parts = parts.iter().zip(&mut self.reads).zip(&mut ended);
        let parts = parts.map(|((part, reads), ended)| {
            let rows = std::mem::take(&mut rest);
            let (own, after) = rows.split_at_mut(part.groups.len() * length);
            rest = after;
            (part, own, reads, ended)
        });
        let parts = Mutex::new(parts.collect::<Vec<_>>().into_iter());
        let next = || parts.lock().expect("no thread panics while it takes one").next();
        rayon::scope(|scope| {
            for work in &mut works[..threads] {
                scope.spawn(|_| {
                    while let Some((part, rows, reads, ended)) = next() {
                        *ended = part.gradients(memory, model, places, rows, (work, reads));
                    }
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
            read.again(memory, &portions, &self.dense, self.stay);
            let inputs = std::mem::take(&mut work.inputs);
            let mut pass = Pass { inputs, rows: 0, mode: Mode::Evaluate, terms: Vec::new() };
            pass.inputs.clear();
            if read.kept.is_none() {
                let rows = portions.iter().map(Vec::len).sum::<usize>();
                pass.inputs.reserve_exact(rows * memory.inputs());
            }
            let mut groups = Vec::with_capacity(portions.len());
            let rows = to.chunks_exact_mut(length.max(1)).zip(self.groups);
            for (portion, (gradient, group)) in portions.iter().zip(rows) {
                let whole = self.pieces_of.unwrap_or(group.len());
                let (first, weight) = (pass.rows, 1.0 / whole as f32);
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
    /// Keeps the rows of a pass: those that stay at once, others from the second time on that they
    /// are asked for, for to read them for many passes takes longer than for one.
    fn again(&mut self, memory: &Memory, portions: &[Vec<usize>], dense: &Dense, stay: bool) {
        let sample = |&at: &usize| (memory.task(at), memory.id(at));
        let samples = portions.iter().map(|rows| rows.iter().map(sample).collect()).collect();
        let sides = dense.keeps();
        let known = (&samples, sides) == (&self.samples, self.sides);
        if known && self.stays {
            return;
        }
        let stays = stay || known;
        self.kept = None; // before there is the next: never old and new at once
        let kept = sides.filter(|_| stays).and_then(|sides| keep(memory, portions, sides));
        *self = Self { samples, sides, stays, kept };
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

    const INPUTS: usize = 12;

    /// A small network and a memory of `rows` rows of two classes, a pixel of each lit.
    fn remembered(rows: usize) -> (Arc<dyn Network>, Model, Memory) {
        let network: Arc<dyn Network> = Arc::new(Mlp::new([1, 3, 4], &[16]).unwrap());
        let mut model = Model::default();
        model.append_column(network.as_ref(), 3);
        model.append_head(16, 2, 3);
        model.outputs.push(Outputs { units: vec![0, 1], among: Among::All });
        let mut pixels = vec![0; rows * INPUTS];
        (0..rows).for_each(|row| pixels[row * INPUTS + 3 * row % INPUTS] = 50 + (row % 50) as u8);
        let values = Values::Bytes { pixels, white: 100 };
        let labels = (0..rows as u32).map(|row| row / 3 % 2).collect();
        let samples = Samples::new(values, INPUTS, labels, (0..rows as u64).collect()).unwrap();
        let mut memory = Memory::default();
        (0..rows).for_each(|row| memory.put(Place::End, &samples, row, samples.label(row), 0));
        (network, model, memory)
    }

    fn gradients(
        packed: &mut PackedGradients,
        (network, model, memory): &(Arc<dyn Network>, Model, Memory),
        groups: &[Vec<usize>],
    ) -> Vec<f32> {
        let active: Vec<SlotId> = (0..model.layout.slots().len()).map(SlotId).collect();
        let view = model.shared_view(0);
        let gradients = |packed: &mut PackedGradients| {
            packed.begin(&model.layout, &active, groups.len(), groups.len());
            let (of, mut works) = ((model, &view), Vec::new());
            let done = packed.over_slices(network.as_ref(), of, memory, groups, &mut works);
            assert!(done.unwrap());
            packed.rows.clone()
        };
        let read = gradients(packed);
        assert_eq!(packed.reads[0][0].kept.is_some(), groups.len() > 1); // one may be drawn anew
        assert_eq!(gradients(packed), read); // of what was kept
        assert!(packed.reads[0][0].kept.is_some());
        read
    }

    /// The same rows in other groups, and the same groups again. Catches: what was read for groups
    /// that ended elsewhere taken for these.
    #[test]
    fn rows_are_kept_for_their_groups_alone() {
        let remembered = remembered(4);
        let mut packed = PackedGradients::default();
        for groups in [[vec![0, 1, 2], vec![3]], [vec![0], vec![1, 2, 3]], [vec![0], vec![1, 2, 3]]]
        {
            let anew = gradients(&mut PackedGradients::default(), &remembered, &groups);
            assert_eq!(gradients(&mut packed, &remembered, &groups), anew);
        }
    }

    /// Slots with a gap between them, slots that follow each other, and none. Catches: a slot at
    /// another's place, an edit that is not written back, one of a slot that takes no part.
    #[test]
    fn an_edit_reaches_the_slots_that_take_part() {
        let mut layout = Layout::default();
        for (name, len) in [("a", 2), ("b", 3), ("c", 1)] {
            layout.append(name, &[len], crate::network::Init::Constant(0.0));
        }
        for (active, edited) in [
            (vec![0, 2], [10.0, 21.0, 2.0, 3.0, 4.0, 35.0]),
            (vec![1, 2], [0.0, 1.0, 12.0, 23.0, 34.0, 45.0]),
            (vec![], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ] {
            let active: Vec<SlotId> = active.into_iter().map(SlotId).collect();
            let mut packed = PackedGradients::default();
            packed.begin(&layout, &active, 1, 1);
            let mut values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
            packed.edit(&layout, &mut values, |own| {
                assert_eq!(own.len(), packed.length);
                own.iter_mut().zip([10.0, 20.0, 30.0, 40.0]).for_each(|(value, add)| *value += add);
            });
            assert_eq!(values, edited);
        }
    }

    /// A group alone is taken in pieces, beside another one whole; of 1,500 rows a piece needs two
    /// passes. Catches: a piece weighed by its own length, one that is left out or stays behind the
    /// sum.
    #[test]
    fn pieces_add_up_to_the_gradient_of_their_group() {
        for (rows, parts) in [(127, 1), (128, 2), (255, 3), (1500, 4)] {
            let remembered = remembered(rows + 1);
            let groups = [(0..rows).collect(), vec![rows]];
            assert_eq!(pieces(&groups[..1]).map_or(1, |pieces| pieces.len()), parts);
            let mut packed = PackedGradients::default();
            let alone = gradients(&mut packed, &remembered, &groups[..1]);
            let whole = gradients(&mut PackedGradients::default(), &remembered, &groups);
            assert_eq!((alone.len(), whole.len()), (packed.length, 2 * packed.length));
            let most = whole.iter().fold(0.0f32, |most, g| most.max(g.abs()));
            for (alone, whole) in alone.iter().zip(&whole) {
                assert!((alone - whole).abs() <= 1e-5 * most, "{rows}: {alone} {whole}");
            }
        }
    }
}
