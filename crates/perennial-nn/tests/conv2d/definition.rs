//! The kernels against a convolution written from its definition in float64.

use crate::plain::{Case, each_product, same3x3};
use perennial_nn::{
    Algorithm, Conv2d, Conv2dShape, ConvError, InstructionSet, PackedWeights, Size, Workspace,
    to_batch_first, to_batch_last,
};

/// Output and gradients.
struct Results<T> {
    output: Vec<T>,
    input_gradient: Vec<T>,
    weight_gradient: Vec<T>,
}

fn plain(case: &Case) -> Results<f64> {
    let mut output = vec![0.0; case.output_gradient.len()];
    let mut input_gradient = vec![0.0; case.input.len()];
    let mut weight_gradient = vec![0.0; case.weights.len()];
    each_product(&case.shape, case.rows, |y, x, w| {
        let (input, weight) = (f64::from(case.input[x]), f64::from(case.weights[w]));
        let gradient = f64::from(case.output_gradient[y]);
        output[y] += input * weight;
        input_gradient[x] += gradient * weight;
        weight_gradient[w] += gradient * input;
    });
    Results { output, input_gradient, weight_gradient }
}

fn kernels(case: &Case, conv: &Conv2d, workspace: &mut Workspace) -> Results<f32> {
    let mut packed = PackedWeights::new();
    conv.pack(&case.weights, &mut packed).unwrap();
    let last = |values: &[f32]| {
        let mut planes = vec![f32::NAN; values.len()];
        to_batch_last(values, case.rows, &mut planes).unwrap();
        planes
    };
    let first = |planes: &[f32]| {
        let mut values = vec![f32::NAN; planes.len()];
        to_batch_first(planes, case.rows, &mut values).unwrap();
        values
    };
    let (x, dy) = (last(&case.input), last(&case.output_gradient));
    // Results start as NaN: a number that is not written, or added to, shows.
    let mut y = vec![f32::NAN; dy.len()];
    let mut dx = vec![f32::NAN; x.len()];
    let mut dw = vec![f32::NAN; case.weights.len()];
    conv.forward(&x, &packed, None, &mut y, workspace).unwrap();
    conv.input_gradient(&dy, &packed, &mut dx, false, workspace).unwrap();
    conv.weight_gradient(&x, &dy, &mut dw, false, workspace).unwrap();
    Results { output: first(&y), input_gradient: first(&dx), weight_gradient: dw }
}

/// The largest difference over the largest entry.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f64, |most, value| most.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).abs());
    // A NaN must not be lost, as it is by max.
    let worst = differences.fold(0f64, |w, d| if d.is_nan() || d > w { d } else { w });
    if largest == 0.0 { worst } else { worst / largest }
}

fn assert_agrees(shape: Conv2dShape, rows: usize) {
    assert_computes(shape, rows, Algorithm::Direct);
}

fn assert_computes(shape: Conv2dShape, rows: usize, algorithm: Algorithm) {
    let case = Case::new(shape, rows, 7);
    let expected = plain(&case);
    let mut workspace = Workspace::new();
    for instructions in InstructionSet::available() {
        let conv = Conv2d::with_instructions(shape, instructions).unwrap();
        let conv = conv.with_algorithm(algorithm);
        assert_eq!(conv.algorithm(), algorithm);
        let found = kernels(&case, &conv, &mut workspace);
        for (what, error) in [
            ("output", error(&found.output, &expected.output)),
            ("input gradient", error(&found.input_gradient, &expected.input_gradient)),
            ("weight gradient", error(&found.weight_gradient, &expected.weight_gradient)),
        ] {
            let name = instructions.name();
            assert!(error <= 1e-5, "{what} of {shape:?}, {rows} rows, {name}: {error:e}");
        }
    }
}

fn shape(inputs: usize, outputs: usize, kernel: Size, image: Size) -> Conv2dShape {
    Conv2dShape::new(inputs, outputs, kernel, image)
}

