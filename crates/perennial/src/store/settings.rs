//! What a learner is made with, once and for good.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreError;
use crate::learner::{Learner as Driver, Training};
use crate::network;
use crate::optimizer::OptimizerSettings;
use crate::scenario::Setting;
use crate::strategies::Entry;
use crate::strategy::{Card, Isolation, Strategy};

/// What a learner is made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The architecture, such as `mlp:100x100`; the first task's data give the shape of its input.
    pub network: String,
    /// The method's name.
    pub strategy: String,
    /// The method's settings: a JSON object; what is not said is its default.
    pub strategy_settings: Value,
    /// Which heads it has. `Class`: classes are known by name, and the head grows by those that
    /// are new. `None`: that, or a head for each task where the method needs to be told the task.
    pub setting: Option<Setting>,
    /// What every draw is a function of.
    pub seed: u64,
    /// How gradients become moves.
    pub optimizer: OptimizerSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            network: "mlp:100x100".into(),
            strategy: "ewc".into(),
            strategy_settings: Value::Object(serde_json::Map::new()),
            setting: None,
            seed: 0,
            optimizer: OptimizerSettings::default(),
        }
    }
}

impl Settings {
    /// The settings with every default filled in, checked.
    pub(super) fn complete(&self) -> Result<Self, StoreError> {
        let strategy = self.make_strategy()?;
        let isolated = strategy.card().isolation != Isolation::Shared;
        let usual = if isolated { Setting::Task } else { Setting::Class };
        let full = Self {
            strategy_settings: short(&strategy.settings()),
            setting: Some(self.setting.unwrap_or(usual)),
            ..self.clone()
        };
        // A probe finds what only the whole shows: a rule of steps or a setting that cannot be.
        full.driver([1, 32, 32], &Training::default())?;
        Ok(full)
    }

    pub(super) fn setting(&self) -> Setting {
        self.setting.unwrap_or(Setting::Class)
    }

    fn make_strategy(&self) -> Result<Box<dyn Strategy>, StoreError> {
        let entry = Entry::find(&self.strategy).ok_or_else(|| StoreError::Unknown {
            what: "strategy",
            name: self.strategy.clone(),
            known: crate::strategies::REGISTRY.iter().map(|entry| entry.name.into()).collect(),
        })?;
        Ok(entry.create(&self.strategy_settings)?)
    }

    pub(super) fn card(&self) -> Result<Card, StoreError> {
        Ok(self.make_strategy()?.card())
    }

    /// A learner that has seen nothing.
    pub(super) fn driver(
        &self,
        shape: [usize; 3],
        training: &Training,
    ) -> Result<Driver, StoreError> {
        let network = network::parse(&self.network, shape)?;
        let training = Training { optimizer: self.optimizer.clone(), ..training.clone() };
        let strategy = self.make_strategy()?;
        Ok(Driver::open_ended(network, strategy, training, self.setting(), self.seed)?)
    }
}

/// By way of its text: directly, .1 in single precision would become .10000000149.
fn short(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}
