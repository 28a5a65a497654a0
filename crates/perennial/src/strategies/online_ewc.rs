//! Online elastic weight consolidation: one anchor, a fading memory of what mattered.
//!
//! Schwarz, Luketina, Czarnecki et al., *Progress & Compress*, 2018,
//! <https://arxiv.org/abs/1805.06370>, section 2.2.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ/2 γ Σ_i F̃_i (θ_i − θ*_i)²        θ* the latest weights
//! F̃ ← γ F̃ + F_t        at the end of each task
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//! | γ | `gamma` |
//! | `F_t` | `fisher`, measured on `fisher_samples`; each brought to a scale by `normalise` |
//! | Δt, α of a running F | `window`, `alpha` |
//!
//! Keeps two vectors (four with a running F and three with a measured one of all tasks that is
//! brought to 0 … 1). A step costs one pass over θ, g, F̃ and θ*; with a running F over Σ g², too, and
//! every Δt-th one more.
//!
//! # Differences
//!
//! γ = 1 is merged EWC. With `fisher = running` no sample is visited again: F is the mean of
//! squared batch gradients of training, as in Chaudhry et al. 2019 (with
//! `normalise = min-max`, γ = 1 and twice their λ, which has no ½, it is their EWC).
//!
//! ```
//! use perennial::strategies::Entry;
//! let ewc = Entry::find("online-ewc").unwrap();
//! assert!(ewc.create(&serde_json::json!({"gamma": 0.9, "normalise": "max"})).is_ok());
//! assert!(ewc.create(&serde_json::json!({"gamma": 1.5})).is_err());
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_one, at_least_zero, refused};
use crate::learner::{Context, LearnError};
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::fisher::Fisher;
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::moments::Amount;
use crate::parts::path::{ALPHA, RunningFisher, WINDOW, divide_by_most, min_max, observe};
use crate::scenario::Setting;
use crate::strategy::{
    Card, Changed, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Step,
    Strategy,
};
use crate::vector::Vector;

/// Online elastic weight consolidation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OnlineEwc {
    /// Its settings.
    pub settings: OnlineEwcSettings,
    guard: Guard,
    /// F̃ before it was brought to a scale; empty where that is F̃ itself.
    raw: Vector,
    running: RunningFisher,
    said: Said,
    held: Held,
}

/// Settings of online elastic weight consolidation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct OnlineEwcSettings {
    /// λ ≥ 0, of λ/2 γ Σ F̃ (θ − θ*)².
    pub lambda: f64,
    /// γ in 0 … 1.
    pub gamma: f64,
    /// Where `F_t` comes from.
    pub fisher: OnlineFisher,
    /// Training samples it is measured on.
    pub fisher_samples: Amount,
    /// The scale it is brought to.
    pub normalise: Normalise,
    /// Δt ≥ 1: steps of a window of the running F. The last one of a task may be shorter.
    pub window: u32,
    /// α, above 0 and at most 1: the weight of the newest window in the running F.
    pub alpha: f64,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// Where the importance of a task comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OnlineFisher {
    /// Measured at the end of the task.
    Measured(Fisher),
    /// The word `running`.
    Running(Running),
}

/// The word `running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Running {
    /// A running mean of squared batch gradients while training, never reset.
    Running,
}

/// The scale an importance is brought to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// As it is.
    #[default]
    None,
    /// Each `F_t` divided by its largest number.
    Max,
    /// F̃ moved and scaled to 0 … 1 over all weights.
    MinMax,
}

