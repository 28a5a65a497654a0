//! Synaptic intelligence: hold each weight by how much its moves lowered the loss.
//!
//! Zenke, Poole, Ganguli, *Continual Learning Through Synaptic Intelligence*, 2017,
//! <https://arxiv.org/abs/1703.04200>.
//!
//! ```text
//! L'(θ) = L_t(θ) + c Σ_i Ω_i (θ_i − θ*_i)²                 (eq. 4)
//! ω_i ← ω_i − g_i Δθ_i                                      each step
//! Ω_i ← max(0, Ω_i + ω_i / ((θ_i − θ*_i)² + ξ)), θ* ← θ     at the end of a task (eq. 5)
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | c | `c` |
//! | ξ | `xi` |
//! | g, of which loss | `gradient` |
//! | max(0, ·), where | `clip` |
//!
//! Keeps three vectors: Ω, θ* (which is also where the task began) and ω. A step costs
//! one pass over θ, g, Ω, θ* and ω; the end of a task next to nothing.
//!
//! # Differences
//!
//! Δθ is the move that the optimiser made, whatever it is. Nothing clamps Ω from above: code
//! that clamps it to a small value holds nothing at all.
//!
//! ```
//! use perennial::strategies::Entry;
//! let si = Entry::find("si").unwrap();
//! assert!(si.create(&serde_json::json!({"c": 0.5, "clip": "none"})).is_ok());
//! assert!(si.create(&serde_json::json!({"xi": 0})).is_err());
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, above_zero, at_least_zero};
use crate::learner::{Context, LearnError};
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::path::walk;
use crate::scenario::Setting;
use crate::strategy::{
    Card, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Strategy, Went,
};
use crate::vector::{Vector, simd_dispatch};

/// Synaptic intelligence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Si {
    /// Its settings.
    pub settings: SiSettings,
    /// Ω, and the weights at the task's begin.
    guard: Guard,
    /// ω of this task. `[θ]`
    path: Vector,
    said: Said,
    held: Held,
}

/// Settings of synaptic intelligence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct SiSettings {
    /// c ≥ 0, of c Σ Ω (θ − θ*)²: no ½.
    pub c: f64,
    /// ξ > 0, which bounds ω / (θ − θ*)².
    pub xi: f64,
    /// Whose gradient is integrated.
    pub gradient: PathGradient,
    /// What is kept from going below 0.
    pub clip: Clip,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// Whose gradient is integrated along the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathGradient {
    /// The loss's own, as in the paper.
    #[default]
    Plain,
    /// Loss and penalty together, as the step takes them.
    Penalised,
}

/// What is kept from going below 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clip {
    /// Ω.
    #[default]
    Sum,
    /// What each task adds to Ω.
    Increment,
    /// Nothing.
    None,
}

