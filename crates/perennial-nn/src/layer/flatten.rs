//! Images as vectors.

use super::{Backward, Forward, Layer, Memory, Op, Shapes, Target, single, size};
use crate::cpu::transpose::{Matrix, transpose};
use crate::params::Parameter;

/// Numbers of a sample one after another: `[channels, height, width]` becomes `[channels · height · width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

impl Layer for Flatten {
    fn kind(&self) -> &'static str {
        "flatten"
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        single(inputs).map(|_| Vec::new())
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        let input = single(shapes.inputs)?;
        Ok(Box::new(Bound { output: [size(input)], image: input.len() == 3 }))
    }
}

struct Bound {
    output: [usize; 1],
    image: bool,
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn memory(&self) -> Memory {
        let stays = !self.image;
        Memory { overwrites_input: stays, passes_gradient: stays, keeps_output: false }
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let x = call.inputs.get(0);
        match self.image {
            true => {
                let planes = Matrix { values: x, rows: self.output[0], columns: call.rows };
                transpose(planes, call.output, self.output[0], false);
            }
            false if x.is_empty() => {}
            false => call.output.copy_from_slice(x),
        }
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        let (rows, columns) = (call.rows, self.output[0]);
        let samples = Matrix { values: call.output_gradient, rows, columns };
        transpose(samples, to.values, rows, to.add);
    }
}