/// Catches: a tap, a padding or a stride at the wrong place, in any kernel: offsets of `Planes`, the
/// residues of the gradient by the input (such as `start` without its + 1), the order of packed taps.
#[test]
fn kernels_strides_and_paddings_agree_with_the_definition() {
    for kernel in [Size::square(1), Size::square(3), Size::square(5), Size::new(2, 3)] {
        for stride in [Size::square(1), Size::square(2), Size::new(1, 3), Size::new(3, 1)] {
            for padding in [Size::square(0), Size::new(kernel.height - 1, kernel.width / 2)] {
                for image in [Size::new(7, 6), Size::new(5, 19)] {
                    assert_agrees(Conv2dShape { stride, padding, ..shape(3, 7, kernel, image) }, 3);
                }
            }
        }
    }
}

/// Catches: groups that read one another's channels, surplus outputs of a tile that are written, and
/// the kernels of a single output.
#[test]
fn groups_and_depthwise_agree_with_the_definition() {
    let image = Size::new(6, 5);
    for (inputs, outputs, groups) in [(4, 6, 2), (40, 26, 2), (6, 6, 6), (5, 10, 5), (20, 10, 10)] {
        for stride in [1, 2] {
            let (stride, padding) = (Size::square(stride), Size::square(1));
            let grouped = shape(inputs, outputs, Size::square(3), image);
            assert_agrees(Conv2dShape { stride, padding, groups, ..grouped }, 4);
        }
    }
}

/// Catches: wrong tails of every tile (blocks of 1, 4, 5, 8 and 10 outputs, with and without surplus;
/// registers that a batch fills, half fills and passes), and blocks of outer and dot products that
/// forget to add to the block before.
#[test]
fn channels_and_batches_agree_with_the_definition() {
    for (inputs, outputs, side, rows) in [
        (1, 1, 4, 5),
        (3, 20, 16, 10),
        (20, 40, 8, 16),
        (40, 13, 7, 7),
        (64, 72, 4, 3),
        (12, 64, 1, 64),
    ] {
        assert_agrees(same3x3(inputs, outputs, side, 1), rows);
    }
    assert_agrees(same3x3(2, 15, 32, 1), 33);
    assert_agrees(same3x3(2, 3, 17, 1), 65);
}

/// Catches: a part of the source that overwrites the sums of the part before it, or starts at the
/// wrong weight: 600 channels of this size do not fit the cache.
#[test]
fn sources_larger_than_the_cache_agree_with_the_definition() {
    assert_agrees(same3x3(600, 3, 8, 1), 6);
}

/// Catches: a wrong number of a transform, squares at the wrong pixels (odd heights and widths, batches
/// that half fill a register), surplus outputs that are written, and more channels than are summed at a
/// time, whose parts overwrite one another.
#[test]
fn winograds_sums_agree_with_the_definition() {
    for (inputs, outputs, image, rows) in [
        (32, 33, Size::square(9), 3),
        (40, 64, Size::square(8), 16),
        (150, 32, Size::new(7, 10), 2),
        (33, 40, Size::new(10, 7), 1),
    ] {
        let shape = Conv2dShape { image, ..same3x3(inputs, outputs, 8, 1) };
        assert_computes(shape, rows, Algorithm::Winograd);
    }
}

