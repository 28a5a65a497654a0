//! The guards from b = 0 to b = ∞: what a penalty does to the gradient, and what it says.

use std::sync::{Arc, Mutex};

use perennial::learner::{Context, LearnError, Learner, Stop, Training};
use perennial::scenario::{Part, Samples};
use perennial::state::{State, to_state};
use perennial::strategies::Entry;
use perennial::strategy::{
    Batch, Card, Changed, Descent, Gradient, Moved, Outcome, Phase, Step, Strategy,
};
use perennial::{OptimizerKind, OptimizerSettings, Pass, Setting, Stream};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::toy::{finish, net, stream, stream_of};

/// Every penalty, with its strength's key and what 2b is of the strength and the importance.
const PENALTIES: [(&str, &str, f32); 8] = [
    ("l2", "lambda", 2.0),
    ("perturb", "lambda", 2.0),
    ("ewc", "lambda", 1.0),
    ("online-ewc", "lambda", 1.0),
    ("si", "c", 2.0),
    ("mas", "lambda", 2.0),
    ("rwalk", "lambda", 2.0),
    ("scp", "lambda", 2.0),
];

fn learner(
    name: &str,
    settings: &Value,
    training: &Training,
    setting: Setting,
    stream: &Stream,
) -> Learner {
    let strategy = Entry::find(name).unwrap().create(settings).unwrap();
    Learner::new(net("mlp:12"), strategy, training.clone(), setting, stream, 0).unwrap()
}

/// Catches: a penalty or an importance that disturbs training with strength 0, in any setting.
#[test]
fn strength_zero_is_fine_tuning_bit_for_bit() {
    let momentum = OptimizerSettings { momentum: 0.9, ..OptimizerSettings::default() };
    // More steps a task than the ten of RWalk's windows.
    let training = Training { optimizer: momentum, lr: 0.02, epochs: 3, ..Training::default() };
    for setting in [Setting::Task, Setting::Domain, Setting::Class] {
        let stream = stream_of(setting, 40);
        let end = |name: &str, settings: &Value| {
            let start = learner(name, settings, &training, setting, &stream);
            finish(start, &stream, &mut ()).core.model.digest()
        };
        let plain = end("finetune", &json!({}));
        for (name, key, _) in PENALTIES {
            assert_eq!(end(name, &json!({ key: 0 })), plain, "{name} {setting}");
            assert_ne!(end(name, &json!({ key: 0.05 })), plain, "{name} {setting}: nothing held");
        }
    }
}

/// One look at a step: gradient, θ before and after, and what the strategy holds.
type Look = (Vec<f32>, Vec<f32>, Vec<f32>, State);

/// Hands every call on and looks at how far θ goes.
struct Looking {
    inner: Box<dyn Strategy>,
    looks: Arc<Mutex<Vec<Look>>>,
}

impl Serialize for Looking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(serializer)
    }
}

impl Strategy for Looking {
    fn card(&self) -> Card {
        self.inner.card()
    }
    fn settings(&self) -> Value {
        self.inner.settings()
    }
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.begin_task(cx)
    }
    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        self.inner.next_phase(last, cx)
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.inner.objective(batch, cx)
    }
    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        self.inner.edit_gradient(gradient, cx)?;
        let state = to_state(self.inner.as_ref())?;
        let theta = cx.model.theta.to_vec();
        self.looks.lock().unwrap().push((gradient.values.to_vec(), theta, Vec::new(), state));
        Ok(())
    }
    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        self.inner.descend(slot)
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.looks.lock().unwrap().last_mut().unwrap().2 = cx.model.theta.to_vec();
        self.inner.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.end_task(cx)
    }
}