impl Default for SiSettings {
    fn default() -> Self {
        Self {
            c: 0.1,
            xi: 0.1,
            gradient: PathGradient::Plain,
            clip: Clip::Sum,
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for Si {
    type Settings = SiSettings;
    const NAME: &'static str = "si";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("c", "c of c Σ Ω (θ − θ*)²; at least 0"),
        ("xi", "ξ, added to the squared way a weight went; above 0"),
        ("gradient", "the gradient that is integrated: plain, or penalised"),
        ("clip", "kept from going below 0: the sum Ω, each task's increment, or none"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: SiSettings) -> Result<Self, LearnError> {
        at_least_zero("si.c", settings.c)?;
        above_zero("si.xi", settings.xi)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Si {
    fn strength(&self) -> Strength {
        Strength { key: "si.c", value: self.settings.c }
    }

    fn factor(&self) -> f32 {
        2.0 * self.settings.c as f32
    }
}

/// Ω and ω become the next Ω; θ is where the task ended and `start` where it began.
pub(super) fn consolidate(
    importance: &mut [f32],
    path: &[f32],
    theta: &[f32],
    start: &[f32],
    xi: f32,
    clip: Clip,
) {
    simd_dispatch(
        #[inline(always)]
        || {
            let weights = path.iter().zip(theta.iter().zip(start));
            for (importance, (path, (theta, start))) in importance.iter_mut().zip(weights) {
                let increment = path / ((theta - start).powi(2) + xi);
                *importance = match clip {
                    Clip::Sum => (*importance + increment).max(0.0),
                    Clip::Increment => *importance + increment.max(0.0),
                    Clip::None => *importance + increment,
                };
            }
        },
    );
}

impl Strategy for Si {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Synaptic intelligence",
            paper: "Zenke et al., Continual Learning Through Synaptic Intelligence, 2017, \
                    https://arxiv.org/abs/1703.04200",
            does: "Watches while training how much each weight's moves lower the loss, and pulls \
                   it back by that later.",
            formula: "L_t(θ) + c Σ_i Ω_i (θ_i − θ*_i)², ω_i −= g_i Δθ_i",
            keeps: Keeps::Vectors(3),
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it turns path integrals into importances when a task ends"),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.6),
                margin: Some(0.0),
                class_margin: None,
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn figures(&self) -> Value {
        self.held.figures()
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        explain::begin(cx, Self::NAME, self.strength(), self.settings.step)?;
        // Ω is as long as at the end of the last task: weights younger than it are free.
        self.guard.anchor = cx.model.theta.clone();
        self.path = Vector::zeros(cx.model.theta.len());
        Ok(())
    }

    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let (strength, step) = (self.factor(), self.settings.step);
        let path = &mut self.path[slot.at()];
        match self.settings.gradient {
            PathGradient::Plain => self.guard.descend_followed(slot, strength, step, [path], walk),
            PathGradient::Penalised => self.guard.descend_followed(
                slot,
                strength,
                step,
                [path],
                #[inline(always)]
                |went, path| walk(Went { g: went.pulled, ..went }, path),
            ),
        }
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let Some(last) = last else { return Ok(Some(Phase::default())) };
        let penalty = self.guard.penalty(&cx.model.theta, self.factor());
        self.said.effect(cx, self.strength(), penalty, last.loss);
        self.held.moved(cx.task, &cx.model.theta, &self.guard);
        Ok(None)
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let theta = &cx.model.theta;
        let Guard { importance, anchor } = &mut self.guard;
        importance.resize(theta.len());
        let (xi, clip) = (self.settings.xi as f32, self.settings.clip);
        consolidate(importance, &self.path, theta, anchor, xi, clip);
        self.path = Vector::default();
        self.held.lies(&cx.model.layout, &self.guard.importance);
        let stiffest = self.guard.stiffest(self.factor());
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::{OptimizerSettings, Rule};

    /// By hand: g = 1, the penalty's 2 c Ω (θ − θ*) = 3, lr .1 → Δ = −.4. Catches: the other
    /// gradient integrated.
    #[test]
    fn the_gradient_that_is_integrated_by_hand() {
        for (gradient, omega) in [(PathGradient::Plain, 0.4), (PathGradient::Penalised, 1.6)] {
            let settings = SiSettings { c: 0.5, gradient, ..SiSettings::default() };
            let guard = Guard { importance: vec![3.0].into(), anchor: vec![1.0].into() };
            let mut si = Si { settings, guard, path: Vector::zeros(1), ..Si::default() };
            let moved = si.descend(Descent {
                at: 0..1,
                lr: 0.1,
                gradient: &mut [1.0],
                theta: &mut [2.0],
                frozen: &[],
                settings: &OptimizerSettings::default(),
                rule: Rule::Sgd,
            });
            assert!(moved.finite && (si.path[0] - omega).abs() < 1e-6, "{:?}", si.path);
        }
    }

    /// By hand: ω = 1, −3, a way of .3 from the start, ξ .1 → ω / .19.
    #[test]
    fn clipping_by_hand() {
        let ended = |clip| {
            let mut omega = [2.0, 2.0];
            consolidate(&mut omega, &[0.19, -0.57], &[1.3, -0.3], &[1.0, 0.0], 0.1, clip);
            omega.map(|omega| (omega * 1000.0).round() / 1000.0)
        };
        assert_eq!(ended(Clip::Sum), [3.0, 0.0]);
        assert_eq!(ended(Clip::Increment), [3.0, 2.0]);
        assert_eq!(ended(Clip::None), [3.0, -1.0]);
    }
}
