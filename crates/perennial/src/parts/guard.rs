//! One importance with its anchor, held to by a strategy: the glue between a penalty's formula
//! and the hooks.

use serde::{Deserialize, Serialize};

use super::anchor::{fold, penalty, pull, pull_implicitly};
use super::explain::PenaltyStep;
use crate::strategy::{Descent, Moved, Went};
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

    /// Moves a slot under the penalty; with strength 0, to the bits that it would have without.
    pub fn descend(&self, slot: Descent<'_>, strength: f32, step: PenaltyStep) -> Moved {
        self.descend_followed(
            slot,
            strength,
            step,
            [],
            #[inline(always)]
            |_, []| {},
        )
    }

    /// The same, and after each weight's move calls `follow(went, written)`.
    ///
    /// # Panics
    ///
    /// When a slice that is written ends before the slot.
    pub fn descend_followed<const W: usize>(
        &self,
        slot: Descent<'_>,
        strength: f32,
        step: PenaltyStep,
        written: [&mut [f32]; W],
        follow: impl Fn(Went, [&mut f32; W]) + Copy,
    ) -> Moved {
        let (read, lr) = (self.read(&slot, strength), slot.lr());
        match step {
            PenaltyStep::Explicit => slot.go_followed(
                read,
                #[inline(always)]
                move |g, theta, [f, anchor]| pull(g, theta, f, anchor, strength),
                written,
                follow,
            ),
            PenaltyStep::Implicit => slot.go_followed(
                read,
                #[inline(always)]
                move |g, theta, [f, anchor]| pull_implicitly(g, theta, f, anchor, strength, lr),
                written,
                follow,
            ),
        }
    }

    /// Adds the penalty's gradient of a slot, which does not move yet: for a penalty beside another
    /// one.
    pub fn pull(&self, slot: &mut Descent<'_>, strength: f32) {
        slot.pull(
            self.read(slot, strength),
            #[inline(always)]
            move |g, theta, [f, anchor]| pull(g, theta, f, anchor, strength),
        );
    }

    /// F and θ* of a slot; nothing where nothing pulls.
    fn read(&self, slot: &Descent<'_>, strength: f32) -> [&[f32]; 2] {
        let at = if strength == 0.0 { 0..0 } else { slot.at() };
        [self.importance.of(&at), self.anchor.of(&at)]
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
