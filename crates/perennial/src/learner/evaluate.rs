//! Measuring what the learner can still do.

use std::ops::Range;
use std::time::Instant;

use perennial_metrics::Evaluation;

use super::data::Data;
use super::{Event, InPhase, LearnError, Learner, Position, Progress, Stop, Watch};
use crate::engine::{Logits, Rows, Workspace};
use crate::model::View;
use crate::parts::means::Space;
use crate::scenario::Reader;
use crate::strategy::{Pool, WithinTask};

/// Rows whose logits are held at once: many, that no thread waits long for another.
const ROWS: usize = 2000;
/// Test rows a task of any-time evaluation.
const ANYTIME_ROWS: usize = 1000;

impl Learner {
    /// Measures the next row of R: one accuracy a task, null where the learner cannot answer; none
    /// at all where R has no such row.
    pub(super) fn measure(
        &mut self,
        data: &Data<'_>,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<(), LearnError> {
        let (since, tasks) = (Instant::now(), data.stream.tasks.len());
        let after = self.core.accuracy.rows().len();
        let mut row = Vec::new();
        if self.measures(after, data) {
            row.resize(tasks, None);
            for (task, accuracy) in row.iter_mut().enumerate() {
                if stop.asked() {
                    return Err(LearnError::Stopped("the evaluation"));
                }
                let limit = self.core.training.eval_samples;
                let (test, rows) = data.test_rows(self.core.seed, task, limit);
                *accuracy = self.accuracy_on(task, &test, &rows)?;
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

    /// Whether R has a row after so many tasks.
    pub(super) fn measures(&self, after: usize, data: &Data<'_>) -> bool {
        let (tasks, every) = (data.stream.tasks.len(), self.core.training.eval_every);
        after == 0 || after == tasks || after.is_multiple_of(every)
    }

    /// The share of `rows` that the learner answers right; `None` when it cannot answer task
    /// `task` or there are no rows.
    pub(super) fn accuracy_on(
        &self,
        task: usize,
        part: &Reader<'_>,
        rows: &[usize],
    ) -> Result<Option<f64>, LearnError> {
        let Some(outputs) = self.core.model.outputs.get(task) else { return Ok(None) };
        let mut right = 0;
        let answered = self.scores(task, part, rows, |row, first, scores| {
            let wanted = outputs.units[part.label(row) as usize] as usize;
            right += usize::from(argmax(scores) + first == wanted);
        })?;
        let counts = answered.is_some() && !rows.is_empty();
        Ok(counts.then(|| right as f64 / rows.len() as f64))
    }

    /// What the network of task `task` says of all rows, as units over all heads and, with
    /// `probabilities`, the softmax of the scores of the units it chooses among; `None` when it
    /// cannot answer the task.
    pub(crate) fn answers(
        &self,
        task: usize,
        part: &Reader<'_>,
        probabilities: bool,
    ) -> Result<Option<Answers>, LearnError> {
        let mut answers = Answers { among: 0..0, units: Vec::new(), probabilities: Vec::new() };
        let rows: Vec<usize> = (0..part.len()).collect();
        let among = self.scores(task, part, &rows, |_, first, scores| {
            answers.units.push((first + argmax(scores)) as u32);
            if probabilities {
                answers.probabilities.extend(softmax(scores));
            }
        })?;
        Ok(among.map(|among| Answers { among, ..answers }))
    }

    /// Calls `hear(row, first unit, scores)` for each row with the scores of the units that answer
    /// task `task`, and says which units those are; `None` when it cannot answer the task.
    fn scores(
        &self,
        task: usize,
        part: &Reader<'_>,
        rows: &[usize],
        mut hear: impl FnMut(usize, usize, &[f32]),
    ) -> Result<Option<Range<usize>>, LearnError> {
        let model = &self.core.model;
        if model.outputs.len() <= task {
            return Ok(None);
        }
        let mut workspace = Workspace::default();
        let view = self.strategy.view(task, model);
        for rows in rows.chunks(ROWS) {
            let read = |i: usize, to: &mut Vec<f32>| part.append_row(rows[i], to);
            let asked = Rows { count: rows.len(), read };
            let Some(scores) = self.scores_of(&mut workspace, &view, asked)? else {
                return Ok(None);
            };
            for (&row, scores) in rows.iter().zip(scores.chunks(view.answer.len().max(1))) {
                hear(row, view.answer.start, scores);
            }
        }
        Ok(Some(view.answer))
    }

    /// The scores of rows over the units among which a view answers, the largest of which is the
    /// answer: logits, or for a strategy with [means](crate::Strategy::class_means) −‖x − μ‖².
    /// `[rows, units]`; `None` when it cannot answer.
    pub(super) fn scores_of(
        &self,
        workspace: &mut Workspace,
        view: &View,
        rows: Rows<impl Fn(usize, &mut Vec<f32>) + Sync>,
    ) -> Result<Option<Vec<f32>>, LearnError> {
        let (model, engine, count) = (&self.core.model, &self.engine, rows.count);
        let Some(means) = self.strategy.class_means() else {
            let logits = engine.logits_of(workspace, model, view, rows)?;
            return Ok(side_by_side(&logits, count, &view.answer));
        };
        if !means.has_any(&view.answer) {
            return Ok(None);
        }
        let values = match means.space {
            Space::Features => Some(engine.features_of(workspace, model, view, rows)?),
            Space::Logits => {
                let all = View { answer: 0..means.width(), ..view.clone() };
                let logits = engine.logits_of(workspace, model, &all, rows)?;
                side_by_side(&logits, count, &all.answer)
            }
        };
        let mut scores = Vec::with_capacity(count * view.answer.len());
        for row in values.iter().flat_map(|values| values.chunks(means.width().max(1))) {
            means.score(row, &view.answer, &mut scores);
        }
        Ok(values.map(|_| scores))
    }

    /// Accuracies within a task, every so many steps and after the task's last.
    pub(super) fn measure_anytime(
        &mut self,
        task: usize,
        data: &Data<'_>,
        last: bool,
    ) -> Result<(), LearnError> {
        let Some(period) = self.core.training.anytime else { return Ok(()) };
        if self.strategy.within_task() == WithinTask::Unanswered {
            return Ok(());
        }
        let step = self.core.steps;
        let logged = self.core.anytime.last().is_some_and(|last| last.step == step);
        if logged || !(last || step.is_multiple_of(period)) {
            return Ok(());
        }
        let since = Instant::now();
        let limit = self.core.training.eval_samples.unwrap_or(ANYTIME_ROWS).min(ANYTIME_ROWS);
        let accuracy = |other: usize| {
            let (test, rows) = data.test_rows(self.core.seed, other, Some(limit));
            self.accuracy_on(other, &test, &rows)
        };
        let tasks = data.stream.tasks.len();
        let measured =
            (0..tasks).map(|other| if other <= task { accuracy(other) } else { Ok(None) });
        let accuracies = measured.collect::<Result<_, _>>()?;
        self.core.anytime.push(Evaluation { step, task, accuracies });
        let seconds = since.elapsed().as_secs_f64();
        self.clock.eval_seconds += seconds;
        self.clock.train_seconds -= seconds;
        Ok(())
    }

    /// The accuracy on the task being learnt, before its first batch and after each of the first β.
    /// Not where there is no curve: batches of other rows are not the task's, a strategy that restarts
    /// within the task draws several, and another has no answers within it.
    pub(super) fn measure_learning_curve(
        &mut self,
        at: &InPhase,
        data: &Data<'_>,
    ) -> Result<(), LearnError> {
        let Some(beta) = self.core.training.lca else { return Ok(()) };
        let repeats = self.strategy.steps_per_batch().max(1);
        let (steps, batches) = (at.steps as usize, at.steps as usize / repeats);
        let counts = at.number == 0 && batches <= beta && steps.is_multiple_of(repeats);
        let has_course = self.strategy.within_task() == WithinTask::Course;
        if !counts || !has_course || self.strategy.pool() != Pool::Current {
            return Ok(());
        }
        let since = Instant::now();
        let limit = self.core.training.eval_samples;
        let (test, rows) = data.test_rows(self.core.seed, at.task, limit);
        let accuracy = self.accuracy_on(at.task, &test, &rows)?;
        let curves = &mut self.core.learning_curves;
        curves.resize_with(curves.len().max(at.task + 1), Vec::new);
        curves[at.task].truncate(batches); // measured again, where the learner in memory goes on
        curves[at.task].push(accuracy);
        let seconds = since.elapsed().as_secs_f64();
        self.clock.eval_seconds += seconds;
        self.clock.train_seconds -= seconds;
        Ok(())
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

/// The logits of all rows over a range of units. `[rows, units]`; `None` where a unit has none.
fn side_by_side(logits: &Logits, rows: usize, units: &Range<usize>) -> Option<Vec<f32>> {
    let mut values = Vec::with_capacity(rows * units.len());
    for row in 0..rows {
        values.extend_from_slice(logits.row(row, units)?);
    }
    Some(values)
}

/// What a network says of rows.
pub(crate) struct Answers {
    /// The units it chooses among.
    pub(crate) among: Range<usize>,
    /// The unit it says. `[rows]`
    pub(crate) units: Vec<u32>,
    /// The softmax of the scores of `among`, if asked for. `[rows, among]`
    pub(crate) probabilities: Vec<f32>,
}

fn softmax(z: &[f32]) -> impl Iterator<Item = f32> {
    let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let above = move |z: &f32| (z - most).exp();
    let sum: f32 = z.iter().map(above).sum();
    z.iter().map(move |z| above(z) / sum)
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
