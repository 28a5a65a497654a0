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
    /// Of the test part only what was drawn of it.
    drawn: OnceCell<Samples>,
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

    /// The rows that stand for a task's test part: all, or `limit` drawn once for good; and of
    /// which samples they are the rows. A thousand tasks of which a few rows are drawn do not have
    /// all others in memory.
    pub(crate) fn test_rows(
        &self,
        seed: u64,
        task: usize,
        limit: Option<usize>,
    ) -> (&Samples, Vec<usize>) {
        let parts = &self.tasks[task];
        let all = self.stream.tasks[task].rows(Part::Test);
        let limit = match limit {
            Some(limit) if limit < all => limit,
            _ => return (self.samples(task, Part::Test), (0..all).collect()),
        };
        let key = Key { seed, task: task as u64, ..Key::default() };
        let generator = &mut key.generator("evaluation");
        let mut rows = rand::seq::index::sample(generator, all, limit).into_vec();
        rows.sort_unstable();
        if parts.test.get().is_none() {
            let load = || self.stream.tasks[task].load_rows(Part::Test, &rows);
            let drawn = parts.drawn.get_or_init(load);
            if drawn.len() == limit {
                return (drawn, (0..limit).collect());
            }
        }
        (self.samples(task, Part::Test), rows)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Benchmark, Options};

    /// Catches: other rows drawn where only those are gathered, a limit that hides another.
    #[test]
    fn drawn_rows_are_those_of_the_whole_part() {
        let (benchmark, _) = Benchmark::parse("permuted-digits").unwrap();
        let options = Options { tasks: Some(2), ..Options::default() };
        let digits = perennial_data::digits().unwrap();
        let stream = benchmark.build(&digits.into(), &options, 0).unwrap();
        let (few, whole) = (Data::new(&stream), Data::new(&stream));
        whole.samples(1, Part::Test);
        for limit in [20, 7, 20] {
            let [few, whole] = [&few, &whole].map(|data| {
                let (samples, rows) = data.test_rows(3, 1, Some(limit));
                samples.rows(&rows)
            });
            assert_eq!((few.len(), few == whole), (limit, true));
        }
    }
}
