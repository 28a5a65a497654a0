//! Gradients of memories: on any network those of the plain path, and never taken for numbers when
//! they are none.

use std::sync::{Arc, Mutex};

use perennial::learner::{Context, LearnError, Learner, Position, Recalled, Stop};
use perennial::learner::{Training, Watch};
use perennial::parts::memory::Memory;
use perennial::scenario::{Samples, Values};
use perennial::state::State;
use perennial::strategies::{self, Entry};
use perennial::strategy::{Batch, Card, Gradient, Strategy};
use perennial::{Mode, Pass, Setting, Stream, Task};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::toy::{finish, net, stream};

/// What a test does in the place of an edit of the gradient.
type Edit =
    dyn FnMut(&Memory, &mut Gradient<'_>, &mut Context<'_>) -> Result<(), LearnError> + Send;

/// Fills its memory as GEM does and edits the gradient as the test says.
struct Probe {
    gem: Box<dyn Strategy>,
    edit: Box<Edit>,
}

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.gem.serialize(serializer)
    }
}

impl Strategy for Probe {
    fn card(&self) -> Card {
        self.gem.card()
    }
    fn settings(&self) -> Value {
        self.gem.settings()
    }
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.gem.begin_task(cx)
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.gem.objective(batch, cx)
    }
    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        (self.edit)(self.gem.memory().unwrap(), gradient, cx)
    }
}

fn probe(
    spec: &str,
    setting: Setting,
    stream: &Stream,
    edit: impl FnMut(&Memory, &mut Gradient<'_>, &mut Context<'_>) -> Result<(), LearnError>
    + Send
    + 'static,
) -> Learner {
    let gem = Entry::find("gem").unwrap().create(&json!({ "memory": 300 })).unwrap();
    let strategy = Box::new(Probe { gem, edit: Box::new(edit) });
    Learner::new(net(spec), strategy, Training::default(), setting, stream, 0).unwrap()
}

/// Of networks with and without batch normalisation, with one head and with several: the gradient
/// of a memory is that of one plain pass over it in evaluation mode, its inner product with g is
/// the slope of the memory's loss along g, and statistics do not move. The memory of 300 rows takes
/// two passes. Catches: training mode (the oracle in training mode is far away), a portion weighed
/// by its own length, a slot unpacked at another's place, statistics that move, numbers of an
/// earlier call for a group of no rows.
#[test]
fn memory_gradients_are_those_of_plain_passes() {
    for (spec, rows, settings) in [
        ("mlp:12", 330, &[Setting::Domain, Setting::Task][..]),
        ("cnn:4x4x8", 330, &[Setting::Domain, Setting::Task]),
        ("resnet18:2", 60, &[Setting::Domain]),
    ] {
        for &setting in settings {
            let stream = stream("permuted-digits", Some(rows), 0);
            let compared = Arc::new(Mutex::new(0));
            let (count, mut steps) = (compared.clone(), 0);
            let learner = probe(spec, setting, &stream, move |memory, gradient, cx| {
                steps += 1;
                if cx.task == 0 || steps % 12 != 0 {
                    return Ok(());
                }
                let mut groups: Vec<Vec<usize>> =
                    (0..cx.task).map(|task| memory.of_task(task).collect()).collect();
                groups.insert(1, Vec::new());
                let (view, active) = (cx.model.shared_view(cx.task), gradient.active);
                let buffers = cx.model.buffers.clone();
                let (most, mode) = (groups.len(), Mode::Evaluate);
                let rows = Recalled { view: &view, memory, groups: &groups, most, mode };
                let found = cx.memory_gradients(rows, active)?;
                assert_eq!(cx.model.buffers, buffers, "{spec}: statistics moved");
                for (rows, found) in groups.iter().zip(found.rows.chunks(found.length)) {
                    if rows.is_empty() {
                        assert!(found.iter().all(|&g| g == 0.0), "{spec}: of no rows");
                        continue;
                    }
                    let weight = 1.0 / rows.len() as f32;
                    let pass = memory.pass(rows.clone(), weight, |task| cx.model.answer(task));
                    let pass = Pass { mode: Mode::Evaluate, ..pass };
                    let plain = cx.gradients(&view, vec![pass.clone()])?;
                    let slots = active.iter().map(|&slot| cx.model.layout.slot(slot).range());
                    let plain: Vec<f32> =
                        slots.flat_map(|range| plain[0][range].to_vec()).collect();
                    let size = plain.iter().fold(0.0f32, |most, g| most.max(g.abs()));
                    for (found, plain) in found.iter().zip(&plain) {
                        assert!((found - plain).abs() <= 1e-5 * size, "{spec}: {found} {plain}");
                    }
                    // ε: kinks of rectifiers within it are an error that shrinks with it, 3 % at
                    // 1e-2; rounding grows as it shrinks.
                    const STEP: f64 = 1.25e-3;
                    // (L(θ + εu) − L(θ − εu)) / 2ε along u = the gradient itself, ÷ its length.
                    let length = plain.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
                    let mut moved = |step: f64| {
                        let theta = cx.model.theta.clone();
                        let slots = active.iter().map(|&slot| cx.model.layout.slot(slot).range());
                        for (at, g) in slots.flatten().zip(&plain) {
                            cx.model.theta[at] += (step * f64::from(*g) / length) as f32;
                        }
                        let loss = cx.loss(&view, std::slice::from_ref(&pass));
                        cx.model.theta = theta;
                        loss
                    };
                    let slope = (moved(STEP)? - moved(-STEP)?) / (2.0 * STEP);
                    assert!((slope - length).abs() <= 0.02 * length, "{spec}: {slope} {length}");
                    *count.lock().unwrap() += 1;
                }
                Ok(())
            });
            finish(learner, &stream, &mut ());
            assert!(*compared.lock().unwrap() > 0, "{spec}: nothing was compared");
        }
    }
}

