//! One phase of training, step by step.

use std::time::Instant;

use rand::seq::SliceRandom;

use super::data::Data;
use super::{Event, InPhase, LearnError, Learner, Position, Progress, Stop, Training, Watch};
use crate::SlotId;
use crate::engine::Frozen;
use crate::model::View;
use crate::parts::memory::Memory;
use crate::strategy::{Changed, Descent, Gradient, Keeps, Pool, Step};
use crate::vector::Vector;

impl Learner {
    /// Trains from `at` to the end of the phase and says the position after it; `None` when a
    /// stop was asked for, with the learner saved after the last whole step.
    pub(super) fn train(
        &mut self,
        mut at: InPhase,
        data: &Data<'_>,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<Option<Position>, LearnError> {
        let blurry = self.core.training.blurry;
        let turn = (blurry > 0.0).then(|| data.turn(at.task, blurry, self.core.seed));
        let pool: Vec<usize> = match self.strategy.pool() {
            Pool::Current if turn.is_some() => (0..data.stream.tasks.len()).collect(),
            Pool::Current | Pool::CurrentAndMemory => vec![at.task],
            Pool::Memory => Vec::new(),
            Pool::SoFar if self.card.keeps == Keeps::AllData => (0..=at.task).collect(),
            Pool::SoFar => {
                return Err(LearnError::DataNotKept { strategy: self.card.name, task: 0 });
            }
        };
        let Training { batch, remainder, .. } = self.core.training;
        let kept = self.pool_memory().map_or(0, Memory::len);
        let rows = match turn {
            Some(turn) => turn.len(),
            None => kept + pool.iter().map(|&task| data.train(task).len()).sum::<usize>(),
        };
        let task = &data.stream.tasks[at.task].name;
        match (pool.is_empty(), kept) {
            (false, 0) => self.core.training.check_rows(task, rows)?,
            (false, _) => {
                let both = format!("task `{task}` and the memory, which have {rows} samples");
                self.core.training.check_steps(&both, rows)?;
            }
            (true, _) => {
                let memory = format!("the memory, which has {rows} samples");
                self.core.training.check_steps(&memory, rows)?;
            }
        }
        let repeats = self.strategy.steps_per_batch().max(1);
        let steps = remainder.batches(rows, batch) * repeats;
        let (epochs, last_step) = self.length(&at, steps);
        let total = last_step.min((epochs * steps) as u64);
        let mut view = self.strategy.view(at.task, &self.core.model);
        let mut frozen = self.strategy.frozen(at.task, &self.core.model);
        self.core.optimizer.retain(|slot| !frozen.slots.contains(&slot));
        let mut since = Instant::now();
        let mut gradient = Vector::zeros(self.core.model.theta.len());
        if at.steps == 0 {
            self.measure_learning_curve(&at, data)?;
        }
        while at.epoch < epochs {
            let mut order = self.order(&at, rows);
            if let Some(turn) = turn {
                order.iter_mut().for_each(|row| *row = turn[*row as usize]);
            }
            while at.step < steps && at.steps < last_step {
                let rows = &order[remainder.range(at.step / repeats, rows, batch)];
                self.core.position = Position::InPhase(at.clone());
                let network = (&view, &frozen);
                let told = (&mut *watch, stop);
                let changed =
                    self.step(&mut at, data, (&pool, rows, total), network, &mut gradient, told)?;
                at.step += 1;
                if changed == Changed::View {
                    view = self.strategy.view(at.task, &self.core.model);
                    frozen = self.strategy.frozen(at.task, &self.core.model);
                    self.core.optimizer.retain(|slot| !frozen.slots.contains(&slot));
                }
                watch.progress(&Progress {
                    task: at.task,
                    tasks: data.stream.tasks.len(),
                    trains: true,
                    phase: &at.phase.name,
                    epoch: at.epoch,
                    epochs,
                    step: at.step,
                    steps,
                    total_steps: self.core.steps,
                    accuracy: self.last_accuracy(),
                });
                self.measure_anytime(at.task, data, false)?;
                self.measure_learning_curve(&at, data)?;
                let due = watch.due(self.core.steps);
                if due || stop.asked() {
                    self.core.position = Position::InPhase(at.clone());
                    self.clock.train_seconds += since.elapsed().as_secs_f64();
                    since = Instant::now();
                    watch.save(self)?;
                    if stop.asked() {
                        return Ok(None);
                    }
                }
            }
            (at.epoch, at.step) = (at.epoch + 1, 0);
        }
        self.core.position = Position::InPhase(at.clone());
        self.clock.train_seconds += since.elapsed().as_secs_f64();
        if at.steps > 0 {
            self.measure_anytime(at.task, data, true)?;
        }
        let (task, phase, outcome) = (at.task, at.number, self.outcome(&at, data)?);
        watch.event(&Event::Phase { task, phase, outcome: outcome.clone() })?;
        Ok(Some(Position::AfterPhase { task, phase, outcome }))
    }

