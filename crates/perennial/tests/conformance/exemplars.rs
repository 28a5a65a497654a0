//! iCaRL's exemplars and means, and GDumb's memory: what they answer by, refuse and forget.

use perennial::learner::{Learner, Position, Remainder, Stop, Training, Watch};
use perennial::parts::means::herding;
use perennial::scenario::{Part, Samples};
use perennial::strategies::{self, Entry};
use perennial::{Engine, Setting, Stream, Task, View, Workspace};
use serde_json::{Value, json};

use crate::toy::{finish, net, stream, stream_of};

const SPEC: &str = "mlp:16x12";

fn made(
    name: &str,
    settings: &Value,
    training: &Training,
    setting: Setting,
    on: &Stream,
) -> Learner {
    let strategy = Entry::find(name).unwrap().create(settings).unwrap();
    Learner::new(net(SPEC), strategy, training.clone(), setting, on, 0).unwrap()
}

/// What rows of a memory or a test part are compared by, as the paper says and in double precision.
struct Oracle<'a> {
    learner: &'a Learner,
    engine: Engine,
    variant: &'a str,
}

impl Oracle<'_> {
    fn values(&self, input: &[f32], view: &View) -> Vec<f64> {
        let model = &self.learner.core.model;
        let values: Vec<f64> = match self.variant {
            "gem" => {
                let all = View { answer: 0..model.units(), ..view.clone() };
                let logits = self.engine.logits(&mut Workspace::default(), model, &all, input, 1);
                let logits = logits.unwrap();
                logits.row(0, &all.answer).unwrap().iter().copied().map(f64::from).collect()
            }
            _ => {
                let workspace = &mut Workspace::default();
                let features = self.engine.features(workspace, model, view, input, 1).unwrap();
                features.into_iter().map(f64::from).collect()
            }
        };
        if self.variant == "rebuffi" { unit(values) } else { values }
    }

    /// The mean of each unit's exemplars.
    fn means(&self, view: &View) -> Vec<Option<Vec<f64>>> {
        let memory = self.learner.strategy().memory().unwrap();
        let of = |unit_of: usize| {
            let rows = (0..memory.len()).filter(|&at| memory.unit(at) as usize == unit_of);
            let rows = rows.map(|at| {
                let mut input = Vec::new();
                memory.append_row(at, &mut input);
                self.values(&input, view)
            });
            let rows: Vec<Vec<f64>> = rows.collect();
            let width = rows.first()?.len();
            let mean = |i| rows.iter().map(|row| row[i]).sum::<f64>() / rows.len() as f64;
            let mean = (0..width).map(mean).collect();
            Some(if self.variant == "rebuffi" { unit(mean) } else { mean })
        };
        (0..self.learner.core.model.units()).map(of).collect()
    }

    /// The share of a part's rows whose nearest mean, among the view's units, is their class's.
    fn accuracy(&self, task: usize, rows: &Samples) -> f64 {
        let model = &self.learner.core.model;
        let view = self.learner.strategy().view(task, model);
        let means = self.means(&view);
        let right = |&row: &usize| {
            let mut input = Vec::new();
            rows.append_row(row, &mut input);
            let x = self.values(&input, &view);
            let apart = |unit: &usize| match &means[*unit] {
                Some(mean) => x.iter().zip(mean).map(|(x, m)| (x - m).powi(2)).sum::<f64>(),
                None => f64::INFINITY,
            };
            let nearest = view.answer.clone().min_by(|a, b| apart(a).total_cmp(&apart(b)));
            nearest == Some(model.outputs[task].units[rows.label(row) as usize] as usize)
        };
        (0..rows.len()).filter(right).count() as f64 / rows.len() as f64
    }
}

fn unit(values: Vec<f64>) -> Vec<f64> {
    let length = values.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 { values.into_iter().map(|x| x / length).collect() } else { values }
}

