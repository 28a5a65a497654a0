//! Learning without forgetting: θ after each of three tasks.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: another power of T, a teacher that is not the network at the end of the last task.
#[test]
fn lwf_with_one_head() {
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows" }))
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -2.0389697,
                        0.47929696,
                        -0.8589179,
                        0.43387835,
                        -0.36190381,
                        0.30056484,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.7132955,
                        0.62527381,
                        -1.3529303,
                        0.34628665,
                        -0.27336631,
                        0.29450724,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.7794184,
                        0.56404066,
                        -1.2475183,
                        0.28526326,
                        -0.24726524,
                        0.27895465,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "shares", "mean": "rows" }))
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -2.0389697,
                        0.47929696,
                        -0.8589179,
                        0.43387835,
                        -0.36190381,
                        0.30056484,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.8735519,
                        0.56377465,
                        -1.1913849,
                        0.36179003,
                        -0.31325834,
                        0.29709414,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.9395804,
                        0.52071734,
                        -1.1817582,
                        0.32935222,
                        -0.30870734,
                        0.29317188,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new(
        "lwf",
        json!({ "temperature": 3, "lambda": 0.7, "weights": "shares", "mean": "classes" }),
    )
    .holds(
        "",
        &[
            After {
                theta: &[-2.0389697, 0.47929696, -0.8589179, 0.43387835, -0.36190381, 0.30056484],
                held: &[],
            },
            After {
                theta: &[-1.8665689, 0.56669328, -1.2105732, 0.3569192, -0.31223055, 0.29664697],
                held: &[],
            },
            After {
                theta: &[-1.9576386, 0.51077529, -1.1878508, 0.32263733, -0.30957033, 0.29341943],
                held: &[],
            },
        ],
    );
}

/// Catches: one softmax over all old heads, old heads that do not move, a mean over heads instead of a sum.
#[test]
fn lwf_with_a_head_a_task() {
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows" }))
        .setting(Setting::Task)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -2.0389697,
                        0.47929696,
                        -0.8589179,
                        0.43387835,
                        -0.36190381,
                        0.30056484,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.8523426,
                        0.21380501,
                        -0.73585853,
                        0.58765541,
                        -0.35331672,
                        0.30827147,
                        1.8545121,
                        0.47314111,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.2741103,
                        0.017245002,
                        -1.3246885,
                        0.40296642,
                        -0.39020305,
                        0.32038517,
                        1.8844958,
                        0.47588756,
                        0.94749663,
                        0.044055181,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "shares", "mean": "rows" }))
        .setting(Setting::Task)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -2.0389697,
                        0.47929696,
                        -0.8589179,
                        0.43387835,
                        -0.36190381,
                        0.30056484,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.9769503,
                        0.3054133,
                        -0.83239167,
                        0.49339337,
                        -0.35978264,
                        0.30350811,
                        1.7973387,
                        0.49463298,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.2706078,
                        0.15712862,
                        -1.2251007,
                        0.36064792,
                        -0.36631421,
                        0.30586863,
                        1.801529,
                        0.4954384,
                        0.99725211,
                        -0.0076738978,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new(
        "lwf",
        json!({ "temperature": 3, "lambda": 0.7, "weights": "shares", "mean": "classes" }),
    )
    .setting(Setting::Task)
    .holds(
        "",
        &[
            After {
                theta: &[-2.0389697, 0.47929696, -0.8589179, 0.43387835, -0.36190381, 0.30056484],
                held: &[],
            },
            After {
                theta: &[
                    -1.9808085,
                    0.30711285,
                    -0.83840948,
                    0.49051768,
                    -0.36137927,
                    0.30138354,
                    1.7970574,
                    0.49469259,
                ],
                held: &[],
            },
            After {
                theta: &[
                    -2.3026089,
                    0.13877204,
                    -1.2945227,
                    0.33998437,
                    -0.36303703,
                    0.30190648,
                    1.7980996,
                    0.49488597,
                    0.99726662,
                    -0.0079235387,
                ],
                held: &[],
            },
        ],
    );
}

/// Catches: new units in the softmax of the old answers (or, with shares, not in it).
#[test]
fn lwf_with_a_growing_head() {
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "sum", "mean": "rows" }))
        .setting(Setting::Class)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -1.6165381,
                        0.34434218,
                        -1.0940562,
                        0.51732927,
                        -0.060299033,
                        -0.31655438,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.5892233,
                        0.43962233,
                        -0.98296181,
                        0.5303808,
                        -0.83379559,
                        -0.73466711,
                        0.92801106,
                        1.5916012,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -0.80436277,
                        0.64780398,
                        -2.0173113,
                        0.44014439,
                        -1.4479324,
                        -1.0078734,
                        0.25855547,
                        1.1915601,
                        0.97612446,
                        1.4343044,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("lwf", json!({ "temperature": 2, "lambda": 1, "weights": "shares", "mean": "rows" }))
        .setting(Setting::Class)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -1.6165381,
                        0.34434218,
                        -1.0940562,
                        0.51732927,
                        -0.060299033,
                        -0.31655438,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.6152481,
                        0.40376254,
                        -1.047987,
                        0.5574579,
                        0.50237934,
                        0.013028814,
                        -0.37505857,
                        0.83124496,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.4496895,
                        0.39782296,
                        -1.2252573,
                        0.57597257,
                        0.58658843,
                        0.09180162,
                        -0.1849264,
                        0.94083052,
                        -0.51641904,
                        0.54624567,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new(
        "lwf",
        json!({ "temperature": 3, "lambda": 0.7, "weights": "shares", "mean": "classes" }),
    )
    .setting(Setting::Class)
    .holds(
        "",
        &[
            After {
                theta: &[-1.6165381, 0.34434218, -1.0940562, 0.51732927, -0.060299033, -0.31655438],
                held: &[],
            },
            After {
                theta: &[
                    -1.6430434,
                    0.38211424,
                    -1.4557856,
                    0.40617778,
                    -0.22790941,
                    -0.39525722,
                    0.31280785,
                    1.2552687,
                ],
                held: &[],
            },
            After {
                theta: &[
                    -1.5073002,
                    0.43114541,
                    -1.9845345,
                    0.36591902,
                    -0.41801973,
                    -0.46953777,
                    0.063314799,
                    1.1281313,
                    0.18245894,
                    0.93544187,
                ],
                held: &[],
            },
        ],
    );
}
