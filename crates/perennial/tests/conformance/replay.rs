//! Methods that replay: how many rows a step draws, and how many steps a batch gets.

use std::sync::{Arc, Mutex};

use perennial::learner::{Context, LearnError, Learner, Training, Watch};
use perennial::strategies::{self, Entry};
use perennial::strategy::{Batch, Card, Changed, Step, Strategy};
use perennial::{Pass, Setting};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::promises::offered;
use crate::resume::{Saves, results};
use crate::toy::{finish, net, stream_of};

/// What is seen of every step: the batch's ids and the passes that the method asks for.
type Seen = Arc<Mutex<Vec<(Vec<u64>, Vec<Pass>)>>>;

struct Watched {
    inner: Box<dyn Strategy>,
    seen: Seen,
}

impl Serialize for Watched {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(serializer)
    }
}

impl Strategy for Watched {
    fn card(&self) -> Card {
        self.inner.card()
    }
    fn settings(&self) -> Value {
        self.inner.settings()
    }
    fn steps_per_batch(&self) -> usize {
        self.inner.steps_per_batch()
    }
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.begin_task(cx)
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        let passes = self.inner.objective(batch, cx)?;
        self.seen.lock().unwrap().push((batch.ids.clone(), passes.clone()));
        Ok(passes)
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.inner.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.end_task(cx)
    }
}

fn make(name: &str, settings: &Value) -> Box<dyn Strategy> {
    Entry::find(name).unwrap().create(settings).unwrap()
}

fn begin(strategy: Box<dyn Strategy>, training: &Training) -> Learner {
    let stream = stream_of(Setting::Domain, 40);
    Learner::new(net("mlp:12"), strategy, training.clone(), Setting::Domain, &stream, 0).unwrap()
}

/// Every step of a method on three tasks of 36 rows: four batches of 9 each.
fn steps(name: &str, settings: &Value, training: &Training) -> Vec<(Vec<u64>, Vec<Pass>)> {
    let seen = Seen::default();
    let strategy = Box::new(Watched { inner: make(name, settings), seen: seen.clone() });
    finish(begin(strategy, training), &stream_of(Setting::Domain, 40), &mut ());
    std::mem::take(&mut *seen.lock().unwrap())
}

/// The weights of a pass, one a row.
fn weights(pass: &Pass) -> Vec<f32> {
    pass.terms.iter().flat_map(|term| term.rows.clone().map(|_| term.weight)).collect()
}

/// By hand, from the second step on, when there are 9 rows or more in the memory: er has the mean
/// over 9 + 4 rows; der and derpp have the batch's mean and a mean over the 4 of each draw, der's over
/// 4 rows × 10 outputs. Catches: a draw of the batch's size, weights of the batch for the draw.
#[test]
fn another_replay_batch_has_its_own_weights() {
    let all = |settings: Value, name| steps(name, &settings, &Training::default())[1..].to_vec();
    for (_, passes) in all(json!({ "batch": 4 }), "er") {
        assert_eq!(passes.len(), 1);
        assert_eq!(weights(&passes[0]), vec![1.0 / 13.0; 13]);
    }
    for (_, passes) in all(json!({ "batch": 4, "alpha": 0.5 }), "der") {
        assert_eq!(weights(&passes[0]), vec![1.0 / 9.0; 9]);
        assert_eq!(weights(&passes[1]), vec![0.5 / 40.0; 4]);
    }
    for (_, passes) in all(json!({ "batch": 4, "alpha": 0.5, "beta": 2 }), "derpp") {
        assert_eq!(weights(&passes[0]), vec![1.0 / 9.0; 9]);
        assert_eq!(weights(&passes[1]), vec![0.5 / 40.0; 4]);
        assert_eq!(weights(&passes[2]), vec![2.0 / 4.0; 4]);
    }
    // All rows, where the memory has fewer.
    let (_, passes) = &steps("er", &json!({ "batch": 40 }), &Training::default())[2];
    assert_eq!(weights(&passes[0]), vec![1.0 / 27.0; 27]);
}

/// Three steps on each of four batches a task. Catches: steps that go on to the next batch, one draw
/// for all steps of a batch, a row that is offered in each step, iterations that count batches.
#[test]
fn each_batch_gets_several_steps_with_draws_of_their_own() {
    for name in ["er", "der", "derpp"] {
        let settings = json!({ "steps": 3, "batch": 4 });
        let seen = steps(name, &settings, &Training::default());
        assert_eq!(seen.len(), 3 * 4 * 3, "{name}");
        let (mut rows, mut same) = (Vec::new(), 0);
        for three in seen.chunks(3) {
            assert!(three.iter().all(|step| step.0 == three[0].0), "{name}");
            rows.extend(three[0].0.clone());
            let draws: Vec<Vec<f32>> =
                three.iter().map(|step| step.1.last().unwrap().inputs.clone()).collect();
            same += usize::from(draws[1] == draws[2]);
        }
        assert_eq!(same, 0, "{name}: a draw came twice");
        for task in rows.chunks_mut(36) {
            task.sort_unstable();
            assert!(task.windows(2).all(|pair| pair[0] < pair[1]), "{name}: a row came twice");
        }
        let learner = begin(make(name, &settings), &Training::default());
        let learner = finish(learner, &stream_of(Setting::Domain, 40), &mut ());
        assert_eq!(learner.strategy().memory().unwrap().len(), 3 * 36, "{name}");
        let training = Training { iterations: Some(5), ..Training::default() };
        assert_eq!(steps(name, &settings, &training).len(), 3 * 5, "{name}");
    }
}