/// R's last row against a loop over rows and means. Catches: logits that answer in place of means, means
/// of the weights before the last task, of other rows than those kept or of all classes where the task
/// is told, features of a training pass.
#[test]
fn icarl_answers_by_the_nearest_mean_of_its_exemplars() {
    for (variant, setting) in [
        ("rebuffi", Setting::Class),
        ("rebuffi", Setting::Task),
        ("mammoth", Setting::Class),
        ("mammoth", Setting::Task),
        ("gem", Setting::Task),
    ] {
        let stream = stream("split-digits", Some(100), 0);
        let settings = json!({ "variant": variant, "memory": 20 });
        let training = Training { epochs: 3, ..Training::default() };
        let start = made("icarl", &settings, &training, setting, &stream);
        let learner = finish(start, &stream, &mut ());
        let oracle = Oracle { learner: &learner, engine: Engine::new(net(SPEC)), variant };
        let (mut right, mut guessed) = (0.0, 0.0);
        for (task, own) in stream.tasks.iter().enumerate() {
            let expected = oracle.accuracy(task, &own.load(Part::Test));
            let found = learner.core.accuracy.at(3, task).unwrap();
            assert!(
                (found - expected).abs() < 1e-12,
                "{variant} {setting} {task}: {found} {expected}"
            );
            right += found;
            guessed +=
                1.0 / oracle.learner.strategy().view(task, &learner.core.model).answer.len() as f64;
        }
        assert!(right > 1.5 * guessed, "{variant} {setting}: {right} proves nothing");
        // 20 places for 9 classes are 2 each.
        assert_eq!(learner.strategy().memory().unwrap().len(), 18);
    }
}

/// Catches: stale means that are measured within a task, a learner that answers before it has means, a
/// task that is answered for units without one.
#[test]
fn icarl_is_not_measured_where_it_has_no_means() {
    let stream = stream_of(Setting::Class, 40);
    let training = Training { anytime: Some(2), lca: Some(2), ..Training::default() };
    let learner =
        finish(made("icarl", &json!({}), &training, Setting::Class, &stream), &stream, &mut ());
    assert!(learner.core.anytime.is_empty() && learner.core.learning_curves.is_empty());
    let full = Training { head: Some(perennial::learner::ClassHead::Full), ..Training::default() };
    for training in [training, full] {
        let start = made("icarl", &json!({}), &training, Setting::Class, &stream);
        let learner = finish(start, &stream, &mut ());
        assert_eq!(learner.core.accuracy.rows()[0], [None; 3]);
        assert!(learner.core.accuracy.at(1, 0).is_some());
        // With a full head every task has outputs from the start, but no row of a later one is right.
        assert!(learner.core.accuracy.at(1, 2).unwrap_or(0.0) == 0.0);
    }
}

/// Between tasks a number for each class and feature, and each class's unit; within one the old network.
/// Catches: an old network or stale means that are kept beside what is needed then.
#[test]
fn icarl_keeps_the_means_or_the_old_network_and_never_both() {
    struct Exact {
        between: usize,
        within: usize,
    }
    impl Watch for Exact {
        fn save(
            &mut self,
            learner: &Learner,
        ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let model = &learner.core.model;
            let expected = match &learner.core.position {
                Position::BeforeTask { task: 1.. } => {
                    self.between += 1;
                    model.units() * (12 + 1) * size_of::<f32>()
                }
                Position::InPhase(at) if at.task > 0 => {
                    self.within += 1;
                    model.theta.len() * size_of::<f32>()
                }
                Position::InPhase(_) => 0,
                _ => return Ok(()),
            };
            assert_eq!(learner.kept_bytes(0)?.strategy, expected, "{:?}", learner.core.position);
            Ok(())
        }
        fn due(&mut self, _: u64) -> bool {
            true
        }
    }
    let stream = stream_of(Setting::Class, 40);
    let start = made("icarl", &json!({}), &Training::default(), Setting::Class, &stream);
    let mut watch = Exact { between: 0, within: 0 };
    finish(start, &stream, &mut watch);
    assert!(watch.between == 3 && watch.within > 6, "{} {}", watch.between, watch.within);
}