    /// One step on `rows` of the pool, in a phase of `total` steps.
    fn step(
        &mut self,
        at: &mut InPhase,
        data: &Data<'_>,
        (pool, rows, total): (&[usize], &[u32], u64),
        (view, frozen): (&View, &Frozen),
        gradient: &mut Vector,
        (watch, stop): (&mut (dyn Watch + '_), &Stop),
    ) -> Result<Changed, LearnError> {
        let outputs = &self.core.model.outputs;
        let unit = |task: usize, label: u32| outputs[task].units[label as usize];
        let batch = data.batch((pool, self.pool_memory()), rows, unit);
        let lr_factor = at.phase.lr_factor;
        let (strategy, mut cx) = self.hook(data, at.task, lr_factor, watch, stop);
        let passes = strategy.objective(&batch, &mut cx)?;
        cx.workspace.key = cx.network().draws().then(|| cx.key.number("dropout"));
        let (computed, active) =
            cx.engine.gradient(cx.workspace, cx.model, (view, frozen), passes, gradient)?;
        if !computed.loss.is_finite() {
            return Err(cx.not_finite("loss", computed.loss));
        }
        let mut own = Gradient { values: gradient, active: &active };
        strategy.edit_gradient(&mut own, &mut cx)?;
        let lr = cx.lr;
        if !self.descend(gradient, &active, lr, frozen) {
            let model = &self.core.model;
            let first = |values: &[f32]| {
                let slots = active.iter().map(|&slot| model.layout.slot(slot).range());
                slots.flat_map(|slot| &values[slot]).copied().find(|value| !value.is_finite())
            };
            // A penalty, the moments or the rate can turn finite gradients into a move that is not
            // finite. The error then names the value of the weight after the move.
            let (what, value) = match first(gradient) {
                Some(value) => ("gradient", value),
                None => ("weight", first(&model.theta).unwrap_or(f32::NAN)),
            };
            let (_, cx) = self.hook(data, at.task, lr_factor, watch, stop);
            return Err(cx.not_finite(what, f64::from(value)));
        }
        at.steps += 1;
        at.loss += computed.loss;
        self.core.steps += 1;
        let (strategy, mut cx) = self.hook(data, at.task, lr_factor, watch, stop);
        let step = Step {
            batch: &batch,
            logits: &computed.logits,
            loss: computed.loss,
            done: at.steps as f64 / total as f64,
        };
        strategy.after_step(&step, &mut cx)
    }

    /// The memory that batches are drawn from, where they are.
    fn pool_memory(&self) -> Option<&Memory> {
        match self.strategy.pool() {
            Pool::Memory | Pool::CurrentAndMemory => self.strategy.memory(),
            Pool::Current | Pool::SoFar => None,
        }
    }

    /// Moves the active slots, one after another; says whether every Δ was a finite number.
    fn descend(
        &mut self,
        gradient: &mut [f32],
        active: &[SlotId],
        lr: f32,
        frozen: &Frozen,
    ) -> bool {
        let (model, optimizer) = (&mut self.core.model, &mut self.core.optimizer);
        active.iter().all(|&slot| {
            let at = model.layout.slot(slot).range();
            let (settings, rule) = optimizer.begin(slot, at.len());
            let moved = self.strategy.descend(Descent {
                lr,
                gradient: &mut gradient[at.clone()],
                theta: &mut model.theta[at.clone()],
                frozen: frozen.mask.as_ref().map(|mask| mask.of(&at)).unwrap_or_default(),
                settings,
                rule,
                at,
            });
            moved.finite
        })
    }

    /// How long a phase is: epochs, and the step at which it ends all the same.
    fn length(&self, at: &InPhase, steps: usize) -> (usize, u64) {
        if let Some(epochs) = at.phase.epochs {
            return (epochs, u64::MAX);
        }
        let training = &self.core.training;
        let whole = training.iterations.unwrap_or((training.epochs * steps) as u64);
        let last = ((whole as f64 * at.phase.share).round() as u64).max(1);
        ((last as usize).div_ceil(steps), last)
    }

    /// The order of the pool's rows in the epoch of `at`.
    fn order(&self, at: &InPhase, rows: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..rows as u32).collect();
        let start = InPhase { step: 0, ..at.clone() };
        order.shuffle(&mut start.key(self.core.seed).generator("order"));
        order
    }
}
