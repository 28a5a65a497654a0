//! iCaRL (Rebuffi, Kolesnikov, Sperl & Lampert, *iCaRL: Incremental Classifier and Representation
//! Learning*, CVPR 2017, <https://arxiv.org/abs/1611.07725>, algorithms 1 to 5).
//!
//! A few *exemplars* stand for each class: they are trained on beside every later task, and the mean of
//! their features answers for the class.
//!
//! ```text
//! min_θ mean over D_t ∪ P of Σ_c BCE(σ(z_c), q_c)        z = f_θ(x)
//! q_c = 1[y = c] for a class c of task t, σ(z_c) of θ_old for an older one    θ_old ← θ at its start
//! P_y ← its first m rows, m = K / classes so far          (older classes)
//! p_k = argmin_x ‖mean φ − (φ(x) + Σ_{j<k} φ(p_j)) / k‖   (classes of task t, k ≤ m)
//! answer = argmin_y ‖φ(x) − μ_y‖                          μ_y = mean of φ over P_y
//! ```
//!
//! φ are the features of a row, the values that the heads read, divided by their length. μ_y is divided
//! by its length, too. All is in evaluation mode but the passes of training.
//!
//! | symbol | field |
//! | --- | --- |
//! | K | [`memory`](IcarlSettings::memory), samples or bytes in all |
//! | which loss, φ and μ | [`variant`](IcarlSettings::variant) |
//! | λ | [`lambda`](IcarlSettings::lambda), of the variant `gem` |
//!
//! Keeps the exemplars, and a vector of θ's length at most: θ_old while a task is learnt, the means
//! between tasks. A mean has a number a feature, so all of them have no more than the heads. With `gem` a
//! mean has a number a unit, which is less than the heads while there are fewer units than features.
//!
//! A step costs one more forward pass of the batch, and an epoch has the exemplars' rows beside the
//! task's. The means are of the network at the end of the last task. While a task is learnt they would be
//! stale and new classes have none, so the learner does not answer then: a report has no any-time
//! accuracies and no learning curve of this method. Probabilities are softmax(−‖φ(x) − μ_y‖²) over the
//! classes that are chosen among, and no more than a score.
//!
//! | variant | training | herding | answers |
//! | --- | --- | --- | --- |
//! | `rebuffi` | the loss above | φ, normalised | nearest μ, normalised |
//! | `mammoth` | its mean over rows × units so far | features as they are | features as they are |
//! | `gem` | L_t(θ) + λ Σ_{k<t} mean KL(softmax(z_old), softmax(z)) | the task's logits | all logits |
//!
//! `mammoth` is the form in Buzzega et al.'s collection of methods. `gem` is what the code of Lopez-Paz &
//! Ranzato (*Gradient Episodic Memory*, 2017) calls iCaRL: cross-entropy among the task's own units, and
//! for each older task a pass over one exemplar of each of its classes, drawn in every step, with the
//! KL divergence over that task's units. What is computed is the cross-entropy, which differs by a number
//! that θ does not move. It must be told the task.
//!
//! *A class that comes again* is a class of the new task: its targets are labels, and its exemplars are
//! chosen anew among the new rows and those kept before.
//!
//! *A sample that is forgotten* leaves the memory at once. The mean of its class has a part in it until
//! the next task ends, or goes with the class's last exemplar. Then nothing answers for the class.
//!
//! *Differences.* `rebuffi` sums over units, as the paper does; the authors' code takes the mean over
//! rows × units, with a rate of 2 for 100 units. The code also normalises the class mean before herding,
//! adds mirrored images to the means, and has all units from the start. In `gem` exemplars beyond m leave
//! the memory; the authors draw from the first m and keep the others in the means. They answer a task
//! without exemplars by chance; here it is not answered.
//!
//! ```
//! let icarl = perennial::strategies::Entry::find("icarl").ok_or("unknown")?;
//! assert!(icarl.create(&serde_json::json!({ "variant": "mammoth", "memory": 200 })).is_ok());
//! assert!(icarl.create(&serde_json::json!({ "memory": 0 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_zero, budget, refused};
use crate::learner::{Context, LearnError};
use crate::model::View;
use crate::parts::distil::softened;
use crate::parts::means::{ClassMeans, Space, herding, normalise};
use crate::parts::memory::{Budget, Memory, Place};
use crate::scenario::{Part, Setting};
use crate::strategy::{
    Ahead, Batch, Card, ClassHead, Isolation, Keeps, Pool, Promises, Strategy, WithinTask,
};
use crate::vector::Vector;
use perennial_nn::loss::{Mode, Pass, Target, Term, sigmoid};

