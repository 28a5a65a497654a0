//! The check-suite that every layer passes, built-in ones and your own.
//!
//! [`layer`] checks a layer on its own: its gradients against central differences of its forward pass,
//! targets that are written and added to, statistics of single samples, threads, and batches. [`Check`]
//! takes more: a definition in double precision, samples of your choice, running statistics that learn.
//!
//! ```
//! use perennial_nn::check;
//! use perennial_nn::layer::{Backward, Forward, Layer, Op, Shapes, Target};
//! use perennial_nn::params::{Init, Parameter};
//!
//! /// y = s ∘ x, with a learnt scale for each number.
//! #[derive(Debug)]
//! struct Scale;
//!
//! impl Layer for Scale {
//!     fn kind(&self) -> &str {
//!         "scale"
//!     }
//!     fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
//!         match inputs {
//!             [[width]] => Ok(vec![Parameter::new("scale", &[*width], Init::Constant(1.0))]),
//!             _ => Err(format!("it reads one vector and was given {inputs:?}")),
//!         }
//!     }
//!     fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
//!         self.parameters(shapes.inputs)?;
//!         Ok(Box::new(Bound(shapes.inputs[0].to_vec())))
//!     }
//! }
//!
//! struct Bound(Vec<usize>);
//!
//! impl Op for Bound {
//!     fn output(&self) -> &[usize] {
//!         &self.0
//!     }
//!     fn forward(&self, call: &mut Forward<'_>) {
//!         let (x, scale) = (call.inputs.get(0), call.parameters.get(0));
//!         let terms = x.iter().zip(scale.iter().cycle());
//!         call.output.iter_mut().zip(terms).for_each(|(y, (x, s))| *y = x * s);
//!     }
//!     fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
//!         let [Some(to)] = inputs else { return };
//!         let terms = call.output_gradient.iter().zip(call.parameters.get(0).iter().cycle());
//!         to.put(&terms.map(|(d, s)| d * s).collect::<Vec<_>>());
//!     }
//!     fn parameter_gradient(&self, _: usize, call: &mut Backward<'_>, mut to: Target<'_>) {
//!         let mut sum = vec![0.0; self.0[0]];
//!         let terms = call.inputs.get(0).iter().zip(&*call.output_gradient);
//!         terms.enumerate().for_each(|(i, (x, d))| sum[i % self.0[0]] += x * d);
//!         to.put(&sum);
//!     }
//! }
//!
//! check::layer(&Scale, &[&[7]])?;
//! # Ok::<(), check::CheckError>(())
//! ```

mod bench;

use rayon::ThreadPoolBuilder;

use self::bench::{Bench, Pass};
use crate::cpu::products::LONG;
use crate::draws::{Generator, Key};
use crate::layer::{Layer, Statistic, size};
use rand::RngExt;

/// What a layer should compute, in double precision: the output `[rows, …]`, samples one after another
/// whatever the layout of the layer.
pub type Definition<'a> = dyn Fn(&Plain) -> Vec<f64> + Sync + 'a;

/// What a [`Definition`] computes from.
#[derive(Clone, Debug)]
pub struct Plain {
    /// Samples.
    pub rows: usize,
    /// Shape of one row of each input.
    pub shapes: Vec<Vec<usize>>,
    /// Each input `[rows, …]`, samples one after another.
    pub inputs: Vec<Vec<f64>>,
    /// The parameters in the layer's order.
    pub parameters: Vec<Vec<f64>>,
    /// The running statistics in the layer's order.
    pub buffers: Vec<Vec<f64>>,
    /// Whether the pass uses the batch's own statistics and not the running ones.
    pub learns: bool,
}

/// A layer under check.
pub struct Check<'a> {
    /// The layer.
    pub layer: &'a dyn Layer,
    /// Shape of one row of each input. Small ones: central differences pass forward twice for each number.
    pub inputs: Vec<Vec<usize>>,
    /// Samples of the passes whose gradients are checked.
    pub rows: usize,
    /// Each input `[rows, …]`, samples one after another. By default drawn at a distance of at least ¼
    /// from 0, where many activations have a kink.
    pub samples: Option<Vec<Vec<f32>>>,
    /// Whether the layer has a gradient by its inputs; token numbers have none.
    pub differentiable: bool,
    /// Whether its first input is the data, whose rows may be mostly zeros.
    pub reads_data: bool,
    /// Whether running statistics follow the data.
    pub learns: bool,
    /// The key of random draws.
    pub key: Option<u64>,
    /// What the layer should compute. Without one, its gradients are compared with central differences of
    /// its own forward pass, which single precision makes less exact.
    pub definition: Option<&'a Definition<'a>>,
}