impl Default for OnlineEwcSettings {
    fn default() -> Self {
        Self {
            lambda: 2.0,
            gamma: 1.0,
            fisher: OnlineFisher::Measured(Fisher::Exact),
            fisher_samples: Amount::Count(1000),
            normalise: Normalise::None,
            window: WINDOW,
            alpha: ALPHA,
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for OnlineEwc {
    type Settings = OnlineEwcSettings;
    const NAME: &'static str = "online-ewc";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ/2 γ Σ F (θ − θ*)²; at least 0"),
        ("gamma", "γ: how much of the older tasks' F is kept; 0 to 1"),
        ("fisher", "F: exact, sampled, empirical, predicted, batch-mean, one-batch or running"),
        ("fisher-samples", "training samples F is measured on: a number or all"),
        ("normalise", "none, max (each task's F by its maximum) or min-max (their sum)"),
        ("window", "steps of a window of the running F, at least 1"),
        ("alpha", "weight of the newest window in the running F, above 0 and at most 1"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: OnlineEwcSettings) -> Result<Self, LearnError> {
        at_least_zero("online-ewc.lambda", settings.lambda)?;
        at_least_one("online-ewc.fisher-samples", settings.fisher_samples)?;
        if settings.window == 0 {
            return Err(refused("online-ewc.window", &0, "a window has at least 1 step"));
        }
        if !(settings.alpha > 0.0 && settings.alpha <= 1.0) {
            let alpha = settings.alpha;
            return Err(refused("online-ewc.alpha", &alpha, "it must be above 0 and at most 1"));
        }
        if !(0.0..=1.0).contains(&settings.gamma) {
            return Err(refused("online-ewc.gamma", &settings.gamma, "it must be from 0 to 1"));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl OnlineEwc {
    fn strength(&self) -> Strength {
        Strength { key: "online-ewc.lambda", value: self.settings.lambda }
    }

    /// λ γ: the penalty's own factor is half of it.
    fn factor(&self) -> f32 {
        (self.settings.lambda * self.settings.gamma) as f32
    }

    fn runs(&self) -> bool {
        self.settings.fisher == OnlineFisher::Running(Running::Running)
    }
}

impl Strategy for OnlineEwc {
    fn card(&self) -> Card {
        let scaled = usize::from(self.settings.normalise == Normalise::MinMax);
        Card {
            name: Self::NAME,
            title: "Online elastic weight consolidation",
            paper: "Schwarz et al., Progress & Compress, 2018, https://arxiv.org/abs/1805.06370",
            does: "EWC with one anchor, at the latest weights, and one importance in which older \
                   tasks fade.",
            formula: "L_t(θ) + λ/2 γ Σ_i F̃_i (θ_i − θ*_i)², F̃ ← γ F̃ + F_t",
            keeps: Keeps::Vectors(2 + if self.runs() { 2 } else { scaled }),
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it measures which weights matter when a task ends"),
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
        if self.runs() {
            self.running.grow(cx.model.theta.len());
        }
        Ok(())
    }

    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let (strength, step) = (self.factor(), self.settings.step);
        if !self.runs() {
            return self.guard.descend(slot, strength, step);
        }
        let squares = self.running.squares(&slot.at());
        self.guard.descend_followed(slot, strength, step, [squares], observe)
    }

    fn after_step(&mut self, _: &Step<'_>, _: &mut Context<'_>) -> Result<Changed, LearnError> {
        if self.runs() && self.running.count(self.settings.window) {
            self.running.update_and_begin(self.settings.alpha as f32);
        }
        Ok(Changed::Nothing)
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
        let view = self.view(cx.task, cx.model);
        let anchor = cx.model.theta.clone();
        // A window ends with its task, and a short one counts.
        if self.runs() && self.running.is_within() {
            self.running.update_and_begin(self.settings.alpha as f32);
        }
        match self.settings.fisher {
            OnlineFisher::Running(Running::Running) => {
                self.guard = Guard { importance: self.running.fisher.clone(), anchor };
            }
            OnlineFisher::Measured(fisher) => {
                let mut fisher = fisher.measure(cx, &view, self.settings.fisher_samples)?;
                if self.settings.normalise == Normalise::Max {
                    divide_by_most(&mut fisher);
                }
                if self.settings.normalise == Normalise::MinMax {
                    self.guard.importance = std::mem::take(&mut self.raw);
                }
                self.guard.merge(&fisher, self.settings.gamma as f32, anchor);
            }
        }
        match self.settings.normalise {
            Normalise::None => {}
            Normalise::Max if self.runs() => divide_by_most(&mut self.guard.importance),
            Normalise::Max => {}
            Normalise::MinMax => {
                if !self.runs() {
                    self.raw = self.guard.importance.clone();
                }
                min_max(&mut self.guard.importance);
            }
        }
        self.held.lies(&cx.model.layout, &self.guard.importance);
        let stiffest = self.guard.stiffest(self.factor());
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
