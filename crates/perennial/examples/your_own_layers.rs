//! A network of your own that says what its layers are, so that columns can be connected layer by
//! layer (pnn) and the network can grow (cpg).
//!
//! ```text
//! h_1 = relu(x W_1 + b_1),  h_2 = tanh(h_1 W_2 + b_2)
//! ```
//!
//! `cargo run --release --example your_own_layers` learns three permutations of the embedded digits
//! with each of the methods that give a task resources of its own.

#![allow(clippy::print_stdout)] // an example speaks to who runs it

use std::error::Error;
use std::sync::Arc;

use burn::tensor::activation::relu;
use perennial::learner::{Stop, Training};
use perennial::network::{
    Activation, Init, Network, NetworkError, Normaliser, Parameter, Stage, Weights,
};
use perennial::scenario::{Benchmark, Options};
use perennial::strategies::Entry;
use perennial::{Learner, Setting};

/// Two dense layers over 8×8 images. It holds widths, no weights.
struct TwoLayers {
    widths: [usize; 2],
}

impl Network for TwoLayers {
    fn spec(&self) -> String {
        format!("two-layers:{}x{}", self.widths[0], self.widths[1])
    }

    fn input(&self) -> [usize; 3] {
        [1, 8, 8]
    }

    /// A weight and a bias a layer. Weights are shared out among tasks (packnet, cpg); parameters
    /// of one dimension are each task's own.
    fn parameters(&self) -> Vec<Parameter> {
        let [first, second] = self.widths;
        let layer = |name: &str, inputs: usize, outputs: usize| {
            let bias = Init::Constant(0.0);
            [
                Parameter::new(format!("{name}.weight"), &[inputs, outputs], Init::he(inputs)),
                Parameter::new(format!("{name}.bias"), &[outputs], bias),
            ]
        };
        [layer("first", 64, first), layer("second", first, second)].concat()
    }

    /// The layers: which parameters are whose, and what each says.
    fn stages(&self) -> Vec<Stage> {
        let stage = |(i, name): (usize, &str)| Stage {
            name: name.into(),
            parameters: 2 * i..2 * i + 2,
            output: vec![self.widths[i]],
        };
        ["first", "second"].into_iter().enumerate().map(stage).collect()
    }

    /// One layer. What other columns add comes before its activation. Shapes are those of the
    /// weights, never of `self`: a grown network runs through the same code.
    fn forward_stage(
        &self,
        stage: usize,
        weights: &Weights,
        _: &mut Normaliser<'_>,
        h: Activation,
        lateral: Option<Activation>,
    ) -> Activation {
        let mut z = weights.dense(2 * stage, h.flat()); // [batch, width]
        if let Some(lateral) = lateral {
            z = z + lateral.flat();
        }
        Activation::Flat(if stage == 0 { relu(z) } else { z.tanh() })
    }

    /// The same with other widths: what lets cpg grow and `independent` be of equal size. What
    /// grows must be appended, so every width may only be a dimension's length.
    fn scaled(&self, factor: f64) -> Result<Arc<dyn Network>, NetworkError> {
        let widths = self.widths.map(|width| ((width as f64 * factor).round() as usize).max(1));
        Ok(Arc::new(Self { widths }))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let digits = Arc::new(perennial::data::digits()?);
    let (benchmark, _) = Benchmark::parse("permuted-digits")?;
    let options = Options { tasks: Some(3), samples_per_task: Some(1000), validation: 0.1 };
    let stream = benchmark.build(&digits, &options, 0)?;
    for name in ["finetune", "pnn", "packnet", "cpg"] {
        let network: Arc<dyn Network> = Arc::new(TwoLayers { widths: [40, 30] });
        let strategy = Entry::find(name).ok_or("no such strategy")?;
        let strategy = strategy.create(&serde_json::json!({}))?;
        let training = Training { epochs: 4, ..Training::default() };
        let mut learner = Learner::new(network, strategy, training, Setting::Task, &stream, 0)?;
        learner.run(&stream, &mut (), &Stop::default())?;
        let r = &learner.core.accuracy;
        println!(
            "{name:9} ACC {:.3}  BWT {:+.3}  {:6} weights",
            r.acc().unwrap_or_default(),
            r.bwt().unwrap_or_default(),
            learner.core.model.theta.len(),
        );
    }
    Ok(())
}
