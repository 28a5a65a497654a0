//! Gradients of a memory's rows, packed.

mod part;

use std::iter::zip;
use std::mem::take;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use self::part::ROWS;
use self::part::{Ask, Part, Read, in_parts};
use crate::model::{Model, View};
use crate::network::Network;
use crate::network::dense::{Dot, Factors, Work};
use crate::network::sparse::Aligned;
use crate::parts::memory::Memory;
use crate::vector::simd_dispatch;
use crate::{Layout, SlotId};
use perennial_nn::loss::ObjectiveError;

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
    /// W_1 for products of rows that are kept.
    weight: Aligned,
    /// Of a group that is computed in pieces, the gradients of all but the first.
    pieces: Vec<f32>,
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

/// What gradients of groups of rows are taken of.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) network: &'a dyn Network,
    pub(crate) model: &'a Model,
    pub(crate) view: &'a View,
    pub(crate) memory: &'a Memory,
    pub(crate) groups: &'a [Vec<usize>],
}

/// What came of a question for gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// They are made.
    Gradients,
    /// They are not: none of them can be opposed to the other.
    Agreement,
}

/// A part with what it is computed into.
struct Job<'a> {
    part: &'a Part<'a>,
    rows: &'a mut [f32],
    reads: &'a mut Vec<Read>,
    /// What [`Part::gradients`] said.
    came: Result<Option<Dot>, ObjectiveError>,
}

impl PackedGradients {
    /// The gradient of each group on a plain dense network, by all threads; `None`, and nothing
    /// done, on any other. With `against`, only where the inner product with it is not surely
    /// positive for every group. `works` are of each thread.
    pub(crate) fn over_slices(
        &mut self,
        of: Of<'_>,
        against: Option<&Factors>,
        works: &mut Vec<Work>,
    ) -> Result<Option<Found>, ObjectiveError> {
        let mut weight = take(&mut self.weight);
        let kept = self.stay || self.reads.iter().flatten().any(|read| read.kept.is_some());
        let kept = kept.then_some(&mut weight);
        let found = in_parts(of, self.stay, kept, |parts, pieces| {
            let (mut rows, mut others) = (take(&mut self.rows), take(&mut self.pieces));
            let mut rest = &mut rows[..];
            let mut own = |part: &Part<'_>| {
                let (own, after) = take(&mut rest).split_at_mut(part.groups.len() * self.length);
                rest = after;
                own
            };
            let into: Vec<&mut [f32]> = match pieces {
                false => parts.iter().map(own).collect(),
                true => {
                    // The first piece lies where their sum will.
                    others.resize((parts.len() - 1) * self.length, 0.0);
                    let others = others.chunks_exact_mut(self.length.max(1));
                    std::iter::once(own(&parts[0])).chain(others).collect()
                }
            };
            let found = self.fill(parts, (pieces, into), of, against, works);
            if pieces && matches!(found, Ok(Found::Gradients)) {
                for piece in others.chunks_exact(self.length.max(1)) {
                    simd_dispatch(
                        #[inline(always)]
                        || zip(&mut rows, piece).for_each(|(sum, piece)| *sum += piece),
                    );
                }
            }
            (self.rows, self.pieces) = (rows, others);
            found
        });
        self.weight = weight;
        found.transpose()
    }

    /// The gradients of each part into its rows, shared among the threads. From the first group on
    /// that may be opposed they ask no more; what was asked before is then made, too.
    fn fill(
        &mut self,
        parts: &[Part<'_>],
        (pieces, into): (bool, Vec<&mut [f32]>),
        of: Of<'_>,
        against: Option<&Factors>,
        works: &mut Vec<Work>,
    ) -> Result<Found, ObjectiveError> {
        let places = &self.places[..];
        self.reads.resize_with(parts.len(), Vec::new);
        let jobs = zip(zip(parts, into), &mut self.reads);
        let mut jobs: Vec<Job<'_>> =
            jobs.map(|((part, rows), reads)| Job { part, rows, reads, came: Ok(None) }).collect();
        let opposed = AtomicBool::new(false);
        let run = |job: &mut Job<'_>, ask, work: &mut Work| {
            job.came = job.part.gradients(of, places, job.rows, ask, (work, job.reads));
        };
        share(jobs.iter_mut().collect(), works, |job, work| {
            let against = against.filter(|_| !opposed.load(Ordering::Relaxed));
            run(job, against.map_or(Ask::Make, Ask::Against), work);
            opposed.fetch_or(!matches!(job.came, Ok(Some(_))), Ordering::Relaxed);
        });
        if !opposed.into_inner() {
            let dots = jobs.iter().flat_map(|job| &job.came).flatten();
            let sum = dots.fold(Dot::default(), |sum, &dot| sum + dot);
            if !pieces || sum.surely_positive() {
                return Ok(Found::Agreement);
            }
        }
        let asked = jobs.iter_mut().filter(|job| matches!(job.came, Ok(Some(_))));
        share(asked.collect(), works, |job, work| run(job, Ask::MakeAfterAll, work));
        jobs.into_iter().try_for_each(|job| job.came.map(drop))?;
        Ok(Found::Gradients)
    }
}

