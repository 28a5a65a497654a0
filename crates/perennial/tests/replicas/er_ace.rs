//! Experience replay with asymmetric cross-entropy: θ after each of three tasks.
//!
//! Memories and steps are those of `replay.rs`, so that each step of a later task replays all rows of
//! the tasks before.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

/// Catches: means that are averaged instead of added up, a replay in the first task, new samples that
/// compete with older classes, replayed ones that compete among theirs alone.
#[test]
fn new_samples_compete_among_their_own_classes() {
    for (setting, after) in [
        (
            Setting::Domain,
            [
                &[-1.73682, 0.637879, -0.772216, 0.433897, -0.347034, 0.300565][..],
                &[-1.66648, 0.760552, -0.727946, 0.427577, -0.316144, 0.30836],
                &[-2.26338, 0.431974, -1.95316, 0.0794554, -0.28625, 0.29592],
            ],
        ),
        (
            Setting::Task,
            [
                &[-1.73682, 0.637879, -0.772216, 0.433897, -0.347034, 0.300565],
                &[-1.72926, 0.526449, -0.32561, 0.553607, -0.3687, 0.307778, 1.78634, 0.4987],
                &[
                    -2.17285,
                    0.0822379,
                    -0.937495,
                    0.36404,
                    -0.369346,
                    0.304508,
                    1.82334,
                    0.487354,
                    0.964014,
                    -0.00749349,
                ],
            ],
        ),
        (
            Setting::Class,
            [
                &[-1.36946, 0.426631, -1.04096, 0.580128, -0.080301, -0.327847],
                &[
                    -0.999499, 0.623273, -1.39682, 0.454582, 0.436556, -0.0780427, -0.345334,
                    0.890447,
                ],
                &[
                    -1.04011, 0.38834, -2.57646, 0.26594, -0.204383, -0.215871, 0.445553, 1.13164,
                    -0.33971, 0.596764,
                ],
            ],
        ),
    ] {
        let case = Case::new("er-ace", json!({ "memory": 5000 })).setting(setting);
        let case = case.steps([4, 1, 1]).lr(0.5);
        case.holds("", &after.map(|theta| After { theta, held: &[] }));
    }
}
