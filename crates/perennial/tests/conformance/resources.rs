//! Additional resources: what PackNet and CPG keep, share out, grow and refuse.

use std::sync::Arc;

use perennial::learner::{Event, Learner, Position, Stop, Training, Watch};
use perennial::network::{Graph, Start, layer};
use perennial::parts::owners::saved_bytes;
use perennial::strategies::{self, Entry};
use perennial::{OptimizerKind, OptimizerSettings, Setting, Stream};
use serde_json::{Value, json};

use crate::bits::logits;
use crate::toy::{finish, net, stream};

fn begun(name: &str, settings: &Value, spec: &str, stream: &Stream, epochs: usize) -> Learner {
    let strategy = Entry::find(name).unwrap().create(settings).unwrap();
    let training = Training { epochs, ..Training::default() };
    Learner::new(net(spec), strategy, training, Setting::Task, stream, 0).unwrap()
}

/// The logits of every finished task after each task.
struct Answers<'a> {
    spec: &'a str,
    stream: &'a Stream,
    after: Vec<Vec<Vec<u32>>>,
    widths: Vec<usize>,
}

impl Watch for Answers<'_> {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let Position::BeforeTask { task: done @ 1.. } = learner.core.position
            && self.after.len() < done
        {
            let of = |task| logits(learner, self.spec, self.stream, task, 40);
            self.after.push((0..done).map(of).collect());
            let column = learner.core.model.columns.last().unwrap();
            let widths = column.parameters.iter().map(|p| p.shape(&learner.core.model.layout)[0]);
            self.widths.push(widths.sum());
        }
        Ok(())
    }
}

/// A goal that nobody reaches makes CPG grow to its limit in the first task and compact by force.
/// With a goal only for the later tasks it grows in the second.
///
/// Catches: a widened layer that an old task sees, blocks whose owner is wrong, pruning that
/// touches older weights, picks that change an old task's mask.
#[test]
fn old_logits_keep_their_bits_while_the_network_grows() {
    for (spec, rows) in [("mlp:10x8", 60), ("mlp:8x520", 30), ("cnn:4x6x8", 30), ("resnet18:4", 40)]
    {
        let stream = stream("permuted-digits", Some(rows), 0);
        for goals in [json!([0.0, 1.0, 1.0]), json!([1.0])] {
            let settings = json!({ "goal": goals, "min-train": 0, "growth": 2.0 });
            let learner = begun("cpg", &settings, spec, &stream, 1);
            let (after, widths) = (Vec::new(), Vec::new());
            let mut watch = Answers { spec, stream: &stream, after, widths };
            let learner = finish(learner, &stream, &mut watch);
            let Answers { after, widths, .. } = watch;
            assert_eq!(after[1][0], after[0][0], "{spec}: task 1 after 2");
            assert_eq!(after[2][..2], after[1][..], "{spec}: tasks 1 and 2 after 3");
            let grew = learner.strategy().figures()["decisions"][1]["grown"] == json!(true);
            assert_eq!(grew, goals[0] == json!(0.0), "{spec}");
            assert_eq!(widths[1] > widths[0], grew, "{spec}: {widths:?}");
            for rows in [1, 7] {
                assert_eq!(logits(&learner, spec, &stream, 0, rows), after[0][0], "{spec}");
            }
        }
    }
}

#[derive(Default)]
struct Saves {
    bytes: Vec<(String, Vec<u8>)>,
    decisions: Vec<Value>,
}

impl Watch for Saves {
    fn event(&mut self, event: &Event) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let Event::Decision { what, .. } = event {
            self.decisions.push(what.clone());
        }
        Ok(())
    }
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let phase = match &learner.core.position {
            Position::InPhase(at) => format!("{} {}", at.phase.name, at.task + 1),
            _ => String::new(),
        };
        self.bytes.push((phase, learner.to_bytes()?));
        Ok(())
    }
    fn due(&mut self, _: u64) -> bool {
        true
    }
}

