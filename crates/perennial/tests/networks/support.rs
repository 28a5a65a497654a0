//! What the tests of networks share.

use std::sync::Arc;

use perennial::draws::Key;
use perennial::network::{Graph, Init, parse};
use perennial::{
    Among, Engine, Frozen, Logits, Mode, Model, Outputs, Pass, SlotId, Target, Term, Vector, View,
    Workspace,
};

/// Output units of the models under test.
pub(crate) const UNITS: usize = 5;

/// The networks under test, small, over images of 3×8×8.
pub(crate) fn networks() -> Vec<Arc<Graph>> {
    let input = [3, 8, 8];
    let specs = ["mlp:13x9", "cnn:4x6x10", "resnet18:2", "resnet32:1"];
    specs.iter().map(|spec| parse(spec, input).unwrap()).collect()
}

/// Standard normal numbers of this name.
pub(crate) fn draws(name: &str, len: usize) -> Vec<f32> {
    Init::Normal { sd: 1.0 }.draw(len, &mut Key::of_seed(1).generator(name))
}

/// Images for this network, `[rows, inputs]`.
pub(crate) fn images(network: &Graph, rows: usize) -> Vec<f32> {
    draws("images", rows * network.input().iter().product::<usize>())
}

/// A model of one column and one head, all weights and buffers as they start.
pub(crate) fn fresh(network: &Arc<Graph>, units: usize) -> (Engine, Model) {
    let mut model = Model::default();
    model.append_column(network.as_ref(), 1);
    model.append_head(network.features(), units, 1);
    model.outputs.push(Outputs { units: (0..units as u32).collect(), among: Among::All });
    (Engine::new(network.clone()), model)
}

/// The same moved off the start, so that no bias is zero and no statistic neutral.
pub(crate) fn moved(network: &Arc<Graph>, units: usize) -> (Engine, Model) {
    let (engine, mut model) = fresh(network, units);
    let noise = draws("weights", model.theta.len());
    for (weight, noise) in model.theta.iter_mut().zip(noise) {
        *weight += 0.1 * noise;
    }
    let noise = draws("buffers", model.buffers.len());
    for (value, noise) in model.buffers.iter_mut().zip(noise) {
        *value += 0.1 * noise.abs();
    }
    (engine, model)
}

/// Half the squared logits of `rows` images, a loss that reaches every unit.
pub(crate) fn half_squares(network: &Graph, rows: usize, mode: Mode) -> Pass {
    let weight = 1.0 / rows as f32;
    let terms = vec![Term { rows: 0..rows, active: 0..UNITS, weight, target: Target::HalfSquare }];
    Pass { inputs: images(network, rows), rows, mode, terms }
}

/// The gradient where nothing is frozen: every slot takes part. The model's buffers move.
pub(crate) fn gradient(
    engine: &Engine,
    model: &mut Model,
    view: &View,
    pass: Pass,
) -> (f64, Vector) {
    let mut gradient = Vector::zeros(model.theta.len());
    let (frozen, workspace) = (Frozen::default(), &mut Workspace::default());
    let (computed, active) =
        engine.gradient(workspace, model, (view, &frozen), vec![pass], &mut gradient).unwrap();
    assert_eq!(active, (0..model.layout.slots().len()).map(SlotId).collect::<Vec<_>>());
    (computed.loss, gradient)
}

/// The answers of a fresh workspace.
pub(crate) fn answers(
    engine: &Engine,
    model: &Model,
    view: &View,
    inputs: &[f32],
    rows: usize,
) -> Logits {
    engine.logits(&mut Workspace::default(), model, view, inputs, rows).unwrap()
}

/// All logits, bit by bit.
pub(crate) fn bits(logits: &Logits, units: usize) -> Vec<Vec<u32>> {
    let row = |row| logits.row(row, &(0..units)).unwrap().iter().map(|z| z.to_bits()).collect();
    (0..logits.rows()).map(row).collect()
}
