//! Importances that are means: over batches that are not all of a size, over draws.

use serde_json::json;

use crate::cases::{Case, Taught, also_hold};

/// Six, twelve and twenty-four rows in batches of ten, at the first weights. Catches: a batch of two
/// or four rows that counts as much as one of ten.
#[test]
fn a_short_batch_counts_by_its_rows() {
    let case = Case::new("ewc", json!({ "fisher": "batch-mean", "anchors": "merged" }));
    let taught = Case { batch: 10, ..case.lr(1e-30) }.teach();
    let expected: [&[f64]; 3] = [
        &[0.0976566, 0.0311802, 0.125211, 0.0268297, 0.0918174, 0.0297151],
        &[0.166715, 0.0512691, 0.179904, 0.0515281, 0.142111, 0.115636],
        &[0.236921, 0.0656526, 0.407514, 0.0616903, 0.260786, 0.159139],
    ];
    also_hold(&taught, "guards.0.importance", expected);
}

/// 4,000 slices at the first weights: a mean of squares of a normal number has the relative error
/// √(2 / 4000) = .022, and these are sums of several. Catches: slices that are not of length 1, a
/// factor of K outputs, one slice that is drawn for all.
#[test]
fn slices_come_to_their_closed_form() {
    let importance = |expectation: &str| {
        let settings = json!({ "expectation": expectation, "slices": 4000, "samples": "all" });
        let all: Vec<Taught> = Case::new("scp", settings).lr(1e-30).teach();
        all[0].digest(all[0].vector("guard.importance"))
    };
    let (closed, drawn) = (importance("closed"), importance("slices"));
    for (closed, drawn) in closed.iter().zip(&drawn) {
        assert!((drawn / closed - 1.0).abs() < 0.11, "{drawn} of {closed}");
    }
    assert_ne!(closed, drawn);
}
