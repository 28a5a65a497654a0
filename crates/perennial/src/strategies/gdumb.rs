//! Greedy sampler and dumb learner (Prabhu, Torr & Dokania, *GDumb: A Simple Approach that Questions
//! Our Progress in Continual Learning*, ECCV 2020,
//! <https://www.robots.ox.ac.uk/~tvg/publications/2020/gdumb.pdf>, algorithm 1).
//!
//! A memory M that is balanced by class, and a fresh network that is trained on the memory alone
//! before every row of R:
//!
//! ```text
//! M ← greedy(M, D_t)             a class below its share m / classes takes a row of the largest class
//! min_θ mean_M ℓ(f_θ(x), y)      from fresh weights, in p passes over M
//! lr of a pass ← lr · .1, lr · 1, then a cosine from 1 to .01 over 2, 4, 8, … passes
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | m | [`memory`](GdumbSettings::memory), samples or bytes in all |
//! | p | [`passes`](GdumbSettings::passes) |
//! | lr of a pass | [`schedule`](GdumbSettings::schedule) |
//!
//! Keeps the memory and which classes there were. A task costs p passes over the memory, however many
//! rows the task has and whatever the run's epochs or iterations are. Each pass is a phase. Batches, the
//! learning rate and the optimiser are the run's; its moments go on from pass to pass. Every task
//! restarts from fresh weights, so a report has no any-time metrics of this method.
//!
//! A class is a label of the stream. In the domain setting, where label j of all tasks is one output,
//! label j of each task is a class of its own: otherwise the first task's rows would fill every share,
//! and no row of a later task would ever get in.
//!
//! *Differences.* A row is offered once in its task, in a random order. The authors' program takes the
//! first m / classes rows of each class, for all classes of the stream, and trains one network at the
//! end. Their settings are SGD with momentum .9, weight decay 1e-6, batches of 16, a rate from .05 to
//! .0005, gradients clipped, random crops and CutMix, and they report the best pass on the test rows;
//! here the last pass counts and inputs are as they are. They make 128 passes on MNIST, the default
//! here, and 256 on CIFAR. A power of two ends with a whole cycle of the cosine.
//!
//! ```
//! let gdumb = perennial::strategies::Entry::find("gdumb").ok_or("unknown")?;
//! assert!(gdumb.create(&serde_json::json!({ "passes": 64, "schedule": "constant" })).is_ok());
//! assert!(gdumb.create(&serde_json::json!({ "passes": 0 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, budget, refused};
use crate::learner::{Context, LearnError};
use crate::model::{Model, View};
use crate::parts::memory::{Budget, Greedy, Memory, Offered};
use crate::parts::schedule::cosine_restarts;
use crate::scenario::{Part, Setting};
use crate::strategy::{
    Card, ClassHead, Isolation, Keeps, Outcome, Phase, Pool, Promises, Strategy, WithinTask,
};

/// Trains a fresh network on a balanced memory, and on nothing else, at every task.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gdumb {
    /// Its settings.
    pub settings: GdumbSettings,
    memory: Memory,
    greedy: Greedy,
    /// Passes over the memory that the current task has begun.
    begun: usize,
}

/// Settings of GDumb.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct GdumbSettings {
    /// m: the memory, in all.
    pub memory: Budget,
    /// p ≥ 1: passes over the memory, at every task.
    pub passes: usize,
    /// The learning rate of each pass.
    pub schedule: Schedule,
}

/// How the learning rate changes from pass to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// [Cosine annealing with warm restarts](cosine_restarts), after one pass at a tenth.
    #[default]
    Cosine,
    /// It does not.
    Constant,
}

impl Default for GdumbSettings {
    fn default() -> Self {
        Self { memory: Budget::Samples(500), passes: 128, schedule: Schedule::Cosine }
    }
}

impl Method for Gdumb {
    type Settings = GdumbSettings;
    const NAME: &'static str = "gdumb";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("memory", "samples in all, or bytes: 500 or 2MB"),
        ("passes", "passes over the memory at each task, whatever the run's epochs or iterations"),
        ("schedule", "learning rate of each pass: cosine (with warm restarts) or constant"),
    ];

    fn with(settings: GdumbSettings) -> Result<Self, LearnError> {
        budget::check("gdumb.memory", settings.memory)?;
        if settings.passes == 0 {
            return Err(refused("gdumb.passes", &0, "it must be at least 1 pass"));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Gdumb {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Greedy sampler and dumb learner",
            paper: "Prabhu et al., GDumb: A Simple Approach that Questions Our Progress in Continual \
                    Learning, 2020, https://www.robots.ox.ac.uk/~tvg/publications/2020/gdumb.pdf",
            does: "Keeps a few samples of each class and trains a fresh network on them alone, again \
                   at every task. What a method with a memory gains beyond it, it gains by learning \
                   from the stream.",
            formula: "θ fresh; min_θ mean_M ℓ(θ), M balanced by class",
            keeps: Keeps::Samples { most: self.settings.memory, vectors: 0 },
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            validation: false,
            needs_borders: Some("it trains a fresh network for each task"),
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: None, // its share of the memory may be too small for a task
                margin: Some(0.1),
                class_margin: Some(0.5),
                first_task_is_finetuning: false,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.memory)
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.memory.remove(task, id)
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let capacity = budget::capacity("gdumb.memory", self.settings.memory, 0, cx)?;
        budget::note_small("gdumb.memory", capacity, cx);
        let samples = cx.samples(cx.task, Part::Train)?;
        let mut order: Vec<usize> = (0..samples.len()).collect();
        order.shuffle(&mut cx.generator("gdumb order"));
        let units = &cx.model.outputs[cx.task].units;
        let offered = Offered { task: cx.task, samples, units, order: &order };
        let by_task = cx.setting == Setting::Domain;
        let class = |task, unit| (by_task.then_some(task), unit);
        let mut generator = cx.generator("gdumb evictions");
        self.greedy.offer(&mut self.memory, capacity, offered, class, &mut generator);
        if cx.task > 0 {
            cx.start_afresh();
        }
        self.begun = 0;
        Ok(())
    }

    fn next_phase(
        &mut self,
        _: Option<&Outcome>,
        _: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let pass = self.begun;
        if pass == self.settings.passes {
            return Ok(None);
        }
        self.begun += 1;
        Ok(Some(Phase {
            epochs: Some(1),
            lr_factor: match self.settings.schedule {
                Schedule::Cosine => cosine_restarts(pass),
                Schedule::Constant => 1.0,
            },
            keep_optimizer: true,
            fresh: pass == 0,
            ..Phase::default()
        }))
    }

    fn pool(&self) -> Pool {
        Pool::Memory
    }

    fn within_task(&self) -> WithinTask {
        WithinTask::Restarts
    }

    fn view(&self, task: usize, model: &Model) -> View {
        model.mixed_view(task)
    }
}
