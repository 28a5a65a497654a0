//! What one thread computes of the gradients of a memory's rows.

use std::collections::BTreeSet;
use std::iter::zip;
use std::ops::Range;

use super::Of;
use crate::SlotId;
use crate::engine::heads_of;
use crate::model::Model;
use crate::network::dense::{Again, Dense, Dot, Factors, Group, Work};
use crate::network::sparse::{Aligned, Kept};
use crate::parts::memory::Memory;
use perennial_nn::loss::{Mode, ObjectiveError, Pass};

/// Rows of a pass: enough for the kernels, few enough that inputs and weights of small networks
/// stay in a core's cache, and that passes of several threads take little memory.
pub(crate) const ROWS: usize = 256;
/// Of rows that are a single group, as many are a piece at least, and there are so many pieces at
/// most: each is a thread's, and adding up their gradients costs as much as a few rows do.
const PIECE: usize = 64;
const PIECES: usize = 4;

/// Groups that one thread computes in one pass, or one group in as many passes as it needs.
pub(super) struct Part<'a> {
    dense: Dense,
    pub(super) groups: &'a [Vec<usize>],
    /// Rows of the group that these are pieces of; `None` where each is a group.
    pieces_of: Option<usize>,
    /// Whether its rows stay.
    stay: bool,
    /// W_1 for products of rows that are kept.
    weight: Option<&'a Aligned>,
}

