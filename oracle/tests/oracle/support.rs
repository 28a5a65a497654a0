//! What the tests share.

use std::ops::Range;
use std::sync::Arc;

use perennial::draws::Key;
use perennial::network::{Graph, Init};
use perennial::{
    Among, Engine, Frozen, Logits, Mode, Model, Outputs, Pass, SlotId, Target, Term, Vector, View,
    Workspace,
};

/// Output units of the models under test.
pub(crate) const UNITS: usize = 5;
/// The difference that is allowed, as a share of the largest number of a tensor.
const TOLERANCE: f64 = 1e-5;

/// Standard normal numbers of this name.
pub(crate) fn draws(name: &str, len: usize) -> Vec<f32> {
    Init::Normal { sd: 1.0 }.draw(len, &mut Key::of_seed(1).generator(name))
}

/// Images for this network, `[rows, inputs]`.
pub(crate) fn images(network: &Graph, rows: usize) -> Vec<f32> {
    draws("images", rows * network.input().iter().product::<usize>())
}

/// ξ of a linear functional of the logits. `[rows, UNITS]`
pub(crate) fn functional(rows: usize) -> Vec<f32> {
    draws("functional", rows * UNITS)
}

/// A model of one column and one head, all weights and buffers as they start.
pub(crate) fn fresh(network: &Graph) -> Model {
    let mut model = Model::default();
    model.append_column(network, 1);
    with_head(&mut model, network);
    model
}

/// Appends the only head.
pub(crate) fn with_head(model: &mut Model, network: &Graph) {
    model.append_head(network.features(), UNITS, 1);
    model.outputs.push(Outputs { units: (0..UNITS as u32).collect(), among: Among::All });
}

/// Moves a model off its start, so that no bias is zero and no statistic neutral.
pub(crate) fn perturb(model: &mut Model) {
    let noise = draws("weights", model.theta.len());
    model.theta.iter_mut().zip(noise).for_each(|(weight, noise)| *weight += 0.1 * noise);
    let noise = draws("buffers", model.buffers.len());
    model.buffers.iter_mut().zip(noise).for_each(|(value, noise)| *value += 0.1 * noise.abs());
}

/// A fresh model, moved.
pub(crate) fn moved(network: &Graph) -> Model {
    let mut model = fresh(network);
    perturb(&mut model);
    model
}

/// A pass of `rows` images whose loss is Σ ξ z.
pub(crate) fn pass(network: &Graph, rows: usize, mode: Mode) -> Pass {
    let target = Target::Linear(functional(rows));
    let terms = vec![Term { rows: 0..rows, active: 0..UNITS, weight: 1.0, target }];
    Pass { inputs: images(network, rows), rows, mode, terms }
}

/// Logits, gradient and the slots it is of; the model's buffers move.
pub(crate) fn gradient(
    network: &Arc<Graph>,
    model: &mut Model,
    view: &View,
    pass: Pass,
) -> (Vec<f32>, Vector, Vec<SlotId>) {
    let (engine, frozen) = (Engine::new(network.clone()), Frozen::default());
    let (mut gradient, mut workspace) = (Vector::zeros(model.theta.len()), Workspace::default());
    let at = (view, &frozen);
    let (computed, active) =
        engine.gradient(&mut workspace, model, at, vec![pass], &mut gradient).unwrap();
    let logits = &computed.logits[0];
    let rows = (0..logits.rows()).flat_map(|row| logits.row(row, &(0..UNITS)).unwrap());
    (rows.copied().collect(), gradient, active)
}

/// The answers of a fresh workspace.
pub(crate) fn answers(
    network: &Arc<Graph>,
    model: &Model,
    view: &View,
    inputs: &[f32],
    rows: usize,
) -> Logits {
    let engine = Engine::new(network.clone());
    engine.logits(&mut Workspace::default(), model, view, inputs, rows).unwrap()
}

/// That two tensors agree up to a share of the largest number.
pub(crate) fn agrees(what: &str, found: &[f32], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let largest = wanted.iter().fold(0.0, |most: f64, wanted| most.max(wanted.abs()));
    let far = found.iter().zip(wanted).map(|(&a, &b)| (f64::from(a) - b).abs());
    let far = far.fold(0.0, |most: f64, far| if far <= most { most } else { far }); // NaN stays
    assert!(far <= TOLERANCE * largest, "{what}: off by {far:e}, the largest is {largest:e}");
}

/// That vectors over θ agree slot by slot.
pub(crate) fn agree(what: &str, model: &Model, slots: &[SlotId], found: &[f32], wanted: &[f64]) {
    for &slot in slots {
        let slot = model.layout.slot(slot);
        let range: Range<usize> = slot.range();
        agrees(&format!("{what} {}", slot.name), &found[range.clone()], &wanted[range]);
    }
}