/// Three tasks of two of four classes each: 0 1, 1 2, 2 3. Catches: exemplars of a class that comes
/// again which are all old or all new, more than its share of them, old answers in place of its labels.
#[test]
fn a_class_that_comes_again_is_herded_from_old_and_new_rows() {
    let digits = stream("split-digits", Some(60), 0);
    let names = (0..4).map(|class| format!("class {class}")).collect();
    let task = |number: usize| {
        let [learn, choose, test] = [Part::Train, Part::Validation, Part::Test]
            .map(|part| two_classes(&digits.tasks[number].load(part)));
        let classes = vec![number as u32, number as u32 + 1];
        Task::from_samples(format!("task {number}"), classes, learn, choose, test).unwrap()
    };
    let tasks: Vec<Task> = (0..3).map(task).collect();
    let whole = Stream::from_tasks("again", [1, 8, 8], names, tasks).unwrap();
    let two = Stream { tasks: whole.tasks[..2].to_vec(), ..whole.clone() };
    let settings = json!({ "variant": "mammoth", "memory": 15 });
    let training = Training { epochs: 3, ..Training::default() };
    let first = Stream { tasks: whole.tasks[..1].to_vec(), ..whole.clone() };
    let learnt = |stream: &Stream| {
        let strategy = Entry::find("icarl").unwrap().create(&settings).unwrap();
        let setting = Setting::Class;
        let start = Learner::open_ended(net(SPEC), strategy, training.clone(), setting, 0);
        finish(start.unwrap(), stream, &mut ())
    };
    let (before, after) = (learnt(&first), learnt(&two));
    let rows_of = |learner: &Learner, unit: u32| -> Vec<(usize, u64, Vec<f32>)> {
        let memory = learner.strategy().memory().unwrap();
        let own = (0..memory.len()).filter(|&at| memory.unit(at) == unit);
        own.map(|at| {
            let mut input = Vec::new();
            memory.append_row(at, &mut input);
            (memory.task(at), memory.id(at), input)
        })
        .collect()
    };
    let mut candidates = rows_of(&before, 1);
    let samples = two.tasks[1].load(Part::Train);
    for row in (0..samples.len()).filter(|&row| samples.label(row) == 0) {
        let mut input = Vec::new();
        samples.append_row(row, &mut input);
        candidates.push((1, samples.id(row), input));
    }
    let (engine, model) = (Engine::new(net(SPEC)), &after.core.model);
    let inputs: Vec<f32> = candidates.iter().flat_map(|row| row.2.clone()).collect();
    let view = after.strategy().view(1, model);
    let workspace = &mut Workspace::default();
    let features = engine.features(workspace, model, &view, &inputs, candidates.len()).unwrap();
    let chosen = herding(&features, 12, 5); // 15 places for 3 classes
    let expected: Vec<_> = chosen.iter().map(|&at| candidates[at].clone()).collect();
    let found = rows_of(&after, 1);
    assert_eq!(found, expected);
    let from = |task| found.iter().filter(|row| row.0 == task).count();
    assert!(from(0) > 0 && from(1) > 0, "{} old, {} new", from(0), from(1));
    let end = learnt(&whole);
    assert_eq!(end.strategy().memory().unwrap().len(), 4 * 3);
}

/// The rows of the first two labels.
fn two_classes(rows: &Samples) -> Samples {
    let mut values = Vec::new();
    let own: Vec<usize> = (0..rows.len()).filter(|&row| rows.label(row) < 2).collect();
    own.iter().for_each(|&row| rows.append_row(row, &mut values));
    let labels = own.iter().map(|&row| rows.label(row)).collect();
    let ids = own.iter().map(|&row| rows.id(row)).collect();
    Samples::new(perennial::data::Values::Floats(values), 64, labels, ids).unwrap()
}

/// Catches: a forgotten exemplar that stays, a class without exemplars that is answered all the same, a
/// task that loses another class's answers.
#[test]
fn a_forgotten_exemplar_is_gone_and_its_class_with_the_last() {
    let stream = stream_of(Setting::Class, 60);
    let start =
        made("icarl", &json!({ "memory": 18 }), &Training::default(), Setting::Class, &stream);
    let mut learner = finish(start, &stream, &mut ());
    let memory = learner.strategy().memory().unwrap().clone();
    let own: Vec<_> = (0..memory.len()).filter(|&at| memory.unit(at) == 0).collect();
    assert_eq!((memory.len(), own.len()), (18, 2));
    let has = |learner: &Learner, unit| learner.strategy().class_means().unwrap().has_any(&unit);
    for (left, &at) in [1, 0].iter().zip(&own) {
        assert_eq!(learner.forget_sample(memory.task(at), memory.id(at)), 1);
        assert_eq!(learner.forget_sample(memory.task(at), memory.id(at)), 0);
        assert_eq!(has(&learner, 0..1), *left > 0);
        assert!(has(&learner, 1..2));
    }
    assert_eq!(learner.strategy().memory().unwrap().len(), 16);
}

