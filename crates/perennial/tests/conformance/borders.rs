//! Streams without borders: rows of other tasks come up in a task's turn, or nobody says where tasks
//! begin and end.

use std::sync::{Arc, Mutex};

use perennial::learner::{ClassHead, Context, LearnError, Learner, Training};
use perennial::metrics::statistics::Summary;
use perennial::scenario::{Benchmark, Options, Part};
use perennial::strategies::{self, Entry, REGISTRY};
use perennial::strategy::{Batch, Card, Changed, Outcome, Phase, Step, Strategy};
use perennial::{Keep, OptimizerKind, OptimizerSettings, Pass, Setting, Stream};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::resume::{Saves, results};
use crate::toy::{digits, finish, net, stream, stream_of};

const SETTINGS: [Setting; 2] = [Setting::Domain, Setting::Class];

fn make(name: &str) -> Box<dyn Strategy> {
    let settings = if name == "agem" { json!({ "choose": "reservoir" }) } else { json!({}) };
    Entry::find(name).unwrap().create(&settings).unwrap()
}

fn begin(
    strategy: Box<dyn Strategy>,
    training: &Training,
    setting: Setting,
    stream: &Stream,
) -> Result<Learner, LearnError> {
    Learner::new(net("mlp:12"), strategy, training.clone(), setting, stream, 0)
}

fn blurred(share: f64) -> Training {
    Training { blurry: share, ..Training::default() }
}

/// Every name whose card needs no borders.
fn borderless() -> Vec<&'static str> {
    let free = |entry: &&Entry| make(entry.name).card().needs_borders.is_none();
    REGISTRY.iter().filter(free).map(|entry| entry.name).collect()
}

/// What is seen of a run: hooks in their order, and each batch with the task that has its turn.
#[derive(Default)]
struct Seen {
    hooks: Vec<String>,
    batches: Vec<(usize, Batch)>,
}

struct Watched {
    inner: Box<dyn Strategy>,
    seen: Arc<Mutex<Seen>>,
}

impl Watched {
    fn log(&self, hook: &str, cx: &Context<'_>) {
        self.seen.lock().unwrap().hooks.push(format!("{hook} {}", cx.task));
    }
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
        self.log("begin", cx);
        self.inner.begin_task(cx)
    }
    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        self.log("phase", cx);
        self.inner.next_phase(last, cx)
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.seen.lock().unwrap().batches.push((cx.task, batch.clone()));
        self.inner.objective(batch, cx)
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.inner.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.log("end", cx);
        self.inner.end_task(cx)
    }
}

fn seen(name: &str, training: &Training, setting: Setting) -> (Seen, Learner) {
    let (stream, seen) = (stream_of(setting, 40), Arc::new(Mutex::new(Seen::default())));
    let strategy = Box::new(Watched { inner: make(name), seen: seen.clone() });
    let learner = begin(strategy, training, setting, &stream).unwrap();
    let learner = finish(learner, &stream, &mut ());
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (seen, learner)
}

/// Three tasks of 36 rows, of which a quarter moves: 9 rows of each turn are of other tasks. Catches:
/// a row that comes twice or never in an epoch, a share that is not exact, a row that is read or
/// labelled as another task's, other rows in the second epoch.
#[test]
fn rows_move_between_turns_and_stay_rows_of_their_tasks() {
    for setting in SETTINGS {
        let stream = stream_of(setting, 40);
        let samples: Vec<_> = stream.tasks.iter().map(|task| task.load(Part::Train)).collect();
        let (seen, learner) = seen("er", &Training { epochs: 2, ..blurred(0.25) }, setting);
        for epoch in 0..2 {
            let mut rows = Vec::new();
            for turn in 0..3 {
                let batches = seen.batches.iter().filter(|(task, _)| *task == turn);
                let (mut own, mut foreign) = (0, 0);
                for (_, batch) in batches.skip(4 * epoch).take(4) {
                    assert_eq!(batch.len(), 9);
                    for (task, run) in &batch.tasks {
                        *if *task == turn { &mut own } else { &mut foreign } += run.len();
                        for at in run.clone() {
                            let (from, row) = (&samples[*task], batch.rows[at]);
                            let mut wanted = Vec::new();
                            from.append_row(row, &mut wanted);
                            let unit = &learner.core.model.outputs[*task].units;
                            assert_eq!(batch.units[at], unit[from.label(row) as usize]);
                            assert_eq!(batch.inputs[64 * at..64 * (at + 1)], wanted);
                            assert_eq!(batch.ids[at], from.id(row));
                            rows.push((*task, row));
                        }
                    }
                }
                assert_eq!((own, foreign), (27, 9), "{setting}, turn {turn}");
            }
            rows.sort_unstable();
            let all = (0..3).flat_map(|task| (0..36).map(move |row| (task, row)));
            assert!(rows.into_iter().eq(all), "{setting}");
        }
    }
}

