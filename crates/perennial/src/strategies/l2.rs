//! L2: the guard b constant. Every weight is pulled back equally, whatever it is worth.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ Σ_i (θ_i − θ*_i)²        θ* = θ at the end of the task before, b = λ
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//!
//! Keeps one vector. A step costs one pass over θ and θ*. The baseline of
//! [`ewc`](super::Ewc) in its paper (Kirkpatrick et al. 2017, figure 2): too stiff where
//! it need not be and too loose where it should hold.
//!
//! # Differences
//!
//! Weight decay pulls to 0, this to θ*. There is no ½ before λ.
//!
//! ```
//! use perennial::strategies::Entry;
//! assert!(Entry::find("l2").unwrap().create(&serde_json::json!({"lambda": 0.1})).is_ok());
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_zero};
use crate::learner::{Context, LearnError};
use crate::parts::anchor::{pull, pull_implicitly};
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::scenario::Setting;
use crate::strategy::{
    Card, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Strategy,
};
use crate::vector::Vector;

/// A constant pull to the weights of the task before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct L2 {
    /// Its settings.
    pub settings: L2Settings,
    /// θ*. `[θ at that time]`
    anchor: Vector,
    said: Said,
}

/// Settings of the constant guard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct L2Settings {
    /// λ ≥ 0, of λ Σ (θ − θ*)²: no ½.
    pub lambda: f64,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

impl Default for L2Settings {
    fn default() -> Self {
        Self { lambda: 0.01, step: PenaltyStep::Explicit }
    }
}

impl Method for L2 {
    type Settings = L2Settings;
    const NAME: &'static str = "l2";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ Σ (θ − θ*)²; at least 0"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: L2Settings) -> Result<Self, LearnError> {
        at_least_zero("l2.lambda", settings.lambda)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl L2 {
    fn strength(&self) -> Strength {
        Strength { key: "l2.lambda", value: self.settings.lambda }
    }
}

impl Strategy for L2 {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "L2 to the last task",
            paper: "",
            does: "Pulls every weight back to where the last task left it, all equally (guard b \
                   constant).",
            formula: "L_t(θ) + λ Σ_i (θ_i − θ*_i)²",
            keeps: Keeps::Vectors(1),
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it holds the weights to what they were when a task ended"),
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

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        explain::begin(cx, Self::NAME, self.strength(), self.settings.step)
    }

    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let (strength, lr) = (2.0 * self.settings.lambda as f32, slot.lr());
        if strength == 0.0 {
            return slot.go();
        }
        let anchor = [self.anchor.of(&slot.at())];
        match self.settings.step {
            PenaltyStep::Explicit => slot.go_pulled(
                anchor,
                #[inline(always)]
                move |g, theta, [anchor]| pull(g, theta, 1.0, anchor, strength),
            ),
            PenaltyStep::Implicit => slot.go_pulled(
                anchor,
                #[inline(always)]
                move |g, theta, [anchor]| pull_implicitly(g, theta, 1.0, anchor, strength, lr),
            ),
        }
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let Some(last) = last else { return Ok(Some(Phase::default())) };
        let far = |(theta, anchor): (&f32, &f32)| f64::from(theta - anchor).powi(2);
        let squares: f64 = cx.model.theta.iter().zip(self.anchor.iter()).map(far).sum();
        self.said.effect(cx, self.strength(), self.settings.lambda * squares, last.loss);
        Ok(None)
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.anchor = cx.model.theta.clone();
        let stiffest = Some((0, 2.0 * self.settings.lambda as f32));
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
