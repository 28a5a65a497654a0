//! Averaged gradient episodic memory (Chaudhry, Ranzato, Rohrbach & Elhoseiny, *Efficient Lifelong
//! Learning with A-GEM*, ICLR 2019, <https://arxiv.org/abs/1812.00420>).
//!
//! One constraint instead of one a task: the loss on a random part of all memories may not rise.
//!
//! ```text
//! g_ref = ∇ mean loss on `batch` rows drawn from the memories of tasks k < t, at θ
//! g̃ = g − min(0, ⟨g, g_ref⟩) / ⟨g_ref, g_ref⟩ · g_ref
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | memory of a task | [`memory`](AgemSettings::memory), samples or bytes |
//! | what is stored | [`choose`](AgemSettings::choose) |
//! | rows of g_ref | [`batch`](AgemSettings::batch), without replacement; all if there are fewer |
//!
//! Keeps the memory. A step costs one more pass of `batch` rows, however many tasks there are; on a
//! plain dense network half of it where the step does not go against g_ref.
//!
//! The guarantee is of the gradient and of g_ref alone, not of every task. With momentum, Adam or
//! weight decay the move is another. Batch normalisation judges the memory by running statistics, or
//! by the drawn rows' own ([`EpisodeStatistics::Train`]).
//!
//! With [`AgemMemory::Reservoir`] the samples of all tasks lie in one memory, whose size is of all of
//! them, and g_ref is drawn from the whole of it, rows of the current task included. The method then
//! needs no borders between tasks (Buzzega et al. 2020 call it A-GEM-R).
//!
//! *Differences.* The authors store random samples of each class when a task ends
//! ([`AgemMemory::Class`]). With a head for each task, inner products run over the trunk and the
//! task's own head; over all weights, as in the authors' code, with [`EpisodeHeads::All`].
//!
//! ```
//! let agem = perennial::strategies::Entry::find("agem").ok_or("unknown")?;
//! assert!(agem.create(&serde_json::json!({ "memory": 250, "choose": "class" })).is_ok());
//! assert!(agem.create(&serde_json::json!({ "batch": 0 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::episodes::{EpisodeHeads, EpisodeStatistics, Episodes, Past};
use super::{Method, budget, refused};
use crate::learner::{Context, LearnError};
use crate::parts::memory::{Budget, Memory, distinct};
use crate::scenario::Setting;
use crate::strategy::{
    Batch, Card, Changed, ClassHead, Gradient, Isolation, Keeps, Promises, Step, Strategy,
};
use perennial_nn::loss::Pass;

/// Projects every gradient against one of the past.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Agem {
    /// Its settings.
    pub settings: AgemSettings,
    episodes: Episodes,
}

/// Settings of averaged gradient episodic memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgemSettings {
    /// The memory of each task.
    pub memory: Budget,
    /// Rows of the reference gradient.
    pub batch: usize,
    /// Which samples of a task are stored.
    pub choose: AgemMemory,
    /// With a head for each task, whose weights the projection is of.
    pub heads: EpisodeHeads,
    /// By which statistics batch normalisation judges the memory.
    pub statistics: EpisodeStatistics,
}

/// Which samples of a task are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgemMemory {
    /// The last ones.
    #[default]
    Last,
    /// When the task ends, as many random ones of each of its classes.
    Class,
    /// Of all tasks together, every sample offered so far with the same chance; `memory` is then of
    /// all tasks. Needs no borders between tasks.
    Reservoir,
}

/// Why samples that are stored task by task need borders.
const NEEDS_BORDERS: &str = "it stores samples task by task; agem.choose=reservoir stores those of all \
                             tasks together";

impl Default for AgemSettings {
    fn default() -> Self {
        Self {
            memory: Budget::Samples(256),
            batch: 256,
            choose: AgemMemory::Last,
            heads: EpisodeHeads::Own,
            statistics: EpisodeStatistics::Running,
        }
    }
}

