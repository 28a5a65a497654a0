//! Layers that only what a column receives from older ones needs.

use super::{Backward, Forward, Layer, Op, Shapes, Target, image, size};
use crate::cpu::Size;
use crate::params::{Init, Parameter};

/// `[α_1 x_1; …; α_k x_k]`: all inputs one after another along their first dimension, each times a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join;

impl Layer for Join {
    fn kind(&self) -> &'static str {
        "join"
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        joined(inputs)?;
        Ok(vec![Parameter::new("alpha", &[inputs.len()], Init::Constant(1.0))])
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        let (output, inputs) = (joined(shapes.inputs)?, shapes.inputs);
        Ok(Box::new(Bound { output, sizes: inputs.iter().map(|shape| size(shape)).collect() }))
    }
}

fn joined(inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
    let Some(first) = inputs.first().filter(|first| matches!(first.len(), 1 | 3)) else {
        return Err(format!("it joins vectors or images and was given {inputs:?}"));
    };
    match inputs.iter().find(|other| other[1..] != first[1..] || other.len() != first.len()) {
        Some(other) => Err(format!(
            "it joins {first:?} and {other:?}, which differ in more than their first side"
        )),
        None => Ok([&[inputs.iter().map(|shape| shape[0]).sum()], &first[1..]].concat()),
    }
}

struct Bound {
    output: Vec<usize>,
    sizes: Vec<usize>,
}

impl Bound {
    /// Calls `each` for the part of every input with its number and where it lies, run by run: in the input
    /// from the first number on, in the output from the second, so many.
    fn runs(&self, rows: usize, mut each: impl FnMut(usize, usize, usize, usize)) {
        let all = size(&self.output);
        let mut first = 0;
        for (j, &len) in self.sizes.iter().enumerate() {
            match self.output.len() {
                3 => each(j, 0, first * rows, len * rows),
                _ => (0..rows).for_each(|row| each(j, row * len, row * all + first, len)),
            }
            first += len;
        }
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let alpha = call.parameters.get(0);
        self.runs(call.rows, |j, from, to, len| {
            let x = &call.inputs.get(j)[from..from + len];
            call.output[to..to + len].iter_mut().zip(x).for_each(|(y, x)| *y = alpha[j] * x);
        });
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let alpha = call.parameters.get(0);
        let delta = &*call.output_gradient;
        self.runs(call.rows, |j, from, at, len| {
            let Some(to) = &mut inputs[j] else { return };
            let values = to.values[from..from + len].iter_mut().zip(&delta[at..at + len]);
            let add = to.add;
            values.for_each(|(to, d)| *to = if add { *to + alpha[j] * d } else { alpha[j] * d });
        });
    }

    fn parameter_gradient(&self, _: usize, call: &mut Backward<'_>, to: Target<'_>) {
        if !to.add {
            to.values.fill(0.0);
        }
        self.runs(call.rows, |j, from, at, len| {
            let x = &call.inputs.get(j)[from..from + len];
            let delta = &call.output_gradient[at..at + len];
            to.values[j] += x.iter().zip(delta).map(|(x, d)| x * d).sum::<f32>();
        });
    }
}

/// Every so many rows and columns of an image, the first ones of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsample {
    /// How far apart they are.
    pub stride: Size,
    /// Rows and columns of the output.
    pub size: Size,
}

impl Subsample {
    fn bound(self, inputs: &[&[usize]]) -> Result<Sampled, String> {
        let [channels, height, width] = image(inputs)?;
        let Self { stride, size } = self;
        let fits =
            |from: usize, stride: usize, to: usize| from.div_ceil(stride.max(1)) >= to && to > 0;
        if !fits(height, stride.height, size.height) || !fits(width, stride.width, size.width) {
            return Err(format!(
                "it takes {size} pixels {stride} apart from an image of {height}x{width}"
            ));
        }
        let output = [channels, size.height, size.width];
        Ok(Sampled { output, stride, height, width })
    }
}

impl Layer for Subsample {
    fn kind(&self) -> &'static str {
        "subsample"
    }

    fn settings(&self) -> toml::Table {
        let sides = |size: Size| vec![size.height as i64, size.width as i64].into();
        toml::Table::from_iter([
            ("stride".to_owned(), sides(self.stride)),
            ("size".to_owned(), sides(self.size)),
        ])
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        self.bound(inputs).map(|_| Vec::new())
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        Ok(Box::new(self.bound(shapes.inputs)?))
    }
}

struct Sampled {
    output: [usize; 3],
    stride: Size,
    height: usize,
    width: usize,
}

impl Sampled {
    /// Calls `each` with where the numbers of all rows at a pixel lie in the input and in the output.
    fn pixels(&self, rows: usize, mut each: impl FnMut(usize, usize)) {
        let [channels, height, width] = self.output;
        for at in 0..channels * height * width {
            let (c, y, x) = (at / (height * width), at / width % height, at % width);
            let (y, x) = (y * self.stride.height, x * self.stride.width);
            each(((c * self.height + y) * self.width + x) * rows, at * rows);
        }
    }
}

impl Op for Sampled {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let (rows, x) = (call.rows, call.inputs.get(0));
        self.pixels(rows, |from, to| {
            call.output[to..to + rows].copy_from_slice(&x[from..from + rows]);
        });
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        if !to.add {
            to.values.fill(0.0);
        }
        let (rows, delta) = (call.rows, &*call.output_gradient);
        self.pixels(rows, |at, from| {
            let own = to.values[at..at + rows].iter_mut();
            own.zip(&delta[from..from + rows]).for_each(|(to, d)| *to += d);
        });
    }
}
