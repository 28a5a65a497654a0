//! Layers over vectors and sequences.

use perennial_nn::draws::Key;
use perennial_nn::layer::{Add, Flatten, Join, LayerNorm, Linear};
use perennial_nn::params::Start;
use rand::RngExt;

use crate::{passes, passes_as};

/// Catches: a bias left out or added twice, a weight that is read transposed, a sequence whose rows are
/// taken as samples (its statistics), a block of rows that sums in another order.
#[test]
fn linear() {
    for bias in [true, false] {
        for outputs in [1, 6, 20] {
            let layer = Linear { outputs, bias, init: Start::Torch };
            passes(&layer, &[&[9]]);
            passes(&layer, &[&[5, 7]]);
            passes(&layer, &[&[1, 7]]);
        }
    }
}

/// `rows` rows of `len` numbers, of which row r has the share `shares[r % shares.len()]` other than 0.
fn sparse(rows: usize, len: usize, shares: &[f64]) -> Vec<f32> {
    let mut generator = Key::of_seed(3).generator("sparse");
    let mut number =
        |row: usize| match generator.random_range(0.0..1.0) < shares[row % shares.len()] {
            true => generator.random_range(0.1..1.0),
            false => 0.0,
        };
    (0..rows * len).map(|at| number(at / len)).collect()
}

/// Rows of data that are mostly zeros, all zeros, or full, alone and in one batch.
/// Catches: a full row that is left out, a row of zeros without its bias, a gradient that is added to
/// where it should be written, a path that is chosen for the batch.
#[test]
fn linear_over_data() {
    for (rows, shares) in [(5, &[0.1][..]), (5, &[0.2, 0.9]), (4, &[0.0, 0.3]), (4, &[1.0])] {
        for bias in [true, false] {
            // 16 outputs are the fewest that take the sparse path, 15 the most that do not.
            for outputs in [15, 16, 35] {
                let layer = Linear { outputs, bias, init: Start::Torch };
                passes_as(&layer, &[&[83]], |check| perennial_nn::check::Check {
                    rows,
                    samples: Some(vec![sparse(rows, 83, shares)]),
                    reads_data: true,
                    ..check
                });
            }
        }
    }
    // Positions of one sample that go different ways.
    let layer = Linear::new(16, Start::Torch);
    passes_as(&layer, &[&[3, 30]], |check| perennial_nn::check::Check {
        rows: 2,
        samples: Some(vec![sparse(6, 30, &[0.1, 0.9, 0.0])]),
        reads_data: true,
        ..check
    });
}

/// Catches: a mean or variance over the sequence and not over a position, x̂ without ε.
#[test]
fn layer_norm() {
    passes(&LayerNorm, &[&[11]]);
    passes(&LayerNorm, &[&[4, 6]]);
}

/// Catches: an input left out, an order of samples that the layout of images does not have.
#[test]
fn add_flatten_and_join() {
    for shape in [&[7][..], &[3, 4], &[2, 3, 5]] {
        passes(&Add, &[shape, shape]);
        passes(&Add, &[shape, shape, shape]);
        passes(&Add, &[shape]);
        passes(&Flatten, &[shape]);
    }
    passes(&Join, &[&[4], &[7], &[1]]);
    passes(&Join, &[&[2, 3, 4], &[5, 3, 4]]);
}
