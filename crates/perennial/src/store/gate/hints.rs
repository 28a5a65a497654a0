//! What to try where the gate refused, fit to the learner.

use serde_json::Value;

use super::Judgement;
use crate::scenario::Setting;
use crate::store::StoreError;
use crate::store::lesson::Plan;
use crate::store::settings::Settings;
use crate::strategy::{Isolation, Keeps};

impl Judgement {
    /// What to try, in sentences; none where it passed.
    pub(in crate::store) fn advice(
        &self,
        floor: Option<f64>,
        settings: &Settings,
        plan: &Plan,
    ) -> Result<Vec<String>, StoreError> {
        if self.reasons.is_empty() {
            return Ok(Vec::new());
        }
        let Plan { epochs, lr, .. } = plan;
        let low = self.only_the_new_task_is_low(floor);
        let mut hints = vec![match (low, settings.makes_own_passes()) {
            (true, false) => format!("try more --epochs ({epochs} now) or another --lr ({lr} now)"),
            (false, false) => {
                format!("try a lower --lr ({lr} now) or more --epochs ({epochs} now)")
            }
            (true, true) => format!("try another --lr ({lr} now)"),
            (false, true) => format!("try a lower --lr ({lr} now)"),
        }];
        if low {
            return Ok(hints);
        }
        let other = other_learner(settings)?;
        if !other.is_empty() {
            hints.push(format!("a learner made anew may forget less: {}", other.join(", or ")));
        }
        Ok(hints)
    }

    /// Whether nothing is wrong but that the new task was not learnt well enough.
    fn only_the_new_task_is_low(&self, floor: Option<f64>) -> bool {
        let low = self.tasks.last().is_some_and(|task| {
            task.before.is_none() && floor.is_some_and(|floor| task.after < floor)
        });
        low && self.reasons.len() == 1
    }
}

/// What a learner of other settings would do better: they are chosen when it is made.
fn other_learner(settings: &Settings) -> Result<Vec<String>, StoreError> {
    let card = settings.card()?;
    let name = card.name;
    let samples = matches!(card.keeps, Keeps::Samples { .. } | Keeps::SamplesPerTask { .. });
    let keeps_none =
        card.isolation == Isolation::Shared && !samples && card.keeps != Keeps::AllData;
    let mut hints = Vec::new();
    if samples && let Some(memory) = settings.strategy_settings.get("memory") {
        let now = match memory {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        hints.push(format!("one with more memory (--set {name}.memory, {now} now)"));
    }
    if settings.makes_own_passes() {
        let passes = &settings.strategy_settings["passes"];
        hints.push(format!("one with more passes over it (--set {name}.passes, {passes} now)"));
    }
    if name == "er" {
        hints.push("one by --strategy derpp, which also keeps what it answered".into());
    } else if keeps_none && settings.setting() == Setting::Class {
        hints.push(format!("one by --strategy derpp, which keeps samples where {name} keeps none"));
    }
    Ok(hints)
}
