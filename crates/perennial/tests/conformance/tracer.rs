//! A strategy that uses everything the trait carries, so that later methods need no change of
//! it: phases, growth and its taking back, masks, frozen slots, extra passes, state, draws.

use std::sync::Arc;

use perennial::learner::{Context, LearnError, Learner, Training, Watch};
use perennial::network::Init;
use perennial::scenario::Part;
use perennial::state::{State, from_state};
use perennial::strategy::{
    Batch, Card, Changed, ClassHead, Descent, Gradient, Isolation, Keeps, Moved, Outcome, Phase,
    Promises, Step, Strategy,
};
use perennial::{
    Frozen, Keep, Mask, Mode, Model, OptimizerSettings, Pass, Setting, Statistics, Target, Term,
    Vector, View,
};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::toy::{finish, net, stream};

/// Trains, prunes half of the first layer by a mask, retrains with the second layer frozen.
#[derive(Default, Serialize, Deserialize)]
struct Tracer {
    /// Σ g and Σ Δ over all steps. `[θ]`
    gradients: Vector,
    moves: Vector,
    /// Which weights are used, which may not move. `[θ at the time]`
    keep: Option<Mask>,
    held: Option<Mask>,
    /// θ before the retraining phase, for the test to compare with.
    before: Vector,
    retraining: bool,
    draws: Vec<u64>,
    validation: Vec<f64>,
    log: Vec<String>,
}

impl Tracer {
    fn load(_: &str, state: &State) -> Result<Box<dyn Strategy>, LearnError> {
        Ok(Box::new(from_state::<Self>(state)?))
    }
}

impl Strategy for Tracer {
    fn card(&self) -> Card {
        Card {
            name: "tracer",
            title: "Tracer",
            paper: "",
            does: "Uses every hook.",
            formula: "",
            keeps: Keeps::Vectors(4),
            isolation: Isolation::Head,
            class_head: ClassHead::Grow,
            needs_borders: Some("it begins and ends tasks"),
            validation: true,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 1,
                newest: None,
                margin: None,
                class_margin: None,
                first_task_is_finetuning: false,
            },
        }
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        // What is grown and taken back leaves no trace.
        let (extent, before) = (cx.model.extent(), cx.model.digest());
        let network = cx.network().clone();
        cx.append_column(network.as_ref());
        cx.append_head(3);
        cx.model.append("scrap", &[2, 2], Init::Constant(1.0), 0);
        assert_ne!(cx.model.digest(), before);
        cx.model.truncate(extent);
        assert_eq!(cx.model.digest(), before);
        cx.append_head(network.features());
        // Laws: test parts are nobody's to see, other tasks' data only for who keeps all.
        assert!(cx.samples(cx.task, Part::Test).is_err());
        assert!(cx.samples((cx.task + 1) % 3, Part::Train).is_err());
        let known = cx.tasks().unwrap();
        self.log.push(format!("task {} of {known}", cx.task));
        (self.keep, self.held, self.retraining) = (None, None, false);
        Ok(())
    }

    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        self.draws.push(cx.generator("phase").random());
        let Some(last) = last else {
            let phase = Phase { epochs: Some(2), validate: true, ..Phase::default() };
            return Ok(Some(phase));
        };
        self.log.push(format!("{} ended after {} steps", last.phase.name, last.steps));
        self.validation.extend(last.validation);
        if self.retraining {
            return Ok(None);
        }
        // Prune: every other weight of the first layer is unused, the rest of it held.
        let first = cx.model.layout.slots()[0].range();
        let bytes: Vec<u8> = first.clone().map(|i| (i % 2) as u8).collect();
        self.keep = Some(Mask::from_bytes(bytes));
        self.held = Some(Mask::filled(first.end, true));
        self.before = cx.model.theta.clone();
        self.retraining = true;
        cx.note("pruned");
        Ok(Some(Phase {
            name: "retrain".into(),
            epochs: Some(1),
            lr_factor: 0.5,
            keep_optimizer: true,
            ..Phase::default()
        }))
    }

    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        let plain = cx.labelled(batch);
        let answer = cx.model.answer(cx.task);
        // A second pass in evaluation mode, pulling the logits gently to 0, and one of weight 0
        // that must cost and change nothing.
        let pull = |weight| Pass {
            mode: Mode::Evaluate,
            terms: vec![Term {
                rows: 0..batch.len(),
                active: answer.clone(),
                weight,
                target: Target::HalfSquare,
            }],
            ..plain.clone()
        };
        Ok(vec![plain.clone(), pull(1e-3), pull(0.0)])
    }

    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        for &slot in gradient.active {
            let range = cx.model.layout.slot(slot).range();
            gradient.values[range].iter_mut().for_each(|g| *g *= 0.999);
        }
        Ok(())
    }

    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let at = slot.at();
        let sums = [&mut self.gradients, &mut self.moves].map(|sums| {
            sums.resize(sums.len().max(at.end));
            &mut sums[at.clone()]
        });
        slot.go_followed(
            [],
            |g, theta, []| g + 1e-4 * theta,
            sums,
            |went, [gradient, moves]| {
                *gradient += went.g;
                *moves += went.delta;
            },
        )
    }

    fn frozen(&self, _: usize, _: &Model) -> Frozen {
        let mut frozen = Frozen { mask: self.held.clone().map(Arc::new), ..Frozen::default() };
        if self.retraining {
            frozen.slots.extend([perennial::SlotId(2), perennial::SlotId(3)]);
        }
        frozen
    }

    fn after_step(&mut self, step: &Step<'_>, _: &mut Context<'_>) -> Result<Changed, LearnError> {
        assert_eq!(step.logits.len(), 2);
        assert_eq!(step.logits[0].rows(), step.batch.len());
        Ok(Changed::View)
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        // Held weights and frozen slots have the bits they had before the phase, although
        // momentum and weight decay pulled at them.
        let layout = &cx.model.layout;
        let held = layout.slots()[0].range().end;
        for slot in &layout.slots()[2..4] {
            assert_eq!(cx.model.theta[slot.range()], self.before[slot.range()]);
        }
        assert_eq!(cx.model.theta[..held], self.before[..held]);
        let moving = layout.slots()[1].range();
        assert_ne!(cx.model.theta[moving.clone()], self.before[moving]);
        Ok(())
    }

    fn view(&self, task: usize, model: &Model) -> View {
        View {
            column: model.columns[0].clone(),
            older: Vec::new(),
            statistics: Statistics::Learn,
            heads: vec![task],
            answer: model.answer(task),
            keep: self.keep.clone().map(Arc::new),
        }
    }
}

