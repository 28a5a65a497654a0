//! What a task decides between its phases: whether to grow, what to give back, which copy to keep.

use std::sync::Arc;

use serde_json::json;

use super::Cpg;
use super::course::{Course, Decision, Stage, own_layers};
use crate::learner::{Context, LearnError};
use crate::network::{Graph, NetworkError, widest};
use crate::parts::compact;
use crate::parts::picks::Scores;
use crate::parts::shares::Layer;
use crate::strategy::Phase;
use crate::vector::Mask;

/// What a task that missed its goal may keep of the free weights where nobody knows how many
/// tasks come.
const UNKNOWN: f64 = 0.5;

/// The weights that tasks of a network share out.
fn weights(network: &Graph) -> usize {
    let matrices = network.parameters().into_iter().filter(|p| p.shape.len() > 1);
    matrices.map(|p| p.shape.iter().product::<usize>()).sum()
}

/// The widest form of a network with at most `multiple` times its weights.
fn widened(network: &Arc<Graph>, multiple: f64) -> Result<Arc<Graph>, NetworkError> {
    if multiple <= 1.0 {
        return Ok(network.clone());
    }
    let most = multiple * weights(network.as_ref()) as f64;
    // Weights grow at least as fast as widths.
    widest(network, multiple, |wider| weights(wider) as f64 <= most)
}

/// The share of what it took that a task must give back, whatever that costs: one that missed its
/// goal keeps no more than its equal share of what is free. `None` for one that met it, and for
/// the last, after which nobody comes.
fn must_give_back(course: &Course, cx: &Context<'_>) -> Option<f64> {
    let left = cx.tasks().map(|tasks| tasks - cx.task - 1);
    let must = !course.decision.met && left != Some(0);
    must.then(|| 1.0 - left.map_or(UNKNOWN, |left| 1.0 / (left + 1) as f64))
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
        course.scores = self.scores(course, cx);
        course.keep = Arc::new(Mask::filled(older, true));
        course.held = Arc::new(self.owners.held(task, false));
        let name = if task == 0 { "train" } else { "pick" };
        Ok(Some(Phase { name: name.into(), validate: true, ..Phase::default() }))
    }

    /// Fresh scores of the trunk's weights that older tasks own.
    fn scores(&self, course: &Course, cx: &Context<'_>) -> Scores {
        let mut trunk = Mask::filled(course.older, false);
        let weights = own_layers(cx).into_iter().flat_map(|layer| layer.weights);
        for weights in weights.filter(|weights| weights.end <= course.older) {
            weights.for_each(|weight| trunk.set(weight, true));
        }
        Scores::new(&self.owners.older(cx.task, &trunk))
    }

    /// Widens the network if the goal was missed and it may grow; whether it did.
    pub(super) fn grow(
        &mut self,
        course: &Course,
        reached: f64,
        cx: &mut Context<'_>,
    ) -> Result<bool, LearnError> {
        let weights_at =
            |width| Ok::<_, LearnError>(weights(widened(cx.network(), width)?.as_ref()));
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
        course.stages = compact::stages(must_give_back(course, cx));
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
        let must = must_give_back(course, cx).is_some();
        let ends = !must && train < self.settings.min_train;
        let before = course.best.as_ref().map_or(0.0, |best| best.reached);
        let kept = must || (!ends && reached >= course.goal.min(before));
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
        course.scores = self.scores(course, cx);
        course.keep = Arc::new(Mask::filled(course.older, true));
        Some(Phase { name: "retrain".into(), share, validate: true, ..Phase::default() })
    }

    /// Keeps what retraining made if it is better.
    pub(super) fn retrained(&mut self, course: &mut Course, reached: f64, cx: &mut Context<'_>) {
        let before = course.best.as_ref().map_or(0.0, |best| best.reached);
        let sparsity = course.best.as_ref().map_or(0.0, |best| best.sparsity);
        let better = reached > before;
        cx.decide(
            json!({ "after": "retrain", "before": before, "reached": reached, "kept": better }),
        );
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
            older
                .map(|weights| mask.bytes()[weights].iter().map(|&b| usize::from(b)).sum::<usize>())
                .sum()
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
