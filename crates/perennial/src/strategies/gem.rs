//! Gradient episodic memory (Lopez-Paz & Ranzato, *Gradient Episodic Memory for Continual
//! Learning*, NeurIPS 2017, <https://arxiv.org/abs/1706.08840>).
//!
//! No step may raise, to first order, the loss on what is remembered of any earlier task:
//!
//! ```text
//! min ½‖g − g̃‖²  subject to ⟨g̃, g_k⟩ ≥ 0 for k < t       g_k = ∇ mean loss on memory k, at θ
//! by its dual: min_v ½ vᵀGGᵀv + (Gg)ᵀv,  v ≥ γ;  g̃ = g + Gᵀv;  only when some ⟨g, g_k⟩ < 0
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | memory of a task | [`memory`](GemSettings::memory): its last samples, as many or as many bytes |
//! | γ | [`margin`](GemSettings::margin): above 0, a little of every old gradient is added |
//! | GGᵀ + ridge · 1 | [`ridge`](GemSettings::ridge): 0 keeps the constraints exactly |
//!
//! Keeps the memory. A step of task t costs a pass over all t − 1 memories and holds as many
//! gradients: it grows with the tasks. On a plain dense network, steps that go against nothing are
//! known to do so from half of each pass, as long as most steps of the task are such.
//!
//! *Many tasks.* A step that goes against one task adds γ of every old gradient at least, which with
//! many tasks is many times the learning rate on a few samples. Permuted MNIST, 17 tasks of 55,000
//! samples, mlp:256x256, lr .1, 250 samples a task, one seed: γ = .5 → ACC .860, forgetting .100;
//! γ = 0 → .893, .067. With 5,500 samples a task it is .884 and .886.
//!
//! The guarantee is of the gradient. With momentum, Adam or weight decay the move is another. With
//! batch normalisation the memory is judged by running statistics and the batch by its own; the
//! authors' code judges both by their own ([`EpisodeStatistics::Train`]), and an evaluation then goes by
//! running ones.
//!
//! *Differences.* The authors' code adds a ridge of 1e-3, which leaves .1–.3 % of each violation,
//! and starts on unfilled memory. With a head for each task, inner products run over the trunk and
//! the task's own head, and the heads of old tasks are held; over all weights, as in the authors'
//! code, with [`EpisodeHeads::All`]. One head for all tasks makes no difference.
//!
//! ```
//! let gem = perennial::strategies::Entry::find("gem").ok_or("unknown")?;
//! assert!(gem.create(&serde_json::json!({ "memory": 100, "margin": 0 })).is_ok());
//! assert!(gem.create(&serde_json::json!({ "margin": -0.5 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::episodes::{EpisodeHeads, EpisodeStatistics, Episodes, Past};
use super::{Method, at_least_zero, budget};
use crate::learner::{Context, LearnError};
use crate::parts::memory::{Budget, Memory};
use crate::parts::project::Products;
use crate::parts::qp;
use crate::scenario::Setting;
use crate::strategy::{Batch, Card, ClassHead, Gradient, Isolation, Keeps, Promises, Strategy};
use perennial_nn::loss::Pass;

/// Projects every gradient so that no remembered task loses by it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gem {
    /// Its settings.
    pub settings: GemSettings,
    episodes: Episodes,
}

/// Settings of gradient episodic memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct GemSettings {
    /// The memory of each task.
    pub memory: Budget,
    /// γ ≥ 0.
    pub margin: f64,
    /// Added to the diagonal of GGᵀ, ≥ 0.
    pub ridge: f64,
    /// With a head for each task, whose weights the projection is of.
    pub heads: EpisodeHeads,
    /// By which statistics batch normalisation judges the memory.
    pub statistics: EpisodeStatistics,
}

impl Default for GemSettings {
    fn default() -> Self {
        let (heads, statistics) = (EpisodeHeads::Own, EpisodeStatistics::Running);
        Self { memory: Budget::Samples(256), margin: 0.5, ridge: 0.0, heads, statistics }
    }
}

impl Method for Gem {
    type Settings = GemSettings;
    const NAME: &'static str = "gem";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("memory", "samples of each task, or bytes: 256 or 200kB"),
        ("margin", "γ, at least 0: how much of old gradients every projected step takes along"),
        ("ridge", "added to the diagonal of GGᵀ, at least 0"),
        (
            "heads",
            "with a head a task, the projection is of: own (trunk and the task's head), or all heads",
        ),
        (
            "statistics",
            "batch normalisation judges the memory by: running statistics, or train (its own)",
        ),
    ];

    fn with(settings: GemSettings) -> Result<Self, LearnError> {
        budget::check("gem.memory", settings.memory)?;
        at_least_zero("gem.margin", settings.margin)?;
        at_least_zero("gem.ridge", settings.ridge)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Gem {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Gradient episodic memory",
            paper: "Lopez-Paz & Ranzato, Gradient Episodic Memory for Continual Learning, 2017, \
                    https://arxiv.org/abs/1706.08840",
            does: "Keeps samples of every task and turns each gradient so that, to first order, \
                   the loss on none of them rises. With plain SGD only: momentum, Adam and weight \
                   decay move elsewhere.",
            formula: "min ½‖g − g̃‖² subject to ⟨g̃, g_k⟩ ≥ 0 for k < t",
            keeps: Keeps::SamplesPerTask { most: self.settings.memory },
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it keeps a memory and a constraint for each task"),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.8),
                margin: Some(0.02),
                class_margin: Some(0.5),
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.episodes.memory)
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.episodes.memory.remove(task, id)
    }

    fn figures(&self) -> Value {
        self.episodes.conflicts.figures()
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let Self { settings, episodes } = self;
        episodes.begin_task(Self::NAME, settings.memory, settings.statistics, cx)
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.episodes.remember(batch, cx)?;
        Ok(vec![Episodes::labelled(self.settings.heads, batch, cx)])
    }

    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        let memory = &self.episodes.memory;
        let mut tasks = memory.of_tasks(cx.task);
        tasks.retain(|rows| !rows.is_empty());
        let view = self.view(cx.task, cx.model);
        let GemSettings { margin, ridge, statistics, .. } = self.settings;
        let most = cx.tasks().unwrap_or(tasks.len());
        let past = Past { groups: &tasks, most, statistics };
        self.episodes.project(&view, past, gradient, cx, |products| {
            let Products { mut gram, dots, .. } = products.clone();
            gram.iter_mut().step_by(dots.len() + 1).for_each(|q| *q += ridge);
            qp::solve(&gram, &dots, margin)
        })
    }
}
