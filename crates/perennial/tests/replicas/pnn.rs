//! Progressive neural networks: θ after three tasks. Older columns do not move, so that the last θ says all.
//!
//! The replica takes its gradients by complex steps, so no formula of a backward pass is shared.

use perennial::Setting;
use serde_json::json;

use crate::cases::{Case, close};

/// Catches: α left out, an adapter without its ReLU or its biases, older columns joined in another order.
#[test]
fn pnn_with_adapter_laterals() {
    let ends = Case::new("pnn", json!({ "laterals": "adapter" })).setting(Setting::Task).teach();
    let theta = &[
        -2.0389697,
        0.47929696,
        -0.8589179,
        0.43387835,
        -0.36190381,
        0.30056484,
        3.4284251,
        -0.5793186,
        -2.5131839,
        0.27992176,
        -1.5233126,
        0.36359967,
        2.1024337,
        1.2616165,
        -1.8994775,
        -1.325547,
        0.15837004,
        -1.0815899,
        -1.1356474,
        1.3224328,
        -0.60905658,
        0.72275196,
        1.1342911,
        1.2673539,
        -1.4921926,
        -1.2385013,
        0.54892521,
        -0.73192385,
        3.2270552,
        -0.23680391,
        -0.41200135,
        -1.1056888,
        0.052685082,
        1.8352725,
        0.97466802,
        0.16250519,
        0.76807615,
        0.90979943,
    ];
    close("θ", &ends[2].digest(&ends[2].theta), theta);
}

/// Catches: laterals of the first older column alone, a lateral that enters after the activation.
#[test]
fn pnn_with_linear_laterals() {
    let ends = Case::new("pnn", json!({ "laterals": "linear" })).setting(Setting::Task).teach();
    let theta = &[
        -2.0389697,
        0.47929696,
        -0.8589179,
        0.43387835,
        -0.36190381,
        0.30056484,
        3.604092,
        -0.65927586,
        -3.3309786,
        -0.048168057,
        -1.3560296,
        0.45677284,
        0.043862123,
        0.19792569,
        0.61413767,
        0.53489784,
        -1.1190114,
        -0.22988687,
        -0.344079,
        0.77212132,
        -0.70973148,
        0.54178738,
        2.2353862,
        1.0182151,
        -2.1692072,
        -1.0052224,
        0.79601212,
        -0.72383762,
        -0.79946024,
        1.0925686,
    ];
    close("θ", &ends[2].digest(&ends[2].theta), theta);
}

/// Catches: a column that does not read the inputs through its laterals.
#[test]
fn pnn_with_full_laterals() {
    let ends = Case::new("pnn", json!({ "laterals": "full" })).setting(Setting::Task).teach();
    let theta = &[
        -2.0389697,
        0.47929696,
        -0.8589179,
        0.43387835,
        -0.36190381,
        0.30056484,
        3.4751064,
        -0.55569444,
        -2.6775183,
        0.30757542,
        -1.4628103,
        0.41656139,
        1.8852626,
        0.32321181,
        0.93223198,
        -0.86429958,
        -1.6058499,
        0.90874889,
        -1.6661348,
        0.79486755,
        1.7928063,
        0.77258121,
        0.89564578,
        -1.086749,
        -2.466916,
        0.0956488,
        -0.25988479,
        1.0604925,
        2.7086236,
        -1.4227313,
        -2.1566218,
        -1.0789813,
        1.1389078,
        -0.73518646,
        -0.57712881,
        1.0812198,
    ];
    close("θ", &ends[2].digest(&ends[2].theta), theta);
}
