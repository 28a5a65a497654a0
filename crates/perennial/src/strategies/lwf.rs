//! Learning without forgetting (Li & Hoiem, *Learning without Forgetting*, ECCV 2016,
//! <https://arxiv.org/abs/1606.09282>).
//!
//! While a task trains, the network should go on saying of the new inputs what it said of them
//! when the task began:
//!
//! ```text
//! min_θ L_t(θ) + λ_o Σ_{old heads} mean_B CE(softmax(z_old / T), softmax(z / T))
//! z_old = f_θ_old(x), evaluation mode        θ_old ← θ at the end of each task
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | T | [`temperature`](LwfSettings::temperature) |
//! | λ_o | [`lambda`](LwfSettings::lambda) |
//! | which sum | [`weights`](LwfSettings::weights) |
//! | which mean | [`mean`](LwfSettings::mean) |
//! | a factor T² or none | [`scale`](LwfSettings::scale) |
//! | steps of the new head alone (§3) | [`warm_up`](LwfSettings::warm_up) |
//!
//! Keeps one vector of θ's length (and the running statistics). A step costs one more forward
//! pass of the batch. With one head for all tasks the old head is that head; with one that grows
//! it is the units that were there.
//!
//! *The scale.* The gradient of the softened cross-entropy shrinks with T². Hinton et al. (2015)
//! multiply the loss by T² to make up for it, and so does the code of van de Ven & Tolias
//! ([`LwfScale::Squared`]); the loss of Li & Hoiem has no such factor ([`LwfScale::Paper`]). At T = 2
//! the pull is four times as strong with it as without: their λ_o of 1 is ¼ of the other.
//!
//! *One head for all tasks.* Label y and teacher q then speak of the same units, and the teacher
//! has never seen such inputs. By the logit z_y the loss has the slope (p_y − 1) + a (p_y' − q_y),
//! p' and q softened, a = λ_o T with the factor and λ_o / T without: where the teacher is sure of
//! another class, the label wins for certain only with a < 1. Three tasks of permuted digits,
//! mlp:100x100, 20 epochs, 3 seeds, accuracy on each task just learnt, with the factor: a = .4 → .97
//! (T 4), .5 → .96 (T 2), 1 → .91 (T 2), .84 (T 1), .96 (T 4), 2 → .75, 4 → .77; fine-tuning .98. More
//! epochs make it worse at 2 (.85 with 5), as the teacher gets surer; so it is no lack of training.
//! The program says so where a is 1 or more.
//!
//! *Warm-up.* The paper trains the new head alone until it converges, then all weights together.
//! Here the first [`warm_up`](LwfSettings::warm_up) share of a task's steps are such, with the trunk
//! and its running statistics held; a task costs the same steps with and without, but for rounding and
//! for one step of each at least. The first task has none, as the paper's network comes trained. With one head for all tasks no head is new.
//!
//! *Differences.* Van de Ven & Tolias weigh the two losses by shares of the tasks
//! ([`LwfWeights::Shares`]): (1/t) L_t + λ_o (1 − 1/t) · the *mean* over the old heads, and where the
//! head grows the old targets are padded with 0 for the new classes. Their code of 2018 moreover
//! divided a head's loss by its units ([`LwfMean::Classes`]): with it, and not without, a head that
//! grows comes out as they published.
//!
//! ```
//! let lwf = perennial::strategies::Entry::find("lwf").ok_or("unknown")?;
//! assert!(lwf.create(&serde_json::json!({ "weights": "shares" })).is_ok());
//! assert!(lwf.create(&serde_json::json!({ "scale": "squared", "warm-up": 0.1 })).is_ok());
//! assert!(lwf.create(&serde_json::json!({ "temperature": 0 })).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, at_least_zero, refused};
use crate::engine::Frozen;
use crate::learner::{Context, LearnError};
use crate::model::{Model, Statistics, View};
use crate::parts::distil::softened;
use crate::scenario::Setting;
use crate::strategy::{
    Ahead, Batch, Card, ClassHead, Isolation, Keeps, Outcome, Phase, Promises, Strategy,
};
use crate::vector::Vector;
use crate::{Slot, SlotId};
use perennial_nn::loss::{Pass, Target, Term};

/// Holds the network to what it said of new inputs before it learnt from them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lwf {
    /// Its settings.
    pub settings: LwfSettings,
    /// θ_old; empty during the first task. `[θ then]`
    teacher: Vector,
    /// Running statistics then. `[buffers then]`
    buffers: Vector,
    /// Heads then.
    heads: usize,
    /// Whether the new head alone is trained now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    warming: bool,
}

/// Settings of learning without forgetting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct LwfSettings {
    /// T > 0: above 1, small probabilities count more.
    pub temperature: f64,
    /// λ_o ≥ 0: weight of the old answers.
    pub lambda: f64,
    /// How new and old are weighed.
    pub weights: LwfWeights,
    /// What the loss of the old answers is a mean over.
    pub mean: LwfMean,
    /// Whether the loss of the old answers is multiplied by T².
    #[serde(default = "LwfScale::of_older_programs")]
    pub scale: LwfScale,
    /// The share of a later task's steps in which the new head alone is trained: at least 0, below 1.
    #[serde(default)]
    pub warm_up: f64,
}

