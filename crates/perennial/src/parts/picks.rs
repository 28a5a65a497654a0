//! Which older weights a task picks, learnt through real-valued scores.
//!
//! ```text
//! W_eff = W · 1[p > τ],   ∂L/∂p = g ∘ W  (straight through the threshold, g at W_eff),
//! p ← p − lr · Adam(∂L/∂p)
//! ```

use serde::{Deserialize, Serialize};

use crate::layout::{Layout, SlotId};
use crate::vector::{Mask, Vector, wide};

/// τ: a weight is picked while its score is above it.
const THRESHOLD: f32 = 5e-3;
/// Every score starts here: all older weights are picked.
const START: f32 = 0.01;
/// The learning rate of the scores, and the constants of their Adam.
const LR: f64 = 5e-4;
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// The scores of a task's picking with the moments of their Adam.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// p. `[older]`
    scores: Vector,
    /// Mean of ∂p. `[older]`
    first: Vector,
    /// Mean of squared ∂p. `[older]`
    second: Vector,
    steps: u32,
}

impl Scores {
    /// Scores over the first `older` weights of θ, at their start.
    pub fn new(older: usize) -> Self {
        Self {
            scores: vec![START; older].into(),
            first: Vector::zeros(older),
            second: Vector::zeros(older),
            steps: 0,
        }
    }

    /// One step down `gradient` (at the effective weights, over the `active` slots) and what it
    /// makes of `keep`, the weights that are used: of the `older` ones those that are picked, and
    /// all others. Says whether that changed.
    pub fn step(
        &mut self,
        (layout, active): (&Layout, &[SlotId]),
        gradient: &[f32],
        theta: &[f32],
        older: &Mask,
        keep: &mut Mask,
    ) -> bool {
        self.steps += 1;
        let correct = |beta: f32| 1.0 - f64::from(beta).powi(self.steps.min(100_000) as i32);
        // Adam's two corrections as one rate and a scaled ε.
        let root = correct(BETA2).sqrt();
        let (rate, epsilon) = ((LR * root / correct(BETA1)) as f32, EPSILON * root as f32);
        let end = self.scores.len();
        let mut changed = false;
        for &slot in active {
            let range = layout.slot(slot).range();
            if range.end > end {
                continue;
            }
            let (scores, first) = (&mut self.scores[range.clone()], &mut self.first[range.clone()]);
            let second = &mut self.second[range.clone()];
            let (g, w) = (&gradient[range.clone()], &theta[range.clone()]);
            let (older, keep) = (&older.bytes()[range.clone()], &mut keep.bytes_mut()[range]);
            wide(
                #[inline(always)]
                || {
                    let mut differs = 0;
                    let moments = first.iter_mut().zip(second);
                    let weights = g.iter().zip(w);
                    let bytes = keep.iter_mut().zip(older);
                    let all = scores.iter_mut().zip(bytes).zip(moments).zip(weights);
                    for (((p, (keep, older)), (first, second)), (g, w)) in all {
                        let slope = g * w;
                        *first += (1.0 - BETA1) * (slope - *first);
                        *second += (1.0 - BETA2) * (slope * slope - *second);
                        *p -= rate * *first / (second.sqrt() + epsilon);
                        let now = u8::from(*p > THRESHOLD) | (older ^ 1);
                        differs |= now ^ *keep;
                        *keep = now;
                    }
                    changed |= differs != 0;
                },
            );
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Init;

    /// By hand: Adam's first steps are lr · sign(∂p) each while the slope stays, so a weight whose
    /// use raises the loss (g W > 0) is dropped after 11 of them: .01 − 11 · .0005 < .005 (the
    /// tenth lands on τ, to rounding). Catches: the slope of the wrong sign or without W, a
    /// dropped weight that cannot come back, weights beyond the older ones.
    #[test]
    fn a_weight_that_harms_is_dropped_and_may_come_back() {
        let mut layout = Layout::default();
        let slots = [3, 2].map(|len| layout.append(format!("s{len}"), &[len], Init::Constant(0.0)));
        let mut scores = Scores::new(3);
        let mut picked = Mask::filled(3, true);
        let older = Mask::from_bytes(vec![1, 1, 0]);
        let theta = [2.0, -1.0, 5.0, 1.0, 1.0];
        let mut step = |g: [f32; 5], picked: &mut Mask| {
            scores.step((&layout, &slots), &g, &theta, &older, picked)
        };
        let harm = [1.0; 5]; // g W: 2, −1, and 5 of a weight that is the task's own
        let changed: Vec<bool> = (0..11).map(|_| step(harm, &mut picked)).collect();
        assert!(changed[..9].iter().all(|changed| !changed));
        assert!(changed[9] || changed[10]);
        assert_eq!(picked.bytes(), [0, 1, 1]);
        let back = (0..50).any(|_| step([-1.0, 1.0, 0.0, 0.0, 0.0], &mut picked));
        assert!(back);
        assert_eq!(picked.bytes(), [1, 1, 1]);
    }

    /// The fused step against Adam's own formula in f64. Catches: a wrong correction.
    #[test]
    fn the_scores_move_as_adam_says() {
        let mut layout = Layout::default();
        let slot = layout.append("s", &[1], Init::Constant(0.0));
        let mut scores = Scores::new(1);
        let mut picked = Mask::filled(1, true);
        let older = picked.clone();
        let (mut p, mut m, mut v) = (0.01_f64, 0.0, 0.0);
        for step in 1..=20 {
            let g = (f64::from(step) * 1.3).sin();
            let slope = g * 0.5;
            m = 0.9 * m + 0.1 * slope;
            v = 0.999 * v + 0.001 * slope * slope;
            let (m1, v1) = (m / (1.0 - 0.9_f64.powi(step)), v / (1.0 - 0.999_f64.powi(step)));
            p -= 5e-4 * m1 / (v1.sqrt() + 1e-8);
            scores.step((&layout, &[slot]), &[g as f32], &[0.5], &older, &mut picked);
        }
        assert!((f64::from(scores.scores[0]) - p).abs() < 1e-6, "{} {p}", scores.scores[0]);
    }
}
