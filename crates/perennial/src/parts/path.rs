//! Importances that gather while training: path integrals, running means, their scales.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::strategy::Went;
use crate::vector::{Vector, most, simd_dispatch};

/// Steps between two updates of a running Fisher information (Chaudhry et al. 2018).
pub const WINDOW: u32 = 10;
/// The weight of the newest window in it (Chaudhry et al. 2018).
pub const ALPHA: f64 = 0.9;

/// ω ← ω − g Δ: by how much a weight's moves lowered the loss.
#[inline(always)]
pub fn walk(went: Went, [omega]: [&mut f32; 1]) {
    *omega -= went.g * went.delta;
}

/// Adds g² to the sum of a window.
#[inline(always)]
pub fn observe(went: Went, [square]: [&mut f32; 1]) {
    *square += went.g * went.g;
}

/// Divides by the largest number; all zeros stay.
pub fn divide_by_most(values: &mut [f32]) {
    let most = most(values);
    if most > 0.0 {
        values.iter_mut().for_each(|value| *value /= most);
    }
}

/// Moves and scales to 0 … 1 over all weights; equal numbers all become 0.
pub fn min_max(values: &mut [f32]) {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let span = most(values) - least;
    for value in values {
        *value = if span > 0.0 { (*value - least) / span } else { 0.0 };
    }
}

/// A running mean of squared batch gradients: after every window of steps, and at the end of a task,
/// `F ← α · (sum of g² since) / steps + (1 − α) F`, α weighing the new. A short last window counts as a
/// whole one: its mean is of fewer steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunningFisher {
    /// F. `[θ at the time]`
    pub fisher: Vector,
    /// Σ g² since the last update. `[θ at the time]`
    squares: Vector,
    steps: u32,
}

impl RunningFisher {
    /// Makes both as long as θ.
    pub fn grow(&mut self, parameters: usize) {
        self.fisher.resize(parameters);
        self.squares.resize(parameters);
    }

    /// The sums of these weights, which [`observe`] adds to.
    pub fn squares(&mut self, weights: &Range<usize>) -> &mut [f32] {
        self.grow(self.squares.len().max(weights.end)); // saved before it was ever grown
        &mut self.squares[weights.clone()]
    }

    /// Counts a step; whether the window of so many is full.
    pub fn count(&mut self, window: u32) -> bool {
        self.steps += 1;
        self.steps >= window
    }

    /// Whether steps were counted since the last window was full.
    pub fn is_within(&self) -> bool {
        self.steps > 0
    }

    /// Takes the window into the mean, by the steps that it has, and begins the next.
    pub fn update_and_begin(&mut self, alpha: f32) {
        self.update(alpha);
        self.squares.fill(0.0);
    }

    /// Takes the window into the mean, but goes on adding to its squares.
    pub fn update(&mut self, alpha: f32) {
        let steps = std::mem::take(&mut self.steps) as f32;
        simd_dispatch(
            #[inline(always)]
            || {
                for (f, square) in self.fisher.iter_mut().zip(self.squares.iter()) {
                    *f = alpha * (square / steps) + (1.0 - alpha) * *f;
                }
            },
        );
    }

    /// Forgets the squares and the steps of a window that did not fill.
    pub fn begin(&mut self) {
        self.squares.fill(0.0);
        self.steps = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_by_hand() {
        let mut values = [2.0, 6.0, 4.0];
        min_max(&mut values);
        assert_eq!(values, [0.0, 1.0, 0.5]);
        let mut equal = [3.0, 3.0];
        min_max(&mut equal);
        assert_eq!(equal, [0.0, 0.0]);
        let mut values = [1.0, 4.0, 0.0];
        divide_by_most(&mut values);
        assert_eq!(values, [0.25, 1.0, 0.0]);
        let mut none = [0.0];
        divide_by_most(&mut none);
        assert_eq!(none, [0.0]);
    }

    /// Catches: ω of the wrong sign: a move down the slope lowers the loss and counts up.
    #[test]
    fn a_move_down_the_slope_counts_up() {
        let (mut down, mut up) = (0.0, 1.0);
        walk(Went { g: 2.0, pulled: 9.0, delta: -0.5 }, [&mut down]);
        walk(Went { g: -1.0, pulled: 9.0, delta: -0.25 }, [&mut up]);
        assert_eq!((down, up), (1.0, 0.75));
    }

    /// By hand: ten steps with g = 2 → mean square 4, F = .9 · 4; ten with 0 → .1 of it.
    #[test]
    fn a_window_counts_nine_tenths() {
        let mut running = RunningFisher::default();
        for (g, wanted) in [(2.0, 3.6), (0.0, 0.36)] {
            for i in 1..=WINDOW {
                let went = Went { g, pulled: 9.0, delta: 9.0 };
                observe(went, [&mut running.squares(&(0..1))[0]]);
                assert_eq!(running.count(WINDOW), i == WINDOW);
            }
            running.update_and_begin(0.9);
            assert!((running.fisher[0] - wanted).abs() < 1e-6, "{:?}", running.fisher);
        }
        // A window of two steps is a mean over two: .9 · 4 + .1 · .36.
        for _ in 0..2 {
            let went = Went { g: 2.0, pulled: 9.0, delta: 9.0 };
            observe(went, [&mut running.squares(&(0..1))[0]]);
            running.count(WINDOW);
        }
        assert!(running.is_within());
        running.update_and_begin(0.9);
        assert!((running.fisher[0] - 3.636).abs() < 1e-6 && !running.is_within());
    }
}
