//! PackNet: θ and owners after each of three tasks, under momentum with weight decay and under
//! Adam.

use perennial::Setting;
use serde_json::json;

use crate::cases::{Case, Taught, close};

/// The owner of each weight of both layers: 0 for nobody, task t + 1 otherwise.
fn owners(taught: &Taught) -> [String; 2] {
    ["column1.dense1.weight", "column1.dense2.weight"].map(|slot| taught.owners("owners", slot))
}

/// Catches: pruning of the largest or by sign, a share of all weights instead of the own ones, a
/// pruned weight that is not 0 or that retrains, moments that go on into retraining.
#[test]
fn packnet_with_biases_of_each_task() {
    let ends =
        Case::new("packnet", json!({ "prune": "0.5,0.6", "retrain": 0.3, "biases": "task" }))
            .setting(Setting::Task)
            .momentum_and_decay(0.9, 0.01)
            .steps([20, 30, 30])
            .teach();
    let expected: [(&[f64], _); 3] = [
        (
            &[-2.19784, 1.04174, 1.07357, 0.577039, -0.581169, 0.264649],
            ["100100110110011101101000100110", "111001101100100110010001"],
        ),
        (
            &[
                0.185806, 1.04174, 0.80379, 0.577039, -0.581169, 0.264649, 1.57918, 2.00337,
                4.80146, -0.505613,
            ],
            ["100120110110211121121220100110", "111201101120122112010001"],
        ),
        (
            &[
                1.1209, 1.04174, -0.444558, 0.577039, -0.581169, 0.264649, 1.57918, 2.00337,
                4.80146, -0.505613, 2.36395, 1.59873, -0.545067, 0.878205,
            ],
            ["100120113113211121121220103113", "111201101120122112313301"],
        ),
    ];
    for (task, (taught, (theta, owned))) in ends.iter().zip(expected).enumerate() {
        close(&format!("task {}", task + 1), &taught.digest(&taught.theta), theta);
        assert_eq!(owners(taught), owned, "task {}", task + 1);
    }
}

/// Catches: biases that move after the first task.
#[test]
fn packnet_with_biases_of_the_first_task() {
    let ends =
        Case::new("packnet", json!({ "prune": "0.5,0.6", "retrain": 0.3, "biases": "first" }))
            .setting(Setting::Task)
            .adam()
            .lr(0.02)
            .steps([20, 30, 30])
            .teach();
    let expected: [(&[f64], _); 3] = [
        (
            &[-0.98266, 1.16674, 1.33617, 1.25471, -0.985257, 0.369992],
            ["101100110110011001101000100110", "001001101101100110010011"],
        ),
        (
            &[-0.576962, 1.16674, 3.10861, 1.25471, -0.985257, 0.369992, 3.00624, 0.86315],
            ["121100112110011221101200100112", "021201101101100112012211"],
        ),
        (
            &[
                -2.16593, 1.16674, 2.09403, 1.25471, -0.985257, 0.369992, 3.00624, 0.86315,
                0.893292, 0.190072,
            ],
            ["121130112113011221131230100112", "321201131101100112312211"],
        ),
    ];
    for (task, (taught, (theta, owned))) in ends.iter().zip(expected).enumerate() {
        close(&format!("task {}", task + 1), &taught.digest(&taught.theta), theta);
        assert_eq!(owners(taught), owned, "task {}", task + 1);
    }
}