/// Killed in any phase of a run that goes through all of them, CPG ends at the same bits.
///
/// Catches: scores, masks, the best copy, prunings of a stage or a width left out of the state; a
/// view after a resume that is not the one before.
#[test]
fn cpg_resumes_from_every_phase() {
    let stream = stream("permuted-digits", Some(60), 0);
    let optimizer = OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() };
    let training = Training { epochs: 2, lr: 5e-3, optimizer, ..Training::default() };
    // The second task misses its goal and grows; all are compacted through all stages.
    let settings = json!({ "goal": [0.0, 1.0, 0.1], "min-train": 0, "compact": 0.3 });
    let individual = json!({ "min-train": 0, "compact": 0.3 });
    for settings in [settings, individual] {
        let strategy = Entry::find("cpg").unwrap().create(&settings).unwrap();
        let training = training.clone();
        let start =
            Learner::new(net("mlp:12x10"), strategy, training, Setting::Task, &stream, 0).unwrap();
        let mut saves = Saves::default();
        let whole = finish(start, &stream, &mut saves);
        let digest = whole.digest().unwrap();
        let phases: std::collections::BTreeSet<&str> =
            saves.bytes.iter().map(|(phase, _)| phase.as_str()).collect();
        let mut wanted = vec!["pick 2", "compact 30 % 1", "retrain 3"];
        if settings["goal"].is_null() {
            wanted.push("individual 1");
        } else {
            wanted.extend(["train 1", "compact 95 % 1", "compact 50 % 2"]);
            let grew = saves.decisions.iter().any(|decision| decision["next"] == "grow");
            assert!(grew, "{:?}", saves.decisions);
        }
        assert!(wanted.iter().all(|phase| phases.contains(phase)), "{phases:?}");
        for (phase, bytes) in saves.bytes.iter().step_by(3) {
            let resumed = Learner::from_bytes(bytes, net("mlp:12x10"), strategies::load).unwrap();
            assert_eq!(&resumed.to_bytes().unwrap(), bytes, "{phase}");
            let end = finish(resumed, &stream, &mut ()).digest().unwrap();
            assert_eq!(end, digest, "from {phase}");
        }
    }
}

/// Nobody reaches this goal: the first two of three tasks must give back two thirds and a half, the
/// last goes through all stages and keeps what is no worse.
///
/// Catches: a last task with fewer steps than the others, or one that gives away what it needs.
#[test]
fn the_last_task_is_compacted_to_copies_that_are_no_worse() {
    #[derive(Default)]
    struct Decisions(Vec<(usize, Value)>);
    impl Watch for Decisions {
        fn event(&mut self, event: &Event) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            if let Event::Decision { task, what } = event {
                self.0.push((*task, what.clone()));
            }
            Ok(())
        }
    }
    let stream = stream("permuted-digits", Some(200), 0);
    let settings = json!({ "goal": 1, "growth": 1, "min-train": 0 });
    let (learner, mut watch) = (begun("cpg", &settings, "mlp:6", &stream, 1), Decisions::default());
    let learner = finish(learner, &stream, &mut watch);
    let ends = learner.strategy().figures()["decisions"].clone();
    for (task, stages, least) in [(0, 7, Some(1.0 - 1.0 / 3.0)), (1, 5, Some(0.5)), (2, 10, None)] {
        let mut best = ends[task]["reached"].as_f64().unwrap();
        assert!(best < 1.0, "the goal is reached: {best}");
        let of_task = |(of, what): &&(usize, Value)| *of == task && what["after"] == "compact";
        let steps: Vec<_> = watch.0.iter().filter(of_task).map(|(_, what)| what).collect();
        assert_eq!(steps.len(), stages, "task {task}");
        for step in steps {
            let reached = step["reached"].as_f64().unwrap();
            assert_eq!(step["kept"], json!(least.is_some() || reached >= best), "{step}");
            if step["kept"] == json!(true) {
                best = reached;
            }
        }
        match least {
            Some(least) => assert_eq!(ends[task]["pruned"], json!(least)),
            None => assert!(ends[task]["end"].as_f64() >= ends[task]["reached"].as_f64()),
        }
    }
}

