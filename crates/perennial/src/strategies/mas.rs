//! Memory aware synapses: hold each weight by how much the outputs' length depends on it.
//!
//! Aljundi, Babiloni, Elhoseiny, Rohrbach, Tuytelaars, *Memory Aware Synapses: Learning what
//! (not) to forget*, 2018, <https://arxiv.org/abs/1711.09601>.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ Σ_i Ω_i (θ_i − θ*_i)²                 θ* the latest weights
//! Ω_i ← Ω_i + 1/N Σ_n |∂ ‖f(x_n)‖² / ∂θ_i|                 at the end of a task, labels unused
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//! | N | `samples` |
//! | x_n: the task's samples, or others of its kind | `data` |
//! | Ω over tasks | `accumulate` |
//! | the gradient's unit | `gradient` |
//!
//! Keeps two vectors. A step costs one pass over θ, Ω and θ*; the end of a task one backward
//! pass over its samples.
//!
//! Ω needs no labels, so it can be measured on samples of the conditions in which a task will be used
//! (§4.2 of the paper): [`MasData::Unlabelled`] takes the rows that
//! [`Task::with_unlabelled`](crate::Task::with_unlabelled) brings, `teach --unlabelled DATA` or
//! `unlabelled` in a list of tasks.
//!
//! # Differences
//!
//! The absolute value is of single samples' gradients; much code takes it of a batch's sum,
//! where samples cancel: that is `gradient = batch` (with `accumulate = last`, the MAS of
//! Chaudhry et al. 2019).
//!
//! ```
//! use perennial::strategies::Entry;
//! let mas = Entry::find("mas").unwrap();
//! assert!(mas.create(&serde_json::json!({"lambda": 0.1, "samples": "all"})).is_ok());
//! assert!(mas.create(&serde_json::json!({"samples": 0})).is_err());
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_one, at_least_zero, refused};
use crate::learner::{Context, LearnError};
use crate::model::View;
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::moments::{Amount, Power, Slopes};
use crate::scenario::{Part, Samples, Setting};
use crate::strategy::{
    Ahead, Card, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Strategy,
};
use crate::vector::Vector;
use perennial_nn::loss::{Mode, Pass, Target, Term};

/// Memory aware synapses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Mas {
    /// Its settings.
    pub settings: MasSettings,
    guard: Guard,
    said: Said,
    held: Held,
}

/// Settings of memory aware synapses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct MasSettings {
    /// λ ≥ 0, of λ Σ Ω (θ − θ*)²: no ½.
    pub lambda: f64,
    /// Samples Ω is measured on.
    pub samples: Amount,
    /// Which samples they are.
    #[serde(default)]
    pub data: MasData,
    /// Whose gradient is taken absolutely.
    pub gradient: MasGradient,
    /// What becomes of the older tasks' Ω.
    pub accumulate: Accumulate,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// Which samples Ω is measured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MasData {
    /// Those that the task trains on.
    #[default]
    Task,
    /// Samples without labels that the task brings beside them.
    Unlabelled,
}

/// Whose gradient is taken absolutely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MasGradient {
    /// Each sample's, as in the paper.
    #[default]
    Sample,
    /// The sum's over a batch of the run's size, divided by N.
    Batch,
}

/// What becomes of the older tasks' importance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accumulate {
    /// The new is added to it.
    #[default]
    Sum,
    /// The new takes its place.
    Last,
}