/// Why a layer does not pass: a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the layer `{layer}` over {inputs:?} does not pass: {found}")]
pub struct CheckError {
    /// Its kind.
    pub layer: String,
    /// Shapes of its inputs.
    pub inputs: Vec<Vec<usize>>,
    /// What was found and what was expected.
    pub found: String,
}

/// Checks a layer over inputs of these shapes of one row.
///
/// # Errors
///
/// The first check that it does not pass.
pub fn layer(layer: &dyn Layer, inputs: &[&[usize]]) -> Result<(), CheckError> {
    Check::new(layer, inputs).run()
}

/// The difference that single precision is allowed, as a share of the largest number of a tensor.
const TOLERANCE: f64 = 1e-5;
/// The same for central differences of a pass in single precision.
const OWN_TOLERANCE: f64 = 1e-3;
/// The step of central differences in double precision: errors of 1e-10 by curvature and by rounding.
const STEP: f64 = 1e-5;
/// The same in single precision, where differences of fourth order have errors of 1e-6 of both kinds.
const OWN_STEP: f64 = 1.0 / 32.0;
/// What targets hold that are added to.
const BEFORE: f32 = 0.5;

impl<'a> Check<'a> {
    /// A check of five samples by the layer's own forward pass.
    pub fn new(layer: &'a dyn Layer, inputs: &[&[usize]]) -> Self {
        Self {
            layer,
            inputs: inputs.iter().map(|shape| shape.to_vec()).collect(),
            rows: 5,
            samples: None,
            differentiable: true,
            reads_data: false,
            learns: false,
            key: None,
            definition: None,
        }
    }

    /// Makes every check.
    ///
    /// # Errors
    ///
    /// The first that the layer does not pass.
    pub fn run(&self) -> Result<(), CheckError> {
        let checks = [
            Self::values,
            Self::gradients,
            Self::memory,
            Self::statistics,
            Self::threads,
            Self::rows,
        ];
        let refuse = |found| CheckError {
            layer: self.layer.kind().into(),
            inputs: self.inputs.clone(),
            found,
        };
        checks.into_iter().try_for_each(|check| check(self)).map_err(refuse)
    }

    /// The forward pass agrees with the definition.
    fn values(&self) -> Result<(), String> {
        let Some(definition) = self.definition else { return Ok(()) };
        let mut bench = Bench::new(self, self.rows)?;
        for keeps in [true, false] {
            let found = bench.forward(Pass { keeps, ..Pass::of(self) });
            agree("the output", &found, &definition(&bench.plain()), TOLERANCE)?;
        }
        Ok(())
    }

    /// Gradients agree with central differences of a random sum of the outputs; targets are written, or
    /// added to.
    fn gradients(&self) -> Result<(), String> {
        let mut bench = Bench::new(self, self.rows)?;
        let y = bench.forward(Pass::of(self));
        let weights = draws("output gradient", y.len());
        let written = bench.backward(&weights, None);
        let added = bench.backward(&weights, Some(BEFORE));
        let tolerance = self.definition.map_or(OWN_TOLERANCE, |_| TOLERANCE);
        let mut plain = bench.plain();
        for (kind, found) in
            [(Kind::Input, &written.inputs), (Kind::Parameter, &written.parameters)]
        {
            if kind == Kind::Input && !self.differentiable {
                continue;
            }
            for (index, found) in found.iter().enumerate() {
                let mut wanted = Vec::with_capacity(found.len());
                for place in 0..found.len() {
                    let mut at = |distance: f64| {
                        let before = kind.of(&plain, index)[place];
                        kind.of_mut(&mut plain, index)[place] = before + distance;
                        let sum = self.weighted_sum(&plain, &weights);
                        kind.of_mut(&mut plain, index)[place] = before;
                        sum
                    };
                    wanted.push(match self.definition {
                        Some(_) => (at(STEP)? - at(-STEP)?) / (2.0 * STEP),
                        None => {
                            let near = at(OWN_STEP)? - at(-OWN_STEP)?;
                            let far = at(2.0 * OWN_STEP)? - at(-2.0 * OWN_STEP)?;
                            (8.0 * near - far) / (12.0 * OWN_STEP)
                        }
                    });
                }
                agree(
                    &format!("the gradient by {} {index}", kind.word()),
                    found,
                    &wanted,
                    tolerance,
                )?;
            }
        }
        for (kind, written, added) in [
            (Kind::Input, &written.inputs, &added.inputs),
            (Kind::Parameter, &written.parameters, &added.parameters),
        ] {
            // A layer that passes on its gradient has no targets for its inputs.
            if kind == Kind::Input && bench.passes_gradient() {
                continue;
            }
            for (index, (written, added)) in written.iter().zip(added).enumerate() {
                let sum: Vec<f64> =
                    written.iter().map(|&g| f64::from(g) + f64::from(BEFORE)).collect();
                let what = format!("the gradient by {} {index}, added to {BEFORE},", kind.word());
                agree(&what, added, &sum, TOLERANCE)?;
            }
        }
        Ok(())
    }

