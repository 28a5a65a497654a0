//! Kernels over slices: products, convolutions, sparse rows.

pub(crate) mod conv2d;
mod correlation;
mod geometry;
pub(crate) mod instructions;
mod packing;
pub(crate) mod products;
mod residue;
pub(crate) mod sparse;
mod strips;
mod tile;
pub(crate) mod transpose;
mod weight_gradient;
mod winograd;
mod workspace;

pub use conv2d::{Algorithm, Conv2d};
pub use geometry::{Conv2dShape, ConvError, Size};
pub use instructions::InstructionSet;
pub use packing::PackedWeights;
pub use transpose::{to_batch_first, to_batch_last};
pub use workspace::Workspace;
