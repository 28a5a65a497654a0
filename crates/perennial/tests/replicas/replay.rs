//! Experience replay, DER and DER++: θ after each of three tasks.
//!
//! The memory has room for all rows and every batch as many as it, so that all of it is replayed in every
//! step. A task has one step but the first, whose four replay its own rows.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: batch and memory weighed by halves instead of rows, another head than that of the row's task.
#[test]
fn experience_replay() {
    Case::new("er", json!({ "memory": 5000 })).steps([4, 1, 1]).lr(0.5).holds(
        "",
        &[
            After {
                theta: &[-1.736821, 0.63787933, -0.77221567, 0.43389664, -0.34703408, 0.30056522],
                held: &[],
            },
            After {
                theta: &[-1.6834983, 0.6853412, -0.90536627, 0.39404239, -0.31921874, 0.30335743],
                held: &[],
            },
            After {
                theta: &[-1.9780332, 0.53607948, -1.3158196, 0.28145177, -0.30463699, 0.30237613],
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
                    theta: &[
                        -1.736821,
                        0.63787933,
                        -0.77221567,
                        0.43389664,
                        -0.34703408,
                        0.30056522,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.7253471,
                        0.52927251,
                        -0.63714223,
                        0.47806239,
                        -0.35425593,
                        0.30296965,
                        1.7703222,
                        0.50564382,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.0538481,
                        0.31781589,
                        -0.89214997,
                        0.39525926,
                        -0.35845239,
                        0.30311613,
                        1.7842254,
                        0.50041263,
                        0.99733439,
                        -0.018659202,
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
                    theta: &[
                        -1.3694578,
                        0.42663092,
                        -1.0409577,
                        0.5801282,
                        -0.080301041,
                        -0.32784676,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.3103004,
                        0.42662814,
                        -1.6369756,
                        0.3799481,
                        -0.29444831,
                        -0.41060917,
                        0.33771591,
                        1.258234,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.4953138,
                        0.33990995,
                        -2.3588945,
                        0.27755527,
                        -0.64111305,
                        -0.52672759,
                        0.13521484,
                        1.178089,
                        0.3371737,
                        0.91643851,
                    ],
                    held: &[],
                },
            ],
        );
}

/// Catches: the term of the logits lost or halved, a sum over outputs, logits that are not those of the
/// last step of a row's own task, a row that is stored once a pass.
#[test]
fn dark_experience_replay() {
    Case::new("der", json!({ "memory": 5000, "alpha": 0.7 })).steps([4, 1, 1]).lr(0.5).holds(
        "",
        &[
            After {
                theta: &[-1.7331027, 0.45815686, -1.5009403, 0.22146697, -0.17615448, 0.3252674],
                held: &[],
            },
            After {
                theta: &[-1.7484632, 0.45364666, -1.4163746, 0.31986806, -0.13981663, 0.35913263],
                held: &[],
            },
            After {
                theta: &[-2.0644795, 0.28581667, -1.9443359, 0.063101215, -0.11065038, 0.33130856],
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
                    theta: &[
                        -1.7331027,
                        0.45815686,
                        -1.5009403,
                        0.22146697,
                        -0.17615448,
                        0.3252674,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.8277732,
                        0.19757882,
                        -1.2844605,
                        0.37644027,
                        -0.18112884,
                        0.34894607,
                        1.774332,
                        0.49881037,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.2996865,
                        -0.18473793,
                        -2.141579,
                        0.065452457,
                        -0.22168605,
                        0.31928122,
                        1.7078137,
                        0.44532494,
                        1.0248806,
                        -0.0026934343,
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
                    theta: &[
                        -5.7286359,
                        -1.0308926,
                        -5.9091076,
                        -0.66207432,
                        -1.9207616,
                        -0.75736976,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -5.7727171,
                        -1.0466592,
                        -6.5258461,
                        -0.94843495,
                        -1.8090804,
                        -0.23472008,
                        0.19097674,
                        1.4022409,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -5.6524366,
                        -0.96620371,
                        -6.6199761,
                        -0.90421777,
                        -1.8273017,
                        -0.27986812,
                        0.11555232,
                        1.1158071,
                        -0.090132253,
                        1.1183557,
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
                    theta: &[
                        -1.5436424,
                        0.4335148,
                        -1.6423083,
                        0.18883006,
                        -0.095704345,
                        0.31729765,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.7192499,
                        0.32664703,
                        -1.7445043,
                        0.22208542,
                        -0.051637193,
                        0.39448097,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.9827907,
                        0.14352834,
                        -2.5003399,
                        -0.11319711,
                        -0.052256963,
                        0.36165206,
                    ],
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
                    theta: &[
                        -1.5436424,
                        0.4335148,
                        -1.6423083,
                        0.18883006,
                        -0.095704345,
                        0.31729765,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -1.7641855,
                        0.090810235,
                        -1.5441643,
                        0.31061069,
                        -0.091735257,
                        0.38148512,
                        1.7701422,
                        0.50273462,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -2.172603,
                        -0.21937691,
                        -2.096485,
                        0.12400591,
                        -0.12796337,
                        0.36486917,
                        1.7186856,
                        0.44603416,
                        1.0306707,
                        -0.0055009031,
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
                    theta: &[
                        -7.9879301,
                        -1.7673181,
                        -8.6823249,
                        -1.2173706,
                        -2.6670118,
                        -0.86362564,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -8.0379157,
                        -1.7748746,
                        -9.1122286,
                        -2.0356853,
                        -2.4979831,
                        -0.055170974,
                        0.090482647,
                        1.2778697,
                    ],
                    held: &[],
                },
                After {
                    theta: &[
                        -8.0358708,
                        -1.7724955,
                        -9.1160093,
                        -2.022124,
                        -2.5034519,
                        -0.090428984,
                        0.092540311,
                        1.0836837,
                        -0.24548049,
                        1.0347252,
                    ],
                    held: &[],
                },
            ],
        );
}
