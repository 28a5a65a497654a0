//! Measuring what the learner can still do.

use std::time::Instant;

use perennial_metrics::Evaluation;

use super::data::Data;
use super::{Event, LearnError, Learner, Position, Progress, Stop, Watch};
use crate::scenario::{Part, Samples};

/// Rows a forward pass: large enough for the kernels, small enough for the caches.
const ROWS: usize = 500;
/// Test rows a task of any-time evaluation.
const ANYTIME_ROWS: usize = 1000;

impl Learner {
    /// Measures the next row of R: one accuracy a task, null where the learner cannot answer.
    pub(super) fn measure(
        &mut self,
        data: &Data<'_>,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<(), LearnError> {
        let (since, tasks) = (Instant::now(), data.stream.tasks.len());
        let after = self.core.accuracy.rows().len();
        let wanted =
            after == 0 || after == tasks || after.is_multiple_of(self.core.training.eval_every);
        let mut row = vec![None; tasks];
        if wanted {
            for (task, accuracy) in row.iter_mut().enumerate() {
                if stop.asked() {
                    return Err(LearnError::Stopped("the evaluation"));
                }
                let rows = data.test_rows(self.core.seed, task, self.core.training.eval_samples);
                *accuracy = self.accuracy_on(task, data.samples(task, Part::Test), &rows);
                watch.progress(&Progress {
                    task,
                    tasks,
                    trains: false,
                    phase: "evaluate",
                    epoch: 0,
                    epochs: 1,
                    step: task + 1,
                    steps: tasks,
                    total_steps: self.core.steps,
                    accuracy: self.last_accuracy(),
                });
            }
        }
        watch.event(&Event::Row { after, accuracy: row.clone() })?;
        self.core.accuracy.push_row(row).map_err(|error| LearnError::Watch(error.into()))?;
        if after == tasks {
            self.core.inferred = self.infer(data, stop)?;
        }
        // `run` counts the whole advance as training: move this part over.
        let seconds = since.elapsed().as_secs_f64();
        self.clock.eval_seconds += seconds;
        self.clock.train_seconds -= seconds;
        Ok(())
    }

    /// The share of `rows` that the learner answers right; `None` when it cannot answer task
    /// `task` or there are no rows.
    pub(super) fn accuracy_on(
        &self,
        task: usize,
        samples: &Samples,
        rows: &[usize],
    ) -> Option<f64> {
        let model = &self.core.model;
        let outputs = model.outputs.get(task)?;
        let view = self.strategy.view(task, model);
        let mut right = 0;
        for rows in rows.chunks(ROWS) {
            let mut inputs = Vec::with_capacity(rows.len() * samples.inputs());
            for &row in rows {
                samples.append_row(row, &mut inputs);
            }
            let logits = self.engine.logits(model, &view, &inputs, rows.len());
            for (i, &row) in rows.iter().enumerate() {
                let scores = logits.row(i, &view.answer)?;
                let wanted = outputs.units[samples.label(row) as usize] as usize;
                right += usize::from(argmax(scores) + view.answer.start == wanted);
            }
        }
        (!rows.is_empty()).then(|| right as f64 / rows.len() as f64)
    }

    /// Accuracies within a task, every so many steps and after the task's last.
    pub(super) fn measure_anytime(&mut self, task: usize, data: &Data<'_>, last: bool) {
        let Some(period) = self.core.training.anytime else { return };
        let step = self.core.steps;
        let logged = self.core.anytime.last().is_some_and(|last| last.step == step);
        if logged || !(last || step.is_multiple_of(period)) {
            return;
        }
        let since = Instant::now();
        let limit = self.core.training.eval_samples.unwrap_or(ANYTIME_ROWS).min(ANYTIME_ROWS);
        let accuracy = |other: usize| {
            let rows = data.test_rows(self.core.seed, other, Some(limit));
            self.accuracy_on(other, data.samples(other, Part::Test), &rows)
        };
        let tasks = data.stream.tasks.len();
        let accuracies =
            (0..tasks).map(|other| if other <= task { accuracy(other) } else { None }).collect();
        self.core.anytime.push(Evaluation { step, task, accuracies });
        let seconds = since.elapsed().as_secs_f64();
        self.clock.eval_seconds += seconds;
        self.clock.train_seconds -= seconds;
    }

    /// Mean over what the last row of R could measure of the tasks learnt.
    pub(super) fn last_accuracy(&self) -> Option<f64> {
        let learnt = match self.core.position {
            Position::Start => return None,
            _ => self.core.accuracy.trained(),
        };
        let row = self.core.accuracy.rows().last()?;
        let measured: Vec<f64> = row.iter().take(learnt).copied().flatten().collect();
        (!measured.is_empty()).then(|| measured.iter().sum::<f64>() / measured.len() as f64)
    }
}

/// The index of the largest; the first of equals, 0 when all are NaN.
pub(super) fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if *score > scores[best] || scores[best].is_nan() {
            best = i;
        }
    }
    best
}