/// The network that sets a goal is the one that `independent` trains, bit for bit: with all data
/// but the validation rows, its accuracy on those is the goal.
///
/// Catches: another start, another order of rows or other lengths than an individual network has.
#[test]
fn the_goal_is_that_of_the_independent_network() {
    let stream = stream("permuted-digits", Some(200), 0);
    let cpg = finish(begun("cpg", &json!({}), "mlp:12", &stream, 3), &stream, &mut ());
    let own = finish(begun("independent", &json!({}), "mlp:12", &stream, 3), &stream, &mut ());
    for task in 0..3 {
        let goal = cpg.strategy().figures()["decisions"][task]["goal"].as_f64().unwrap();
        let samples = stream.tasks[task].load(perennial::scenario::Part::Validation);
        let view = own.strategy().view(task, &own.core.model);
        let mut inputs = Vec::new();
        (0..samples.len()).for_each(|row| samples.append_row(row, &mut inputs));
        let engine = perennial::Engine::new(net("mlp:12"));
        let workspace = &mut perennial::Workspace::default();
        let logits =
            engine.logits(workspace, &own.core.model, &view, &inputs, samples.len()).unwrap();
        let right = |&row: &usize| {
            let z = logits.row(row, &view.answer).unwrap();
            z.iter().all(|other| *other <= z[samples.label(row) as usize])
        };
        let right = (0..samples.len()).filter(right).count();
        assert_eq!(goal, right as f64 / samples.len() as f64, "task {task}");
    }
}

/// Between tasks, to the byte: an owner a weight in ⌈log₂(T + 1)⌉ bits; and for CPG for each task a
/// bit a weight there was before it.
///
/// Catches: masks kept as bytes, a working vector that outlives its task.
#[test]
fn what_is_kept_between_tasks_is_right_to_the_byte() {
    let stream = stream("permuted-digits", Some(40), 0);
    for name in ["packnet", "cpg"] {
        struct Exact {
            before: Vec<usize>,
        }
        impl Watch for Exact {
            fn save(
                &mut self,
                learner: &Learner,
            ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                if let Position::BeforeTask { task } = learner.core.position {
                    let weights = learner.core.model.theta.len();
                    let picks = match learner.card().name {
                        "cpg" => self.before.iter().map(|older| older.div_ceil(8)).sum(),
                        _ => 0,
                    };
                    let owners = if task == 0 { 0 } else { saved_bytes(weights, task) };
                    assert_eq!(learner.kept_bytes(0)?.strategy, owners + picks);
                    self.before.push(weights);
                }
                Ok(())
            }
        }
        let learner = begun(name, &json!({}), "mlp:12x7", &stream, 1);
        let mut watch = Exact { before: Vec::new() };
        finish(learner, &stream, &mut watch);
        assert_eq!(watch.before.len(), 4);
    }
}

/// By hand for three tasks of `mlp:12x6` over 64 inputs: of the 768 weights of dense1 task 1 frees
/// 512, task 2 of those 256: 256 each; of the 72 of dense2, 24 each.
///
/// Catches: shares of the whole network instead of each layer, biases that are pruned.
#[test]
fn packnet_shares_out_equally_layer_by_layer() {
    let stream = stream("permuted-digits", Some(40), 0);
    let learner = begun("packnet", &json!({}), "mlp:12x6", &stream, 1);
    let layers = finish(learner, &stream, &mut ()).strategy().figures()["owners"].clone();
    assert_eq!(layers[0]["name"], "dense1");
    assert_eq!(layers[0]["owned"], json!([256, 256, 256]));
    assert_eq!(layers[1]["owned"], json!([24, 24, 24]));
    let learner = begun("packnet", &json!({ "prune": "paper" }), "mlp:12x6", &stream, 1);
    let layers = finish(learner, &stream, &mut ()).strategy().figures()["owners"].clone();
    assert_eq!(layers[0]["owned"], json!([384, 96, 288]));
}