/// Catches: a shape that Winograd's kernel is given and does not compute, and weights of one algorithm
/// that the other reads.
#[test]
fn shapes_of_no_use_to_winograd_stay_direct() {
    let good = same3x3(32, 32, 8, 1);
    let algorithm =
        |shape| Conv2d::new(shape).unwrap().with_algorithm(Algorithm::Winograd).algorithm();
    assert_eq!(algorithm(good), Algorithm::Winograd);
    for shape in [
        same3x3(31, 32, 8, 1),
        same3x3(32, 31, 8, 1),
        same3x3(32, 32, 7, 1),
        same3x3(32, 32, 8, 2),
        Conv2dShape { groups: 2, ..good },
        Conv2dShape { padding: Size::new(1, 0), ..good },
        Conv2dShape { kernel: Size::new(3, 2), ..good },
    ] {
        assert_eq!(algorithm(shape), Algorithm::Direct, "{shape:?}");
    }
    let direct = Conv2d::new(good).unwrap();
    let winograd = direct.clone().with_algorithm(Algorithm::Winograd);
    let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
    direct.pack(&vec![0.0; 32 * 32 * 9], &mut packed).unwrap();
    let (x, mut y) = (vec![0.0; 32 * 64], vec![0.0; 32 * 64]);
    let forward = winograd.forward(&x, &packed, None, &mut y, &mut workspace);
    assert_eq!(forward, Err(ConvError::Packed));
}

/// Catches: a bias that is added to another output or once for each part of the source, and a gradient
/// that overwrites what it is to be added to, or adds it twice. Shapes: every kernel of the gradient by
/// the weights, surplus outputs of a tile, groups, pixels that no filter reads, more than one part, Winograd's sums.
#[test]
fn a_bias_and_what_gradients_are_added_to_count_once() {
    let unread =
        Conv2dShape { stride: Size::square(2), ..shape(20, 7, Size::square(1), Size::square(5)) };
    let groups = Conv2dShape { groups: 2, ..same3x3(8, 14, 5, 2) };
    for shape in [
        same3x3(3, 7, 17, 1),
        same3x3(20, 24, 6, 2),
        same3x3(100, 3, 4, 1),
        groups,
        unread,
        same3x3(140, 34, 8, 1),
    ] {
        let case = Case::new(shape, 3, 21);
        let expected = plain(&case);
        for instructions in InstructionSet::available() {
            let conv = Conv2d::with_instructions(shape, instructions).unwrap();
            let conv = conv.with_algorithm(Algorithm::Winograd);
            let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
            conv.pack(&case.weights, &mut packed).unwrap();
            let last = |values: &[f32]| {
                let mut planes = vec![0.0; values.len()];
                to_batch_last(values, case.rows, &mut planes).unwrap();
                planes
            };
            let first = |planes: &[f32], less: &dyn Fn(usize) -> f32| {
                let mut values = vec![0.0; planes.len()];
                to_batch_first(planes, case.rows, &mut values).unwrap();
                values.iter_mut().enumerate().for_each(|(at, value)| *value -= less(at));
                values
            };
            let held = |at: usize| (at % 11) as f32 - 5.0;
            let holding = |len: usize| (0..len).map(held).collect::<Vec<_>>();
            let (x, dy) = (last(&case.input), last(&case.output_gradient));
            let (mut y, mut dw) = (vec![f32::NAN; dy.len()], holding(case.weights.len()));
            let mut dx = last(&holding(x.len()));
            let bias = holding(shape.outputs);
            conv.forward(&x, &packed, Some(&bias), &mut y, &mut workspace).unwrap();
            conv.input_gradient(&dy, &packed, &mut dx, true, &mut workspace).unwrap();
            conv.weight_gradient(&x, &dy, &mut dw, true, &mut workspace).unwrap();
            dw.iter_mut().enumerate().for_each(|(at, value)| *value -= held(at));
            let area = conv.output().area();
            for (what, error) in [
                (
                    "output",
                    error(&first(&y, &|at| bias[at / area % shape.outputs]), &expected.output),
                ),
                ("input gradient", error(&first(&dx, &held), &expected.input_gradient)),
                ("weight gradient", error(&dw, &expected.weight_gradient)),
            ] {
                let name = instructions.name();
                assert!(error <= 1e-5, "{what} of {shape:?}, {name}: {error:e}");
            }
        }
    }
}

