//! Weights on the device: leaves of the graph, and their gradients back on the host.

use std::any::Any;

use burn::tensor::{Device, Gradients, Tensor, TensorData};

/// The weights of one forward pass, in the order of [`Network::parameters`].
///
/// [`Network::parameters`]: super::Network::parameters
#[derive(Default)]
pub struct Weights {
    leaves: Vec<Leaf>,
}

/// One tensor of a rank known at run time.
struct Leaf {
    tensor: Box<dyn Any>,
    rank: usize,
}

/// Calls the function with the leaf's tensor, whatever its rank.
macro_rules! with_rank {
    ($leaf:expr, |$tensor:ident| $body:expr) => {
        match $leaf.rank {
            1 => $leaf.tensor.downcast_ref::<Tensor<1>>().map(|$tensor| $body),
            2 => $leaf.tensor.downcast_ref::<Tensor<2>>().map(|$tensor| $body),
            3 => $leaf.tensor.downcast_ref::<Tensor<3>>().map(|$tensor| $body),
            4 => $leaf.tensor.downcast_ref::<Tensor<4>>().map(|$tensor| $body),
            _ => $leaf.tensor.downcast_ref::<Tensor<5>>().map(|$tensor| $body),
        }
    };
}

impl Weights {
    /// The weights of parameter `index`, of its rank `D`.
    ///
    /// # Panics
    ///
    /// When the parameter does not exist or has another rank: a defect of the network.
    pub fn get<const D: usize>(&self, index: usize) -> Tensor<D> {
        let leaf = &self.leaves[index];
        match leaf.tensor.downcast_ref::<Tensor<D>>() {
            Some(tensor) => tensor.clone(),
            None => panic!("parameter {index} has rank {}, the network asks for {D}", leaf.rank),
        }
    }

    /// How many parameters.
    pub(crate) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Appends a parameter of `shape` (rank 1 to 5); a tracked one will have a gradient.
    pub(crate) fn push(&mut self, values: Vec<f32>, shape: &[usize], device: &Device, track: bool) {
        fn leaf<const D: usize>(data: TensorData, device: &Device, track: bool) -> Box<dyn Any> {
            let tensor = Tensor::<D>::from_data(data, device);
            Box::new(if track { tensor.require_grad() } else { tensor })
        }
        let data = TensorData::new(values, shape.to_vec());
        let tensor = match shape.len() {
            1 => leaf::<1>(data, device, track),
            2 => leaf::<2>(data, device, track),
            3 => leaf::<3>(data, device, track),
            4 => leaf::<4>(data, device, track),
            _ => leaf::<5>(data, device, track),
        };
        self.leaves.push(Leaf { tensor, rank: shape.len() });
    }

    /// Takes the gradient of parameter `index` out of `gradients`; `None` when the loss does
    /// not depend on it.
    pub(crate) fn take_gradient(
        &self,
        index: usize,
        gradients: &mut Gradients,
    ) -> Option<TensorData> {
        with_rank!(self.leaves[index], |tensor| tensor
            .grad_remove(gradients)
            .map(Tensor::into_data))
        .flatten()
    }
}
