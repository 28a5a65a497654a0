//! Synaptic intelligence: θ and Ω after each of three tasks.

use serde_json::json;

use crate::cases::{After, Case};

/// Catches: ξ left out, c without its 2, ω of a wrong sign, ω that is not emptied between tasks.
#[test]
fn the_papers_si() {
    Case::new("si", json!({ "c": 0.5 })).holds(
        "guard.importance",
        &[
            After {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                held: &[1.18703, 0.263247, 1.38972, 0.20867, 1.06478, 0.158634],
            },
            After {
                theta: &[-1.69612, 0.642574, -1.35658, 0.346165, -0.270986, 0.289183],
                held: &[2.25162, 0.406458, 1.82458, 0.27421, 1.37108, 0.304232],
            },
            After {
                theta: &[-1.84408, 0.563568, -1.09909, 0.315832, -0.243475, 0.274836],
                held: &[3.59227, 0.776864, 4.26185, 0.419487, 3.00599, 0.375273],
            },
        ],
    );
}

/// Catches: the gradient of the loss alone in ω, Ω kept from going below 0.
#[test]
fn si_of_the_penalised_gradient() {
    Case::new("si", json!({ "c": 0.5, "gradient": "penalised", "clip": "none" }))
        .momentum_and_decay(0.9, 0.01)
        .lr(0.05)
        .holds(
            "guard.importance",
            &[
                After {
                    theta: &[-1.49679, 0.854149, -0.377796, 0.532814, -0.424698, 0.315964],
                    held: &[1.31005, 0.279548, 1.28569, 0.161122, 1.36192, 0.148675],
                },
                After {
                    theta: &[-0.907087, 1.02473, -2.03855, 0.034743, -0.155745, 0.294424],
                    held: &[3.19973, 0.764204, 2.21013, 0.448576, 1.86746, 0.234804],
                },
                After {
                    theta: &[-1.57926, 0.341315, -2.74464, -0.4489, -0.119231, 0.252119],
                    held: &[5.21533, 1.18165, 3.98014, 0.682399, 3.01418, 0.753435],
                },
            ],
        );
}

/// Catches: ω of −lr g² instead of the move that Adam makes, a clipped sum instead of a clipped
/// increment.
#[test]
fn si_under_adam() {
    Case::new("si", json!({ "c": 5, "clip": "increment" })).adam().lr(0.1).holds(
        "guard.importance",
        &[
            After {
                theta: &[1.13083, 3.91146, 2.18523, 1.9514, -3.18638, 0.173633],
                held: &[1.32927, 0.314691, 1.97575, 0.37629, 0.655814, 0.811954],
            },
            After {
                theta: &[2.19172, 3.93456, -4.0866, 2.04273, -2.91435, 0.262719],
                held: &[14.5678, 4.37561, 17.9504, 3.56277, 8.35785, 2.83747],
            },
            After {
                theta: &[2.4103, 4.50078, -5.98075, 1.83417, -3.72113, 0.250074],
                held: &[30.3995, 9.33067, 38.8426, 5.27441, 28.7764, 3.21789],
            },
        ],
    );
}

/// Catches: weight decay within g, moments that outlive a task, a ξ that is not the setting, an Ω
/// below 0.
#[test]
fn si_under_momentum_and_weight_decay() {
    Case::new("si", json!({ "c": 0.5, "xi": 0.02 })).momentum_and_decay(0.9, 0.01).lr(0.05).holds(
        "guard.importance",
        &[
            After {
                theta: &[-1.49679, 0.854149, -0.377796, 0.532814, -0.424698, 0.315964],
                held: &[3.44225, 0.886512, 3.60394, 0.501588, 3.12894, 0.367464],
            },
            After {
                theta: &[-0.986585, 1.03354, -1.8864, 0.0655637, -0.198222, 0.294018],
                held: &[8.35447, 2.71255, 7.40524, 1.57294, 5.02826, 0.764252],
            },
            After {
                theta: &[-1.43207, 0.645713, -2.36962, -0.281225, -0.134525, 0.26329],
                held: &[14.59, 4.97243, 14.4726, 2.75843, 9.02118, 2.29021],
            },
        ],
    );
}
