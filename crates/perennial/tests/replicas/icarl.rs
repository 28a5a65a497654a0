//! iCaRL: θ, the exemplars, the means and the answers after each of three tasks.
//!
//! Three tasks of two new classes (or of three, with a head a task) leave m = 6, 3, 2 exemplars a class:
//! all rows of the first task, cut at the later ones. A batch is the task's rows and all exemplars.

use perennial::Setting;
use serde_json::json;

use crate::cases::{Case, Taught, close, weighted};

/// What the replica printed after a task.
struct Replica<'a> {
    /// A sum of each slot, as [`Taught::digest`].
    theta: &'a [f64],
    /// The same sum of all means, in the order of units.
    means: f64,
    /// Task and row of each exemplar, class after class.
    stored: &'a str,
    /// The unit that answers each row of the tasks so far; a star where two means are as near, which
    /// is so for rows that activate no unit of the last layer.
    answers: &'a str,
}

fn holds(case: Case, expected: &[Replica<'_>; 3]) {
    let what = format!("{} {:?}", case.settings, case.setting);
    for (task, (taught, replica)) in case.teach().iter().zip(expected).enumerate() {
        let what = format!("{what}, task {}", task + 1);
        close(&format!("{what}, θ"), &taught.digest(&taught.theta), replica.theta);
        assert_eq!(stored(taught), replica.stored, "{what}");
        let means = taught.vector("means.values").iter().copied().map(f64::from);
        close(&format!("{what}, means"), &[weighted(means)], &[replica.means]);
        assert_eq!(taught.answers.len(), replica.answers.len(), "{what}");
        let differs = |(found, expected): (char, char)| expected != '*' && found != expected;
        let differ = taught.answers.chars().zip(replica.answers.chars()).any(differs);
        assert!(!differ, "{what}: {} instead of {}", taught.answers, replica.answers);
    }
}

fn stored(taught: &Taught) -> String {
    let rows: Vec<String> =
        taught.stored.iter().map(|(task, row)| format!("{task}:{row}")).collect();
    rows.join(" ")
}

/// Catches: labels in place of old answers, or old answers for the task's own classes; a teacher of
/// another moment or with the batch's logits in place of sigmoids; exemplars left out of the batch or
/// of the old answers; a mean over units; herding by features that are not normalised, or by distance
/// alone; exemplars cut at the wrong end; means that are not normalised, or of the last task's features.
#[test]
fn icarl_of_its_paper() {
    let case = |memory, setting| {
        Case::new("icarl", json!({ "variant": "rebuffi", "memory": memory })).setting(setting)
    };
    holds(
        case(12, Setting::Class),
        &[
            Replica {
                theta: &[-1.26954, 0.460024, -1.07876, 0.539587, -0.38235, -0.370788],
                means: 4.68518,
                stored: "0:2 0:0 0:4 0:3 0:1 0:5",
                answers: "01*101",
            },
            Replica {
                theta: &[
                    -1.11318, 0.614247, -1.57996, 0.444155, -0.28535, -0.335099, -0.922449,
                    0.637669,
                ],
                means: 7.60168,
                stored: "0:2 0:0 0:4 0:3 0:1 0:5 1:0 1:8 1:10 1:7 1:11 1:3",
                answers: "01*1*1212*21232321",
            },
            Replica {
                theta: &[
                    -0.758192, 0.640373, -1.84293, 0.393044, -0.198218, -0.322588, -0.745755,
                    0.664885, -1.22197, 0.296746,
                ],
                means: 10.582,
                stored: "0:2 0:0 0:3 0:1 1:0 1:8 1:7 1:11 2:4 2:14 2:3 2:19",
                answers: "040101245114535324101040131010114040351215",
            },
        ],
    );
    holds(
        case(18, Setting::Task),
        &[
            Replica {
                theta: &[-1.96117, 0.577334, -1.13599, 0.354786, -1.06319, -0.420238],
                means: 6.97351,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5",
                answers: "010011",
            },
            Replica {
                theta: &[
                    -1.83972, 0.282796, -1.40081, 0.34536, -1.07718, -0.432626, 0.631174, -0.663393,
                ],
                means: 14.7156,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5 1:6 1:0 1:9 1:7 1:1 1:4 1:2 1:5 1:8",
                answers: "012011553345345333",
            },
            Replica {
                theta: &[
                    -2.10404, 0.118458, -1.66326, 0.239421, -1.12608, -0.454153, 0.694421,
                    -0.618609, -0.0806145, -1.06548,
                ],
                means: 17.7783,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5 1:6 1:0 1:7 1:1 1:2 1:5 2:15 2:21 2:1 2:7 2:8 2:2",
                answers: "*1*0123535355333356*76*76786786776*76876*7",
            },
        ],
    );
}

/// Catches: a sum over units, or a mean over those of the task; features or means that are normalised.
#[test]
fn icarl_of_mammoth() {
    let case = |memory, setting| {
        Case::new("icarl", json!({ "variant": "mammoth", "memory": memory })).setting(setting)
    };
    holds(
        case(12, Setting::Class),
        &[
            Replica {
                theta: &[-1.84649, 0.268458, -1.28025, 0.437981, -0.182194, -0.337021],
                means: 6.27567,
                stored: "0:4 0:0 0:2 0:3 0:1 0:5",
                answers: "010101",
            },
            Replica {
                theta: &[
                    -1.8454, 0.354935, -1.41311, 0.411146, -0.172495, -0.332864, -0.239832, 1.01447,
                ],
                means: 10.181,
                stored: "0:4 0:0 0:2 0:3 0:1 0:5 1:8 1:4 1:2 1:11 1:1 1:7",
                answers: "030101232301202023",
            },
            Replica {
                theta: &[
                    -1.75805, 0.361093, -1.62196, 0.369306, -0.167808, -0.331994, -0.234569,
                    1.01557, -0.439283, 0.63576,
                ],
                means: 15.0218,
                stored: "0:4 0:0 0:3 0:1 1:8 1:4 1:11 1:1 2:22 2:2 2:3 2:23",
                answers: "040151232424252523101040101010123530521245",
            },
        ],
    );
    holds(
        case(18, Setting::Task),
        &[
            Replica {
                theta: &[-2.32519, 0.265237, -1.24297, 0.336797, -0.605354, 0.00029154],
                means: 4.3394,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5",
                answers: "012010",
            },
            Replica {
                theta: &[
                    -2.31464,
                    0.198505,
                    -1.43039,
                    0.281209,
                    -0.606554,
                    -0.000254895,
                    1.52907,
                    0.286461,
                ],
                means: 7.90233,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5 1:9 1:0 1:6 1:7 1:10 1:1 1:8 1:11 1:5",
                answers: "012010343545543545",
            },
            Replica {
                theta: &[
                    -2.4022,
                    0.157002,
                    -1.60762,
                    0.219676,
                    -0.607623,
                    -0.00049008,
                    1.53072,
                    0.287947,
                    0.867924,
                    -0.173592,
                ],
                means: 11.6888,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5 1:9 1:0 1:7 1:10 1:8 1:11 2:15 2:9 2:10 2:7 2:2 2:5",
                answers: "012012355545545545678678678678688677788678",
            },
        ],
    );
}

/// One exemplar a class is left after the first task, so that the draw of one is no draw. Catches: λ or
/// the mean over an older task's exemplars lost, one softmax over all heads, a divergence the other way
/// round, herding on all logits, means of the task's logits alone, exemplars that are trained on as rows.
#[test]
fn icarl_of_the_code_of_gem() {
    let settings = json!({ "variant": "gem", "memory": 9, "lambda": 0.7 });
    holds(
        Case::new("icarl", settings).setting(Setting::Task).alone(),
        &[
            Replica {
                theta: &[-2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565],
                means: 2.2623,
                stored: "0:0 0:3 0:1 0:4 0:2 0:5",
                answers: "012010",
            },
            Replica {
                theta: &[
                    -1.85917, 0.205784, -0.775909, 0.577007, -0.350697, 0.295313, 1.85094, 0.473837,
                ],
                means: 12.1431,
                stored: "0:0 0:1 0:2 1:9 1:10 1:2",
                answers: "012212535343345343",
            },
            Replica {
                theta: &[
                    -2.39661, -0.0347332, -1.25875, 0.395664, -0.390205, 0.313241, 1.85437,
                    0.477401, 0.941657, 0.042968,
                ],
                means: 9.90412,
                stored: "0:0 0:1 0:2 1:9 1:10 1:2 2:12 2:1 2:2",
                answers: "012210355545533344678677678677677677888678",
            },
        ],
    );
}
