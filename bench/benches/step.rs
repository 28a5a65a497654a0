//! A step of training as the driver makes it: batch, forward, loss, backward, update.
//!
//! `cargo bench -p perennial` prints the time of 50 steps and, as throughput, steps a second.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use perennial::learner::{Learner, Stop, Training};
use perennial::scenario::{Samples, Values};
use perennial::strategies::Entry;
use perennial::{Setting, Stream, Task, network};

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

criterion_group!(benches, steps, columns);
criterion_main!(benches);
