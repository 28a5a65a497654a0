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
//! Which samples stay ([`Policy`]):
//!
//! | `policy` | who stays | source |
//! | --- | --- | --- |
//! | `reservoir` | every sample offered so far with the same chance | Vitter 1985, algorithm R; for replay Riemer et al. 2019 |
//! | `ring` | the last of each task: a queue a task | the memory of GEM, Lopez-Paz & Ranzato 2017 |
//! | `class-ring` | the last of each class: a queue a class | the *ring buffer* of the paper |
//! | `k-means` | of each class the samples nearest to online centroids of its features, one a place | the paper, appendix |
//! | `mean-of-features` | of each class the samples nearest to the running mean of its features | the paper, appendix |
//! | `class-balanced` | classes as equal as the stream allows | Chrysakis & Moens 2020 |
//!
//! A class is a label of one task: the same label of another task is another class. Features are what
//! the heads read, in evaluation mode, after the step in which a sample first comes. `k-means` keeps
//! two rows of features and a count beside each sample, `mean-of-features` one row of features and
//! another for each class. A budget in bytes counts them, the latter as if each sample were alone in
//! its class. Both cost a pass more in the first epoch.
//!
//! *Differences.* The memory fills from the first sample of the first task on, so the first task
//! is no plain fine-tuning. The rings share the memory among the tasks or classes so far and
//! not among all to come, and so do `k-means`, which gives up the centroids of the fewest samples when
//! a class arrives, and `mean-of-features`, which gives up the samples farthest from the mean. A share is
//! rounded down, and what a class gives up it does not get back, so a memory of few places for a class
//! is not always full. In the domain setting label j of each task is a class of its own. The running mean moves by a tenth of the way to each sample, which
//! is a choice of ours. Distances are to the features that a sample had when it was stored. A
//! sample is offered to the memory once in a task, in the first pass over it; the authors make one pass.
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

use super::{Method, budget, refused};
use crate::learner::{Context, LearnError};
use crate::parts::memory::{Budget, Memory, Offer, Policy, Replay, ReplayBatch, distinct};
use crate::scenario::{Part, Setting};
use crate::strategy::{
    Ahead, Batch, Card, Changed, ClassHead, Isolation, Keeps, Promises, Step, Strategy,
};
use perennial_nn::loss::Pass;

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

/// The policies that take label j of two tasks for two classes.
const BY_CLASS: [Policy; 3] = [Policy::ClassRing, Policy::KMeans, Policy::MeanOfFeatures];

/// Why `er.policy=ring` cannot learn from a stream without borders.
const RING_NEEDS_BORDERS: &str = "er.policy=ring has a queue for each task; use another policy, such \
                                  as reservoir";

impl Method for Er {
    type Settings = ErSettings;
    const NAME: &'static str = "er";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("memory", "samples in all, or bytes: 500 or 2MB"),
        (
            "policy",
            "which samples stay: reservoir (Vitter 1985), ring (the last of each task, as gem), \
             class-ring (the last of each class), k-means or mean-of-features (the nearest to centres \
             of a class's features; all three Chaudhry et al. 2019), or class-balanced (Chrysakis & \
             Moens 2020)",
        ),
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
            needs_borders: (self.settings.policy == Policy::Ring).then_some(RING_NEEDS_BORDERS),
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
        self.replay.forget_sample(self.settings.policy, task, id)
    }

    fn steps_per_batch(&self) -> usize {
        self.settings.steps
    }

    /// In the domain setting a class of these policies is a label of one task, which a stream without
    /// borders does not tell.
    fn check(&self, ahead: &Ahead<'_>) -> Result<(), LearnError> {
        let policy = self.settings.policy;
        let tells = ahead.setting != Setting::Domain || !ahead.training.is_borderless();
        if tells || !BY_CLASS.contains(&policy) {
            return Ok(());
        }
        let reason = "with --setting domain it has places for each label of each task, and this stream \
                      has no borders between tasks; use reservoir or class-balanced, or --setting class";
        Err(refused("er.policy", &policy, reason))
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let beside = self.settings.policy.row_bytes(cx.network().features());
        self.capacity = budget::capacity("er.memory", self.settings.memory, beside, cx)?;
        budget::note_small("er.memory", self.capacity, cx);
        if BY_CLASS.contains(&self.settings.policy) {
            budget::note_by_class("er.memory", self.capacity, cx);
        }
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
        let (policy, capacity, batch) = (self.settings.policy, self.capacity, step.batch);
        let features = match policy.looks_at_features() && self.replay.has_new(batch) {
            true => {
                let view = self.view(cx.task, cx.model);
                cx.features(&view, &batch.inputs, batch.len())?
            }
            false => Vec::new(),
        };
        let samples = cx.samples_of(batch)?;
        let offer = Offer { batch, samples: &samples, features: &features, capacity };
        self.replay.offer(policy, &offer, &mut cx.generator("er memory"), |_, _| {});
        Ok(Changed::Nothing)
    }

    fn end_task(&mut self, _: &mut Context<'_>) -> Result<(), LearnError> {
        self.replay.end_task();
        Ok(())
    }
}
