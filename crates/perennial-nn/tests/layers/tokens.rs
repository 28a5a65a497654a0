//! Layers over token numbers.

use perennial_nn::check::Check;
use perennial_nn::layer::Embedding;

use crate::passes_as;

/// Samples with a token twice, a sample of padding alone, and numbers that are no token.
/// Catches: squares that are taken before a token's uses are added up, a padded position that counts.
#[test]
fn embedding() {
    let numbers = [
        [2.0, 0.0, 2.0, -1.0],
        [-1.0, -1.0, -1.0, -1.0],
        [5.0, 5.0, 5.0, 5.0],
        [1.0, 6.0, 0.5, f32::NAN], // 6 tokens: 0 to 5
        [4.0, 3.0, -1.0, 4.0],
    ];
    let numbers: Vec<f32> = numbers.concat();
    passes_as(&Embedding { tokens: 6, width: 3 }, &[&[4]], |check| Check {
        samples: Some(vec![numbers.clone()]),
        differentiable: false,
        reads_data: true,
        ..check
    });
}
