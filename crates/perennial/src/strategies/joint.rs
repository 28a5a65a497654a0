//! Joint training: all data so far, again at every task.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Method;
use crate::learner::{Context, LearnError};
use crate::model::{Model, View};
use crate::scenario::Setting;
use crate::strategy::{
    Card, ClassHead, Isolation, Keeps, Outcome, Phase, Pool, Promises, Strategy, WithinTask,
};

/// Multi-task training (Caruana, *Multitask Learning*, 1997): at task t the network trains on
/// the shuffled union of tasks 1 … t.
///
/// Objective: mean loss over all rows of all tasks so far. Keeps all data; a step costs what
/// fine-tuning's does, a task t times as many steps. Trained until its loss stops falling it shows
/// what the network can reach; with few passes other methods may end above it. A report names the
/// passes and calls it no bound.
///
/// With `start = scratch` every task restarts from fresh weights, so that a report has no any-time
/// metrics of it. Batches hold rows of all tasks, so batch normalisation has one set of statistics,
/// whatever `norm.statistics` says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Joint {
    /// Its settings.
    pub settings: JointSettings,
}

/// Settings of joint training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct JointSettings {
    /// What each task begins with.
    pub start: JointStart,
}

/// What each task of joint training begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JointStart {
    /// Fresh weights: every row of R is a network trained once on all data so far.
    #[default]
    Scratch,
    /// The weights of the task before.
    Continued,
}

impl Method for Joint {
    type Settings = JointSettings;
    const NAME: &'static str = "joint";
    const SETTINGS: &'static [(&'static str, &'static str)] =
        &[("start", "weights each task begins with: scratch or continued")];

    fn with(settings: JointSettings) -> Result<Self, LearnError> {
        Ok(Self { settings })
    }
}

impl Strategy for Joint {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Joint training",
            paper: "Caruana, Multitask Learning, 1997, https://doi.org/10.1023/A:1007379606734",
            does: "Trains on the data of all tasks so far, shuffled together. It keeps everything \
                   and pays for all of it again at every task; with few passes over the data it is \
                   no upper bound.",
            formula: "min_θ Σ_{k ≤ t} L_k(θ)",
            keeps: Keeps::AllData,
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it trains on the data of all tasks that ended"),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.8),
                margin: Some(0.05),
                class_margin: None,
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        json!({ "start": self.settings.start })
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        if self.settings.start == JointStart::Scratch && cx.task > 0 {
            cx.start_afresh();
        }
        Ok(())
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        _: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let fresh = self.settings.start == JointStart::Scratch;
        Ok(last.is_none().then(|| Phase { fresh, ..Phase::default() }))
    }

    fn pool(&self) -> Pool {
        Pool::SoFar
    }

    fn within_task(&self) -> WithinTask {
        match self.settings.start {
            JointStart::Scratch => WithinTask::Restarts,
            JointStart::Continued => WithinTask::Course,
        }
    }

    fn view(&self, task: usize, model: &Model) -> View {
        model.mixed_view(task)
    }
}
