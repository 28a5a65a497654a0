//! Freeze: the guard b = ∞. What the first task learnt stays for ever; nothing else is learnt.
//!
//! ```text
//! L'(θ) = L_t(θ) + Σ_i b_i (θ_i − θ*_i)²,    b_i = ∞ for every weight older than task t
//! ```
//!
//! One end of the picture of which fine-tuning (b = 0) is the other. After the first task the
//! trunk, its running statistics and the old heads do not move by a bit; only a new head
//! learns, on the first task's features. Keeps nothing; a step from the second task on costs a
//! forward pass and the backward pass of one layer.
//!
//! # Differences
//!
//! b = ∞ is no number here: frozen weights have no gradient and no optimiser state, so momentum
//! and weight decay cannot move them either.
//!
//! ```
//! use perennial::strategies::Entry;
//! assert!(Entry::find("freeze").unwrap().create(&serde_json::json!({})).is_ok());
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, NoSettings};
use crate::SlotId;
use crate::engine::Frozen;
use crate::learner::{Context, LearnError};
use crate::model::{Model, Statistics, View};
use crate::scenario::Setting;
use crate::strategy::{Card, ClassHead, Isolation, Keeps, Promises, Strategy};

/// Every weight that has finished a task stays where it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Freeze {
    /// Slots that existed when the last task ended: the frozen ones.
    held: usize,
}

impl Method for Freeze {
    type Settings = NoSettings;
    const NAME: &'static str = "freeze";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[];

    fn with(_: NoSettings) -> Result<Self, LearnError> {
        Ok(Self::default())
    }
}

impl Strategy for Freeze {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Freeze",
            paper: "",
            does: "Learns the first task, then holds every weight for good (guard b = ∞): nothing \
                   is forgotten, and only new heads learn.",
            formula: "min_θ L_t(θ), θ_i = θ*_i for every older weight",
            keeps: Keeps::Nothing,
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it freezes the network when the first task ends"),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 5,
                newest: None,
                margin: None,
                class_margin: None,
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> Value {
        Value::Object(serde_json::Map::new())
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        if self.held > 0 && self.held == cx.model.layout.slots().len() {
            cx.note(
                "freeze learns nothing after the first task here: all tasks share one head, and \
                 every weight of it is held. With a head for each task (--setting task) the new \
                 heads learn.",
            );
        }
        Ok(())
    }

    fn frozen(&self, _: usize, _: &Model) -> Frozen {
        Frozen { slots: (0..self.held).map(SlotId).collect(), mask: None }
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.held = cx.model.layout.slots().len();
        Ok(())
    }

    fn view(&self, task: usize, model: &Model) -> View {
        let view = model.shared_view(task);
        if self.held > 0 { View { statistics: Statistics::Fixed, ..view } } else { view }
    }
}
