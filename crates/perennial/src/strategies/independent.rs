//! One model per task: nothing forgotten, nothing shared.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Method;
use crate::learner::{Context, LearnError};
use crate::model::{Column, Model, Statistics, View};
use crate::scenario::Setting;
use crate::strategy::{Card, Isolation, Keeps, Promises, Reads, Strategy};

/// A network of its own for every task, all in one θ: task t trains and answers with its column
/// alone, so the others do not move by a bit and a step costs what one network costs.
///
/// Needs the task's name to answer. The yardstick of methods that isolate tasks: `size = equal`
/// shares one network's width among the tasks, as the GEM paper does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Independent {
    /// Its settings.
    pub settings: IndependentSettings,
}

/// Settings of independent networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct IndependentSettings {
    /// How large each network is.
    pub size: Size,
    /// What each network begins with.
    pub start: Start,
}

/// How large each of T networks is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// As large as the one network of the other methods.
    #[default]
    Full,
    /// Every hidden width divided by T.
    Equal,
}

/// What each network begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Weights of its own.
    #[default]
    Fresh,
    /// A copy of the network before, as in the GEM paper.
    Previous,
}

impl Method for Independent {
    type Settings = IndependentSettings;
    const NAME: &'static str = "independent";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        ("size", "full networks, or networks of equal total width: full or equal"),
        ("start", "weights each network begins with: fresh or previous"),
    ];

    fn with(settings: IndependentSettings) -> Result<Self, LearnError> {
        Ok(Self { settings })
    }
}

impl Strategy for Independent {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Independent networks",
            paper: "",
            does: "Trains a network of its own for each task. Nothing is forgotten and nothing is \
                   shared; parameters grow with the tasks, and the task must be named to answer.",
            formula: "min_{θ_t} L_t(θ_t), one θ_t a task",
            keeps: Keeps::Nothing,
            isolation: Isolation::Column,
            reads: Reads::default(),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.8),
                margin: Some(0.05),
                first_task_is_finetuning: false,
            },
        }
    }

    fn settings(&self) -> Value {
        json!({ "size": self.settings.size, "start": self.settings.start })
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let network = match (self.settings.size, cx.tasks()) {
            (Size::Full, _) => cx.network().clone(),
            (Size::Equal, Some(tasks)) => cx.network().scaled(1.0 / tasks as f64)?,
            (Size::Equal, None) => {
                return Err(LearnError::BadSetting {
                    key: "independent.size".into(),
                    value: "equal".into(),
                    expected: "a stream whose number of tasks is known beforehand".into(),
                });
            }
        };
        let column = cx.append_column(network.as_ref());
        let head = cx.append_head(network.features());
        if self.settings.start == Start::Previous && column > 0 {
            copy_column(cx.model, column - 1, column);
            copy_head(cx.model, head - 1, head);
        }
        Ok(())
    }

    fn view(&self, task: usize, model: &Model) -> View {
        View {
            column: model.columns[task].clone(),
            older: Vec::new(),
            statistics: Statistics::Learn,
            heads: vec![task],
            answer: model.answer(task),
            keep: None,
        }
    }
}

/// Sets the weights and buffers of one column to another's.
fn copy_column(model: &mut Model, from: usize, to: usize) {
    let Column { parameters, buffers, .. } = model.columns[to].clone();
    let source = model.columns[from].clone();
    for (from, to) in source.parameters.iter().zip(&parameters) {
        for (&from, &to) in from.blocks.iter().zip(&to.blocks) {
            let range = model.layout.slot(from).range();
            model.theta.copy_within(range, model.layout.slot(to).offset);
        }
    }
    for (&from, &to) in source.buffers.iter().zip(&buffers) {
        let range = model.buffer_layout.slot(from).range();
        model.buffers.copy_within(range, model.buffer_layout.slot(to).offset);
    }
}

/// Sets a head to another's where both have as many units.
fn copy_head(model: &mut Model, from: usize, to: usize) {
    let (from, to) = (model.heads[from].clone(), model.heads[to].clone());
    if from.units.len() != to.units.len() {
        return;
    }
    for (from, to) in [(from.weight, to.weight), (from.bias, to.bias)] {
        for (&from, &to) in from.blocks.iter().zip(&to.blocks) {
            let range = model.layout.slot(from).range();
            model.theta.copy_within(range, model.layout.slot(to).offset);
        }
    }
}