    /// Σ w y in double precision, by the definition or by the layer's own forward pass.
    fn weighted_sum(&self, plain: &Plain, weights: &[f32]) -> Result<f64, String> {
        let sum = |y: &[f64]| y.iter().zip(weights).map(|(y, &w)| y * f64::from(w)).sum();
        if let Some(definition) = self.definition {
            return Ok(sum(&definition(plain)));
        }
        let mut bench = Bench::new(self, self.rows)?;
        bench.set(plain);
        let y = bench.forward(Pass::of(self));
        Ok(sum(&y.into_iter().map(f64::from).collect::<Vec<_>>()))
    }

    /// An output that is written over the input, scratch and outputs of any content change no bit.
    fn memory(&self) -> Result<(), String> {
        let mut bench = Bench::new(self, self.rows)?;
        if !bench.may_overwrite() {
            return Ok(());
        }
        let weights = draws("output gradient", bench.outputs());
        let mut results = [false, true].map(|overwrites| {
            let y = bench.forward(Pass { overwrites, ..Pass::of(self) });
            [vec![y], bench.backward(&weights, None).inputs].concat()
        });
        let [apart, over] = &mut results;
        same_bits("an output that is written over the input", apart, over)
    }

    /// Statistics of single samples are those of passes of one row each; several gradients of one forward
    /// pass add up.
    fn statistics(&self) -> Result<(), String> {
        let fixed = Pass { key: None, learns: false, ..Pass::of(self) };
        let mut bench = Bench::new(self, self.rows)?;
        let deltas = [0, 1].map(|i| draws(&format!("gradient {i}"), bench.outputs()));
        for of in [Statistic::Square, Statistic::Absolute] {
            let mut wanted: Vec<Vec<f64>> = Vec::new();
            for row in 0..self.rows {
                let mut alone = Bench::of_rows(self, row..row + 1)?;
                let width = alone.outputs();
                for delta in &deltas {
                    alone.forward(fixed);
                    let made = alone.backward(&delta[row * width..][..width], None);
                    wanted.resize(made.parameters.len(), Vec::new());
                    for (sums, gradient) in wanted.iter_mut().zip(&made.parameters) {
                        sums.resize(gradient.len(), 0.0);
                        let terms = gradient.iter().map(|&g| match of {
                            Statistic::Square => f64::from(g) * f64::from(g),
                            Statistic::Absolute => f64::from(g.abs()),
                        });
                        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                    }
                }
            }
            // The second time starts from what the first has left.
            for _ in 0..2 {
                bench.forward(fixed);
                let found = bench.statistics(&deltas, of);
                for (index, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                    let found: Vec<f32> = found.iter().map(|&sum| sum as f32).collect();
                    let what = format!("the sum over samples ({of:?}) of parameter {index}");
                    agree(&what, &found, wanted, TOLERANCE)?;
                }
            }
        }
        Ok(())
    }