#[derive(Default)]
struct Saves(Vec<Vec<u8>>);

impl Watch for Saves {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.push(learner.to_bytes()?);
        Ok(())
    }
    fn due(&mut self, _: u64) -> bool {
        true
    }
}

/// Catches: state that a hook keeps and a save forgets; a masked weight that is used or moved;
/// a phase's learning rate, epochs or moments ignored; a growth taken back that leaves a trace.
#[test]
fn everything_the_trait_carries_works_and_resumes() {
    let stream = stream("permuted-digits", Some(40), 0);
    let optimizer = OptimizerSettings {
        momentum: 0.9,
        weight_decay: 1e-3,
        keep: Keep::Run,
        ..OptimizerSettings::default()
    };
    let training = Training { optimizer, lr: 0.05, ..Training::default() };
    let begin = || {
        let tracer = Box::new(Tracer::default());
        Learner::new(net("mlp:6x5"), tracer, training.clone(), Setting::Domain, &stream, 0).unwrap()
    };
    let mut saves = Saves::default();
    let whole = finish(begin(), &stream, &mut saves);
    assert_eq!(whole.core.notes, ["pruned"]);
    assert_eq!(whole.core.steps, 3 * (2 + 1) * 4);
    let state = whole.state().unwrap();
    let tracer: Tracer = from_state(&State {
        header: state.header["strategy"].clone(),
        tensors: state.tensors.clone(),
    })
    .unwrap();
    assert_eq!(
        tracer.log[..3],
        ["task 0 of 3", "train ended after 8 steps", "retrain ended after 4 steps"]
    );
    assert_eq!(tracer.validation.len(), 3);
    // A masked weight shows the gradient that it would receive if it were used.
    assert!(tracer.gradients.iter().any(|&g| g != 0.0) && tracer.moves.iter().any(|&d| d != 0.0));
    let digest = whole.digest().unwrap();
    for bytes in saves.0.iter().step_by(3) {
        let resumed = Learner::from_bytes(bytes, net("mlp:6x5"), Tracer::load).unwrap();
        assert_eq!(finish(resumed, &stream, &mut ()).digest().unwrap(), digest);
    }
}
