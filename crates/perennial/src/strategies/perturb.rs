//! Perturbation: move each weight a little, watch the loss, hold what made it rise.
//!
//! The definition of importance that every method of this family approximates.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ Σ_i b_i (θ_i − θ*_i)²                  θ* the latest weights
//! b_i ← b_i + max(0, [L(θ + ε e_i) + L(θ − ε e_i) − 2 L(θ)] / ε²)     at the end of a task
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//! | `e_i`: one weight at a time, or all by ±ε | `mode`, `draws` |
//! | L, on which samples | `samples` |
//!
//! Keeps two vectors. A step costs one pass over θ, b and θ*; the end of a task 2 P + 1
//! evaluations over its samples (exact: small networks only), or two gradients a draw (random).
//!
//! # Differences
//!
//! Random directions estimate the same curvature with noise that shrinks as 1/√draws; b is
//! clipped at 0 once, after the mean, and the report says how much was below. λ depends on the
//! draws.
//!
//! ```
//! use perennial::strategies::Entry;
//! let perturb = Entry::find("perturb").unwrap();
//! assert!(perturb.create(&serde_json::json!({"draws": 8, "samples": 100})).is_ok());
//! assert!(perturb.create(&serde_json::json!({"draws": 0})).is_err());
//! ```

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_one, at_least_zero, refused};
use crate::SlotId;
use crate::learner::{Context, LearnError};
use crate::model::View;
use crate::parts::curvature::{self, EXACT_STEP};
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::moments::Amount;
use crate::scenario::Setting;
use crate::strategy::{
    Card, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Strategy,
};
use crate::vector::Vector;
use perennial_nn::loss::{Mode, Pass};

/// The length of a random move over all P weights: each goes by this / √P.
const RANDOM_MOVE: f64 = 0.3;

/// Importance by perturbing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Perturb {
    /// Its settings.
    pub settings: PerturbSettings,
    guard: Guard,
    said: Said,
    held: Held,
}

/// Settings of importance by perturbing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PerturbSettings {
    /// λ ≥ 0, of λ Σ b (θ − θ*)²: no ½.
    pub lambda: f64,
    /// How weights are moved.
    pub mode: PerturbMode,
    /// Random directions, each taken both ways; at least 1.
    pub draws: usize,
    /// Training samples the loss is watched on.
    pub samples: Amount,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// How weights are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PerturbMode {
    /// All at once, each up or down by chance.
    #[default]
    Random,
    /// One after another.
    Exact,
}

