//! Connections from older columns into a column.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, linear};
use burn::tensor::ops::ConvOptions;
use serde::{Deserialize, Serialize};

use super::{Activation, Weights};
use crate::SlotId;

/// What one place of a column (a stage before its last activation, or the output) receives from
/// the same place's inputs `h_1 … h_{k−1}` in the columns before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateral {
    /// Through which map.
    pub kind: LateralKind,
    /// Whether a bias follows every matrix.
    pub biases: bool,
    /// Its parameters: α `[older]`, V, b_V, U, b_U of an adapter; U_j, b_j for each older column
    /// where it is linear. Matrices are `[inputs, outputs]`, or over maps `[outputs, inputs, 1, 1]`.
    pub slots: Vec<SlotId>,
}

/// Through which map a lateral goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateralKind {
    /// `U σ(V [α_1 h_1; …; α_{k−1} h_{k−1}] + b_V) + b_U`, σ the rectifier.
    Adapter,
    /// `Σ_j (U_j h_j + b_j)`.
    Linear,
}

impl Lateral {
    /// The sum that a place of output shape `output` receives; `from` are its inputs in the older
    /// columns, oldest first.
    pub(crate) fn receive<'a>(
        &self,
        weights: &Weights,
        from: impl Iterator<Item = &'a Activation>,
        output: &[usize],
    ) -> Option<Activation> {
        let affine = |index: usize, x: Activation, output: &[usize]| {
            let bias = self.biases.then(|| weights.get::<1>(index + 1));
            apply(weights, index, bias, x, output)
        };
        let step = 1 + usize::from(self.biases);
        match self.kind {
            LateralKind::Linear => from
                .enumerate()
                .map(|(j, h)| affine(j * step, h.clone(), output))
                .reduce(|sum, part| match (sum, part) {
                    (Activation::Map(sum), Activation::Map(part)) => Activation::Map(sum + part),
                    (sum, part) => Activation::Flat(sum.flat() + part.flat()),
                }),
            LateralKind::Adapter => {
                let alpha = weights.get::<1>(0); // [older]
                let joined = join(&alpha, from.cloned().collect())?;
                let inputs = shape(&joined);
                let squeezed = match affine(1, joined, &inputs) {
                    Activation::Map(z) => Activation::Map(relu(z)),
                    Activation::Flat(z) => Activation::Flat(relu(z)),
                };
                Some(affine(1 + step, squeezed, output))
            }
        }
    }
}

/// Shape of one row.
fn shape(h: &Activation) -> Vec<usize> {
    match h {
        Activation::Flat(h) => h.dims()[1..].to_vec(),
        Activation::Map(h) => h.dims()[1..].to_vec(),
    }
}

/// `[α_1 h_1; α_2 h_2; …]` along units or channels; `None` of nothing.
fn join(alpha: &Tensor<1>, from: Vec<Activation>) -> Option<Activation> {
    let scalar = |j: usize| alpha.clone().slice(j..j + 1);
    let mut maps = Vec::new();
    let mut rows = Vec::new();
    for (j, h) in from.into_iter().enumerate() {
        match h {
            Activation::Map(h) => maps.push(h * scalar(j).reshape([1, 1, 1, 1])),
            Activation::Flat(h) => rows.push(h * scalar(j).reshape([1, 1])),
        }
    }
    match (maps.is_empty(), rows.is_empty()) {
        (false, _) => Some(Activation::Map(Tensor::cat(maps, 1))),
        (true, false) => Some(Activation::Flat(Tensor::cat(rows, 1))),
        (true, true) => None,
    }
}

/// A dense layer or, where the matrix is one over maps, a 1×1 convolution with the stride that
/// makes the height and width of `output`.
fn apply(
    weights: &Weights,
    index: usize,
    bias: Option<Tensor<1>>,
    x: Activation,
    output: &[usize],
) -> Activation {
    match x {
        Activation::Map(x) if weights.rank(index) == 4 => {
            let [_, _, height, width] = x.dims();
            let (tall, wide) = match output {
                &[_, tall, wide] => (tall, wide),
                _ => (height, width),
            };
            let stride = [stride(height, tall), stride(width, wide)];
            let options = ConvOptions::new(stride, [0; 2], [1; 2], 1);
            let z = conv2d(x, weights.get::<4>(index), bias, options);
            // Pooling rounds down where a stride rounds up: the last row and column go.
            Activation::Map(z.narrow(2, 0, tall).narrow(3, 0, wide))
        }
        x => Activation::Flat(linear(x.flat(), weights.get::<2>(index), bias)),
    }
}

