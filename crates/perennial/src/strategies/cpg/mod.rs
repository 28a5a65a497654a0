//! Compacting, picking and growing: use of the old what helps, grow where that is not enough, and
//! give back what is not needed.
//!
//! Hung, Tu, Wu, Chen, Chan & Chen, *Compacting, Picking and Growing for Unforgetting Continual
//! Learning*, 2019, <https://arxiv.org/abs/1910.06562>.
//!
//! ```text
//! for each task t with goal a_t:
//!     pick     min L_t over the free weights and the scores p of the older ones,
//!              W_eff = W · 1[p > τ] there, ∂p = g ∘ W;  missed a_t? widen the network, again
//!     compact  in stages s = .1 … .9, .95: free the share s of what t took, least |w| first,
//!              training on; the sparsest copy that still reaches a_t is kept
//!     retrain  what is left and the scores once more; kept if better
//! task k is answered with its own weights and those that it picked
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | a_t, on validation rows | `goal` |
//! | most weights of the trunk, as a multiple of the first trunk's | `growth` |
//! | what a widening adds, likewise | `step` |
//! | training accuracy below which compaction ends | `min-train` |
//! | parts of a task's steps for a stage, for retraining | `compact`, `retrain` |
//!
//! Keeps an owner a weight, ⌈log₂(tasks + 1)⌉ bits, and for each task a bit for each weight that
//! was there before it; while a task is learnt, scores with two moments and the best copy so far.
//! Biases, normalisation and head are each task's own. A task has, beside its training, that of
//! the network that sets its goal, a training for each widening, ten stages and a retraining. A
//! step of picking is one of plain training and one pass over the scores. Picking in a wider network
//! restarts from the state before the task and retraining from the copy that is kept, so a report
//! has no any-time metrics of this method.
//!
//! # Differences
//!
//! With `goal = individual` each task first trains a network of the first width for itself, for
//! as many steps as the picking has: bit for bit the network that `independent` would have. Its
//! validation accuracy is the goal; the network goes. What is chosen is chosen on validation rows;
//! the authors' code chooses on the test set. A task that missed its goal must leave its equal
//! share of the free weights to those to come; the last of a stream of known length is compacted
//! as the paper does it, but only to copies that are no worse.
//!
//! ```
//! use perennial::strategies::Entry;
//! let cpg = Entry::find("cpg").unwrap();
//! assert!(cpg.create(&serde_json::json!({"goal": 0.95, "growth": 2})).is_ok());
//! assert!(cpg.create(&serde_json::json!({"goal": 95})).is_err());
//! ```

mod course;
mod decide;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::course::{Course, Decision, Stage};
use super::{ISOLATED, Method, refused};
use crate::engine::Frozen;
use crate::learner::{Context, LearnError};
use crate::model::{Model, View};
use crate::parts::goal::Goal;
use crate::parts::owners::Owners;
use crate::parts::shares::{Shares, layers};
use crate::scenario::Part;
use crate::strategy::{
    Card, Changed, ClassHead, Gradient, Isolation, Keeps, Outcome, Phase, Step, Strategy,
    WithinTask,
};
use crate::vector::Mask;

/// Compacting, picking and growing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cpg {
    /// Its settings.
    pub settings: CpgSettings,
    /// Whose each weight is. `[θ]`
    owners: Owners,
    /// Which older weights each finished task uses. `[tasks][θ when it began]`
    picks: Vec<Mask>,
    /// Weights of the trunk, as a multiple of the first width's; 0 before the first task.
    width: f64,
    /// The task that is being learnt.
    course: Option<Course>,
    decisions: Vec<Decision>,
    shares: Shares,
}

/// Settings of compacting, picking and growing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct CpgSettings {
    /// The validation accuracy that a task must reach.
    pub goal: Goal,
    /// Most weights of the trunk, as a multiple ≥ 1 of those it begins with.
    pub growth: f64,
    /// What a widening adds at most, as a multiple > 0 of the weights it begins with.
    pub step: f64,
    /// Accuracy of a stage's training steps below which compaction ends; 0 to 1.
    pub min_train: f64,
    /// Part of a task's steps that a stage of compaction has; above 0, at most 1.
    pub compact: f64,
    /// Part of a task's steps that retraining has; 0 (none) to 1.
    pub retrain: f64,
}

impl Default for CpgSettings {
    fn default() -> Self {
        Self {
            goal: Goal::Individual,
            growth: 1.5,
            step: 0.5,
            min_train: 0.95,
            compact: 0.1,
            retrain: 0.5,
        }
    }
}

