//! The studentized range: how far apart the largest and the smallest of several means lie by chance.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc;
use statrs::function::gamma::gamma_lr;

/// Both integrals are sums over equal distances. This trapezoid rule converges exponentially for
/// smooth integrands that vanish at both ends (Trefethen & Weideman, *The Exponentially Convergent
/// Trapezoidal Rule*, 2014).
const RANGE_STEP: f64 = 1.0 / 16.0;
/// w = ln(1 + eˣ) for x from -23 = -368 · `RANGE_STEP`, where w is 1e-10, …
const LEAST_X: i32 = -368;
/// … to 14 = 224 · `RANGE_STEP`, where the density of the range is below 1e-16.
const LARGEST_X: i32 = 224;
const CENTRE_STEP: f64 = 1.0 / 4.0;
/// `exp(-y²)` is below 1e-17 from 6.25 = 25 · `CENTRE_STEP` on.
const LARGEST_Y: u32 = 25;
/// A weight is below 1; a probability below this one does not change the sum.
const NEGLIGIBLE: f64 = 1e-17;

/// The distribution of Q = W / S: W is the range of K independent standard normal values, and ν S²
/// is χ² with ν degrees of freedom, independent of W.
///
/// `P(Q > q) = ∫ r(w) · P(S < w/q) dw`, where
/// `r(w) = K (K − 1)/2π · e^(−w²/4) ∫ e^(−y²) [Φ(y + w/2) − Φ(y − w/2)]^(K−2) dy` is the density of
/// W: its smallest and largest value lie at y ∓ w/2. The second integral does not depend on ν, so it
/// is computed once for each K.
///
/// `r` need not vanish at 0, and P(S < w/q) falls there within a distance of q. The first sum
/// therefore goes over x with w = ln(1 + eˣ), which takes equal steps of ln w where w is small and
/// of w where it is large. The error is below 1e-9 for all q up to 100 degrees of freedom.
///
/// Tukey, *The Problem of Multiple Comparisons*, 1953; other ways to compute it: Lund & Lund,
/// algorithm AS 190, 1983, and Copenhaver & Holland, 1988.
///
/// ```
/// use perennial_metrics::statistics::StudentizedRange;
///
/// // The tables say q(.05; 3, 10) = 3.877.
/// let three = StudentizedRange::new(3).ok_or("two means or more")?;
/// assert!((three.upper_tail(3.877, 10.0).ok_or("df above 0")? - 0.05).abs() < 1e-4);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StudentizedRange {
    /// In ascending order of w.
    nodes: Vec<Node>,
}

/// A point of the sum over the range.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    w: f64,
    /// `r(w) · dw/dx · RANGE_STEP`
    weight: f64,
    /// This weight and all after it: P(W > w), nearly.
    beyond: f64,
}

impl StudentizedRange {
    /// The distribution for `groups` = K means; `None` for fewer than two.
    #[must_use]
    pub fn new(groups: usize) -> Option<Self> {
        let exponent = groups.checked_sub(2)? as f64;
        let pairs = groups as f64 * (groups as f64 - 1.0);
        let density = |w: f64| {
            let at = |step: u32| {
                let y = f64::from(step) * CENTRE_STEP;
                // Φ(y + w/2) − Φ(y − w/2)
                let within = 0.5 * (erfc((y - 0.5 * w) / SQRT_2) - erfc((y + 0.5 * w) / SQRT_2));
                let sides = if step == 0 { 1.0 } else { 2.0 }; // y and -y
                sides * (-y * y).exp() * within.max(0.0).powf(exponent)
            };
            let integral = CENTRE_STEP * (0..=LARGEST_Y).map(at).sum::<f64>();
            pairs / (2.0 * PI) * (-0.25 * w * w).exp() * integral
        };
        let mut beyond = 0.0;
        let mut node = |step: i32| {
            let x = f64::from(step) * RANGE_STEP;
            let w = x.exp().ln_1p();
            let weight = density(w) / (1.0 + (-x).exp()) * RANGE_STEP; // dw/dx = 1/(1 + e^-x)
            beyond += weight;
            Node { w, weight, beyond }
        };
        let mut nodes: Vec<Node> = (LEAST_X..=LARGEST_X).rev().map(&mut node).collect();
        nodes.reverse();
        Some(Self { nodes })
    }

    /// `P(Q > q)` for `df` = ν degrees of freedom, which need not be whole; from 0 to 1.
    ///
    /// `None` when `q` is negative or NaN, or `df` is not a finite number above 0.
    #[must_use]
    pub fn upper_tail(&self, q: f64, df: f64) -> Option<f64> {
        if q.is_nan() || q < 0.0 || !df.is_finite() || df <= 0.0 {
            return None;
        }
        if q == 0.0 {
            return Some(1.0);
        }
        let half = df / 2.0;
        let less = |w: f64| match half * (w / q).powi(2) {
            square if square > 0.0 => gamma_lr(half, square), // P(S < w/q)
            _ => 0.0,
        };
        let first = self.nodes.partition_point(|node| less(node.w) < NEGLIGIBLE);
        let certain = self.nodes.partition_point(|node| less(node.w) < 1.0);
        let uncertain = self.nodes.get(first..certain).unwrap_or_default();
        let tail = uncertain.iter().map(|node| node.weight * less(node.w)).sum::<f64>()
            + self.nodes.get(certain).map_or(0.0, |node| node.beyond);
        Some(tail.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, StudentsT};

    use super::*;

    /// The range of two values is √2 times the size of a t. Catches: a first sum that takes the
    /// density to vanish at 0, too wide steps.
    #[test]
    fn two_means_are_a_t_test() {
        let range = StudentizedRange::new(2).unwrap();
        for df in [1.0, 2.5, 4.0, 8.0, 30.0, 100.0] {
            let t = StudentsT::new(0.0, 1.0, df).unwrap();
            for size in [1e-17, 1e-9, 1e-3, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0] {
                let found = range.upper_tail(size * SQRT_2, df).unwrap();
                let expected = 2.0 * t.sf(size);
                assert!((found - expected).abs() < 1e-9, "{df} {size}: {found} {expected}");
            }
        }
    }

    /// Against `scipy.stats.studentized_range`, which integrates adaptively in two dimensions.
    #[test]
    fn many_means_are_those_of_another_program() {
        for (groups, df, q, expected) in [
            (3, 8.0, 0.01, 0.999_972_434),
            (3, 8.0, 0.1, 0.997_248_135),
            (3, 4.3, 1.0, 0.771_792_832),
            (3, 10.0, 3.877, 0.049_987_089),
            (3, 100.0, 0.05, 0.999_311_083),
            (5, 8.0, 0.5, 0.995_940_382),
            (20, 12.0, 2.0, 0.988_995_424),
            (20, 8.0, 6.0, 0.099_731_868),
        ] {
            let found = StudentizedRange::new(groups).unwrap().upper_tail(q, df).unwrap();
            assert!((found - expected).abs() < 2e-9, "{groups} {df} {q}: {found} {expected}");
        }
    }

    #[test]
    fn what_has_no_tail() {
        assert_eq!(StudentizedRange::new(1), None);
        let range = StudentizedRange::new(3).unwrap();
        assert_eq!(range.upper_tail(0.0, 4.0), Some(1.0));
        for (q, df) in [(-1.0, 4.0), (f64::NAN, 4.0), (1.0, 0.0), (1.0, f64::INFINITY)] {
            assert_eq!(range.upper_tail(q, df), None);
        }
    }
}
