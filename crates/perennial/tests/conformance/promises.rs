//! What a card says: what the method keeps, how well it learns.

use std::collections::BTreeMap;

use perennial::learner::{Ended, Learner, Position, Stop, Training, Watch};
use perennial::metrics::statistics::Summary;
use perennial::parts::memory::Budget;
use perennial::parts::owners::saved_bytes;
use perennial::strategies::{Entry, REGISTRY};
use perennial::strategy::{Isolation, Keeps, Promises};
use perennial::{Keep, OptimizerKind, OptimizerSettings, Setting};
use serde_json::json;

use crate::toy::{everyone, finish, learner, net, strategy, stream, stream_of};

/// Bytes beside the memory of a method that offers a training row once in a task: a bit a row, while
/// the task of 40 samples, 4 of them for validation, is learnt.
pub(crate) fn offered(learner: &Learner) -> usize {
    match learner.core.position {
        Position::InPhase(_) | Position::AfterPhase { .. } | Position::AfterPhases { .. } => {
            36usize.div_ceil(8)
        }
        _ => 0,
    }
}

/// At every save, what is kept is within what the card says.
struct Within;

impl Watch for Within {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let kept = learner.kept_bytes(0)?;
        let vector = 4 * learner.core.model.theta.len();
        let tasks = learner.core.accuracy.rows().len();
        let memory = learner.strategy().memory();
        let (rows, bytes) = memory.map_or((0, 0), |memory| (memory.len(), memory.bytes()));
        // What may be kept of a sample beside itself: a logit a unit, and which units they are.
        let logits = rows * 4 * (learner.core.model.units() + 2);
        let (most, samples) = match learner.card().keeps {
            Keeps::Nothing | Keeps::AllData => (0, Budget::Samples(0)),
            Keeps::Vectors(vectors) => (vectors * vector, Budget::Samples(0)),
            Keeps::VectorsPerTask(vectors) => (vectors * tasks * vector, Budget::Samples(0)),
            Keeps::Samples { most, vectors } => {
                (vectors * vector + logits + offered(learner), most)
            }
            Keeps::Owners { picks, working } => {
                let weights = learner.core.model.theta.len();
                let picks = if picks { tasks * weights.div_ceil(8) } else { 0 };
                let owners = saved_bytes(weights, tasks);
                (owners + picks + working * vector, Budget::Samples(0))
            }
            Keeps::SamplesPerTask { most } => {
                let times = |budget| match budget {
                    Budget::Samples(samples) => Budget::Samples(samples * tasks),
                    Budget::Bytes(bytes) => Budget::Bytes(bytes * tasks),
                    Budget::Both { samples, bytes } => {
                        Budget::Both { samples: samples * tasks, bytes: bytes * tasks }
                    }
                };
                (0, times(most))
            }
        };
        let name = learner.card().name;
        assert!(kept.strategy <= most, "{name}: keeps {kept:?} with {most} beside samples");
        assert_eq!(kept.data, bytes, "{name}");
        match samples {
            Budget::Samples(most) => assert!(rows <= most, "{name}: {rows} samples of {most}"),
            Budget::Bytes(most) => assert!(bytes <= most, "{name}: {bytes} bytes of {most}"),
            Budget::Both { samples, bytes: most } => {
                assert!(rows <= samples && bytes <= most, "{name}: {rows} samples, {bytes} bytes");
            }
        }
        Ok(())
    }
}

/// Catches: a memory that outgrows its budget, a forgotten snapshot.
#[test]
fn nobody_keeps_more_than_the_card_says() {
    for (name, setting) in everyone() {
        let stream = stream_of(setting, 40);
        let start = learner(name, "mlp:12", &Training::default(), setting, &stream);
        finish(start, &stream, &mut Within);
    }
}

/// Catches: a strategy that disturbs the first task, a draw that shifts another's.
#[test]
fn the_first_task_is_fine_tuning_where_the_card_says_so() {
    let stream = stream("permuted-digits", Some(60), 0);
    let first_row = |name: &str| {
        let start = learner(name, "mlp:16", &Training::default(), Setting::Domain, &stream);
        let learner = finish(start, &stream, &mut ());
        learner.core.accuracy.rows()[1].clone()
    };
    let plain = first_row("finetune");
    for entry in REGISTRY {
        if entry.card().unwrap().promises.first_task_is_finetuning {
            assert_eq!(first_row(entry.name), plain, "{}", entry.name);
        }
    }
}

