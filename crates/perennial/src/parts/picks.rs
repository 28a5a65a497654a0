//! Which older weights a task picks, learnt through real-valued scores.
//!
//! ```text
//! W_eff = W · 1[p > τ],   ∂L/∂p = g ∘ W  (straight through the threshold, g at W_eff),
//! p ← p − lr · Adam(∂L/∂p)
//! ```

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::vector::{Mask, Vector, simd_dispatch};
use crate::{Layout, SlotId};

/// τ: a weight is picked while its score is above it.
const THRESHOLD: f32 = 5e-3;
/// Every score starts here: all older weights are picked.
const START: f32 = 0.01;
/// The learning rate of the scores, and the constants of their Adam.
const LR: f64 = 5e-4;
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// How many scores move at a time: as many as the widest registers hold.
const LANES: usize = 16;

/// The scores of a task's picking with the moments of their Adam: of every weight up to the last
/// that may be picked, so that all of them move side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Scores {
    /// Which weights may be picked; the scores of others stay where they start. `[scores]`
    weights: Mask,
    /// p. `[scores]`
    scores: Vector,
    /// Mean of ∂p. `[scores]`
    first: Vector,
    /// Mean of squared ∂p. `[scores]`
    second: Vector,
    steps: u32,
    /// Weights that the last step picked or dropped.
    changed: Vec<u32>,
}

/// Scores of the weights that may be picked, and none of others, of which there may be many more.
#[derive(Serialize, Deserialize)]
struct Saved {
    weights: Mask,
    scores: Vector,
    first: Vector,
    second: Vector,
    steps: u32,
}

impl From<Scores> for Saved {
    fn from(Scores { weights, scores, first, second, steps, .. }: Scores) -> Self {
        let of = |all: Vector| weights.yes().map(|weight| all[weight]).collect::<Vec<_>>().into();
        let [scores, first, second] = [scores, first, second].map(of);
        Self { weights, scores, first, second, steps }
    }
}

impl From<Saved> for Scores {
    fn from(Saved { weights, scores, first, second, steps }: Saved) -> Self {
        let mut whole = Self { steps, ..Self::new(&weights) };
        for (to, from) in
            [(&mut whole.scores, scores), (&mut whole.first, first), (&mut whole.second, second)]
        {
            weights.yes().zip(from.iter()).for_each(|(weight, &number)| to[weight] = number);
        }
        whole
    }
}

impl Scores {
    /// Scores of these weights, at their start.
    pub fn new(weights: &Mask) -> Self {
        let len = weights.yes().last().map_or(0, |last| last + 1);
        Self {
            weights: Mask::from_bytes(weights.bytes()[..len].to_vec()),
            scores: vec![START; len].into(),
            first: Vector::zeros(len),
            second: Vector::zeros(len),
            steps: 0,
            changed: Vec::new(),
        }
    }

    /// One step down `gradient` (at the effective weights, over the `active` slots). Says which
    /// weights it picked that were dropped, or dropped that were picked.
    pub fn step(
        &mut self,
        (layout, active): (&Layout, &[SlotId]),
        gradient: &[f32],
        theta: &[f32],
    ) -> &[u32] {
        self.steps += 1;
        let correct = |beta: f32| 1.0 - f64::from(beta).powi(self.steps.min(100_000) as i32);
        // Adam's two corrections as one rate and a scaled ε.
        let root = correct(BETA2).sqrt();
        let rates = ((LR * root / correct(BETA1)) as f32, EPSILON * root as f32);
        self.changed.clear();
        for &slot in active {
            let range = layout.slot(slot).range();
            let own = range.start..range.end.min(self.weights.len());
            if own.is_empty() {
                continue; // beyond the last that may be picked
            }
            let whole = own.start + own.len() / LANES * LANES;
            simd_dispatch(
                #[inline(always)]
                || {
                    self.step_by::<LANES>(own.start..whole, gradient, theta, rates);
                    self.step_by::<1>(whole..own.end, gradient, theta, rates);
                },
            );
        }
        &self.changed
    }

    /// Moves these scores, N at a time.
    #[inline(always)]
    fn step_by<const N: usize>(
        &mut self,
        own: Range<usize>,
        gradient: &[f32],
        theta: &[f32],
        (rate, epsilon): (f32, f32),
    ) {
        let [g, w] = [gradient, theta].map(|of| of[own.clone()].as_chunks::<N>().0);
        let weights = self.weights.bytes()[own.clone()].as_chunks::<N>().0;
        let all = [&mut self.scores, &mut self.first, &mut self.second];
        let [scores, means, squares] = all.map(|of| of[own.clone()].as_chunks_mut::<N>().0);
        for at in 0..scores.len() {
            // Copies, which no store of another can change.
            let (weights, g, w) = (weights[at], g[at], w[at]);
            let (before, mut m, mut v) = (scores[at], means[at], squares[at]);
            let (mut p, mut flips) = (before, 0);
            for i in 0..N {
                let slope = if weights[i] != 0 { g[i] * w[i] } else { 0.0 };
                m[i] += (1.0 - BETA1) * (slope - m[i]);
                v[i] += (1.0 - BETA2) * (slope * slope - v[i]);
                p[i] -= rate * m[i] / (v[i].sqrt() + epsilon);
                flips |= u32::from(flips_pick(before[i], p[i]));
            }
            (scores[at], means[at], squares[at]) = (p, m, v);
            if flips != 0 {
                let first = own.start + at * N;
                let flipped = (0..N).filter(|&i| flips_pick(before[i], p[i]));
                self.changed.extend(flipped.map(|i| (first + i) as u32));
            }
        }
    }
}

