//! What methods that project gradients share: samples of every task, the gradients of those, and
//! what became of each step.

use serde::{Deserialize, Serialize};

use super::budget;
use crate::learner::{Context, LearnError, Recalled};
use crate::model::View;
use crate::optimizer::OptimizerKind;
use crate::parts::conflicts::Conflicts;
use crate::parts::memory::{Budget, Memory, Offer, Place, Policy, Replay, Ring, distinct};
use crate::parts::project::{Products, add_rows};
use crate::scenario::{Part, Setting};
use crate::strategy::{Batch, Gradient};
use perennial_nn::loss::{Mode, Pass, Target, Term};

/// With a head for each task, whose weights the projection is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpisodeHeads {
    /// The trunk's and the current task's: the heads of older tasks are held.
    #[default]
    Own,
    /// All: what moves an older head is what keeps its task.
    All,
}

/// By which statistics batch normalisation judges the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpisodeStatistics {
    /// The running ones, as an evaluation does.
    #[default]
    Running,
    /// Those of a task's memory, which move the running ones, as a training step does.
    Train,
}

impl EpisodeStatistics {
    fn mode(self) -> Mode {
        match self {
            Self::Running => Mode::Evaluate,
            Self::Train => Mode::Train,
        }
    }
}

/// The rows that gradients of the past are of.
pub(super) struct Past<'a> {
    /// Rows of the memory: a gradient a group.
    pub(super) groups: &'a [Vec<usize>],
    /// How many groups there may be later.
    pub(super) most: usize,
    pub(super) statistics: EpisodeStatistics,
}

/// A memory of every task, and how often the past was gone against.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Episodes {
    pub(super) memory: Memory,
    ring: Ring,
    pub(super) conflicts: Conflicts,
    /// Rows a task, known once it began.
    each: usize,
    /// Samples of all tasks together, in the place of `memory`, where they are drawn by a reservoir.
    #[serde(default, skip_serializing_if = "is_default")]
    sampled: Replay,
}

fn is_default(sampled: &Replay) -> bool {
    *sampled == Replay::default()
}

impl Episodes {
    /// Makes room for a task and says what its memory cannot do. `name` is the method's.
    pub(super) fn begin_task(
        &mut self,
        name: &str,
        each: Budget,
        statistics: EpisodeStatistics,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        let key = format!("{name}.memory");
        self.each = budget::capacity(&key, each, 0, cx)?;
        if let Some(tasks) = cx.tasks() {
            let samples = cx.samples(cx.task, Part::Train)?;
            self.memory.make_room(self.each.saturating_mul(tasks), samples);
        }
        note_guarantee(name, statistics, cx);
        note_few(&key, self.each, cx);
        self.conflicts.begin_task();
        Ok(())
    }

    /// Begins to draw samples of all tasks together: `budget` is of all of them. `name` is the
    /// method's.
    pub(super) fn begin_sampling(
        &mut self,
        name: &str,
        budget: Budget,
        statistics: EpisodeStatistics,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        let key = format!("{name}.memory");
        self.each = budget::capacity(&key, budget, 0, cx)?;
        budget::note_small(&key, self.each, cx);
        note_guarantee(name, statistics, cx);
        let task = (cx.task, cx.samples(cx.task, Part::Train)?.len());
        let mut generator = cx.generator("room for samples");
        self.sampled.begin_task(Policy::Reservoir, task, self.each, &mut generator);
        self.conflicts.begin_task();
        Ok(())
    }

    /// Offers the rows of a batch to the reservoir.
    pub(super) fn sample(&mut self, batch: &Batch, cx: &Context<'_>) -> Result<(), LearnError> {
        let samples = cx.samples_of(batch)?;
        let offer = Offer { batch, samples: &samples, features: &[], capacity: self.each };
        let mut generator = cx.generator("sampled memory");
        self.sampled.offer(Policy::Reservoir, &offer, &mut generator, |_, _| {});
        Ok(())
    }

    /// Ends what [`begin_sampling`](Self::begin_sampling) began.
    pub(super) fn end_sampling(&mut self) {
        self.sampled.end_task();
    }

    /// All samples.
    pub(super) fn memory(&self) -> &Memory {
        held(&self.memory, &self.sampled)
    }

