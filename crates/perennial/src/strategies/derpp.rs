//! Dark experience replay++ (Buzzega, Boschini, Porrello, Abati & Calderara, *Dark Experience for
//! General Continual Learning: a Strong, Simple Baseline*, NeurIPS 2020,
//! <https://arxiv.org/abs/2004.07211>, algorithm 2).
//!
//! [DER](super::Der) and the labels of a second draw:
//!
//! ```text
//! min_θ mean_B ℓ(f_θ(x), y) + α · mean_M' ‖f_θ(x) − z‖² / outputs + β · mean_M" ℓ(f_θ(x), y)
//! M ← reservoir(M, (x, y, z))      z: logits of the last step of its task that had x in its batch
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | α | [`alpha`](DerppSettings::alpha) |
//! | β | [`beta`](DerppSettings::beta) |
//! | \|M\| | [`memory`](DerppSettings::memory), samples or bytes in all, logits included |
//! | rows of a draw | [`batch`](DerppSettings::batch), as many as the batch has unless it is said |
//! | steps on each B | [`steps`](DerppSettings::steps), each with draws of its own |
//!
//! M' and M" are two independent draws, without replacement. Keeps what [DER](super::Der) keeps. A
//! step costs three passes, of the batch and of each draw, each with its own batch statistics.
//!
//! *Differences.* Those of [DER](super::Der): the mean over rows × outputs, as in the authors' code;
//! a sample is offered in the first pass over its task, and later passes replace its logits.
//!
//! ```
//! let derpp = perennial::strategies::Entry::find("derpp").ok_or("unknown")?;
//! assert!(derpp.create(&serde_json::json!({ "beta": 1.0 })).is_ok());
//! assert!(derpp.create(&serde_json::json!({ "beta": -1 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_zero, budget};
use crate::learner::{Context, LearnError};
use crate::parts::memory::{Budget, Dark, Memory, ReplayBatch};
use crate::scenario::{Part, Setting};
use crate::strategy::{
    Batch, Card, Changed, ClassHead, Isolation, Keeps, Promises, Step, Strategy,
};
use perennial_nn::loss::Pass;

/// Replays stored samples with the logits of their task, and others with their labels.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Derpp {
    /// Its settings.
    pub settings: DerppSettings,
    dark: Dark,
    /// Rows the memory may hold, known once a task began.
    capacity: usize,
}

/// Settings of dark experience replay++.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct DerppSettings {
    /// The memory, in all.
    pub memory: Budget,
    /// α ≥ 0: weight of the stored logits.
    pub alpha: f64,
    /// β ≥ 0: weight of the stored labels.
    pub beta: f64,
    /// Rows of each of the two draws from the memory.
    pub batch: ReplayBatch,
    /// Steps on each batch, at least 1.
    pub steps: usize,
}

impl Default for DerppSettings {
    fn default() -> Self {
        Self {
            memory: Budget::Samples(500),
            alpha: 1.0,
            beta: 0.5,
            batch: ReplayBatch::AsBatch,
            steps: 1,
        }
    }
}

impl Method for Derpp {
    type Settings = DerppSettings;
    const NAME: &'static str = "derpp";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("memory", "samples in all, or bytes with their logits: 500 or 2MB"),
        ("alpha", "weight of the stored logits, at least 0"),
        ("beta", "weight of the stored labels, at least 0"),
        ("batch", "rows of each of the two draws in a step; batch: as many as the batch has"),
        ("steps", "steps on each batch, each with draws of its own"),
    ];

    fn with(settings: DerppSettings) -> Result<Self, LearnError> {
        budget::check("derpp.memory", settings.memory)?;
        at_least_zero("derpp.alpha", settings.alpha)?;
        at_least_zero("derpp.beta", settings.beta)?;
        settings.batch.check(Self::NAME, settings.steps)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Derpp {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Dark experience replay++",
            paper: "Buzzega et al., Dark Experience for General Continual Learning, 2020, \
                    https://arxiv.org/abs/2004.07211",
            does: "Keeps a few samples of the past, with what the network said of them then and \
                   their labels, and trains towards both.",
            formula: "L(θ) + α · mean (f_θ(x) − z)² + β · mean ℓ, two draws from memory",
            keeps: Keeps::Samples { most: self.settings.memory, vectors: 0 },
            isolation: Isolation::Shared,
            class_head: ClassHead::Full,
            needs_borders: None,
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
        Some(self.dark.memory())
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.dark.forget_sample(task, id)
    }

    fn steps_per_batch(&self) -> usize {
        self.settings.steps
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let beside = Dark::row_bytes(cx.model.units());
        self.capacity = budget::capacity("derpp.memory", self.settings.memory, beside, cx)?;
        budget::note_small("derpp.memory", self.capacity, cx);
        let task = (cx.task, cx.samples(cx.task, Part::Train)?.len());
        self.dark.begin_task(task, self.capacity, &mut cx.generator("derpp room"));
        // A head of a task's own competes with no other.
        if cx.setting != Setting::Task {
            self.dark.fill(cx)?;
        }
        Ok(())
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        let (alpha, beta) = (self.settings.alpha as f32, self.settings.beta as f32);
        let wanted = self.settings.batch.rows(batch.len());
        let first = self.dark.draw(wanted, &mut cx.generator("derpp logits"));
        let second = self.dark.draw(wanted, &mut cx.generator("derpp labels"));
        let weight = beta / second.len().max(1) as f32;
        let labels = self.dark.memory().pass(second, weight, |task| cx.model.answer(task));
        Ok(vec![cx.labelled(batch), self.dark.logits_pass(&first, alpha), labels])
    }

    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        let mut generator = cx.generator("derpp memory");
        let (samples, units) = (cx.samples_of(step.batch)?, cx.model.answer(cx.task));
        self.dark.offer(step, units, &samples, self.capacity, &mut generator);
        Ok(Changed::Nothing)
    }

    fn end_task(&mut self, _: &mut Context<'_>) -> Result<(), LearnError> {
        self.dark.end_task();
        Ok(())
    }
}
