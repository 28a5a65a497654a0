//! How every strategy of a run trains: equal conditions.

use serde::{Deserialize, Serialize};

use super::remainder::of_any_version;
use super::{ClassHead, Confidence, LearnError, Remainder, blurry};
use crate::model::NormStatistics;
use crate::network::Graph;
use crate::optimizer::{OptimizerKind, OptimizerSettings};
use crate::scenario::{Setting, Stream};
use crate::strategy::{Card, Isolation};

/// What training is made of, whatever the strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Training {
    /// Passes over a task's training rows.
    pub epochs: usize,
    /// Steps a task instead of epochs: passes are begun until they are made.
    pub iterations: Option<u64>,
    /// Rows a step, at most.
    pub batch: usize,
    /// What becomes of an epoch's rows that fill no whole batch.
    #[serde(alias = "drop-last", deserialize_with = "of_any_version")]
    pub remainder: Remainder,
    /// Learning rate.
    pub lr: f32,
    /// How gradients become moves.
    pub optimizer: OptimizerSettings,
    /// How batch normalisation treats tasks.
    #[serde(default, skip_serializing_if = "NormSettings::is_default")]
    pub norm: NormSettings,
    /// Test rows a task, drawn once; `None` for all.
    pub eval_samples: Option<usize>,
    /// A row of R after every so many tasks (and the last); the others are null.
    pub eval_every: usize,
    /// Accuracy on a fixed subset every so many steps; `None` for never.
    pub anytime: Option<u64>,
    /// β: accuracy on each task before its first batch and after each of its first β batches, on the
    /// test rows of R ([`LearningCurves`](perennial_metrics::LearningCurves)); `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lca: Option<usize>,
    /// When a class gets its output in the class setting; `None` for the strategy's own
    /// ([`Card::class_head`](crate::strategy::Card::class_head)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<ClassHead>,
    /// The share of each task's training rows, at least 0 and below 1, that comes from other tasks: a
    /// task's turn has as many rows as before, every row comes up in one turn, and test rows stay. The
    /// rows are drawn by the seed. The training rows of all tasks are in memory at once.
    ///
    /// It is a setting of the training and not of the stream: tasks and tests of the stream stay, only
    /// batches differ. It is saved with the learner, so that a learner that goes on keeps it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blurry: f64,
    /// Whether the strategy is not told where tasks begin and end: `begin_task` is called before the
    /// first batch of all and `end_task` after the last, and the optimiser's moments go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_borders: bool,
    /// By what a learner with a network for each task guesses the task, where it is not told.
    pub infer: Confidence,
}

/// How batch normalisation treats tasks.
///
/// Rotated digits, 5 tasks, a head a task, cnn:8x16x32, EWC with a penalty under which no older weight
/// moves, 3 seeds: with running statistics it forgets .082, with those of the first task or of each
/// task .000.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct NormSettings {
    /// Which running statistics there are.
    pub statistics: NormStatistics,
}

impl NormSettings {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses statistics that cannot be here.
    pub(super) fn check(
        &self,
        network: &Graph,
        card: &Card,
        setting: Setting,
    ) -> Result<(), LearnError> {
        let key = "norm.statistics";
        let value = match self.statistics {
            NormStatistics::Running => return Ok(()),
            NormStatistics::Task => "task",
            NormStatistics::FixedAfterFirst => "fixed-after-first",
        };
        if network.buffers().is_empty() {
            let text = format!("{} has no batch normalisation; leave it out", network.name());
            return Err(bad(key, &value, &text));
        }
        if self.statistics == NormStatistics::Task && setting != Setting::Task {
            let text = format!(
                "a task's own statistics need the task to be told, and --setting {setting} does not \
                 tell it; use --setting task, or fixed-after-first"
            );
            return Err(bad(key, &value, &text));
        }
        if self.statistics == NormStatistics::FixedAfterFirst && card.isolation != Isolation::Shared
        {
            return Err(LearnError::OwnStatistics { strategy: card.name });
        }
        Ok(())
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            epochs: 1,
            iterations: None,
            batch: 10,
            remainder: Remainder::default(),
            lr: 0.1,
            optimizer: OptimizerSettings::default(),
            norm: NormSettings::default(),
            eval_samples: None,
            eval_every: 1,
            anytime: None,
            lca: None,
            head: None,
            blurry: 0.0,
            no_borders: false,
            infer: Confidence::default(),
        }
    }
}

