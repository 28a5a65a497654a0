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

/// How many scores move at a time.
const LANES: usize = 64;

/// The scores of a task's picking with the moments of their Adam: one for each weight that may be
/// picked, and none for others, of which there may be many more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Scores {
    /// The weights that have one, ascending. `[scores]`
    weights: Vec<u32>,
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

/// Scores with their weights as a mask: a bit for each weight of a prefix of θ.
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
        let mut mask = Mask::filled(weights.last().map_or(0, |&last| last as usize + 1), false);
        weights.into_iter().for_each(|weight| mask.set(weight as usize, true));
        Self { weights: mask, scores, first, second, steps }
    }
}

impl From<Saved> for Scores {
    fn from(Saved { weights, scores, first, second, steps }: Saved) -> Self {
        let weights = weights.yes().map(|weight| weight as u32).collect();
        Self { weights, scores, first, second, steps, changed: Vec::new() }
    }
}

impl Scores {
    /// Scores of these weights, at their start.
    pub fn new(weights: &Mask) -> Self {
        let weights: Vec<u32> = weights.yes().map(|weight| weight as u32).collect();
        let len = weights.len();
        Self {
            weights,
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
        let (rate, epsilon) = ((LR * root / correct(BETA1)) as f32, EPSILON * root as f32);
        self.changed.clear();
        for &slot in active {
            let range = layout.slot(slot).range();
            let before = |end: usize| self.weights.partition_point(|&w| (w as usize) < end);
            let own = before(range.start)..before(range.end);
            let weights = self.weights[own.clone()].chunks(LANES);
            let (g, w) = (&gradient[range.clone()], &theta[range.clone()]);
            let scores = self.scores[own.clone()].chunks_mut(LANES);
            let first = self.first[own.clone()].chunks_mut(LANES);
            let second = self.second[own].chunks_mut(LANES);
            let changed = &mut self.changed;
            wide(
                #[inline(always)]
                || {
                    for (((weights, scores), first), second) in
                        weights.zip(scores).zip(first).zip(second)
                    {
                        let mut slopes = [0.0; LANES];
                        for (slope, &weight) in slopes.iter_mut().zip(weights) {
                            let at = weight as usize - range.start;
                            *slope = g[at] * w[at];
                        }
                        let mut flips = [0; LANES];
                        let moments = first.iter_mut().zip(second);
                        let all = scores.iter_mut().zip(moments).zip(slopes).zip(&mut flips);
                        for (((p, (first, second)), slope), flip) in all {
                            let before = *p > THRESHOLD;
                            *first += (1.0 - BETA1) * (slope - *first);
                            *second += (1.0 - BETA2) * (slope * slope - *second);
                            *p -= rate * *first / (second.sqrt() + epsilon);
                            *flip = u8::from(before != (*p > THRESHOLD));
                        }
                        if flips != [0; LANES] {
                            let flipped = weights.iter().zip(flips).filter(|(_, flip)| *flip != 0);
                            changed.extend(flipped.map(|(weight, _)| weight));
                        }
                    }
                },
            );
        }
        &self.changed
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

    /// Many scores at once move as each would alone. Catches: lanes mixed up, a last group that is
    /// not full, weights found by the wrong slot.
    #[test]
    fn scores_do_not_depend_on_their_neighbours() {
        let mut layout = Layout::default();
        let slots =
            [90, 110].map(|len| layout.append(format!("s{len}"), &[len], Init::Constant(0.0)));
        let value = |i: usize, by: f32| (i as f32 * by).sin();
        let theta: Vec<f32> = (0..200).map(|i| value(i, 0.7)).collect();
        let whole: Vec<usize> = (0..200).filter(|i| i % 7 != 3).collect();
        let mask = |of: &[usize]| {
            let mut mask = Mask::filled(200, false);
            of.iter().for_each(|&i| mask.set(i, true));
            mask
        };
        let run = |of: &[usize]| {
            let mut scores = Scores::new(&mask(of));
            let mut changed = Vec::new();
            for step in 0..30 {
                let g: Vec<f32> = (0..200).map(|i| value(i + step, 1.3) + value(i, 0.3)).collect();
                changed.extend_from_slice(scores.step((&layout, &slots), &g, &theta));
            }
            changed.sort_unstable();
            (scores.scores.to_vec(), changed)
        };
        let (together, changed) = run(&whole);
        assert!(changed.len() > 20, "{changed:?}");
        let alone: Vec<_> = whole.iter().map(|&i| run(&[i])).collect();
        assert_eq!(together, alone.iter().flat_map(|(p, _)| p.clone()).collect::<Vec<_>>());
        assert_eq!(changed, alone.iter().flat_map(|(_, c)| c.clone()).collect::<Vec<_>>());
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