impl Method for Agem {
    type Settings = AgemSettings;
    const NAME: &'static str = "agem";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        (
            "memory",
            "samples of each task, or bytes: 256 or 200kB; of all tasks where choose is reservoir",
        ),
        ("batch", "rows of the reference gradient, drawn from all memories"),
        (
            "choose",
            "which samples are stored: last (of each task), class (random, of each class of a task), \
             or reservoir (random, of all tasks together)",
        ),
        (
            "heads",
            "with a head a task, the projection is of: own (trunk and the task's head), or all heads",
        ),
        (
            "statistics",
            "batch normalisation judges the memory by: running statistics, or train (its own)",
        ),
    ];

    fn with(settings: AgemSettings) -> Result<Self, LearnError> {
        budget::check("agem.memory", settings.memory)?;
        if settings.batch == 0 {
            return Err(refused("agem.batch", &0, "it must be at least 1 row"));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Agem {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Averaged gradient episodic memory",
            paper: "Chaudhry et al., Efficient Lifelong Learning with A-GEM, 2019, \
                    https://arxiv.org/abs/1812.00420",
            does: "Keeps samples of every task and turns each gradient so that, to first order, \
                   the loss on a random part of them does not rise. With plain SGD only: \
                   momentum, Adam and weight decay move elsewhere.",
            formula: "g̃ = g − min(0, ⟨g, g_ref⟩) / ⟨g_ref, g_ref⟩ · g_ref",
            keeps: match self.settings.choose {
                AgemMemory::Reservoir => Keeps::Samples { most: self.settings.memory, vectors: 0 },
                _ => Keeps::SamplesPerTask { most: self.settings.memory },
            },
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: (self.settings.choose != AgemMemory::Reservoir).then_some(NEEDS_BORDERS),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.8),
                margin: Some(0.01),
                class_margin: Some(0.02),
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn memory(&self) -> Option<&Memory> {
        Some(self.episodes.memory())
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.episodes.forget_sample(task, id)
    }

    fn figures(&self) -> Value {
        self.episodes.conflicts.figures()
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let Self { settings: AgemSettings { memory, choose, statistics, .. }, episodes } = self;
        match choose {
            AgemMemory::Reservoir => episodes.begin_sampling(Self::NAME, *memory, *statistics, cx),
            _ => episodes.begin_task(Self::NAME, *memory, *statistics, cx),
        }
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        if self.settings.choose == AgemMemory::Last {
            self.episodes.remember(batch, cx)?;
        }
        Ok(vec![Episodes::labelled(self.settings.heads, batch, cx)])
    }

    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        let memory = self.episodes.memory();
        // A reservoir does not know which task is the current one, and neither may a stream tell.
        let all = self.settings.choose == AgemMemory::Reservoir;
        let is_old = |&at: &usize| all || memory.task(at) < cx.task;
        let old: Vec<usize> = (0..memory.len()).filter(is_old).collect();
        let drawn = distinct(old.len(), self.settings.batch, &mut cx.generator("agem reference"));
        let drawn = memory.by_task(drawn.into_iter().map(|at| old[at]).collect());
        let view = self.view(cx.task, cx.model);
        // One constraint, γ = 0: v = −⟨g, g_ref⟩ / ⟨g_ref, g_ref⟩.
        let past = Past { groups: &[drawn], most: 1, statistics: self.settings.statistics };
        self.episodes.project(&view, past, gradient, cx, |products| {
            vec![-products.dots[0] / products.gram[0]]
        })
    }

    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        if self.settings.choose == AgemMemory::Reservoir {
            self.episodes.sample(step.batch, cx)?;
        }
        Ok(Changed::Nothing)
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        match self.settings.choose {
            AgemMemory::Last => {}
            AgemMemory::Class => self.episodes.store_of_each_class(cx)?,
            AgemMemory::Reservoir => self.episodes.end_sampling(),
        }
        Ok(())
    }
}
