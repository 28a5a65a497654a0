//! A reservoir of samples with the logits of each sample's last step in its own task.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{KeptLogits, Memory, Offer, Place, Policy, Replay, distinct};
use crate::draws::Generator;
use crate::learner::{Context, LearnError};
use crate::scenario::Samples;
use crate::strategy::Step;
use perennial_nn::loss::{Mode, Pass, Target, Term};

/// A reservoir of samples, each with its logits of the last step of its own task that it was part of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dark {
    replay: Replay,
    logits: KeptLogits,
    /// The place of each stored row, by task and id. `None` after rows moved; computed again when a
    /// place is needed.
    #[serde(skip)]
    places: Option<HashMap<(usize, u64), usize>>,
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
        self.places = None;
        gone.len()
    }

    /// What is stored beside a sample of `units` units, in bytes.
    pub fn row_bytes(units: usize) -> usize {
        KeptLogits::row_bytes(units)
    }

    /// Begins a task, which has so many training rows: drops stored rows at random until they fit.
    pub fn begin_task(&mut self, task: (usize, usize), capacity: usize, generator: &mut Generator) {
        let stay = self.replay.begin_task(Policy::Reservoir, task, capacity, generator);
        if let Some(stay) = stay {
            self.logits.keep(&stay);
        }
        self.places = None;
    }

    /// Forgets which rows of the task were offered, and where they lie.
    pub fn end_task(&mut self) {
        self.replay.end_task();
        self.places = None;
    }

    /// Appends to stored logits, where a head that all tasks share has grown since, those that the
    /// network gives for the new units now: an untaught head says that a row is of no new class more
    /// than of another. Without them nothing tells the network that an old row is not of a new class.
    ///
    /// # Errors
    ///
    /// As [`Context::logits`].
    pub fn fill(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        const AT_ONCE: usize = 256;
        let (view, units) = (cx.model.shared_view(cx.task), cx.model.answer(cx.task));
        let memory = &self.replay.memory;
        let is_short = |&at: &usize| self.logits.row(at).0.end < units.end;
        let short: Vec<usize> = (0..memory.len()).filter(is_short).collect();
        for rows in short.chunks(AT_ONCE) {
            let mut inputs = Vec::new();
            rows.iter().for_each(|&at| memory.append_row(at, &mut inputs));
            let said = cx.logits(&view, &inputs, rows.len())?;
            for (row, &at) in rows.iter().enumerate() {
                let new = self.logits.row(at).0.end..units.end;
                if let Some(more) = said.row(row, &new) {
                    self.logits.extend(at, more);
                }
            }
        }
        Ok(())
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

    /// Offers the rows of a step that were not offered before to the reservoir, with their logits over
    /// `units` in the step's first pass. Rows that are stored already get their logits replaced by those
    /// of this step, because the logits of an early pass are not yet what the network learnt of a row.
    pub fn offer(
        &mut self,
        step: &Step<'_>,
        units: Range<usize>,
        samples: &[&Samples],
        capacity: usize,
        generator: &mut Generator,
    ) {
        self.renew(step, &units);
        let Self { replay, logits, places } = self;
        let offer = Offer { batch: step.batch, samples, features: &[], capacity };
        replay.offer(Policy::Reservoir, &offer, generator, |row, place| {
            if let Some(found) = step.logits.first().and_then(|pass| pass.row(row, &units)) {
                logits.put(place, &units, found);
            }
            *places = None;
        });
    }

    /// Replaces the logits of those rows of a step that are stored already.
    fn renew(&mut self, step: &Step<'_>, units: &Range<usize>) {
        let Self { replay, logits, places } = self;
        for (task, rows) in &step.batch.tasks {
            let was_offered = |&row: &usize| replay.was_offered(*task, step.batch.rows[row]);
            for row in rows.clone().filter(was_offered) {
                let places = places.get_or_insert_with(|| {
                    let memory = &replay.memory;
                    (0..memory.len()).map(|at| ((memory.task(at), memory.id(at)), at)).collect()
                });
                let found = step.logits.first().and_then(|pass| pass.row(row, units));
                if let (Some(&at), Some(found)) = (places.get(&(*task, step.batch.ids[row])), found)
                {
                    logits.put(Place::Over(at), units, found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Key;
    use crate::engine::Logits;
    use crate::scenario::Values;
    use crate::state::{from_state, to_state};
    use crate::strategy::Batch;

    /// Three rows of one number in one class.
    fn samples() -> Samples {
        Samples::new(Values::Floats(vec![0.1, 0.2, 0.3]), 1, vec![0; 3], vec![50, 70, 90]).unwrap()
    }

    /// A step on these rows of task `task`, whose two logits are `said` and its negative.
    fn step(dark: &mut Dark, task: usize, rows: &[usize], said: f32, capacity: usize) {
        let samples = samples();
        let batch = Batch {
            inputs: Vec::new(),
            units: vec![0; rows.len()],
            ids: rows.iter().map(|&row| samples.id(row)).collect(),
            rows: rows.to_vec(),
            tasks: vec![(task, 0..rows.len())],
        };
        let logits = [Logits::new([said, -said].repeat(rows.len()), 0..2)];
        let step = Step { batch: &batch, logits: &logits, loss: 0.0, done: 1.0 };
        let mut generator = Key::of_seed(said as u64).generator("test");
        dark.offer(&step, 0..2, &[&samples], capacity, &mut generator);
    }

    fn begin(dark: &mut Dark, task: usize) {
        dark.begin_task((task, 3), 3, &mut Key::default().generator("test"));
    }

    /// (task, id, first logit) of every stored row.
    fn stored(dark: &Dark) -> Vec<(usize, u64, f32)> {
        let memory = dark.memory();
        let row = |at| (memory.task(at), memory.id(at), dark.logits.row(at).1[0]);
        (0..memory.len()).map(row).collect()
    }

    /// Catches: logits of another row or task, logits of the first pass that stay, a place that is
    /// looked for where the row lay before others were forgotten, an index lost with a save.
    #[test]
    fn logits_are_renewed_when_a_stored_row_passes_again() {
        let mut dark = Dark::default();
        begin(&mut dark, 0);
        step(&mut dark, 0, &[0, 1], 1.0, 9);
        step(&mut dark, 0, &[1], 2.0, 9);
        assert_eq!(stored(&dark), [(0, 50, 1.0), (0, 70, 2.0)]);
        dark.end_task();
        begin(&mut dark, 1);
        // The same ids in another task are other samples.
        step(&mut dark, 1, &[1], 3.0, 9);
        step(&mut dark, 1, &[1], 4.0, 9);
        assert_eq!(stored(&dark), [(0, 50, 1.0), (0, 70, 2.0), (1, 70, 4.0)]);
        assert_eq!(dark.forget_sample(0, 50), 1);
        step(&mut dark, 1, &[1], 5.0, 9);
        assert_eq!(stored(&dark), [(0, 70, 2.0), (1, 70, 5.0)]);
        let mut dark: Dark = from_state(&to_state(&dark).unwrap()).unwrap();
        step(&mut dark, 1, &[0, 1], 6.0, 9);
        assert_eq!(stored(&dark), [(0, 70, 2.0), (1, 70, 6.0), (1, 50, 6.0)]);
        // Catches: a sample that is forgotten and comes back with the next pass.
        assert_eq!(dark.forget_sample(1, 70), 1);
        step(&mut dark, 1, &[1], 7.0, 9);
        assert_eq!(stored(&dark), [(0, 70, 2.0), (1, 50, 6.0)]);
    }

    /// Two rows and one place. Catches: a place that is taken for the row that lay there before.
    #[test]
    fn a_row_that_was_replaced_renews_nothing() {
        let mut replaced = 0;
        for said in 3..23u8 {
            let mut dark = Dark::default();
            begin(&mut dark, 0);
            step(&mut dark, 0, &[0], 1.0, 1);
            step(&mut dark, 0, &[0], 2.0, 1);
            step(&mut dark, 0, &[1], said.into(), 1);
            let there = stored(&dark);
            let gone = if there[0].1 == 50 { 1 } else { 0 };
            replaced += 1 - gone;
            step(&mut dark, 0, &[gone], 99.0, 1);
            assert_eq!(stored(&dark), there);
        }
        assert!((1..20).contains(&replaced), "{replaced} of 20 were replaced");
    }

    /// One batch of rows of two tasks with the same ids, as they come up in a blurred stream. Catches:
    /// a row that is taken for stored because another task's of its id is, logits renewed at the place
    /// of another task's row, a mask of another task's rows that is lost with a save.
    #[test]
    fn rows_of_two_tasks_in_one_batch_are_told_apart() {
        let (mut dark, samples) = (Dark::default(), samples());
        begin(&mut dark, 1);
        let batch = Batch {
            inputs: Vec::new(),
            units: vec![0; 3],
            ids: vec![50, 50, 70],
            rows: vec![0, 0, 1],
            tasks: vec![(0, 0..1), (1, 1..3)],
        };
        for (pass, renewed) in [(1.0, [1.0, 2.0, 3.0]), (4.0, [4.0, 5.0, 6.0])] {
            let said: Vec<f32> = (0..3).flat_map(|i| [pass + i as f32, 0.0]).collect();
            let logits = [Logits::new(said, 0..2)];
            let step = Step { batch: &batch, logits: &logits, loss: 0.0, done: 1.0 };
            let mut generator = Key::default().generator("test");
            dark.offer(&step, 0..2, &[&samples, &samples], 9, &mut generator);
            let [a, b, c] = renewed;
            assert_eq!(stored(&dark), [(0, 50, a), (1, 50, b), (1, 70, c)]);
            dark = from_state(&to_state(&dark).unwrap()).unwrap();
        }
    }
}
