//! What a learner is made with, once and for good.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreError;
use crate::learner::{Learner as Driver, NormSettings, Training};
use crate::network;
use crate::optimizer::{OptimizerKind, OptimizerSettings};
use crate::parts::memory::Budget;
use crate::scenario::Setting;
use crate::strategies::Entry;
use crate::strategy::{Card, Isolation, Pool, Strategy};

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
    /// How batch normalisation treats tasks.
    #[serde(default, skip_serializing_if = "NormSettings::is_default")]
    pub norm: NormSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            network: "mlp:100x100".into(),
            strategy: "er".into(),
            strategy_settings: Value::Object(serde_json::Map::new()),
            setting: None,
            seed: 0,
            optimizer: OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() },
            norm: NormSettings::default(),
        }
    }
}

/// Methods whose one memory is for all tasks: a learner that is to last gets a large one.
const WITH_MEMORY: [&str; 6] = ["er", "er-ace", "der", "derpp", "gdumb", "icarl"];

/// That memory, where nothing is said: whichever is less.
const MEMORY: Budget = Budget::Both { samples: 2000, bytes: 64_000_000 };

impl Settings {
    /// The settings with every default filled in, checked.
    pub(super) fn complete(&self) -> Result<Self, StoreError> {
        let mut with_memory = self.clone();
        if let Some(settings) = with_memory.strategy_settings.as_object_mut()
            && WITH_MEMORY.contains(&self.strategy.as_str())
        {
            settings.entry("memory").or_insert_with(|| MEMORY.to_string().into());
        }
        let strategy = self.entry()?.create(&with_memory.strategy_settings)?;
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

    /// How a task of so many training rows is taught where nothing but perhaps the batch is given.
    ///
    /// With Adam at a rate of .001, as many passes as give 1,500 steps of that batch, from 1 to 30:
    /// what small networks need on small data to learn a task whole. With SGD one pass at .1.
    #[must_use]
    pub fn usual_training(&self, rows: usize, batch: Option<usize>) -> Training {
        const STEPS: usize = 1500;
        const MOST_PASSES: usize = 30;
        let mut usual = self.training(&Training::default());
        usual.batch = batch.unwrap_or(usual.batch);
        match self.optimizer.kind {
            OptimizerKind::Sgd => usual,
            OptimizerKind::Adam => {
                // A batch of 0 is refused where training begins.
                let pass = rows.div_ceil(usual.batch.max(1)).max(1);
                let epochs = STEPS.div_ceil(pass).clamp(1, MOST_PASSES);
                Training { epochs, lr: 0.001, ..usual }
            }
        }
    }

    /// Whether the method trains on its memory alone, in passes of its own: then epochs change nothing.
    #[must_use]
    pub fn makes_own_passes(&self) -> bool {
        self.make_strategy().is_ok_and(|strategy| strategy.pool() == Pool::Memory)
    }

    /// This training, with what the learner was made with.
    pub(super) fn training(&self, training: &Training) -> Training {
        let (optimizer, norm) = (self.optimizer.clone(), self.norm.clone());
        Training { optimizer, norm, ..training.clone() }
    }

    pub(super) fn setting(&self) -> Setting {
        self.setting.unwrap_or(Setting::Class)
    }

    fn entry(&self) -> Result<&'static Entry, StoreError> {
        Entry::find(&self.strategy).ok_or_else(|| StoreError::Unknown {
            what: "strategy",
            name: self.strategy.clone(),
            known: crate::strategies::REGISTRY.iter().map(|entry| entry.name.into()).collect(),
        })
    }

    /// The strategy of [complete](Self::complete) settings.
    fn make_strategy(&self) -> Result<Box<dyn Strategy>, StoreError> {
        Ok(self.entry()?.create_saved(&self.strategy_settings)?)
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
        let training = self.training(training);
        let strategy = self.make_strategy()?;
        Ok(Driver::open_ended(network, strategy, training, self.setting(), self.seed)?)
    }
}

/// By way of its text: directly, .1 in single precision would become .10000000149.
fn short(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 1,000 rows in batches of 10, 50 and 1 are 100, 20 and 1,000 steps a pass, and 1,500
    /// steps take 15, 75 and 1.5 passes. Catches: passes that are computed for another batch than is
    /// taken, a bound that does not hold, a batch of 0 that divides.
    #[test]
    fn passes_are_as_many_as_the_batch_asks_for() {
        let adam = Settings::default();
        let passes = |batch| adam.usual_training(1000, batch).epochs;
        assert_eq!([None, Some(10), Some(50), Some(1), Some(0)].map(passes), [15, 15, 30, 2, 2]);
        assert_eq!(adam.usual_training(1000, Some(50)).batch, 50);
        let optimizer = OptimizerSettings::default();
        let sgd = Settings { optimizer, ..Settings::default() };
        assert_eq!(sgd.usual_training(1000, Some(50)).epochs, 1);
    }
}