/// Calls `then` with the parts that groups are computed in on a plain dense network, and whether
/// these are pieces of one group; `None` on any other. `weight` is scratch, where rows are kept.
pub(super) fn in_parts<R>(
    of: Of<'_>,
    stay: bool,
    weight: Option<&mut Aligned>,
    then: impl FnOnce(&[Part<'_>], bool) -> R,
) -> Option<R> {
    let Of { network, model, view, memory, groups } = of;
    let pieces = pieces(groups);
    let pieces_of = pieces.as_ref().map(|_| groups[0].len());
    let together = match &pieces {
        Some(pieces) => pieces.chunks(1).collect(),
        None => runs(groups),
    };
    let part = |groups| {
        let heads = heads_of(model, view, &answers(groups, memory, model));
        let dense = Dense::of(network, model, view, &heads, &mut Vec::new())?;
        Some(Part { dense, groups, pieces_of, stay, weight: None })
    };
    let mut parts = together.into_iter().map(part).collect::<Option<Vec<_>>>()?;
    if let (Some(weight), Some(first)) = (weight, parts.first()) {
        // Of all parts, for they are of one view.
        let weight = first.dense.align(&model.theta, weight).then_some(&*weight);
        parts.iter_mut().for_each(|part| part.weight = weight);
    }
    Some(then(&parts, pieces_of.is_some()))
}

/// The rows of a pass as they were last read: the memories of tasks stay as they are while another
/// one is learnt, but of all memories together other rows may be drawn for each step.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    /// Task and id of each row, a list a group: which samples they are.
    samples: Vec<Vec<(usize, u64)>>,
    /// [`Dense::keeps`] of the layers that read them.
    sides: Option<(usize, usize)>,
    /// Whether they are taken for rows that stay.
    stays: bool,
    /// `None` where they are read anew each time.
    pub(super) kept: Option<Kept>,
}

/// A single group in pieces, by its size alone; `None` where it is too small, or not alone.
pub(super) fn pieces(groups: &[Vec<usize>]) -> Option<Vec<Vec<usize>>> {
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

/// Where a slot begins in a packed gradient, if it has a place there.
fn place(places: &[(SlotId, usize)]) -> impl Fn(SlotId) -> Option<usize> + Copy {
    |slot| {
        let at = places.binary_search_by_key(&slot, |&(slot, _)| slot).ok()?;
        Some(places[at].1)
    }
}

/// What is asked of a part.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// Its gradients.
    Make,
    /// Its gradients, if one may be opposed to this one.
    Against(&'a Factors),
    /// Its gradients after all, of the rows that were read when it was asked.
    MakeAfterAll,
}

impl Part<'_> {
    /// Whether the passes of all its groups reach all these slots.
    fn reaches(&self, places: &[(SlotId, usize)]) -> bool {
        let slots: BTreeSet<SlotId> = self.dense.slots().collect();
        let reached = places.iter().all(|(slot, _)| slots.contains(slot));
        reached && !self.groups.iter().any(Vec::is_empty)
    }

    /// The gradient of each group, packed one after another into `to`. Asked [against](Ask::Against)
    /// another one, only where an inner product is not surely positive; or else says the sum of all,
    /// which is what pieces of a group are asked for.
    pub(super) fn gradients(
        &self,
        of: Of<'_>,
        places: &[(SlotId, usize)],
        to: &mut [f32],
        ask: Ask<'_>,
        (work, reads): (&mut Work, &mut Vec<Read>),
    ) -> Result<Option<Dot>, ObjectiveError> {
        let length = to.len() / self.groups.len();
        let reached = self.reaches(places);
        let clear = |to: &mut [f32]| {
            if !reached {
                to.fill(0.0); // what the pass of a group does not reach
            }
        };
        let (dense, place) = (&self.dense, place(places));
        let (layout, theta) = (&of.model.layout, &of.model.theta);
        let mut dots = vec![Dot::default(); self.groups.len()];
        let mut against = match ask {
            Ask::Against(factors) => Some(factors),
            Ask::Make | Ask::MakeAfterAll => None,
        };
        if against.is_none() {
            clear(to);
        }
        let (last, mut made) = (self.passes().len().saturating_sub(1), 0);
        self.pass(of, ask, (work, reads), |i, ranges, rows, work| {
            dense.deltas(theta, rows.0, work, place);
            if let Some(factors) = against {
                let known = dense.dots(factors, rows, work, place, ranges, &mut dots).is_some();
                let agree = || dots.iter().all(|dot| dot.surely_positive());
                if known && (i < last || self.pieces_of.is_some() || agree()) {
                    return;
                }
                against = None;
                clear(to);
            }
            let gradients = to.chunks_exact_mut(length.max(1));
            let group = |(rows, gradient): (&Range<usize>, _)| {
                let rows = rows.clone();
                Group { rows, gradient, add: made > 0 }
            };
            let mut groups: Vec<Group<'_>> = zip(ranges, gradients).map(group).collect();
            dense.gradients(layout, theta, rows, work, &mut groups, place);
            made += 1;
        })?;
        if against.is_some() {
            return Ok(Some(dots.into_iter().fold(Dot::default(), |sum, dot| sum + dot)));
        }
        if (1..=last).contains(&made) {
            // The passes before were only asked.
            return self.gradients(of, places, to, Ask::MakeAfterAll, (work, reads));
        }
        Ok(None)
    }

    /// The rows of each pass: a single group may need several passes, several groups share one.
    fn passes(&self) -> Vec<Vec<&[usize]>> {
        match self.groups {
            [group] => group.chunks(ROWS).map(|rows| vec![rows]).collect(),
            groups => vec![groups.iter().map(|group| &group[..]).collect()],
        }
    }

    /// Runs its passes forward, to the slopes of their losses. After each, calls `then` with its
    /// number, which of its rows are each group's, how many there are and as what they are kept.
    fn pass(
        &self,
        of: Of<'_>,
        ask: Ask<'_>,
        (work, reads): (&mut Work, &mut Vec<Read>),
        mut then: impl FnMut(usize, &[Range<usize>], (usize, Option<Again<'_>>), &mut Work),
    ) -> Result<(), ObjectiveError> {
        let Of { model, memory, .. } = of;
        let passes = self.passes();
        reads.resize_with(passes.len(), Read::default);
        for (i, (portions, read)) in passes.into_iter().zip(reads).enumerate() {
            let by_task = |rows: &[usize]| memory.by_task(rows.to_vec());
            let portions: Vec<Vec<usize>> = portions.into_iter().map(by_task).collect();
            if !matches!(ask, Ask::MakeAfterAll) {
                read.again(memory, &portions, &self.dense, self.stay);
            }
            let kept = read.kept.as_ref().zip(self.weight);
            let kept = kept.map(|(rows, weight)| Again { rows, weight });
            let inputs = std::mem::take(&mut work.inputs);
            let mut pass = Pass { inputs, rows: 0, mode: Mode::Evaluate, terms: Vec::new() };
            pass.inputs.clear();
            if kept.is_none() {
                let rows = portions.iter().map(Vec::len).sum::<usize>();
                pass.inputs.reserve_exact(rows * memory.inputs());
            }
            let mut ranges = Vec::with_capacity(portions.len());
            for (portion, group) in portions.iter().zip(self.groups) {
                let whole = self.pieces_of.unwrap_or(group.len());
                let (first, weight) = (pass.rows, 1.0 / whole as f32);
                memory.append_terms(&mut pass, portion, weight, |task| model.answer(task));
                ranges.push(first..pass.rows);
                if kept.is_none() {
                    portion.iter().for_each(|&at| memory.append_row(at, &mut pass.inputs));
                }
            }
            work.inputs = std::mem::take(&mut pass.inputs);
            let rows = (pass.rows, kept);
            self.dense.forward(&model.theta, rows, work);
            pass.loss(&work.logits, &self.dense.columns, &mut work.slope)?;
            then(i, &ranges, rows, work);
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
