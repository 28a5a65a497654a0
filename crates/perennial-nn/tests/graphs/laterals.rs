//! What columns receive from older ones, against the formulas.

use perennial_nn::params::{Init, Start};
use perennial_nn::{Column, Graph, Lateral, LateralKind, cnn, mlp, resnet18};

use crate::definition::assert_gradients;
use crate::net::{DEEP, EVALUATES, KEEPS, LEARNS, Net, bits};

/// A matrix from inputs to outputs, 1×1 between maps.
fn matrix(input: &[usize], output: &[usize]) -> Vec<usize> {
    match (input.len(), output.len()) {
        (3, 3) => vec![output[0], input[0], 1, 1],
        _ => vec![input.iter().product(), output.iter().product()],
    }
}

/// The slots of a lateral into a place of shape `to` from so many columns that read `from`.
fn lateral(
    net: &mut Net,
    (kind, biases): (LateralKind, bool),
    older: usize,
    from: &[usize],
    to: &[usize],
) -> Lateral {
    let mut slots = Vec::new();
    let mut affine = |net: &mut Net, input: &[usize], output: &[usize]| {
        let shape = matrix(input, output);
        slots.push(net.slot(&shape, &Init::Normal { sd: 0.3 }));
        if biases {
            slots.push(net.slot(&output[..1], &Init::Normal { sd: 0.3 }));
        }
    };
    match kind {
        LateralKind::Linear => (0..older).for_each(|_| affine(net, from, to)),
        LateralKind::Adapter => {
            let mut joined = from.to_vec();
            joined[0] *= older;
            affine(net, &joined, from);
            affine(net, from, to);
            slots.insert(0, net.slot(&[older], &Init::Constant(0.7)));
        }
    }
    Lateral { kind, biases, slots }
}

/// The laterals of a column over so many older ones; only into place `only` where one is named.
fn laterals(
    net: &mut Net,
    how: (LateralKind, bool),
    older: usize,
    only: Option<usize>,
    units: usize,
) -> Vec<Option<Lateral>> {
    let graph = net.graph.clone();
    let stages = graph.stages().iter();
    let stages = stages.map(|stage| (graph.shape(stage.reads), graph.shape(stage.value).to_vec()));
    let output = (graph.shape(graph.nodes().len()), vec![units]);
    let places = stages.chain([output]).enumerate();
    places
        .map(|(place, (from, to))| {
            let wanted = only.is_none_or(|only| only == place);
            wanted.then(|| lateral(net, how, older, from, &to))
        })
        .collect()
}

/// A column over `older` others, of which all but the first receive from those before them.
fn columns(graph: &Graph, how: (LateralKind, bool), older: usize, only: Option<usize>) -> Net {
    let mut net = Net::empty(graph.clone());
    let mut all: Vec<Column> = (0..=older).map(|_| net.column()).collect();
    net.view.column = all[older].clone();
    net.head(3);
    for (number, column) in all.iter_mut().enumerate().skip(1) {
        column.laterals = laterals(&mut net, how, number, only, 3);
    }
    net.view.column = all.pop().unwrap();
    net.view.older = all;
    net
}

const HOWS: [(LateralKind, bool); 4] = [
    (LateralKind::Linear, false),
    (LateralKind::Linear, true),
    (LateralKind::Adapter, false),
    (LateralKind::Adapter, true),
];

/// Into every place at once and into each alone, over vectors and maps, from one and from two columns.
/// Catches: what an older column reads taken for what it makes, columns in another order, a stride that
/// takes other pixels, a bias that is left out, a gradient into an older column.
#[test]
fn laterals_of_perceptrons_and_cnns() {
    for graph in [mlp(&[7], &[6, 5], Start::Torch).unwrap(), cnn([1, 9, 8], [2, 3, 4]).unwrap()] {
        for how in HOWS {
            assert_gradients(&columns(&graph, how, 2, None), 3, KEEPS, DEEP);
            for place in 0..=graph.stages().len() {
                assert_gradients(&columns(&graph, how, 1, Some(place)), 3, LEARNS, DEEP);
            }
        }
    }
}

#[test]
fn laterals_of_a_residual_network() {
    let graph = resnet18([1, 6, 5], 1).unwrap();
    for how in HOWS {
        assert_gradients(&columns(&graph, how, 1, None), 2, KEEPS, DEEP);
    }
}

/// Older columns keep their running statistics while the newest learns.
/// Catches: a pass that moves what is held.
#[test]
fn older_columns_are_held() {
    let graph = cnn([1, 8, 8], [2, 3, 4]).unwrap();
    let net = columns(&graph, HOWS[3], 2, None);
    let (executable, mut moved) = (net.executable(), net.buffers.clone());
    let x = net.samples(4);
    net.run(&executable, &mut moved, LEARNS, |run| {
        let mut trace = perennial_nn::Trace::default();
        trace.input.clone_from(&x);
        executable.forward(4, run, &mut trace);
    });
    let own = &net.view.column.buffers;
    for (id, slot) in net.buffer_layout.slots().iter().enumerate() {
        let same = bits(&moved[slot.range()]) == bits(&net.buffers[slot.range()]);
        assert_eq!(same, !own.iter().any(|own| own.0 == id), "{id}");
    }
    let older = || net.view.older.iter();
    let laterals = older().flat_map(|column| column.laterals.iter().flatten());
    let held = older().flat_map(|column| column.parameters.iter().map(|grid| grid.blocks[0]));
    let held: Vec<_> = held.chain(laterals.flat_map(|lateral| lateral.slots.clone())).collect();
    let slots = executable.slots(&net.view.heads);
    assert!(held.iter().all(|slot| !slots.contains(slot)));
    assert_eq!(slots.len() + held.len(), net.layout.slots().len());
}

/// An older column's own answers are the bits that it made alone.
#[test]
fn an_older_column_answers_as_before() {
    let graph = cnn([1, 8, 8], [2, 3, 4]).unwrap();
    let mut alone = Net::empty(graph.clone());
    alone.view.column = alone.column();
    alone.head(3);
    let x = alone.samples(4);
    let before = alone.forward(&x, 4, EVALUATES);
    let first = alone.view.column.clone();
    alone.view.older = vec![first];
    let second = alone.column();
    alone.view.column = second;
    alone.view.column.laterals = laterals(&mut alone, HOWS[1], 1, None, 3);
    alone.head(3);
    alone.view.heads = vec![1];
    let with = alone.forward(&x, 4, EVALUATES);
    assert_ne!(bits(&with), bits(&before));
    alone.view.column = alone.view.older.pop().unwrap();
    alone.view.heads = vec![0];
    assert_eq!(bits(&alone.forward(&x, 4, EVALUATES)), bits(&before));
}
