//! How gradients become moves: the settings, and moments kept slot by slot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SlotId;
use crate::vector::Vector;

/// How gradients become moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct OptimizerSettings {
    /// Which rule.
    pub kind: OptimizerKind,
    /// SGD: μ in m ← μ m + g, Δ = −lr · m; 0 is plain SGD.
    pub momentum: f32,
    /// Added to the gradient as decay · θ, for SGD and Adam alike.
    pub weight_decay: f32,
    /// Adam: the share of the old in the mean of g.
    pub beta1: f32,
    /// Adam: the share of the old in the mean of g².
    pub beta2: f32,
    /// Adam: what keeps the denominator from 0.
    pub epsilon: f32,
    /// Whether the moments outlive a task.
    pub keep: Keep,
}

/// A rule that turns gradients into moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent, with momentum if wanted.
    Sgd,
    /// Adam (Kingma & Ba 2015, algorithm 1).
    Adam,
}

/// How long moments are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Fresh at the start of every task.
    Task,
    /// Kept for the whole run.
    Run,
}

impl Default for OptimizerSettings {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Sgd,
            momentum: 0.0,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            keep: Keep::Task,
        }
    }
}

/// The moments of one slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    /// Mean of gradients; SGD's momentum.
    first: Vector,
    /// Mean of squared gradients; empty for SGD.
    second: Vector,
    /// Steps taken: Adam's bias correction counts each slot's own.
    age: u64,
}

/// How the weights of a slot move, with their moments.
#[derive(Debug)]
pub(crate) enum Rule<'a> {
    /// Δ = −lr · g
    Sgd,
    /// m ← μ m + g, Δ = −lr · m
    Momentum(&'a mut [f32]),
    /// The means of g and g², and 1 − βᵗ of each.
    Adam { first: &'a mut [f32], second: &'a mut [f32], correct1: f32, correct2: f32 },
}

/// An optimiser's settings and its moments, kept slot by slot and only for slots that move.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// How gradients become moves.
    pub settings: OptimizerSettings,
    moments: BTreeMap<SlotId, Moments>,
}

impl Optimizer {
    /// An optimiser without moments yet.
    pub fn new(settings: OptimizerSettings) -> Self {
        Self { settings, moments: BTreeMap::new() }
    }

    /// Forgets all moments.
    pub fn reset(&mut self) {
        self.moments.clear();
    }

    /// Forgets the moments of slots that no longer move or exist.
    pub fn retain(&mut self, keep: impl Fn(SlotId) -> bool) {
        self.moments.retain(|&slot, _| keep(slot));
    }

    /// Begins a step of a slot of `len` weights: how they move.
    pub(crate) fn begin(&mut self, slot: SlotId, len: usize) -> (&OptimizerSettings, Rule<'_>) {
        let settings = &self.settings;
        let &OptimizerSettings { kind, momentum, beta1, beta2, .. } = settings;
        let adam = kind == OptimizerKind::Adam;
        if !adam && momentum == 0.0 {
            return (settings, Rule::Sgd);
        }
        let Moments { first, second, age } = self.moments.entry(slot).or_default();
        if first.len() != len {
            // A new slot, or another one under the number of one that was taken back.
            *first = Vector::zeros(len);
            *second = Vector::zeros(if adam { len } else { 0 });
            *age = 0;
        }
        *age += 1;
        if !adam {
            return (settings, Rule::Momentum(&mut first[..]));
        }
        // In f64: 1 − β₂ᵗ loses half its digits in f32 at t = 1.
        let age = (*age).min(i32::MAX as u64) as i32;
        let correct = |beta: f32| (1.0 - f64::from(beta).powi(age)) as f32;
        let (correct1, correct2) = (correct(beta1), correct(beta2));
        (settings, Rule::Adam { first, second, correct1, correct2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: one age for all slots, moments kept for slots that no longer move, or for another
    /// slot under the same number.
    #[test]
    fn slots_age_by_themselves() {
        let settings = OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() };
        let mut optimizer = Optimizer::new(settings);
        let first = |optimizer: &mut Optimizer, slot, len| {
            let (_, Rule::Adam { first, correct1, .. }) = optimizer.begin(slot, len) else {
                panic!("the rule is Adam's");
            };
            let before = std::mem::replace(&mut first[0], 7.0);
            (before, (correct1 * 100.0).round()) // 1 − .9ᵗ
        };
        assert_eq!(first(&mut optimizer, SlotId(0), 1), (0.0, 10.0));
        assert_eq!(first(&mut optimizer, SlotId(0), 1), (7.0, 19.0));
        assert_eq!(first(&mut optimizer, SlotId(1), 1), (0.0, 10.0));
        assert_eq!(first(&mut optimizer, SlotId(1), 2), (0.0, 10.0));
        assert_eq!(optimizer.moments.keys().collect::<Vec<_>>(), [&SlotId(0), &SlotId(1)]);
        optimizer.retain(|slot| slot != SlotId(0));
        assert_eq!(optimizer.moments.keys().collect::<Vec<_>>(), [&SlotId(1)]);
    }
}
