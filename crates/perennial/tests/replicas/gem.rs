//! GEM and A-GEM: θ after each of three tasks.
//!
//! The memories hold all rows, and A-GEM draws all of them. The replica finds the dual by trying
//! every set of active constraints.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: a projection where gradient and reference agree, of a wrong sign or length, a reference
/// that is a mean over tasks instead of rows.
#[test]
fn agem() {
    Case::new("agem", json!({ "batch": 1000, "memory": 1000 })).steps([30, 30, 40]).lr(0.2).holds(
        "",
        &[
            After {
                theta: &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                held: &[],
            },
            After {
                theta: &[-2.55995, 1.74999, -0.178838, 0.516623, -0.239807, 0.207748],
                held: &[],
            },
            After {
                theta: &[-6.81197, 1.57448, -2.69676, 0.77322, -0.415342, 0.176505],
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
                    theta: &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                    held: &[],
                },
                After {
                    theta: &[
                        0.0413944, 1.26649, 2.53881, 1.21218, -0.541917, 0.281803, 2.53684,
                        0.349005,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -0.362113, 2.39447, 5.52565, 1.58455, -0.541917, 0.281803, 2.53684,
                        0.349005, 1.254, 0.156753,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("agem", json!({ "batch": 1000, "memory": 1000 })).steps([12, 12, 12]).lr(0.05).holds(
        "",
        &[
            After { theta: &[-2.273, 0.294027, -1.07547, 0.387921, -0.33136, 0.292354], held: &[] },
            After {
                theta: &[-2.05552, 0.416661, -1.28058, 0.393458, -0.285222, 0.288217],
                held: &[],
            },
            After {
                theta: &[-1.87973, 0.511696, -1.16256, 0.369087, -0.253351, 0.283892],
                held: &[],
            },
        ],
    );
}

/// Catches: a margin that is left out, or added to the dual instead of bounding it, one constraint
/// for all tasks, a ridge that is not added.
#[test]
fn gem() {
    Case::new("gem", json!({ "memory": 1000 })).steps([30, 30, 40]).lr(0.2).holds(
        "",
        &[
            After {
                theta: &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                held: &[],
            },
            After {
                theta: &[-2.73683, 1.75925, -0.135661, 0.479669, -0.249877, 0.209842],
                held: &[],
            },
            After {
                theta: &[-9.56706, 1.03697, -1.75009, 0.593502, -0.695563, 0.113423],
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
                    theta: &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                    held: &[],
                },
                After {
                    theta: &[
                        0.0342317, 1.28666, 2.57883, 1.20126, -0.541917, 0.281803, 2.54024,
                        0.349347,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -0.321788, 2.36656, 6.03449, 1.37182, -0.541917, 0.281803, 2.54024,
                        0.349347, 1.54216, 0.172556,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("gem", json!({ "memory": 1000 })).steps([12, 12, 12]).lr(0.05).holds(
        "",
        &[
            After { theta: &[-2.273, 0.294027, -1.07547, 0.387921, -0.33136, 0.292354], held: &[] },
            After {
                theta: &[-2.0374, 0.436703, -1.24588, 0.395596, -0.289649, 0.289592],
                held: &[],
            },
            After {
                theta: &[-1.85604, 0.543228, -1.16471, 0.342624, -0.273896, 0.287648],
                held: &[],
            },
        ],
    );
    Case::new("gem", json!({ "memory": 1000, "margin": 0 })).steps([30, 30, 40]).lr(0.2).holds(
        "",
        &[
            After {
                theta: &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                held: &[],
            },
            After {
                theta: &[-2.55995, 1.74999, -0.178838, 0.516623, -0.239807, 0.207748],
                held: &[],
            },
            After {
                theta: &[-9.63171, 0.713678, -1.27789, 0.51434, -0.665985, 0.14595],
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
                    theta: &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                    held: &[],
                },
                After {
                    theta: &[-2.53681, 1.76917, -0.192059, 0.517135, -0.238643, 0.207676],
                    held: &[],
                },
                After {
                    theta: &[-9.52346, 0.704103, -1.32941, 0.563514, -0.664769, 0.141119],
                    held: &[],
                },
            ],
        );
}

/// With a head a task, the problem of the authors' code is of all weights. Catches: old heads that are
/// held, that are left out of the inner products, that are moved and left out.
#[test]
fn over_all_heads() {
    for (name, settings, after) in [
        (
            "agem",
            json!({ "batch": 1000, "memory": 1000, "heads": "all" }),
            [
                &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803][..],
                &[-0.0461157, 1.26696, 2.54927, 1.25375, -0.522655, 0.256788, 2.52815, 0.348354],
                &[
                    -0.225614, 2.32423, 5.99402, 1.85788, -0.444693, 0.236312, 2.51636, 0.339099,
                    1.33679, 0.142849,
                ],
            ],
        ),
        (
            "gem",
            json!({ "memory": 1000, "heads": "all" }),
            [
                &[-1.7445, 0.830108, 0.814051, 0.71506, -0.541917, 0.281803],
                &[-0.263692, 1.2703, 2.93092, 1.25421, -0.548614, 0.251857, 2.53948, 0.349393],
                &[
                    -0.435654, 2.44176, 6.89009, 1.81014, -0.684043, 0.244488, 2.40166, 0.327455,
                    1.55568, 0.148386,
                ],
            ],
        ),
    ] {
        let case = Case::new(name, settings).setting(Setting::Task).steps([30, 30, 40]).lr(0.2);
        case.holds("", &after.map(|theta| After { theta, held: &[] }));
    }
}
