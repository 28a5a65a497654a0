//! One importance with its anchor, held to by a strategy: the glue between a penalty's formula
//! and the hooks.

use serde::{Deserialize, Serialize};

use super::anchor::{fold, penalty, pull, pull_implicitly};
use super::explain::PenaltyStep;
use crate::layout::Layout;
use crate::strategy::Gradient;
use crate::vector::{Vector, most};

/// `s/2 Σ_i F_i (θ_i − θ*_i)²`; of weights younger than F it knows nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// F. `[θ at the time]`
    pub importance: Vector,
    /// θ*. `[θ at the time]`
    pub anchor: Vector,
}

/// What a step needs to know to be pulled.
#[derive(Clone, Copy, Debug)]
pub struct Pull {
    /// s.
    pub strength: f32,
    /// Explicit or implicit.
    pub step: PenaltyStep,
    /// The learning rate in force.
    pub lr: f32,
}

impl Guard {
    /// Whether there is nothing to hold to yet.
    pub fn is_empty(&self) -> bool {
        self.importance.is_empty()
    }

    /// Holds to a further anchor too, as one parabola with those before.
    pub fn fold(&mut self, mut importance: Vector, anchor: &[f32]) {
        importance.resize(anchor.len());
        self.importance.resize(anchor.len());
        self.anchor.resize(anchor.len());
        fold(&mut self.importance, &mut self.anchor, &importance, anchor);
    }

    /// F ← decay · F + `importance`, and holds to `anchor` from now on.
    pub fn merge(&mut self, importance: &[f32], decay: f32, anchor: Vector) {
        self.importance.resize(anchor.len());
        for (f, new) in self.importance.iter_mut().zip(importance) {
            *f = decay * *f + new;
        }
        self.anchor = anchor;
    }

    /// Adds the penalty's gradient over the active slots; with strength 0 nothing moves by a
    /// bit.
    pub fn pull(&self, gradient: &mut Gradient<'_>, layout: &Layout, theta: &[f32], how: Pull) {
        let known = self.importance.len().min(self.anchor.len());
        if known == 0 || how.strength == 0.0 {
            return;
        }
        for &slot in gradient.active {
            let range = layout.slot(slot).range();
            let range = range.start.min(known)..range.end.min(known);
            let g = &mut gradient.values[range.clone()];
            let theta = &theta[range.clone()];
            let (f, anchor) = (&self.importance[range.clone()], &self.anchor[range]);
            match how.step {
                PenaltyStep::Explicit => pull(g, theta, f, anchor, how.strength),
                PenaltyStep::Implicit => {
                    pull_implicitly(g, theta, f, anchor, how.strength, how.lr);
                }
            }
        }
    }

    /// The penalty's value.
    pub fn penalty(&self, theta: &[f32], strength: f32) -> f64 {
        penalty(theta, &self.importance, &self.anchor, strength)
    }

    /// The index of the weight that is held most stiffly, the first of several, and its 2b = s F.
    pub fn stiffest(&self, strength: f32) -> Option<(usize, f32)> {
        let most = most(&self.importance);
        let index = self.importance.iter().position(|&f| f == most)?;
        Some((index, strength * most))
    }
}
