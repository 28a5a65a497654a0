//! A memory that fills itself by a rule and is drawn from.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Balanced, Memory, Place, Reservoir, Ring, distinct};
use crate::draws::Generator;
use crate::objective::{Mode, Pass, Target, Term};
use crate::scenario::Samples;
use crate::strategy::Batch;
use crate::vector::Mask;

/// Which samples stay when the memory is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Every sample offered so far with the same chance.
    #[default]
    Reservoir,
    /// The last ones of each task, in equal shares of the tasks so far.
    Ring,
    /// Classes as equal as the stream allows.
    ClassBalanced,
}

/// A memory with what its policy needs to know. A training row is offered once in a task, when it
/// first comes, however many passes over the task there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The rows.
    pub memory: Memory,
    reservoir: Reservoir,
    ring: Ring,
    balanced: Balanced,
    /// Which of the current task's training rows were offered. Empty between tasks, and in a task
    /// that an older program began: that one offered a row in every pass. `[training rows]`
    #[serde(default, skip_serializing_if = "Mask::is_empty")]
    offered: Mask,
}

impl Replay {
    /// Makes room at the start of task `task`, which has `rows` training rows: the ring's shares, or
    /// fewer rows when each takes more bytes than before. Says which rows stay, where they are not
    /// all.
    pub fn begin_task(
        &mut self,
        policy: Policy,
        (task, rows): (usize, usize),
        capacity: usize,
        generator: &mut Generator,
    ) -> Option<Vec<usize>> {
        self.offered = Mask::filled(rows, false);
        if policy == Policy::Ring {
            self.ring.cut(&mut self.memory, capacity / (task + 1));
        } else if self.memory.len() > capacity {
            // A uniform part of a uniform sample is one, too.
            let stay = distinct(self.memory.len(), capacity, generator);
            self.memory.keep(&stay);
            return Some(stay);
        }
        None
    }

    /// Lets go of what is known of the task's rows.
    pub fn end_task(&mut self) {
        self.offered = Mask::default();
    }

    /// Whether a training row of the current task was offered before.
    pub fn was_offered(&self, row: usize) -> bool {
        self.offered.get(row) == Some(true)
    }

    /// Offers the rows of a batch of the current task that were not offered before; calls
    /// `placed(row of the batch, place)` for those that are kept.
    pub fn offer(
        &mut self,
        policy: Policy,
        batch: &Batch,
        samples: &Samples,
        capacity: usize,
        generator: &mut Generator,
        mut placed: impl FnMut(usize, Place),
    ) {
        for (task, rows) in &batch.tasks {
            for row in rows.clone() {
                if self.was_offered(batch.rows[row]) {
                    continue;
                }
                if batch.rows[row] < self.offered.len() {
                    self.offered.set(batch.rows[row], true);
                }
                let (memory, unit) = (&self.memory, batch.units[row]);
                let place = match policy {
                    Policy::Reservoir => self.reservoir.offer(memory.len(), capacity, generator),
                    Policy::ClassBalanced => self.balanced.offer(unit, memory, capacity, generator),
                    Policy::Ring => match capacity / (task + 1) {
                        0 => None,
                        each => self.ring.offer(*task, batch.ids[row], memory, each),
                    },
                };
                if let Some(place) = place {
                    self.memory.put(place, samples, batch.rows[row], unit, *task);
                    placed(row, place);
                }
            }
        }
    }
}

impl Memory {
    /// One pass of cross-entropy over these rows, each with `weight` and among the units by
    /// which `answer` says its task is answered. `rows` are sorted by task first.
    pub fn pass(
        &self,
        rows: Vec<usize>,
        weight: f32,
        answer: impl Fn(usize) -> Range<usize>,
    ) -> Pass {
        let mut pass = Pass { inputs: vec![], rows: 0, mode: Mode::Train, terms: vec![] };
        let rows = self.by_task(rows);
        rows.iter().for_each(|&at| self.append_row(at, &mut pass.inputs));
        self.append_terms(&mut pass, &rows, weight, answer);
        pass
    }

    /// The same rows sorted by task.
    pub(crate) fn by_task(&self, mut rows: Vec<usize>) -> Vec<usize> {
        rows.sort_by_key(|&at| self.task(at));
        rows
    }

