//! Compacting, picking and growing without growth: θ, owners and picks after each of three tasks.
//!
//! The last two rows of each task are its validation part.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case, Taught, close};

/// The owner of each weight of both layers: 0 for nobody, task t + 1 otherwise.
fn owners(taught: &Taught) -> [String; 2] {
    ["column1.dense1.weight", "column1.dense2.weight"].map(|slot| taught.owners("owners", slot))
}

/// Which weights of both layers a task picked: 1 for those.
fn picks(taught: &Taught, task: usize) -> [String; 2] {
    let name = format!("picks.{task}");
    ["column1.dense1.weight", "column1.dense2.weight"].map(|slot| taught.marked(&name, slot))
}

/// Catches: a threshold at 0, scores that move by g instead of g ∘ W, a gradual pruning of another power, picks
/// that compaction moves, an older weight that moves.
#[test]
fn cpg_picks_and_compacts() {
    let settings = json!({ "goal": 0, "growth": 1, "min-train": 0 });
    let case = Case { network: "mlp:12x8", apart: 2, ..Case::new("cpg", settings) };
    let ends = case.setting(Setting::Task).steps([60; 3]).teach();
    let expected = [
        (
            After {
                theta: &[-1.458725, 1.621472, 4.9525776, 0.61916018, 2.8527866, -0.14778168],
                held: &[],
            },
            [
                "000000000000000001000000100000000100000000000000000000000000",
                "000000000000000000100000000000001000000000000000000000001000000000000000001001000000000000000000",
            ],
            [
                "000000000000000000000000000000000000000000000000000000000000",
                "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            ],
        ),
        (
            After {
                theta: &[
                    2.3111628,
                    1.621472,
                    3.036844,
                    0.61916018,
                    2.8527866,
                    -0.14778168,
                    1.9268525,
                    1.1933452,
                    -1.9091495,
                    -0.75927665,
                ],
                held: &[],
            },
            [
                "000020020000000001000200100000000100000000000000000000000000",
                "220002020000000000100000000000001000000000000200000000001000000000000000001001000000000000000000",
            ],
            [
                "000000000000000001000000100000000000000000000000000000000000",
                "000000000000000000100000000000001000000000000000000000001000000000000000001001000000000000000000",
            ],
        ),
        (
            After {
                theta: &[
                    3.321753,
                    1.621472,
                    5.3097447,
                    0.61916018,
                    2.8527866,
                    -0.14778168,
                    1.9268525,
                    1.1933452,
                    -1.9091495,
                    -0.75927665,
                    3.0158611,
                    2.1267126,
                    2.5930537,
                    -0.11857465,
                ],
                held: &[],
            },
            [
                "000020020000000001000200100000000100003000000000003000000300",
                "220002020000000000100000000000001000000003300203000000001000000000000000001001030000000000000000",
            ],
            [
                "000000000000000001000100100000000000000000000000000000000000",
                "110001010000000000100000000000000000000000000100000000000000000000000000001001000000000000000000",
            ],
        ),
    ];
    for (task, (taught, (after, owned, picked))) in ends.iter().zip(expected).enumerate() {
        close(&format!("task {}", task + 1), &taught.digest(&taught.theta), after.theta);
        assert_eq!(owners(taught), owned, "task {}", task + 1);
        assert_eq!(picks(taught, task), picked, "task {}", task + 1);
    }
}