/// With the biases of the first task for all, nothing but the head and its own weights is a
/// task's, and old tasks keep their bits.
///
/// Catches: statistics or biases that go on learning.
#[test]
fn packnet_with_the_first_biases_keeps_old_bits_too() {
    let stream = stream("permuted-digits", Some(30), 0);
    for spec in ["mlp:10x8", "cnn:4x6x8"] {
        let learner = begun("packnet", &json!({ "biases": "first" }), spec, &stream, 2);
        let mut watch = Answers { spec, stream: &stream, after: Vec::new(), widths: Vec::new() };
        let learner = finish(learner, &stream, &mut watch);
        assert_eq!(watch.after[2][..2], watch.after[1][..], "{spec}");
        assert_eq!(learner.core.model.columns.len(), 1);
    }
}

/// Catches: laterals whose sums depend on the columns that came later, or on the size of a batch.
#[test]
fn every_form_of_laterals_keeps_old_bits() {
    let stream = stream("permuted-digits", Some(30), 0);
    for spec in ["mlp:20x600", "cnn:4x6x8"] {
        for settings in [
            json!({ "laterals": "full" }),
            json!({ "laterals": "linear", "biases": false }),
            json!({ "width": 0.5 }),
        ] {
            let learner = begun("pnn", &settings, spec, &stream, 1);
            let (after, widths) = (Vec::new(), Vec::new());
            let mut watch = Answers { spec, stream: &stream, after, widths };
            let learner = finish(learner, &stream, &mut watch);
            assert_eq!(watch.after[1][0], watch.after[0][0], "{spec} {settings}: task 1");
            assert_eq!(watch.after[2][..2], watch.after[1][..], "{spec} {settings}");
            for rows in [1, 7] {
                assert_eq!(logits(&learner, spec, &stream, 1, rows), watch.after[1][1], "{spec}");
            }
        }
    }
}

/// Not enough rooms for all tasks is said before anything is trained, with what to do.
#[test]
fn a_stream_that_does_not_fit_is_refused_before_training() {
    let stream = stream("permuted-digits", Some(40), 0);
    let mut learner = begun("packnet", &json!({ "prune": 0.05 }), "mlp:12", &stream, 1);
    let error = learner.run(&stream, &mut (), &Stop::default()).unwrap_err().to_string();
    assert!(error.starts_with("no free weights: task 3 gets 0.24 %"), "{error}");
    assert!(error.contains("prune more") && error.contains("cpg"), "{error}");
    assert_eq!(learner.core.steps, 0);
}

/// Layers without marks: PackNet needs none, PNN says what to write.
#[test]
fn a_network_without_stages_is_told_what_to_mark() {
    let stream = stream("permuted-digits", Some(40), 0);
    let run = |name: &str| {
        let mut net = Graph::builder("mine", &[64]);
        net.add("only", layer::Linear::new(9, Start::Xavier), &[0]);
        let network = Arc::new(net.build().unwrap());
        let strategy = Entry::find(name).unwrap().create(&json!({})).unwrap();
        let training = Training::default();
        let mut learner =
            Learner::new(network, strategy, training, Setting::Task, &stream, 0).unwrap();
        learner.run(&stream, &mut (), &Stop::default()).map_err(|error| error.to_string())
    };
    assert!(run("packnet").is_ok());
    assert!(run("cpg").is_ok());
    let error = run("pnn").unwrap_err();
    assert!(error.contains("`mine` marks no stages") && error.contains("`stage ="), "{error}");
}

