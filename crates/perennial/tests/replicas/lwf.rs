//! Learning without forgetting: θ after each of three tasks.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: another power of T, a teacher that is not the network at the end of the last task.
#[test]
fn lwf_with_one_head() {
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows", "scale": "squared" }))
        .holds(
            "",
            &[
                After {
                    theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                    held: &[],
                },
                After {
                    theta: &[-1.7133, 0.625274, -1.35293, 0.346287, -0.273366, 0.294507],
                    held: &[],
                },
                After {
                    theta: &[-1.77942, 0.564041, -1.24752, 0.285263, -0.247265, 0.278955],
                    held: &[],
                },
            ],
        );
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "shares", "mean": "rows", "scale": "squared" }))
        .holds(
            "",
            &[
                After {
                    theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                    held: &[],
                },
                After {
                    theta: &[-1.87355, 0.563775, -1.19138, 0.36179, -0.313258, 0.297094],
                    held: &[],
                },
                After {
                    theta: &[-1.93958, 0.520717, -1.18176, 0.329352, -0.308707, 0.293172],
                    held: &[],
                },
            ],
        );
    Case::new(
        "lwf",
        json!({ "temperature": 3, "lambda": 0.7, "weights": "shares", "mean": "classes", "scale": "squared" }),
    )
    .holds(
        "",
        &[
            After {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                held: &[],
            },
            After {
                theta: &[-1.86657, 0.566693, -1.21057, 0.356919, -0.312231, 0.296647],
                held: &[],
            },
            After {
                theta: &[-1.95764, 0.510775, -1.18785, 0.322637, -0.30957, 0.293419],
                held: &[],
            },
        ],
    );
}

/// Catches: one softmax over all old heads, old heads that do not move, a mean over heads instead
/// of a sum.
#[test]
fn lwf_with_a_head_a_task() {
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows", "scale": "squared" }))
        .setting(Setting::Task)
        .holds(
            "",
            &[
                After {
                    theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.85234, 0.213805, -0.735859, 0.587655, -0.353317, 0.308271, 1.85451,
                        0.473141,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.27411, 0.017245, -1.32469, 0.402966, -0.390203, 0.320385, 1.8845,
                        0.475888, 0.947497, 0.0440552,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "shares", "mean": "rows", "scale": "squared" }))
        .setting(Setting::Task)
        .holds(
            "",
            &[
                After {
                    theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.97695, 0.305413, -0.832392, 0.493393, -0.359783, 0.303508, 1.79734,
                        0.494633,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.27061, 0.157129, -1.2251, 0.360648, -0.366314, 0.305869, 1.80153,
                        0.495438, 0.997252, -0.0076739,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new(
        "lwf",
        json!({ "temperature": 3, "lambda": 0.7, "weights": "shares", "mean": "classes", "scale": "squared" }),
    )
    .setting(Setting::Task)
    .holds(
        "",
        &[
            After {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                held: &[],
            },
            After {
                theta: &[
                    -1.98081, 0.307113, -0.838409, 0.490518, -0.361379, 0.301384, 1.79706, 0.494693,
                ],
                held: &[],
            },
            After {
                theta: &[
                    -2.30261,
                    0.138772,
                    -1.29452,
                    0.339984,
                    -0.363037,
                    0.301906,
                    1.7981,
                    0.494886,
                    0.997267,
                    -0.00792354,
                ],
                held: &[],
            },
        ],
    );
}

/// Catches: new units in the softmax of the old answers (or, with shares, not in it).
#[test]
fn lwf_with_a_growing_head() {
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows", "scale": "squared" }))
        .setting(Setting::Class)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.61654, 0.344342, -1.09406, 0.517329, -0.060299, -0.316554],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.58922, 0.439622, -0.982962, 0.530381, -0.833796, -0.734667, 0.928011,
                        1.5916,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -0.804363, 0.647804, -2.01731, 0.440144, -1.44793, -1.00787, 0.258555,
                        1.19156, 0.976124, 1.4343,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "shares", "mean": "rows", "scale": "squared" }))
        .setting(Setting::Class)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.61654, 0.344342, -1.09406, 0.517329, -0.060299, -0.316554],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.61525, 0.403763, -1.04799, 0.557458, 0.502379, 0.0130288, -0.375059,
                        0.831245,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.44969, 0.397823, -1.22526, 0.575973, 0.586588, 0.0918016, -0.184926,
                        0.940831, -0.516419, 0.546246,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new(
        "lwf",
        json!({ "temperature": 3, "lambda": 0.7, "weights": "shares", "mean": "classes", "scale": "squared" }),
    )
    .setting(Setting::Class)
    .holds(
        "",
        &[
            After {
                theta: &[-1.61654, 0.344342, -1.09406, 0.517329, -0.060299, -0.316554],
                held: &[],
            },
            After {
                theta: &[
                    -1.64304, 0.382114, -1.45579, 0.406178, -0.227909, -0.395257, 0.312808, 1.25527,
                ],
                held: &[],
            },
            After {
                theta: &[
                    -1.5073, 0.431145, -1.98453, 0.365919, -0.41802, -0.469538, 0.0633148, 1.12813,
                    0.182459, 0.935442,
                ],
                held: &[],
            },
        ],
    );
}

/// Catches: a factor T² in the default loss, the factor of the other scale.
#[test]
fn the_papers_loss_has_no_square_of_the_temperature() {
    Case::new("lwf", json!({ "temperature": 2 })).holds(
        "",
        &[
            After {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                held: &[],
            },
            After {
                theta: &[-1.68642, 0.64194, -1.37728, 0.343992, -0.270284, 0.293401],
                held: &[],
            },
            After {
                theta: &[-1.81097, 0.568311, -1.15573, 0.298726, -0.258716, 0.278546],
                held: &[],
            },
        ],
    );
}

/// A quarter of the steps with a head a task, half of them with a head that grows. Catches: a trunk
/// or an older head that moves in the warm-up, a warm-up of the first task, steps beside the task's.
#[test]
fn the_new_head_is_trained_alone_first() {
    let settings = json!({ "temperature": 3, "lambda": 1.5, "warm-up": 0.25 });
    Case::new("lwf", settings).setting(Setting::Task).holds(
        "",
        &[
            After {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                held: &[],
            },
            After {
                theta: &[
                    -1.93244, 0.245755, -0.753797, 0.548934, -0.361026, 0.30151, 1.85539, 0.473951,
                ],
                held: &[],
            },
            After {
                theta: &[
                    -2.33609, 0.0500552, -1.39516, 0.348647, -0.364998, 0.302928, 1.85857,
                    0.474409, 0.953493, 0.0406743,
                ],
                held: &[],
            },
        ],
    );
    Case::new("lwf", json!({ "warm-up": 0.5 })).setting(Setting::Class).holds(
        "",
        &[
            After {
                theta: &[-1.61654, 0.344342, -1.09406, 0.517329, -0.060299, -0.316554],
                held: &[],
            },
            After {
                theta: &[
                    -1.65718, 0.39285, -1.44343, 0.405583, -0.471196, -0.539218, 1.19576, 1.64573,
                ],
                held: &[],
            },
            After {
                theta: &[
                    -1.22322, 0.584669, -1.56941, 0.500353, -0.713815, -0.65384, 0.753291, 1.40569,
                    1.6259, 1.5944,
                ],
                held: &[],
            },
        ],
    );
}
