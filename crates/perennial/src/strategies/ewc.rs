//! Elastic weight consolidation: hold each weight by how much the answers depend on it.
//!
//! Kirkpatrick, Pascanu, Rabinowitz et al., *Overcoming catastrophic forgetting in neural
//! networks*, 2017, <https://arxiv.org/abs/1612.00796>.
//!
//! ```text
//! L'(θ) = L_t(θ) + λ/2 Σ_{k<t} Σ_i F_i^k (θ_i − θ*_i^k)²
//! F_i^k = E_x Σ_y p(y|x) (∂ log p(y|x)/∂θ_i)²     at θ*^k, on task k's training samples
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | λ | `lambda` |
//! | F, which form | `fisher`, measured on `fisher_samples` |
//! | θ*^k, how kept | `anchors` |
//!
//! Keeps two vectors (folded, merged) or two a task (separate). A step costs one pass over
//! θ, F and θ*; with separate anchors one for every task so far. The end of a task costs a
//! backward pass a class over its samples.
//!
//! # Differences
//!
//! Folded anchors are the paper's sum over tasks, exactly (see [`parts::anchor`]), at the cost
//! of one. Merged anchors are another method: the sum of all F about the latest θ* (Huszár
//! 2018). Many implementations square the gradient of a batch's mean loss: that is `batch-mean`
//! here, and its λ does not transfer. Some leave out the ½: their λ is half of this one.
//!
//! ```
//! use perennial::strategies::Entry;
//! let ewc = Entry::find("ewc").unwrap();
//! assert!(ewc.create(&serde_json::json!({"lambda": 6, "fisher": "empirical"})).is_ok());
//! let error = ewc.create(&serde_json::json!({"lambda": -1})).err().unwrap();
//! assert_eq!(error.to_string(), "ewc.lambda = -1 cannot be: it must be a number of at least 0");
//! ```
//!
//! [`parts::anchor`]: crate::parts::anchor

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_one, at_least_zero, refused};
use crate::learner::{Context, LearnError};
use crate::parts::explain::{self, PenaltyStep, Said, Strength};
use crate::parts::fisher::Fisher;
use crate::parts::guard::Guard;
use crate::parts::held::Held;
use crate::parts::moments::Amount;
use crate::scenario::Setting;
use crate::strategy::{
    Card, ClassHead, Descent, Isolation, Keeps, Moved, Outcome, Phase, Promises, Strategy,
};

/// Elastic weight consolidation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ewc {
    /// Its settings.
    pub settings: EwcSettings,
    /// One, or one a task where they are kept apart.
    guards: Vec<Guard>,
    said: Said,
    held: Held,
}

/// Settings of elastic weight consolidation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct EwcSettings {
    /// λ ≥ 0, of λ/2 Σ F (θ − θ*)².
    pub lambda: f64,
    /// Which Fisher information.
    pub fisher: Fisher,
    /// Training samples it is measured on.
    pub fisher_samples: Amount,
    /// How the anchors of several tasks are kept.
    pub anchors: Anchors,
    /// How the penalty enters a step.
    pub step: PenaltyStep,
}

/// How the anchors of several tasks are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchors {
    /// One anchor a task, as one parabola: the same gradient at the cost of one.
    #[default]
    Folded,
    /// One anchor a task, each a pass a step.
    Separate,
    /// The sum of all F about the latest weights.
    Merged,
}

impl Default for EwcSettings {
    fn default() -> Self {
        Self {
            lambda: 1.0,
            fisher: Fisher::Exact,
            fisher_samples: Amount::Count(1000),
            anchors: Anchors::Folded,
            step: PenaltyStep::Explicit,
        }
    }
}

impl Method for Ewc {
    type Settings = EwcSettings;
    const NAME: &'static str = "ewc";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("lambda", "λ of λ/2 Σ F (θ − θ*)²; at least 0"),
        ("fisher", "F: exact, sampled, empirical, predicted, batch-mean or one-batch"),
        ("fisher-samples", "training samples F is measured on: a number or all"),
        ("anchors", "one a task folded into one pass, separate, or merged at the latest weights"),
        ("step", "how the penalty enters a step: explicit, or implicit (stable; plain SGD)"),
    ];

    fn with(settings: EwcSettings) -> Result<Self, LearnError> {
        at_least_zero("ewc.lambda", settings.lambda)?;
        at_least_one("ewc.fisher-samples", settings.fisher_samples)?;
        if settings.anchors == Anchors::Separate && settings.step == PenaltyStep::Implicit {
            let reason = "the implicit step is taken of one parabola; folded anchors are the same \
                          penalty as one";
            return Err(refused("ewc.anchors", &"separate", reason));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Ewc {
    fn strength(&self) -> Strength {
        Strength { key: "ewc.lambda", value: self.settings.lambda }
    }

    /// All anchors together, as one parabola.
    fn whole(guards: &[Guard]) -> Cow<'_, Guard> {
        if let [only] = guards {
            return Cow::Borrowed(only);
        }
        let mut sum = Guard::default();
        guards.iter().for_each(|guard| sum.fold(guard.importance.clone(), &guard.anchor));
        Cow::Owned(sum)
    }
}

impl Strategy for Ewc {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Elastic weight consolidation",
            paper: "Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, \
                    2017, https://arxiv.org/abs/1612.00796",
            does: "Pulls each weight back to where older tasks left it, by how much the answers \
                   then depended on it (the Fisher information).",
            formula: "L_t(θ) + λ/2 Σ_k Σ_i F_i^k (θ_i − θ*_i^k)²",
            keeps: match self.settings.anchors {
                Anchors::Separate => Keeps::VectorsPerTask(2),
                Anchors::Folded | Anchors::Merged => Keeps::Vectors(2),
            },
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

    fn descend(&mut self, mut slot: Descent<'_>) -> Moved {
        let (lambda, step) = (self.settings.lambda as f32, self.settings.step);
        let Some((last, others)) = self.guards.split_last() else { return slot.go() };
        for guard in others {
            guard.pull(&mut slot, lambda); // separate anchors have no implicit step
        }
        last.descend(slot, lambda, step)
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let Some(last) = last else { return Ok(Some(Phase::default())) };
        let lambda = self.settings.lambda as f32;
        let value = |guard: &Guard| guard.penalty(&cx.model.theta, lambda);
        let penalty = self.guards.iter().map(value).sum();
        self.said.effect(cx, self.strength(), penalty, last.loss);
        self.held.moved(cx.task, &cx.model.theta, &Self::whole(&self.guards));
        Ok(None)
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let view = self.view(cx.task, cx.model);
        let fisher = self.settings.fisher.measure(cx, &view, self.settings.fisher_samples)?;
        let anchor = cx.model.theta.clone();
        match (self.settings.anchors, self.guards.last_mut()) {
            (Anchors::Separate, _) | (_, None) => {
                self.guards.push(Guard { importance: fisher, anchor });
            }
            (Anchors::Folded, Some(guard)) => guard.fold(fisher, &anchor),
            (Anchors::Merged, Some(guard)) => guard.merge(&fisher, 1.0, anchor),
        }
        let whole = Self::whole(&self.guards);
        let stiffest = whole.stiffest(self.settings.lambda as f32);
        self.held.lies(&cx.model.layout, &whole.importance);
        self.said.stiffness(cx, self.strength(), stiffest, self.settings.step);
        Ok(())
    }
}
