//! One model per task: nothing forgotten, nothing shared.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ISOLATED, Method};
use crate::learner::{Context, LearnError};
use crate::model::{Column, Model, View};
use crate::network::{Graph, NetworkError, Parameter, widest};
use crate::strategy::{Card, ClassHead, Isolation, Keeps, Strategy};

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
    /// So wide that T of them, heads and all, have at most as many numbers as one network of full
    /// width with biases, normalisation and a head for each task: what PackNet has.
    Parameters,
}

impl Size {
    /// The network of each of `tasks` tasks of `classes` classes.
    fn network(
        self,
        full: &Arc<Graph>,
        tasks: usize,
        classes: usize,
    ) -> Result<Arc<Graph>, NetworkError> {
        match self {
            Self::Full => Ok(full.clone()),
            Self::Equal => Ok(Arc::new(full.scaled(1.0 / tasks as f64)?)),
            Self::Parameters => {
                let count = |network: &Graph, shared: usize| -> usize {
                    let head = (network.features() + 1) * classes;
                    let of = |p: &Parameter| p.shape.iter().product::<usize>();
                    let times = |p: &Parameter| if p.shape.len() > 1 { shared } else { tasks };
                    let trunk = network.parameters();
                    trunk.iter().map(|p| times(p) * of(p)).sum::<usize>() + tasks * head
                };
                let most = count(full.as_ref(), 1);
                widest(full, 1.0, |narrower| count(narrower, tasks) <= most)
            }
        }
    }
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
        (
            "size",
            "full networks, or as large in all as one: equal (widths), or parameters (numbers)",
        ),
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
            class_head: ClassHead::Grow,
            needs_borders: Some("it begins a network for each task"),
            validation: false,
            promises: ISOLATED,
        }
    }

    fn settings(&self) -> Value {
        json!({ "size": self.settings.size, "start": self.settings.start })
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let size = self.settings.size;
        let network = match (size, cx.tasks()) {
            (_, Some(tasks)) => size.network(cx.network(), tasks, cx.classes())?,
            (Size::Full, None) => cx.network().clone(),
            (Size::Equal | Size::Parameters, None) => {
                return Err(LearnError::BadSetting {
                    key: "independent.size".into(),
                    value: serde_json::to_value(size).unwrap_or_default().to_string(),
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
        model.own_view(task)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parse;

    /// By hand, 10 tasks of 10 classes on `mlp:256x256` over 784 inputs: one network has 784·256 +
    /// 256² = 266,240 weights, and a task 512 biases and a head of 2,570: 297,060 in all. A network
    /// of width 35 has 27,440 + 1,225 + 70 + 360 = 29,095, ten of them 290,950; of 36, 299,620.
    #[test]
    fn equal_parameters_by_hand() {
        let full = parse("mlp:256x256", [1, 28, 28]).unwrap();
        assert_eq!(Size::Parameters.network(&full, 10, 10).unwrap().name(), "mlp:35x35");
        assert_eq!(Size::Equal.network(&full, 10, 10).unwrap().name(), "mlp:26x26");
        assert_eq!(Size::Parameters.network(&full, 1, 10).unwrap().name(), "mlp:256x256");
        let conv = parse("cnn", [1, 28, 28]).unwrap();
        let narrow = Size::Parameters.network(&conv, 5, 2).unwrap();
        let count = |network: &Graph| -> usize {
            network.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum()
        };
        let (ours, one) = (5 * count(narrow.as_ref()), count(conv.as_ref()));
        assert!(ours < one + 5 * 1000 && ours > one * 4 / 5, "{ours} {one}");
    }
}
