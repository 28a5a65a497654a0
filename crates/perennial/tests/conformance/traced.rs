//! The order of hooks, against a golden log.

use std::sync::{Arc, Mutex};

use perennial::learner::{Context, LearnError, Learner, Training};
use perennial::parts::means::ClassMeans;
use perennial::parts::memory::Memory;
use perennial::strategies::REGISTRY;
use perennial::strategy::{
    Batch, Card, Changed, Descent, Gradient, Isolation, Moved, Outcome, Phase, Pool, Step,
    Strategy, WithinTask,
};
use perennial::{Frozen, Model, Pass, Setting, View};
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::toy::{finish, net, stream};

/// A strategy that logs every call and hands it on.
struct Traced {
    inner: Box<dyn Strategy>,
    log: Arc<Mutex<Vec<String>>>,
    /// Where the slot that moved last ends.
    end: usize,
}

impl Traced {
    fn log(&self, call: impl Into<String>) {
        self.log.lock().unwrap().push(call.into());
    }
}

impl Serialize for Traced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(serializer)
    }
}

impl Strategy for Traced {
    fn card(&self) -> Card {
        self.inner.card()
    }
    fn settings(&self) -> serde_json::Value {
        self.inner.settings()
    }
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.log(format!("begin_task {}", cx.task));
        self.inner.begin_task(cx)
    }
    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        self.log(match last {
            None => "next_phase".to_string(),
            Some(last) => format!("next_phase after {} of {} steps", last.phase.name, last.steps),
        });
        self.inner.next_phase(last, cx)
    }
    fn pool(&self) -> Pool {
        self.inner.pool()
    }
    fn within_task(&self) -> WithinTask {
        self.inner.within_task()
    }
    fn memory(&self) -> Option<&Memory> {
        self.inner.memory()
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.log("step:");
        self.inner.objective(batch, cx)
    }
    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        self.log("edit");
        self.inner.edit_gradient(gradient, cx)
    }
    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let first = self.log.lock().unwrap().last().is_none_or(|last| last != "moved");
        if first {
            self.log("moved");
        }
        assert!(first || slot.at().start >= self.end, "a slot moved twice, or before another one");
        self.end = slot.at().end;
        self.inner.descend(slot)
    }
    fn frozen(&self, task: usize, model: &Model) -> Frozen {
        self.log(format!("frozen {task}"));
        self.inner.frozen(task, model)
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.log(format!("after {}", step.batch.len()));
        self.inner.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.log(format!("end_task {}", cx.task));
        self.inner.end_task(cx)
    }
    fn view(&self, task: usize, model: &Model) -> View {
        self.log(format!("view {task}"));
        self.inner.view(task, model)
    }
    fn impossible(&self, setting: Setting) -> Option<String> {
        self.inner.impossible(setting)
    }
    fn class_means(&self) -> Option<&ClassMeans> {
        self.inner.class_means()
    }
}

/// The phases of a task of a method and their steps, with 18 training rows in batches of 10. One
/// of two steps where not said; with one epoch PackNet's shares are a step each, but the last task
/// prunes nothing. GDumb makes two passes over its memory of all rows so
/// far, and iCaRL trains on them beside the task's. CPG with a goal of 0 ends compaction after a stage, for so small a network
/// does not learn; it has nothing to pick from in the first task.
fn phases(name: &str, task: usize) -> Vec<(&'static str, usize)> {
    match (name, task) {
        ("packnet", 0 | 1) => vec![("train", 1), ("retrain", 1)],
        ("joint" | "icarl", _) => vec![("train", (18 * (task + 1)).div_ceil(10))],
        ("gdumb", _) => vec![("train", (18 * (task + 1)).div_ceil(10)); 2],
        ("cpg", 0) => vec![("train", 2), ("compact 10 %", 1)],
        ("cpg", _) => vec![("pick", 2), ("compact 10 %", 1), ("retrain", 1)],
        _ => vec![("train", 2)],
    }
}

/// What the driver calls.
fn golden(name: &str, isolation: Isolation, setting: Setting) -> String {
    let mut log = Vec::new();
    let measured = |known: usize, log: &mut Vec<String>| {
        // One shared head can answer tasks to come; a task's own parts do not exist yet.
        let one_head = isolation == Isolation::Shared && setting == Setting::Domain;
        let known = if one_head { 3 } else { known };
        log.extend((0..known).map(|task| format!("view {task}")));
    };
    measured(0, &mut log);
    for task in 0..3 {
        // Shared evenly over as many batches of at most 10 as it takes, these are batches of 9.
        let all = ["joint", "gdumb", "icarl"].contains(&name);
        let rows: usize = if all { 18 * (task + 1) } else { 18 };
        log.push(format!("begin_task {task} | next_phase"));
        for (phase, steps) in phases(name, task) {
            log.push(format!("view {task} | frozen {task}"));
            for _ in 0..steps.min(rows.div_ceil(10)) {
                // With one head, freeze holds all slots from the second task on.
                let moved = if name == "freeze" && task > 0 { "" } else { "moved | " };
                log.push(format!("step: | edit | {moved}after 9"));
            }
            if phase.starts_with("compact") {
                log.push(format!("view {task} | frozen {task}")); // a step that pruned says so
            }
            if name == "cpg" {
                log.push(format!("view {task}")); // the accuracy on validation rows
            }
            log.push(format!("next_phase after {phase} of {steps} steps"));
        }
        log.push(format!("end_task {task}"));
        measured(task + 1, &mut log);
    }
    if isolation != Isolation::Shared {
        measured(3, &mut log); // every network answers every task, not told which
    }
    log.join(" | ")
}

/// Catches: a hook called twice, never, or in another order; a pure hook asked in every step.
#[test]
fn hooks_come_in_the_order_of_the_golden_log() {
    let stream = stream("permuted-digits", Some(20), 0);
    for entry in REGISTRY {
        let log = Arc::new(Mutex::new(Vec::new()));
        let settings = match entry.name {
            "cpg" => json!({ "goal": 0 }),
            "gdumb" => json!({ "passes": 2 }),
            _ => json!({}),
        };
        let inner = entry.create(&settings).unwrap();
        let isolation = inner.card().isolation;
        let traced = Box::new(Traced { inner, log: log.clone(), end: 0 });
        let training = Training::default();
        let possible = traced.impossible(Setting::Domain).is_none();
        let setting = if possible { Setting::Domain } else { Setting::Task };
        let learner = Learner::new(net("mlp:8"), traced, training, setting, &stream, 0).unwrap();
        finish(learner, &stream, &mut ());
        let log = log.lock().unwrap().join(" | ");
        assert_eq!(log, golden(entry.name, isolation, setting), "{}", entry.name);
    }
}
