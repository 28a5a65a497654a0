//! Strategies that remember: what their projections and their memories promise.

use std::sync::{Arc, Mutex};

use perennial::learner::{Context, LearnError, Learner, Training, Watch};
use perennial::strategies::{self, Entry};
use perennial::strategy::{Batch, Card, Changed, Gradient, Keeps, Step, Strategy};
use perennial::{OptimizerKind, OptimizerSettings, Pass, Setting};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::promises::offered;
use crate::toy::{finish, net, stream};

/// ⟨a, b⟩ in f64.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

fn make(name: &str, settings: &Value) -> Box<dyn Strategy> {
    Entry::find(name).unwrap().create(settings).unwrap()
}

/// What is seen of every projected step: (task, packed g, packed ĝ, packed past gradients).
type Seen = Arc<Mutex<Vec<(usize, Vec<f32>, Vec<f32>, Vec<f32>)>>>;

/// A strategy that computes the past gradients once more, one autodiff pass a memory, and notes
/// what its inner one makes of each gradient.
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
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.begin_task(cx)
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.inner.objective(batch, cx)
    }
    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        let pack = |values: &[f32], cx: &Context<'_>| -> Vec<f32> {
            let slots = gradient.active.iter().map(|&slot| cx.model.layout.slot(slot).range());
            slots.flat_map(|range| values[range].to_vec()).collect()
        };
        let before = pack(gradient.values, cx);
        let memory = self.inner.memory().unwrap().clone();
        let mut past = Vec::new();
        for task in 0..cx.task {
            let rows: Vec<usize> = memory.of_task(task).collect();
            let weight = 1.0 / rows.len() as f32;
            let pass = memory.pass(rows, weight, |task| cx.model.answer(task));
            let view = self.inner.view(cx.task, cx.model);
            let found = cx.gradients(&view, vec![pass])?;
            past.extend(pack(&found[0], cx));
        }
        self.inner.edit_gradient(gradient, cx)?;
        let after = pack(gradient.values, cx);
        self.seen.lock().unwrap().push((cx.task, before, after, past));
        Ok(())
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.inner.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.end_task(cx)
    }
}

/// Every step of a method on three toy tasks.
fn steps(name: &str, settings: &Value, setting: Setting) -> Seen {
    let stream = stream("permuted-digits", Some(60), 0);
    let seen = Seen::default();
    let strategy = Box::new(Watched { inner: make(name, settings), seen: seen.clone() });
    let learner =
        Learner::new(net("mlp:16x12"), strategy, Training::default(), setting, &stream, 0);
    finish(learner.unwrap(), &stream, &mut ());
    seen
}

/// Catches: v of the wrong sign, a constraint left out, a past gradient taken over other rows or
/// weights than autodiff takes it, γ below 0.
#[test]
fn gem_raises_no_remembered_loss_to_first_order() {
    for setting in [Setting::Domain, Setting::Task] {
        for margin in [0.0, 0.5] {
            let settings = json!({ "memory": 20, "margin": margin });
            let seen = steps("gem", &settings, setting);
            let mut projected = 0;
            for (task, before, after, past) in seen.lock().unwrap().iter() {
                if *task == 0 {
                    assert_eq!(before, after);
                }
                projected += usize::from(before != after);
                for past in past.chunks(after.len()) {
                    let least = -1e-5 * (dot(after, after) * dot(past, past)).sqrt();
                    let along = dot(after, past);
                    assert!(along >= least, "{setting}, γ {margin}: {along:e} < {least:e}");
                }
            }
            assert!(projected > 2, "{setting}: {projected} projected steps prove nothing");
        }
    }
}

/// Catches: a reference of the wrong rows, a projection of the wrong length or sign. The
/// reference here is all there is, so that it is known.
#[test]
fn agem_raises_no_reference_loss_to_first_order() {
    let settings = json!({ "memory": 20, "batch": 1000 });
    let seen = steps("agem", &settings, Setting::Domain);
    let mut projected = 0;
    for (task, before, after, past) in seen.lock().unwrap().iter() {
        projected += usize::from(before != after);
        if *task == 0 {
            assert_eq!(before, after);
            continue;
        }
        // Memories of equal size: the mean over all rows is the mean of the tasks' gradients.
        let mean: Vec<f32> = (0..after.len())
            .map(|i| past.iter().skip(i).step_by(after.len()).sum::<f32>() / *task as f32)
            .collect();
        let least = -1e-5 * (dot(after, after) * dot(&mean, &mean)).sqrt();
        assert!(dot(after, &mean) >= least, "{:e} < {least:e}", dot(after, &mean));
    }
    assert!(projected > 0);
}