/// Whether the loss of the old answers is multiplied by T².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LwfScale {
    /// It is not (Li & Hoiem 2016).
    #[default]
    Paper,
    /// It is (Hinton, Vinyals & Dean 2015; van de Ven & Tolias).
    Squared,
}

impl LwfScale {
    /// A saved learner without this setting is of a program that always multiplied.
    fn of_older_programs() -> Self {
        Self::Squared
    }

    /// What a loss that has the factor is multiplied by.
    fn factor(self, temperature: f64) -> f64 {
        match self {
            Self::Paper => 1.0 / (temperature * temperature),
            Self::Squared => 1.0,
        }
    }
}

/// How the losses of new and old are weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LwfWeights {
    /// Their sum.
    #[default]
    Sum,
    /// 1/t and 1 − 1/t.
    Shares,
}

/// What the loss of the old answers is a mean over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LwfMean {
    /// The rows of the batch; over a head's units it is a sum, the cross-entropy.
    #[default]
    Rows,
    /// The rows and the units too: the cross-entropy over the number of units that compete.
    Classes,
}

impl LwfMean {
    /// By what the sum over so many rows and units is divided.
    fn over(self, rows: usize, units: usize) -> usize {
        match self {
            Self::Rows => rows,
            Self::Classes => rows * units,
        }
    }
}

impl Default for LwfSettings {
    fn default() -> Self {
        Self {
            temperature: 2.0,
            lambda: 1.0,
            weights: LwfWeights::Sum,
            mean: LwfMean::Rows,
            scale: LwfScale::Paper,
            warm_up: 0.0,
        }
    }
}

