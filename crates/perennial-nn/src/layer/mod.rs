//! Layers: what a network is made of, each written once.
//!
//! A [`Layer`] is data: a kind and its settings. [`Layer::bind`] makes it an [`Op`], which has shapes
//! and computes. Everything that a learning method asks of a layer follows from two matrices: A, what
//! the layer read, and D, the gradient by its output. A sample has P rows of each: one where a linear
//! layer reads a vector, one a token in a sequence, one a position in an image. The sample's gradient is
//! `G_n = Σ_p a_pᵀ d_p`, the gradient of a batch is `Σ_n G_n`, and statistics of single samples are
//! `h(G_n)`, after the sum over p.
//!
//! # Layouts
//!
//! A value of shape `[channels, height, width]` is stored as `[channels, height, width, rows]`, the
//! samples innermost. A value of any other shape is stored as `[rows, …]`.

mod activation;
mod add;
mod batch_norm;
mod conv2d;
mod dropout;
mod embedding;
mod flatten;
mod lateral;
mod layer_norm;
mod linear;
mod pool;

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use self::activation::{Activation, Nonlinearity};
pub use self::add::Add;
pub use self::batch_norm::BatchNorm;
pub use self::conv2d::Conv2d;
pub use self::dropout::Dropout;
pub(crate) use self::dropout::mix;
pub use self::embedding::Embedding;
pub use self::flatten::Flatten;
pub use self::lateral::{Join, Subsample};
pub use self::layer_norm::LayerNorm;
pub use self::linear::Linear;
pub(crate) use self::linear::{LinearOp, add_statistic};
pub use self::pool::{Pool, PoolKind};
use crate::cpu::sparse::{Aligned, CachedRows, Sparse};
use crate::cpu::{PackedWeights, Workspace};
use crate::params::{Buffer, Parameter};

/// A layer as data: what it is, without weights and without the shape of what it reads.
///
/// A layer of one's own implements this and [`Op`], and is then part of a [`Graph`](crate::Graph) as the
/// built-in ones are.
pub trait Layer: fmt::Debug + Send + Sync {
    /// The word for it in a network's file: `linear`.
    fn kind(&self) -> &str;

    /// Its settings as they stand in a network's file: `outputs = 100`, without those that are at their
    /// defaults.
    fn settings(&self) -> toml::Table {
        toml::Table::new()
    }

    /// The parameters that it needs to read inputs of these shapes.
    ///
    /// # Errors
    ///
    /// A sentence that says which shape it found and which it reads.
    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String>;

    /// Its running statistics, likewise.
    fn buffers(&self, inputs: &[&[usize]]) -> Vec<Buffer> {
        let _ = inputs;
        Vec::new()
    }

    /// The layer with shapes.
    ///
    /// # Errors
    ///
    /// As [`parameters`](Self::parameters).
    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String>;

    /// The same layer with `factor` times as many outputs, at least one; `None` for a layer that has as
    /// many outputs as it reads.
    fn scaled(&self, factor: f64) -> Option<Arc<dyn Layer>> {
        let _ = factor;
        None
    }

    /// Why it cannot be made wider, as the end of a sentence; `None` where it can, or where it follows
    /// what it reads.
    fn fixed_width(&self) -> Option<&str> {
        None
    }

    /// Whether its parameters and buffers are named by itself, and not after its name in the graph.
    fn names_its_own(&self) -> bool {
        false
    }

    /// Whether it draws random numbers in training.
    fn draws(&self) -> bool {
        false
    }

    /// Whether it is computed number by number, so that a stage of a network ends behind it.
    fn is_activation(&self) -> bool {
        false
    }
}

/// A width times a factor, rounded, at least 1.
pub fn scaled_width(width: usize, factor: f64) -> usize {
    ((width as f64 * factor).round() as usize).max(1)
}

/// The shapes that a layer is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Shapes<'a> {
    /// One row of each input.
    pub inputs: &'a [&'a [usize]],
    /// Its parameters as a view has them: narrower or wider than [`Layer::parameters`] says, where the
    /// view is.
    pub parameters: &'a [Vec<usize>],
    /// Whether its first input is the data.
    pub reads_data: bool,
}

/// A layer with shapes: it computes.
pub trait Op: Send + Sync {
    /// The shape of one row of its output.
    fn output(&self) -> &[usize];

    /// What its output may be written over, and what `backward` needs.
    fn memory(&self) -> Memory {
        Memory::default()
    }

    /// Arranges parameters for the kernels: once each time they changed.
    fn prepare(&self, parameters: Parameters<'_>, prepared: &mut Prepared) {
        let _ = (parameters, prepared);
    }

