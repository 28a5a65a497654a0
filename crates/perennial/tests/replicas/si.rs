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
    Case::new("si", json!({ "c": 0.5, "gradient": "penalised", "clip": "none" })).holds(
        "guard.importance",
        &[
            After {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                held: &[1.18703, 0.263247, 1.38972, 0.20867, 1.06478, 0.158634],
            },
            After {
                theta: &[-1.69612, 0.642574, -1.35658, 0.346165, -0.270986, 0.289183],
                held: &[2.23649, 0.404919, 1.8151, 0.27399, 1.3603, 0.300384],
            },
            After {
                theta: &[-1.84389, 0.56369, -1.09848, 0.31582, -0.243645, 0.274865],
                held: &[3.53298, 0.766752, 4.15003, 0.416895, 2.89309, 0.369971],
            },
        ],
    );
}

/// Catches: ω of −lr g² instead of the move that Adam makes, a clipped sum instead of a clipped
/// increment.
#[test]
fn si_under_adam() {
    Case::new("si", json!({ "c": 0.5, "clip": "increment" })).adam().holds(
        "guard.importance",
        &[
            After {
                theta: &[-1.79759, 0.722312, -0.661261, 0.562113, -0.539143, 0.196527],
                held: &[1.26967, 0.300269, 1.09328, 0.170625, 1.25959, 0.169734],
            },
            After {
                theta: &[-1.45672, 1.04533, -2.18203, 0.226448, -0.208424, 0.133398],
                held: &[2.72806, 0.579453, 1.87043, 0.326128, 1.91676, 0.3411],
            },
            After {
                theta: &[-2.21964, 1.07105, -1.60485, 0.110493, -0.386197, 0.200369],
                held: &[5.307, 1.20113, 4.5207, 0.629802, 3.83022, 0.448176],
            },
        ],
    );
}

/// Catches: weight decay within g, moments that outlive a task, a ξ that is not the setting.
#[test]
fn si_under_momentum_and_weight_decay() {
    Case::new("si", json!({ "c": 0.5, "xi": 0.02 })).momentum_and_decay(0.9, 0.01).lr(0.02).holds(
        "guard.importance",
        &[
            After {
                theta: &[-2.07304, 0.427166, -0.966821, 0.401639, -0.349233, 0.29884],
                held: &[3.31431, 0.732577, 2.92229, 0.435916, 3.30318, 0.646354],
            },
            After {
                theta: &[-1.73878, 0.594768, -1.5125, 0.293321, -0.254838, 0.284089],
                held: &[6.67253, 1.13739, 4.42629, 0.628725, 4.52095, 1.19218],
            },
            After {
                theta: &[-1.88546, 0.485956, -1.1879, 0.261156, -0.234847, 0.281241],
                held: &[10.6724, 2.11307, 10.227, 1.12382, 8.01868, 1.35718],
            },
        ],
    );
}
