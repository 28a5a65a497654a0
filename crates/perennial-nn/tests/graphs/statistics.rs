//! Statistics of single samples through whole networks, against passes of one row each.

use perennial_nn::layer::{
    Activation, Add, Conv2d, Embedding, Flatten, LayerNorm, Linear, Nonlinearity, Statistic,
};
use perennial_nn::params::Start;
use perennial_nn::{Graph, SampleStatistics, Trace, cnn, mlp, resnet18};

use crate::net::{KEEPS, Net, assert_near, draws};

/// Σ over rows and gradients of h of the gradients of passes of one row.
fn one_by_one(net: &Net, x: &[f32], rows: usize, deltas: &[Vec<f32>], of: Statistic) -> Vec<f64> {
    let (mut sums, len) = (vec![0.0; net.theta.len()], x.len() / rows);
    for (row, x) in x.chunks(len).enumerate() {
        for delta in deltas {
            let delta = &delta[row * net.units()..][..net.units()];
            let gradient = net.gradient(x, 1, KEEPS, delta, &|_| true);
            for (sum, g) in sums.iter_mut().zip(gradient.into_iter().map(f64::from)) {
                *sum += if of == Statistic::Square { g * g } else { g.abs() };
            }
        }
    }
    sums
}

fn assert_statistics(net: &Net, x: &[f32], rows: usize) {
    let (executable, mut moved) = (net.executable(), net.buffers.clone());
    let deltas = [0, 1, 2].map(|i| draws(&format!("gradient {i}"), rows * net.units()));
    for of in [Statistic::Square, Statistic::Absolute] {
        let mut statistics = SampleStatistics::new(&executable, of);
        let mut trace = Trace::default();
        net.run(&executable, &mut moved, KEEPS, |run| {
            // Two batches, of which each has all gradients and ends once.
            for batch in [0..rows / 2, rows / 2..rows] {
                let len = x.len() / rows;
                trace.input = x[batch.start * len..batch.end * len].to_vec();
                executable.forward(batch.len(), run, &mut trace);
                for delta in &deltas {
                    let own = batch.start * net.units()..batch.end * net.units();
                    trace.logits_gradient.copy_from_slice(&delta[own]);
                    statistics.add(&executable, run, &mut trace);
                }
                statistics.finish(&executable, run, &mut trace);
            }
        });
        let mut totals = vec![0.0; net.theta.len()];
        statistics.add_to(&executable, &net.layout, &mut totals);
        let wanted = one_by_one(net, x, rows, &deltas, of);
        for slot in net.layout.slots() {
            let found: Vec<f32> = totals[slot.range()].iter().map(|&sum| sum as f32).collect();
            let what = format!("{} {of:?} {:?}", slot.name, slot.shape);
            assert_near(&what, &found, &wanted[slot.range()], 2e-5);
        }
    }
}

/// Catches: positions taken for samples, a layer whose statistics are left out, gradients of an earlier
/// batch that count again.
#[test]
fn of_networks_with_names() {
    for graph in [
        mlp(&[9], &[8, 17], Start::Torch).unwrap(),
        cnn([2, 6, 5], [3, 2, 4]).unwrap(),
        resnet18([1, 5, 5], 1).unwrap(),
    ] {
        let net = Net::new(graph, &[2, 3]);
        assert_statistics(&net, &net.samples(7), 7);
    }
}

/// Catches: squares taken before the uses of a token, a position or a value are added up.
#[test]
fn of_sequences() {
    let mut net = Graph::builder("sequence", &[5]);
    let x = net.add("embedding", Embedding { tokens: 7, width: 4 }, &[0]);
    let x = net.add("norm", LayerNorm, &[x]);
    let z = net.add("first", Linear::new(6, Start::Torch), &[x]);
    let z = net.add("gelu", Activation(Nonlinearity::Gelu), &[z]);
    let z = net.add("second", Linear { bias: false, ..Linear::new(4, Start::Torch) }, &[z]);
    // One value twice, and a shortcut.
    let z = net.add("add", Add, &[z, x, z]);
    net.add("flatten", Flatten, &[z]);
    let net = Net::new(net.build().unwrap(), &[3]);
    let tokens = [
        [0., 3., 3., 6., -1.],
        [1., 1., 1., 1., 1.],
        [-1., -1., -1., -1., -1.],
        [2., 5., 4., 2., 5.],
    ];
    let x = tokens.concat();
    assert_statistics(&net, &x, 4);
    // What is padding adds nothing to any token.
    let padding = [-1.0; 10];
    let deltas = [draws("padding", 6)];
    let sums = one_by_one(&net, &padding, 2, &deltas, Statistic::Square);
    assert!(sums[..28].iter().all(|&sum| sum == 0.0));
}

#[test]
fn of_grouped_convolutions() {
    let mut net = Graph::builder("grouped", &[4, 5, 4]);
    let z = net.add("depthwise", Conv2d { groups: 4, bias: true, ..Conv2d::same(4, 3, 1) }, &[0]);
    let z = net.add("tanh", Activation(Nonlinearity::Tanh), &[z]);
    let y = net.add("pointwise", Conv2d { bias: true, ..Conv2d::same(4, 1, 1) }, &[z]);
    let z = net.add("add", Add, &[y, z]);
    net.add("pool", perennial_nn::layer::Pool::GLOBAL, &[z]);
    let net = Net::new(net.build().unwrap(), &[3]);
    assert_statistics(&net, &net.samples(40), 40);
}