    /// Arranges parameters for products of cached rows, which [`cached_sides`](Self::cached_sides) allows.
    fn prepare_cached(&self, parameters: Parameters<'_>, prepared: &mut Prepared) {
        let _ = (parameters, prepared);
    }

    /// Numbers of a row that it reads and makes, where it can compute from [`CachedRows`].
    fn cached_sides(&self) -> Option<(usize, usize)> {
        None
    }

    /// Computes the output. Where it overwrites its first input, the output holds that already.
    fn forward(&self, call: &mut Forward<'_>);

    /// Computes the gradient by each input that asks for one: writes it, or adds it where the target says
    /// so. A layer that [passes on](Memory::passes_gradient) its gradient turns the gradient by its
    /// output into the gradient by every input instead. Gathers what [`parameter_gradient`] needs.
    ///
    /// [`parameter_gradient`]: Self::parameter_gradient
    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]);

    /// Writes or adds the gradient by parameter `index`, after [`backward`](Self::backward).
    fn parameter_gradient(&self, index: usize, call: &mut Backward<'_>, to: Target<'_>) {
        let _ = (index, call, to);
    }

    /// Adds, for each parameter, Σ_n h(G_n) of the rows to the parameter's sums. By default each row goes
    /// forward and backward by itself, which is right for every layer whose rows do not depend on one
    /// another.
    fn sample_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        crate::stats::row_by_row(self, call, of, sums);
    }

    /// Adds what [`sample_statistics`](Self::sample_statistics) set aside, once after the last gradient of
    /// the same rows.
    fn finish_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let _ = (call, of, sums);
    }
}

/// How an [`Op`] uses memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Whether its output may be written over its first input.
    pub overwrites_input: bool,
    /// Whether `backward` turns the gradient by its output, in place, into the gradient by each input.
    pub passes_gradient: bool,
    /// Whether the backward pass reads its output, which no other layer may then write over.
    pub keeps_output: bool,
}

/// What a layer reads in a pass.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) values: &'a [Vec<f32>],
    pub(crate) at: &'a [usize],
    pub(crate) images: &'a [bool],
    /// The data, where it was read before.
    pub(crate) cached: Option<&'a CachedRows>,
}

impl<'a> Inputs<'a> {
    /// Input number `index` of all rows; empty where the output was written over it.
    pub fn get(&self, index: usize) -> &'a [f32] {
        match self.at[index] {
            0 if self.values[0].is_empty() => self.data,
            at => &self.values[at],
        }
    }

    /// The rows of the data, where it is input 0 and was read before; `get` is empty then.
    pub(crate) fn cached(&self) -> Option<&'a CachedRows> {
        self.cached.filter(|_| self.at.first() == Some(&0))
    }

    /// Whether input number `index` is stored with its samples innermost.
    pub fn is_image(&self, index: usize) -> bool {
        self.images[index]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

/// The parameters of a layer.
#[derive(Clone, Copy)]
pub struct Parameters<'a> {
    pub(crate) theta: &'a [f32],
    pub(crate) joined: &'a [f32],
    pub(crate) at: &'a [Place],
}

/// Where the effective numbers of a parameter lie.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Theta(Range<usize>),
    Joined(Range<usize>),
}

impl<'a> Parameters<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The numbers of parameter `index`, blocks joined and masked weights 0.
    pub fn get(&self, index: usize) -> &'a [f32] {
        match &self.at[index] {
            Place::Theta(at) => &self.theta[at.clone()],
            Place::Joined(at) => &self.joined[at.clone()],
        }
    }
}

/// Parameters in the order of a layer's kernels.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    pub(crate) conv: PackedWeights,
    /// The weights as products of cached rows take them.
    pub(crate) aligned: Aligned,
}

/// What a layer sets aside in a forward pass for the backward pass of the same rows.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// Numbers.
    pub floats: Vec<f32>,
    /// Positions.
    pub indices: Vec<u32>,
    /// The key of the draws of the pass.
    pub key: Option<u64>,
    /// What statistics of samples have gathered so far.
    pub statistics: Vec<f32>,
    /// What a layer keeps that is no number of ours, such as the graph of another library.
    pub foreign: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) sparse: Sparse,
    /// D, and what is summed, as products of cached rows take them.
    pub(crate) right: Aligned,
    pub(crate) sums: Aligned,
}

/// Scratch that all layers use one after another.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Numbers, of any value.
    pub floats: Vec<f32>,
    pub(crate) conv: Workspace,
}

