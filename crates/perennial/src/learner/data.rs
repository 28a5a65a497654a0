//! The stream's rows in memory, loaded when needed.

use std::cell::OnceCell;

use crate::draws::Key;
use crate::scenario::{Part, Samples, Stream};
use crate::strategy::Batch;

/// A stream and those of its parts that are in memory now.
pub(crate) struct Data<'s> {
    pub(crate) stream: &'s Stream,
    tasks: Vec<Parts>,
}

#[derive(Default)]
struct Parts {
    train: OnceCell<Samples>,
    validation: OnceCell<Samples>,
    test: OnceCell<Samples>,
}

impl<'s> Data<'s> {
    pub(crate) fn new(stream: &'s Stream) -> Self {
        Self { stream, tasks: stream.tasks.iter().map(|_| Parts::default()).collect() }
    }

    /// The rows of a part; gathered and transformed once, then kept.
    pub(crate) fn samples(&self, task: usize, part: Part) -> &Samples {
        let parts = &self.tasks[task];
        let cell = match part {
            Part::Train => &parts.train,
            Part::Validation => &parts.validation,
            Part::Test => &parts.test,
        };
        cell.get_or_init(|| self.stream.tasks[task].load(part))
    }

    /// Drops the training and validation rows of tasks before `task`.
    pub(crate) fn forget_before(&mut self, task: usize) {
        for parts in &mut self.tasks[..task] {
            parts.train.take();
            parts.validation.take();
        }
    }

    /// The rows that stand for a task's test part: all, or `limit` drawn once for good.
    pub(crate) fn test_rows(&self, seed: u64, task: usize, limit: Option<usize>) -> Vec<usize> {
        let rows = self.samples(task, Part::Test).len();
        match limit {
            Some(limit) if limit < rows => {
                let key = Key { seed, task: task as u64, ..Key::default() };
                let mut drawn =
                    rand::seq::index::sample(&mut key.generator("evaluation"), rows, limit)
                        .into_vec();
                drawn.sort_unstable();
                drawn
            }
            _ => (0..rows).collect(),
        }
    }

    /// A batch of `rows`, numbered over the training parts of `pool` one after another; sorted
    /// by task. `unit` says a task's label's output unit.
    pub(crate) fn batch(
        &self,
        pool: &[usize],
        rows: &[u32],
        unit: impl Fn(usize, u32) -> u32,
    ) -> Batch {
        let mut batch = Batch::default();
        batch.inputs.reserve(rows.len() * self.stream.shape.iter().product::<usize>());
        let mut first = 0;
        for &task in pool {
            let samples = self.samples(task, Part::Train);
            let own = first..first + samples.len();
            let start = batch.units.len();
            for &row in rows.iter().filter(|&&row| own.contains(&(row as usize))) {
                let row = row as usize - first;
                samples.append_row(row, &mut batch.inputs);
                batch.units.push(unit(task, samples.label(row)));
                batch.ids.push(samples.id(row));
                batch.rows.push(row);
            }
            if batch.units.len() > start {
                batch.tasks.push((task, start..batch.units.len()));
            }
            first = own.end;
        }
        batch
    }
}
