//! The course of one task: where it stands, its picks and its pruning.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::learner::Context;
use crate::model::{Extent, Model};
use crate::parts::compact;
use crate::parts::owners::Owners;
use crate::parts::picks::Scores;
use crate::parts::shares::{Layer, layers};
use crate::strategy::{Gradient, Phase, Step};
use crate::vector::{Mask, Vector};

/// How often a stage of compaction prunes.
const UPDATES: f64 = 10.0;

/// What was decided for a task: its row in reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Decision {
    /// Validation accuracies: to be reached, reached before anything is given back, at the end.
    pub(super) goal: f64,
    pub(super) reached: f64,
    pub(super) end: f64,
    pub(super) met: bool,
    /// The share of the older weights that is used at the end.
    pub(super) picked: Option<f64>,
    /// Weights of the trunk, as a multiple of the first width's, and whether it grew for this task.
    pub(super) width: f64,
    pub(super) grown: bool,
    /// The share of what it took that was given back.
    pub(super) pruned: f64,
    /// Whether retraining was better than compaction's copy.
    pub(super) retrained: bool,
}

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// A network of its own sets the goal.
    Individual,
    Pick,
    Compact,
    Retrain,
}

/// A task while it is learnt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Course {
    pub(super) stage: Stage,
    pub(super) goal: f64,
    /// How far the model had grown when the task began, and its weights then.
    pub(super) begun: Extent,
    pub(super) older: usize,
    pub(super) scores: Scores,
    /// Which of the older weights, and all of the free among them, are used. `[older]`
    #[serde(with = "shared")]
    pub(super) keep: Arc<Mask>,
    /// Which weights may not move. `[θ]`
    #[serde(with = "shared")]
    pub(super) held: Arc<Mask>,
    /// Whether this step changed a pick.
    #[serde(skip)]
    pub(super) changed: bool,
    /// Weights of each layer that the task took.
    pub(super) taken: Vec<usize>,
    /// Sparsities to come, the next last, and the one before.
    pub(super) stages: Vec<f64>,
    pub(super) from: f64,
    /// Prunings made in this stage, rows it answered right in training, rows.
    pub(super) updates: u32,
    pub(super) right: usize,
    pub(super) rows: usize,
    pub(super) best: Option<Best>,
    pub(super) decision: Decision,
}

/// The best copy so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) theta: Vector,
    pub(super) buffers: Vector,
    pub(super) owners: Owners,
    #[serde(with = "shared")]
    pub(super) keep: Arc<Mask>,
    pub(super) reached: f64,
    pub(super) sparsity: f64,
}

/// A mask that view and strategy share, saved as a mask.
mod shared {
    use super::{Arc, Deserialize, Deserializer, Mask, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(mask: &Arc<Mask>, s: S) -> Result<S::Ok, S::Error> {
        mask.as_ref().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<Mask>, D::Error> {
        Mask::deserialize(d).map(Arc::new)
    }
}

impl Course {
    pub(super) fn new(cx: &Context<'_>) -> Self {
        Self {
            stage: Stage::Pick,
            goal: 0.0,
            begun: cx.model.extent(),
            older: cx.model.theta.len(),
            scores: Scores::default(),
            keep: Arc::default(),
            held: Arc::default(),
            changed: false,
            taken: Vec::new(),
            stages: Vec::new(),
            from: 0.0,
            updates: 0,
            right: 0,
            rows: 0,
            best: None,
            decision: Decision::default(),
        }
    }

    /// The network that sets the goal.
    pub(super) fn individual(&mut self, cx: &mut Context<'_>) -> Phase {
        self.stage = Stage::Individual;
        let network = cx.network().clone();
        cx.append_column(network.as_ref());
        cx.append_head(network.features());
        Phase { name: "individual".into(), validate: true, ..Phase::default() }
    }

    /// The weights that the network in training is made of; `None` for all.
    pub(super) fn kept(&self) -> Option<Arc<Mask>> {
        let picks = self.older > 0 && self.stage != Stage::Individual;
        picks.then(|| Arc::clone(&self.keep))
    }

    /// The weights that may not move; `None` for none.
    pub(super) fn held(&self, task: usize) -> Option<Arc<Mask>> {
        let all_move = match self.stage {
            Stage::Individual => true,
            Stage::Pick => task == 0,
            Stage::Compact | Stage::Retrain => false,
        };
        (!all_move).then(|| Arc::clone(&self.held))
    }

    /// Moves the scores, where the task picks.
    pub(super) fn learn_picks(&mut self, gradient: &Gradient<'_>, model: &Model) {
        if self.older > 0 && matches!(self.stage, Stage::Pick | Stage::Retrain) {
            let active = (&model.layout, gradient.active);
            let changed = self.scores.step(active, gradient.values, &model.theta);
            self.changed = !changed.is_empty();
            if self.changed {
                Arc::make_mut(&mut self.keep).flip(changed);
            }
        }
    }

    /// Frees what this point of the stage asks for; whether it did. Counts right answers.
    pub(super) fn prune(
        &mut self,
        step: &Step<'_>,
        owners: &mut Owners,
        cx: &mut Context<'_>,
    ) -> bool {
        let answer = cx.model.answer(cx.task);
        for (row, &unit) in step.batch.units.iter().enumerate() {
            let scores = step.logits[0].row(row, &answer).unwrap_or_default();
            let own = scores.get(unit as usize - answer.start);
            self.right += usize::from(own.is_some_and(|own| scores.iter().all(|z| z <= own)));
            self.rows += 1;
        }
        let due = (step.done * UPDATES).floor();
        if due <= f64::from(self.updates) {
            return false;
        }
        self.updates = due as u32;
        let to = self.stages.last().copied().unwrap_or_default();
        let sparsity = compact::sparsity(self.from, to, due / UPDATES);
        for (layer, &taken) in own_layers(cx).iter().zip(&self.taken) {
            let left = taken - (sparsity * taken as f64).round_ties_even() as usize;
            let own = owners.count(&layer.weights, Some(cx.task));
            let count = own.saturating_sub(left);
            owners.release_smallest(&mut cx.model.theta, &layer.weights, cx.task, count);
        }
        self.held = Arc::new(owners.held(cx.task, true));
        true
    }

    /// Remembers the learner as it is.
    pub(super) fn remember(
        &mut self,
        owners: &Owners,
        cx: &Context<'_>,
        reached: f64,
        sparsity: f64,
    ) {
        self.best = Some(Best {
            theta: cx.model.theta.clone(),
            buffers: cx.model.buffers.clone(),
            owners: owners.clone(),
            keep: Arc::clone(&self.keep),
            reached,
            sparsity,
        });
    }
}

/// The layers of the current task's trunk.
pub(super) fn own_layers(cx: &Context<'_>) -> Vec<Layer> {
    layers(cx.model, &cx.model.columns[cx.task])
}
