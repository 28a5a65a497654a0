//! Riemannian walk: the Fisher information of the latest weights and the path that led there.
//!
//! Chaudhry, Dokania, Ajanthan, Torr, *Riemannian Walk for Incremental Learning: Understanding
//! Forgetting and Intransigence*, 2018, <https://arxiv.org/abs/1801.10112>.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ Σ_i (F̃_i + s̃_i)(θ_i − θ*_i)²          θ* the latest weights
//! ω_i ← ω_i − g_i Δθ_i                                       each step
//! every Δt steps, and at the end of a task after fewer:
//!     s_i ← s_i + max(0, ω_i / (½ F_i (θ_i − θ_i^window)² + ε))
//!     F_i ← α · mean of the window's g_i² + (1 − α) F_i      ω ← 0, θ^window ← θ
//! end of a task: S ← s after the first, else (S + s)/2;  F̃ = minmax(F), s̃ = minmax(S)
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//! | ε | `epsilon` |
//! | Δt | `window` |
//! | α | `alpha` |
//! | which code | `variant` |
//!
//! Keeps eight vectors. A step costs one pass over θ, g, F̃ + s̃, θ*, ω and Σ g²; every Δt-th
//! one more over s, F and θ^window.
//!
//! # Differences
//!
//! `variant = agem` is the code behind Chaudhry et al. 2019: no ½ in the denominator, Σ g² goes
//! on over the whole task (and is still divided by Δt), S ← 1.5 S + .5 s after the first task, and the
//! steps after a task's last full window are lost.
//!
//! ```
//! use perennial::strategies::Entry;
//! let rwalk = Entry::find("rwalk").unwrap();
//! assert!(rwalk.create(&serde_json::json!({"lambda": 0.5, "variant": "agem"})).is_ok());
//! assert!(rwalk.create(&serde_json::json!({"epsilon": 0})).is_err());
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, above_zero, at_least_zero, refused};
use crate::learner::{Context, LearnError};
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::path::{ALPHA, RunningFisher, WINDOW, min_max, observe, walk};
use crate::scenario::Setting;
use crate::strategy::{
    Card, Changed, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Step,
    Strategy,
};
use crate::vector::{Vector, simd_dispatch};

/// Riemannian walk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rwalk {
    /// Its settings.
    pub settings: RwalkSettings,
    /// F̃ + s̃ and θ*.
    guard: Guard,
    /// F.
    running: RunningFisher,
    /// S of the tasks before, raw. `[θ at the time]`
    score: Vector,
    /// s of this task. `[θ]`
    gathering: Vector,
    /// ω of this window. `[θ]`
    path: Vector,
    /// θ^window. `[θ]`
    window: Vector,
    said: Said,
    held: Held,
}

/// Settings of Riemannian walk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct RwalkSettings {
    /// λ ≥ 0, of λ Σ (F̃ + s̃)(θ − θ*)²: no ½.
    pub lambda: f64,
    /// ε > 0, which bounds the score of a weight that hardly moved.
    pub epsilon: f64,
    /// Δt ≥ 1: steps of a window, over which a score and F are taken. The last one of a task may be
    /// shorter.
    pub window: u32,
    /// α, above 0 and at most 1: the weight of the newest window in F.
    pub alpha: f64,
    /// Whose formulas.
    pub variant: RwalkVariant,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// Whose formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RwalkVariant {
    /// The paper's.
    #[default]
    Paper,
    /// Those of the code behind Chaudhry et al. 2019.
    Agem,
}

