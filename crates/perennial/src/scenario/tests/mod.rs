//! Properties of streams, on sets small enough to check by hand.

mod fingerprints;
mod lists;
mod parts;
mod sentences;
mod settings;
mod splits;
mod transforms;

use std::sync::Arc;

use perennial_data::{Dataset, Part as DataPart};

use super::{Options, Part, Samples, Stream, Task, Values};

/// A set of 1 × 2 × 3 images, each different from all others, with labels 0, 1, …, 0, 1, ….
/// Half as many test rows as training rows.
fn toy(rows: u32, classes: u32) -> Arc<Dataset> {
    let part = |rows: u32, first: u32| {
        let pixels = (0..rows).flat_map(|row| {
            let [low, high, ..] = (first + row).to_le_bytes();
            [low, high, row as u8, 3, 4, 5]
        });
        DataPart::of_bytes(pixels.collect(), 255, (0..rows).map(|row| row % classes).collect())
    };
    Arc::new(Dataset {
        name: "toy".into(),
        shape: [1, 2, 3],
        classes: (0..classes).map(|class| format!("class{class}")).collect(),
        train: part(rows, 0),
        validation: None,
        test: part(rows / 2, 30_000),
    })
}

/// One training and one test row: the given image, of class 0.
fn picture(shape: [usize; 3], pixels: &[u8]) -> Arc<Dataset> {
    let part = DataPart::of_bytes(pixels.to_vec(), 255, vec![0]);
    Arc::new(Dataset {
        name: "picture".into(),
        shape,
        classes: vec!["only".into()],
        train: part.clone(),
        validation: None,
        test: part,
    })
}

/// The bytes of a part, to change one.
fn pixels(part: &mut DataPart) -> &mut Vec<u8> {
    match &mut part.values {
        Values::Bytes { pixels, .. } => pixels,
        Values::Floats(_) => panic!("bytes were asked for"),
    }
}

fn set_white(data: &mut Dataset, to: u8) {
    for part in [&mut data.train, &mut data.test] {
        let pixels = std::mem::take(pixels(part));
        part.values = Values::Bytes { pixels, white: to };
    }
}

fn tasks(tasks: usize) -> Options {
    Options { tasks: Some(tasks), ..Options::default() }
}

/// The bytes of a row, for sets whose white is 255.
fn row(samples: &Samples, row: usize) -> Vec<u8> {
    let mut values = Vec::new();
    samples.append_row(row, &mut values);
    values.into_iter().map(|value| (value * 255.0).round() as u8).collect()
}

fn ids(samples: &Samples) -> Vec<u64> {
    (0..samples.len()).map(|row| samples.id(row)).collect()
}

fn fingerprints(stream: &Stream) -> Vec<String> {
    stream.tasks.iter().map(Task::fingerprint).collect()
}

/// The row numbers of all parts, for streams whose rows are what matters.
fn all_ids(stream: &Stream) -> Vec<[Vec<u64>; 3]> {
    let parts = [Part::Train, Part::Validation, Part::Test];
    stream.tasks.iter().map(|task| parts.map(|part| ids(&task.load(part)))).collect()
}
