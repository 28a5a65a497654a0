//! Buffers that are reused and written over: random graphs against the definition.

use perennial_nn::draws::{Generator, Key};
use perennial_nn::layer::{
    Activation, Add, BatchNorm, Conv2d, Dropout, Flatten, Join, LayerNorm, Linear, Nonlinearity,
    Pool, PoolKind,
};
use perennial_nn::params::Start;
use perennial_nn::{Graph, Size, Trace};
use rand::RngExt;

use crate::definition::assert_gradients;
use crate::net::{EVALUATES, How, KEEPS, Net, bits, draws};

/// A graph of random layers over random earlier values, so that values have none, one or several readers
/// whose outputs may be written over them or not.
fn random(number: u64, images: bool) -> Graph {
    let mut generator = Key { step: number, ..Key::of_seed(4) }.generator("graph");
    let shape: &[usize] = if images { &[2, 4, 4] } else { &[6] };
    let mut net = Graph::builder(format!("random{number}"), shape);
    // Which values were read, and those of the common shape.
    let (mut read, mut open) = (vec![false], vec![0]);
    for layer in 0..generator.random_range(3..12) {
        let name = format!("layer{layer}");
        // Mostly one of the newest values, so that graphs are deep.
        let pick = |generator: &mut Generator| match generator.random::<bool>() {
            true => open[open.len() - 1],
            false => open[generator.random_range(0..open.len())],
        };
        let mut from = vec![pick(&mut generator)];
        let kind = generator.random_range(0..10);
        let value = match kind {
            0 | 1 => {
                let more = generator.random_range(0..3);
                from.extend((0..more).map(|_| pick(&mut generator)));
                net.add(&name, Add, &from)
            }
            2..=4 => net.add(&name, Activation(Nonlinearity::ALL[kind - 2]), &from),
            5 => net.add(&name, Dropout { rate: 0.5 }, &from),
            6 if images => net.add(
                &name,
                Pool { kind: PoolKind::Average, window: Some(Size::square(1)) },
                &from,
            ),
            6 => net.add(&name, Flatten, &from),
            7 if images => net.add(&name, BatchNorm, &from),
            7 => net.add(&name, LayerNorm, &from),
            8 => {
                from.push(pick(&mut generator));
                read.push(true);
                let joined = net.add(&format!("{name}.join"), Join, &from);
                match images {
                    true => net.add(&name, Conv2d::same(2, 1, 1), &[joined]),
                    false => net.add(&name, Linear::new(6, Start::Torch), &[joined]),
                }
            }
            _ if images => net.add(&name, Conv2d::same(2, 3, 1), &from),
            _ => net.add(&name, Linear::new(6, Start::Torch), &from),
        };
        from.iter().for_each(|&value| read[value] = true);
        assert_eq!(value, read.len(), "{:?}", net.build());
        read.push(false);
        open.push(value);
    }
    let mut unread: Vec<usize> = (0..read.len()).filter(|&value| !read[value]).collect();
    unread.push(0);
    let sum = net.add("sum", Add, &unread);
    net.add("flatten", Flatten, &[sum]);
    net.build().unwrap()
}

/// Catches: a value written over while somebody reads it, a gradient handed on to one of several
/// readers, a value that comes twice and is counted once.
#[test]
fn random_graphs() {
    for number in 0..60 {
        for images in [false, true] {
            let net = Net::new(random(number, images), &[2]);
            for how in [EVALUATES, KEEPS] {
                let keeps = How { keeps: true, ..how };
                let (x, theta) = (net.samples(3), crate::definition::effective(&net));
                let wanted = crate::definition::logits(&net, &theta, &x, 3, false);
                crate::net::assert_near("logits", &net.forward(&x, 3, how), &wanted, 1e-5);
                assert_gradients(&net, 3, keeps, 1e-5);
            }
        }
    }
}

/// One trace for many networks and batches makes the bits of a fresh one.
/// Catches: numbers that an earlier pass left and a later one reads.
#[test]
fn a_trace_is_reused() {
    let mut trace = Trace::default();
    for number in 0..60 {
        let net = Net::new(random(number, number % 2 == 0), &[2]);
        let rows = 1 + number as usize % 7;
        let x = net.samples(rows);
        for how in [EVALUATES, KEEPS] {
            let reused = net.forward_in(&mut trace, &x, rows, how);
            assert_eq!(bits(&reused), bits(&net.forward(&x, rows, how)), "graph {number}");
        }
        let weights = draws("weights", 2 * rows);
        let reused = net.gradient_in(&mut trace, (&x, rows), KEEPS, &weights, &|_| true);
        let fresh = net.gradient_in(&mut Trace::default(), (&x, rows), KEEPS, &weights, &|_| true);
        assert_eq!(bits(&reused), bits(&fresh), "graph {number}");
    }
}

/// A maximum over −∞ alone has no place, in a trace that has seen larger images.
/// Catches: a place of an earlier pass, beyond the image.
#[test]
fn a_maximum_of_nothing() {
    let graph = |side: usize| {
        let mut net = Graph::builder("pools", &[1, side, side]);
        let z = net.add("conv", Conv2d { bias: true, ..Conv2d::same(1, 1, 1) }, &[0]);
        net.add("pool", Pool { kind: PoolKind::Max, window: None }, &[z]);
        Net::new(net.build().unwrap(), &[2])
    };
    let mut trace = Trace::default();
    let (large, small) = (graph(9), graph(2));
    let mut x = large.samples(1);
    x[80] = 100.0;
    let mut pass =
        |net: &Net, x: &[f32]| net.gradient_in(&mut trace, (x, 1), KEEPS, &[1.0, 1.0], &|_| true);
    pass(&large, &x);
    let mut net = small;
    net.theta[0] = 1.0;
    pass(&net, &[f32::NEG_INFINITY; 4]);
}
