//! The sum of several values: where a shortcut joins its block.

use super::{Backward, Forward, Layer, Memory, Op, Shapes, Target};
use crate::cpu::products::by_parts;
use crate::params::Parameter;
use crate::params::vector::simd_dispatch;

/// The sum of all inputs, which have one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add;

impl Layer for Add {
    fn kind(&self) -> &'static str {
        "add"
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        let Some((first, others)) = inputs.split_first() else {
            return Err("it adds inputs and was given none".into());
        };
        match others.iter().find(|other| *other != first) {
            Some(other) => {
                Err(format!("it adds inputs of one shape and was given {first:?} and {other:?}"))
            }
            None => Ok(Vec::new()),
        }
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        self.parameters(shapes.inputs)?;
        Ok(Box::new(Bound(shapes.inputs[0].to_vec())))
    }
}

struct Bound(Vec<usize>);

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.0
    }

    fn memory(&self) -> Memory {
        Memory { overwrites_input: true, passes_gradient: true, keeps_output: false }
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let first = call.inputs.get(0);
        if !first.is_empty() {
            call.output.copy_from_slice(first);
        }
        for index in 1..call.inputs.len() {
            let x = call.inputs.get(index);
            by_parts(call.output, |at, part| {
                let x = &x[at];
                simd_dispatch(
                    #[inline(always)]
                    || part.iter_mut().zip(x).for_each(|(y, x)| *y += x),
                );
            });
        }
    }

    fn backward(&self, _: &mut Backward<'_>, _: &mut [Option<Target<'_>>]) {}
}