    /// 1, 2 and 5 threads make the same bits over a batch that is worth several.
    fn threads(&self) -> Result<(), String> {
        let one = Bench::new(self, 1)?;
        let rows = LONG.div_ceil(one.numbers().max(1));
        let results = [1, 2, 5].map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| error.to_string())?;
            pool.install(|| {
                let mut bench = Bench::new(self, rows)?;
                let delta = draws("output gradient", bench.outputs());
                let y = bench.forward(Pass::of(self));
                let made = bench.backward(&delta, None);
                let sums = bench.statistics(&[delta], Statistic::Square);
                let sums = sums.iter().map(|sums| sums.iter().map(|&sum| sum as f32).collect());
                let evaluated = bench.forward(Pass { keeps: false, ..Pass::of(self) });
                let made = made.inputs.into_iter().chain(made.parameters).chain(sums);
                Ok::<_, String>([y, evaluated].into_iter().chain(made).collect::<Vec<_>>())
            })
        });
        let [one, two, five] = results;
        let one = one?;
        same_bits("a pass on 2 threads", &one, &two?)?;
        same_bits("a pass on 5 threads", &one, &five?)
    }

    /// No bit of a row's output depends on the rows beside it where no backward pass follows.
    fn rows(&self) -> Result<(), String> {
        let pass = Pass { keeps: false, key: None, learns: false, overwrites: false };
        let all = Bench::new(self, MANY)?.forward(pass);
        for (first, rows) in [(0, 1), (66, 1), (60, 7), (3, 64), (5, 70)] {
            let mut bench = Bench::of_rows(self, first..first + rows)?;
            let (found, width) = (bench.forward(pass), bench.outputs() / rows);
            let wanted = all[first * width..(first + rows) * width].to_vec();
            same_bits(&format!("a batch of {rows} rows and not {MANY}"), &[wanted], &[found])?;
        }
        Ok(())
    }
}

/// Rows of a large batch: more than a block of any kernel has.
const MANY: usize = 131;

/// Which numbers a gradient is by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Parameter,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Parameter => "parameter",
        }
    }

    fn of(self, plain: &Plain, index: usize) -> &[f64] {
        match self {
            Self::Input => &plain.inputs[index],
            Self::Parameter => &plain.parameters[index],
        }
    }

    fn of_mut(self, plain: &mut Plain, index: usize) -> &mut [f64] {
        match self {
            Self::Input => &mut plain.inputs[index],
            Self::Parameter => &mut plain.parameters[index],
        }
    }
}

/// Numbers from −1 to 1.
fn draws(purpose: &str, len: usize) -> Vec<f32> {
    let mut generator = generator(purpose);
    (0..len).map(|_| generator.random_range(-1.0..1.0)).collect()
}

fn generator(purpose: &str) -> Generator {
    Key::of_seed(1).generator(purpose)
}

/// Whether numbers agree up to a share of the largest.
fn agree(what: &str, found: &[f32], wanted: &[f64], tolerance: f64) -> Result<(), String> {
    if found.len() != wanted.len() {
        return Err(format!("{what} has {} numbers and not {}", found.len(), wanted.len()));
    }
    let largest = wanted.iter().fold(0.0, |largest: f64, wanted| largest.max(wanted.abs()));
    let far = |(&found, &wanted): (&f32, &f64)| {
        let distance = (f64::from(found) - wanted).abs();
        distance.is_nan() || distance > tolerance * largest
    };
    match found.iter().zip(wanted).position(far) {
        None => Ok(()),
        Some(at) => Err(format!(
            "{what} is {} at place {at} of {} where {} is expected (the largest is {largest})",
            found[at],
            found.len(),
            wanted[at]
        )),
    }
}

/// Whether tensors are the same to the bit.
fn same_bits(what: &str, wanted: &[Vec<f32>], found: &[Vec<f32>]) -> Result<(), String> {
    for (tensor, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        let differs = |(a, b): (&f32, &f32)| a.to_bits() != b.to_bits();
        if let Some(at) = wanted.iter().zip(found).position(differs) {
            return Err(format!(
                "{what} changes bits: tensor {tensor} is {:e} at place {at} and not {:e}",
                found[at], wanted[at]
            ));
        }
        if wanted.len() != found.len() {
            return Err(format!("{what} makes {} numbers and not {}", found.len(), wanted.len()));
        }
    }
    Ok(())
}

/// A row's numbers of one input: at a distance of at least ¼ from 0.
fn distant(generator: &mut Generator) -> f32 {
    let size = generator.random_range(0.25..1.25f32);
    if generator.random::<bool>() { size } else { -size }
}

/// Each input of so many rows; given samples are repeated.
fn samples(check: &Check<'_>, rows: std::ops::Range<usize>) -> Vec<Vec<f32>> {
    let one = |(index, shape): (usize, &Vec<usize>)| {
        let len = size(shape);
        let given = match &check.samples {
            Some(samples) => samples[index].clone(),
            None => {
                let mut generator = generator(&format!("input {index}"));
                (0..rows.end * len).map(|_| distant(&mut generator)).collect()
            }
        };
        let row = |row: usize| given.iter().copied().skip(row * len % given.len()).take(len);
        rows.clone().flat_map(row).collect()
    };
    check.inputs.iter().enumerate().map(one).collect()
}
