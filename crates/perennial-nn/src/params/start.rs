//! How the dense layers of a perceptron and its heads start.

use serde::{Deserialize, Serialize};

use super::Init;

/// A rule for the weights and biases of a dense layer. Published numbers depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Xavier's uniform, biases 0: the GEM paper's code.
    #[default]
    Xavier,
    /// Normal of standard deviation .1, drawn again beyond two of them; biases .1: the A-GEM
    /// paper's code.
    TruncatedNormal,
    /// Uniform in ±1/√inputs, weights and biases alike: PyTorch's default for dense layers.
    Torch,
    /// He's normal by inputs, biases 0 (He et al. 2015).
    He,
}

impl Start {
    /// Every rule.
    pub const ALL: [Self; 4] = [Self::Xavier, Self::TruncatedNormal, Self::Torch, Self::He];

    /// The word a network's spec says it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Xavier => "xavier",
            Self::TruncatedNormal => "truncated-normal",
            Self::Torch => "torch",
            Self::He => "he",
        }
    }

    /// How weight and bias of a layer start.
    pub fn dense(self, inputs: usize, outputs: usize) -> [Init; 2] {
        match self {
            Self::Xavier => [Init::xavier(inputs, outputs), Init::Constant(0.0)],
            Self::TruncatedNormal => [Init::TruncatedNormal { sd: 0.1 }, Init::Constant(0.1)],
            Self::He => [Init::he(inputs), Init::Constant(0.0)],
            Self::Torch => {
                let init = Init::Uniform { bound: 1.0 / (inputs as f32).sqrt() };
                [init.clone(), init]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Key;

    /// A normal cut at two standard deviations has the deviation .8796 sd: by integration,
    /// 1 − 2·2·φ(2)/(2Φ(2) − 1) = .7737 of the variance. Catches: clamping in place of drawing
    /// again, which leaves .92 and piles numbers at the ends.
    #[test]
    fn a_truncated_normal_is_drawn_again() {
        let [weight, _] = Start::TruncatedNormal.dense(3, 4);
        let draws = weight.draw(40_000, &mut Key::of_seed(1).generator("start"));
        let variance = draws.iter().map(|x| f64::from(x * x)).sum::<f64>() / 40_000.0;
        assert!(draws.iter().all(|x| x.abs() < 0.2));
        assert!((variance / 0.01 - 0.7737).abs() < 0.02, "{variance}");
    }

    #[test]
    fn torch_is_uniform_by_inputs_for_both() {
        let bound = Init::Uniform { bound: 0.1 };
        assert_eq!(Start::Torch.dense(100, 7), [bound.clone(), bound]);
    }
}