/// Calls `each` for every item, on all threads: each takes the next one, with scratch of its own.
fn share<T: Send>(items: Vec<T>, works: &mut Vec<Work>, each: impl Fn(T, &mut Work) + Sync) {
    let threads = rayon::current_num_threads().min(items.len());
    works.resize_with(threads.max(works.len()), Work::default);
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().expect("no thread panics while it takes one").next();
    rayon::scope(|scope| {
        for work in &mut works[..threads] {
            scope.spawn(|_| {
                while let Some(item) = next() {
                    each(item, work);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::part::pieces;
    use super::*;
    use crate::engine::{Engine, Frozen, Passed};
    use crate::model::{Among, Outputs};
    use crate::network::Mlp;
    use crate::parts::memory::Place;
    use crate::scenario::{Samples, Values};
    use crate::vector::Vector;

    const INPUTS: usize = 12;
    const UNITS: usize = 32;

    /// A small network and a memory of `rows` rows of two classes, a pixel of each lit.
    fn remembered(rows: usize) -> (Arc<dyn Network>, Model, Memory) {
        let network: Arc<dyn Network> = Arc::new(Mlp::new([1, 3, 4], &[UNITS]).unwrap());
        let mut model = Model::default();
        model.append_column(network.as_ref(), 3);
        model.append_head(UNITS, 2, 3);
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
            let network = network.as_ref();
            let of = Of { network, model, view: &view, memory, groups };
            let found = packed.over_slices(of, None, &mut Vec::new());
            assert_eq!(found.unwrap(), Some(Found::Gradients));
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

    /// A step on row 0, which has the pixel of row 4 and another label, asks groups: of one part, in
    /// pieces or parts of two passes, and in pieces of two passes. Catches: a question that changes a gradient, a
    /// group that is opposed and not made, one that was asked before it and is not.
    #[test]
    fn gradients_are_made_where_one_may_be_opposed() {
        for rows in [40, 4000, 16_000] {
            let remembered = remembered(rows);
            let (network, model, memory) = &remembered;
            let (mut passed, mut model) = (Passed::default(), model.clone());
            let (view, frozen) = (model.shared_view(0), Frozen::default());
            let pass = memory.pass(vec![0], 1.0, |task| model.answer(task));
            let mut g = Vector::zeros(model.theta.len());
            Engine::new(network.clone())
                .passed_gradient(&mut model, (&view, &frozen), vec![pass], &mut g, &mut passed)
                .unwrap();
            let factors = passed.factors().unwrap();
            let like = |row: usize| row.is_multiple_of(12);
            let (alike, unlike): (Vec<usize>, Vec<usize>) = (
                (0..rows).filter(|&row| like(row)).collect(),
                (0..rows).filter(|&row| like(row + 8)).collect(),
            );
            for (groups, found) in [
                (vec![alike.clone()], Found::Agreement),
                (vec![unlike.clone()], Found::Gradients),
                (vec![alike.clone(), vec![0], vec![24]], Found::Agreement),
                (vec![alike.clone(), vec![0], unlike.clone(), vec![24]], Found::Gradients),
            ] {
                let mut packed = PackedGradients::default();
                let wanted = gradients(&mut PackedGradients::default(), &remembered, &groups);
                for _ in 0..2 {
                    let active: Vec<SlotId> = (0..model.layout.slots().len()).map(SlotId).collect();
                    packed.begin(&model.layout, &active, groups.len(), groups.len());
                    let network = network.as_ref();
                    let of = Of { network, model: &model, view: &view, memory, groups: &groups };
                    let came = packed.over_slices(of, Some(&factors), &mut Vec::new()).unwrap();
                    assert_eq!(came, Some(found), "{rows} {}", groups.len());
                    if found == Found::Gradients {
                        assert_eq!(packed.rows, wanted);
                    }
                }
            }
        }
    }
}