impl Method for Lwf {
    type Settings = LwfSettings;
    const NAME: &'static str = "lwf";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("temperature", "T, above 0: above 1, small probabilities count more"),
        ("lambda", "weight of the old answers, at least 0"),
        ("weights", "how new and old are weighed: sum, or shares (1/t and 1 − 1/t)"),
        ("mean", "the loss of old answers is a mean over: rows, or rows and classes (classes)"),
        ("scale", "the loss of old answers: paper (as it is), or squared (times T²)"),
        ("warm-up", "share of a task's steps in which the new head alone is trained, below 1"),
    ];

    fn with(settings: LwfSettings) -> Result<Self, LearnError> {
        let temperature = settings.temperature;
        if !(temperature > 0.0 && temperature.is_finite()) {
            return Err(refused("lwf.temperature", &temperature, "it must be a number above 0"));
        }
        at_least_zero("lwf.lambda", settings.lambda)?;
        if !(0.0..1.0).contains(&settings.warm_up) {
            let expected = "it must be a share of a task's steps, at least 0 and below 1";
            return Err(refused("lwf.warm-up", &settings.warm_up, expected));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

impl Strategy for Lwf {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Learning without forgetting",
            paper: "Li & Hoiem, Learning without Forgetting, 2016, \
                    https://arxiv.org/abs/1606.09282",
            does: "Keeps the network of the task before as a teacher and asks the new one to say \
                   the same of the new inputs. It cannot help where old and new inputs have \
                   nothing in common.",
            formula: match self.settings.scale {
                LwfScale::Paper => "L_t(θ) + λ_o Σ_old CE(softmax(z_old/T), softmax(z/T))",
                LwfScale::Squared => "L_t(θ) + λ_o Σ_old T² CE(softmax(z_old/T), softmax(z/T))",
            },
            keeps: Keeps::Vectors(1),
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it copies the network when a task begins"),
            validation: false,
            promises: Promises {
                setting: Setting::Task, // with one head, the old answers to new inputs hold it back
                epochs: 5,
                newest: Some(0.8),
                margin: None,
                class_margin: None,
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    /// A warm-up needs tasks that bring a new head.
    fn check(&self, ahead: &Ahead<'_>) -> Result<(), LearnError> {
        let share = self.settings.warm_up;
        let full = ahead.training.head == Some(ClassHead::Full);
        let shared = match ahead.setting {
            Setting::Domain => "with --setting domain all tasks share one head",
            Setting::Class if full => {
                "with --head full all classes have their outputs from the start"
            }
            _ => return Ok(()),
        };
        if share == 0.0 {
            return Ok(());
        }
        let expected = format!("{shared}, so there is no new head to train alone; leave it out");
        Err(refused("lwf.warm-up", &share, &expected))
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let LwfSettings { temperature, lambda, weights, mean, scale, .. } = self.settings;
        // The last task's shares are the teacher's largest: (T − 1) to 1.
        let shares = match weights {
            LwfWeights::Sum => 1.0,
            LwfWeights::Shares => cx.tasks().unwrap_or(cx.task + 1).saturating_sub(1) as f64,
        };
        let of_each = mean.over(1, cx.model.units()) as f64;
        let slope = temperature * scale.factor(temperature);
        let pull = lambda * slope * shares / of_each;
        if cx.setting == Setting::Domain && pull >= 1.0 {
            cx.note(format!(
                "lwf: with one head for all tasks the old answers can outvote the labels of new \
                 tasks, for lambda {} temperature{}{} is {pull}; below 1 the labels win",
                if scale == LwfScale::Paper { "/" } else { "×" },
                if shares == 1.0 { "" } else { " × (tasks − 1)" },
                if of_each == 1.0 { "" } else { " / classes" }
            ));
        }
        Ok(())
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let share = self.settings.warm_up;
        let new_head = cx.model.heads.len() > self.heads;
        let train = Phase { keep_optimizer: true, ..Phase::default() };
        Ok(match last {
            None if self.teacher.is_empty() || share == 0.0 => Some(Phase::default()),
            None if !new_head => {
                cx.note("lwf.warm-up has no new head to train in a task that brings no new class");
                Some(Phase::default())
            }
            None => {
                self.warming = true;
                Some(Phase { name: "warm-up".into(), share, ..Phase::default() })
            }
            Some(_) if self.warming => {
                self.warming = false;
                Some(Phase { share: 1.0 - share, ..train })
            }
            Some(_) => None,
        })
    }

    fn frozen(&self, _: usize, model: &Model) -> Frozen {
        let older = |(_, slot): &(usize, &Slot)| slot.offset < self.teacher.len();
        let slots = model.layout.slots().iter().enumerate().filter(older);
        let slots =
            if self.warming { slots.map(|(at, _)| SlotId(at)).collect() } else { [].into() };
        Frozen { slots, mask: None }
    }

    fn view(&self, task: usize, model: &Model) -> View {
        let view = model.shared_view(task);
        if self.warming { View { statistics: Statistics::Fixed, ..view } } else { view }
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        let mut pass = cx.labelled(batch);
        let LwfSettings { temperature, lambda, weights, mean, scale, .. } = self.settings;
        if self.teacher.is_empty() {
            return Ok(vec![pass]);
        }
        let rows = batch.len();
        let old = self.old_units(cx);
        let (new, each) = match weights {
            LwfWeights::Sum => (1.0, lambda),
            LwfWeights::Shares => {
                let t = (cx.task + 1) as f64;
                (1.0 / t, lambda * (1.0 - 1.0 / t) / old.len() as f64)
            }
        };
        pass.terms.iter_mut().for_each(|term| term.weight *= new as f32);
        if lambda == 0.0 {
            return Ok(vec![pass]);
        }
        let mut view = self.view(cx.task - 1, cx.model);
        view.heads.truncate(self.heads);
        view.answer = 0..old.last().map_or(0, |units| units.end);
        let (teacher, buffers) = (&mut self.teacher, &mut self.buffers);
        let said = cx.logits_at(teacher, buffers, &view, &batch.inputs, rows)?;
        let padded = weights == LwfWeights::Shares && cx.setting == Setting::Class;
        for units in old {
            let active = if padded { 0..cx.model.units() } else { units.clone() };
            let mut probabilities = Vec::with_capacity(rows * active.len());
            for row in 0..rows {
                let logits = said.row(row, &units).unwrap_or_default();
                probabilities.extend(softened(logits, temperature as f32));
                probabilities.resize((row + 1) * active.len(), 0.0);
            }
            let each = each * scale.factor(temperature); // the target has the factor T²
            let weight = each as f32 / mean.over(rows, active.len()) as f32;
            let target = Target::Soft { probabilities, temperature: temperature as f32 };
            pass.terms.push(Term { rows: 0..rows, active, weight, target });
        }
        Ok(vec![pass])
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.teacher = cx.model.theta.clone();
        self.buffers = cx.model.buffers.clone();
        self.heads = cx.model.heads.len();
        Ok(())
    }
}

impl Lwf {
    /// The units of each old head: one a task, or all that old tasks have labels for together. A head
    /// that has all classes from the start has more, of which the teacher knows nothing.
    fn old_units(&self, cx: &Context<'_>) -> Vec<Range<usize>> {
        match cx.setting {
            Setting::Task => (0..cx.task).map(|task| cx.model.answer(task)).collect(),
            Setting::Domain | Setting::Class => {
                let units = cx.model.outputs[..cx.task].iter().flat_map(|it| &it.units);
                let all = 0..units.max().map_or(0, |&last| last as usize + 1);
                vec![all]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::strategies::Entry;

    /// Catches: a learner of an older program that goes on with a quarter of its pull.
    #[test]
    fn what_older_programs_saved_has_the_factor() {
        let old = json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows" });
        let saved: LwfSettings = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((saved.scale, saved.warm_up), (LwfScale::Squared, 0.0));
        let entry = Entry::find("lwf").unwrap();
        assert_eq!(entry.create_saved(&old).unwrap().settings()["scale"], "squared");
        assert_eq!(entry.create(&old).unwrap().settings()["scale"], "paper");
    }
}
