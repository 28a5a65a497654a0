//! Running statistics of batch normalisation over tasks, whatever the method.

use perennial::learner::{Learner, NormSettings, Training, Watch};
use perennial::strategies::{self, Entry};
use perennial::strategy::Isolation;
use perennial::{NormStatistics, Setting, Stream};
use serde_json::json;

use crate::toy::{everyone, finish, net, strategy, stream};

const NETWORK: &str = "cnn:2x2x4";

fn with(statistics: NormStatistics) -> Training {
    Training { norm: NormSettings { statistics }, ..Training::default() }
}

fn learner(name: &str, training: &Training, setting: Setting, stream: &Stream) -> Learner {
    Learner::new(net(NETWORK), strategy(name), training.clone(), setting, stream, 0).unwrap()
}

/// The running statistics after each task, where the next is not begun.
#[derive(Default)]
struct Statistics(Vec<Vec<f32>>);

impl Watch for Statistics {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if learner.core.accuracy.rows().len() == self.0.len() + 2 {
            self.0.push(learner.core.model.buffers.to_vec());
        }
        Ok(())
    }
}

/// Catches: statistics that move after the first task, ones that do not move in it, a method whose
/// view of its own has other ones.
#[test]
fn the_first_tasks_statistics_are_kept() {
    let stream = stream("permuted-digits", Some(40), 0);
    for (name, setting) in everyone() {
        let shared = strategy(name).card().isolation == Isolation::Shared;
        if !shared || setting == Setting::Class {
            continue;
        }
        let mut seen = Statistics::default();
        let training = with(NormStatistics::FixedAfterFirst);
        finish(learner(name, &training, setting, &stream), &stream, &mut seen);
        assert_eq!(seen.0.len(), 3, "{name}");
        let mixed = ["joint", "gdumb"].contains(&name); // they train on all tasks at once
        assert_eq!(seen.0[0] == seen.0[2], !mixed, "{name} {setting:?}");
        let mut running = Statistics::default();
        finish(learner(name, &Training::default(), setting, &stream), &stream, &mut running);
        assert_eq!(running.0[0], seen.0[0], "{name}: the first task is another");
        assert!(name == "freeze" || running.0[1] != running.0[0], "{name}");
    }
}

/// At a rate at which no weight moves, accuracies on old tasks stay to the bit with a task's own
/// statistics. Catches: an old task that is answered with a newer one's, statistics that begin afresh,
/// ones that are lost with a save.
#[test]
fn a_task_keeps_its_own_statistics() {
    let stream = stream("permuted-digits", Some(60), 0);
    for name in ["finetune", "ewc", "gem", "lwf", "derpp", "icarl"] {
        let training = Training { lr: 1e-30, ..with(NormStatistics::Task) };
        let done = finish(learner(name, &training, Setting::Task, &stream), &stream, &mut ());
        let rows = done.core.accuracy.rows();
        for task in 0..3 {
            assert!((task + 1..=3).all(|row| rows[row][task] == rows[task + 1][task]), "{name}");
        }
        let own = &done.core.model.task_buffers;
        let values = |task: usize| {
            let slots = own[task].iter().map(|&slot| done.core.model.buffer_layout.slot(slot));
            slots.flat_map(|slot| done.core.model.buffers[slot.range()].to_vec()).collect()
        };
        let values: [Vec<f32>; 3] = std::array::from_fn(values);
        assert!(values[0] != values[1] && values[1] != values[2], "{name}");
        let bytes = done.to_bytes().unwrap();
        let again = Learner::from_bytes(&bytes, net(NETWORK), strategies::load).unwrap();
        assert_eq!(again.core, done.core);
        // They begin as those of the task before: 6 steps leave .9⁶ of them.
        let one = |statistics| {
            let training = Training { lr: 1e-30, ..with(statistics) };
            let done = finish(learner(name, &training, Setting::Task, &stream), &stream, &mut ());
            done.core.model.buffers.to_vec()
        };
        if name == "finetune" {
            assert_eq!(values[2], one(NormStatistics::Running));
        }
    }
}

/// Catches: statistics that change nothing and are taken all the same, an impossible setting that is
/// trained with.
#[test]
fn statistics_that_cannot_be_are_refused() {
    let stream = stream("permuted-digits", Some(40), 0);
    let refused = |name: &str, spec: &str, statistics, setting| {
        let (strategy, training) = (strategy(name), with(statistics));
        let made = Learner::new(net(spec), strategy, training, setting, &stream, 0);
        made.err().unwrap().to_string()
    };
    let task = NormStatistics::Task;
    let text = refused("finetune", NETWORK, task, Setting::Domain);
    assert!(text.contains("norm.statistics = task cannot be") && text.contains("--setting task"));
    let text = refused("finetune", "mlp:12", task, Setting::Task);
    assert!(text.contains("mlp:12 has no batch normalisation"), "{text}");
    let text = refused("pnn", NETWORK, NormStatistics::FixedAfterFirst, Setting::Task);
    assert!(text.contains("statistics of its own"), "{text}");
}

/// Catches: a penalty that says nothing of what it does not hold, or says it where all is held.
#[test]
fn a_penalty_says_what_it_does_not_hold() {
    let stream = stream("permuted-digits", Some(40), 0);
    let notes = |training: &Training, spec: &str| {
        let ewc = Entry::find("ewc").unwrap().create(&json!({ "lambda": 1 })).unwrap();
        let learner =
            Learner::new(net(spec), ewc, training.clone(), Setting::Task, &stream, 0).unwrap();
        finish(learner, &stream, &mut ()).core.notes.join("; ")
    };
    let said = "not the running statistics of batch normalisation";
    assert!(notes(&Training::default(), NETWORK).contains(said));
    assert!(!notes(&with(NormStatistics::Task), NETWORK).contains(said));
    assert!(!notes(&Training::default(), "mlp:12").contains(said));
}
