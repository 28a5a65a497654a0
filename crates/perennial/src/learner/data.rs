//! The stream's rows in memory, loaded when needed.

use std::cell::OnceCell;

use super::blurry::turns;
use crate::draws::Key;
use crate::parts::memory::Memory;
use crate::scenario::{Part, Reader, Samples, Stream};
use crate::strategy::Batch;

/// A stream and those of its parts that are in memory now.
pub(crate) struct Data<'s> {
    pub(crate) stream: &'s Stream,
    tasks: Vec<Parts>,
    turns: OnceCell<Vec<Vec<u32>>>,
}

#[derive(Default)]
struct Parts {
    train: OnceCell<Samples>,
    validation: OnceCell<Samples>,
}

impl<'s> Data<'s> {
    pub(crate) fn new(stream: &'s Stream) -> Self {
        let tasks = stream.tasks.iter().map(|_| Parts::default()).collect();
        Self { stream, tasks, turns: OnceCell::new() }
    }

    /// The training rows that come up in a task's turn, numbered over the training parts of all tasks,
    /// where a share of them is of other tasks.
    pub(crate) fn turn(&self, task: usize, share: f64, seed: u64) -> &[u32] {
        let turns = || {
            let rows: Vec<usize> =
                self.stream.tasks.iter().map(|task| task.rows(Part::Train)).collect();
            turns(&rows, share, seed)
        };
        &self.turns.get_or_init(turns)[task]
    }

    /// The training rows of a task; gathered and transformed once, then kept.
    pub(crate) fn train(&self, task: usize) -> &Samples {
        self.tasks[task].train.get_or_init(|| self.stream.tasks[task].load(Part::Train))
    }

    /// The same of its validation rows.
    pub(crate) fn validation(&self, task: usize) -> &Samples {
        self.tasks[task].validation.get_or_init(|| self.stream.tasks[task].load(Part::Validation))
    }

    /// Drops the training and validation rows of tasks before `task`.
    pub(crate) fn forget_before(&mut self, task: usize) {
        for parts in &mut self.tasks[..task] {
            parts.train.take();
            parts.validation.take();
        }
    }

    /// A task's test part, and which of its rows stand for it: all, or `limit` drawn once for
    /// good. No task's test rows are in memory as the task sees them, however many tasks there are.
    pub(crate) fn test_rows(
        &self,
        seed: u64,
        task: usize,
        limit: Option<usize>,
    ) -> (Reader<'s>, Vec<usize>) {
        let reader = self.stream.tasks[task].reader(Part::Test);
        let all = reader.len();
        let rows = match limit {
            Some(limit) if limit < all => {
                let key = Key { seed, task: task as u64, ..Key::default() };
                let generator = &mut key.generator("evaluation");
                let mut rows = rand::seq::index::sample(generator, all, limit).into_vec();
                rows.sort_unstable();
                rows
            }
            _ => (0..all).collect(),
        };
        (reader, rows)
    }

    /// A batch of `rows`, numbered over the rows of `memory` and then over the training parts of
    /// `pool` one after another; sorted by task, as no row of a memory is of a later task than those
    /// of the pool. `unit` says a task's label's output unit.
    pub(crate) fn batch(
        &self,
        (pool, memory): (&[usize], Option<&Memory>),
        rows: &[u32],
        unit: impl Fn(usize, u32) -> u32,
    ) -> Batch {
        let mut batch = Batch::default();
        batch.inputs.reserve(rows.len() * self.stream.shape.iter().product::<usize>());
        let mut first = 0;
        if let Some(memory) = memory {
            first = memory.len();
            let kept = rows.iter().map(|&row| row as usize).filter(|&row| row < first);
            for at in memory.by_task(kept.collect()) {
                memory.append_row(at, &mut batch.inputs);
                batch.push(memory.task(at), memory.unit(at), memory.id(at), at);
            }
        }
        for &task in pool {
            let own = first..first + self.stream.tasks[task].rows(Part::Train);
            for &row in rows.iter().filter(|&&row| own.contains(&(row as usize))) {
                let (row, samples) = (row as usize - first, self.train(task));
                samples.append_row(row, &mut batch.inputs);
                batch.push(task, unit(task, samples.label(row)), samples.id(row), row);
            }
            first = own.end;
        }
        batch
    }
}
