//! Experience replay (Chaudhry, Rohrbach, Elhoseiny, Ajanthan, Dokania, Torr & Ranzato, *On Tiny
//! Episodic Memories in Continual Learning*, 2019, <https://arxiv.org/abs/1902.10486>).
//!
//! Each step trains on the batch and on rows drawn from a memory M of samples gone by:
//!
//! ```text
//! min_θ mean of ℓ(f_θ(x), y) over B ∪ B_M        B_M ⊂ M, |B_M| = b, without replacement
//! M ← choose(M, B)                               after the step, in the first pass
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | \|M\| | [`memory`](ErSettings::memory), samples or bytes in all |
//! | choose | [`policy`](ErSettings::policy) |
//! | b | [`batch`](ErSettings::batch), as many as the batch has unless it is said |
//! | steps on each B | [`steps`](ErSettings::steps), each with a draw of its own |
//!
//! Keeps the memory and, while a task is learnt, a bit for each of its training rows: whether it
//! was offered. A step costs one pass of |B| + b rows: one set of batch statistics.
//!
//! *Differences.* The memory fills from the first sample of the first task on, so the first task
//! is no plain fine-tuning. The ring shares the memory among the tasks so far and not among all
//! to come, so it is full from the first task on. A sample is offered to the memory once in a task,
//! in the first pass over it; the authors make one pass.
//!
//! ```
//! use perennial::strategies::Entry;
//!
//! let er = Entry::find("er").ok_or("unknown")?;
//! let settings = serde_json::json!({ "memory": "2MB", "policy": "class-balanced" });
//! assert_eq!(er.create(&settings)?.settings()["memory"], "2MB");
//! assert!(er.create(&serde_json::json!({ "memory": 0 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, budget};
use crate::learner::{Context, LearnError};
use crate::objective::Pass;
use crate::parts::memory::{Budget, Memory, Policy, Replay, ReplayBatch, distinct};
use crate::scenario::{Part, Setting};
use crate::strategy::{
    Batch, Card, Changed, ClassHead, Isolation, Keeps, Promises, Step, Strategy,
};

/// Replays stored samples beside every batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Er {
    /// Its settings.
    pub settings: ErSettings,
    replay: Replay,
    /// Rows the memory may hold, known once a task began.
    capacity: usize,
}

/// Settings of experience replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ErSettings {
    /// The memory, in all.
    pub memory: Budget,
    /// Which samples stay.
    pub policy: Policy,
    /// Rows drawn from the memory in each step.
    pub batch: ReplayBatch,
    /// Steps on each batch, at least 1 (Aljundi et al., *Online Continual Learning with Maximal
    /// Interfered Retrieval*, 2019, <https://arxiv.org/abs/1908.04742>, makes several).
    pub steps: usize,
}

impl Default for ErSettings {
    fn default() -> Self {
        Self {
            memory: Budget::Samples(500),
            policy: Policy::Reservoir,
            batch: ReplayBatch::AsBatch,
            steps: 1,
        }
    }
}

impl Method for Er {
    type Settings = ErSettings;
    const NAME: &'static str = "er";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("memory", "samples in all, or bytes: 500 or 2MB"),
        ("policy", "which samples stay: reservoir, ring or class-balanced"),
        ("batch", "rows drawn from the memory in a step; batch: as many as the batch has"),
        ("steps", "steps on each batch, each with a draw of its own"),
    ];

    fn with(settings: ErSettings) -> Result<Self, LearnError> {
        budget::check("er.memory", settings.memory)?;
        settings.batch.check(Self::NAME, settings.steps)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Er {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Experience replay",
            paper: "Chaudhry et al., On Tiny Episodic Memories in Continual Learning, 2019, \
                    https://arxiv.org/abs/1902.10486",
            does: "Keeps a few samples of the past and trains on some of them in every step. \
                   Simple, and hard to beat.",
            formula: "mean ℓ over batch ∪ draws from memory",
            keeps: Keeps::Samples { most: self.settings.memory, vectors: 0 },
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.8),
                margin: Some(0.02),
                class_margin: Some(0.5),
                first_task_is_finetuning: false,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.replay.memory)
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.replay.memory.remove(task, id)
    }

    fn steps_per_batch(&self) -> usize {
        self.settings.steps
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.capacity = budget::capacity("er.memory", self.settings.memory, 0, cx)?;
        budget::note_small("er.memory", self.capacity, cx);
        let mut generator = cx.generator("er room");
        let task = (cx.task, cx.samples(cx.task, Part::Train)?.len());
        self.replay.begin_task(self.settings.policy, task, self.capacity, &mut generator);
        Ok(())
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        let memory = &self.replay.memory;
        let wanted = self.settings.batch.rows(batch.len());
        let drawn = distinct(memory.len(), wanted, &mut cx.generator("er replay"));
        let weight = 1.0 / (batch.len() + drawn.len()) as f32;
        let mut pass = cx.labelled(batch);
        pass.terms.iter_mut().for_each(|term| term.weight = weight);
        pass.append(memory.pass(drawn, weight, |task| cx.model.answer(task)));
        Ok(vec![pass])
    }

    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        let (mut generator, samples) =
            (cx.generator("er memory"), cx.samples(cx.task, Part::Train)?);
        let (policy, capacity) = (self.settings.policy, self.capacity);
        self.replay.offer(policy, step.batch, samples, capacity, &mut generator, |_, _| {});
        Ok(Changed::Nothing)
    }

    fn end_task(&mut self, _: &mut Context<'_>) -> Result<(), LearnError> {
        self.replay.end_task();
        Ok(())
    }
}
