//! PackNet: every task prunes what it took of one network, and the next takes what was freed.
//!
//! Mallya & Lazebnik, *PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning*,
//! 2018, <https://arxiv.org/abs/1711.05769>.
//!
//! ```text
//! for each task t:
//!     train     min L_t over the free weights, with those of tasks 1 … t−1 held
//!     prune     of each layer's weights of task t, free the share f_t of least |w|: they become 0
//!     retrain   min L_t over the weights left to t;  they are t's for good
//! task k is answered with the weights of tasks 1 … k
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | f_t | `prune` |
//! | part of a task's steps that retrains | `retrain` |
//! | biases and normalisation | `biases` |
//!
//! Keeps an owner a weight: ⌈log₂(tasks + 1)⌉ bits. A step costs what it costs on the same
//! network without: free weights are 0 where they were pruned, so training multiplies by no mask;
//! only the update looks at a byte a weight.
//!
//! # Differences
//!
//! The paper's fractions (half of the first task's weights, then three quarters, none of the last)
//! are `prune = paper`; `equal` gives every task the same number of weights where their number is
//! known, and three quarters where it is not. Train and retrain together are as long as another
//! method's training. The paper trains biases on the first task only and uses its statistics for
//! good: `biases = first`. Held weights have no momentum and no decay here; masking gradients
//! alone, as most code does, lets both move them.
//!
//! ```
//! use perennial::strategies::Entry;
//! let packnet = Entry::find("packnet").unwrap();
//! assert!(packnet.create(&serde_json::json!({"prune": [0.5, 0.75]})).is_ok());
//! assert!(packnet.create(&serde_json::json!({"prune": 1})).is_err());
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ISOLATED, Method, refused};
use crate::SlotId;
use crate::engine::Frozen;
use crate::learner::{Context, LearnError};
use crate::model::{Model, Statistics, View};
use crate::parts::owners::Owners;
use crate::parts::prune::Prune;
use crate::parts::shares::{Shares, layers};
use crate::strategy::{Card, ClassHead, Isolation, Keeps, Outcome, Phase, Strategy};

/// PackNet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Packnet {
    /// Its settings.
    pub settings: PacknetSettings,
    /// Whose each weight is. `[θ]`
    owners: Owners,
    /// Where the current task stands.
    stage: Stage,
    shares: Shares,
}

/// Settings of PackNet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PacknetSettings {
    /// f_t, which share of a task's weights is freed again.
    pub prune: Prune,
    /// Which part of a task's steps is retraining, 0 to below 1.
    pub retrain: f64,
    /// What of biases, normalisation and statistics a task has of its own.
    pub biases: Biases,
}

/// Whose biases and normalisation a task uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Biases {
    /// Its own, which begin as those of the task before.
    #[default]
    Task,
    /// Those of the first task, as in the paper.
    First,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stage {
    /// No task is being learnt.
    #[default]
    Between,
    /// The free weights train.
    Train,
    /// What was pruned rests, what was not trains.
    Retrain,
}

impl Default for PacknetSettings {
    fn default() -> Self {
        Self { prune: Prune::Equal, retrain: 0.3, biases: Biases::Task }
    }
}

