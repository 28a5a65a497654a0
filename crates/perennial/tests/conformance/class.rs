//! The class setting: one head for all classes, which grows or is whole from the start.

use perennial::learner::{ClassHead, Context, LearnError, Learner, Training};
use perennial::metrics::statistics::Summary;

use perennial::scenario::{Benchmark, Options};
use perennial::strategies::REGISTRY;
use perennial::strategy::{Batch, Card, Changed, Step, Strategy};
use perennial::{Pass, Setting, Stream, Target};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::toy::{digits, finish, net, strategy, stream};

fn five_tasks(seed: u64) -> Stream {
    let (benchmark, _) = Benchmark::parse("split-digits").unwrap();
    benchmark.build(digits(), &Options::default(), seed).unwrap()
}

fn acc(name: &str, head: Option<ClassHead>) -> f64 {
    let of_seed = |seed| {
        let stream = five_tasks(seed);
        let training = Training { epochs: 5, head, ..Training::default() };
        let (net, strategy) = (net("mlp:32"), strategy(name));
        let learner = Learner::new(net, strategy, training, Setting::Class, &stream, seed).unwrap();
        finish(learner, &stream, &mut ()).core.accuracy.acc().unwrap()
    };
    Summary::of(&[of_seed(0), of_seed(1), of_seed(2)]).unwrap().mean
}

/// Catches: stored logits that say nothing of newer classes (der is at .35 then), a memory that holds
/// old classes with one kind of head only.
#[test]
fn methods_that_replay_hold_old_classes() {
    let plain = acc("finetune", None);
    for entry in REGISTRY {
        let card = entry.card().unwrap();
        let remembers = strategy(entry.name).memory().is_some();
        assert_eq!(card.promises.class_margin.is_some(), remembers, "{}", entry.name);
        let Some(margin) = card.promises.class_margin else { continue };
        for head in [None, Some(ClassHead::Grow), Some(ClassHead::Full)] {
            let own = acc(entry.name, head);
            assert!(own >= plain + margin, "{} {head:?}: {own} against {plain}", entry.name);
        }
    }
}

/// Looks at what a method asks for in the first step of each task.
struct Filled(Box<dyn Strategy>);

impl Serialize for Filled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Strategy for Filled {
    fn card(&self) -> Card {
        self.0.card()
    }
    fn settings(&self) -> Value {
        self.0.settings()
    }
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.0.begin_task(cx)?;
        let batch = Batch {
            inputs: vec![0.5; 64],
            units: vec![0],
            ids: vec![0],
            rows: vec![0],
            tasks: vec![(cx.task, 0..1)],
        };
        let units = cx.model.answer(cx.task);
        let view = cx.model.shared_view(cx.task);
        let mut new = 0;
        for pass in self.0.objective(&batch, cx)? {
            let said = cx.logits(&view, &pass.inputs, pass.rows)?;
            for term in &pass.terms {
                let Target::Logits(stored) = &term.target else { continue };
                assert_eq!((term.active.clone(), stored.len()), (units.clone(), units.len()));
                // The fresh head is the last; what older units said then is not what they say now.
                let fresh = cx.model.heads.last().unwrap().units.clone();
                for row in term.rows.clone() {
                    let now = said.row(row, &fresh).unwrap();
                    assert_eq!(&stored[fresh.clone()], now, "task {}", cx.task);
                    new += 1;
                }
            }
        }
        assert_eq!(new > 0, cx.task > 0);
        Ok(())
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.0.objective(batch, cx)
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.0.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.0.end_task(cx)
    }
}

/// Catches: rows that are not filled, or filled by another network than the one whose head just grew,
/// or with the logits of other rows.
#[test]
fn stored_logits_are_filled_when_the_head_grows() {
    let stream = stream("split-digits", Some(60), 0);
    for name in ["der", "derpp"] {
        let training = Training { head: Some(ClassHead::Grow), ..Training::default() };
        let strategy = Box::new(Filled(strategy(name)));
        let learner = Learner::new(net("mlp:12"), strategy, training, Setting::Class, &stream, 0);
        finish(learner.unwrap(), &stream, &mut ());
    }
}

/// Catches: a head that is whole where none was asked for, units in another order than they grow.
#[test]
fn a_full_head_has_every_class_from_the_start() {
    let stream = stream("split-digits", Some(60), 0);
    let made = |name: &str, head| {
        let training = Training { head, ..Training::default() };
        Learner::new(net("mlp:12"), strategy(name), training, Setting::Class, &stream, 0)
    };
    assert_eq!(made("er", None).unwrap().core.model.units(), 0);
    assert_eq!(made("der", None).unwrap().core.model.units(), 9);
    let full = made("er", Some(ClassHead::Full)).unwrap();
    let grown = finish(made("er", None).unwrap(), &stream, &mut ());
    assert_eq!(full.core.model.outputs, grown.core.model.outputs);
    let refused = |setting, open_ended| {
        let training = Training { head: Some(ClassHead::Full), ..Training::default() };
        let (net, strategy) = (net("mlp:12"), strategy("er"));
        let made = match open_ended {
            true => Learner::open_ended(net, strategy, training, setting, 0),
            false => Learner::new(net, strategy, training, setting, &stream, 0),
        };
        made.err().unwrap().to_string()
    };
    assert!(refused(Setting::Task, false).contains("head"), "{}", refused(Setting::Task, false));
    assert!(refused(Setting::Class, true).contains("leave it out, and its head grows"));
}
