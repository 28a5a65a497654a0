//! A memory that fills itself by a rule and is drawn from.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Balanced, Memory, Place, Reservoir, Ring, distinct};
use crate::draws::Generator;
use crate::objective::{Mode, Pass, Target, Term};
use crate::scenario::Samples;
use crate::strategy::Batch;

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

/// A memory with what its policy needs to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The rows.
    pub memory: Memory,
    reservoir: Reservoir,
    ring: Ring,
    balanced: Balanced,
}

impl Replay {
    /// Makes room at the start of task `task`: the ring's shares, or fewer rows when each takes
    /// more bytes than before. Says which rows stay, where they are not all.
    pub fn begin_task(
        &mut self,
        policy: Policy,
        task: usize,
        capacity: usize,
        generator: &mut Generator,
    ) -> Option<Vec<usize>> {
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

    /// Offers every row of a batch of the current task; calls `placed(row of the batch, place)`
    /// for those that are kept.
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
