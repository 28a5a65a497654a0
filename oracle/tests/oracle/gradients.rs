//! Losses, gradients and running statistics of every named network.

use perennial::network::parse;
use perennial::{Mode, SlotId};

use crate::definition::{Definition, tensor};
use crate::networks::Network;
use crate::support::{UNITS, agree, agrees, functional, gradient, moved, pass};

/// Networks, and shapes of images with and without odd sides. A residual network of fewer filters has
/// weights whose gradient is nothing but rounding: a single input and a normalisation behind it.
const CASES: [(&str, [usize; 3]); 8] = [
    ("mlp:13x9", [3, 8, 8]),
    ("mlp:30", [1, 9, 7]),
    ("cnn:4x6x10", [3, 8, 8]),
    ("cnn:5x3x7", [1, 9, 11]),
    ("resnet18:4", [3, 8, 8]),
    ("resnet18:3", [1, 9, 11]),
    ("resnet32:4", [3, 8, 8]),
    ("resnet32:3", [2, 7, 9]),
];

/// Catches: a factor, a sign, a neighbour or an edge wrong in any forward or backward pass; weights read
/// transposed; batch normalisation's gradient without the part through its statistics, or with it where
/// they are fixed; a shortcut left out; running statistics that keep the biased variance or move the wrong
/// way.
#[test]
fn gradients_are_those_of_the_definitions() {
    for (spec, input) in CASES {
        for (rows, mode) in [(1, Mode::Evaluate), (7, Mode::Evaluate), (12, Mode::Train)] {
            agrees_with_definition(spec, input, rows, mode);
        }
    }
}

/// A batch of one has the statistics of an image, of few numbers in the last layers: these images are
/// large enough that rounding stays below the tolerance.
#[test]
fn a_batch_of_one_trains_as_its_definition() {
    for (spec, input) in [
        ("mlp:13x9", [3, 8, 8]),
        ("cnn:5x3x7", [1, 9, 11]),
        ("resnet18:4", [1, 33, 36]),
        ("resnet32:4", [2, 25, 21]),
    ] {
        agrees_with_definition(spec, input, 1, Mode::Train);
    }
}

fn agrees_with_definition(spec: &str, input: [usize; 3], rows: usize, mode: Mode) {
    let network = parse(spec, input).unwrap();
    let what = format!("{spec} over {input:?}, {rows} rows, {mode:?}:");
    let model = moved(&network);
    let net = Definition::new(&model, mode == Mode::Train);
    let [channels, height, width] = input;
    let pass = pass(&network, rows, mode);
    let images = tensor(&pass.inputs, [rows, channels, height, width]);
    let features = Network::of(spec).features(&net, images);
    let logits = net.linear("head1", features);
    let (z, wanted) = net.gradient(logits, &functional(rows));
    assert_eq!(z.len(), rows * UNITS);

    let mut after = model.clone();
    let (logits, found, slots) = gradient(&network, &mut after, &model.shared_view(0), pass);
    agrees(&format!("{what} logits"), &logits, &z);
    assert_eq!(slots, (0..model.layout.slots().len()).map(SlotId).collect::<Vec<_>>());
    agree(&what, &model, &slots, &found, &wanted);

    let statistics = net.moved.borrow();
    let learns = mode == Mode::Train;
    assert_eq!(statistics.len(), if learns { network.buffers().len() } else { 0 });
    for slot in model.buffer_layout.slots() {
        let found = &after.buffers[slot.range()];
        match statistics.get(&slot.name) {
            Some(wanted) => agrees(&format!("{what} {}", slot.name), found, wanted),
            None => assert_eq!(found, &model.buffers[slot.range()]),
        }
    }
}