/// Whether a score's move picks its weight or drops it.
#[inline(always)]
fn flips_pick(before: f32, after: f32) -> bool {
    (before > THRESHOLD) != (after > THRESHOLD)
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
        // The last is another slot's: this step is not about it.
        let mut scores = Scores::new(&Mask::from_bytes(vec![0, 1, 1, 0, 1]));
        let theta = [5.0, 2.0, -1.0, 1.0, 1.0];
        let mut step = |g: [f32; 5]| scores.step((&layout, &slots[..1]), &g, &theta).to_vec();
        let harm = [1.0; 5]; // g W: 2 and −1, and 5 of a weight that is the task's own
        let changed: Vec<_> = (0..11).map(|_| step(harm)).collect();
        assert!(changed[..9].iter().all(Vec::is_empty));
        assert_eq!(changed[9..].concat(), [1]);
        let back: Vec<_> = (0..50).flat_map(|_| step([0.0, -1.0, 1.0, 0.0, -1.0])).collect();
        assert_eq!(back, [1]);
    }

    /// The fused step against Adam's own formula in f64. Catches: a wrong correction.
    #[test]
    fn the_scores_move_as_adam_says() {
        let mut layout = Layout::default();
        let slot = layout.append("s", &[1], Init::Constant(0.0));
        let mut scores = Scores::new(&Mask::filled(1, true));
        let (mut p, mut m, mut v) = (0.01_f64, 0.0, 0.0);
        for step in 1..=20 {
            let g = (f64::from(step) * 1.3).sin();
            let slope = g * 0.5;
            m = 0.9 * m + 0.1 * slope;
            v = 0.999 * v + 0.001 * slope * slope;
            let (m1, v1) = (m / (1.0 - 0.9_f64.powi(step)), v / (1.0 - 0.999_f64.powi(step)));
            p -= 5e-4 * m1 / (v1.sqrt() + 1e-8);
            scores.step((&layout, &[slot]), &[g as f32], &[0.5]);
        }
        assert!((f64::from(scores.scores[0]) - p).abs() < 1e-6, "{} {p}", scores.scores[0]);
    }

    /// Many scores at once move as each would alone. Catches: lanes mixed up, a last group
    /// that is not full, a slot's weights at another's, a score that moves and may not be picked.
    #[test]
    fn scores_do_not_depend_on_their_neighbours() {
        const END: usize = 199;
        let mut layout = Layout::default();
        let slots =
            [90, END - 90].map(|len| layout.append(format!("s{len}"), &[len], Init::Constant(0.0)));
        let value = |i: usize, by: f32| (i as f32 * by).sin();
        let theta: Vec<f32> = (0..END).map(|i| value(i, 0.7)).collect();
        let run = |of: &dyn Fn(usize) -> bool| {
            let mut scores =
                Scores::new(&Mask::from_bytes((0..END).map(|i| u8::from(of(i))).collect()));
            let mut changed = Vec::new();
            for step in 0..30 {
                let g: Vec<f32> = (0..END).map(|i| value(i + step, 1.3) + value(i, 0.3)).collect();
                changed.extend_from_slice(scores.step((&layout, &slots), &g, &theta));
            }
            changed.sort_unstable();
            (scores.scores, changed)
        };
        let may = |i: usize| i % 7 != 3;
        let (together, changed) = run(&may);
        assert!(changed.len() > 20, "{changed:?}");
        assert!((0..END).all(|i| may(i) || together[i] == START));
        for at in [0, 15, 16, 79, 88, 90, 105, 106, 197, END - 1] {
            let (alone, of_it) = run(&|i| i == at);
            let changed = changed.iter().filter(|&&weight| weight as usize == at);
            assert!(may(at) && alone[at] == together[at] && changed.eq(&of_it), "{at}");
        }
    }

    /// Catches: a score, a moment or a weight lost at a save.
    #[test]
    fn saved_with_their_weights() {
        let mut layout = Layout::default();
        let slot = layout.append("s", &[9], Init::Constant(0.0));
        let mut scores = Scores::new(&Mask::from_bytes(vec![0, 1, 0, 0, 1, 0, 0, 0, 1]));
        let _ = scores.step((&layout, &[slot]), &[0.5; 9], &[1.0; 9]);
        let state = crate::state::to_state(&scores).unwrap();
        assert_eq!(crate::state::from_state::<Scores>(&state).unwrap(), scores);
        let bytes: usize = state.tensors.values().map(|tensor| tensor.bytes.len()).sum();
        assert_eq!(bytes, 2 + 3 * 3 * 4);
    }
}
