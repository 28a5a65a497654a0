//! Times the convolutions of the reduced ResNet-18: forward pass, gradient by the input and gradient
//! by the weights, in GFLOP/s.
//!
//! ```text
//! cargo run --release -p perennial-nn --example conv_speed -- [THREADS [ALGORITHM [INSTRUCTION SET]]]
//! ```
//!
//! The algorithm is `direct` or `winograd`, which computes the layers that it is of use to.
//!
//! ```text
//! cargo run --release -p perennial-nn --example conv_speed -- 2 winograd
//! ```
//!
//! Each figure is the best of the repetitions of a tenth of a second, with one thread in wall time,
//! caches warm. A layer counts 2 operations for each multiply-add, whichever pass. `step` is the sum over
//! the layers of the network, each as often as it occurs, with its weights packed once.

#![allow(clippy::print_stdout)] // an example speaks to who runs it

use std::error::Error;
use std::time::{Duration, Instant};

use perennial_nn::{
    Algorithm, Conv2d, Conv2dShape, ConvError, InstructionSet, PackedWeights, Size, Workspace,
};

/// How long a pass is repeated.
const REPEAT: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().map_or(Ok(1), |threads| threads.parse::<usize>())?;
    let algorithm = match arguments.next().as_deref() {
        None | Some("direct") => Algorithm::Direct,
        Some("winograd") => Algorithm::Winograd,
        Some(name) => return Err(format!("There is no algorithm \"{name}\".").into()),
    };
    let instructions = match arguments.next() {
        None => InstructionSet::best(),
        Some(name) => InstructionSet::available()
            .into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| format!("This machine has no instruction set \"{name}\"."))?,
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    for (width, rows) in [(20, 10), (20, 32), (64, 32)] {
        println!(
            "resnet18:{width}, batch {rows}, {threads} threads, {}, {algorithm:?}: GFLOP/s",
            instructions.name()
        );
        println!(
            "{:>32} {:>8} {:>8} {:>8} {:>8}",
            "layer", "forward", "input", "weights", "pack ms"
        );
        let mut total = Times::default();
        for (times, shape) in resnet18(width) {
            let layer = pool.install(|| {
                let conv = Conv2d::with_instructions(shape, instructions)?;
                time(&conv.with_algorithm(algorithm), rows)
            })?;
            print(&name(&shape), &layer);
            total.add(&layer, times);
        }
        print("step", &total);
        let pass = |time: Duration| time.as_secs_f64() * 1e3;
        let Times { forward, input, weights, pack, .. } = total;
        println!(
            "{:>32} {:8.2} {:8.2} {:8.2} {:8.2} {:8.2} together\n",
            "ms",
            pass(forward),
            pass(input),
            pass(weights),
            pass(pack),
            pass(forward + input + weights + pack)
        );
    }
    Ok(())
}

/// Seconds of each pass.
#[derive(Default)]
struct Times {
    operations: f64,
    forward: Duration,
    input: Duration,
    weights: Duration,
    pack: Duration,
}

impl Times {
    fn add(&mut self, layer: &Self, times: u32) {
        self.operations += layer.operations * f64::from(times);
        self.forward += layer.forward * times;
        self.input += layer.input * times;
        self.weights += layer.weights * times;
        self.pack += layer.pack * times;
    }
}

fn print(name: &str, times: &Times) {
    let rate = |time: Duration| times.operations / time.as_secs_f64() / 1e9;
    let [forward, input, weights] = [times.forward, times.input, times.weights].map(rate);
    let pack = times.pack.as_secs_f64() * 1e3;
    println!("{name:>32} {forward:8.0} {input:8.0} {weights:8.0} {pack:8.3}");
}

fn name(shape: &Conv2dShape) -> String {
    let Conv2dShape { inputs, outputs, kernel, stride, image, .. } = shape;
    format!("{inputs}>{outputs} {kernel} /{} of {image}", stride.height)
}

/// The convolutions of the reduced ResNet-18 on images of 32x32, and how often each occurs.
fn resnet18(width: usize) -> Vec<(u32, Conv2dShape)> {
    let same = |inputs, outputs, side, stride| Conv2dShape {
        stride: Size::square(stride),
        padding: Size::square(1),
        ..Conv2dShape::new(inputs, outputs, Size::square(3), Size::square(side))
    };
    let shortcut = |inputs, outputs, side| Conv2dShape {
        stride: Size::square(2),
        ..Conv2dShape::new(inputs, outputs, Size::square(1), Size::square(side))
    };
    let mut layers = vec![(1, same(3, width, 32, 1)), (4, same(width, width, 32, 1))];
    for (inputs, side) in [(width, 32), (2 * width, 16), (4 * width, 8)] {
        layers.push((1, same(inputs, 2 * inputs, side, 2)));
        layers.push((1, shortcut(inputs, 2 * inputs, side)));
        layers.push((3, same(2 * inputs, 2 * inputs, side / 2, 1)));
    }
    layers
}

fn time(conv: &Conv2d, rows: usize) -> Result<Times, ConvError> {
    let shape = *conv.shape();
    let numbers = |len: usize| (0..len).map(|i| (i % 97) as f32 / 97.0 - 0.5).collect::<Vec<_>>();
    let theta = numbers(shape.outputs * shape.inputs * shape.kernel.area());
    let x = numbers(rows * shape.inputs * shape.image.area());
    let dy = numbers(rows * shape.outputs * conv.output().area());
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), theta.clone());
    let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
    Ok(Times {
        operations: 2.0 * (rows * conv.multiply_adds()) as f64,
        pack: best(|| conv.pack(&theta, &mut packed))?,
        forward: best(|| conv.forward(&x, &packed, None, &mut y, &mut workspace))?,
        input: best(|| conv.input_gradient(&dy, &packed, &mut dx, false, &mut workspace))?,
        weights: best(|| conv.weight_gradient(&x, &dy, &mut dw, false, &mut workspace))?,
    })
}

/// The shortest of the runs of a pass.
fn best<E>(mut pass: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    pass()?;
    let start = Instant::now();
    let mut best = Duration::MAX;
    while best == Duration::MAX || start.elapsed() < REPEAT {
        let one = Instant::now();
        pass()?;
        best = best.min(one.elapsed());
    }
    Ok(best)
}