/// The largest stride by which `from` positions leave at least `to`.
fn stride(from: usize, to: usize) -> usize {
    (1..=from).rev().find(|&stride| from.div_ceil(stride) >= to).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn weights(parts: &[(&[f32], &[usize])]) -> Weights {
        let mut weights = Weights::default();
        for (values, shape) in parts {
            weights.push(values.to_vec(), shape, &Device::flex(), false);
        }
        weights
    }

    fn flat(values: &[f32], width: usize) -> Activation {
        let data = TensorData::new(values.to_vec(), [values.len() / width, width]);
        Activation::Flat(Tensor::from_data(data, &Device::flex()))
    }

    fn map(values: &[f32], shape: [usize; 4]) -> Activation {
        let data = TensorData::new(values.to_vec(), shape);
        Activation::Map(Tensor::from_data(data, &Device::flex()))
    }

    fn numbers(activation: Option<Activation>) -> Vec<f32> {
        crate::engine::floats(activation.unwrap().flat().into_data())
    }

    fn lateral(kind: LateralKind, biases: bool) -> Lateral {
        Lateral { kind, biases, slots: Vec::new() }
    }

    /// By hand: α = (2, −1), h_1 = (1, 0), h_2 = (3): [2, 0, −3]; V = [1; 5; 2 | −1; 5; −1] (a
    /// column an output) gives (2 − 6, −2 + 3) = (−4, 1), with b_V (1, 1) → (−3, 2), rectified
    /// (0, 2); U = [7; 10] gives 20, b_U .5.
    #[test]
    fn an_adapter_by_hand() {
        let v = [1.0, -1.0, 5.0, 5.0, 2.0, -1.0]; // [3, 2]
        let parts: [(&[f32], &[usize]); 5] = [
            (&[2.0, -1.0], &[2]),
            (&v, &[3, 2]),
            (&[1.0, 1.0], &[2]),
            (&[7.0, 10.0], &[2, 1]),
            (&[0.5], &[1]),
        ];
        let from = [flat(&[1.0, 0.0], 2), flat(&[3.0], 1)];
        let adapter = lateral(LateralKind::Adapter, true);
        assert_eq!(numbers(adapter.receive(&weights(&parts), from.iter(), &[1])), [20.5]);
        let bare = [parts[0], parts[1], parts[3]];
        let adapter = lateral(LateralKind::Adapter, false);
        assert_eq!(numbers(adapter.receive(&weights(&bare), from.iter(), &[1])), [10.0]);
    }

    /// By hand: (1, 2)·(3; 4) + 5 = 16 and 6·7 + 8 = 50.
    #[test]
    fn linear_laterals_add_up_by_hand() {
        let parts: [(&[f32], &[usize]); 4] =
            [(&[3.0, 4.0], &[2, 1]), (&[5.0], &[1]), (&[7.0], &[1, 1]), (&[8.0], &[1])];
        let from = [flat(&[1.0, 2.0], 2), flat(&[6.0], 1)];
        let linear = lateral(LateralKind::Linear, true);
        assert_eq!(numbers(linear.receive(&weights(&parts), from.iter(), &[1])), [66.0]);
    }

    /// By hand: of a 3×3 map, to 1×1 by pooling that rounds down, the first; to 2×2 by a stride
    /// that rounds up, the corners; to a row of units through all positions.
    #[test]
    fn maps_go_by_strides_to_the_shape_of_the_place() {
        let values: Vec<f32> = (1..=9).map(|i| i as f32).collect();
        let from = [map(&values, [1, 1, 3, 3])];
        let linear = lateral(LateralKind::Linear, false);
        let by_ten = weights(&[(&[10.0], &[1, 1, 1, 1])]);
        let at = |output: &[usize]| numbers(linear.receive(&by_ten, from.iter(), output));
        assert_eq!(at(&[1, 1, 1]), [10.0]);
        assert_eq!(at(&[1, 2, 2]), [10.0, 30.0, 70.0, 90.0]);
        let sum = weights(&[(&[1.0; 9], &[9, 1])]);
        assert_eq!(numbers(linear.receive(&sum, from.iter(), &[1])), [45.0]);
        assert_eq!([stride(9, 4), stride(5, 3), stride(8, 5), stride(1, 1)], [2, 2, 1, 1]);
    }
}
