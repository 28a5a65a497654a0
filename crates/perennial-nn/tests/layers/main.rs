//! Every built-in layer against its definition, by the check-suite of `perennial_nn::check`.

#[path = "../plain/mod.rs"]
mod plain;

mod convolution;
mod numbers;
mod own;
mod tokens;
mod vectors;

use perennial_nn::check::{Check, Plain};
use perennial_nn::layer::Layer;

/// Passes the suite with the layer's definition.
fn passes(layer: &dyn Layer, inputs: &[&[usize]]) {
    passes_as(layer, inputs, |check| check);
}

/// The same for a check that is changed first.
fn passes_as(
    layer: &dyn Layer,
    inputs: &[&[usize]],
    change: impl for<'a> Fn(Check<'a>) -> Check<'a>,
) {
    let definition = |plain: &Plain| plain::forward(layer, plain);
    let check = change(Check { definition: Some(&definition), ..Check::new(layer, inputs) });
    if let Err(error) = check.run() {
        panic!("{error}");
    }
}
