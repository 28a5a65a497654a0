//! The multi-layer perceptron: dense layers with rectified units.

use std::sync::Arc;

use burn::tensor::activation::relu;

use super::{
    Activation, Network, NetworkError, Normaliser, Parameter, Stage, Start, Weights, scaled_width,
};

/// `mlp:100x100`: dense layers of the given widths, a rectifier after each. They start by
/// Xavier's uniform, or as [`Start`] says: `mlp:100x100,init=torch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mlp {
    input: [usize; 3],
    hidden: Vec<usize>,
    start: Start,
}

impl Mlp {
    /// A perceptron over inputs of shape `input` with these hidden widths.
    ///
    /// # Errors
    ///
    /// When a width is 0 or there is none.
    pub fn new(input: [usize; 3], hidden: &[usize]) -> Result<Self, NetworkError> {
        if hidden.is_empty() || hidden.contains(&0) {
            let widths: Vec<_> = hidden.iter().map(ToString::to_string).collect();
            return Err(NetworkError::Unknown {
                spec: format!("mlp:{}", widths.join("x")),
                expected: "a perceptron needs hidden layers of at least one unit, such as \
                           mlp:100x100"
                    .into(),
            });
        }
        Ok(Self { input, hidden: hidden.to_vec(), start: Start::Xavier })
    }

    /// The same with layers and heads that start by this rule.
    #[must_use]
    pub fn starting(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// Pairs of (inputs, outputs), layer by layer.
    fn layers(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let first = self.input.iter().product();
        let inputs = std::iter::once(first).chain(self.hidden.iter().copied());
        inputs.zip(self.hidden.iter().copied())
    }
}

impl Network for Mlp {
    fn spec(&self) -> String {
        let widths: Vec<_> = self.hidden.iter().map(ToString::to_string).collect();
        let start = match self.start {
            Start::Xavier => String::new(),
            start => format!(",init={}", start.word()),
        };
        format!("mlp:{}{start}", widths.join("x"))
    }

    fn head_start(&self) -> Start {
        self.start
    }

    fn input(&self) -> [usize; 3] {
        self.input
    }

    fn parameters(&self) -> Vec<Parameter> {
        let layer = |(i, (inputs, outputs))| {
            let name = format!("dense{}", i + 1);
            let [weight, bias] = self.start.dense(inputs, outputs);
            [
                Parameter::new(format!("{name}.weight"), &[inputs, outputs], weight),
                Parameter::new(format!("{name}.bias"), &[outputs], bias),
            ]
        };
        self.layers().enumerate().flat_map(layer).collect()
    }

    fn stages(&self) -> Vec<Stage> {
        let stage = |(i, &width)| Stage {
            name: format!("dense{}", i + 1),
            parameters: 2 * i..2 * i + 2,
            output: vec![width],
        };
        self.hidden.iter().enumerate().map(stage).collect()
    }

    fn forward_stage(
        &self,
        stage: usize,
        weights: &Weights,
        _: &mut Normaliser<'_>,
        h: Activation,
        lateral: Option<Activation>,
    ) -> Activation {
        let mut z = weights.dense(2 * stage, h.flat()); // [batch, width]
        if let Some(lateral) = lateral {
            z = z + lateral.flat();
        }
        Activation::Flat(relu(z))
    }

    fn dense(&self) -> bool {
        true
    }

    fn scaled(&self, factor: f64) -> Result<Arc<dyn Network>, NetworkError> {
        let hidden: Vec<_> = self.hidden.iter().map(|&width| scaled_width(width, factor)).collect();
        Ok(Arc::new(Self::new(self.input, &hidden)?.starting(self.start)))
    }
}
