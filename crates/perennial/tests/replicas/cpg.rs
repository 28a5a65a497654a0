//! Compacting, picking and growing without growth: θ, owners and picks after each of three tasks.
//!
//! The last two rows of each task are its validation part.

use perennial::Setting;
use serde_json::json;

use crate::cases::{Case, Taught, close};

/// The owner of each weight of both layers: 0 for nobody, task t + 1 otherwise.
fn owners(taught: &Taught) -> [String; 2] {
    ["column1.dense1.weight", "column1.dense2.weight"].map(|slot| taught.owners("owners", slot))
}

/// Which weights of both layers a task picked: 1 for those.
fn picks(taught: &Taught, task: usize) -> [String; 2] {
    let name = format!("picks.{task}");
    ["column1.dense1.weight", "column1.dense2.weight"].map(|slot| taught.marked(&name, slot))
}

/// Catches: a threshold at 0, scores that move by g instead of g ∘ W, a gradual pruning of another
/// power, picks that compaction moves, an older weight that moves.
#[test]
fn cpg_picks_and_compacts() {
    let settings = json!({ "goal": 0, "growth": 1, "min-train": 0 });
    let case = Case { network: "mlp:10x6", apart: 2, ..Case::new("cpg", settings) };
    let ends = case.setting(Setting::Task).steps([60; 3]).lr(0.05).teach();
    let expected: [(&[f64], _, _); 3] = [
        (
            &[-2.94799, -0.182034, 2.68462, 0.0737744, -0.408079, -0.628351],
            [
                "00000000001000000100000000000000000000000000000000",
                "000000000100000000000000000000000000000000001000000100000000",
            ],
            [
                "00000000000000000000000000000000000000000000000000",
                "000000000000000000000000000000000000000000000000000000000000",
            ],
        ),
        (
            &[
                -2.8015, -0.182034, 4.52757, 0.0737744, -0.408079, -0.628351, 0.306646, 0.91577,
                1.53228, -0.449095,
            ],
            [
                "02000000001200000100000000000000000000000000000000",
                "000020000100000000000000000000000200000000001000020100000000",
            ],
            [
                "00000000001000000000000000000000000000000000000000",
                "000000000100000000000000000000000000000000000000000100000000",
            ],
        ),
        (
            &[
                -4.21836, -0.182034, 5.13363, 0.0737744, -0.408079, -0.628351, 0.306646, 0.91577,
                1.53228, -0.449095, 1.2133, 0.928391, -1.08158, -1.23584,
            ],
            [
                "02000000001200000100000000000003000000000000000300",
                "000020300100000000000000000000000200000000301030020100000000",
            ],
            [
                "01000000001000000100000000000000000000000000000000",
                "000010000100000000000000000000000100000000001000000100000000",
            ],
        ),
    ];
    for (task, (taught, (theta, owned, picked))) in ends.iter().zip(expected).enumerate() {
        close(&format!("task {}", task + 1), &taught.digest(&taught.theta), theta);
        assert_eq!(owners(taught), owned, "task {}", task + 1);
        assert_eq!(picks(taught, task), picked, "task {}", task + 1);
    }
}