impl Default for RwalkSettings {
    fn default() -> Self {
        Self {
            lambda: 1.0,
            epsilon: 1e-3,
            window: WINDOW,
            alpha: ALPHA,
            variant: RwalkVariant::Paper,
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for Rwalk {
    type Settings = RwalkSettings;
    const NAME: &'static str = "rwalk";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ Σ (F + s)(θ − θ*)²; at least 0"),
        ("epsilon", "ε, added to a score's denominator; above 0"),
        ("window", "steps of a window, at least 1"),
        ("alpha", "weight of the newest window in F, above 0 and at most 1"),
        ("variant", "paper, or agem: the code behind Chaudhry et al. 2019"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: RwalkSettings) -> Result<Self, LearnError> {
        at_least_zero("rwalk.lambda", settings.lambda)?;
        above_zero("rwalk.epsilon", settings.epsilon)?;
        if settings.window == 0 {
            return Err(refused("rwalk.window", &0, "a window has at least 1 step"));
        }
        if !(settings.alpha > 0.0 && settings.alpha <= 1.0) {
            let alpha = settings.alpha;
            return Err(refused("rwalk.alpha", &alpha, "it must be above 0 and at most 1"));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Rwalk {
    fn strength(&self) -> Strength {
        Strength { key: "rwalk.lambda", value: self.settings.lambda }
    }

    fn factor(&self) -> f32 {
        2.0 * self.settings.lambda as f32
    }

    fn alpha(&self) -> f32 {
        self.settings.alpha as f32
    }

    /// What a window adds to the score; begins the next.
    fn end_window(&mut self, theta: &[f32]) {
        let half = if self.settings.variant == RwalkVariant::Paper { 0.5 } else { 1.0 };
        let epsilon = self.settings.epsilon as f32;
        let moves = theta.iter().zip(self.window.iter()).zip(self.path.iter());
        let known = self.gathering.iter_mut().zip(self.running.fisher.iter());
        simd_dispatch(
            #[inline(always)]
            || {
                for ((score, f), ((theta, window), omega)) in known.zip(moves) {
                    *score += (omega / (half * f * (theta - window).powi(2) + epsilon)).max(0.0);
                }
            },
        );
        self.path.fill(0.0);
        self.window.copy_from_slice(theta);
    }
}

impl Strategy for Rwalk {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Riemannian walk",
            paper: "Chaudhry et al., Riemannian Walk for Incremental Learning, 2018, \
                    https://arxiv.org/abs/1801.10112",
            does: "Pulls each weight back by a running Fisher information and by how much its \
                   path lowered the loss for the way it went.",
            formula: "L_t(θ) + λ Σ_i (F̃_i + s̃_i)(θ_i − θ*_i)²",
            keeps: Keeps::Vectors(8),
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
        let parameters = cx.model.theta.len();
        self.gathering = Vector::zeros(parameters);
        self.path = Vector::zeros(parameters);
        self.window = cx.model.theta.clone();
        self.running.grow(parameters);
        if self.settings.variant == RwalkVariant::Agem {
            self.running.begin();
        }
        Ok(())
    }

    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let (strength, step) = (self.factor(), self.settings.step);
        let path = &mut self.path[slot.at()];
        let squares = self.running.squares(&slot.at());
        self.guard.descend_followed(
            slot,
            strength,
            step,
            [path, squares],
            #[inline(always)]
            |went, [omega, square]| {
                walk(went, [omega]);
                observe(went, [square]);
            },
        )
    }

    fn after_step(&mut self, _: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        if self.running.count(self.settings.window) {
            self.end_window(&cx.model.theta); // with the F before this window
            match self.settings.variant {
                RwalkVariant::Paper => self.running.update_and_begin(self.alpha()),
                RwalkVariant::Agem => self.running.update(self.alpha()),
            }
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
        let parameters = cx.model.theta.len();
        // A window ends with its task, and a short one counts. In the code behind Chaudhry et al. 2019
        // it is lost.
        if self.settings.variant == RwalkVariant::Paper && self.running.is_within() {
            self.end_window(&cx.model.theta);
            self.running.update_and_begin(self.alpha());
        }
        let first = self.score.is_empty();
        let (old, new) = match (first, self.settings.variant) {
            (true, _) => (0.0, 1.0),
            (false, RwalkVariant::Paper) => (0.5, 0.5),
            (false, RwalkVariant::Agem) => (1.5, 0.5),
        };
        self.score.resize(parameters);
        for (score, gathered) in self.score.iter_mut().zip(self.gathering.iter()) {
            *score = old * *score + new * gathered;
        }
        self.running.grow(parameters); // of a task without steps, saved before it was ever grown
        let mut importance = self.running.fisher.clone();
        let mut score = self.score.clone();
        min_max(&mut importance);
        min_max(&mut score);
        importance.iter_mut().zip(score.iter()).for_each(|(f, s)| *f += s);
        self.guard = Guard { importance, anchor: cx.model.theta.clone() };
        self.held.lies(&cx.model.layout, &self.guard.importance);
        let stiffest = self.guard.stiffest(self.factor());
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