/// Catches: forward weights in another order than those of `pack`, and gradients by weights of an
/// earlier `pack`.
#[test]
fn weights_packed_for_the_forward_pass_serve_it_alone() {
    let case = Case::new(same3x3(3, 7, 5, 1), 2, 13);
    let conv = Conv2d::new(case.shape).unwrap();
    let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
    let (mut both, mut alone) = (case.output_gradient.clone(), case.output_gradient.clone());
    conv.pack(&case.weights, &mut packed).unwrap();
    conv.forward(&case.input, &packed, None, &mut both, &mut workspace).unwrap();
    conv.pack_forward(&case.weights, &mut packed).unwrap();
    conv.forward(&case.input, &packed, None, &mut alone, &mut workspace).unwrap();
    assert_eq!(both, alone);
    let mut dx = case.input.clone();
    let gradient =
        conv.input_gradient(&case.output_gradient, &packed, &mut dx, false, &mut workspace);
    assert_eq!(
        gradient.unwrap_err().to_string(),
        "The weights are packed for the forward pass alone: pack them for gradients, too (`Conv2d::pack`)."
    );
}

/// Catches: a definition above whose gradients are not those of its forward pass, so that the kernels
/// would be held to a wrong number: central differences of a bilinear sum are exact but for rounding.
#[test]
fn gradients_of_the_definition_are_its_central_differences() {
    let strided = Conv2dShape {
        stride: Size::new(2, 1),
        padding: Size::new(1, 2),
        groups: 2,
        ..shape(4, 6, Size::new(2, 3), Size::new(5, 4))
    };
    let case = Case::new(strided, 2, 3);
    let loss = |input: &[f64], weights: &[f64]| {
        let mut loss = 0.0;
        each_product(&case.shape, case.rows, |y, x, w| {
            loss += f64::from(case.output_gradient[y]) * input[x] * weights[w];
        });
        loss
    };
    let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    let (mut input, mut weights) = (wide(&case.input), wide(&case.weights));
    let Results { input_gradient, weight_gradient, .. } = plain(&case);
    let step = 0.5;
    for (at, expected) in input_gradient.iter().enumerate() {
        let old = input[at];
        let [up, down] = [old + step, old - step].map(|value| {
            input[at] = value;
            loss(&input, &weights)
        });
        input[at] = old;
        assert!(((up - down) / (2.0 * step) - expected).abs() < 1e-9, "input {at}");
    }
    for (at, expected) in weight_gradient.iter().enumerate() {
        let old = weights[at];
        let [up, down] = [old + step, old - step].map(|value| {
            weights[at] = value;
            loss(&input, &weights)
        });
        weights[at] = old;
        assert!(((up - down) / (2.0 * step) - expected).abs() < 1e-9, "weight {at}");
    }
}

/// Catches: a conversion that mixes up rows and features, in whole blocks of 16 and in the rest.
#[test]
fn conversions_move_every_number_to_its_place() {
    for (rows, features) in [(1, 5), (16, 32), (19, 37), (64, 300)] {
        let samples = (0..rows * features).map(|i| i as f32).collect::<Vec<_>>();
        let mut planes = vec![f32::NAN; samples.len()];
        to_batch_last(&samples, rows, &mut planes).unwrap();
        for (at, found) in planes.iter().enumerate() {
            assert_eq!(*found, samples[at % rows * features + at / rows]);
        }
        let mut back = vec![f32::NAN; samples.len()];
        to_batch_first(&planes, rows, &mut back).unwrap();
        assert_eq!(back, samples);
    }
}