/// With one memory, γ = 0 and ridge 0, GEM is A-GEM drawing the whole of it. Catches: a dual of
/// another scale (½ left out, c of the wrong sign).
#[test]
fn gem_with_one_memory_is_agem_drawing_all_of_it() {
    let gem = steps("gem", &json!({ "memory": 20, "margin": 0 }), Setting::Domain);
    let agem = steps("agem", &json!({ "memory": 20, "batch": 20 }), Setting::Domain);
    let mut projected = 0;
    let (gem, agem) = (gem.lock().unwrap(), agem.lock().unwrap());
    for (gem, agem) in gem.iter().zip(agem.iter()).filter(|(gem, _)| gem.0 <= 1) {
        projected += usize::from(gem.1 != gem.2);
        let apart: Vec<f32> = gem.2.iter().zip(&agem.2).map(|(a, b)| a - b).collect();
        let (apart, size) = (dot(&apart, &apart).sqrt(), dot(&gem.2, &gem.2).sqrt());
        assert!(apart <= 1e-5 * size, "{apart:e} of {size:e}");
    }
    assert!(projected > 0, "no step was projected");
}

/// Catches: λ = 0 that still names old heads, a teacher that moves the running statistics.
#[test]
fn lwf_without_weight_is_fine_tuning() {
    for setting in [Setting::Domain, Setting::Task] {
        let stream = stream("permuted-digits", Some(40), 0);
        let digest = |name: &str, settings: &Value| {
            let (strategy, training) = (make(name, settings), Training::default());
            let learner = Learner::new(net("mlp:12"), strategy, training, setting, &stream, 0);
            finish(learner.unwrap(), &stream, &mut ()).core.model.digest()
        };
        assert_eq!(digest("lwf", &json!({ "lambda": 0 })), digest("finetune", &json!({})));
        assert_ne!(digest("lwf", &json!({})), digest("finetune", &json!({})));
    }
}

