//! A plain Burn module, as you would write it anyway, as a network of Perennial.
//!
//! ```text
//! cargo run --release -p perennial --example your_own_network
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Device, Tensor};
use perennial::draws::Key;
use perennial::network::{ModuleNetwork, Network, Trunk};
use perennial::{Among, Engine, Frozen, Model, Outputs, Pass, Vector};
use rand::seq::SliceRandom;

#[derive(Module, Debug)]
struct MyNetwork {
    conv: Conv2d,
    norm: BatchNorm,
    pool: MaxPool2d,
    dense: Linear,
    relu: Relu,
}

impl MyNetwork {
    /// For images of 1×8×8.
    fn new(device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([1, 16], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            norm: BatchNormConfig::new(16).init(device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            dense: LinearConfig::new(16 * 4 * 4, 64).init(device),
            relu: Relu::new(),
        }
    }
}

/// All that Perennial asks: features from images. The output layer is the learner's, which gives
/// each task its own or all of them one.
impl Trunk for MyNetwork {
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.conv.forward(images); // [batch, 16, 8, 8]
        let x = self.relu.forward(self.norm.forward(x));
        let x = self.pool.forward(x).flatten(1, 3); // [batch, 16 · 4 · 4]
        self.relu.forward(self.dense.forward(x)) // [batch, 64]
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex();
    device.seed(1); // the module draws its start from Burn's generator
    let module = MyNetwork::new(&device);
    let network: Arc<dyn Network> = Arc::new(ModuleNetwork::new("mine", module, [1, 8, 8])?);

    let digits = perennial_data::digits()?;
    let white = f32::from(digits.white);
    let scaled = |pixels: &[u8]| pixels.iter().map(|&p| f32::from(p) / white).collect::<Vec<_>>();

    let mut model = Model::default();
    model.append_column(network.as_ref(), 1);
    model.append_head(network.features(), 10, 1);
    model.outputs.push(Outputs { units: (0..10).collect(), among: Among::All });
    let engine = Engine::new(network);
    let view = model.shared_view(0);

    let mut out = std::io::stdout().lock();
    writeln!(out, "{} weights in {} slots:", model.theta.len(), model.layout.slots().len())?;
    for slot in model.layout.slots() {
        writeln!(out, "  {:24} {:?}", slot.name, slot.shape)?;
    }
    let mut gradient = Vector::zeros(model.theta.len());
    let mut order: Vec<_> = (0..digits.train.len()).collect();
    for epoch in 1..=3 {
        let mut loss = 0.0;
        order.shuffle(&mut Key { epoch, ..Key::of_seed(1) }.generator("order"));
        // Exact: a last batch of two rows would make poor statistics.
        for batch in order.chunks_exact(32) {
            let inputs = batch.iter().flat_map(|&i| scaled(digits.train.image(i))).collect();
            let labels = batch.iter().map(|&i| digits.train.labels[i]).collect();
            let pass = Pass::labelled(inputs, labels, 0..10);
            let nothing = Frozen::default();
            let (computed, _) =
                engine.gradient(&mut model, &view, &nothing, vec![pass], &mut gradient)?;
            for (weight, g) in model.theta.iter_mut().zip(gradient.iter()) {
                *weight -= 0.05 * g;
            }
            loss = computed.loss;
        }
        let rows = digits.test.len();
        let logits = engine.logits(&model, &view, scaled(&digits.test.pixels), rows);
        let right = (0..rows).filter(|&row| {
            let of_row = logits.row(row, &(0..10)).unwrap_or(&[]);
            let best = (0..of_row.len()).max_by(|&a, &b| of_row[a].total_cmp(&of_row[b]));
            best == Some(digits.test.labels[row] as usize)
        });
        let accuracy = right.count() as f64 / rows as f64;
        writeln!(out, "epoch {epoch}: last loss {loss:.3}, test accuracy {accuracy:.3}")?;
    }
    Ok(())
}
