//! Layers in Burn's operations, in double precision.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Device, Tensor, TensorData};
use perennial::Model;

/// What flows between stages.
#[derive(Clone)]
pub(crate) enum Value {
    /// `[batch, units]`
    Rows(Tensor<2>),
    /// `[batch, channels, height, width]`
    Maps(Tensor<4>),
}

impl Value {
    pub(crate) fn rows(self) -> Tensor<2> {
        match self {
            Self::Rows(x) => x,
            Self::Maps(x) => x.flatten(1, 3),
        }
    }

    pub(crate) fn maps(self) -> Tensor<4> {
        match self {
            Self::Maps(x) => x,
            Self::Rows(x) => {
                let [batch, units] = x.dims();
                x.reshape([batch, units, 1, 1])
            }
        }
    }
}

/// The weights and statistics of a model, on Burn's autodiff.
pub(crate) struct Definition<'a> {
    pub(crate) model: &'a Model,
    /// θ as one leaf.
    pub(crate) theta: Tensor<1>,
    /// Whether batch normalisation uses the batch's statistics.
    pub(crate) trains: bool,
    /// What running mean and variance are called.
    pub(crate) statistics: [&'static str; 2],
    /// The running statistics after a training pass, by name.
    pub(crate) moved: RefCell<BTreeMap<String, Vec<f64>>>,
}

/// The device of all tensors.
pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

/// A tensor of these numbers in double precision.
pub(crate) fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    let values: Vec<f64> = values.iter().copied().map(f64::from).collect();
    Tensor::from_data(TensorData::new(values, shape), (&device(), DType::F64))
}

/// The numbers of a tensor.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().try_into_vec().unwrap()
}

impl<'a> Definition<'a> {
    pub(crate) fn new(model: &'a Model, trains: bool) -> Self {
        let theta = tensor(&model.theta, [model.theta.len()]).require_grad();
        Self { model, theta, trains, statistics: ["mean", "variance"], moved: RefCell::default() }
    }

    /// The parameter of this name.
    pub(crate) fn weight<const D: usize>(&self, name: &str) -> Tensor<D> {
        let slot = self.model.layout.slots().iter().find(|slot| slot.name == name).unwrap();
        self.theta
            .clone()
            .slice([slot.range()])
            .reshape::<D, _>(<[usize; D]>::try_from(&slot.shape[..]).unwrap())
    }

    /// xW + b.
    pub(crate) fn linear(&self, name: &str, x: Tensor<2>) -> Tensor<2> {
        let bias = self.weight::<1>(&format!("{name}.bias"));
        x.matmul(self.weight(&format!("{name}.weight"))) + bias.unsqueeze()
    }

    /// A convolution by a square filter of odd size without bias, zeros around the image.
    pub(crate) fn conv(&self, name: &str, x: Tensor<4>, stride: usize) -> Tensor<4> {
        let weight = self.weight::<4>(&format!("{name}.weight"));
        let padding = weight.dims()[2] / 2;
        conv2d(x, weight, None, ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1))
    }

    /// γ (x − μ) / √(σ² + ε) + β by channel (Ioffe & Szegedy 2015), ε = 1e-5. In training μ and σ² are the
    /// batch's, σ² biased, and the running ones move by a tenth to μ and the unbiased σ².
    pub(crate) fn batch_norm(&self, name: &str, x: Tensor<4>) -> Tensor<4> {
        let part = |part: &str| self.weight::<1>(&format!("{name}.{part}"));
        let [batch, channels, height, width] = x.dims();
        let names = self.statistics.map(|part| format!("{name}.{part}"));
        let by_channel = |x: Tensor<1>| x.reshape([1, channels, 1, 1]);
        let (mean, variance) = if self.trains {
            let mean = x.clone().mean_dim(0).mean_dim(2).mean_dim(3);
            let square = (x.clone() - mean.clone()).powf_scalar(2.0);
            let variance = square.mean_dim(0).mean_dim(2).mean_dim(3);
            let count = (batch * height * width) as f64;
            self.moves(&names[0], numbers(mean.clone()), 1.0);
            let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
            self.moves(&names[1], numbers(variance.clone()), unbiased);
            (mean, variance)
        } else {
            let running = |name: &String| by_channel(tensor(self.buffer(name), [channels]));
            (running(&names[0]), running(&names[1]))
        };
        (x - mean) / (variance + 1e-5).sqrt() * by_channel(part("gamma")) + by_channel(part("beta"))
    }

    fn buffer(&self, name: &str) -> &[f32] {
        let slots = self.model.buffer_layout.slots();
        &self.model.buffers[slots.iter().find(|slot| slot.name == name).unwrap().range()]
    }

    fn moves(&self, name: &str, to: Vec<f64>, factor: f64) {
        let before = self.buffer(name);
        let terms = before.iter().zip(to).map(|(&b, to)| 0.9 * f64::from(b) + 0.1 * factor * to);
        self.moved.borrow_mut().insert(name.into(), terms.collect());
    }

    /// The logits z of rows, and the gradient over θ of the linear functional Σ ξ z.
    pub(crate) fn gradient(&self, logits: Tensor<2>, xi: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let (dims, z) = (logits.dims(), numbers(logits.clone().inner()));
        let found = (logits * tensor(xi, dims)).sum().backward();
        (z, numbers(self.theta.grad(&found).unwrap()))
    }
}

/// The largest of each square of 2×2; what is left at the edges goes.
pub(crate) fn max_pool(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2; 2]))
}

/// The mean over the image. `[batch, channels]`
pub(crate) fn mean(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, _, _] = x.dims();
    x.mean_dim(2).mean_dim(3).reshape([batch, channels])
}

/// max(x, 0) of either.
pub(crate) fn rectify(x: Value) -> Value {
    match x {
        Value::Rows(x) => Value::Rows(relu(x)),
        Value::Maps(x) => Value::Maps(relu(x)),
    }
}