/// The running statistics of a layer.
pub struct Running<'a> {
    pub(crate) buffers: Buffers<'a>,
    pub(crate) at: &'a [Range<usize>],
}

/// The running statistics of a network.
pub enum Buffers<'a> {
    /// They are used and stay as they are.
    Fixed(&'a [f32]),
    /// They follow the data.
    Learn(&'a mut [f32]),
}

impl Running<'_> {
    /// The numbers of buffer `index`.
    pub fn get(&self, index: usize) -> &[f32] {
        let at = self.at[index].clone();
        match &self.buffers {
            Buffers::Fixed(buffers) => &buffers[at],
            Buffers::Learn(buffers) => &buffers[at],
        }
    }

    /// The same where they follow the data; `None` where they are fixed.
    pub fn learn(&mut self, index: usize) -> Option<&mut [f32]> {
        match &mut self.buffers {
            Buffers::Fixed(_) => None,
            Buffers::Learn(buffers) => Some(&mut buffers[self.at[index].clone()]),
        }
    }

    /// The same for a pass that does not move them.
    pub fn fixed(&self) -> Running<'_> {
        let buffers = match &self.buffers {
            Buffers::Fixed(buffers) => buffers,
            Buffers::Learn(buffers) => &**buffers,
        };
        Running { buffers: Buffers::Fixed(buffers), at: self.at }
    }

    /// Whether they follow the data.
    pub fn learns(&self) -> bool {
        matches!(self.buffers, Buffers::Learn(_))
    }
}

/// A forward pass through one layer.
pub struct Forward<'a> {
    /// Samples.
    pub rows: usize,
    /// What it reads.
    pub inputs: Inputs<'a>,
    /// Its parameters.
    pub parameters: Parameters<'a>,
    /// The same as its kernels take them.
    pub prepared: &'a Prepared,
    /// Its running statistics.
    pub running: Running<'a>,
    /// The key of its random draws; `None` in a pass that draws nothing.
    pub key: Option<u64>,
    /// Whether a backward pass follows. In a pass without one, a row's output may not depend on the other
    /// rows by a bit.
    pub keeps: bool,
    /// Its output.
    pub output: &'a mut [f32],
    /// What it sets aside.
    pub saved: &'a mut Saved,
    /// Scratch.
    pub scratch: &'a mut Scratch,
}

/// A backward pass through one layer.
pub struct Backward<'a> {
    /// Samples.
    pub rows: usize,
    /// A: what it read.
    pub inputs: Inputs<'a>,
    /// What it made.
    pub output: &'a [f32],
    /// Its parameters.
    pub parameters: Parameters<'a>,
    /// The same as its kernels take them.
    pub prepared: &'a Prepared,
    /// Its running statistics, which do not move.
    pub running: Running<'a>,
    /// D: the gradient by its output.
    pub output_gradient: &'a mut [f32],
    /// What it set aside.
    pub saved: &'a mut Saved,
    /// Scratch.
    pub scratch: &'a mut Scratch,
}

/// Where a gradient goes.
pub struct Target<'a> {
    /// The numbers.
    pub values: &'a mut [f32],
    /// Whether what they hold is added to.
    pub add: bool,
}

impl Target<'_> {
    /// Writes or adds numbers that are made.
    pub fn put(&mut self, from: &[f32]) {
        match self.add {
            true => self.values.iter_mut().zip(from).for_each(|(to, from)| *to += from),
            false => self.values.copy_from_slice(from),
        }
    }
}

/// h: what is summed over samples of each number of a sample's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Its square.
    Square,
    /// Its absolute value.
    Absolute,
}

impl Statistic {
    /// h of a number.
    #[inline(always)]
    pub fn of(self, g: f32) -> f32 {
        match self {
            Self::Square => g * g,
            Self::Absolute => g.abs(),
        }
    }
}

/// Sums over samples, a number for each number of a parameter.
pub type Sums<'a> = &'a mut [f64];

/// The numbers of one row of a shape.
pub(crate) fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The one input of a layer that reads one.
pub(crate) fn single<'a>(inputs: &[&'a [usize]]) -> Result<&'a [usize], String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("it reads one input and was given {}", inputs.len())),
    }
}

/// The same where it must be an image.
pub(crate) fn image(inputs: &[&[usize]]) -> Result<[usize; 3], String> {
    match single(inputs)? {
        &[channels, height, width] => Ok([channels, height, width]),
        shape => Err(format!("it reads images [channels, height, width] and was given {shape:?}")),
    }
}
