//! Layers of single numbers.

use perennial_nn::check::{self, Check};
use perennial_nn::layer::{Activation, Dropout, Nonlinearity};

use crate::{passes, passes_as};

/// Over vectors, sequences and images; from far below 0 to far above.
/// Catches: a derivative by the output where the layer has the input, and the reverse.
#[test]
fn activations() {
    let far: Vec<f32> = (0..60).map(|i| (i as f32 - 29.5) / 4.0).collect();
    for nonlinearity in Nonlinearity::ALL {
        let layer = Activation(nonlinearity);
        for shape in [&[12][..], &[3, 4], &[2, 3, 2]] {
            passes(&layer, &[shape]);
            passes_as(&layer, &[shape], |check| Check {
                samples: Some(vec![far.clone()]),
                ..check
            });
        }
    }
}

/// In evaluation it changes nothing; in training it is linear, and its gradient drops what it dropped.
/// Catches: a gradient through other draws, draws that depend on threads.
#[test]
fn dropout() {
    for shape in [&[12][..], &[3, 4], &[2, 3, 2]] {
        for rate in [0.0, 0.3, 0.9] {
            let layer = Dropout { rate };
            passes(&layer, &[shape]);
            let drawn = Check { key: Some(7), ..Check::new(&layer, &[shape]) };
            drawn.run().unwrap();
        }
    }
    for rate in [1.0, -0.1, f32::NAN] {
        let error = check::layer(&Dropout { rate }, &[&[3]]).unwrap_err().to_string();
        assert!(error.contains("its rate is"), "{error}");
    }
}