/// Catches: a shape that is accepted and would panic or answer with nothing.
#[test]
fn shapes_that_do_not_fit_are_sentences() {
    let good =
        Conv2dShape { padding: Size::square(1), ..shape(4, 6, Size::square(3), Size::square(5)) };
    let say = |shape| Conv2d::new(shape).unwrap_err().to_string();
    let one = Size::square(1);
    for (bad, sentence) in [
        (
            Conv2dShape { inputs: 0, ..good },
            "The number of input channels must be at least 1, found 0.",
        ),
        (
            Conv2dShape { stride: Size::new(1, 0), ..good },
            "The number of columns between filter positions (stride) must be at least 1, found 0.",
        ),
        (
            Conv2dShape { groups: 3, ..good },
            "4 input channels cannot be split evenly into 3 groups.",
        ),
        (
            Conv2dShape { groups: 4, ..good },
            "6 output channels cannot be split evenly into 4 groups.",
        ),
        (
            Conv2dShape { kernel: one, ..good },
            "The padding 1x1 must be smaller than the kernel 1x1 in both directions.",
        ),
        (
            Conv2dShape { image: Size::new(5, 2), padding: Size::square(0), ..good },
            "An image of 5x2 pixels with padding 0x0 on each side is smaller than the kernel 3x3.",
        ),
    ] {
        assert_eq!(say(bad), sentence);
    }
    for huge in [
        Conv2dShape { image: Size::square(usize::MAX / 2), ..good },
        Conv2dShape { inputs: usize::MAX / 4 * 4, groups: 1, ..good },
        Conv2dShape { image: Size::square(usize::MAX), ..good },
    ] {
        assert!(matches!(Conv2d::new(huge), Err(ConvError::TooLarge { .. })));
    }
}

/// Catches: a slice of the wrong length, or weights of another layer, that are read all the same.
#[test]
fn slices_and_weights_that_do_not_fit_are_sentences() {
    let conv = Conv2d::new(same3x3(2, 3, 4, 1)).unwrap();
    let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
    let (x, mut y) = (vec![0.0; 32 * 2], vec![0.0; 48 * 2]);
    let unpacked = conv.forward(&x, &packed, None, &mut y, &mut workspace);
    assert_eq!(unpacked, Err(ConvError::Packed));
    assert_eq!(
        conv.pack(&[0.0; 53], &mut packed).unwrap_err().to_string(),
        "Expected 54 numbers in the weights, found 53."
    );
    conv.pack(&[0.0; 54], &mut packed).unwrap();
    assert_eq!(conv.forward(&x, &packed, None, &mut y, &mut workspace), Ok(()));
    assert_eq!(
        conv.forward(&x[1..], &packed, None, &mut y, &mut workspace).unwrap_err().to_string(),
        "Expected a multiple of 32 numbers in the input, found 63."
    );
    assert_eq!(
        conv.forward(&x, &packed, None, &mut y[1..], &mut workspace).unwrap_err().to_string(),
        "Expected 96 numbers in the output, found 95."
    );
    let other = Conv2d::new(same3x3(2, 3, 4, 2)).unwrap();
    let mut small = vec![0.0; 12 * 2];
    assert_eq!(
        other.forward(&x, &packed, None, &mut small, &mut workspace),
        Err(ConvError::Packed)
    );
    let short = conv.weight_gradient(&x, &y[1..], &mut [0.0; 54], false, &mut workspace);
    assert_eq!(short, Err(ConvError::Length { what: "output gradient", found: 95, expected: 96 }));
}

/// Catches: a division by the number of samples, and a gradient that keeps what it held before.
#[test]
fn a_batch_of_no_samples_has_no_outputs_and_a_gradient_of_zeros() {
    let conv = Conv2d::new(same3x3(2, 3, 4, 2)).unwrap();
    let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
    conv.pack(&[1.0; 54], &mut packed).unwrap();
    assert_eq!(conv.forward(&[], &packed, None, &mut [], &mut workspace), Ok(()));
    assert_eq!(conv.input_gradient(&[], &packed, &mut [], false, &mut workspace), Ok(()));
    let mut gradient = [f32::NAN; 54];
    assert_eq!(conv.weight_gradient(&[], &[], &mut gradient, false, &mut workspace), Ok(()));
    assert_eq!(gradient, [0.0; 54]);
}
