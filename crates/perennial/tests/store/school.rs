//! Small tasks, taught in milliseconds.

use std::path::Path;
use std::sync::Arc;

use perennial::OptimizerSettings;
use perennial::data::{Dataset, Part};
use perennial::learner::{Stop, Training};
use perennial::scenario::{Samples, Setting, Values};
use perennial::state::Files;
use perennial::store::{Gate, Learner, Lesson, Manifest, Settings, StoreError, Taught, Teaching};
use serde_json::json;

/// Numbers of a row.
const INPUTS: usize = 6;

/// Task `number`: two classes of its own, told apart by one of the inputs.
pub(crate) fn lesson(number: usize) -> Lesson {
    let part = |rows: usize, shift: usize| {
        let mut values = Vec::new();
        let mut labels = Vec::new();
        for row in 0..rows {
            let label = row % 2;
            for input in 0..INPUTS {
                let noise = ((row * 31 + input * 17 + shift * 7 + number * 5) % 13) as f32 / 13.0;
                let signal = f32::from(u8::from(input == number % INPUTS && label == 1));
                values.push(signal + noise / 2.0);
            }
            labels.push(label as u32);
        }
        let ids = (0..rows as u64).collect();
        Samples::new(Values::Floats(values), INPUTS, labels, ids).unwrap()
    };
    let (train, test) = (part(24, 0), part(10, 1));
    let rows = |samples: &Samples| Part {
        values: samples.values().clone(),
        labels: samples.labels().to_vec(),
    };
    let dataset = Dataset {
        name: "school".into(),
        shape: [1, 1, INPUTS],
        classes: vec![format!("{number} low"), format!("{number} high")],
        train: rows(&train),
        validation: None,
        test: rows(&test),
    };
    Lesson::new(format!("task {number}"), &dataset).unwrap()
}

pub(crate) fn settings(strategy: &str) -> Settings {
    let strategy_settings = match strategy {
        "er" => json!({ "memory": 8 }),
        _ => json!({}),
    };
    Settings {
        network: "mlp:5".into(),
        strategy: strategy.into(),
        strategy_settings,
        setting: (strategy != "er").then_some(Setting::Task),
        optimizer: OptimizerSettings::default(),
        ..Settings::default()
    }
}

/// Anything passes.
pub(crate) fn lenient() -> Teaching {
    Teaching {
        training: Training { batch: 8, epochs: 2, ..Training::default() },
        gate: Gate { max_drop: 1.0, max_class_drop: 1.0, ..Gate::default() },
        save_every: Some(3),
        ..Teaching::default()
    }
}

/// Nothing passes but the first task.
pub(crate) fn strict() -> Teaching {
    let gate = Gate { floor: Some(1.0), strict: true, ..Gate::default() };
    Teaching { gate, training: Training { lr: 1e-6, ..lenient().training }, ..lenient() }
}

pub(crate) fn teach(
    learner: &mut Learner,
    lesson: &Lesson,
    how: &Teaching,
) -> Result<Taught, StoreError> {
    learner.teach(lesson, how, &mut (), &Stop::default())
}

/// Teaches a task, which must become the learner.
pub(crate) fn taught(learner: &mut Learner, number: usize) -> Manifest {
    match teach(learner, &lesson(number), &lenient()).unwrap() {
        Taught::Committed { version, .. } => version,
        other => panic!("{other:?}"),
    }
}

/// A learner of these tasks.
pub(crate) fn school(path: &Path, strategy: &str, tasks: &[usize]) -> Learner {
    let mut learner = Learner::create(path, &settings(strategy)).unwrap();
    tasks.iter().for_each(|&task| drop(taught(&mut learner, task)));
    learner
}

pub(crate) fn opened(path: &Path, files: Arc<dyn Files>) -> Learner {
    Learner::open_with(path, files).unwrap()
}

/// Everything that is there must be as it was written.
pub(crate) fn verified(path: &Path) {
    let found = Learner::verify(path).unwrap();
    assert!(found.damage.is_empty(), "{:#?}", found.damage);
    assert_eq!(found.whole.len(), found.versions);
}
