//! A row's answer does not depend on the batch it comes in.

use std::sync::Arc;

use perennial::network::{Graph, parse};

use crate::support::{answers, bits, images, moved};

/// Batches of these sizes are cut from the front and the back of the largest.
const BATCHES: [usize; 8] = [1, 2, 3, 7, 32, 64, 65, 150];

fn holds(network: &Arc<Graph>, units: usize) {
    let (engine, model) = moved(network, units);
    let view = model.shared_view(0);
    let most = 150;
    let inputs = images(network.as_ref(), most);
    let width = inputs.len() / most;
    let answer = |first: usize, rows: usize| {
        let inputs = inputs[first * width..(first + rows) * width].to_vec();
        bits(&answers(&engine, &model, &view, &inputs, rows), units)
    };
    let whole = answer(0, most);
    for rows in BATCHES {
        for first in [0, most - rows] {
            let same = answer(first, rows) == whole[first..first + rows];
            assert!(same, "{} units {units}: {rows} rows from {first}", network.name());
        }
    }
}

/// Catches: one row left to the kernel for one row; an evaluation of more than 64 rows at once,
/// which for layers of at most 64 units over more than 512 inputs takes a kernel that sums in
/// another order.
#[test]
fn dense_answers_do_not_depend_on_the_batch() {
    for (spec, input) in [
        ("mlp:100x100", [1, 28, 28]),
        ("mlp:50", [1, 28, 28]),
        ("mlp:700x600", [1, 28, 28]),
        ("mlp:1030", [3, 32, 32]),
    ] {
        for units in [1, 2, 10, 100] {
            holds(&parse(spec, input).unwrap(), units);
        }
    }
}

/// Catches: the same through convolutions, normalisation and pooling.
#[test]
fn convolutional_answers_do_not_depend_on_the_batch() {
    for (spec, input) in [
        ("cnn", [1, 8, 8]),
        ("cnn", [3, 16, 16]),
        ("cnn:8x600x700", [1, 8, 8]),
        ("resnet18:2", [1, 28, 28]),
        ("resnet18:20", [3, 8, 8]),
        ("resnet18:65", [1, 8, 8]), // 520 channels
    ] {
        holds(&parse(spec, input).unwrap(), 10);
    }
}
