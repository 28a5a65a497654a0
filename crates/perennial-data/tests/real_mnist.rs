//! Real MNIST, where it is: `PERENNIAL_DATA` names the folder that holds it.

use std::env;
use std::path::PathBuf;

use perennial_data::{Values, load};

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn mnist_is_what_everybody_else_reads() {
    let Some(dir) = env::var_os("PERENNIAL_DATA").map(PathBuf::from) else {
        eprintln!("skipped: PERENNIAL_DATA is not set to a folder that holds MNIST");
        return;
    };
    let set = load("mnist", Some(&dir)).unwrap();
    assert_eq!(set.shape, [1, 28, 28]);
    assert_eq!((set.train.len(), set.test.len()), (60_000, 10_000));
    assert_eq!(set.train.labels[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);

    // The constants with which MNIST is normalised everywhere.
    let Values::Bytes { pixels, white } = &set.train.values else { panic!("MNIST is bytes") };
    let count = pixels.len() as f64;
    let values = || pixels.iter().map(|&pixel| f64::from(pixel) / f64::from(*white));
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    assert!((mean - 0.1307).abs() < 5e-5, "mean {mean}");
    assert!((variance.sqrt() - 0.3081).abs() < 5e-5, "standard deviation {}", variance.sqrt());
}
