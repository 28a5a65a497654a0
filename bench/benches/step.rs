//! A step of training as the driver makes it: batch, forward, loss, backward, update.
//!
//! `cargo bench` in `bench/` prints the time of 50 steps and, as throughput, steps a second.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use perennial::learner::{Event, Learner, Stop, Training, Watch};
use perennial::scenario::{Samples, Values};
use perennial::strategies::Entry;
use perennial::{OptimizerKind, OptimizerSettings, Setting, Stream, Task, network};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STEPS: usize = 50;

/// One task of `STEPS` batches of noise-like images, and one row of each other part.
fn stream(shape: [usize; 3], batch: usize, tasks: usize) -> Stream {
    let inputs: usize = shape.iter().product();
    let samples = |rows: usize| {
        let pixels = (0..rows * inputs).map(|i| ((i * 2_654_435_761) >> 7) as u8).collect();
        let labels = (0..rows as u32).map(|row| row % 10).collect();
        let values = Values::Bytes { pixels, white: 255 };
        Samples::new(values, inputs, labels, (0..rows as u64).collect()).unwrap()
    };
    let tasks = (0..tasks)
        .map(|task| {
            let name = format!("task {}", task + 1);
            let parts = (samples(STEPS * batch), samples(1), samples(1));
            Task::from_samples(name, (0..10).collect(), parts.0, parts.1, parts.2).unwrap()
        })
        .collect();
    let names = (0..10).map(|class| class.to_string()).collect();
    Stream::from_tasks("bench", shape, names, tasks).unwrap()
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("steps");
    group.sample_size(10).throughput(Throughput::Elements(STEPS as u64));
    let cases = [
        ("mlp:100x100", [1, 28, 28], 10),
        ("mlp:400x400", [1, 28, 28], 128),
        ("resnet18:20", [3, 32, 32], 10),
    ];
    for (spec, shape, batch) in cases {
        let stream = stream(shape, batch, 1);
        let network = network::parse(spec, shape).unwrap();
        let begin = || {
            let strategy = Entry::find("finetune").unwrap().create(&serde_json::json!({}));
            let training = Training { batch, ..Training::default() };
            let (network, setting) = (network.clone(), Setting::Domain);
            Learner::new(network, strategy.unwrap(), training, setting, &stream, 0).unwrap()
        };
        group.bench_function(format!("finetune {spec} batch {batch}"), |b| {
            let run = |mut learner: Learner| {
                learner.run(&stream, &mut (), &Stop::default()).unwrap();
                black_box(learner)
            };
            b.iter_batched(begin, run, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// Twenty networks in one θ: a step costs what a step of one costs.
fn columns(c: &mut Criterion) {
    let mut group = c.benchmark_group("independent networks in one θ");
    group.sample_size(10);
    for tasks in [1, 20] {
        let stream = stream([1, 28, 28], 10, tasks);
        let network = network::parse("mlp:100x100", [1, 28, 28]).unwrap();
        group.throughput(Throughput::Elements((STEPS * tasks) as u64));
        group.bench_function(format!("{tasks}"), |b| {
            let begin = || {
                let strategy = Entry::find("independent").unwrap().create(&serde_json::json!({}));
                let (training, setting) = (Training::default(), Setting::Domain);
                let network = network.clone();
                Learner::new(network, strategy.unwrap(), training, setting, &stream, 0).unwrap()
            };
            let run = |mut learner: Learner| {
                learner.run(&stream, &mut (), &Stop::default()).unwrap();
                black_box(learner)
            };
            b.iter_batched(begin, run, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// When the second task began and when its first phase ended.
#[derive(Default)]
struct FirstPhase(Option<Instant>, Duration);

impl Watch for FirstPhase {
    fn event(&mut self, event: &Event) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match event {
            Event::Task { task: 1, .. } => self.0 = Some(Instant::now()),
            Event::Phase { task: 1, .. } => {
                self.1 += self.0.take().map(|since| since.elapsed()).unwrap_or_default();
            }
            _ => {}
        }
        Ok(())
    }
}

/// The steps of the first phase of a second task: what isolating a task costs a step. PackNet's
/// training updates under a mask of bytes, CPG's picking moves a score for each older weight.
fn resources(c: &mut Criterion) {
    let mut group = c.benchmark_group("a second task's steps");
    group.sample_size(20).throughput(Throughput::Elements(STEPS as u64));
    for (spec, shape, batch) in
        [("mlp:256x256", [1, 28, 28], 10), ("mlp:256x256", [1, 28, 28], 128), ("cnn", [1, 28, 28], 10)]
    {
        let stream = stream(shape, batch, 2);
        let network = network::parse(spec, shape).unwrap();
        for (name, kind) in [
            ("finetune", OptimizerKind::Sgd),
            ("packnet", OptimizerKind::Sgd),
            ("cpg", OptimizerKind::Sgd),
            ("pnn", OptimizerKind::Sgd),
            ("finetune", OptimizerKind::Adam),
            ("packnet", OptimizerKind::Adam),
            ("cpg", OptimizerKind::Adam),
        ] {
            let settings = match name {
                "cpg" => serde_json::json!({ "goal": 0, "growth": 1 }),
                "packnet" => serde_json::json!({ "retrain": 0, "prune": 0.5 }),
                _ => serde_json::json!({}),
            };
            group.bench_function(format!("{name} {kind:?} {spec} batch {batch}"), |b| {
                b.iter_custom(|runs| {
                    let mut watch = FirstPhase::default();
                    for _ in 0..runs {
                        let strategy = Entry::find(name).unwrap().create(&settings).unwrap();
                        let optimizer = OptimizerSettings { kind, ..Default::default() };
                        let training =
                            Training { batch, optimizer, lr: 1e-3, ..Training::default() };
                        let (network, setting) = (network.clone(), Setting::Task);
                        let learner = Learner::new(network, strategy, training, setting, &stream, 0);
                        learner.unwrap().run(&stream, &mut watch, &Stop::default()).unwrap();
                    }
                    watch.1
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, steps, columns, resources);
criterion_main!(benches);