/// Catches: a share, goal or growth that makes no sense let through.
#[test]
fn settings_out_of_their_range_are_named() {
    for (name, settings, says) in [
        ("packnet", json!({ "prune": 1 }), "packnet.prune = 1 cannot be"),
        ("packnet", json!({ "prune": "half" }), "expected equal, paper"),
        ("packnet", json!({ "retrain": 1 }), "packnet.retrain = 1 cannot be"),
        ("cpg", json!({ "goal": 1.5 }), "cpg.goal = 1.5 cannot be"),
        ("cpg", json!({ "growth": 0.9 }), "cpg.growth = 0.9 cannot be"),
        ("cpg", json!({ "step": 0 }), "cpg.step = 0 cannot be"),
        ("cpg", json!({ "min-train": 2 }), "cpg.min-train = 2 cannot be"),
        ("cpg", json!({ "compact": 0 }), "cpg.compact = 0 cannot be"),
        ("cpg", json!({ "retrain": -1 }), "cpg.retrain = -1 cannot be"),
        ("pnn", json!({ "width": 1.5 }), "pnn.width = 1.5 cannot be"),
        ("pnn", json!({ "laterals": "some" }), "expected one of `adapter`, `linear`, `full`"),
    ] {
        let error = Entry::find(name).unwrap().create(&settings).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// A stream without validation rows cannot be chosen by.
#[test]
fn cpg_says_that_it_needs_validation_rows() {
    use perennial::scenario::{Benchmark, Options};
    let (benchmark, _) = Benchmark::parse("permuted-digits").unwrap();
    let options = Options { tasks: Some(2), samples_per_task: Some(20), validation: 0.0 };
    let stream = benchmark.build(crate::toy::digits(), &options, 0).unwrap();
    let mut learner = begun("cpg", &json!({}), "mlp:6", &stream, 1);
    let error = learner.run(&stream, &mut (), &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("--validation 0.1"), "{error}");
}

/// Not told the task, the network of least entropy answers: against a loop over rows and networks.
/// In a split stream the classes differ, so an answer is right only where the task was found.
///
/// Catches: the most doubtful network, labels compared in place of classes, a share of other rows;
/// the same asked of a strategy with one network.
#[test]
fn the_surest_network_answers_who_is_not_told_the_task() {
    let stream = stream("split-digits", Some(150), 0);
    for name in ["independent", "pnn", "packnet", "cpg"] {
        let learner = finish(begun(name, &json!({}), "mlp:16", &stream, 3), &stream, &mut ());
        let model = &learner.core.model;
        let engine = perennial::Engine::new(net("mlp:16"));
        let inferred = learner.core.inferred.as_ref().unwrap();
        for (task, own) in stream.tasks.iter().enumerate() {
            let samples = own.load(perennial::scenario::Part::Test);
            assert!(samples.len() < 1000, "all rows are asked");
            let (mut found, mut right) = (0, 0);
            for row in 0..samples.len() {
                let mut inputs = Vec::new();
                samples.append_row(row, &mut inputs);
                let mut best = (f64::INFINITY, 0, 0);
                for (of, other) in stream.tasks.iter().enumerate() {
                    let view = learner.strategy().view(of, model);
                    let workspace = &mut perennial::Workspace::default();
                    let logits = engine.logits(workspace, model, &view, &inputs, 1).unwrap();
                    let z = logits.row(0, &view.answer).unwrap();
                    let p: Vec<f64> = z.iter().map(|z| f64::from(*z).exp()).collect();
                    let sum: f64 = p.iter().sum();
                    let entropy: f64 = p.iter().map(|p| -p / sum * (p / sum).ln()).sum();
                    let label = (0..z.len()).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap();
                    if entropy < best.0 {
                        best = (entropy, of, other.classes[label]);
                    }
                }
                found += usize::from(best.1 == task);
                right += usize::from(best.2 == own.classes[samples.label(row) as usize]);
            }
            let share = |count: usize| count as f64 / samples.len() as f64;
            // Two networks may be equally sure to the last digits: a row or two.
            let (found, right) = (share(found), share(right));
            assert!((inferred.found[task] - found).abs() < 0.01, "{name} {task}: {inferred:?}");
            assert!((inferred.accuracy[task] - right).abs() < 0.01, "{name} {task}: {inferred:?}");
            assert!(inferred.accuracy[task] <= inferred.found[task]);
        }
    }
    let plain = begun("finetune", &json!({}), "mlp:16", &stream, 1);
    assert!(finish(plain, &stream, &mut ()).core.inferred.is_none());
}
