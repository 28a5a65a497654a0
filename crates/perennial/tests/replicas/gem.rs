//! GEM and A-GEM: θ after each of three tasks.
//!
//! The memories hold all rows, and A-GEM draws all of them. The replica finds the dual by trying every set
//! of active constraints.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: a projection where gradient and reference agree, of a wrong sign or length, a reference that is a
/// mean over tasks instead of rows.
#[test]
fn agem() {
    Case::new("agem", json!({ "batch": 1000, "memory": 1000 })).steps([30, 30, 40]).lr(0.2).holds(
        "",
        &[
            After {
                theta: &[-1.744499, 0.83010812, 0.81405111, 0.71505994, -0.54191708, 0.28180332],
                held: &[],
            },
            After {
                theta: &[-2.5599461, 1.74999, -0.1788378, 0.51662309, -0.2398072, 0.20774844],
                held: &[],
            },
            After {
                theta: &[-6.8119659, 1.5744799, -2.6967608, 0.77322004, -0.41534245, 0.17650453],
                held: &[],
            },
        ],
    );
    Case::new("agem", json!({ "batch": 1000, "memory": 1000 }))
        .setting(Setting::Task)
        .steps([30, 30, 40])
        .lr(0.2)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -1.744499,
                        0.83010812,
                        0.81405111,
                        0.71505994,
                        -0.54191708,
                        0.28180332,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        0.041394357,
                        1.2664866,
                        2.5388136,
                        1.2121843,
                        -0.54191708,
                        0.28180332,
                        2.5368382,
                        0.34900546,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -0.36211257,
                        2.3944739,
                        5.5256511,
                        1.5845521,
                        -0.54191708,
                        0.28180332,
                        2.5368382,
                        0.34900546,
                        1.2539986,
                        0.15675278,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("agem", json!({ "batch": 1000, "memory": 1000 })).steps([12, 12, 12]).lr(0.05).holds(
        "",
        &[
            After {
                theta: &[-2.272996, 0.29402703, -1.0754681, 0.38792147, -0.3313604, 0.29235367],
                held: &[],
            },
            After {
                theta: &[-2.0555239, 0.41666065, -1.2805847, 0.39345761, -0.28522177, 0.28821669],
                held: &[],
            },
            After {
                theta: &[-1.8797267, 0.51169623, -1.1625573, 0.36908675, -0.25335125, 0.28389244],
                held: &[],
            },
        ],
    );
}

/// Catches: a margin that is left out, or added to the dual instead of bounding it, one constraint for all
/// tasks, a ridge that is not added.
#[test]
fn gem() {
    Case::new("gem", json!({ "memory": 1000 })).steps([30, 30, 40]).lr(0.2).holds(
        "",
        &[
            After {
                theta: &[-1.744499, 0.83010812, 0.81405111, 0.71505994, -0.54191708, 0.28180332],
                held: &[],
            },
            After {
                theta: &[-2.736827, 1.7592541, -0.13566061, 0.4796686, -0.2498774, 0.2098425],
                held: &[],
            },
            After {
                theta: &[-9.5670584, 1.0369712, -1.7500925, 0.59350204, -0.69556306, 0.11342309],
                held: &[],
            },
        ],
    );
    Case::new("gem", json!({ "memory": 1000 }))
        .setting(Setting::Task)
        .steps([30, 30, 40])
        .lr(0.2)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -1.744499,
                        0.83010812,
                        0.81405111,
                        0.71505994,
                        -0.54191708,
                        0.28180332,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        0.034231691,
                        1.2866626,
                        2.57883,
                        1.2012637,
                        -0.54191708,
                        0.28180332,
                        2.5402353,
                        0.34934747,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -0.32178829,
                        2.3665647,
                        6.0344896,
                        1.3718228,
                        -0.54191708,
                        0.28180332,
                        2.5402353,
                        0.34934747,
                        1.5421561,
                        0.17255628,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("gem", json!({ "memory": 1000 })).steps([12, 12, 12]).lr(0.05).holds(
        "",
        &[
            After {
                theta: &[-2.272996, 0.29402703, -1.0754681, 0.38792147, -0.3313604, 0.29235367],
                held: &[],
            },
            After {
                theta: &[-2.0373991, 0.43670325, -1.2458793, 0.39559629, -0.28964921, 0.28959151],
                held: &[],
            },
            After {
                theta: &[-1.8560397, 0.54322796, -1.16471, 0.34262403, -0.27389568, 0.28764841],
                held: &[],
            },
        ],
    );
    Case::new("gem", json!({ "memory": 1000, "margin": 0 })).steps([30, 30, 40]).lr(0.2).holds(
        "",
        &[
            After {
                theta: &[-1.744499, 0.83010812, 0.81405111, 0.71505994, -0.54191708, 0.28180332],
                held: &[],
            },
            After {
                theta: &[-2.5599461, 1.74999, -0.1788378, 0.51662309, -0.2398072, 0.20774844],
                held: &[],
            },
            After {
                theta: &[-9.6317101, 0.71367815, -1.2778938, 0.51434032, -0.66598545, 0.14594986],
                held: &[],
            },
        ],
    );
    Case::new("gem", json!({ "memory": 1000, "ridge": 0.001, "margin": 0.1 }))
        .steps([30, 30, 40])
        .lr(0.2)
        .holds(
            "",
            &[
                After {
                    theta: &[
                        -1.744499,
                        0.83010812,
                        0.81405111,
                        0.71505994,
                        -0.54191708,
                        0.28180332,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.5368088,
                        1.769174,
                        -0.19205867,
                        0.51713464,
                        -0.23864309,
                        0.20767601,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -9.5234646,
                        0.70410329,
                        -1.3294138,
                        0.56351419,
                        -0.66476944,
                        0.14111948,
                    ],
                    held: &[],
                },
            ],
        );
}
