//! A layer of your own, in a network of your own: y = s · max(x, 0)² with a learnt scale s, between layers
//! that there are. The check-suite of the built-in layers takes it first; then four methods learn with it.
//!
//! ```console
//! $ cargo run --release -p perennial --example your_own_layers
//! ```

#![allow(clippy::print_stdout)] // an example speaks to who runs it

use std::error::Error;
use std::sync::Arc;

use perennial::Setting;
use perennial::learner::{Learner, Stop, Training};
use perennial::network::layer::{Backward, Forward, Layer, Linear, Op, Shapes, Target};
use perennial::network::{Graph, GraphError, Init, Parameter, Start, check};
use perennial::scenario::{Benchmark, Options};
use perennial::strategies::Entry;

/// The layer as data: what it needs for what it reads.
#[derive(Debug)]
struct SquaredRelu;

impl Layer for SquaredRelu {
    fn kind(&self) -> &str {
        "squared_relu"
    }

    fn parameters(&self, _: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        Ok(vec![Parameter::new("scale", &[1], Init::Constant(1.0))])
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        Ok(Box::new(Bound(shapes.inputs[0].to_vec())))
    }
}

/// The layer with shapes: what it computes.
struct Bound(Vec<usize>);

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.0
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let scale = call.parameters.get(0)[0];
        let numbers = call.output.iter_mut().zip(call.inputs.get(0));
        numbers.for_each(|(y, x)| *y = scale * x.max(0.0).powi(2));
    }

    /// ∂y/∂x = 2 s max(x, 0)
    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        let scale = call.parameters.get(0)[0];
        let numbers = call.inputs.get(0).iter().zip(&*call.output_gradient);
        to.put(&numbers.map(|(x, d)| d * 2.0 * scale * x.max(0.0)).collect::<Vec<_>>());
    }

    /// ∂y/∂s = max(x, 0)²
    fn parameter_gradient(&self, _: usize, call: &mut Backward<'_>, mut to: Target<'_>) {
        let numbers = call.inputs.get(0).iter().zip(&*call.output_gradient);
        to.put(&[numbers.map(|(x, d)| d * x.max(0.0).powi(2)).sum()]);
    }
}

/// Two hidden layers of these widths. Laterals of `pnn` attach where stages are marked.
fn network(widths: [usize; 2]) -> Result<Graph, GraphError> {
    let mut net = Graph::builder("mine", &[64]);
    let mut value = 0;
    for (i, width) in widths.into_iter().enumerate() {
        let z = net.add(&format!("dense{}", i + 1), Linear::new(width, Start::Xavier), &[value]);
        net.stage(&format!("dense{}", i + 1), z);
        value = net.add(&format!("squared{}", i + 1), SquaredRelu, &[z]);
    }
    net.build()
}

fn main() -> Result<(), Box<dyn Error>> {
    check::layer(&SquaredRelu, &[&[5]])?;
    println!("the layer passes the check-suite");
    let digits = Arc::new(perennial::data::digits()?);
    let (benchmark, _) = Benchmark::parse("permuted-digits")?;
    let options = Options { tasks: Some(3), samples_per_task: Some(1000), validation: 0.1 };
    let stream = benchmark.build(&digits, &options, 0)?;
    for name in ["finetune", "ewc", "pnn", "packnet", "cpg"] {
        let network = Arc::new(network([40, 30])?);
        let strategy = Entry::find(name).ok_or("no such strategy")?;
        let strategy = strategy.create(&serde_json::json!({}))?;
        let training = Training { epochs: 4, lr: 0.02, ..Training::default() };
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