/// Answers by the nearest mean of each class's exemplars, which it also trains on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Icarl {
    /// Its settings.
    pub settings: IcarlSettings,
    /// P: the exemplars, class after class, each class in the order of herding.
    memory: Memory,
    /// Rows the memory may hold, known once a task began.
    capacity: usize,
    /// μ; empty while a task is learnt.
    means: ClassMeans,
    /// θ_old while a task after the first is learnt, else empty. `[θ]`
    teacher: Vector,
    /// Running statistics then. `[buffers]`
    buffers: Vector,
}

/// Settings of iCaRL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct IcarlSettings {
    /// Whose form of the method.
    pub variant: IcarlVariant,
    /// K: the exemplars, in all.
    pub memory: Budget,
    /// λ ≥ 0: weight of the old answers in the variant `gem`.
    pub lambda: f64,
}

/// Whose form of iCaRL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IcarlVariant {
    /// The paper's.
    #[default]
    Rebuffi,
    /// That of the collection Mammoth: features as they are, and the loss's mean over units too.
    Mammoth,
    /// That of the code of GEM's paper: cross-entropy, KL divergence and logits.
    Gem,
}

impl Default for IcarlSettings {
    fn default() -> Self {
        let (variant, memory) = (IcarlVariant::Rebuffi, Budget::Samples(500));
        Self { variant, memory, lambda: 1.0 }
    }
}

