//! Weights on the device: leaves of the graph, and their gradients back on the host.

use std::any::Any;
use std::cell::RefCell;

use burn::tensor::module::{conv2d, linear};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::Normaliser;
use super::tape::{Layer, Tape, watched};

/// The weights of one forward pass, in the order of [`Network::parameters`].
///
/// A network that runs its layers by [`dense`](Self::dense), [`conv`](Self::conv) and
/// [`batch_norm`](Self::batch_norm), each parameter once, has fast per-sample importances: the
/// layers tell what they saw. One that takes its weights by [`get`](Self::get) has them by one
/// backward pass a sample.
///
/// [`Network::parameters`]: super::Network::parameters
#[derive(Default)]
pub struct Weights {
    leaves: Vec<Leaf>,
    tape: Option<RefCell<Tape>>,
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
        if let Some(tape) = &self.tape {
            tape.borrow_mut().taken(index);
        }
        self.leaf(index)
    }

    fn leaf<const D: usize>(&self, index: usize) -> Tensor<D> {
        let leaf = &self.leaves[index];
        match leaf.tensor.downcast_ref::<Tensor<D>>() {
            Some(tensor) => tensor.clone(),
            None => panic!("parameter {index} has rank {}, the network asks for {D}", leaf.rank),
        }
    }

    /// A dense layer of weight `index` `[inputs, outputs]` and the bias after it.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get); so do the other layers.
    pub fn dense(&self, index: usize, x: Tensor<2>) -> Tensor<2> {
        let (weight, bias) = (self.leaf::<2>(index), self.leaf::<1>(index + 1));
        let Some(tape) = &self.tape else { return linear(x, weight, Some(bias)) };
        let input = x.clone().inner();
        let (z, zero) = watched(linear(x, weight, Some(bias)));
        let layer = Layer::Dense { weight: index, input, zero };
        tape.borrow_mut().push(layer, [index, index + 1]);
        z
    }

    /// A convolution by weight `index` `[outputs, inputs, kernel, kernel]`, without bias, that
    /// keeps height and width or divides them by `stride`, rounding up (an odd kernel).
    pub fn conv(&self, index: usize, x: Tensor<4>, stride: usize) -> Tensor<4> {
        let weight = self.leaf::<4>(index);
        let kernel = weight.dims()[2];
        let options = ConvOptions::new([stride; 2], [kernel / 2; 2], [1; 2], 1);
        let Some(tape) = &self.tape else { return conv2d(x, weight, None, options) };
        let input = x.clone().inner();
        let (z, zero) = watched(conv2d(x, weight, None, options));
        let layer = Layer::Conv { weight: index, kernel, stride, input, zero };
        tape.borrow_mut().push(layer, [index]);
        z
    }

    /// Batch normalisation with parameter `index` as γ and the one after it as β, over the
    /// buffers `mean` and the one after it, the variance.
    pub fn batch_norm(
        &self,
        index: usize,
        normaliser: &mut Normaliser<'_>,
        x: Tensor<4>,
        mean: usize,
    ) -> Tensor<4> {
        let (gamma, beta) = (self.leaf::<1>(index), self.leaf::<1>(index + 1));
        let Some(tape) = &self.tape else {
            return normaliser.batch_norm(x, gamma, beta, mean, mean + 1);
        };
        let normalised = normaliser.normalised(x.clone().inner(), mean, mean + 1);
        let (z, zero) = watched(normaliser.batch_norm(x, gamma, beta, mean, mean + 1));
        let layer = Layer::Norm { gamma: index, normalised, zero };
        tape.borrow_mut().push(layer, [index, index + 1]);
        z
    }

    /// From now on layers are noted down; what was before is forgotten.
    pub(crate) fn record(&mut self) {
        self.tape = Some(RefCell::default());
    }

    /// What was noted down since [`record`](Self::record).
    pub(crate) fn recorded(&mut self) -> Tape {
        self.tape.take().map(RefCell::into_inner).unwrap_or_default()
    }

    /// Dimensions of parameter `index`.
    pub(crate) fn rank(&self, index: usize) -> usize {
        self.leaves[index].rank
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
