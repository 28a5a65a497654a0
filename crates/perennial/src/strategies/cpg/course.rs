//! The course of one task: where it stands, and what it decides.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use super::Cpg;
use crate::learner::{Context, LearnError};
use crate::model::{Extent, Model};
use crate::network::{Network, NetworkError};
use crate::parts::compact;
use crate::parts::owners::Owners;
use crate::parts::picks::Scores;
use crate::parts::shares::{Layer, layers};
use crate::strategy::{Gradient, Phase, Step};
use crate::vector::{Mask, Vector};

/// How often a stage of compaction prunes.
const UPDATES: f64 = 10.0;
/// What a task that missed its goal may keep of the free weights where nobody knows how many
/// tasks come.
const UNKNOWN: f64 = 0.5;

/// What was decided for a task: its row in reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Decision {
    /// Validation accuracies: to be reached, reached before anything is given back, at the end.
    goal: f64,
    reached: f64,
    end: f64,
    met: bool,
    /// The share of the older weights that is used at the end.
    picked: Option<f64>,
    /// Weights of the trunk, as a multiple of the first width's, and whether it grew for this task.
    width: f64,
    grown: bool,
    /// The share of what it took that was given back.
    pruned: f64,
    /// Whether retraining was better than compaction's copy.
    retrained: bool,
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
    begun: Extent,
    older: usize,
    scores: Scores,
    /// Which of the older weights, and all of the free among them, are used. `[older]`
    #[serde(with = "shared")]
    pub(super) keep: Arc<Mask>,
    /// Which weights may not move. `[θ]`
    #[serde(with = "shared")]
    held: Arc<Mask>,
    /// Whether this step changed a pick.
    #[serde(skip)]
    pub(super) changed: bool,
    /// Weights of each layer that the task took.
    taken: Vec<usize>,
    /// Sparsities to come, the next last, and the one before.
    stages: Vec<f64>,
    from: f64,
    /// Prunings made in this stage, rows it answered right in training, rows.
    updates: u32,
    right: usize,
    rows: usize,
    best: Option<Best>,
    decision: Decision,
}

