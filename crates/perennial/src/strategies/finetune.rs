//! Fine-tuning: plain sequential training, the guard b = 0. It forgets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Method;
use crate::learner::LearnError;
use crate::scenario::Setting;
use crate::strategy::{Card, ClassHead, Isolation, Keeps, Promises, Strategy};

/// Trains on each task as it comes and does nothing about the old ones: every hook at its
/// default. The baseline of every comparison, and strategy and driver with b = 0.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Finetune {}

/// A method without settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl Method for Finetune {
    type Settings = NoSettings;
    const NAME: &'static str = "finetune";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[];

    fn with(_: NoSettings) -> Result<Self, LearnError> {
        Ok(Self {})
    }
}

impl Strategy for Finetune {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Fine-tuning",
            paper: "",
            does: "Trains on each task as it comes, with nothing that protects the old ones \
                   (guard b = 0). It shows how much is forgotten.",
            formula: "min_θ L_t(θ)",
            keeps: Keeps::Nothing,
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: None,
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: Some(0.8),
                margin: None,
                class_margin: None,
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        Value::Object(serde_json::Map::new())
    }
}
