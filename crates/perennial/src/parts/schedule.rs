//! Learning rates that change from pass to pass.

use std::f64::consts::PI;

/// The least factor of a cosine schedule, and that of its first pass (Prabhu et al. 2020: .0005 and
/// .005 of .05).
const LEAST: f64 = 0.01;
const WARM: f64 = 0.1;

/// What multiplies the learning rate in pass `pass`, 0-based: cosine annealing with warm restarts
/// (Loshchilov & Hutter 2017), after one pass at a tenth. The cycles are 1, 2, 4, 8, … passes long.
/// Within one of n passes, pass i has `.01 + .99 (1 + cos(π i / n)) / 2`. So a power of two passes
/// ends with a whole cycle, at its lowest rate.
pub fn cosine_restarts(pass: usize) -> f32 {
    let Some(mut at) = pass.checked_sub(1) else { return WARM as f32 };
    let mut length = 1;
    while at >= length {
        at -= length;
        length *= 2;
    }
    let share = at as f64 / length as f64;
    (LEAST + (1.0 - LEAST) * 0.5 * (1.0 + (PI * share).cos())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: cos 0, π/4, π/2 and 3π/4 are 1, .70711, 0 and −.70711. Catches: cycles that do not
    /// double, a first cycle that counts the warm pass, a least rate of 0.
    #[test]
    fn factors_by_hand() {
        let expected = [0.1, 1.0, 1.0, 0.505, 1.0, 0.855_018, 0.505, 0.154_982, 1.0];
        for (pass, expected) in expected.into_iter().enumerate() {
            let found = cosine_restarts(pass);
            assert!((found - expected).abs() < 1e-6, "pass {pass}: {found}");
        }
        // The last of 128 passes is the last of a cycle of 64: 63/64 of the way down.
        assert!((cosine_restarts(127) - 0.010_596).abs() < 1e-6);
        assert_eq!(cosine_restarts(128), 1.0);
    }
}
