//! A plain Burn module, as you would write it anyway, as a network of Perennial.
//!
//! ```text
//! cargo run --release -p perennial --features burn --example your_own_network
//! ```

#![allow(clippy::print_stdout)] // an example speaks to who runs it

use std::error::Error;
use std::sync::Arc;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Device, Tensor};
use perennial::learner::{Stop, Training};
use perennial::network::burn::{Trunk, module};
use perennial::scenario::{Benchmark, Options};
use perennial::strategies::Entry;
use perennial::{Learner, Setting};

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
    let network = module("mine", MyNetwork::new(&device), [1, 8, 8])?;

    let digits = Arc::new(perennial::data::digits()?);
    let (benchmark, _) = Benchmark::parse("rotated-digits")?;
    let options = Options { tasks: Some(3), ..Options::default() };
    let stream = benchmark.build(&digits, &options, 0)?;

    let strategy = Entry::find("finetune").ok_or("the registry has fine-tuning")?;
    let strategy = strategy.create(&serde_json::json!({}))?;
    let training = Training { epochs: 2, batch: 32, lr: 0.05, ..Training::default() };
    let mut learner = Learner::new(network, strategy, training, Setting::Domain, &stream, 0)?;

    println!("{} weights in θ:", learner.core.model.theta.len());
    for slot in learner.core.model.layout.slots() {
        println!("  {:28} {:?}", slot.name, slot.shape);
    }
    learner.run(&stream, &mut (), &Stop::default())?;
    for (after, row) in learner.core.accuracy.rows().iter().enumerate() {
        let row: Vec<_> = row.iter().flatten().map(|share| format!("{share:.3}")).collect();
        println!("after {after} tasks: {}", row.join("  "));
    }
    Ok(())
}
