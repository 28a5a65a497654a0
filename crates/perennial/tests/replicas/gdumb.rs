//! GDumb: θ after each of three tasks.
//!
//! The memory has room for all rows, so that no row gives way, and a batch is the whole of it. Every
//! task begins with the first weights again. The four passes have .1, 1, 1 and .505 of the rate.

use perennial::Setting;
use serde_json::json;

use crate::cases::{After, Case};

fn case(setting: Setting) -> Case {
    let settings = json!({ "memory": 5000, "passes": 4, "schedule": "cosine" });
    Case::new("gdumb", settings).setting(setting).lr(0.5).momentum_and_decay(0.9, 0.0)
}

/// Catches: a pass at another rate, weights or moments of the task before, moments lost between passes,
/// rows of old tasks left out, a task's rows beside the memory, another head than that of the row's task.
#[test]
fn gdumb_from_the_same_weights_at_every_task() {
    let after = |theta| After { theta, held: &[] };
    case(Setting::Domain).holds(
        "",
        &[
            after(&[-1.44776, 0.945508, -0.526821, 0.486934, -0.434178, 0.332429]),
            after(&[-1.68537, 0.766407, -1.58095, 0.404359, -0.169546, 0.291731]),
            after(&[-1.90014, 0.591609, -0.556948, 0.378434, -0.219528, 0.261462]),
        ],
    );
    case(Setting::Class).holds(
        "",
        &[
            after(&[-0.159217, 0.662331, -0.772274, 0.977281, -0.174675, -0.287343]),
            after(&[
                -1.28213, 0.365582, -1.93506, 0.340107, -0.237636, -0.443047, 0.455496, 1.29158,
            ]),
            after(&[
                -1.20667, 0.124701, -4.10516, -0.0257951, -0.360023, -0.650587, -0.302043,
                0.765687, 0.665012, 1.48722,
            ]),
        ],
    );
    case(Setting::Task).holds(
        "",
        &[
            after(&[-1.44776, 0.945508, -0.526821, 0.486934, -0.434178, 0.332429]),
            after(&[
                -1.94494, -0.216333, -1.01865, 0.690299, -0.344274, 0.293801, 1.94374, 0.432741,
            ]),
            after(&[
                -3.86762, -0.546507, -3.34451, -0.154388, -0.317899, 0.292495, 1.80358, 0.484957,
                1.00246, 0.0880817,
            ]),
        ],
    );
}
