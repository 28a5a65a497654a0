//! One importance with its anchor, held to by a strategy: the glue between a penalty's formula
//! and the hooks.

use serde::{Deserialize, Serialize};

use super::anchor::{fold, penalty, pull, pull_implicitly};
use super::explain::PenaltyStep;
use crate::strategy::Stretch;
use crate::vector::{Vector, most};

/// `s/2 Σ_i F_i (θ_i − θ*_i)²`; of weights younger than F it knows nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// F. `[θ at the time]`
    pub importance: Vector,
    /// θ*. `[θ at the time]`
    pub anchor: Vector,
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

    /// Adds the penalty's gradient of a stretch; with strength 0 nothing moves by a bit.
    pub fn pull(&self, stretch: &mut Stretch<'_>, strength: f32, step: PenaltyStep) {
        let Stretch { at, gradient, theta, lr } = stretch;
        let (f, anchor) = (self.importance.of(at), self.anchor.of(at));
        match step {
            _ if strength == 0.0 => {}
            PenaltyStep::Explicit => pull(gradient, theta, f, anchor, strength),
            PenaltyStep::Implicit => pull_implicitly(gradient, theta, f, anchor, strength, *lr),
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
