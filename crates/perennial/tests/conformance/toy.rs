//! Three toy tasks, and ways to learn them.

use std::sync::{Arc, OnceLock};

use perennial::data::Dataset;
use perennial::learner::{Ended, Learner, Stop, Training, Watch};
use perennial::network::{self, Graph};
use perennial::scenario::{Benchmark, Options};
use perennial::strategies::{Entry, REGISTRY};
use perennial::strategy::Isolation;
use perennial::{Setting, Strategy, Stream};
use serde_json::json;

pub(crate) fn digits() -> &'static Arc<Dataset> {
    static DIGITS: OnceLock<Arc<Dataset>> = OnceLock::new();
    DIGITS.get_or_init(|| Arc::new(perennial::data::digits().unwrap()))
}

/// `permuted-digits` or `split-digits` of three tasks, with `rows` training rows each.
pub(crate) fn stream(name: &str, rows: Option<usize>, seed: u64) -> Stream {
    let (benchmark, _) = Benchmark::parse(name).unwrap();
    let options = Options { tasks: Some(3), samples_per_task: rows, validation: 0.1 };
    benchmark.build(digits(), &options, seed).unwrap()
}

/// The stream of a setting: permuted digits, or split ones where the head grows.
pub(crate) fn stream_of(setting: Setting, rows: usize) -> Stream {
    let name = if setting == Setting::Class { "split-digits" } else { "permuted-digits" };
    stream(name, Some(rows), 0)
}

pub(crate) fn net(spec: &str) -> Arc<Graph> {
    network::parse(spec, [1, 8, 8]).unwrap()
}

pub(crate) fn strategy(name: &str) -> Box<dyn Strategy> {
    Entry::find(name).unwrap().create(&json!({})).unwrap()
}

/// The same, with few passes where they are the method's own and many: what is looked at step by step.
fn brief(name: &str) -> Box<dyn Strategy> {
    let settings = if name == "gdumb" { json!({ "passes": 4 }) } else { json!({}) };
    Entry::find(name).unwrap().create(&settings).unwrap()
}

/// Every registered name with every setting in which it can work.
pub(crate) fn everyone() -> Vec<(&'static str, Setting)> {
    let mut all = Vec::new();
    for entry in REGISTRY {
        for setting in [Setting::Task, Setting::Domain, Setting::Class] {
            let isolates = entry.card().unwrap().isolation != Isolation::Shared;
            let refused = strategy(entry.name).impossible(setting).is_some();
            if !(isolates && setting == Setting::Class || refused) {
                all.push((entry.name, setting));
            }
        }
    }
    all
}

pub(crate) fn learner(
    name: &str,
    spec: &str,
    training: &Training,
    setting: Setting,
    stream: &Stream,
) -> Learner {
    Learner::new(net(spec), brief(name), training.clone(), setting, stream, 0).unwrap()
}

/// Learns the whole stream.
pub(crate) fn finish(mut learner: Learner, stream: &Stream, watch: &mut dyn Watch) -> Learner {
    assert_eq!(learner.run(stream, watch, &Stop::default()).unwrap(), Ended::Finished);
    learner
}