/// The best copy so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Best {
    theta: Vector,
    buffers: Vector,
    owners: Owners,
    #[serde(with = "shared")]
    keep: Arc<Mask>,
    reached: f64,
    sparsity: f64,
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
            let keep = Arc::make_mut(&mut self.keep);
            self.changed =
                self.scores.step(active, gradient.values, &model.theta, &self.held, keep);
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
    fn remember(&mut self, owners: &Owners, cx: &Context<'_>, reached: f64, sparsity: f64) {
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
fn own_layers(cx: &Context<'_>) -> Vec<Layer> {
    layers(cx.model, &cx.model.columns[cx.task])
}

/// The weights that tasks of a network share out.
fn weights(network: &dyn Network) -> usize {
    let matrices = network.parameters().into_iter().filter(|p| p.shape.len() > 1);
    matrices.map(|p| p.shape.iter().product::<usize>()).sum()
}

/// The widest form of a network with at most `multiple` times its weights.
fn widened(network: &Arc<dyn Network>, multiple: f64) -> Result<Arc<dyn Network>, NetworkError> {
    if multiple <= 1.0 {
        return Ok(network.clone());
    }
    let most = multiple * weights(network.as_ref()) as f64;
    // Weights grow at least as fast as widths.
    let (mut fits, mut too_wide) = (1.0, multiple);
    for _ in 0..20 {
        let middle = f64::midpoint(fits, too_wide);
        if weights(network.scaled(middle)?.as_ref()) as f64 <= most {
            fits = middle;
        } else {
            too_wide = middle;
        }
    }
    network.scaled(fits)
}

impl Cpg {
    /// Begins the task's own network, at the width there is now, and its picking.
    pub(super) fn pick(
        &mut self,
        course: &mut Course,
        goal: f64,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let (task, older) = (cx.task, course.older);
        cx.model.truncate(course.begun);
        self.owners.extend(older, task);
        self.width = self.width.max(1.0);
        let network = widened(cx.network(), self.width)?;
        if task == 0 {
            cx.append_column(network.as_ref());
        } else {
            for weight in 0..older {
                if self.owners.of(weight).is_none() {
                    cx.model.theta[weight] = 0.0;
                }
            }
            cx.append_column_over(network.as_ref(), task - 1);
        }
        cx.append_head(network.features());
        self.owners.extend(cx.model.theta.len(), task);
        for weights in own_layers(cx).into_iter().flat_map(|layer| layer.weights) {
            if weights.start >= older {
                self.owners.free(weights);
            }
        }
        course.stage = Stage::Pick;
        course.goal = goal;
        course.scores = Scores::new(older);
        course.keep = Arc::new(Mask::filled(older, true));
        course.held = Arc::new(self.owners.held(task, false));
        let name = if task == 0 { "train" } else { "pick" };
        Ok(Some(Phase { name: name.into(), validate: true, ..Phase::default() }))
    }

    /// Widens the network if the goal was missed and it may grow; whether it did.
    pub(super) fn grow(
        &mut self,
        course: &Course,
        reached: f64,
        cx: &mut Context<'_>,
    ) -> Result<bool, LearnError> {
        let weights_at = |width| Ok::<_, LearnError>(weights(widened(cx.network(), width)?.as_ref()));
        let now = weights_at(self.width)?;
        let (mut wider, mut then) = (self.width, now);
        // A narrow network may need more than a step for the next whole unit.
        while reached < course.goal && then == now && wider < self.settings.growth {
            wider = (wider + self.settings.step).min(self.settings.growth);
            then = weights_at(wider)?;
        }
        let grows = then > now;
        let next = if grows { "grow" } else { "go on" };
        let goal = course.goal;
        cx.decide(json!({ "after": "pick", "goal": goal, "reached": reached, "width": self.width, "next": next }));
        if grows {
            self.width = wider;
        }
        Ok(grows)
    }

    /// Takes every free weight for the task and plans what it gives back.
    pub(super) fn take(
        &mut self,
        course: &mut Course,
        reached: f64,
        cx: &mut Context<'_>,
    ) -> Option<Phase> {
        let task = cx.task;
        let before = self.decisions.last().map_or(1.0, |last| last.width);
        course.decision = Decision {
            goal: course.goal,
            reached,
            met: reached >= course.goal,
            width: self.width,
            grown: self.width > before,
            ..Decision::default()
        };
        self.owners.claim(task);
        let own = |layer: &Layer| self.owners.count(&layer.weights, Some(task));
        course.taken = own_layers(cx).iter().map(own).collect();
        course.held = Arc::new(self.owners.held(task, true));
        course.remember(&self.owners, cx, reached, 0.0);
        let left = cx.tasks().map(|tasks| tasks - task - 1);
        let share = left.map_or(UNKNOWN, |left| 1.0 / (left + 1) as f64);
        course.stages = match (left, course.decision.met) {
            (Some(0), _) => Vec::new(),
            (_, true) => compact::stages(None),
            (_, false) => compact::stages(Some(1.0 - share)),
        };
        course.stages.reverse();
        course.stage = Stage::Compact;
        self.stage(course, cx)
    }

    /// The next stage of compaction; after the last, retraining of the copy to keep.
    fn stage(&mut self, course: &mut Course, cx: &mut Context<'_>) -> Option<Phase> {
        (course.updates, course.right, course.rows) = (0, 0, 0);
        let Some(sparsity) = course.stages.last() else { return self.retrain(course, cx) };
        Some(Phase {
            name: format!("compact {:.0} %", 100.0 * sparsity),
            share: self.settings.compact,
            keep_optimizer: course.from > 0.0,
            validate: true,
            ..Phase::default()
        })
    }

    /// Weighs the copy that a stage ended with, and goes on while it is worth it.
    pub(super) fn compacted(
        &mut self,
        course: &mut Course,
        reached: f64,
        cx: &mut Context<'_>,
    ) -> Option<Phase> {
        let sparsity = course.stages.pop().unwrap_or_default();
        course.from = sparsity;
        let train = course.right as f64 / course.rows.max(1) as f64;
        let met = course.decision.met;
        // Who missed the goal anyway must give back its share, whatever that costs.
        let ends = met && train < self.settings.min_train;
        let kept = !ends && (!met || reached >= course.goal);
        cx.decide(json!({
            "after": "compact", "sparsity": sparsity, "reached": reached, "train": train,
            "kept": kept, "next": if ends { "stop" } else { "go on" },
        }));
        if kept {
            course.remember(&self.owners, cx, reached, sparsity);
        }
        if ends {
            course.stages.clear();
        }
        self.stage(course, cx)
    }

    /// Goes back to the best copy.
    fn restore(&mut self, course: &Course, cx: &mut Context<'_>) {
        if let Some(best) = &course.best {
            cx.model.theta.clone_from(&best.theta);
            cx.model.buffers.clone_from(&best.buffers);
            self.owners.clone_from(&best.owners);
        }
    }

    /// Starts to retrain the best copy, where there is anything to pick from.
    fn retrain(&mut self, course: &mut Course, cx: &mut Context<'_>) -> Option<Phase> {
        self.restore(course, cx);
        course.held = Arc::new(self.owners.held(cx.task, true));
        let share = self.settings.retrain;
        if course.older == 0 || share == 0.0 {
            self.decided(course, cx);
            return None;
        }
        course.stage = Stage::Retrain;
        course.scores = Scores::new(course.older);
        course.keep = Arc::new(Mask::filled(course.older, true));
        Some(Phase { name: "retrain".into(), share, validate: true, ..Phase::default() })
    }

    /// Keeps what retraining made if it is better.
    pub(super) fn retrained(&mut self, course: &mut Course, reached: f64, cx: &mut Context<'_>) {
        let before = course.best.as_ref().map_or(0.0, |best| best.reached);
        let sparsity = course.best.as_ref().map_or(0.0, |best| best.sparsity);
        let better = reached > before;
        cx.decide(json!({ "after": "retrain", "before": before, "reached": reached, "kept": better }));
        course.decision.retrained = better;
        if better {
            course.remember(&self.owners, cx, reached, sparsity);
        }
        self.restore(course, cx);
        self.decided(course, cx);
    }

    /// Ends the task with its best copy.
    fn decided(&mut self, course: &mut Course, cx: &mut Context<'_>) {
        let Some(best) = course.best.take() else { return };
        course.keep = best.keep;
        let picked = self.owners.older(cx.task, &course.keep);
        let all = self.owners.older(cx.task, &Mask::filled(course.older, true));
        let layers = own_layers(cx);
        let of_trunk = |mask: &Mask| -> usize {
            let weights = layers.iter().flat_map(|layer| layer.weights.clone());
            let older = weights.filter(|weights| weights.end <= mask.len());
            older.map(|weights| mask.bytes()[weights].iter().map(|&b| usize::from(b)).sum::<usize>()).sum()
        };
        let (picked, all) = (of_trunk(&picked), of_trunk(&all));
        course.decision.picked = (all > 0).then(|| picked as f64 / all as f64);
        course.decision.pruned = best.sparsity;
        course.decision.end = best.reached;
        course.decision.met = best.reached >= course.goal;
        if !course.decision.met {
            let Decision { goal, end, .. } = course.decision;
            cx.note(format!(
                "cpg: task {} ends at {end:.3} on validation rows, below its goal of {goal:.3}",
                cx.task + 1
            ));
        }
        self.decisions.push(course.decision.clone());
    }
}