/// θ of λ = 0 is the limit of small λ. Catches: λ = 0 under which the shares of the tasks are lost.
#[test]
fn lwf_is_continuous_where_its_weight_is_zero() {
    for weights in ["sum", "shares"] {
        let stream = stream("permuted-digits", Some(40), 0);
        let theta = |lambda: f64| {
            let strategy = make("lwf", &json!({ "weights": weights, "lambda": lambda }));
            let (training, setting) = (Training::default(), Setting::Domain);
            let learner = Learner::new(net("mlp:12"), strategy, training, setting, &stream, 0);
            finish(learner.unwrap(), &stream, &mut ()).core.model.theta
        };
        let (none, little) = (theta(0.0), theta(1e-6));
        let apart = none.iter().zip(&little[..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-4, "{weights}: {apart}");
    }
}

/// Byte budgets hold at every save, for every method with one, in every setting. Catches: a row
/// that is not counted whole, logits of a grown head that are not counted.
#[test]
fn byte_budgets_hold_as_heads_grow() {
    struct Within(usize);
    impl Watch for Within {
        fn save(
            &mut self,
            learner: &Learner,
        ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let kept = learner.kept_bytes(0)?;
            let per_task = ["gem", "agem"].contains(&learner.card().name);
            let tasks = if per_task { learner.core.accuracy.rows().len() } else { 1 };
            let (kept, most) = (kept.data + kept.strategy, self.0 * tasks);
            let vectors = match learner.card().keeps {
                Keeps::Samples { vectors, .. } => vectors * 4 * learner.core.model.theta.len(),
                _ => 0,
            };
            let most = most + vectors + if per_task { 0 } else { offered(learner) };
            assert!(kept <= most, "{}: {kept} of {most}", learner.card().name);
            Ok(())
        }
    }
    for name in ["gem", "agem", "er", "der", "derpp", "gdumb", "icarl"] {
        for (setting, data) in
            [(Setting::Domain, "permuted-digits"), (Setting::Class, "split-digits")]
        {
            let stream = stream(data, Some(40), 0);
            let strategy = make(name, &json!({ "memory": "1kB" }));
            if strategy.impossible(setting).is_some() {
                continue;
            }
            let training = Training::default();
            let learner = Learner::new(net("mlp:8"), strategy, training, setting, &stream, 0);
            finish(learner.unwrap(), &stream, &mut Within(1000));
        }
    }
}

/// Two tasks, so that there is one teacher, under one head, heads of their own and a head that
/// grows, where shares pad the old answers. Catches: units of another head counted, the units of
/// the teacher where more compete.
#[test]
fn a_mean_over_classes_divides_by_as_many_as_compete() {
    for (data, setting, weights, tasks) in [
        ("permuted-digits", Setting::Domain, "sum", 1),
        ("split-digits", Setting::Task, "sum", 1),
        ("split-digits", Setting::Class, "sum", 1),
        ("split-digits", Setting::Class, "shares", 2),
    ] {
        let mut stream = stream(data, Some(20), 0);
        stream.tasks.truncate(2);
        let units: usize = stream.tasks[..tasks].iter().map(|task| task.classes.len()).sum();
        let theta = |settings| {
            let (strategy, training) = (make("lwf", &settings), Training::default());
            let learner = Learner::new(net("mlp:8"), strategy, training, setting, &stream, 0);
            finish(learner.unwrap(), &stream, &mut ()).core.model.theta
        };
        let rows = theta(json!({ "weights": weights, "mean": "rows" }));
        let classes = json!({ "weights": weights, "mean": "classes", "lambda": units });
        assert!(theta(classes) == rows, "{data} {setting:?} {weights}");
    }
}

/// Catches: a bad value that is trained with, a note that is missing.
#[test]
fn bad_settings_are_sentences_and_small_memories_are_noted() {
    for (name, settings, said) in [
        ("er", json!({ "memory": 0 }), "er.memory = 0 cannot be"),
        ("er", json!({ "memory": "2 pounds" }), "a number of samples such as 500"),
        ("gem", json!({ "margin": -0.5 }), "gem.margin = -0.5 cannot be"),
        ("gem", json!({ "ridge": -1 }), "gem.ridge = -1 cannot be"),
        ("agem", json!({ "batch": 0 }), "at least 1 row"),
        ("lwf", json!({ "temperature": 0 }), "lwf.temperature = 0 cannot be"),
        ("lwf", json!({ "warm-up": 1 }), "lwf.warm-up = 1 cannot be"),
        ("lwf", json!({ "scale": "square" }), "expected `paper` or `squared`"),
        ("derpp", json!({ "beta": -1 }), "derpp.beta = -1 cannot be"),
    ] {
        let error = Entry::find(name).unwrap().create(&settings).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
    let stream = stream("permuted-digits", Some(20), 0);
    let run = |name: &str, settings: Value, training: &Training| {
        let (strategy, training) = (make(name, &settings), training.clone());
        let mut learner =
            Learner::new(net("mlp:8"), strategy, training, Setting::Domain, &stream, 0).unwrap();
        let ended = learner.run(&stream, &mut (), &perennial::learner::Stop::default());
        ended.map(|_| learner.core.notes.join("; ")).map_err(|error| error.to_string())
    };
    let plain = Training::default();
    let (lwf, training) = (make("lwf", &json!({ "warm-up": 0.1 })), plain.clone());
    let made = Learner::new(net("mlp:8"), lwf, training, Setting::Domain, &stream, 0);
    let error = made.err().unwrap().to_string();
    assert!(error.contains("all tasks share one head"), "{error}");
    let notes = run("er", json!({ "memory": 25, "policy": "class-ring" }), &plain).unwrap();
    assert!(notes.contains("25 places") && notes.contains("30 in all"), "{notes}");
    let notes = run("er", json!({ "memory": 2 }), &plain).unwrap();
    assert!(notes.contains("2 places for 3 tasks"), "{notes}");
    assert!(notes.contains("fewer than there are classes"), "{notes}");
    let notes = run("gem", json!({ "memory": 4 }), &plain).unwrap();
    assert!(notes.contains("4 places for the 10 classes"), "{notes}");
    let error = run("er", json!({ "memory": "50B" }), &plain).unwrap_err();
    assert!(error.contains("one sample alone takes 80 bytes"), "{error}");
    let notes = run("agem", json!({ "memory": "85B" }), &plain).unwrap();
    assert!(notes.contains("1 place for the 10 classes"), "{notes}");
    // With one head and T = 2, the pull is λT with the factor T² and λ/T without; the shares of 3
    // tasks double it.
    for (scale, settings, said) in [
        ("squared", json!({}), "lambda × temperature is 2;"),
        ("squared", json!({ "lambda": 0.3, "weights": "shares" }), "× (tasks − 1) is 1.2;"),
        ("squared", json!({ "lambda": 6, "mean": "classes" }), "temperature / classes is 1.2;"),
        ("squared", json!({ "lambda": 0.25 }), ""),
        ("paper", json!({}), ""),
        ("paper", json!({ "lambda": 3 }), "lambda / temperature is 1.5;"),
    ] {
        let mut settings = settings;
        settings["scale"] = scale.into();
        let notes = run("lwf", settings, &plain).unwrap();
        assert!(notes.contains(said) && notes.is_empty() == said.is_empty(), "{notes}");
    }
    let with = |change: fn(&mut OptimizerSettings)| {
        let mut training = plain.clone();
        change(&mut training.optimizer);
        training
    };
    for name in ["gem", "agem"] {
        assert_eq!(run(name, json!({ "memory": 20 }), &plain).unwrap(), "");
        for (training, said) in [
            (with(|rule| rule.momentum = 0.9), "momentum adds gradients"),
            (with(|rule| rule.kind = OptimizerKind::Adam), "Adam rescales"),
            (with(|rule| rule.weight_decay = 0.1), "weight decay is added after"),
        ] {
            let notes = run(name, json!({ "memory": 20 }), &training).unwrap();
            assert!(notes.contains("cannot promise here") && notes.contains(said), "{notes}");
        }
        let (strategy, setting) = (make(name, &json!({})), Setting::Domain);
        let learner = Learner::new(net("cnn:2x2x4"), strategy, plain.clone(), setting, &stream, 0);
        let notes = finish(learner.unwrap(), &stream, &mut ()).core.notes.join("; ");
        assert!(notes.contains("batch normalisation judges the memory"), "{notes}");
    }
}

/// What is on disk after each step and at every boundary, which must be within both bounds.
struct WithinBoth {
    samples: usize,
    bytes: usize,
    saves: Vec<Vec<u8>>,
}

impl Watch for WithinBoth {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let kept = learner.strategy().memory().unwrap();
        let (rows, bytes) = (kept.len(), kept.bytes());
        assert!(rows <= self.samples && bytes <= self.bytes, "{rows} samples, {bytes} bytes");
        self.saves.push(learner.to_bytes()?);
        Ok(())
    }

    fn due(&mut self, _: u64) -> bool {
        true
    }
}

/// A row of the digits takes 64 bytes and 16 of marks: 12 rows in 1,000 bytes. Catches: a bound that is
/// not looked at, or that is lost when a learner is read back.
#[test]
fn the_smaller_of_two_bounds_holds_also_after_a_learner_is_read_back() {
    let stream = stream("permuted-digits", Some(40), 0);
    for (budget, (samples, bytes), rows) in
        [("7|1MB", (7, 1_000_000), 7), ("500|1kB", (500, 1000), 12)]
    {
        let mut watch = WithinBoth { samples, bytes, saves: Vec::new() };
        let start = make("er", &json!({ "memory": budget }));
        let (training, setting) = (Training::default(), Setting::Domain);
        let learner = Learner::new(net("mlp:12"), start, training, setting, &stream, 0).unwrap();
        let whole = finish(learner, &stream, &mut watch);
        let held = |learner: &Learner| learner.strategy().memory().unwrap().len();
        assert_eq!(held(&whole), rows, "{budget}");
        let saves = std::mem::take(&mut watch.saves);
        for save in saves.iter().step_by(3) {
            let back = Learner::from_bytes(save, net("mlp:12"), strategies::load).unwrap();
            assert_eq!(back.strategy().settings()["memory"], budget);
            assert_eq!(held(&finish(back, &stream, &mut watch)), rows, "{budget}");
        }
    }
}
