//! Methods that promise not to forget, tested to the bit.

use std::cell::RefCell;
use std::rc::Rc;

use perennial::learner::{Event, Learner, Training, Watch};
use perennial::scenario::Part;
use perennial::strategies::REGISTRY;
use perennial::strategy::Isolation;
use perennial::{Engine, OptimizerKind, OptimizerSettings, Setting, Stream};

use crate::toy::{finish, learner, net, stream};

/// Inputs that are asked again after every task.
const ASKED: usize = 1000;

/// The logits of a task's first 40 test rows, in batches of `rows`.
pub(crate) fn logits(
    learner: &Learner,
    spec: &str,
    stream: &Stream,
    task: usize,
    rows: usize,
) -> Vec<u32> {
    logits_of(learner, spec, stream, (task, 40), rows)
}

/// The logits of `count` inputs in batches of `rows`: a task's test rows and, where there are
/// fewer, the same again with their pixels moved on.
fn logits_of(
    learner: &Learner,
    spec: &str,
    stream: &Stream,
    (task, count): (usize, usize),
    rows: usize,
) -> Vec<u32> {
    let engine = Engine::new(net(spec));
    let view = learner.strategy().view(task, &learner.core.model);
    let samples = stream.tasks[task].load(Part::Test);
    let all: Vec<usize> = (0..count).collect();
    let mut bits = Vec::new();
    for chunk in all.chunks(rows) {
        let mut inputs = Vec::new();
        for &i in chunk {
            let first = inputs.len();
            samples.append_row(i % samples.len(), &mut inputs);
            inputs[first..].rotate_left(i / samples.len());
        }
        let workspace = &mut perennial::Workspace::default();
        let logits =
            engine.logits(workspace, &learner.core.model, &view, &inputs, chunk.len()).unwrap();
        for i in 0..chunk.len() {
            let row = logits.row(i, &view.answer).unwrap();
            bits.extend(row.iter().map(|logit| logit.to_bits()));
        }
    }
    bits
}

/// After each task, the logits of all tasks so far.
struct Answers<'a> {
    spec: &'a str,
    stream: &'a Stream,
    after: Rc<RefCell<Vec<Vec<Vec<u32>>>>>,
    due: bool,
}

impl Watch for Answers<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.due = matches!(event, Event::Row { after, .. } if *after > 0);
        Ok(())
    }

    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if std::mem::take(&mut self.due) {
            let known = 0..learner.core.accuracy.trained();
            let of = |task| logits_of(learner, self.spec, self.stream, (task, ASKED), ASKED);
            let answers = known.map(of);
            self.after.borrow_mut().push(answers.collect());
        }
        Ok(())
    }
}

/// Catches: an optimiser step over all of θ, momentum or decay on a weight without gradient,
/// running statistics shared between tasks, growth that changes the shapes old tasks run at.
#[test]
fn old_logits_of_isolating_methods_keep_their_bits() {
    let adam = OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() };
    let heavy = OptimizerSettings { momentum: 0.9, weight_decay: 1e-2, ..Default::default() };
    let rules = [
        (0.05, OptimizerSettings::default()),
        (0.02, OptimizerSettings { keep: perennial::Keep::Run, ..heavy.clone() }),
        (1e-3, OptimizerSettings { weight_decay: 1e-2, ..adam }),
    ];
    // Widths above 512 take other kernels; convolutions and residual nets have statistics.
    for (spec, rows) in [("mlp:20x600", 60), ("cnn:4x6x8", 30), ("resnet18:2", 12)] {
        let stream = stream("permuted-digits", Some(rows), 0);
        for entry in REGISTRY {
            // Freeze with a head a task promises the same of a shared trunk.
            let shared = entry.card().unwrap().isolation == Isolation::Shared;
            if shared && entry.name != "freeze" {
                continue;
            }
            for (lr, optimizer) in rules.clone() {
                let training = Training { lr, optimizer, batch: 6, ..Training::default() };
                let after = Rc::new(RefCell::new(Vec::new()));
                let mut watch = Answers { spec, stream: &stream, after: after.clone(), due: false };
                let start = learner(entry.name, spec, &training, Setting::Task, &stream);
                let learner = finish(start, &stream, &mut watch);
                let after = after.borrow();
                assert_eq!(after.len(), 3);
                for later in &after[1..] {
                    assert!(later[0] == after[0][0], "{} {spec}: task 1", entry.name);
                }
                assert!(after[2][1] == after[1][1], "{} {spec}: task 2", entry.name);
                assert_eq!(learner.core.accuracy.bwt(), Some(0.0));
                // In evaluation batches of other sizes, one row included.
                for rows in [1, 7] {
                    let first = logits(&learner, spec, &stream, 0, rows);
                    assert_eq!(first, after[0][0][..first.len()], "{spec}");
                }
            }
        }
    }
}

/// Catches: the same check passing because nothing moves at all.
#[test]
fn fine_tuning_does_move_them() {
    let (stream, training) = (stream("permuted-digits", Some(60), 0), Training::default());
    let after = Rc::new(RefCell::new(Vec::new()));
    let mut watch = Answers { spec: "mlp:20", stream: &stream, after: after.clone(), due: false };
    finish(learner("finetune", "mlp:20", &training, Setting::Task, &stream), &stream, &mut watch);
    assert_ne!(after.borrow()[1][0], after.borrow()[0][0]);
}