impl Training {
    /// Refuses what cannot be trained with.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), LearnError> {
        let positive = |key: &str, value: usize| match value {
            0 => Err(bad(key, &value, "it must be at least 1")),
            _ => Ok(()),
        };
        positive("epochs", self.epochs)?;
        positive("batch", self.batch)?;
        positive("eval-every", self.eval_every)?;
        positive("eval-samples", self.eval_samples.unwrap_or(1))?;
        if self.iterations == Some(0) {
            return Err(bad("iterations", &0, "it must be at least 1 step"));
        }
        if self.anytime == Some(0) {
            return Err(bad("anytime", &0, "it must be at least 1 step"));
        }
        if self.lca == Some(0) {
            return Err(bad("lca", &0, "it must be at least 1 batch"));
        }
        if !(0.0..1.0).contains(&self.blurry) {
            let reason = "it is the share of each task's training samples that come from other \
                          tasks: at least 0 and below 1, such as 0.1";
            return Err(bad("blurry", &self.blurry, reason));
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(bad("lr", &self.lr, "a learning rate is a number above 0"));
        }
        let share = |key, value: f32| match value {
            0.0..1.0 => Ok(()),
            _ => Err(bad(key, &value, "it must be at least 0 and below 1")),
        };
        let rule = &self.optimizer;
        share("optimizer.momentum", rule.momentum)?;
        share("optimizer.beta1", rule.beta1)?;
        share("optimizer.beta2", rule.beta2)?;
        if rule.kind == OptimizerKind::Adam && rule.momentum != 0.0 {
            let reason = "Adam has optimizer.beta1 in its place";
            return Err(bad("optimizer.momentum", &rule.momentum, reason));
        }
        if !(rule.weight_decay >= 0.0 && rule.weight_decay.is_finite()) {
            return Err(bad("optimizer.weight-decay", &rule.weight_decay, "it must be at least 0"));
        }
        if !(rule.epsilon > 0.0 && rule.epsilon.is_finite()) {
            return Err(bad("optimizer.epsilon", &rule.epsilon, "it must be above 0"));
        }
        Ok(())
    }

    /// Whether tasks have no sharp borders, or nobody tells the strategy where they are.
    #[must_use]
    pub fn is_borderless(&self) -> bool {
        self.blurry > 0.0 || self.no_borders
    }

    /// When a class gets its output in the class setting. In a stream without borders all classes have
    /// theirs from the start.
    #[must_use]
    pub fn class_head(&self, card: &Card) -> ClassHead {
        let usual = if self.is_borderless() { ClassHead::Full } else { card.class_head };
        self.head.unwrap_or(usual)
    }

    /// Refuses a stream without borders where the method or the setting needs them.
    ///
    /// # Errors
    ///
    /// The task setting, a head that grows, a card that says why it
    /// [needs borders](Card::needs_borders), or tasks whose rows cannot be exchanged.
    pub(super) fn check_borders(
        &self,
        card: &Card,
        setting: Setting,
        stream: &Stream,
    ) -> Result<(), LearnError> {
        if !self.is_borderless() {
            return Ok(());
        }
        if setting == Setting::Task {
            let reason = "--setting task tells the learner the task of every sample, so tasks have \
                          borders; use --setting domain or class";
            return Err(match self.blurry > 0.0 {
                true => bad("blurry", &self.blurry, reason),
                false => bad("no-borders", &true, reason),
            });
        }
        if self.head == Some(ClassHead::Grow) {
            let reason = "a head that grows shows where a task begins, and this stream has no \
                          borders; use --head full, or leave it out";
            return Err(bad("head", &ClassHead::Grow, reason));
        }
        if self.norm.statistics == NormStatistics::FixedAfterFirst {
            let reason = "it must be told when the first task ends, and this stream has no borders; \
                          leave it out";
            return Err(bad("norm.statistics", &"fixed-after-first", reason));
        }
        if let Some(reason) = card.needs_borders {
            return Err(LearnError::NeedsBorders { strategy: card.name, reason });
        }
        if self.blurry > 0.0 { blurry::check(stream, self.blurry) } else { Ok(()) }
    }

    /// Refuses a stream without borders for a learner whose tasks arrive one by one.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub(crate) fn check_open_ended(&self) -> Result<(), LearnError> {
        let reason = "a learner that is taught task by task gets each task's data when it is taught; \
                      leave it out";
        match self.blurry > 0.0 {
            true => Err(bad("blurry", &self.blurry, reason)),
            false if self.no_borders => Err(bad("no-borders", &true, reason)),
            false => Ok(()),
        }
    }

    /// Refuses a task of `rows` training rows for which no step would be made.
    ///
    /// # Errors
    ///
    /// [`Remainder::Drop`] with fewer rows than a batch.
    pub fn check_rows(&self, task: &str, rows: usize) -> Result<(), LearnError> {
        self.check_steps(&format!("task `{task}`, which has {rows} training samples"), rows)
    }

    /// The same of any `rows` rows that batches are drawn from; `of` says what they are.
    pub(super) fn check_steps(&self, of: &str, rows: usize) -> Result<(), LearnError> {
        if self.remainder.batches(rows, self.batch) > 0 {
            return Ok(());
        }
        let expected = format!(
            "a batch of {} leaves no step for {of}; use a batch of {rows} or less, or another \
             remainder",
            self.batch
        );
        Err(bad("remainder", &self.remainder, &expected))
    }
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

