//! Gradient steps over the active slots of θ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::layout::SlotId;
use crate::vector::{Vector, wide};

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

/// What a stretch of weights goes by.
#[derive(Clone, Copy, Debug)]
pub struct Descent<'a> {
    /// Of the weights.
    pub gradient: &'a [f32],
    /// Learning rate.
    pub lr: f32,
    /// Of the weights, as far as it goes: what is not 0 does not move.
    pub frozen: &'a [u8],
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

    /// Begins a step of a slot of `len` weights.
    pub fn begin(&mut self, slot: SlotId, len: usize) -> SlotStep<'_> {
        let settings = &self.settings;
        let adam = settings.kind == OptimizerKind::Adam;
        if !adam && settings.momentum == 0.0 {
            return SlotStep { settings, moments: None };
        }
        let moments = self.moments.entry(slot).or_default();
        if moments.first.len() != len {
            // A new slot, or another one under the number of one that was taken back.
            moments.first = Vector::zeros(len);
            moments.second = Vector::zeros(if adam { len } else { 0 });
            moments.age = 0;
        }
        moments.age += 1;
        SlotStep { settings, moments: Some(moments) }
    }
}

/// A step of one slot that has begun.
#[derive(Debug)]
pub struct SlotStep<'a> {
    settings: &'a OptimizerSettings,
    /// Of the slot; `None` where the rule needs none.
    moments: Option<&'a mut Moments>,
}

impl SlotStep<'_> {
    /// Moves the weights of the slot from its `first` on and, with `moved`, writes Δ. A frozen
    /// weight does not move by a bit and has no moments, whatever momentum and decay would do.
    ///
    /// Says whether every Δ was a finite number; if not, θ and moments are spoilt.
    ///
    /// # Panics
    ///
    /// When there are not as many gradients as weights, or the slot ends before them.
    #[must_use]
    pub fn take(
        &mut self,
        first: usize,
        theta: &mut [f32],
        descent: &Descent<'_>,
        moved: Option<&mut [f32]>,
    ) -> bool {
        wide(
            #[inline(always)]
            || self.rule(first, theta, descent, moved),
        )
    }

    #[inline(always)]
    fn rule(
        &mut self,
        first: usize,
        theta: &mut [f32],
        &Descent { gradient: g, lr, frozen }: &Descent<'_>,
        moved: Option<&mut [f32]>,
    ) -> bool {
        let &OptimizerSettings { momentum, weight_decay, beta1, beta2, epsilon, .. } =
            self.settings;
        assert_eq!(g.len(), theta.len()); // once, not at every index
        let Some(moments) = &mut self.moments else {
            return apply(theta, frozen, moved, |i, theta| -lr * (g[i] + weight_decay * theta));
        };
        let adam = self.settings.kind == OptimizerKind::Adam;
        let age = moments.age.min(i32::MAX as u64) as i32;
        let first_moment = &mut moments.first[first..][..g.len()];
        let second = match adam {
            true => &mut moments.second[first..][..g.len()],
            false => &mut [],
        };
        let finite = if adam {
            // In f64: 1 − β₂ᵗ loses half its digits in f32 at t = 1.
            let correct1 = (1.0 - f64::from(beta1).powi(age)) as f32;
            let correct2 = (1.0 - f64::from(beta2).powi(age)) as f32;
            apply(theta, frozen, moved, |i, theta| {
                let g = g[i] + weight_decay * theta;
                first_moment[i] += (1.0 - beta1) * (g - first_moment[i]);
                second[i] += (1.0 - beta2) * (g * g - second[i]);
                -lr * (first_moment[i] / correct1) / ((second[i] / correct2).sqrt() + epsilon)
            })
        } else {
            apply(theta, frozen, moved, |i, theta| {
                first_moment[i] = momentum * first_moment[i] + g[i] + weight_decay * theta;
                -lr * first_moment[i]
            })
        };
        for moments in [first_moment, second] {
            for (moment, &frozen) in moments.iter_mut().zip(frozen) {
                *moment = if frozen == 0 { *moment } else { 0.0 };
            }
        }
        finite
    }
}

