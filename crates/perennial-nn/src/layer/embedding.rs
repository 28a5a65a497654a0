//! Embeddings: a vector for each token.

use super::linear::add_statistic;
use super::{Backward, Forward, Layer, Op, Shapes, Statistic, Sums, Target, single};
use crate::params::{Init, Parameter};

/// A table of vectors. Reads token numbers `[tokens]` and makes `[tokens, width]`; a number that is no
/// token of the table, such as −1 for padding, makes zeros and has no gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// Tokens that there are.
    pub tokens: usize,
    /// Numbers of a vector.
    pub width: usize,
}

impl Layer for Embedding {
    fn kind(&self) -> &'static str {
        "embedding"
    }

    fn settings(&self) -> toml::Table {
        let number = |number: usize| toml::Value::Integer(number as i64);
        toml::Table::from_iter([
            ("tokens".to_owned(), number(self.tokens)),
            ("width".to_owned(), number(self.width)),
        ])
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        match single(inputs)? {
            _ if self.tokens == 0 || self.width == 0 => {
                Err("it needs at least one token and a width of at least one".into())
            }
            [_] => {
                let shape = [self.tokens, self.width];
                Ok(vec![Parameter::new("weight", &shape, Init::Normal { sd: 1.0 })])
            }
            shape => Err(format!("it reads token numbers [tokens] and was given {shape:?}")),
        }
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        let &[length] = single(shapes.inputs)? else {
            return Err("it reads token numbers [tokens]".into());
        };
        let &[tokens, width] = &shapes.parameters[0][..] else {
            return Err(format!("its table has the shape {:?}", shapes.parameters[0]));
        };
        Ok(Box::new(Bound { tokens, output: [length, width] }))
    }
}

struct Bound {
    tokens: usize,
    output: [usize; 2],
}

impl Bound {
    fn token(&self, number: f32) -> Option<usize> {
        let token = number as usize; // saturates: −1 and NaN are 0
        (token as f32 == number && token < self.tokens).then_some(token)
    }

    /// Adds each position's d to its token's row.
    fn scatter(&self, numbers: &[f32], delta: &[f32], to: &mut [f32]) {
        let width = self.output[1];
        for (&number, d) in numbers.iter().zip(delta.chunks_exact(width)) {
            let Some(token) = self.token(number) else { continue };
            to[token * width..][..width].iter_mut().zip(d).for_each(|(to, d)| *to += d);
        }
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let (table, width) = (call.parameters.get(0), self.output[1]);
        for (&number, y) in call.inputs.get(0).iter().zip(call.output.chunks_exact_mut(width)) {
            match self.token(number) {
                Some(token) => y.copy_from_slice(&table[token * width..][..width]),
                None => y.fill(0.0),
            }
        }
    }

    /// Token numbers have no gradient.
    fn backward(&self, _: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        for to in inputs.iter_mut().flatten().filter(|to| !to.add) {
            to.values.fill(0.0);
        }
    }

    fn parameter_gradient(&self, _: usize, call: &mut Backward<'_>, to: Target<'_>) {
        if !to.add {
            to.values.fill(0.0);
        }
        self.scatter(call.inputs.get(0), call.output_gradient, to.values);
    }

    fn sample_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let [length, width] = self.output;
        let gradient = &mut call.scratch.floats;
        gradient.clear();
        gradient.resize(self.tokens * width, 0.0);
        let deltas = call.output_gradient.chunks_exact(length * width);
        for (numbers, delta) in call.inputs.get(0).chunks_exact(length).zip(deltas) {
            self.scatter(numbers, delta, gradient);
            // A token that comes twice is added up before h, and each is taken once.
            for &number in numbers {
                let Some(token) = self.token(number) else { continue };
                let own = token * width..(token + 1) * width;
                add_statistic(&mut sums[0][own.clone()], &gradient[own.clone()], of);
                gradient[own].fill(0.0);
            }
        }
    }
}