/// Catches: a learning curve with a point for each step, or one a step too early.
#[test]
fn a_learning_curve_counts_batches() {
    let training = Training { lca: Some(2), anytime: Some(1), ..Training::default() };
    let learner = begin(make("er", &json!({ "steps": 3 })), &training);
    let core = finish(learner, &stream_of(Setting::Domain, 40), &mut ()).core;
    for (task, curve) in core.learning_curves.iter().enumerate() {
        let after = |steps: u64| {
            let step = 12 * task as u64 + steps;
            let found = core.anytime.iter().find(|evaluation| evaluation.step == step);
            found.unwrap().accuracies[task]
        };
        assert_eq!(curve.len(), 3);
        assert_eq!(curve[1..], [after(3), after(6)], "task {task}");
    }
}

/// Catches: a step within a batch that is lost or made twice by a resume.
#[test]
fn several_steps_a_batch_resume_bit_for_bit() {
    let training = Training { epochs: 2, lca: Some(2), ..Training::default() };
    let stream = stream_of(Setting::Domain, 40);
    for name in ["er", "der", "derpp"] {
        let mut saves = Saves::default();
        let learner = begin(make(name, &json!({ "steps": 2, "batch": 3 })), &training);
        let whole = results(&finish(learner, &stream, &mut saves));
        for bytes in &saves.0 {
            let resumed = Learner::from_bytes(bytes, net("mlp:12"), strategies::load).unwrap();
            assert_eq!(results(&finish(resumed, &stream, &mut ())), whole, "{name}");
        }
    }
}

/// Catches: a draw of nothing or a batch without a step that is trained with.
#[test]
fn nothing_to_draw_and_no_step_are_refused() {
    for name in ["er", "der", "derpp"] {
        for (settings, said) in [
            (json!({ "batch": 0 }), "batch = 0 cannot be: it must be at least 1 row, or batch"),
            (json!({ "steps": 0 }), "steps = 0 cannot be: it must be at least 1 step"),
        ] {
            let error = Entry::find(name).unwrap().create(&settings).err().unwrap().to_string();
            assert!(error.contains(&format!("{name}.{said}")), "{error}");
        }
    }
}

const POLICIES: [&str; 6] =
    ["reservoir", "ring", "class-ring", "k-means", "mean-of-features", "class-balanced"];

/// Saves, and checks at each save that what is kept is within a budget of bytes.
struct Within {
    most: usize,
    saves: Saves,
}

impl Watch for Within {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let kept = learner.kept_bytes(0)?;
        let (kept, most) = (kept.data + kept.strategy, self.most + offered(learner));
        assert!(kept <= most, "{}: {kept} of {most} bytes", learner.strategy().settings());
        self.saves.save(learner)
    }

    fn due(&mut self, _: u64) -> bool {
        true
    }
}

/// 4,000 bytes, a network of 12 features: 22 rows of k-means, 23 of mean-of-features, 50 of the
/// others. Catches: features that a budget does not count, a mean that stays without its class, what
/// a policy keeps that is lost at a save or not forgotten with its sample.
#[test]
fn every_policy_stays_within_its_bytes_and_resumes_bit_for_bit() {
    for policy in POLICIES {
        for (setting, seed) in [(Setting::Domain, 0), (Setting::Class, 0)] {
            let (stream, training) = (stream_of(setting, 40), Training::default());
            let strategy = make("er", &json!({ "memory": "4kB", "policy": policy }));
            let learner = Learner::new(net("mlp:12"), strategy, training, setting, &stream, seed);
            let mut watch = Within { most: 4000, saves: Saves::default() };
            let mut whole = finish(learner.unwrap(), &stream, &mut watch);
            let rows = whole.strategy().memory().unwrap().len();
            let places = match policy {
                "k-means" => 4000 / (80 + 2 * 48 + 4),
                "mean-of-features" => 4000 / (80 + 2 * 48),
                _ => 4000 / 80,
            };
            assert!((1..=places).contains(&rows), "{policy} {setting}: {rows} of {places}");
            for bytes in watch.saves.0.iter().step_by(2) {
                let resumed = Learner::from_bytes(bytes, net("mlp:12"), strategies::load).unwrap();
                let resumed = results(&finish(resumed, &stream, &mut ()));
                assert_eq!(resumed, results(&whole), "{policy} {setting}");
            }
            let memory = whole.strategy().memory().unwrap();
            let (task, id) = (memory.task(0), memory.id(0));
            assert_eq!(whole.forget_sample(task, id), 1, "{policy}");
            assert_eq!(whole.strategy().memory().unwrap().len(), rows - 1, "{policy}");
        }
    }
}

/// Catches: a memory of all tasks that has a share for each, a reservoir that is not asked for the
/// past, a row of another task's head that a step cannot answer.
#[test]
fn agem_draws_one_memory_of_all_tasks() {
    for setting in [Setting::Task, Setting::Domain, Setting::Class] {
        let (stream, training) = (stream_of(setting, 40), Training::default());
        let strategy = make("agem", &json!({ "choose": "reservoir", "memory": 20, "batch": 10 }));
        let learner = Learner::new(net("mlp:12"), strategy, training, setting, &stream, 0);
        let learner = finish(learner.unwrap(), &stream, &mut ());
        let memory = learner.strategy().memory().unwrap();
        let of_tasks = memory.of_tasks(3);
        assert_eq!(of_tasks.iter().map(Vec::len).sum::<usize>(), 20, "{setting}");
        assert!(of_tasks.iter().all(|rows| !rows.is_empty()), "{setting}: {of_tasks:?}");
        let plain = make("finetune", &json!({}));
        let plain = Learner::new(net("mlp:12"), plain, Training::default(), setting, &stream, 0);
        let plain = finish(plain.unwrap(), &stream, &mut ());
        assert_ne!(plain.core.model.digest(), learner.core.model.digest(), "{setting}");
    }
}
