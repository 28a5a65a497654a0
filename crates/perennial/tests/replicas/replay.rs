//! Experience replay, DER and DER++: θ after each of three tasks.
//!
//! The memory has room for all rows, and no batch is smaller than the memory, so that each step
//! replays all of it. The first task has four steps, which replay its own rows from the second on.
//! The later tasks have one step each, because their own rows would make the memory larger than the
//! batch.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: batch and memory weighed by halves instead of rows, another head than that of the row's
/// task.
#[test]
fn experience_replay() {
    Case::new("er", json!({ "memory": 5000 })).steps([4, 1, 1]).lr(0.5).holds(
        "",
        &[
            After {
                theta: &[-1.73682, 0.637879, -0.772216, 0.433897, -0.347034, 0.300565],
                held: &[],
            },
            After {
                theta: &[-1.6835, 0.685341, -0.905366, 0.394042, -0.319219, 0.303357],
                held: &[],
            },
            After {
                theta: &[-1.97803, 0.536079, -1.31582, 0.281452, -0.304637, 0.302376],
                held: &[],
            },
        ],
    );
    Case::new("er", json!({ "memory": 5000 }))
        .setting(Setting::Task)
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.73682, 0.637879, -0.772216, 0.433897, -0.347034, 0.300565],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.72535, 0.529273, -0.637142, 0.478062, -0.354256, 0.30297, 1.77032,
                        0.505644,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.05385, 0.317816, -0.89215, 0.395259, -0.358452, 0.303116, 1.78423,
                        0.500413, 0.997334, -0.0186592,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("er", json!({ "memory": 5000 }))
        .setting(Setting::Class)
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.36946, 0.426631, -1.04096, 0.580128, -0.080301, -0.327847],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.3103, 0.426628, -1.63698, 0.379948, -0.294448, -0.410609, 0.337716,
                        1.25823,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.49531, 0.33991, -2.35889, 0.277555, -0.641113, -0.526728, 0.135215,
                        1.17809, 0.337174, 0.916439,
                    ],
                    held: &[],
                },
            ],
        );
}

/// Catches: the term of the logits lost or halved, a sum over outputs, logits that are not those of
/// the last step of a row's own task, a row that is stored once a pass, rows that a growing head does
/// not fill.
#[test]
fn dark_experience_replay() {
    Case::new("der", json!({ "memory": 5000, "alpha": 0.7 })).steps([4, 1, 1]).lr(0.5).holds(
        "",
        &[
            After {
                theta: &[-1.7331, 0.458157, -1.50094, 0.221467, -0.176154, 0.325267],
                held: &[],
            },
            After {
                theta: &[-1.74846, 0.453647, -1.41637, 0.319868, -0.139817, 0.359133],
                held: &[],
            },
            After {
                theta: &[-2.06448, 0.285817, -1.94434, 0.0631012, -0.11065, 0.331309],
                held: &[],
            },
        ],
    );
    Case::new("der", json!({ "memory": 5000, "alpha": 0.7 }))
        .setting(Setting::Task)
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.7331, 0.458157, -1.50094, 0.221467, -0.176154, 0.325267],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.82777, 0.197579, -1.28446, 0.37644, -0.181129, 0.348946, 1.77433,
                        0.49881,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.29969,
                        -0.184738,
                        -2.14158,
                        0.0654525,
                        -0.221686,
                        0.319281,
                        1.70781,
                        0.445325,
                        1.02488,
                        -0.00269343,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("der", json!({ "memory": 5000, "alpha": 0.7 }))
        .setting(Setting::Class)
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-5.72864, -1.03089, -5.90911, -0.662074, -1.92076, -0.75737],
                    held: &[],
                },
                After {
                    theta: &[
                        -5.76931, -1.04875, -6.50503, -0.915669, -1.92344, -0.593036, 0.190977,
                        1.40224,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -5.67243, -0.997224, -6.61202, -0.926565, -1.95448, -0.663305, 0.106059,
                        1.11472, -0.0806407, 1.11735,
                    ],
                    held: &[],
                },
            ],
        );
}

/// Catches: β or its term lost, the labels of another draw weighed by α.
#[test]
fn dark_experience_replay_with_labels() {
    Case::new("derpp", json!({ "memory": 5000, "alpha": 0.7, "beta": 0.4 }))
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.54364, 0.433515, -1.64231, 0.18883, -0.0957043, 0.317298],
                    held: &[],
                },
                After {
                    theta: &[-1.71925, 0.326647, -1.7445, 0.222085, -0.0516372, 0.394481],
                    held: &[],
                },
                After {
                    theta: &[-1.98279, 0.143528, -2.50034, -0.113197, -0.052257, 0.361652],
                    held: &[],
                },
            ],
        );
    Case::new("derpp", json!({ "memory": 5000, "alpha": 0.7, "beta": 0.4 }))
        .setting(Setting::Task)
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-1.54364, 0.433515, -1.64231, 0.18883, -0.0957043, 0.317298],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.76419, 0.0908102, -1.54416, 0.310611, -0.0917353, 0.381485, 1.77014,
                        0.502735,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.1726, -0.219377, -2.09648, 0.124006, -0.127963, 0.364869, 1.71869,
                        0.446034, 1.03067, -0.0055009,
                    ],
                    held: &[],
                },
            ],
        );
    Case::new("derpp", json!({ "memory": 5000, "alpha": 0.7, "beta": 0.4 }))
        .setting(Setting::Class)
        .steps([4, 1, 1])
        .lr(0.5)
        .holds(
            "",
            &[
                After {
                    theta: &[-7.98793, -1.76732, -8.68232, -1.21737, -2.66701, -0.863626],
                    held: &[],
                },
                After {
                    theta: &[
                        -8.03481, -1.77672, -9.09621, -1.75934, -2.60363, -0.489619, 0.0904826,
                        1.27787,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -7.9995, -1.77285, -9.09352, -1.71383, -2.61361, -0.550955, 0.0816065,
                        1.08058, -0.218899, 1.03422,
                    ],
                    held: &[],
                },
            ],
        );
}
