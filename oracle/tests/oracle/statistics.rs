//! Statistics of single samples: one backward pass of the definition a sample.

use perennial::network::parse;
use perennial::{Model, SlotId};
use perennial_nn::layer::{Buffers, Statistic};
use perennial_nn::{Executable, Graph, Run, SampleStatistics, Trace, Weights};

use crate::definition::{Definition, tensor};
use crate::networks::Network;
use crate::support::{UNITS, agree, draws, functional, images, moved};

/// Samples.
pub(crate) const ROWS: usize = 6;
/// Gradients by the logits of one forward pass.
pub(crate) const SEEDS: usize = 2;

/// Σ_n h of the sample's gradient, of `SEEDS` functionals of the logits. `[θ]`
pub(crate) fn of_samples(network: &Graph, model: &Model, of: Statistic) -> Vec<f32> {
    let view = model.shared_view(0);
    let executable =
        Executable::new(network, &model.layout, &model.buffer_layout, &view, &model.heads).unwrap();
    let mut weights = Weights::default();
    executable.load(&model.layout, &model.theta, None, &mut weights);
    let mut trace = Trace::default();
    trace.input = images(network, ROWS);
    let buffers = Buffers::Fixed(&model.buffers);
    let (theta, weights, heads) = (&model.theta, &weights, &[0][..]);
    let mut run = Run { theta, weights, buffers, heads, key: None, keeps: true, cached: None };
    executable.forward(ROWS, &mut run, &mut trace);
    let mut statistics = SampleStatistics::new(&executable, of);
    for seed in 0..SEEDS {
        trace.logits_gradient.copy_from_slice(&xi(seed));
        statistics.add(&executable, &run, &mut trace);
    }
    statistics.finish(&executable, &run, &mut trace);
    let mut sums = vec![0.0; model.theta.len()];
    statistics.add_to(&executable, &model.layout, &mut sums);
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The gradient by the logits of this number. `[ROWS, UNITS]`
pub(crate) fn xi(seed: usize) -> Vec<f32> {
    match seed {
        0 => functional(ROWS),
        _ => draws(&format!("functional {seed}"), ROWS * UNITS),
    }
}

/// Catches: h before the sum over a sample's positions, a sample that is mixed with its neighbours, a
/// second gradient of the same pass left out, biases, γ and β counted by position.
#[test]
fn statistics_are_those_of_one_pass_a_sample() {
    for (spec, input) in [
        ("mlp:13x9", [1, 5, 5]),
        ("cnn:3x4x6", [2, 8, 8]),
        ("resnet18:4", [3, 9, 7]),
        ("resnet32:3", [1, 8, 8]),
    ] {
        let network = parse(spec, input).unwrap();
        let model = moved(&network);
        let all = images(&network, ROWS);
        let width = all.len() / ROWS;
        let mut wanted = [vec![0.0; model.theta.len()], vec![0.0; model.theta.len()]];
        for (row, seed) in (0..ROWS).flat_map(|row| (0..SEEDS).map(move |seed| (row, seed))) {
            let net = Definition::new(&model, false);
            let [channels, height, width_of] = input;
            let image = tensor(&all[row * width..][..width], [1, channels, height, width_of]);
            let logits = net.linear("head1", Network::of(spec).features(&net, image));
            let (_, gradient) = net.gradient(logits, &xi(seed)[row * UNITS..][..UNITS]);
            for (i, g) in gradient.into_iter().enumerate() {
                wanted[0][i] += g * g;
                wanted[1][i] += g.abs();
            }
        }
        let slots: Vec<SlotId> = (0..model.layout.slots().len()).map(SlotId).collect();
        for (of, wanted) in [Statistic::Square, Statistic::Absolute].into_iter().zip(&wanted) {
            let found = of_samples(&network, &model, of);
            agree(&format!("{spec} {of:?}"), &model, &slots, &found, wanted);
        }
    }
}
