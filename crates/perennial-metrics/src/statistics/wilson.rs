//! How sure the accuracy of one network is, from the samples it was measured on.

use statrs::distribution::{ContinuousCDF, Normal};

use super::SIGNIFICANCE;

/// Wilson's 95 % interval of a proportion: the accuracies under which `correct` of `samples` right
/// answers are no surprise. Lower end first, both in 0 … 1.
///
/// `(p̂ + z²/2n ± z √(p̂ (1 − p̂)/n + z²/4n²)) / (1 + z²/n)`, z = 1.960. It speaks of other test
/// samples for the same network, where [`Summary`](super::Summary) speaks of other seeds.
///
/// `None` without samples, and with more right answers than samples.
///
/// Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*, 1927.
///
/// ```
/// use perennial_metrics::statistics::wilson;
///
/// let [lower, upper] = wilson(95, 100).ok_or("samples")?;
/// assert!((lower - 0.8882).abs() < 1e-4 && (upper - 0.9785).abs() < 1e-4);
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn wilson(correct: u64, samples: u64) -> Option<[f64; 2]> {
    if samples == 0 || correct > samples {
        return None;
    }
    let z = Normal::standard().inverse_cdf(1.0 - SIGNIFICANCE / 2.0);
    let (n, p) = (samples as f64, correct as f64 / samples as f64);
    let square = z * z / n;
    let half = z * (p * (1.0 - p) / n + square / (4.0 * n)).sqrt();
    let end = |half: f64| ((p + square / 2.0 + half) / (1.0 + square)).clamp(0.0, 1.0);
    // At 0 and 1 the end is the accuracy itself, but for the last digit.
    Some([end(-half).min(p), end(half).max(p)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy: `stats.binomtest(k, n).proportion_ci(.95, method="wilson")`; the first is the
    /// example of Newcombe (1998), printed there as .2553 to .3662.
    #[test]
    fn known_intervals() {
        let known = [
            (81, 263, [0.255_288_519_878_274_2, 0.366_209_576_982_800_04]),
            (0, 10, [0.0, 0.277_532_799_862_889_26]),
            (10, 10, [0.722_467_200_137_110_7, 1.0]),
            (9950, 10_000, [0.993_414_742_683_868_4, 0.996_205_098_929_161_8]),
        ];
        for (correct, samples, expected) in known {
            let found = wilson(correct, samples).unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }

    #[test]
    fn no_proportion_has_no_interval() {
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(3, 2), None);
    }
}