pub(super) fn bad(key: &str, value: &impl ToString, expected: &str) -> LearnError {
    LearnError::BadSetting { key: key.into(), value: value.to_string(), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::{State, from_state};

    /// From the `run.json` of a program that had `drop-last` in the place of a remainder.
    const OLD: &str = r#"{"epochs":200,"iterations":null,"batch":10,"drop-last":false,"lr":0.1,
        "optimizer":{"kind":"sgd","momentum":0.0,"weight-decay":0.0,"beta1":0.9,"beta2":0.999,
        "epsilon":1e-8,"keep":"task"},"eval-samples":null,"eval-every":1,"anytime":null,
        "infer":"entropy"}"#;

    /// Catches: an old plan that is refused, or that is gone on with in other batches.
    #[test]
    fn the_remainder_of_older_programs_is_read() {
        let read = |text: &str| serde_json::from_str::<Training>(text);
        assert_eq!(read(OLD).unwrap().remainder, Remainder::Short);
        let dropping = OLD.replace("false", "true");
        assert_eq!(read(&dropping).unwrap().remainder, Remainder::Drop);
        // A learner's state has a reader of its own.
        let header = serde_json::from_str(&dropping).unwrap();
        let state = State { header, tensors: BTreeMap::new() };
        assert_eq!(from_state::<Training>(&state).unwrap().remainder, Remainder::Drop);
        for remainder in [Remainder::Short, Remainder::Drop, Remainder::Even] {
            let training = Training { remainder, ..Training::default() };
            let text = serde_json::to_string(&training).unwrap();
            assert!(text.contains(&format!("\"remainder\":\"{remainder}\"")), "{text}");
            assert_eq!(read(&text).unwrap(), training);
        }
        assert!(read(&OLD.replace("false", "\"evenly\"")).is_err());
        assert!(read(&OLD.replace("\"drop-last\":false,", "")).is_err());
    }
}