    /// Appends to a pass what is asked of rows that are sorted by task, without their numbers.
    pub(crate) fn append_terms(
        &self,
        pass: &mut Pass,
        rows: &[usize],
        weight: f32,
        answer: impl Fn(usize) -> Range<usize>,
    ) {
        let mut first = pass.rows;
        for run in rows.chunk_by(|&a, &b| self.task(a) == self.task(b)) {
            pass.terms.push(Term {
                rows: first..first + run.len(),
                active: answer(self.task(run[0])),
                weight,
                target: Target::Labels(run.iter().map(|&at| self.unit(at)).collect()),
            });
            first += run.len();
        }
        pass.rows = first;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::draws::Key;
    use crate::scenario::Values;
    use crate::state::{from_state, to_state};

    const POLICIES: [Policy; 3] = [Policy::Reservoir, Policy::Ring, Policy::ClassBalanced];

    /// `count` rows of one byte in two classes; ids are not the numbers of the rows.
    fn samples(count: usize) -> Samples {
        let values = Values::Bytes { pixels: (0..count).map(|i| i as u8).collect(), white: 255 };
        let labels = (0..count as u32).map(|i| i % 2).collect();
        Samples::new(values, 1, labels, (0..count as u64).map(|i| 3 * i + 7).collect()).unwrap()
    }

    fn batch(samples: &Samples, rows: &[usize]) -> Batch {
        Batch {
            inputs: Vec::new(),
            units: rows.iter().map(|&row| samples.label(row)).collect(),
            ids: rows.iter().map(|&row| samples.id(row)).collect(),
            rows: rows.to_vec(),
            tasks: vec![(0, 0..rows.len())],
        }
    }

    /// Offers all rows in batches of 10 in every pass; each pass begins with another row.
    fn pass(replay: &mut Replay, policy: Policy, samples: &Samples, capacity: usize, number: u64) {
        let mut generator = Key::of_seed(number).generator("test");
        let mut rows: Vec<usize> = (0..samples.len()).collect();
        rows.rotate_left(number as usize);
        for rows in rows.chunks(10) {
            let batch = batch(samples, rows);
            replay.offer(policy, &batch, samples, capacity, &mut generator, |_, _| {});
        }
    }

    fn begun(policy: Policy, samples: &Samples, capacity: usize) -> Replay {
        let mut replay = Replay::default();
        let mut generator = Key::default().generator("test");
        replay.begin_task(policy, (0, samples.len()), capacity, &mut generator);
        replay
    }

    fn distinct_ids(memory: &Memory) -> usize {
        (0..memory.len()).map(|at| memory.id(at)).collect::<BTreeSet<_>>().len()
    }

    /// 200 places, 96 rows, five passes: all 96 are kept, each once. With 30 places the memory after
    /// five passes is that after one. Catches: rows that compete again in a later pass, rows that
    /// are taken for offered by their id.
    #[test]
    fn a_row_competes_once_however_many_passes_there_are() {
        let samples = samples(96);
        for policy in POLICIES {
            for (capacity, kept) in [(200, 96), (30, 30)] {
                let mut replay = begun(policy, &samples, capacity);
                pass(&mut replay, policy, &samples, capacity, 0);
                let once = replay.clone();
                (1..5).for_each(|n| pass(&mut replay, policy, &samples, capacity, n));
                assert_eq!(replay, once, "{policy:?}");
                let found = (replay.memory.len(), distinct_ids(&replay.memory));
                assert_eq!(found, (kept, kept), "{policy:?}");
            }
        }
    }

    /// Catches: a mask that is lost at a save, or that outlives its task, where its rows would be
    /// taken for another's.
    #[test]
    fn what_was_offered_is_saved_within_a_task_and_gone_after_it() {
        let samples = samples(40);
        let mut replay = begun(Policy::Reservoir, &samples, 200);
        let first = batch(&samples, &[3, 5]);
        let mut generator = Key::default().generator("test");
        replay.offer(Policy::Reservoir, &first, &samples, 200, &mut generator, |_, _| {});
        let mut saved: Replay = from_state(&to_state(&replay).unwrap()).unwrap();
        assert_eq!(saved, replay);
        assert!(saved.was_offered(3) && saved.was_offered(5) && !saved.was_offered(4));
        saved.end_task();
        assert!(!to_state(&saved).unwrap().tensors.contains_key("offered"));
        saved.begin_task(Policy::Reservoir, (1, 40), 200, &mut generator);
        assert!(!saved.was_offered(3));
    }

    /// A state from before rows were counted has no mask. Catches: a half-done task of an older
    /// program that ends with another memory than it would have there.
    #[test]
    fn a_task_that_an_older_program_began_goes_on_as_there() {
        let samples = samples(96);
        let mut replay = Replay::default();
        (0..2).for_each(|n| pass(&mut replay, Policy::Reservoir, &samples, 200, n));
        assert_eq!((replay.memory.len(), distinct_ids(&replay.memory)), (192, 96));
    }
}
