//! What the tests of networks share.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use perennial::draws::Key;
use perennial::network::{Init, ModuleNetwork, Network, Trunk, parse};
use perennial::{
    Among, Engine, Frozen, Logits, Mode, Model, Outputs, Pass, SlotId, Target, Term, Vector, View,
};

/// Output units of the models under test.
pub(crate) const UNITS: usize = 5;

/// The networks under test, small, over images of 3×8×8.
pub(crate) fn networks() -> Vec<Arc<dyn Network>> {
    let input = [3, 8, 8];
    let specs = ["mlp:13x9", "cnn:4x6x10", "resnet18:2"];
    let mut networks: Vec<_> = specs.iter().map(|spec| parse(spec, input).unwrap()).collect();
    networks.push(Arc::new(tiny(input)));
    networks
}

/// Standard normal numbers of this name.
pub(crate) fn draws(name: &str, len: usize) -> Vec<f32> {
    Init::Normal { sd: 1.0 }.draw(len, &mut Key::of_seed(1).generator(name))
}

/// Images for this network, `[rows, inputs]`.
pub(crate) fn images(network: &dyn Network, rows: usize) -> Vec<f32> {
    draws("images", rows * network.input().iter().product::<usize>())
}

/// A model of one column and one head, all weights and buffers as they start.
pub(crate) fn fresh(network: &Arc<dyn Network>, units: usize) -> (Engine, Model) {
    let mut model = Model::default();
    model.append_column(network.as_ref(), 1);
    model.append_head(network.features(), units, 1);
    model.outputs.push(Outputs { units: (0..units as u32).collect(), among: Among::All });
    (Engine::new(network.clone()), model)
}

/// The same moved off the start, so that no bias is zero and no statistic neutral.
pub(crate) fn moved(network: &Arc<dyn Network>, units: usize) -> (Engine, Model) {
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
pub(crate) fn half_squares(network: &dyn Network, rows: usize, mode: Mode) -> Pass {
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
    let frozen = Frozen::default();
    let (computed, active) =
        engine.gradient(model, view, &frozen, vec![pass], &mut gradient).unwrap();
    assert_eq!(active, (0..model.layout.slots().len()).map(SlotId).collect::<Vec<_>>());
    (computed.loss, gradient)
}

/// All logits, bit by bit.
pub(crate) fn bits(logits: &Logits, units: usize) -> Vec<Vec<u32>> {
    let row = |row| logits.row(row, &(0..units)).unwrap().iter().map(|z| z.to_bits()).collect();
    (0..logits.rows()).map(row).collect()
}

/// A plain Burn module of every kind of layer that the adapter must carry.
#[derive(Module, Debug)]
pub(crate) struct Tiny {
    pub(crate) conv: Conv2d,
    pub(crate) norm: BatchNorm,
    pub(crate) dense: Linear,
}

impl Tiny {
    pub(crate) fn new([channels, height, width]: [usize; 3]) -> Self {
        let device = Device::flex();
        Self {
            conv: Conv2dConfig::new([channels, 5], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(&device),
            norm: BatchNormConfig::new(5).init(&device),
            dense: LinearConfig::new(5 * height * width, 7).init(&device),
        }
    }
}

impl Trunk for Tiny {
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.conv.forward(images); // [batch, 5, height, width]
        let x = relu(self.norm.forward(x));
        relu(self.dense.forward(x.flatten(1, 3))) // [batch, 7]
    }
}

/// A network of it.
pub(crate) fn tiny(input: [usize; 3]) -> ModuleNetwork<Tiny> {
    ModuleNetwork::new("tiny", Tiny::new(input), input).unwrap()
}