    /// Removes every copy of a sample and says how many there were.
    pub(super) fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.memory.remove(task, id) + self.sampled.forget_sample(Policy::Reservoir, task, id)
    }

    /// Puts the rows of a batch into the ring of their task.
    pub(super) fn remember(&mut self, batch: &Batch, cx: &Context<'_>) -> Result<(), LearnError> {
        let samples = cx.samples(cx.task, Part::Train)?;
        for (&row, &id) in batch.rows.iter().zip(&batch.ids) {
            if let Some(place) = self.ring.offer(cx.task, id, &self.memory, self.each) {
                let unit = cx.model.outputs[cx.task].units[samples.label(row) as usize];
                self.memory.put(place, samples, row, unit, cx.task);
            }
        }
        Ok(())
    }

    /// Stores as many random rows of each class of the current task as there is room for.
    pub(super) fn store_of_each_class(&mut self, cx: &Context<'_>) -> Result<(), LearnError> {
        let samples = cx.samples(cx.task, Part::Train)?;
        let units = &cx.model.outputs[cx.task].units;
        for (label, &unit) in units.iter().enumerate() {
            let rows: Vec<usize> =
                (0..samples.len()).filter(|&row| samples.label(row) as usize == label).collect();
            let mut generator = cx.generator(&format!("memory of class {label}"));
            for row in distinct(rows.len(), self.each / units.len(), &mut generator) {
                self.memory.put(Place::End, samples, rows[row], unit, cx.task);
            }
        }
        Ok(())
    }

    /// The mean cross-entropy of a batch. With [all heads](EpisodeHeads::All), those of older tasks take
    /// part in the step, and nothing is asked of what they say of the batch.
    pub(super) fn labelled(heads: EpisodeHeads, batch: &Batch, cx: &Context<'_>) -> Pass {
        let mut pass = cx.labelled(batch);
        if heads == EpisodeHeads::All && cx.setting == Setting::Task {
            for task in 0..cx.task {
                let active = cx.model.answer(task);
                let target = Target::Linear(vec![0.0; active.len()]);
                pass.terms.push(Term { rows: 0..1, active, weight: 1.0, target });
            }
        }
        pass
    }

    /// g̃ = g + Gᵀv where some ⟨g, g_k⟩ < 0, the rows g_k of G being the gradients of the mean loss
    /// on groups of the memory's rows; `dual` says v.
    pub(super) fn project(
        &mut self,
        view: &View,
        Past { groups, most, statistics }: Past<'_>,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
        dual: impl FnOnce(&Products) -> Vec<f64>,
    ) -> Result<(), LearnError> {
        if groups.iter().all(Vec::is_empty) {
            return Ok(()); // there is no past yet
        }
        let Self { memory, sampled, conflicts, .. } = self;
        let (memory, active) = (held(memory, sampled), gradient.active);
        let recalled = Recalled { view, memory, groups, most, mode: statistics.mode() };
        let past = cx.memory_gradients(recalled, active)?;
        let projected = past.edit(&cx.model.layout, gradient.values, |g| {
            let products = Products::of(&past.rows, g);
            let dots = &products.dots;
            if !products.square.is_finite() {
                return Ok(()); // the driver refuses it
            }
            // NaN < 0 is false: such a step would pass for one that goes against nothing.
            if let Some(bad) = dots.iter().position(|dot| !dot.is_finite()) {
                let tasks = groups[bad].iter().map(|&at| memory.task(at));
                let what = match (tasks.clone().min(), tasks.max()) {
                    (Some(a), Some(b)) if a < b => format!("tasks {} to {}", a + 1, b + 1),
                    (a, _) => format!("task {}", a.map_or(0, |a| a + 1)),
                };
                return Err(cx.not_finite(format!("gradient of the memory of {what}"), dots[bad]));
            }
            let violated = dots.iter().filter(|dot| **dot < 0.0).count();
            if violated == 0 {
                conflicts.agreed();
                return Ok(());
            }
            let v = dual(&products);
            conflicts.projected(violated, products.angles(&v));
            add_rows(g, &past.rows, &v);
            Ok(())
        });
        cx.reuse(past);
        projected
    }
}

/// The samples of tasks one by one, or those of all together where there are any.
fn held<'a>(memory: &'a Memory, sampled: &'a Replay) -> &'a Memory {
    if sampled.memory.is_empty() { memory } else { &sampled.memory }
}

/// Says what is not guaranteed in this run.
fn note_guarantee(name: &str, statistics: EpisodeStatistics, cx: &mut Context<'_>) {
    let rule = &cx.training.optimizer;
    let mut reasons = Vec::new();
    if rule.kind == OptimizerKind::Adam {
        reasons.push("Adam rescales the projected gradient weight by weight");
    }
    if rule.momentum != 0.0 {
        reasons.push("momentum adds gradients of steps before, projected against other memories");
    }
    if rule.weight_decay != 0.0 {
        reasons.push("weight decay is added after the projection");
    }
    if !cx.network().buffers().is_empty() {
        reasons.push(match statistics {
            EpisodeStatistics::Running => {
                "batch normalisation judges the memory by running statistics and the batch by its own"
            }
            EpisodeStatistics::Train => {
                "batch normalisation judges the memory by its own statistics, and an evaluation by \
                 running ones"
            }
        });
    }
    if !reasons.is_empty() {
        cx.note(format!(
            "{name} cannot promise here that no step raises the loss on its memory: {}; plain SGD \
             without normalisation keeps the promise",
            reasons.join(", and ")
        ));
    }
}

/// Says what happens when a task's memory has fewer places than the task has classes.
fn note_few(key: &str, each: usize, cx: &mut Context<'_>) {
    let classes = cx.model.outputs[cx.task].units.len();
    if each < classes {
        let places = if each == 1 { "1 place".into() } else { format!("{each} places") };
        cx.note(format!(
            "{key} has {places} for the {classes} classes of a task: of some classes nothing is \
             remembered"
        ));
    }
}