/// In training mode the gradient of a memory of 300 rows is that of one pass over all of them, by their
/// own statistics. Catches: statistics of a part of the memory, running ones, statistics that stay.
#[test]
fn in_training_mode_a_memory_is_one_batch() {
    let stream = stream("permuted-digits", Some(330), 0);
    let compared = Arc::new(Mutex::new(0));
    let (count, mut steps) = (compared.clone(), 0);
    let learner = probe("cnn:4x4x8", Setting::Domain, &stream, move |memory, gradient, cx| {
        steps += 1;
        if cx.task != 1 || steps % 12 != 0 {
            return Ok(());
        }
        let (view, active) = (cx.model.shared_view(1), gradient.active);
        let groups = [memory.of_task(0).collect::<Vec<usize>>()];
        let rows = Recalled { view: &view, memory, groups: &groups, most: 3, mode: Mode::Train };
        let buffers = cx.model.buffers.clone();
        let found = cx.memory_gradients(rows, active)?.rows.clone();
        assert_ne!(cx.model.buffers, buffers, "the running statistics stayed");
        cx.model.buffers = buffers.clone();
        let weight = 1.0 / groups[0].len() as f32;
        let pass = memory.pass(groups[0].clone(), weight, |task| cx.model.answer(task));
        let packed = |gradient: &[f32], cx: &Context<'_>| -> Vec<f32> {
            let slots = active.iter().map(|&slot| cx.model.layout.slot(slot).range());
            slots.flat_map(|range| gradient[range].to_vec()).collect()
        };
        let train = cx.gradients(&view, vec![Pass { mode: Mode::Train, ..pass.clone() }])?;
        assert_eq!(found, packed(&train[0], cx));
        let running = cx.gradients(&view, vec![Pass { mode: Mode::Evaluate, ..pass }])?;
        assert_ne!(found, packed(&running[0], cx));
        cx.model.buffers = buffers;
        *count.lock().unwrap() += 1;
        Ok(())
    });
    finish(learner, &stream, &mut ());
    assert!(*compared.lock().unwrap() > 0, "nothing was compared");
}

