//! Two-dimensional convolutions on the CPU: the forward pass, the gradient by the input and the
//! gradient by the weights, over plain slices of `f32`.
//!
//! ```
//! use perennial_nn::{Conv2d, Conv2dShape, PackedWeights, Size, Workspace, to_batch_last};
//!
//! // One channel of 3x3 pixels, one filter of 2x2 that adds up what it reads.
//! let shape = Conv2dShape::new(1, 1, Size::square(2), Size::square(3));
//! let conv = Conv2d::new(shape)?;
//! let mut weights = PackedWeights::new();
//! conv.pack(&[1.0; 4], &mut weights)?;
//!
//! // Two samples: the numbers 1 to 9, and ones.
//! let samples = [1., 2., 3., 4., 5., 6., 7., 8., 9., 1., 1., 1., 1., 1., 1., 1., 1., 1.];
//! let mut input = [0.0; 18];
//! to_batch_last(&samples, 2, &mut input)?;
//!
//! let mut workspace = Workspace::new();
//! let mut output = [0.0; 8];
//! conv.forward(&input, &weights, None, &mut output, &mut workspace)?;
//! assert_eq!(output, [12., 4., 16., 4., 24., 4., 28., 4.]); // [channel, row, column, sample]
//! # Ok::<(), perennial_nn::ConvError>(())
//! ```
//!
//! # Layouts
//!
//! | what | layout |
//! | --- | --- |
//! | activations and their gradients | `[channels, height, width, rows]`: the samples of the batch are innermost |
//! | weights and their gradient | `[outputs, inputs / groups, kernel height, kernel width]` |
//!
//! Registers run along the width and the batch, so that 20 or 40 channels cost no more than their
//! share and small maps fill registers with samples. [`to_batch_last`] and [`to_batch_first`] convert
//! from and to `[rows, channels, height, width]`.
//!
//! # Kernels
//!
//! Convolutions are computed directly: a tile of output channels by registers stays in registers while it
//! sums over input channels and filter taps. It reads a strip, a copy in the cache of what its registers
//! read, that all output channels share. [`Algorithm::Winograd`] needs fewer products for filters of
//! 3x3. The instruction set
//! (AVX-512, AVX2, NEON, or portable code) is chosen at run time; [`InstructionSet`] names those
//! that a machine has. There is no unsafe code in this crate.
//!
//! # Determinism
//!
//! Which kernel and which tile computes a layer depends on its shape, algorithm and instruction set, never on
//! the batch or on threads. So a sample's output and its gradient by the input have the same bits
//! alone and in any batch, and every result has the same bits on any number of threads.
#![forbid(unsafe_code)]

pub mod check;
mod cpu;
pub mod draws;
mod executable;
mod graph;
pub mod layer;
pub mod loss;
mod networks;
pub mod params;
mod parse;
mod profile;
mod stats;
mod trace;
mod view;

pub use crate::cpu::sparse::CachedRows;
pub use crate::cpu::{
    Algorithm, Conv2d, Conv2dShape, ConvError, InstructionSet, PackedWeights, Size, Workspace,
    to_batch_first, to_batch_last,
};
pub use crate::executable::{Executable, Weights};
pub use crate::graph::{Graph, GraphBuilder, GraphError, Node, Stage};
pub use crate::networks::{CNN, cnn, mlp, resnet18, resnet32};
pub use crate::params::rows;
pub use crate::parse::{LIST, NetworkError, parse};
pub use crate::profile::Profile;
pub use crate::stats::SampleStatistics;
pub use crate::trace::{Gradients, Places, Run, Trace};
pub use crate::view::{Column, Head, Lateral, LateralKind, Statistics, View};
