//! What a place of a column receives from older columns, as layers.
//!
//! With h_j what column j reads at the place:
//!
//! ```text
//! linear   + Σ_j (h_j U_j + b_j)
//! adapter  + relu([α_1 h_1; …; α_{k−1} h_{k−1}] V + b_V) U + b_U
//! ```
//!
//! Matrices between images are 1×1 convolutions. A place of fewer pixels reads every so many rows and
//! columns, as a stride would.

use super::build::{Builder, Lies};
use crate::cpu::Size;
use crate::graph::GraphError;
use crate::layer::{Activation, Add, Conv2d, Flatten, Join, Linear, Nonlinearity, Subsample};
use crate::params::{SlotId, Start};
use crate::view::{Lateral, LateralKind};

impl Builder<'_> {
    /// Appends the layers of a lateral into a place of this shape; says the values that are to be added
    /// there. `from` are what the older columns read at the place, oldest first.
    pub(super) fn receive(
        &mut self,
        lateral: &Lateral,
        from: &[usize],
        shape: &[usize],
        own: bool,
    ) -> Result<Vec<usize>, GraphError> {
        let step = 1 + usize::from(lateral.biases);
        match lateral.kind {
            LateralKind::Linear => {
                let maps = from.iter().zip(lateral.slots.chunks(step));
                maps.map(|(&h, slots)| self.map(h, slots, shape, own)).collect()
            }
            LateralKind::Adapter => {
                let (alpha, matrices) = lateral.slots.split_at(1.min(lateral.slots.len()));
                let lies = Lies { parameters: Self::grids(alpha), own, ..Lies::default() };
                let joined = self.push("lateral.join", &Join, from, lies)?;
                let (v, u) = matrices.split_at(step.min(matrices.len()));
                let inner = self.executable.shape(joined).to_vec();
                let squeezed = self.map(joined, v, &inner, own)?;
                let relu = Activation(Nonlinearity::Relu);
                let lies = Lies { own, ..Lies::default() };
                let squeezed = self.push("lateral.relu", &relu, &[squeezed], lies)?;
                Ok(vec![self.map(squeezed, u, shape, own)?])
            }
        }
    }

    /// xW + b into a place of this shape.
    fn map(
        &mut self,
        value: usize,
        slots: &[SlotId],
        shape: &[usize],
        own: bool,
    ) -> Result<usize, GraphError> {
        let nothing = || Lies { own, ..Lies::default() };
        let lies = Lies { parameters: Self::grids(slots), own, ..Lies::default() };
        let weight = slots.first().map_or(&[][..], |&slot| &self.layout.slot(slot).shape);
        let bias = slots.len() > 1;
        let from = self.executable.shape(value).to_vec();
        if let (&[outputs, ..], &[_, height, width]) = (weight, &from[..])
            && weight.len() == 4
        {
            let (tall, wide) = match *shape {
                [_, tall, wide] => (tall, wide),
                _ => (height, width),
            };
            let stride = Size::new(stride(height, tall), stride(width, wide));
            let mut value = value;
            if (tall, wide) != (height, width) {
                let subsample = Subsample { stride, size: Size::new(tall, wide) };
                value = self.push("lateral.subsample", &subsample, &[value], nothing())?;
            }
            let conv = Conv2d { bias, ..Conv2d::same(outputs, 1, 1) };
            return self.push("lateral.conv", &conv, &[value], lies);
        }
        let value = match from.len() {
            1 => value,
            _ => self.push("lateral.flatten", &Flatten, &[value], nothing())?,
        };
        let outputs = weight.get(1).copied().unwrap_or(0);
        let linear = Linear { outputs, bias, init: Start::Xavier };
        self.push("lateral.linear", &linear, &[value], lies)
    }

    /// The sum of these values; the value itself where it is one.
    pub(super) fn sum(&mut self, values: &[usize]) -> Result<usize, GraphError> {
        match values {
            [value] => Ok(*value),
            _ => self.push("lateral.add", &Add, values, Lies { own: true, ..Lies::default() }),
        }
    }
}

/// The largest stride by which `from` positions leave at least `to`.
fn stride(from: usize, to: usize) -> usize {
    (1..=from).rev().find(|&stride| from.div_ceil(stride) >= to).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::stride;

    /// By hand. Catches: a stride that leaves fewer positions than the place has.
    #[test]
    fn strides_by_hand() {
        assert_eq!(
            [stride(9, 4), stride(5, 3), stride(8, 5), stride(1, 1), stride(28, 7)],
            [2, 2, 1, 1, 4]
        );
    }
}