impl Default for MasSettings {
    fn default() -> Self {
        Self {
            lambda: 0.003,
            samples: Amount::Count(1000),
            data: MasData::Task,
            gradient: MasGradient::Sample,
            accumulate: Accumulate::Sum,
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for Mas {
    type Settings = MasSettings;
    const NAME: &'static str = "mas";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ Σ Ω (θ − θ*)²; at least 0"),
        ("samples", "samples Ω is measured on: a number or all"),
        ("data", "which samples: task (those it trains on), or unlabelled (others that it brings)"),
        ("gradient", "taken absolutely of each sample's gradient, or of a batch's sum"),
        ("accumulate", "over tasks: sum, or last (the last task's alone)"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: MasSettings) -> Result<Self, LearnError> {
        at_least_zero("mas.lambda", settings.lambda)?;
        at_least_one("mas.samples", settings.samples)?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Mas {
    fn strength(&self) -> Strength {
        Strength { key: "mas.lambda", value: self.settings.lambda }
    }

    fn factor(&self) -> f32 {
        2.0 * self.settings.lambda as f32
    }
}

/// Σ over batches of `|∂ Σ_n ‖f(x_n)‖² / ∂θ|` ÷ N.
fn of_batches(
    cx: &mut Context<'_>,
    view: &View,
    data: MasData,
    rows: &[usize],
) -> Result<Vector, LearnError> {
    let mut mean = Vector::zeros(cx.model.theta.len());
    let share = 1.0 / rows.len() as f32;
    for rows in rows.chunks(cx.training.batch) {
        let mut inputs = Vec::new();
        let samples = samples(data, cx)?;
        rows.iter().for_each(|&row| samples.append_row(row, &mut inputs));
        let rows = rows.len();
        // ‖f‖² is twice ½‖f‖².
        let (active, target) = (view.answer.clone(), Target::HalfSquare);
        let terms = vec![Term { rows: 0..rows, active, weight: 2.0, target }];
        let pass = Pass { inputs, rows, mode: Mode::Evaluate, terms };
        for gradient in cx.gradients(view, vec![pass])? {
            for (mean, g) in mean.iter_mut().zip(gradient.iter()) {
                *mean += share * g.abs();
            }
        }
    }
    Ok(mean)
}

fn lacks_unlabelled(task: &str) -> LearnError {
    let reason = format!(
        "task `{task}` brings no samples without labels: teach it with --unlabelled DATA, or name them as \
         `unlabelled` in the list of tasks"
    );
    refused("mas.data", &"unlabelled", &reason)
}

/// What Ω is measured on.
fn samples<'c>(data: MasData, cx: &'c Context<'_>) -> Result<&'c Samples, LearnError> {
    match cx.unlabelled().filter(|_| data == MasData::Unlabelled) {
        Some(samples) => Ok(samples),
        None => cx.samples(cx.task, Part::Train),
    }
}

impl Strategy for Mas {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Memory aware synapses",
            paper: "Aljundi et al., Memory Aware Synapses: Learning what (not) to forget, 2018, \
                    https://arxiv.org/abs/1711.09601",
            does: "Pulls each weight back by how much the length of the outputs depends on it; \
                   needs no labels for that.",
            formula: "L_t(θ) + λ Σ_i Ω_i (θ_i − θ*_i)², Ω_i += E |∂‖f‖²/∂θ_i|",
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

    fn check(&self, ahead: &Ahead<'_>) -> Result<(), LearnError> {
        let tasks = ahead.stream.map_or(&[][..], |stream| &stream.tasks);
        let lacking = tasks.iter().find(|task| task.unlabelled().is_none());
        match lacking.filter(|_| self.settings.data == MasData::Unlabelled) {
            Some(task) => Err(lacks_unlabelled(&task.name)),
            None => Ok(()),
        }
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        if self.settings.data == MasData::Unlabelled && cx.unlabelled().is_none() {
            return Err(lacks_unlabelled(cx.task_name()));
        }
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
        let MasSettings { samples: amount, data, gradient, .. } = self.settings;
        let rows = cx.draw_among(samples(data, cx)?.len(), amount, "importance");
        let (slopes, power) = (Slopes::SquaredNorm, Power::Absolute);
        let omega = match (gradient, data) {
            (MasGradient::Batch, _) => of_batches(cx, &view, data, &rows)?,
            (MasGradient::Sample, MasData::Task) => {
                cx.sample_moments(&view, &rows, slopes, power)?
            }
            (MasGradient::Sample, MasData::Unlabelled) => {
                cx.unlabelled_moments(&view, &rows, power)?
            }
        };
        let kept = if self.settings.accumulate == Accumulate::Sum { 1.0 } else { 0.0 };
        self.guard.merge(&omega, kept, cx.model.theta.clone());
        self.held.lies(&cx.model.layout, &self.guard.importance);
        let stiffest = self.guard.stiffest(self.factor());
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