/// θ ← θ + Δ where Δ = `rule(index, θ)`, 0 where frozen. A frozen weight is left alone, not
/// moved by 0: −0 + 0 would be another bit pattern. Says whether every Δ was finite: asked here,
/// where each is in a register.
#[inline(always)]
fn apply(
    theta: &mut [f32],
    frozen: &[u8],
    moved: Option<&mut [f32]>,
    mut rule: impl FnMut(usize, f32) -> f32,
) -> bool {
    let mut finite = true;
    // No branch in the loops, so that they are as wide as the machine.
    let mut step = |i: usize, theta: &mut f32, frozen: u8| {
        let delta = rule(i, *theta);
        finite &= delta.is_finite();
        let (end, delta) = if frozen == 0 { (*theta + delta, delta) } else { (*theta, 0.0) };
        *theta = end;
        delta
    };
    let padded: Vec<u8>;
    let frozen = match frozen.len() {
        0 => frozen,
        known if known == theta.len() => frozen,
        known => {
            // Weights beyond the mask's end are free.
            padded = [frozen, &vec![0; theta.len() - known]].concat();
            &padded
        }
    };
    let theta = theta.iter_mut().enumerate();
    match (moved, frozen.is_empty()) {
        (None, true) => theta.for_each(|(i, theta)| {
            step(i, theta, 0);
        }),
        (None, false) => theta.zip(frozen).for_each(|((i, theta), &frozen)| {
            step(i, theta, frozen);
        }),
        (Some(moved), true) => {
            theta.zip(moved).for_each(|((i, theta), moved)| *moved = step(i, theta, 0));
        }
        (Some(moved), false) => {
            let all = theta.zip(frozen).zip(moved);
            all.for_each(|(((i, theta), &frozen), moved)| *moved = step(i, theta, frozen));
        }
    }
    finite
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: SlotId = SlotId(0);

    fn steps(settings: OptimizerSettings, gradients: &[f32], frozen: &[u8]) -> Vec<f32> {
        let mut optimizer = Optimizer::new(settings);
        let mut theta = [1.0];
        gradients
            .iter()
            .map(|&g| {
                let descent = Descent { gradient: &[g], lr: 0.1, frozen };
                assert!(optimizer.begin(SLOT, 1).take(0, &mut theta, &descent, None));
                theta[0]
            })
            .collect()
    }

    /// By hand, lr .1, from θ = 1, gradients 2 and 1.
    #[test]
    fn the_rules_by_hand() {
        let sgd = OptimizerSettings::default();
        assert_eq!(steps(sgd.clone(), &[2.0, 1.0], &[]), [0.8, 0.7]);
        // m: 2, then .9·2 + 1 = 2.8.
        let momentum = OptimizerSettings { momentum: 0.9, ..sgd.clone() };
        let out = steps(momentum, &[2.0, 1.0], &[]);
        assert!((out[0] - 0.8).abs() < 1e-6 && (out[1] - 0.52).abs() < 1e-6, "{out:?}");
        // g + ½θ: 2.5, then 1 + ½ · .75 = 1.375.
        let decay = OptimizerSettings { weight_decay: 0.5, ..sgd };
        let out = steps(decay, &[2.0, 1.0], &[]);
        assert!((out[0] - 0.75).abs() < 1e-6 && (out[1] - 0.6125).abs() < 1e-6, "{out:?}");
        // Adam's first step is lr · sign(g); then m̂ = (.9·.2 + .1)/(1 − .81) = 1.473684,
        // v̂ = (.999·.004 + .001)/(1 − .998001) = 2.499250, Δ = −.1 · .932179.
        let adam = OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() };
        let out = steps(adam, &[2.0, 1.0], &[]);
        assert!((out[0] - 0.9).abs() < 1e-6 && (out[1] - 0.806_782).abs() < 1e-5, "{out:?}");
    }

    /// Catches: masking the gradient only, before momentum and decay.
    #[test]
    fn a_frozen_weight_does_not_move_by_a_bit() {
        for kind in [OptimizerKind::Sgd, OptimizerKind::Adam] {
            let settings = OptimizerSettings {
                kind,
                momentum: 0.9,
                weight_decay: 0.1,
                ..OptimizerSettings::default()
            };
            assert_eq!(steps(settings, &[2.0, -1.0, 0.0], &[1]), [1.0; 3]);
        }
    }

    /// Catches: a rule whose moves are not looked at, a look at the first or last weight only.
    #[test]
    fn a_move_that_is_no_number_is_told() {
        for (kind, momentum) in
            [(OptimizerKind::Sgd, 0.0), (OptimizerKind::Sgd, 0.9), (OptimizerKind::Adam, 0.0)]
        {
            for bad in [f32::NAN, f32::INFINITY] {
                for frozen in [&[][..], &[0; 3]] {
                    let settings = OptimizerSettings { kind, momentum, ..Default::default() };
                    let mut optimizer = Optimizer::new(settings);
                    let descent = Descent { gradient: &[0.0, bad, 1.0], lr: 0.1, frozen };
                    assert!(!optimizer.begin(SLOT, 3).take(0, &mut [0.0; 3], &descent, None));
                }
            }
        }
    }

    /// Catches: moments of another stretch, an age that every stretch adds to, a mask that ends
    /// before the weights and holds what is beyond it.
    #[test]
    fn a_slot_in_stretches_moves_as_it_does_whole() {
        for (kind, momentum) in
            [(OptimizerKind::Sgd, 0.0), (OptimizerKind::Sgd, 0.9), (OptimizerKind::Adam, 0.0)]
        {
            let moved = |stretches: &[usize]| {
                let settings = OptimizerSettings { kind, momentum, ..Default::default() };
                let mut optimizer = Optimizer::new(settings);
                let (mut theta, mut deltas) = ([1.0, -2.0, 0.5], [0.0; 3]);
                for g in [[1.0, 0.5, -1.0], [0.0, 2.0, 1.0]] {
                    let mut step = optimizer.begin(SLOT, 3);
                    for ends in stretches.windows(2) {
                        let at = ends[0]..ends[1];
                        let frozen = &[1, 0][at.start.min(2)..at.end.min(2)];
                        let descent = Descent { gradient: &g[at.clone()], lr: 0.1, frozen };
                        let moved = Some(&mut deltas[at.clone()]);
                        assert!(step.take(at.start, &mut theta[at], &descent, moved));
                    }
                }
                (theta, deltas, optimizer)
            };
            let whole = moved(&[0, 3]);
            assert_eq!((whole.0[0], whole.1[0]), (1.0, 0.0));
            assert!(whole.1[1] != 0.0 && whole.1[2] != 0.0);
            assert_eq!(moved(&[0, 1, 3]), whole);
            assert_eq!(moved(&[0, 2, 3]), whole);
        }
    }

    /// Catches: one age for all slots, moments kept for slots that no longer move.
    #[test]
    fn slots_age_by_themselves() {
        let settings = OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() };
        let mut optimizer = Optimizer::new(settings);
        let descent = Descent { gradient: &[1.0], lr: 0.1, frozen: &[] };
        for slot in [SLOT, SLOT, SlotId(1)] {
            let (mut theta, mut moved) = ([1.0], [0.0]);
            assert!(optimizer.begin(slot, 1).take(0, &mut theta, &descent, Some(&mut moved)));
            // Of equal gradients each of Adam's moves is lr, if the age is the slot's own.
            assert!((moved[0] + 0.1).abs() < 1e-6);
        }
        assert_eq!(optimizer.moments.keys().collect::<Vec<_>>(), [&SLOT, &SlotId(1)]);
        optimizer.retain(|slot| slot != SLOT);
        assert_eq!(optimizer.moments.keys().collect::<Vec<_>>(), [&SlotId(1)]);
    }
}