/// Test rows stay: the untrained network answers them as before. Catches: tests that are blurred.
#[test]
fn tests_stay_as_they_are() {
    for setting in SETTINGS {
        let head = (setting == Setting::Class).then_some(ClassHead::Full);
        let first = |training: &Training| {
            seen("finetune", training, setting).1.core.accuracy.rows()[0].clone()
        };
        assert_eq!(first(&blurred(0.5)), first(&Training { head, ..Training::default() }));
    }
}

/// Catches: a border that a hook tells, a first or last hook that is left out, borders that are not
/// told where they should be.
#[test]
fn without_borders_hooks_are_called_at_the_ends_alone() {
    for setting in SETTINGS {
        for blurry in [0.0, 0.25] {
            let training = Training { no_borders: true, ..blurred(blurry) };
            assert_eq!(seen("er", &training, setting).0.hooks, ["begin 0", "end 2"]);
        }
        let hooks = seen("er", &blurred(0.25), setting).0.hooks;
        let of = |task| ["begin", "phase", "phase", "end"].map(|hook| format!("{hook} {task}"));
        assert_eq!(hooks, [of(0), of(1), of(2)].concat());
    }
}

/// Whoever does nothing at borders learns the same without them, with moments that go on. `er-ace`
/// replays nothing in a first task that it is told. Catches:
/// moments that are reset where nobody should know of a border, draws that move.
#[test]
fn without_borders_moments_go_on() {
    let stream = stream_of(Setting::Domain, 40);
    let digest = |name, keep, no_borders| {
        let optimizer =
            OptimizerSettings { kind: OptimizerKind::Adam, keep, ..OptimizerSettings::default() };
        let training = Training { optimizer, lr: 0.01, no_borders, ..Training::default() };
        let learner = begin(make(name), &training, Setting::Domain, &stream).unwrap();
        finish(learner, &stream, &mut ()).core.model.digest()
    };
    for name in borderless().into_iter().filter(|name| *name != "er-ace") {
        assert_eq!(digest(name, Keep::Task, true), digest(name, Keep::Run, false), "{name}");
        assert_ne!(digest(name, Keep::Task, true), digest(name, Keep::Task, false), "{name}");
    }
}

/// Memories with room for all rows have each row of each task once. Permuted digits show which task a
/// row was read from. Catches: rows that are stored as the current task's, a row that is taken for
/// offered because another task's was, a row that is offered again in a later pass or turn.
#[test]
fn memories_hold_rows_of_their_tasks_once() {
    let stream = stream_of(Setting::Domain, 40);
    let samples: Vec<_> = stream.tasks.iter().map(|task| task.load(Part::Train)).collect();
    for name in borderless() {
        for no_borders in [false, true] {
            let training = Training { epochs: 2, no_borders, ..blurred(0.5) };
            let learner = begin(make(name), &training, Setting::Domain, &stream).unwrap();
            let learner = finish(learner, &stream, &mut ());
            let Some(memory) = learner.strategy().memory() else { continue };
            assert_eq!(memory.len(), 3 * 36, "{name} {no_borders}");
            for (task, samples) in samples.iter().enumerate() {
                for row in 0..samples.len() {
                    let found = memory.find(task, samples.id(row));
                    assert_eq!(found.len(), 1, "{name}");
                    let (mut kept, mut wanted) = (Vec::new(), Vec::new());
                    memory.append_row(found[0], &mut kept);
                    samples.append_row(row, &mut wanted);
                    assert_eq!(kept, wanted, "{name}: task {task}");
                }
            }
        }
    }
}

/// Catches: turns, masks of rows that were offered, or told borders that are lost at a save.
#[test]
fn streams_without_borders_resume_bit_for_bit() {
    for setting in SETTINGS {
        let stream = stream_of(setting, 40);
        for (blurry, no_borders) in [(0.25, false), (0.0, true), (0.25, true)] {
            let training = Training {
                epochs: 2,
                anytime: Some(3),
                lca: Some(2),
                no_borders,
                ..blurred(blurry)
            };
            for name in borderless() {
                let mut saves = Saves::default();
                let learner = begin(make(name), &training, setting, &stream).unwrap();
                let whole = results(&finish(learner, &stream, &mut saves));
                for bytes in saves.0.iter().step_by(3) {
                    let back = Learner::from_bytes(bytes, net("mlp:12"), strategies::load).unwrap();
                    let resumed = results(&finish(back, &stream, &mut ()));
                    assert_eq!(resumed, whole, "{name} {setting} {blurry} {no_borders}");
                }
            }
        }
    }
}