/// Catches: a method that does not learn, or does nothing against forgetting. Over 3 seeds.
#[test]
fn everyone_learns_as_well_as_promised() {
    let learnt = |name: &str, promises: &Promises, epochs: usize, seed: u64| {
        let stream = stream("permuted-digits", None, seed);
        let training = Training { epochs, ..Training::default() };
        let setting = promises.setting;
        let mut learner =
            Learner::new(net("mlp:32"), strategy(name), training, setting, &stream, seed).unwrap();
        assert_eq!(learner.run(&stream, &mut (), &Stop::default()).unwrap(), Ended::Finished);
        learner.core.accuracy
    };
    let mut acc: BTreeMap<&str, Summary> = BTreeMap::new();
    let mut shared = Vec::new();
    for entry in REGISTRY {
        let card = entry.card().unwrap();
        let mut values = Vec::new();
        for seed in 0..3 {
            let r = learnt(entry.name, &card.promises, card.promises.epochs, seed);
            if let Some(floor) = card.promises.newest {
                for task in 0..3 {
                    let newest = r.at(task + 1, task).unwrap();
                    assert!(newest >= floor, "{}: {newest} on task {task}", entry.name);
                }
            }
            values.push(r.acc().unwrap());
        }
        acc.insert(entry.name, Summary::of(&values).unwrap());
        // Joint's promise is made with one head; with a head a task one is told more than it is.
        if card.isolation == Isolation::Shared && card.promises.setting == Setting::Domain {
            shared.push(entry.name);
        }
    }
    for entry in REGISTRY {
        if let Some(margin) = entry.card().unwrap().promises.margin {
            let (own, plain) = (acc[entry.name].mean, acc["finetune"].mean);
            assert!(own >= plain + margin, "{}: {own} against {plain}", entry.name);
        }
    }
    // Joint is the upper bound of those that keep one network and are told no more than it is, where
    // it trains on as many rows: a step of derpp has its batch and twice as many remembered ones.
    let promises = Entry::find("joint").unwrap().card().unwrap().promises;
    let joint = |seed| learnt("joint", &promises, 3 * promises.epochs, seed).acc().unwrap();
    let joint = Summary::of(&[joint(0), joint(1), joint(2)]).unwrap();
    for name in shared {
        let most = joint.mean + 2.0 * joint.se.unwrap_or(0.0);
        assert!(acc[name].mean <= most, "{name}: {:?} above joint {joint:?}", acc[name]);
    }
}

/// Catches: moments of the task before that push a network which starts from scratch.
#[test]
fn joint_from_scratch_is_from_scratch() {
    let stream = stream("permuted-digits", Some(60), 0);
    let made = |keep| {
        let optimizer =
            OptimizerSettings { kind: OptimizerKind::Adam, keep, ..OptimizerSettings::default() };
        let training = Training { optimizer, lr: 0.01, ..Training::default() };
        let start = learner("joint", "mlp:12", &training, Setting::Domain, &stream);
        finish(start, &stream, &mut ()).core.model.digest()
    };
    assert_eq!(made(Keep::Run), made(Keep::Task));
}

/// Catches: a registry line whose help names a key that the settings lack, or the reverse.
#[test]
fn every_setting_is_documented_and_every_unknown_one_refused() {
    for entry in REGISTRY {
        let settings = entry.create(&json!({})).unwrap().settings();
        let mut keys: Vec<_> = settings.as_object().unwrap().keys().map(String::as_str).collect();
        let mut documented: Vec<_> = entry.settings.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        documented.sort_unstable();
        assert_eq!(keys, documented, "{}", entry.name);
        let error = entry.create(&json!({"no-such-key": 1})).err().unwrap().to_string();
        assert!(error.contains("no-such-key"), "{error}");
    }
}

/// Catches: an isolating method that is let into a setting where nobody tells it the task.
#[test]
fn isolating_methods_refuse_class_incremental_runs() {
    let stream = stream("split-digits", Some(40), 0);
    for entry in REGISTRY {
        if entry.card().unwrap().isolation != Isolation::Shared {
            let made = Learner::new(
                net("mlp:8"),
                Entry::find(entry.name).unwrap().create(&json!({})).unwrap(),
                Training::default(),
                Setting::Class,
                &stream,
                0,
            );
            let error = made.err().unwrap().to_string();
            assert!(error.contains("must be told the task"), "{error}");
        }
    }
}