/// Steps are passes over the memory, whatever the run's epochs and iterations are; 36 rows a task of 10
/// classes leave 12, of which a batch of 20 makes one step. Catches: epochs of the run in place of
/// passes, rows of the task in place of the memory's, a memory smaller than a batch that is refused.
#[test]
fn gdumb_makes_its_own_passes_over_the_memory_alone() {
    let stream = stream_of(Setting::Domain, 40);
    let end = |settings: Value, training: &Training| {
        let mut learner = made("gdumb", &settings, training, Setting::Domain, &stream);
        let ended = learner.run(&stream, &mut (), &Stop::default());
        ended.map(|_| learner).map_err(|error| error.to_string())
    };
    let small = json!({ "memory": 12, "passes": 4 });
    let batch = |batch, remainder| Training { batch, remainder, ..Training::default() };
    let even = batch(20, Remainder::Even);
    let one = end(small.clone(), &even).unwrap();
    assert_eq!((one.core.steps, one.strategy().memory().unwrap().len()), (3 * 4, 12));
    for other in
        [Training { epochs: 7, ..even.clone() }, Training { iterations: Some(50), ..even.clone() }]
    {
        assert_eq!(end(small.clone(), &other).unwrap().core.model, one.core.model);
    }
    assert_eq!(end(small.clone(), &batch(5, Remainder::Even)).unwrap().core.steps, 3 * 4 * 3);
    let said = end(small, &batch(20, Remainder::Drop)).err().unwrap();
    let expected = "leaves no step for the memory, which has 12 samples; use a batch of 12 or less";
    assert!(said.contains(expected), "{said}");
}

/// What the weights were before a task is nothing to the weights after it. Catches: a network that goes
/// on from the task before, or that keeps a head, a slot or a running statistic of it.
#[test]
fn gdumb_starts_every_task_from_fresh_weights() {
    struct Second(Vec<u8>);
    impl Watch for Second {
        fn save(
            &mut self,
            learner: &Learner,
        ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            if learner.core.position == (Position::BeforeTask { task: 1 }) {
                self.0 = learner.to_bytes()?;
            }
            Ok(())
        }
    }
    for (setting, spec) in
        [(Setting::Task, SPEC), (Setting::Class, SPEC), (Setting::Task, "cnn:2x2x4")]
    {
        let stream = stream_of(setting, 40);
        let settings = json!({ "passes": 2 });
        let strategy = Entry::find("gdumb").unwrap().create(&settings).unwrap();
        let start = Learner::new(net(spec), strategy, Training::default(), setting, &stream, 0);
        let mut second = Second(Vec::new());
        let whole = finish(start.unwrap(), &stream, &mut second).core.model;
        let mut other = Learner::from_bytes(&second.0, net(spec), strategies::load).unwrap();
        let model = &mut other.core.model;
        model.theta.iter_mut().chain(&mut model.buffers[..]).for_each(|number| *number += 1.0);
        assert_eq!(finish(other, &stream, &mut ()).core.model, whole, "{setting} {spec}");
    }
}

/// Catches: a setting in which the method makes no sense, or a memory without a place for each class,
/// that is found out in the middle of a run, or in other words.
#[test]
fn what_cannot_be_is_a_sentence_before_anything_is_learnt() {
    let stream = stream_of(Setting::Class, 40);
    let start = |settings: Value, setting| {
        let strategy = Entry::find("icarl").unwrap().create(&settings).unwrap();
        Learner::new(net(SPEC), strategy, Training::default(), setting, &stream, 0)
    };
    for (settings, setting, says) in [
        (json!({}), Setting::Domain, "icarl cannot work with --setting domain: each task has all"),
        (json!({ "variant": "gem" }), Setting::Class, "must be told the task; use --setting task"),
    ] {
        let said = start(settings, setting).err().unwrap().to_string();
        assert!(said.contains(says), "{said}");
    }
    let said = start(json!({ "memory": 8 }), Setting::Class).err().unwrap().to_string();
    assert!(said.contains("it has 8 places for 9 classes"), "{said}");
    // How many samples bytes hold is known with the first of them.
    let mut learner = start(json!({ "memory": "640B" }), Setting::Class).unwrap();
    let said = learner.run(&stream, &mut (), &Stop::default()).unwrap_err().to_string();
    assert!(
        said.starts_with("icarl.memory = 640B cannot be: it has 8 places for 9 classes"),
        "{said}"
    );
    assert_eq!(learner.core.steps, 0);
    for (name, settings, says) in [
        ("icarl", json!({ "memory": 0 }), "icarl.memory = 0 cannot be"),
        ("icarl", json!({ "lambda": -1 }), "icarl.lambda = -1 cannot be"),
        ("icarl", json!({ "variant": "gdumb" }), "expected one of `rebuffi`, `mammoth`, `gem`"),
        ("gdumb", json!({ "memory": 0 }), "gdumb.memory = 0 cannot be"),
        ("gdumb", json!({ "passes": 0 }), "gdumb.passes = 0 cannot be: it must be at least 1 pass"),
        ("gdumb", json!({ "schedule": "linear" }), "expected `cosine` or `constant`"),
    ] {
        let said = Entry::find(name).unwrap().create(&settings).err().unwrap().to_string();
        assert!(said.contains(says), "{said}");
    }
}