impl Method for Cpg {
    type Settings = CpgSettings;
    const NAME: &'static str = "cpg";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        (
            "goal",
            "validation accuracy a task must reach: individual (a network of its own), a number, \
             or one a task",
        ),
        ("growth", "most weights, as a multiple of the first trunk's; at least 1"),
        ("step", "what a widening adds, as a multiple of the first trunk's weights; above 0"),
        ("min-train", "training accuracy below which compaction ends; 0 to 1"),
        ("compact", "part of a task's steps for a stage of compaction; above 0, at most 1"),
        ("retrain", "part of a task's steps for retraining; 0 to 1"),
    ];

    fn with(settings: CpgSettings) -> Result<Self, LearnError> {
        let CpgSettings { ref goal, growth, step, min_train, compact, retrain } = settings;
        goal.check("cpg.goal")?;
        let check = |key: &str, value: f64, fits: bool, expected: &str| match fits {
            true => Ok(()),
            false => Err(refused(&format!("cpg.{key}"), &value, expected)),
        };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let grows = growth.is_finite() && growth >= 1.0;
        check("growth", growth, grows, "it must be a multiple of at least 1")?;
        check("step", step, step.is_finite() && step > 0.0, "it must be a number above 0")?;
        check("min-train", min_train, share(min_train), "it must be from 0 to 1")?;
        let part = share(compact) && compact > 0.0;
        check("compact", compact, part, "it must be above 0 and at most 1")?;
        check("retrain", retrain, share(retrain), "it must be from 0 to 1")?;
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Cpg {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Compacting, picking and growing",
            paper: "Hung et al., Compacting, Picking and Growing for Unforgetting Continual \
                    Learning, 2019, https://arxiv.org/abs/1910.06562",
            does: "Picks the older weights that help a task, grows the network where the goal is \
                   missed, and prunes what the task does not need. The task must be named to \
                   answer.",
            formula: "W_eff = W · 1[p > τ] on older W; widen until a ≥ goal; prune while a ≥ goal",
            keeps: Keeps::Owners { picks: true, working: 6 },
            isolation: Isolation::Column,
            class_head: ClassHead::Grow,
            needs_borders: Some("it prunes the network for each task and grows it"),
            validation: true,
            promises: ISOLATED,
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn figures(&self) -> Value {
        json!({ "owners": self.shares.figures(), "decisions": self.decisions })
    }

    fn within_task(&self) -> WithinTask {
        WithinTask::Restarts
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let (strategy, task) = (Self::NAME, cx.task);
        if cx.samples(task, Part::Validation)?.is_empty() {
            return Err(LearnError::NoValidation { strategy, task });
        }
        if task == 0 && self.settings.growth > 1.0 {
            cx.network().scaled(self.settings.growth)?; // refuses a network of one width now
        }
        self.course = Some(Course::new(cx));
        Ok(())
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let Some(mut course) = self.course.take() else { return Ok(None) };
        let reached = last.and_then(|last| last.validation).unwrap_or(0.0);
        let next = match (last, course.stage) {
            (None, _) => match self.settings.goal.of(cx.task) {
                Some(goal) => self.pick(&mut course, goal, cx)?,
                None => Some(course.individual(cx)),
            },
            (Some(_), Stage::Individual) => self.pick(&mut course, reached, cx)?,
            (Some(_), Stage::Pick) => match self.grow(&course, reached, cx)? {
                true => {
                    let goal = course.goal;
                    self.pick(&mut course, goal, cx)?
                }
                false => self.take(&mut course, reached, cx),
            },
            (Some(_), Stage::Compact) => self.compacted(&mut course, reached, cx),
            (Some(_), Stage::Retrain) => {
                self.retrained(&mut course, reached, cx);
                None
            }
        };
        self.course = Some(course);
        Ok(next)
    }

    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        if let Some(course) = &mut self.course {
            course.learn_picks(gradient, cx.model);
        }
        Ok(())
    }

    fn frozen(&self, task: usize, _: &Model) -> Frozen {
        let held = self.course.as_ref().and_then(|course| course.held(task));
        Frozen { mask: held, ..Frozen::default() }
    }

    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        let Some(course) = &mut self.course else { return Ok(Changed::Nothing) };
        let pruned = course.stage == Stage::Compact && course.prune(step, &mut self.owners, cx);
        let changed = std::mem::take(&mut course.changed) || pruned;
        Ok(if changed { Changed::View } else { Changed::Nothing })
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        if let Some(course) = self.course.take() {
            self.picks.push(self.owners.older(cx.task, &course.keep));
        }
        let layers = layers(cx.model, &cx.model.columns[cx.task]);
        self.shares.note(&layers, &self.owners, cx.task);
        Ok(())
    }

    fn view(&self, task: usize, model: &Model) -> View {
        let keep = match (&self.course, self.picks.get(task)) {
            (_, Some(picked)) => Some(Arc::new(self.owners.with_picks(task, picked))),
            (Some(course), None) => course.kept(),
            (None, None) => None,
        };
        View { keep, ..model.own_view(task) }
    }
}
