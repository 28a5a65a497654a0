//! Running statistics: by hand, and when they may move.

use std::sync::Arc;

use perennial::network::{Graph, layer};
use perennial::{Engine, Frozen, Mode, Model, SlotId, Statistics, Vector, Workspace};

use crate::support::{UNITS, answers, fresh, gradient, half_squares, moved, networks};

/// Batch normalisation and nothing else, over images of 2×1×2: γ 2, β 1.
fn only_norm(model: &mut Model) -> Arc<Graph> {
    let mut net = Graph::builder("only-norm", &[2, 1, 2]);
    let z = net.add("norm", layer::BatchNorm, &[0]);
    net.add("flatten", layer::Flatten, &[z]);
    let network = Arc::new(net.build().unwrap());
    *model = fresh(&network, 4).1;
    let gamma = model.layout.slot(SlotId(0)).range();
    model.theta[gamma].fill(2.0);
    let beta = model.layout.slot(SlotId(1)).range();
    model.theta[beta].fill(1.0);
    network
}

/// Two rows of two channels of two pixels. Channel 0 is 1, 2, 3, 6: mean 3, Σ(x − 3)² = 14, so
/// variance 3.5 over four and 14/3 over three numbers. Channel 1 is 5 everywhere.
///
/// Catches: the biased variance kept as the running one, momentum the wrong way round, mean and
/// variance exchanged, statistics over the wrong dimensions, ε left out.
#[test]
fn running_statistics_by_hand() {
    let mut model = Model::default();
    let network = only_norm(&mut model);
    let engine = Engine::new(network.clone());
    let head = model.layout.slot(model.heads[0].weight.blocks[0]).range();
    for (i, weight) in model.theta[head].iter_mut().enumerate() {
        *weight = if i % 5 == 0 { 1.0 } else { 0.0 }; // the identity: logits are the features
    }
    let view = model.shared_view(0);
    let mut pass = half_squares(network.as_ref(), 2, Mode::Train);
    pass.inputs = vec![1.0, 2.0, 5.0, 5.0, 3.0, 6.0, 5.0, 5.0];
    pass.terms[0].active = 0..4;
    let inputs = pass.inputs.clone();
    let near = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-5;

    let mut found = Vector::zeros(model.theta.len());
    let (computed, _) = engine
        .gradient(
            &mut Workspace::default(),
            &mut model,
            (&view, &Frozen::default()),
            vec![pass],
            &mut found,
        )
        .unwrap();
    let row = computed.logits[0].row(1, &(0..4)).unwrap();
    let sd = (3.5f64 + 1e-5).sqrt();
    let expected = [1.0, 2.0 * 3.0 / sd + 1.0, 1.0, 1.0];
    assert!(row.iter().zip(expected).all(|(&z, expected)| near(z, expected)), "{row:?}");

    let expected = [0.1 * 3.0, 0.1 * 5.0, 0.9 + 0.1 * 14.0 / 3.0, 0.9];
    let buffers = &model.buffers;
    assert!(buffers.iter().zip(expected).all(|(&b, expected)| near(b, expected)), "{buffers:?}");

    let answers = answers(&engine, &model, &view, &inputs, 2);
    let expected = 2.0 * (6.0 - 0.3) / (0.9f64 + 1.4 / 3.0 + 1e-5).sqrt() + 1.0;
    assert!(near(answers.row(1, &(0..4)).unwrap()[1], expected));
}

/// Catches: an evaluation pass, or a pass of fixed statistics, that moves the running ones.
#[test]
fn only_learning_passes_move_statistics() {
    let mut networks = networks();
    networks.retain(|network| !network.buffers().is_empty());
    for network in networks {
        let (engine, mut model) = moved(&network, UNITS);
        let view = model.shared_view(0);
        let mut fixed = view.clone();
        fixed.statistics = Statistics::Fixed;
        let pass = |mode| half_squares(network.as_ref(), 6, mode);
        let before = model.buffers.clone();

        answers(&engine, &model, &view, &pass(Mode::Evaluate).inputs, 6);
        gradient(&engine, &mut model, &view, pass(Mode::Evaluate));
        gradient(&engine, &mut model, &fixed, pass(Mode::Train));
        assert!(model.buffers == before, "{}", network.name());

        gradient(&engine, &mut model, &view, pass(Mode::Train));
        let still = model.buffers.iter().zip(before.iter()).filter(|(a, b)| a == b).count();
        assert_eq!(still, 0, "{}", network.name());
    }
}
