//! Results whose bits must not depend on the batch or on the number of threads.

use crate::plain::{Case, same3x3};
use perennial_nn::{
    Algorithm, Conv2d, Conv2dShape, InstructionSet, PackedWeights, Size, Workspace, to_batch_last,
};

/// The bits of the output and of both gradients, batch-last.
#[derive(PartialEq, Debug)]
struct Bits {
    output: Vec<u32>,
    input_gradient: Vec<u32>,
    weight_gradient: Vec<u32>,
}

fn planes(values: &[f32], rows: usize) -> Vec<f32> {
    let mut planes = vec![0.0; values.len()];
    to_batch_last(values, rows, &mut planes).unwrap();
    planes
}

/// Computes some neighbouring samples of a case on so many threads.
fn compute(
    case: &Case,
    samples: std::ops::Range<usize>,
    instructions: InstructionSet,
    threads: usize,
) -> Bits {
    let conv = Conv2d::with_instructions(case.shape, instructions).unwrap();
    let conv = conv.with_algorithm(case.algorithm);
    assert_eq!(conv.algorithm(), case.algorithm);
    let part = |values: &[f32]| {
        let sample = values.len() / case.rows;
        planes(&values[samples.start * sample..samples.end * sample], samples.len())
    };
    let (x, dy) = (part(&case.input), part(&case.output_gradient));
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    let mut dw = vec![0.0; case.weights.len()];
    let (mut packed, mut workspace) = (PackedWeights::new(), Workspace::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        conv.pack(&case.weights, &mut packed).unwrap();
        conv.forward(&x, &packed, None, &mut y, &mut workspace).unwrap();
        conv.input_gradient(&dy, &packed, &mut dx, false, &mut workspace).unwrap();
        conv.weight_gradient(&x, &dy, &mut dw, false, &mut workspace).unwrap();
    });
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    Bits { output: bits(&y), input_gradient: bits(&dx), weight_gradient: bits(&dw) }
}

/// The numbers of some samples of batch-last planes.
fn of_samples(bits: &[u32], rows: usize, samples: &std::ops::Range<usize>) -> Vec<u32> {
    bits.chunks_exact(rows).flat_map(|pixel| &pixel[samples.clone()]).copied().collect()
}

fn cases(seed: u64) -> Vec<Case> {
    let winograd = [(same3x3(40, 40, 32, 1), 7), (same3x3(150, 64, 9, 1), 64)];
    let winograd = winograd.into_iter().map(|(shape, rows)| Case {
        algorithm: Algorithm::Winograd,
        ..Case::new(shape, rows, seed)
    });
    shapes().into_iter().map(|(shape, rows)| Case::new(shape, rows, seed)).chain(winograd).collect()
}

fn shapes() -> Vec<(Conv2dShape, usize)> {
    let depthwise = Conv2dShape { groups: 40, ..same3x3(40, 40, 7, 1) };
    let shortcut = Conv2dShape {
        stride: Size::square(2),
        ..Conv2dShape::new(20, 40, Size::square(1), Size::square(7))
    };
    vec![
        (same3x3(3, 20, 32, 1), 7),
        (same3x3(20, 20, 32, 1), 7),
        (same3x3(20, 40, 7, 2), 64),
        (same3x3(40, 40, 4, 1), 64),
        (same3x3(64, 72, 1, 1), 64),
        (same3x3(72, 64, 7, 1), 64),
        (same3x3(64, 40, 32, 1), 7),
        (depthwise, 64),
        (shortcut, 64),
    ]
}

/// Catches: a tile, an order of sums or a rounding that depends on the number of samples: such as a
/// kernel with fused products for whole registers and without for the rest, or taps over zeros that
/// are left out where a batch is small.
#[test]
fn a_sample_has_the_same_bits_alone_and_in_any_batch() {
    for case in cases(5) {
        let rows = case.rows;
        for instructions in InstructionSet::available() {
            let all = compute(&case, 0..rows, instructions, 1);
            for samples in [0..1, 3..4, rows - 1..rows, 0..7] {
                let part = compute(&case, samples.clone(), instructions, 1);
                let (name, shape) = (instructions.name(), case.shape);
                let same = part.output == of_samples(&all.output, rows, &samples);
                assert!(same, "output, {samples:?}, {name}, {shape:?}");
                let same = part.input_gradient == of_samples(&all.input_gradient, rows, &samples);
                assert!(same, "input gradient, {samples:?}, {name}, {shape:?}");
            }
        }
    }
}

/// Catches: a batch of a thousand, whose rows are longer than a band, that is cut between the
/// numbers of a sample.
#[test]
fn a_sample_has_the_same_bits_in_a_batch_of_a_thousand() {
    let direct =
        [same3x3(3, 20, 4, 1), same3x3(2, 3, 16, 1)].map(|shape| Case::new(shape, 1000, 9));
    let winograd = Case::new(same3x3(32, 32, 8, 1), 1000, 9);
    let winograd = Case { algorithm: Algorithm::Winograd, ..winograd };
    for case in direct.into_iter().chain([winograd]) {
        let all = compute(&case, 0..1000, InstructionSet::best(), 2);
        for samples in [0..1, 499..500, 999..1000, 300..364] {
            let part = compute(&case, samples.clone(), InstructionSet::best(), 1);
            assert!(part.output == of_samples(&all.output, 1000, &samples), "{samples:?}");
            let gradient = of_samples(&all.input_gradient, 1000, &samples);
            assert!(part.input_gradient == gradient, "{samples:?}");
        }
    }
}

/// Catches: a split over threads that changes an order of sums, such as partial sums for each thread
/// in the gradient by the weights, or a job that writes what another one owns.
#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    for case in cases(11) {
        let (shape, rows) = (case.shape, case.rows);
        for instructions in InstructionSet::available() {
            let one = compute(&case, 0..rows, instructions, 1);
            for threads in [2, 5] {
                let many = compute(&case, 0..rows, instructions, threads);
                let name = instructions.name();
                assert!(many == one, "{threads} threads, {name}, {shape:?}");
            }
        }
    }
}