impl Method for Packnet {
    type Settings = PacknetSettings;
    const NAME: &'static str = "packnet";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        (
            "prune",
            "share of its weights that a task frees again: equal (all tasks get as many), paper \
             (half, then three quarters, none of the last), a number, or one a task: 0.5,0.75",
        ),
        ("retrain", "part of a task's steps that retrains after pruning; 0 to below 1"),
        ("biases", "biases and normalisation: of each task, or of the first alone"),
    ];

    fn with(settings: PacknetSettings) -> Result<Self, LearnError> {
        settings.prune.check("packnet.prune")?;
        if !(0.0..1.0).contains(&settings.retrain) {
            let expected = "it must be at least 0 and below 1";
            return Err(refused("packnet.retrain", &settings.retrain, expected));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Packnet {
    /// The column that answers a task.
    fn column(&self, task: usize) -> usize {
        if self.settings.biases == Biases::Task { task } else { 0 }
    }
}

impl Strategy for Packnet {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "PackNet",
            paper: "Mallya & Lazebnik, PackNet: Adding Multiple Tasks to a Single Network by \
                    Iterative Pruning, 2018, https://arxiv.org/abs/1711.05769",
            does: "Learns each task with the weights that are free, then frees those it needs \
                   least for the tasks to come and holds the others for good. The task must be \
                   named to answer.",
            formula: "min_w L_t(θ) over free w; free the smallest |w|; retrain the rest",
            keeps: Keeps::Owners { picks: false, working: 0 },
            isolation: Isolation::Head,
            class_head: ClassHead::Grow,
            needs_borders: Some("it prunes the network when a task ends"),
            validation: false,
            promises: ISOLATED,
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn figures(&self) -> Value {
        json!({ "owners": self.shares.figures() })
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let task = cx.task;
        let free = if task == 0 { 1.0 } else { self.free_share(cx.model) };
        self.settings.prune.check_room(Self::NAME, task, cx.tasks(), free)?;
        let network = cx.network().clone();
        if task > 0 && self.settings.biases == Biases::Task {
            cx.append_column_over(network.as_ref(), task - 1);
        }
        cx.append_head(network.features());
        self.owners.extend(cx.model.theta.len(), task);
        if task == 0 {
            for layer in layers(cx.model, &cx.model.columns[0]) {
                layer.weights.into_iter().for_each(|weights| self.owners.free(weights));
            }
        }
        self.stage = Stage::Train;
        Ok(())
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let freed = self.settings.prune.fraction(cx.task, cx.tasks());
        let retrain = if freed > 0.0 { self.settings.retrain } else { 0.0 };
        if last.is_none() {
            return Ok(Some(Phase { share: 1.0 - retrain, ..Phase::default() }));
        }
        if self.stage == Stage::Retrain {
            return Ok(None);
        }
        self.owners.claim(cx.task);
        for layer in layers(cx.model, &cx.model.columns[self.column(cx.task)]) {
            let own = self.owners.count(&layer.weights, Some(cx.task));
            let count = (freed * own as f64).round_ties_even() as usize;
            self.owners.release_smallest(&mut cx.model.theta, &layer.weights, cx.task, count);
        }
        self.stage = Stage::Retrain;
        let phase = Phase { name: "retrain".into(), share: retrain, ..Phase::default() };
        Ok((retrain > 0.0).then_some(phase))
    }

    fn frozen(&self, task: usize, model: &Model) -> Frozen {
        let mut frozen = Frozen::default();
        if task > 0 && self.settings.biases == Biases::First {
            let column = model.columns[0].parameters.iter().flat_map(|grid| &grid.blocks);
            let bias = |slot: &SlotId| model.layout.slot(*slot).shape.len() == 1;
            frozen.slots = column.copied().filter(bias).collect();
        }
        let pruned = self.stage == Stage::Retrain;
        if task > 0 || pruned {
            frozen.mask = Some(Arc::new(self.owners.held(task, pruned)));
        }
        frozen
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let layers = layers(cx.model, &cx.model.columns[self.column(cx.task)]);
        self.shares.note(&layers, &self.owners, cx.task);
        self.stage = Stage::Between;
        Ok(())
    }

    fn view(&self, task: usize, model: &Model) -> View {
        // While a task trains it uses all weights there are: what is free of older ones is 0.
        let trains = self.stage != Stage::Between && task + 1 == model.outputs.len();
        let fixed = task > 0 && self.settings.biases == Biases::First;
        View {
            column: model.columns[self.column(task)].clone(),
            heads: vec![task],
            statistics: if fixed { Statistics::Fixed } else { Statistics::Learn },
            keep: (!trains).then(|| Arc::new(self.owners.up_to(task))),
            ..model.shared_view(task)
        }
    }
}

impl Packnet {
    /// Which share of the weights is free.
    fn free_share(&self, model: &Model) -> f64 {
        let layers = layers(model, &model.columns[0]);
        let all: usize = layers.iter().map(crate::parts::shares::Layer::len).sum();
        let free: usize = layers.iter().map(|layer| self.owners.count(&layer.weights, None)).sum();
        free as f64 / all as f64
    }
}
