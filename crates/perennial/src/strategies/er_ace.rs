//! Experience replay with asymmetric cross-entropy (Caccia, Aljundi, Asadi, Tuytelaars, Pineau &
//! Belilovsky, *New Insights on Reducing Abrupt Representation Change in Online Continual Learning*,
//! ICLR 2022, <https://arxiv.org/abs/2104.05025>).
//!
//! New samples do not push old classes down: they compete among the classes of their batch alone.
//! Replayed samples compete among all classes so far:
//!
//! ```text
//! min_θ mean_B ℓ(f_θ(x), y; C_B) + mean_M ℓ(f_θ(x), y; C_seen)
//! ℓ(z, y; C) = −log exp(z_y) / Σ_{c ∈ C} exp(z_c)
//! C_B the classes in the batch, C_seen those in all batches so far; B_M ⊂ M, without replacement
//! M ← reservoir(M, B)
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | \|M\| | [`memory`](ErAceSettings::memory), samples or bytes in all |
//! | \|B_M\| | [`batch`](ErAceSettings::batch), as many as the batch has unless it is said |
//! | steps on each B | [`steps`](ErAceSettings::steps), each with a draw of its own |
//! | C_B and C_seen, or more units | [`variant`](ErAceSettings::variant) |
//!
//! The two means add up: they are not averaged. The first task has no older class and is plain
//! fine-tuning; without borders between tasks there is no first one, and samples are replayed from the
//! second step on. A batch of one class has nothing to compete with, so its first term is 0. Keeps the
//! memory and, while a task is learnt, a bit for each of its training rows: whether it was offered. A
//! step costs two passes, of the batch and of the draw, each with its own batch statistics.
//!
//! *Differences.* With a head a task, a sample competes among the classes of its own head. With one
//! that has all classes from the start, those that no batch had yet take no part
//! ([`ErAceVariant::Paper`]); in Mammoth's code they do ([`ErAceVariant::Mammoth`]).
//!
//! ```
//! let er_ace = perennial::strategies::Entry::find("er-ace").ok_or("unknown")?;
//! assert!(er_ace.create(&serde_json::json!({ "memory": 200, "variant": "mammoth" })).is_ok());
//! assert!(er_ace.create(&serde_json::json!({ "memory": 0 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, budget};
use crate::learner::{Context, LearnError};
use crate::parts::memory::{Budget, Memory, Offer, Policy, Replay, ReplayBatch, distinct};
use crate::scenario::{Part, Setting};
use crate::strategy::{
    Batch, Card, Changed, ClassHead, Isolation, Keeps, Promises, Step, Strategy,
};
use perennial_nn::loss::{Pass, Target};

/// Replays stored samples; new ones compete among the classes of their batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ErAce {
    /// Its settings.
    pub settings: ErAceSettings,
    replay: Replay,
    /// Rows the memory may hold, known once a task began.
    capacity: usize,
    /// C_seen, as output units.
    seen: BTreeSet<u32>,
}

/// Settings of experience replay with asymmetric cross-entropy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ErAceSettings {
    /// The memory, in all.
    pub memory: Budget,
    /// Rows drawn from the memory in each step.
    pub batch: ReplayBatch,
    /// Steps on each batch, at least 1.
    pub steps: usize,
    /// Which units compete beside C_B and C_seen.
    pub variant: ErAceVariant,
}

/// Which units compete beside the classes of the batch, or of all batches so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErAceVariant {
    /// None.
    #[default]
    Paper,
    /// Mammoth's code, which has all units from the start (`--head full`): with new samples the unit of
    /// the newest class so far and those after it, as long as there are any; with replayed ones all.
    Mammoth,
}

impl Default for ErAceSettings {
    fn default() -> Self {
        Self {
            memory: Budget::Samples(500),
            batch: ReplayBatch::AsBatch,
            steps: 1,
            variant: ErAceVariant::Paper,
        }
    }
}