/// Saves every step and remembers the last.
#[derive(Default)]
struct Saved(Vec<u8>);

impl Watch for Saved {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0 = learner.to_bytes()?;
        Ok(())
    }
    fn due(&mut self, _: u64) -> bool {
        true
    }
}

/// Catches: a step with a spoilt gradient that is made and saved, an error that does not say where.
#[test]
fn a_gradient_that_is_no_number_stops_the_run_and_the_last_good_state_is_kept() {
    let stream = stream("permuted-digits", Some(60), 0);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut steps = 0;
        let mut learner = probe("mlp:12", Setting::Domain, &stream, move |_, gradient, _| {
            steps += 1;
            if steps == 9 {
                gradient.values[7] = bad;
            }
            Ok(())
        });
        let mut saved = Saved::default();
        let error = learner.run(&stream, &mut saved, &Stop::default()).unwrap_err();
        // 54 rows by tens are 6 steps a task, so the ninth step is the third of task 2.
        let said = format!("the gradient became {bad} in task 2 at step 2 of epoch 1 (gem,");
        assert!(error.to_string().starts_with(&said), "{error}");
        let kept = Learner::from_bytes(&saved.0, net("mlp:12"), strategies::load).unwrap();
        assert!(kept.core.model.theta.iter().all(|weight| weight.is_finite()));
        let Position::InPhase(at) = kept.core.position else { panic!("{:?}", kept.core.position) };
        assert_eq!((at.task, at.step), (1, 2));
    }
}

/// A row of the past that became NaN, on a damaged machine or by a defect: the batch and its loss
/// are whole, and ⟨g, g_k⟩ < 0 is false. Catches: such a step taken for one without conflict.
#[test]
fn a_memory_whose_gradient_is_no_number_stops_the_run() {
    let task = |name: &str| {
        let part = |rows: usize| {
            let values = (0..rows * 64).map(|i| (i % 7) as f32 / 7.0).collect();
            let labels = (0..rows as u32).map(|row| row % 3).collect();
            Samples::new(Values::Floats(values), 64, labels, (0..rows as u64).collect()).unwrap()
        };
        Task::from_samples(name, vec![0, 1, 2], part(30), part(0), part(3)).unwrap()
    };
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let stream =
        Stream::from_tasks("own", [1, 8, 8], names, vec![task("first"), task("second")]).unwrap();
    for name in ["gem", "agem"] {
        let strategy = Entry::find(name).unwrap().create(&json!({})).unwrap();
        let training = Training::default();
        let mut learner =
            Learner::new(net("mlp:8"), strategy, training, Setting::Domain, &stream, 0).unwrap();
        // Stop when the first task is learnt, spoil one number of its memory, go on.
        struct AfterFirst(Vec<u8>, Stop);
        impl Watch for AfterFirst {
            fn save(
                &mut self,
                learner: &Learner,
            ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                if learner.core.position == (Position::BeforeTask { task: 1 }) {
                    self.0 = learner.to_bytes()?;
                    self.1.ask();
                }
                Ok(())
            }
        }
        let stop = Stop::default();
        let mut watch = AfterFirst(Vec::new(), stop.clone());
        learner.run(&stream, &mut watch, &stop).unwrap();
        let mut state = State::from_bytes(&watch.0).unwrap();
        let floats = state.tensors.iter_mut().find(|(name, _)| name.ends_with("memory.floats"));
        floats.unwrap().1.bytes[64 * 4 * 3..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        let bytes = state.to_bytes().unwrap();
        let mut learner = Learner::from_bytes(&bytes, net("mlp:8"), strategies::load).unwrap();
        let error = learner.run(&stream, &mut (), &Stop::default()).unwrap_err().to_string();
        let said = "the gradient of the memory of task 1 became NaN in task 2 at step 0 of epoch 1";
        assert!(error.starts_with(said) && error.contains(&format!("({name},")), "{error}");
    }
}