impl Default for PerturbSettings {
    fn default() -> Self {
        Self {
            lambda: 1.0,
            mode: PerturbMode::Random,
            draws: 64,
            samples: Amount::Count(1000),
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for Perturb {
    type Settings = PerturbSettings;
    const NAME: &'static str = "perturb";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ Σ b (θ − θ*)²; at least 0; depends on draws"),
        ("mode", "how weights are moved: random (all at once), or exact (one by one: slow)"),
        ("draws", "random directions; at least 1"),
        ("samples", "training samples the loss is watched on: a number or all"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: PerturbSettings) -> Result<Self, LearnError> {
        at_least_zero("perturb.lambda", settings.lambda)?;
        at_least_one("perturb.samples", settings.samples)?;
        if settings.draws == 0 {
            return Err(refused("perturb.draws", &0, "it must be at least 1"));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Perturb {
    fn strength(&self) -> Strength {
        Strength { key: "perturb.lambda", value: self.settings.lambda }
    }

    fn factor(&self) -> f32 {
        2.0 * self.settings.lambda as f32
    }

    /// The curvature of the current task's loss in each weight that takes part in it.
    fn measure(&self, cx: &mut Context<'_>, view: &View) -> Result<Vector, LearnError> {
        let rows = cx.draw_rows(self.settings.samples, "importance")?;
        let mut pass = cx.labelled(&cx.batch(&rows)?);
        pass.mode = Mode::Evaluate;
        let slots = slots_of(cx, view);
        let start = cx.model.theta.clone();
        let gather = |from: &[f32], cx: &Context<'_>| -> Vec<f64> {
            let ranges = slots.iter().map(|&slot| cx.model.layout.slot(slot).range());
            ranges.flat_map(|range| from[range].iter().map(|&x| f64::from(x))).collect()
        };
        let theta = gather(&start, cx);
        let evaluations = match self.settings.mode {
            PerturbMode::Exact => 2 * theta.len() + 1,
            PerturbMode::Random => 2 * self.settings.draws,
        };
        let mut done = 0;
        let mut next = |cx: &mut Context<'_>| {
            done += 1;
            cx.progress("importance", done - 1, evaluations)
        };
        let bends = match self.settings.mode {
            PerturbMode::Exact => curvature::exact(&theta, EXACT_STEP, |theta| {
                next(cx)?;
                place(cx, &slots, theta);
                cx.loss(view, std::slice::from_ref(&pass))
            }),
            PerturbMode::Random => {
                let mut generator = cx.generator("directions");
                let mut draw = || if generator.random::<bool>() { 1.0 } else { -1.0 };
                let directions =
                    (0..self.settings.draws).map(|_| theta.iter().map(|_| draw()).collect());
                let epsilon = RANDOM_MOVE / (theta.len() as f64).sqrt();
                curvature::random(&theta, epsilon, directions, |theta| {
                    next(cx)?;
                    place(cx, &slots, theta);
                    let gradients = cx.gradients(view, vec![Pass::clone(&pass)])?;
                    Ok(gradients.first().map(|g| gather(g, cx)).unwrap_or_default())
                })
            }
        };
        cx.model.theta = start; // where it was, whatever came of it
        let bends = bends?;
        let below = bends.iter().filter(|&&b| b < 0.0).count() as f64 / bends.len() as f64;
        if cx.task == 0 && self.settings.mode == PerturbMode::Random {
            cx.note(format!(
                "perturb: {} draws; after task 1, {:.0} % of b were below 0 before clipping, \
                 which is noise or a loss that bends down; more perturb.draws lower it",
                self.settings.draws,
                100.0 * below
            ));
        }
        let mut b = Vector::zeros(cx.model.theta.len());
        let mut bends = bends.into_iter();
        for range in slots.iter().map(|&slot| cx.model.layout.slot(slot).range()) {
            b[range].iter_mut().zip(&mut bends).for_each(|(b, bend)| *b = bend.max(0.0) as f32);
        }
        Ok(b)
    }
}

/// The slots of the trunk and of the heads that answer.
fn slots_of(cx: &Context<'_>, view: &View) -> Vec<SlotId> {
    let heads = view.heads.iter().map(|&head| &cx.model.heads[head]);
    let answering = heads
        .filter(|head| head.units.start < view.answer.end && view.answer.start < head.units.end);
    let grids = answering.flat_map(|head| [&head.weight, &head.bias]);
    view.column.parameters.iter().chain(grids).flat_map(|grid| grid.blocks.clone()).collect()
}

/// Writes numbers to the slots, one after another.
fn place(cx: &mut Context<'_>, slots: &[SlotId], values: &[f64]) {
    let mut values = values.iter();
    for range in slots.iter().map(|&slot| cx.model.layout.slot(slot).range()) {
        let theta = cx.model.theta[range].iter_mut();
        theta.zip(&mut values).for_each(|(theta, &value)| *theta = value as f32);
    }
}

impl Strategy for Perturb {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Perturbation",
            paper: "",
            does: "Moves the weights a little at the end of a task and watches the loss: where it \
                   rises, the weight is pulled back later.",
            formula: "L_t(θ) + λ Σ_i b_i (θ_i − θ*_i)², b_i = ∂²L/∂θ_i² by moving",
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
        let b = self.measure(cx, &view)?;
        self.guard.merge(&b, 1.0, cx.model.theta.clone());
        self.held.lies(&cx.model.layout, &self.guard.importance);
        let stiffest = self.guard.stiffest(self.factor());
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
