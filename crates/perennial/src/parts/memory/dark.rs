//! A reservoir of samples with the logits of the step that stored each.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{KeptLogits, Memory, Policy, Replay, distinct};
use crate::draws::Generator;
use crate::objective::{Mode, Pass, Target, Term};
use crate::scenario::Samples;
use crate::strategy::Step;

/// A reservoir of samples with the logits of the step that stored each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dark {
    replay: Replay,
    logits: KeptLogits,
}

impl Dark {
    /// The rows.
    pub fn memory(&self) -> &Memory {
        &self.replay.memory
    }

    /// Removes every copy of a sample with its logits and says how many there were.
    pub fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        let memory = &mut self.replay.memory;
        let gone = memory.find(task, id);
        let stay: Vec<usize> = (0..memory.len()).filter(|at| !gone.contains(at)).collect();
        memory.keep(&stay);
        self.logits.keep(&stay);
        gone.len()
    }

    /// What is stored beside a sample of `units` units, in bytes.
    pub fn row_bytes(units: usize) -> usize {
        KeptLogits::row_bytes(units)
    }

    /// Drops rows at random until they fit.
    pub fn shrink(&mut self, capacity: usize, generator: &mut Generator) {
        let stay = self.replay.begin_task(Policy::Reservoir, 0, capacity, generator);
        if let Some(stay) = stay {
            self.logits.keep(&stay);
        }
    }

    /// At most `wanted` rows, without replacement.
    pub fn draw(&self, wanted: usize, generator: &mut Generator) -> Vec<usize> {
        distinct(self.replay.memory.len(), wanted, generator)
    }

    /// One pass: α times the squared distance to the stored logits, a mean over rows × outputs.
    pub fn logits_pass(&self, drawn: &[usize], alpha: f32) -> Pass {
        let mut pass =
            Pass { inputs: Vec::new(), rows: drawn.len(), mode: Mode::Train, terms: Vec::new() };
        for (row, &at) in drawn.iter().enumerate() {
            let (active, stored) = self.logits.row(at);
            self.replay.memory.append_row(at, &mut pass.inputs);
            pass.terms.push(Term {
                rows: row..row + 1,
                weight: alpha / (drawn.len() * active.len()) as f32,
                active,
                target: Target::Logits(stored.to_vec()),
            });
        }
        pass
    }

    /// Offers the rows of a step, with the logits over `units` that its first pass found.
    pub fn offer(
        &mut self,
        step: &Step<'_>,
        units: Range<usize>,
        samples: &Samples,
        capacity: usize,
        generator: &mut Generator,
    ) {
        let Self { replay, logits } = self;
        replay.offer(Policy::Reservoir, step.batch, samples, capacity, generator, |row, place| {
            if let Some(found) = step.logits.first().and_then(|pass| pass.row(row, &units)) {
                logits.put(place, &units, found);
            }
        });
    }
}