impl Method for ErAce {
    type Settings = ErAceSettings;
    const NAME: &'static str = "er-ace";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("memory", "samples in all, or bytes: 500 or 2MB"),
        ("batch", "rows drawn from the memory in a step; batch: as many as the batch has"),
        ("steps", "steps on each batch, each with a draw of its own"),
        ("variant", "classes that no batch had yet: paper (take no part), or mammoth (do)"),
    ];

    fn with(settings: ErAceSettings) -> Result<Self, LearnError> {
        budget::check("er-ace.memory", settings.memory)?;
        settings.batch.check(Self::NAME, settings.steps)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl ErAce {
    /// The units of `active` among which new samples of these classes compete.
    fn open_to_new(&self, active: &Range<usize>, present: &BTreeSet<u32>) -> Vec<u32> {
        let newest = match self.settings.variant {
            ErAceVariant::Paper => None,
            // Once the last class was seen, nothing more is open.
            ErAceVariant::Mammoth => {
                self.seen.last().copied().filter(|&newest| (newest as usize) + 1 < active.end)
            }
        };
        let units = active.start as u32..active.end as u32;
        let is_open = |unit: &u32| present.contains(unit) || newest.is_some_and(|it| *unit >= it);
        units.filter(is_open).collect()
    }

    /// The units of `active` among which replayed samples compete.
    fn open_to_replayed(&self, active: &Range<usize>) -> Vec<u32> {
        let units = active.start as u32..active.end as u32;
        let all = self.settings.variant == ErAceVariant::Mammoth;
        units.filter(|unit| all || self.seen.contains(unit)).collect()
    }
}

impl Strategy for ErAce {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Experience replay with asymmetric cross-entropy",
            paper: "Caccia et al., New Insights on Reducing Abrupt Representation Change in Online \
                    Continual Learning, 2022, https://arxiv.org/abs/2104.05025",
            does: "Keeps a few samples of the past. New samples compete among the classes of their \
                   batch alone, so they do not push older classes down.",
            formula: "mean ℓ of the batch among its own classes + mean ℓ of draws from memory \
                      among all classes so far",
            keeps: Keeps::Samples { most: self.settings.memory, vectors: 0 },
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: None,
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
        Some(&self.replay.memory)
    }

    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.replay.memory.remove(task, id)
    }

    fn steps_per_batch(&self) -> usize {
        self.settings.steps
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.capacity = budget::capacity("er-ace.memory", self.settings.memory, 0, cx)?;
        budget::note_small("er-ace.memory", self.capacity, cx);
        let mut generator = cx.generator("er-ace room");
        let task = (cx.task, cx.samples(cx.task, Part::Train)?.len());
        self.replay.begin_task(Policy::Reservoir, task, self.capacity, &mut generator);
        Ok(())
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.seen.extend(&batch.units);
        let mut new = cx.labelled(batch);
        if cx.task == 0 && !cx.training.is_borderless() {
            return Ok(vec![new]);
        }
        let present: BTreeSet<u32> = batch.units.iter().copied().collect();
        compete(&mut new, |active| self.open_to_new(active, &present));
        let memory = &self.replay.memory;
        let wanted = self.settings.batch.rows(batch.len());
        let drawn = distinct(memory.len(), wanted, &mut cx.generator("er-ace replay"));
        let weight = 1.0 / drawn.len().max(1) as f32;
        let mut replayed = memory.pass(drawn, weight, |task| cx.model.answer(task));
        compete(&mut replayed, |active| self.open_to_replayed(active));
        Ok(vec![new, replayed])
    }

    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        let (batch, samples) = (step.batch, cx.samples_of(step.batch)?);
        let offer = Offer { batch, samples: &samples, features: &[], capacity: self.capacity };
        let mut generator = cx.generator("er-ace memory");
        self.replay.offer(Policy::Reservoir, &offer, &mut generator, |_, _| {});
        Ok(Changed::Nothing)
    }

    fn end_task(&mut self, _: &mut Context<'_>) -> Result<(), LearnError> {
        self.replay.end_task();
        Ok(())
    }
}

/// Lets the labels of a pass compete among those units that `open` says of a term's.
fn compete(pass: &mut Pass, open: impl Fn(&Range<usize>) -> Vec<u32>) {
    for term in &mut pass.terms {
        if let Target::Labels(labels) = &mut term.target {
            let labels = std::mem::take(labels);
            term.target = Target::LabelsAmong { labels, units: open(&term.active) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight units of which 0 to 5 were in batches; a batch of classes 2 and 5. Catches: all seen units
    /// open to new samples, units after the newest that stay closed in Mammoth's variant, the newest
    /// that stays open when there is none after it.
    #[test]
    fn which_units_compete() {
        let of = |variant| ErAce {
            settings: ErAceSettings { variant, ..ErAceSettings::default() },
            seen: (0..6).collect(),
            ..ErAce::default()
        };
        let present = BTreeSet::from([2, 5]);
        let paper = of(ErAceVariant::Paper);
        assert_eq!(paper.open_to_new(&(0..8), &present), [2, 5]);
        assert_eq!(paper.open_to_replayed(&(0..8)), [0, 1, 2, 3, 4, 5]);
        assert_eq!(paper.open_to_replayed(&(4..8)), [4, 5]); // a head of a task's own
        let mammoth = of(ErAceVariant::Mammoth);
        assert_eq!(mammoth.open_to_new(&(0..8), &present), [2, 5, 6, 7]);
        assert_eq!(mammoth.open_to_new(&(0..8), &BTreeSet::from([1])), [1, 5, 6, 7]);
        assert_eq!(mammoth.open_to_new(&(0..6), &present), [2, 5]);
        assert_eq!(mammoth.open_to_replayed(&(0..8)), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
