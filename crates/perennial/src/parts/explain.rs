//! What a penalty says to the user beside its numbers: that it is too stiff for the learning
//! rate, that it does nothing, that it cannot hold what it is asked to hold.

use serde::{Deserialize, Serialize};

use crate::learner::{Context, LearnError};
use crate::model::NormStatistics;
use crate::optimizer::{OptimizerKind, OptimizerSettings};
use crate::scenario::Setting;

/// A penalty below this share of the loss does nothing that anyone could see.
const NO_EFFECT: f64 = 1e-6;
/// A pull that moves no weight by this share of its way in a step is no stiff one either.
const NO_PULL: f32 = 1e-3;

/// How the penalty enters a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyStep {
    /// Its gradient at the step's beginning; diverges when lr · 2b is too large.
    #[default]
    Explicit,
    /// Its gradient at the step's end, ĝ = (g + 2b(θ − θ*)) / (1 + 2 lr b); plain SGD only.
    Implicit,
}

/// A setting and its value, for messages.
#[derive(Clone, Copy, Debug)]
pub struct Strength {
    /// For example `ewc.lambda`.
    pub key: &'static str,
    /// For example λ.
    pub value: f64,
}

/// What was already said in this run, and whether the penalty ever did anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    unstable: bool,
    acts: bool,
}

/// The largest lr · 2b at which steps still converge: 2 for plain gradient descent, 2 (1 + μ)
/// with momentum μ; none with Adam, whose steps are bounded by the learning rate.
pub fn stable_limit(optimizer: &OptimizerSettings) -> Option<f32> {
    match optimizer.kind {
        OptimizerKind::Sgd => Some(2.0 * (1.0 + optimizer.momentum)),
        OptimizerKind::Adam => None,
    }
}

/// At the begin of a task: refuses the implicit step where it is not exact, and says what no
/// penalty on the weights can do.
///
/// # Errors
///
/// [`LearnError::BadSetting`] for an implicit step under momentum, decay or Adam.
pub fn begin(
    cx: &mut Context<'_>,
    method: &str,
    strength: Strength,
    step: PenaltyStep,
) -> Result<(), LearnError> {
    let rule = &cx.training.optimizer;
    let plain = rule.kind == OptimizerKind::Sgd && rule.momentum == 0.0 && rule.weight_decay == 0.0;
    if step == PenaltyStep::Implicit && !plain {
        return Err(LearnError::BadSetting {
            key: format!("{method}.step"),
            value: "implicit".into(),
            expected: "the implicit step is exact for plain SGD only, without momentum and weight \
                       decay; use explicit"
                .into(),
        });
    }
    let runs = cx.model.norm == NormStatistics::Running && !cx.network().buffers().is_empty();
    if runs && cx.task > 0 && strength.value > 0.0 {
        let own = match cx.setting {
            Setting::Task => ", norm.statistics=task gives each task its own",
            Setting::Domain | Setting::Class => "",
        };
        cx.note(format!(
            "{method} holds weights, but not the running statistics of batch normalisation: every task \
             moves them under the older ones. norm.statistics=fixed-after-first keeps those of the \
             first task{own}"
        ));
    }
    if cx.setting == Setting::Class && cx.task > 0 && strength.value > 0.0 {
        cx.note(format!(
            "{method} cannot hold old classes here: in the class-incremental setting the batches \
             of a new task never show them, so the loss only ever pushes their outputs down, and \
             a penalty on the weights has no sample that would raise them again. Published \
             results are at chance for old classes too. A memory of samples (er, derpp) can hold \
             them."
        ));
    }
    Ok(())
}

impl Said {
    /// Whenever the penalty became stiffer: `stiffest` is the index of the weight with the
    /// largest 2b, and that 2b. Says once in a run when steps will not converge.
    pub fn stiffness(
        &mut self,
        cx: &mut Context<'_>,
        strength: Strength,
        stiffest: Option<(usize, f32)>,
        step: PenaltyStep,
    ) {
        let Some((index, stiffness)) = stiffest else { return };
        self.acts |= cx.lr * stiffness > NO_PULL;
        let limit = stable_limit(&cx.training.optimizer);
        let Some(limit) = limit.filter(|_| step == PenaltyStep::Explicit && !self.unstable) else {
            return;
        };
        let pull = cx.lr * stiffness;
        if pull < limit {
            return;
        }
        self.unstable = true;
        let layer = cx.model.layout.slot_at(index).map_or("?", |slot| slot.name.as_str());
        let (key, value) = (strength.key, strength.value);
        cx.note(format!(
            "after task {}, {key} = {value} pulls too hard for the learning rate {}: lr · 2b is \
             {pull:.3} in {layer}, and steps converge below {limit:.1} only. From there on \
             weights swing about their anchors and may end as NaN; {key} up to {:.3e} is stable \
             so far, and {}.step=implicit for every value.",
            cx.task + 1,
            cx.lr,
            value * f64::from(limit / pull),
            key.split('.').next().unwrap_or(key),
        ));
    }

    /// At the end of a task: says, at the end of the last, when the penalty never reached a
    /// share of the loss that does anything.
    pub fn effect(
        &mut self,
        cx: &mut Context<'_>,
        strength: Strength,
        penalty: f64,
        loss: Option<f64>,
    ) {
        if cx.task == 0 || strength.value == 0.0 {
            return; // nothing was held yet, or nothing was to be
        }
        self.acts |= loss.is_none_or(|loss| penalty > NO_EFFECT * loss.abs());
        if !self.acts && cx.tasks() == Some(cx.task + 1) {
            cx.note(format!(
                "{} = {} had no effect: the penalty never exceeded {NO_EFFECT:e} of the loss at \
                 the end of a task. A larger value holds more.",
                strength.key, strength.value
            ));
        }
    }
}