/// Catches: a method that needs borders and is let in, one that needs none and is kept out, a setting
/// that is trained with although it tells the borders.
#[test]
fn what_needs_borders_is_refused_in_a_sentence() {
    let refused = |strategy, training: &Training, setting, stream: &Stream| {
        begin(strategy, training, setting, stream).err().unwrap().to_string()
    };
    let domain = stream_of(Setting::Domain, 40);
    let no_borders = Training { no_borders: true, ..Training::default() };
    for training in [blurred(0.25), no_borders.clone()] {
        for entry in REGISTRY {
            let strategy = entry.create(&json!({})).unwrap();
            let Some(reason) = strategy.card().needs_borders else {
                assert!(begin(strategy, &training, Setting::Domain, &domain).is_ok());
                continue;
            };
            let setting = match strategy.impossible(Setting::Domain) {
                Some(_) => Setting::Class,
                None => Setting::Domain,
            };
            let said = refused(strategy, &training, setting, &stream_of(setting, 40));
            assert!(said.contains(entry.name) && said.contains(reason), "{said}");
        }
        let ring = Entry::find("er").unwrap().create(&json!({ "policy": "ring" })).unwrap();
        let said = refused(ring, &training, Setting::Domain, &domain);
        assert!(said.contains("such as reservoir"), "{said}");
        // With labels of their own in the class setting, classes need no borders.
        let rings =
            || Entry::find("er").unwrap().create(&json!({ "policy": "class-ring" })).unwrap();
        let said = refused(rings(), &training, Setting::Domain, &domain);
        assert!(said.contains("er.policy = class-ring cannot be"), "{said}");
        let class = stream_of(Setting::Class, 40);
        assert!(begin(rings(), &training, Setting::Class, &class).is_ok());
        let said = refused(make("er"), &training, Setting::Task, &domain);
        assert!(said.contains("use --setting domain or class"), "{said}");
        let grow = Training { head: Some(ClassHead::Grow), ..training.clone() };
        let said = refused(make("er"), &grow, Setting::Class, &stream_of(Setting::Class, 40));
        assert!(said.contains("use --head full"), "{said}");
        let said = Learner::open_ended(net("mlp:12"), make("er"), training, Setting::Domain, 0);
        assert!(said.err().unwrap().to_string().contains("taught task by task"));
    }
    assert_eq!(borderless(), ["finetune", "agem", "er", "er-ace", "der", "derpp"]);
    let mut fixed = no_borders;
    fixed.norm.statistics = perennial::NormStatistics::FixedAfterFirst;
    let made = Learner::new(net("cnn:2x2x4"), make("er"), fixed, Setting::Domain, &domain, 0);
    let said = made.err().unwrap().to_string();
    assert!(said.contains("when the first task ends"), "{said}");
    for share in [-0.1, 1.0, f64::NAN] {
        let said = refused(make("er"), &blurred(share), Setting::Domain, &domain);
        assert!(said.contains("blurry") && said.contains("at least 0 and below 1"), "{said}");
    }
    let said = refused(make("er"), &blurred(0.001), Setting::Domain, &domain);
    assert!(said.contains("the largest has 36; use a larger share"), "{said}");
    let one = Stream { tasks: domain.tasks[..1].to_vec(), ..domain.clone() };
    let said = refused(make("er"), &blurred(0.25), Setting::Domain, &one);
    assert!(said.contains("a single task has no other"), "{said}");
    let unequal = Stream {
        tasks: vec![
            stream("permuted-digits", Some(90), 0).tasks[0].clone(),
            domain.tasks[1].clone(),
        ],
        ..domain.clone()
    };
    let said = refused(make("er"), &blurred(0.25), Setting::Domain, &unequal);
    assert!(said.contains("more equal sizes"), "{said}");
}

/// Five tasks of two digits each, a tenth of whose rows move, three seeds. Catches: a memory that does
/// nothing where rows of all tasks come up, or that is not fed.
#[test]
fn replay_forgets_less_in_a_blurred_stream() {
    let forgetting = |name: &str, no_borders| {
        let of_seed = |seed| {
            let (benchmark, _) = Benchmark::parse("split-digits").unwrap();
            let stream = benchmark.build(digits(), &Options::default(), seed).unwrap();
            let training = Training { no_borders, ..blurred(0.1) };
            let (net, setting) = (net("mlp:32"), Setting::Class);
            let learner = Learner::new(net, make(name), training, setting, &stream, seed).unwrap();
            let accuracy = finish(learner, &stream, &mut ()).core.accuracy;
            (accuracy.forgetting().unwrap(), accuracy.acc().unwrap())
        };
        let all = [of_seed(0), of_seed(1), of_seed(2)];
        let mean = |of: fn(&(f64, f64)) -> f64| Summary::of(&all.each_ref().map(of)).unwrap().mean;
        (mean(|run| run.0), mean(|run| run.1))
    };
    for no_borders in [false, true] {
        let plain = forgetting("finetune", no_borders);
        for name in ["er", "er-ace", "der", "derpp"] {
            let own = forgetting(name, no_borders);
            assert!(own.0 < plain.0 && own.1 > plain.1, "{name}: {own:?} against {plain:?}");
        }
    }
}
