//! A convolution written from its definition, in float64 and batch-first, and random numbers.

use perennial_nn::{Algorithm, Conv2dShape, Size};

/// Calls `with` for every product of the convolution with the places of its output, its input pixel
/// and its weight.
pub(crate) fn each_product(
    shape: &Conv2dShape,
    rows: usize,
    mut with: impl FnMut(usize, usize, usize),
) {
    let Conv2dShape { inputs, outputs, kernel, stride, padding, groups, image } = *shape;
    let out = shape.output().unwrap();
    let (group_in, group_out) = (inputs / groups, outputs / groups);
    for (n, o) in (0..rows).flat_map(|n| (0..outputs).map(move |o| (n, o))) {
        for (oy, ox) in (0..out.height).flat_map(|y| (0..out.width).map(move |x| (y, x))) {
            for c in 0..group_in {
                for (ky, kx) in (0..kernel.area()).map(|k| (k / kernel.width, k % kernel.width)) {
                    let (y, x) = (oy * stride.height + ky, ox * stride.width + kx);
                    if y < padding.height || x < padding.width {
                        continue;
                    }
                    let (y, x) = (y - padding.height, x - padding.width);
                    if y < image.height && x < image.width {
                        let channel = o / group_out * group_in + c;
                        with(
                            ((n * outputs + o) * out.height + oy) * out.width + ox,
                            ((n * inputs + channel) * image.height + y) * image.width + x,
                            ((o * group_in + c) * kernel.height + ky) * kernel.width + kx,
                        );
                    }
                }
            }
        }
    }
}

/// What a convolution is computed from.
pub(crate) struct Case {
    pub(crate) shape: Conv2dShape,
    pub(crate) rows: usize,
    pub(crate) algorithm: Algorithm,
    pub(crate) input: Vec<f32>,
    pub(crate) weights: Vec<f32>,
    pub(crate) output_gradient: Vec<f32>,
}

impl Case {
    /// Random numbers of a seed.
    pub(crate) fn new(shape: Conv2dShape, rows: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut numbers = |len: usize| (0..len).map(|_| number(&mut state)).collect::<Vec<f32>>();
        let weights = shape.outputs * shape.inputs / shape.groups * shape.kernel.area();
        Self {
            shape,
            rows,
            algorithm: Algorithm::Direct,
            input: numbers(rows * shape.inputs * shape.image.area()),
            weights: numbers(weights),
            output_gradient: numbers(rows * shape.outputs * shape.output().unwrap().area()),
        }
    }
}

/// A number from −1 to 1 (Steele and Vigna's generator of shifts and products).
fn number(state: &mut u64) -> f32 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
    bits as f32 / (1u32 << 23) as f32 - 1.0
}

/// A 3x3 convolution with padding 1, as residual networks have it.
pub(crate) fn same3x3(inputs: usize, outputs: usize, side: usize, stride: usize) -> Conv2dShape {
    Conv2dShape {
        stride: Size::square(stride),
        padding: Size::square(1),
        ..Conv2dShape::new(inputs, outputs, Size::square(3), Size::square(side))
    }
}