/// The numbers of a vector that a strategy holds.
fn vector(state: &State, name: &str) -> Option<Vec<f32>> {
    let (_, tensor) = state.tensors.iter().find(|(key, _)| key.ends_with(name))?;
    Some(tensor.bytes.chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

/// Every penalty's gradient is its strength, or twice that where its formula has no ½, times
/// importance times θ − θ*. Catches: a factor ½ or 2 between formula and code, a penalty on
/// another anchor, a sign.
#[test]
fn the_gradient_of_every_penalty_is_its_formula() {
    let stream = stream("permuted-digits", Some(30), 0);
    for (name, key, factor) in PENALTIES {
        let strength = if name == "mas" { 0.006 } else { 0.06 };
        let looks = Arc::new(Mutex::new(Vec::new()));
        let inner = Entry::find(name).unwrap().create(&json!({ key: strength })).unwrap();
        let looking = Box::new(Looking { inner, looks: looks.clone() });
        let lr = 0.05;
        let training = Training { lr, epochs: 5, ..Training::default() };
        let start =
            Learner::new(net("mlp:8"), looking, training, Setting::Domain, &stream, 0).unwrap();
        finish(start, &stream, &mut ());
        let looks = looks.lock().unwrap();
        let mut pulled = false;
        for (g, theta, after, state) in looks.iter() {
            let held = vector(state, "anchor").unwrap_or_default();
            let importance = vector(state, "importance");
            for i in 0..theta.len() {
                let f = match &importance {
                    Some(importance) => importance.get(i).copied().unwrap_or(0.0),
                    None => f32::from(u8::from(name == "l2" && i < held.len())),
                };
                let far = theta[i] - held.get(i).unwrap_or(&theta[i]);
                let wanted = factor * strength as f32 * f * far;
                let found = (theta[i] - after[i]) / lr - g[i];
                let rounding = 1e-6 * (g[i].abs() + wanted.abs() + 1e-3);
                let rounding = rounding + f32::EPSILON * theta[i].abs() / lr;
                assert!((found - wanted).abs() <= rounding, "{name}: {found} for {wanted}");
                pulled |= wanted.abs() > 10.0 * rounding;
            }
        }
        assert!(pulled, "{name} never pulled");
    }
}

/// Catches: folded anchors that are another method than separate ones.
#[test]
fn folded_anchors_train_as_separate_ones_do() {
    let stream = stream("permuted-digits", Some(60), 0);
    let end = |anchors: &str| {
        let settings = json!({ "anchors": anchors });
        let training = Training::default();
        let start = learner("ewc", &settings, &training, Setting::Domain, &stream);
        finish(start, &stream, &mut ()).core.model.theta
    };
    let (folded, separate, merged) = (end("folded"), end("separate"), end("merged"));
    let far =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far(&folded, &separate) < 1e-4, "{}", far(&folded, &separate));
    assert!(far(&folded, &merged) > 1e-3, "merged anchors are another penalty");
}

/// Catches: one batch cut into several, several averaged where one is asked for.
#[test]
fn one_batch_is_a_mean_over_one() {
    let stream = stream("permuted-digits", Some(60), 0);
    let end = |fisher: &str, samples: usize| {
        let settings = json!({ "fisher": fisher, "fisher-samples": samples, "lambda": 100 });
        let start = learner("ewc", &settings, &Training::default(), Setting::Domain, &stream);
        finish(start, &stream, &mut ()).core.model.digest()
    };
    let batch = Training::default().batch;
    assert_eq!(end("one-batch", batch), end("batch-mean", batch));
    assert_ne!(end("one-batch", 3 * batch), end("batch-mean", 3 * batch));
}

fn notes(name: &str, settings: &Value, training: &Training, setting: Setting) -> Vec<String> {
    let stream = stream_of(setting, 40);
    let mut learner = learner(name, settings, training, setting, &stream);
    // A run that ends as NaN has said why before.
    let _ = learner.run(&stream, &mut (), &perennial::learner::Stop::default());
    learner.core.notes
}

/// Catches: NaN without a word, a warning under Adam or where momentum allows more, two.
#[test]
fn too_stiff_a_penalty_is_named_before_it_diverges() {
    let plain = Training::default();
    for (name, key, _) in PENALTIES {
        let notes = notes(name, &json!({ key: 1e6 }), &plain, Setting::Domain);
        let told = notes.iter().filter(|note| note.contains("pulls too hard")).count();
        assert_eq!(told, 1, "{name}: {notes:?}");
        let note = notes.iter().find(|note| note.contains("pulls too hard")).unwrap();
        assert!(note.contains("column1.dense1") || note.contains("head1"), "{note}");
        assert!(note.contains(&format!("{name}.step=implicit")), "{note}");
    }
    let with = |lambda: f64, optimizer: OptimizerSettings| {
        let training = Training { optimizer, ..Training::default() };
        let notes = notes("l2", &json!({ "lambda": lambda }), &training, Setting::Domain);
        notes.iter().any(|note| note.contains("pulls too hard"))
    };
    // lr .1, 2b = 2 λ: λ 10 is the limit, with momentum .9 λ 19, with Adam there is none.
    let momentum = OptimizerSettings { momentum: 0.9, ..OptimizerSettings::default() };
    let adam = OptimizerSettings { kind: OptimizerKind::Adam, ..OptimizerSettings::default() };
    assert!(!with(9.9, OptimizerSettings::default()) && with(10.1, OptimizerSettings::default()));
    assert!(!with(18.9, momentum.clone()) && with(19.1, momentum));
    assert!(!with(1e6, adam));
}

/// Catches: an implicit step that diverges, or that is taken under momentum.
#[test]
fn the_implicit_step_is_stable_for_every_strength() {
    for (name, key, _) in PENALTIES {
        let stream = stream_of(Setting::Domain, 40);
        let settings = json!({ key: 1e6, "step": "implicit" });
        let training = Training::default();
        let start = learner(name, &settings, &training, Setting::Domain, &stream);
        let end = finish(start, &stream, &mut ());
        assert!(end.core.model.theta.iter().all(|theta| theta.is_finite()), "{name}");
        assert!(!end.core.notes.iter().any(|note| note.contains("pulls too hard")), "{name}");
        let momentum = OptimizerSettings { momentum: 0.9, ..OptimizerSettings::default() };
        let training = Training { optimizer: momentum, ..training };
        let mut start = learner(name, &settings, &training, Setting::Domain, &stream);
        let error = start.run(&stream, &mut (), &perennial::learner::Stop::default());
        assert!(error.unwrap_err().to_string().contains("plain SGD only"), "{name}");
    }
}

/// 2 λ is no finite f32, and infinity times the way of no weight is no number. Catches: a step that
/// goes on with it, or that is told as another thing.
#[test]
fn a_pull_that_is_no_number_ends_the_run() {
    let stream = stream_of(Setting::Domain, 40);
    let settings = json!({ "lambda": 1e39 });
    let mut start = learner("l2", &settings, &Training::default(), Setting::Domain, &stream);
    let error = start.run(&stream, &mut (), &perennial::learner::Stop::default()).unwrap_err();
    let told = "the weight became NaN in task 2 at step 0 of epoch 1 (l2";
    assert!(error.to_string().contains(told), "{error}");
}

/// Catches: silence about a λ that does nothing, about a method that cannot work; false alarms.
#[test]
fn what_cannot_work_is_said_once() {
    let training = Training { epochs: 5, ..Training::default() };
    for (name, key, _) in PENALTIES {
        let none = notes(name, &json!({ key: 1e-12 }), &training, Setting::Domain);
        assert_eq!(none.iter().filter(|note| note.contains("no effect")).count(), 1, "{name}");
        let class = notes(name, &json!({}), &training, Setting::Class);
        assert_eq!(class.iter().filter(|note| note.contains("cannot hold old")).count(), 1);
        let usual = notes(name, &json!({}), &training, Setting::Domain);
        let warned = |note: &&String| !note.starts_with("perturb: ");
        assert_eq!(
            usual.iter().filter(warned).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{name}"
        );
    }
    let freeze = |setting| notes("freeze", &json!({}), &training, setting);
    assert!(freeze(Setting::Domain)[0].contains("freeze learns nothing after the first task"));
    assert_eq!(freeze(Setting::Domain).len(), 1);
    assert_eq!(freeze(Setting::Task), Vec::<String>::new());
}

/// With one shared head freeze ends where task 1 ended. Catches: a weight that still moves.
#[test]
fn freeze_on_one_head_stays_where_the_first_task_ended() {
    let momentum =
        OptimizerSettings { momentum: 0.9, weight_decay: 0.01, ..OptimizerSettings::default() };
    let training = Training { optimizer: momentum, lr: 0.02, epochs: 5, ..Training::default() };
    let stream = stream_of(Setting::Domain, 40);
    let end = finish(
        learner("freeze", &json!({}), &training, Setting::Domain, &stream),
        &stream,
        &mut (),
    );
    let rows = end.core.accuracy.rows();
    assert_eq!(rows[1], rows[2]);
    assert_eq!(rows[1], rows[3]);
    assert!(end.core.accuracy.at(1, 0).unwrap() > end.core.accuracy.at(0, 0).unwrap());
}

/// Catches: a value out of its range that is taken.
#[test]
fn bad_settings_are_refused_by_name() {
    let refused = |name: &str, settings: &Value| {
        Entry::find(name).unwrap().create(settings).err().unwrap().to_string()
    };
    for (name, key, _) in PENALTIES {
        let error = refused(name, &json!({ key: -1.0 }));
        assert!(error.contains(&format!("{name}.{key} = -1")), "{error}");
        // NaN is null in JSON.
        assert!(refused(name, &json!({ key: f64::NAN })).contains(name));
    }
    for name in ["ewc", "online-ewc"] {
        assert!(refused(name, &json!({ "fisher-samples": 0 })).contains("at least 1 sample"));
    }
    assert!(refused("online-ewc", &json!({ "gamma": 1.1 })).contains("from 0 to 1"));
    assert!(refused("online-ewc", &json!({ "gamma": -0.1 })).contains("from 0 to 1"));
    let both = json!({ "anchors": "separate", "step": "implicit" });
    assert!(refused("ewc", &both).contains("folded anchors are the same penalty"));
}

/// Ω on a task's own rows, brought once more without labels, is Ω on the task; other rows give another.
/// Catches: labels that are looked at, the training rows measured on all the same, a task without such
/// rows that is measured on its own.
#[test]
fn mas_measures_on_rows_without_labels() {
    let plain = stream("permuted-digits", Some(40), 0);
    let with = |other: bool| {
        let mut stream = plain.clone();
        for at in 0..stream.tasks.len() {
            let from = if other { stream.tasks.len() - 1 - at } else { at };
            let rows = plain.tasks[from].load(Part::Train);
            stream.tasks[at] = plain.tasks[at].clone().with_unlabelled(&rows).unwrap();
        }
        stream
    };
    for gradient in ["sample", "batch"] {
        let theta = |data: &str, stream: &Stream| {
            let settings = json!({ "data": data, "gradient": gradient, "lambda": 1 });
            let learner = learner("mas", &settings, &Training::default(), Setting::Domain, stream);
            finish(learner, stream, &mut ()).core.model.theta
        };
        let task = theta("task", &plain);
        assert_eq!(theta("unlabelled", &with(false)), task, "{gradient}");
        assert_eq!(theta("task", &with(true)), task, "{gradient}");
        assert_ne!(theta("unlabelled", &with(true)), task, "{gradient}");
    }
    let settings = json!({ "data": "unlabelled" });
    let mas = Entry::find("mas").unwrap().create(&settings).unwrap();
    let training = Training::default();
    let made = Learner::new(net("mlp:12"), mas, training.clone(), Setting::Domain, &plain, 0);
    let error = made.err().unwrap().to_string();
    assert!(error.contains("mas.data = unlabelled cannot be: task `"), "{error}");
    // Where tasks arrive one by one, it is said of each.
    let mas = Entry::find("mas").unwrap().create(&settings).unwrap();
    let mut open = Learner::open_ended(net("mlp:12"), mas, training, Setting::Domain, 0).unwrap();
    let error = open.run(&plain, &mut (), &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("brings no samples without labels"), "{error}");
    assert_eq!(open.core.steps, 0);
    let wrong = Samples::none(3);
    assert!(plain.tasks[0].clone().with_unlabelled(&wrong).is_err());
    assert_ne!(with(false).tasks[0].fingerprint(), plain.tasks[0].fingerprint());
}