impl Method for Icarl {
    type Settings = IcarlSettings;
    const NAME: &'static str = "icarl";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("variant", "whose form: rebuffi (the paper), mammoth, or gem (with --setting task)"),
        ("memory", "exemplars in all, or bytes: 500 or 2MB"),
        ("lambda", "weight of the old answers in the variant gem, at least 0"),
    ];

    fn with(settings: IcarlSettings) -> Result<Self, LearnError> {
        budget::check("icarl.memory", settings.memory)?;
        at_least_zero("icarl.lambda", settings.lambda)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Icarl {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Incremental classifier and representation learning",
            paper: "Rebuffi et al., iCaRL: Incremental Classifier and Representation Learning, 2017, \
                    https://arxiv.org/abs/1611.07725",
            does: "Keeps the rows of each class that stand for it best, trains on them beside every \
                   task, and answers with the class whose mean is nearest.",
            formula: "mean over D_t ∪ P of Σ_c BCE(σ(z_c), q_c); answer = argmin_y ‖φ(x) − μ_y‖",
            keeps: Keeps::Samples { most: self.settings.memory, vectors: 1 },
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            validation: false,
            needs_borders: Some("it chooses the exemplars of a task when the task ends"),
            promises: Promises {
                setting: Setting::Task, // it cannot work with one head for all tasks
                epochs: 5,
                newest: Some(0.8),
                margin: None, // fine-tuning with a head a task is hard to beat here
                class_margin: Some(0.5),
                first_task_is_finetuning: false,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn impossible(&self, setting: Setting) -> Option<String> {
        match (setting, self.settings.variant) {
            (Setting::Domain, _) => Some(
                "each task has all classes again, so none is an old class whose answers it could \
                 hold; use --setting class or task"
                    .into(),
            ),
            (Setting::Class, IcarlVariant::Gem) => Some(
                "the variant gem trains each task among its own classes and must be told the task; \
                 use --setting task, or another icarl.variant"
                    .into(),
            ),
            _ => None,
        }
    }

    /// Bytes are told in samples once a task begins.
    fn check(&self, ahead: &Ahead<'_>) -> Result<(), LearnError> {
        let (Some(stream), Budget::Samples(places)) = (ahead.stream, self.settings.memory) else {
            return Ok(());
        };
        self.check_room(places, stream.outputs(ahead.setting))
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.memory)
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        let gone = self.memory.remove(task, id);
        let memory = &self.memory;
        self.means.keep(|unit| (0..memory.len()).any(|at| memory.unit(at) == unit));
        gone
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let key = "icarl.memory";
        self.capacity = budget::capacity(key, self.settings.memory, 0, cx)?;
        self.check_room(self.capacity, cx.known_classes())?;
        self.means = ClassMeans::default();
        if cx.task > 0 {
            self.teacher = cx.model.theta.clone();
            self.buffers = cx.model.buffers.clone();
        }
        Ok(())
    }

    fn pool(&self) -> Pool {
        match self.settings.variant {
            IcarlVariant::Rebuffi | IcarlVariant::Mammoth => Pool::CurrentAndMemory,
            IcarlVariant::Gem => Pool::Current,
        }
    }

    fn within_task(&self) -> WithinTask {
        WithinTask::Unanswered
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        match self.settings.variant {
            IcarlVariant::Rebuffi | IcarlVariant::Mammoth => Ok(vec![self.union(batch, cx)?]),
            IcarlVariant::Gem => {
                let mut passes = vec![cx.labelled(batch)];
                if self.settings.lambda > 0.0 {
                    for task in 0..cx.task {
                        passes.push(self.hold(task, cx)?);
                    }
                }
                Ok(passes)
            }
        }
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        (self.teacher, self.buffers) = Default::default();
        self.choose(cx)?;
        let normalised = self.settings.variant == IcarlVariant::Rebuffi;
        let (space, units) = match self.settings.variant {
            IcarlVariant::Rebuffi | IcarlVariant::Mammoth => (Space::Features, 0..0),
            IcarlVariant::Gem => (Space::Logits, 0..cx.model.units()),
        };
        self.means = ClassMeans::new(space, normalised);
        for unit in units_of(cx, 0..cx.task + 1) {
            cx.stopped("the means of the exemplars")?;
            let outputs = &cx.model.outputs[..=cx.task];
            let of = outputs.iter().rposition(|outputs| outputs.units.contains(&unit));
            let rows: Vec<usize> = self.of_unit(unit).collect();
            let mut inputs = Vec::new();
            rows.iter().for_each(|&at| self.memory.append_row(at, &mut inputs));
            let asked = Asked { task: of.unwrap_or(cx.task), units: units.clone() };
            let values = self.values(&inputs, rows.len(), asked, cx)?;
            let width = values.len() / rows.len().max(1);
            self.means.push(unit, values, width);
        }
        Ok(())
    }

    fn class_means(&self) -> Option<&ClassMeans> {
        Some(&self.means)
    }
}

impl Icarl {
    /// Refuses a memory without a place for each class.
    fn check_room(&self, places: usize, classes: usize) -> Result<(), LearnError> {
        if places >= classes {
            return Ok(());
        }
        let has = if places == 1 { "1 place".into() } else { format!("{places} places") };
        let expected = format!(
            "it has {has} for {classes} classes, and each class is answered by the mean of its \
             exemplars; give one to each at least"
        );
        Err(refused("icarl.memory", &self.settings.memory, &expected))
    }

    /// The rows of a unit in the memory, in the order of herding.
    fn of_unit(&self, unit: u32) -> impl Iterator<Item = usize> + '_ {
        (0..self.memory.len()).filter(move |&at| self.memory.unit(at) == unit)
    }

    /// One pass: the binary cross-entropy of all units so far, with labels for the units of the task
    /// and what the old network says for the others.
    fn union(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Pass, LearnError> {
        let rows = batch.len();
        let end = |units: &BTreeSet<u32>| units.last().map_or(0, |&last| last as usize + 1);
        let old = 0..end(&units_of(cx, 0..cx.task));
        let new = units_of(cx, cx.task..cx.task + 1);
        let seen = 0..old.end.max(end(&new));
        let mut targets = vec![0.0; rows * seen.len()];
        if !old.is_empty() {
            // The old network has no statistics of this task's own.
            let view = View { answer: old.clone(), ..self.view(cx.task - 1, cx.model) };
            let (teacher, buffers) = (&mut self.teacher, &mut self.buffers);
            let said = cx.logits_at(teacher, buffers, &view, &batch.inputs, rows)?;
            for (row, targets) in targets.chunks_exact_mut(seen.len()).enumerate() {
                let said = said.row(row, &old).unwrap_or_default();
                targets.iter_mut().zip(said).for_each(|(target, &z)| *target = sigmoid(z));
            }
        }
        for (targets, unit) in targets.chunks_exact_mut(seen.len()).zip(&batch.units) {
            for new in &new {
                targets[*new as usize] = if new == unit { 1.0 } else { 0.0 };
            }
        }
        let over = match self.settings.variant {
            IcarlVariant::Mammoth => rows * seen.len(),
            IcarlVariant::Rebuffi | IcarlVariant::Gem => rows,
        };
        let (weight, target) = (1.0 / over as f32, Target::Sigmoid(targets));
        let term = Term { rows: 0..rows, active: seen, weight, target };
        Ok(Pass { inputs: batch.inputs.clone(), rows, mode: Mode::Train, terms: vec![term] })
    }

    /// One pass over an exemplar of each class of an older task: its units should say what those of the
    /// old network say.
    fn hold(&mut self, task: usize, cx: &mut Context<'_>) -> Result<Pass, LearnError> {
        let mut generator = cx.generator(&format!("icarl exemplars of task {task}"));
        let mut inputs = Vec::new();
        let mut rows = 0;
        for unit in units_of(cx, task..task + 1) {
            let own: Vec<usize> = self.of_unit(unit).collect();
            if !own.is_empty() {
                self.memory.append_row(own[generator.random_range(0..own.len())], &mut inputs);
                rows += 1;
            }
        }
        let active = cx.model.answer(task);
        let view = View { answer: active.clone(), ..self.view(task, cx.model) };
        let said = cx.logits_at(&mut self.teacher, &mut self.buffers, &view, &inputs, rows)?;
        let said = (0..rows).filter_map(|row| said.row(row, &active));
        let probabilities = said.flat_map(|z| softened(z, 1.0)).collect();
        let target = Target::Soft { probabilities, temperature: 1.0 };
        let weight = self.settings.lambda as f32 / rows.max(1) as f32;
        let terms = vec![Term { rows: 0..rows, active, weight, target }];
        Ok(Pass { inputs, rows, mode: Mode::Train, terms })
    }

    /// Cuts the exemplars of older classes to their first m and chooses m of each class of the task.
    fn choose(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let classes = units_of(cx, 0..cx.task + 1);
        let new = units_of(cx, cx.task..cx.task + 1);
        let most = self.capacity / classes.len().max(1);
        let mut order = Vec::new();
        for (done, &unit) in classes.iter().enumerate() {
            cx.progress("exemplars", done, classes.len())?;
            let kept: Vec<usize> = self.of_unit(unit).collect();
            if !new.contains(&unit) {
                order.extend(kept.into_iter().take(most));
                continue;
            }
            let samples = cx.samples(cx.task, Part::Train)?;
            let units = &cx.model.outputs[cx.task].units;
            let is_own = |&row: &usize| units[samples.label(row) as usize] == unit;
            let fresh: Vec<usize> = (0..samples.len()).filter(is_own).collect();
            let mut inputs = Vec::new();
            kept.iter().for_each(|&at| self.memory.append_row(at, &mut inputs));
            fresh.iter().for_each(|&row| samples.append_row(row, &mut inputs));
            let rows = kept.len() + fresh.len();
            let asked = Asked { task: cx.task, units: cx.model.answer(cx.task) };
            let mut values = self.values(&inputs, rows, asked, cx)?;
            let width = (values.len() / rows.max(1)).max(1);
            if self.settings.variant == IcarlVariant::Rebuffi {
                values.chunks_exact_mut(width).for_each(normalise);
            }
            let samples = cx.samples(cx.task, Part::Train)?;
            for pick in herding(&values, width, most) {
                order.push(match pick.checked_sub(kept.len()) {
                    None => kept[pick],
                    Some(fresh_row) => {
                        self.memory.put(Place::End, samples, fresh[fresh_row], unit, cx.task);
                        self.memory.len() - 1
                    }
                });
            }
        }
        self.memory.keep(&order);
        Ok(())
    }

    /// What rows are compared by: features, or logits. `[rows, numbers]`
    fn values(
        &self,
        inputs: &[f32],
        rows: usize,
        asked: Asked,
        cx: &mut Context<'_>,
    ) -> Result<Vec<f32>, LearnError> {
        let view = View { answer: asked.units, ..self.view(asked.task, cx.model) };
        match self.settings.variant {
            IcarlVariant::Rebuffi | IcarlVariant::Mammoth => cx.features(&view, inputs, rows),
            IcarlVariant::Gem => {
                let logits = cx.logits(&view, inputs, rows)?;
                let rows = (0..rows).filter_map(|row| logits.row(row, &view.answer));
                Ok(rows.flatten().copied().collect())
            }
        }
    }
}

/// Of what network rows get their values.
struct Asked {
    /// The task whose statistics it has.
    task: usize,
    /// The units of its logits.
    units: Range<usize>,
}

/// The units of these tasks' labels.
fn units_of(cx: &Context<'_>, tasks: Range<usize>) -> BTreeSet<u32> {
    cx.model.outputs[tasks].iter().flat_map(|outputs| &outputs.units).copied().collect()
}
