//! PackNet: θ and owners after each of three tasks, under momentum with weight decay and under Adam.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case, Taught, close};

/// The owner of each weight of both layers: 0 for nobody, task t + 1 otherwise.
fn owners(taught: &Taught) -> [String; 2] {
    ["column1.dense1.weight", "column1.dense2.weight"].map(|slot| taught.owners("owners", slot))
}

/// Catches: pruning of the largest or by sign, a share of all weights instead of the own ones, a pruned
/// weight that is not 0 or that retrains, moments that go on into retraining.
#[test]
fn packnet_with_biases_of_each_task() {
    let ends =
        Case::new("packnet", json!({ "prune": "0.5,0.6", "retrain": 0.3, "biases": "task" }))
            .setting(Setting::Task)
            .momentum_and_decay(0.9, 0.01)
            .steps([20, 30, 30])
            .teach();
    let expected = [
        (
            After {
                theta: &[-2.1978378, 1.0417385, 1.073572, 0.57703896, -0.58116946, 0.26464854],
                held: &[],
            },
            ["100100110110011101101000100110", "111001101100100110010001"],
        ),
        (
            After {
                theta: &[
                    0.18580627,
                    1.0417385,
                    0.80378971,
                    0.57703896,
                    -0.58116946,
                    0.26464854,
                    1.5791755,
                    2.0033668,
                    4.8014577,
                    -0.50561348,
                ],
                held: &[],
            },
            ["100120110110211121121220100110", "111201101120122112010001"],
        ),
        (
            After {
                theta: &[
                    1.1208953,
                    1.0417385,
                    -0.44455804,
                    0.57703896,
                    -0.58116946,
                    0.26464854,
                    1.5791755,
                    2.0033668,
                    4.8014577,
                    -0.50561348,
                    2.3639485,
                    1.5987327,
                    -0.545067,
                    0.87820493,
                ],
                held: &[],
            },
            ["100120113113211121121220103113", "111201101120122112313301"],
        ),
    ];
    for (task, (taught, (after, owned))) in ends.iter().zip(expected).enumerate() {
        close(&format!("task {}", task + 1), &taught.digest(&taught.theta), after.theta);
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
    let expected = [
        (
            After {
                theta: &[-0.98266027, 1.1667387, 1.3361692, 1.2547145, -0.9852568, 0.36999153],
                held: &[],
            },
            ["101100110110011001101000100110", "001001101101100110010011"],
        ),
        (
            After {
                theta: &[
                    -0.57696226,
                    1.1667387,
                    3.1086074,
                    1.2547145,
                    -0.9852568,
                    0.36999153,
                    3.0062389,
                    0.86315018,
                ],
                held: &[],
            },
            ["121100112110011221101200100112", "021201101101100112012211"],
        ),
        (
            After {
                theta: &[
                    -2.1659328, 1.1667387, 2.0940316, 1.2547145, -0.9852568, 0.36999153, 3.0062389,
                    0.86315018, 0.89329165, 0.19007206,
                ],
                held: &[],
            },
            ["121130112113011221131230100112", "321201131101100112312211"],
        ),
    ];
    for (task, (taught, (after, owned))) in ends.iter().zip(expected).enumerate() {
        close(&format!("task {}", task + 1), &taught.digest(&taught.theta), after.theta);
        assert_eq!(owners(taught), owned, "task {}", task + 1);
    }
}
