//! Sliced Cramér preservation: hold each weight by how much the mean output depends on it.
//!
//! Kolouri, Ketz, Soltoggio, Pilly, *Sliced Cramér Synaptic Consolidation for Preserving Deeply
//! Learned Representations*, 2020, <https://openreview.net/forum?id=BJge3TNKwH>.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ Σ_i Γ_i (θ_i − θ*_i)²                 θ* the latest weights
//! Γ_i = E_ξ (∂ (ξ · mean_n f(x_n)) / ∂θ_i)²                ξ uniform on the unit sphere
//!     = 1/K Σ_c (∂ mean_n f_c(x_n) / ∂θ_i)²                since E ξξᵀ = I/K
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//! | `E_ξ`: closed form or L slices | `expectation`, `slices` |
//! | Γ over tasks | `accumulate` |
//! | n | `samples` |
//!
//! Keeps two vectors. A step costs one pass over θ, Γ and θ*; the end of a task K (or L)
//! backward passes over its samples.
//!
//! # Differences
//!
//! The paper draws slices; their expectation has the closed form above. The authors' code
//! averages old and new importance: `accumulate = average`.
//!
//! ```
//! use perennial::strategies::Entry;
//! let scp = Entry::find("scp").unwrap();
//! assert!(scp.create(&serde_json::json!({"expectation": "slices", "slices": 10})).is_ok());
//! assert!(scp.create(&serde_json::json!({"slices": 0})).is_err());
//! ```

use rand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_one, at_least_zero, refused};
use crate::learner::{Context, LearnError};
use crate::model::View;
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::moments::Amount;
use crate::scenario::Setting;
use crate::strategy::{
    Card, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Strategy,
};
use crate::vector::Vector;
use perennial_nn::loss::{Mode, Pass, Target, Term};
use perennial_nn::params::standard_normal;

/// Rows of one pass over the mean output: bounds memory, not the result.
const ROWS: usize = 500;

/// Sliced Cramér preservation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scp {
    /// Its settings.
    pub settings: ScpSettings,
    guard: Guard,
    said: Said,
    held: Held,
}

/// Settings of sliced Cramér preservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScpSettings {
    /// λ ≥ 0, of λ Σ Γ (θ − θ*)²: no ½.
    pub lambda: f64,
    /// How the mean over directions is taken.
    pub expectation: Expectation,
    /// L ≥ 1 directions, where they are drawn.
    pub slices: usize,
    /// Training samples Γ is measured on.
    pub samples: Amount,
    /// What becomes of the older tasks' Γ.
    pub accumulate: ScpAccumulate,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// How the mean over directions is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Exactly, by one direction an output.
    #[default]
    Closed,
    /// Over drawn directions, as in the paper.
    Slices,
}

/// What becomes of the older tasks' importance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScpAccumulate {
    /// The new is added to it.
    #[default]
    Sum,
    /// Half of the old and half of the new.
    Average,
}

impl Default for ScpSettings {
    fn default() -> Self {
        Self {
            lambda: 1.0,
            expectation: Expectation::Closed,
            slices: 50,
            samples: Amount::Count(1000),
            accumulate: ScpAccumulate::Sum,
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for Scp {
    type Settings = ScpSettings;
    const NAME: &'static str = "scp";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ Σ Γ (θ − θ*)²; at least 0"),
        ("expectation", "the mean over directions: closed (exact), or slices (drawn)"),
        ("slices", "directions drawn, with expectation = slices"),
        ("samples", "training samples Γ is measured on: a number or all"),
        ("accumulate", "over tasks: sum, or average (half old, half new)"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: ScpSettings) -> Result<Self, LearnError> {
        at_least_zero("scp.lambda", settings.lambda)?;
        at_least_one("scp.samples", settings.samples)?;
        if settings.slices == 0 {
            return Err(refused("scp.slices", &0, "it must be at least 1"));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Scp {
    fn strength(&self) -> Strength {
        Strength { key: "scp.lambda", value: self.settings.lambda }
    }

    fn factor(&self) -> f32 {
        2.0 * self.settings.lambda as f32
    }

    /// The directions ξ, each with the weight of its square.
    fn directions(&self, outputs: usize, generator: &mut impl Rng) -> Vec<(Vec<f32>, f32)> {
        match self.settings.expectation {
            Expectation::Closed => (0..outputs)
                .map(|c| (0..outputs).map(|o| f32::from(u8::from(o == c))).collect())
                .map(|axis| (axis, 1.0 / outputs as f32))
                .collect(),
            Expectation::Slices => (0..self.settings.slices)
                .map(|_| {
                    let xi: Vec<f32> = (0..outputs).map(|_| standard_normal(generator)).collect();
                    let length = xi.iter().map(|x| x * x).sum::<f32>().sqrt();
                    let unit = xi.iter().map(|x| x / length).collect();
                    (unit, 1.0 / self.settings.slices as f32)
                })
                .collect(),
        }
    }

    /// Γ of the current task.
    fn measure(&self, cx: &mut Context<'_>, view: &View) -> Result<Vector, LearnError> {
        let rows = cx.draw_rows(self.settings.samples, "importance")?;
        let mut generator = cx.generator("slices");
        let mut gamma = Vector::zeros(cx.model.theta.len());
        for (xi, weight) in self.directions(view.answer.len(), &mut generator) {
            let mut slope = Vector::zeros(cx.model.theta.len());
            for chunk in rows.chunks(ROWS) {
                let term = Term {
                    rows: 0..chunk.len(),
                    active: view.answer.clone(),
                    weight: 1.0 / rows.len() as f32,
                    target: Target::Linear(xi.repeat(chunk.len())),
                };
                let (inputs, terms) = (cx.batch(chunk)?.inputs, vec![term]);
                let pass = Pass { inputs, rows: chunk.len(), mode: Mode::Evaluate, terms };
                for part in cx.gradients(view, vec![pass])? {
                    slope.iter_mut().zip(part.iter()).for_each(|(sum, g)| *sum += g);
                }
            }
            gamma.iter_mut().zip(slope.iter()).for_each(|(gamma, g)| *gamma += weight * g * g);
        }
        Ok(gamma)
    }
}

impl Strategy for Scp {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Sliced Cramér preservation",
            paper: "Kolouri et al., Sliced Cramér Synaptic Consolidation for Preserving Deeply \
                    Learned Representations, 2020, https://openreview.net/forum?id=BJge3TNKwH",
            does: "Pulls each weight back by how much the mean output of its task depends on it, \
                   so that the distribution of outputs stays.",
            formula: "L_t(θ) + λ Σ_i Γ_i (θ_i − θ*_i)², Γ_i = 1/K Σ_c (∂ mean f_c/∂θ_i)²",
            keeps: Keeps::Vectors(2),
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
        explain::begin(cx, Self::NAME, self.strength(), self.settings.step)
    }

    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        self.guard.descend(slot, self.factor(), self.settings.step)
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
        let mut gamma = self.measure(cx, &view)?;
        let first = self.guard.is_empty();
        let kept = match self.settings.accumulate {
            ScpAccumulate::Average if !first => {
                gamma.iter_mut().for_each(|gamma| *gamma *= 0.5);
                0.5
            }
            ScpAccumulate::Sum | ScpAccumulate::Average => 1.0,
        };
        self.guard.merge(&gamma, kept, cx.model.theta.clone());
        self.held.lies(&cx.model.layout, &self.guard.importance);
        let stiffest = self.guard.stiffest(self.factor());
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
