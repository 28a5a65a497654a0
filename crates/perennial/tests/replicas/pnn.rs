//! Progressive neural networks: θ after three tasks. Older columns do not move, so that the last θ
//! says all.
//!
//! The replica takes its gradients by complex steps, so no formula of a backward pass is shared.

use perennial::Setting;
use serde_json::json;

use crate::cases::{Case, close};

/// Catches: α left out, an adapter without its ReLU or its biases, older columns joined in another
/// order.
#[test]
fn pnn_with_adapter_laterals() {
    let ends = Case::new("pnn", json!({ "laterals": "adapter" })).setting(Setting::Task).teach();
    let theta = &[
        -2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565, 3.42843, -0.579319, -2.51318,
        0.279922, -1.52331, 0.3636, 2.10243, 1.26162, -1.89948, -1.32555, 0.15837, -1.08159,
        -1.13565, 1.32243, -0.609057, 0.722752, 1.13429, 1.26735, -1.49219, -1.2385, 0.548925,
        -0.731924, 3.22706, -0.236804, -0.412001, -1.10569, 0.0526851, 1.83527, 0.974668, 0.162505,
        0.768076, 0.909799,
    ];
    close("θ", &ends[2].digest(&ends[2].theta), theta);
}

/// Catches: laterals of the first older column alone, a lateral that enters after the activation.
#[test]
fn pnn_with_linear_laterals() {
    let ends = Case::new("pnn", json!({ "laterals": "linear" })).setting(Setting::Task).teach();
    let theta = &[
        -2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565, 3.60409, -0.659276, -3.33098,
        -0.0481681, -1.35603, 0.456773, 0.0438621, 0.197926, 0.614138, 0.534898, -1.11901,
        -0.229887, -0.344079, 0.772121, -0.709731, 0.541787, 2.23539, 1.01822, -2.16921, -1.00522,
        0.796012, -0.723838, -0.79946, 1.09257,
    ];
    close("θ", &ends[2].digest(&ends[2].theta), theta);
}

/// Catches: a column that does not read the inputs through its laterals.
#[test]
fn pnn_with_full_laterals() {
    let ends = Case::new("pnn", json!({ "laterals": "full" })).setting(Setting::Task).teach();
    let theta = &[
        -2.03897, 0.479297, -0.858918, 0.433878, -0.361904, 0.300565, 3.47511, -0.555694, -2.67752,
        0.307575, -1.46281, 0.416561, 1.88526, 0.323212, 0.932232, -0.8643, -1.60585, 0.908749,
        -1.66613, 0.794868, 1.79281, 0.772581, 0.895646, -1.08675, -2.46692, 0.0956488, -0.259885,
        1.06049, 2.70862, -1.42273, -2.15662, -1.07898, 1.13891, -0.735186, -0.577129, 1.08122,
    ];
    close("θ", &ends[2].digest(&ends[2].theta), theta);
}
