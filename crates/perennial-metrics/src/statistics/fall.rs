//! One task before and after a change, judged by the same test samples.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

use super::SIGNIFICANCE;

/// How many of a task's test samples changed sides.
///
/// The two answers to a sample are a pair, and only the *discordant* samples, those answered
/// rightly once and wrongly once, say anything about a change. Accuracies that differ by two
/// hundredths may rest on a few flipped samples or on thousands; the pairs know.
///
/// | symbol | field | |
/// | --- | --- | --- |
/// | n | `samples` | test samples |
/// | b | `broke` | right before, wrong after |
/// | c | `mended` | wrong before, right after |
///
/// ```
/// use perennial_metrics::statistics::PairedFall;
///
/// let before = [true, true, true, true, false, true, true, false];
/// let after = [true, false, false, false, true, true, true, false];
/// let fall = PairedFall::of(&before, &after).ok_or("as many answers of both")?;
/// assert_eq!((fall.samples, fall.broke, fall.mended), (8, 3, 1));
/// assert_eq!(fall.fall(), 0.25); // from 6 of 8 to 4 of 8
/// assert!((fall.p() - 0.3125).abs() < 1e-12); // 3 or more of 4 coins: 5 / 16
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedFall {
    /// Test samples, at least 1.
    pub samples: u64,
    /// Samples answered rightly before and wrongly after.
    pub broke: u64,
    /// Samples answered wrongly before and rightly after.
    pub mended: u64,
}

impl PairedFall {
    /// Counts, from whether each sample was answered rightly before and after. `[samples]` each.
    ///
    /// `None` without samples, and when there are not as many of both.
    #[must_use]
    pub fn of(before: &[bool], after: &[bool]) -> Option<Self> {
        if before.is_empty() || before.len() != after.len() {
            return None;
        }
        let pairs = || before.iter().zip(after);
        Some(Self {
            samples: before.len() as u64,
            broke: pairs().filter(|&(&before, &after)| before && !after).count() as u64,
            mended: pairs().filter(|&(&before, &after)| !before && after).count() as u64,
        })
    }

    /// The accuracy before less the accuracy after, `(b − c) / n`: positive where it fell.
    #[must_use]
    pub fn fall(&self) -> f64 {
        (self.broke as f64 - self.mended as f64) / self.samples as f64
    }

    /// How often chance alone breaks as many of the discordant samples, or more: the exact
    /// one-sided sign test `P(X ≥ b)` with X binomial over `b + c` samples of chance ½. It is the
    /// one-sided exact form of McNemar's test. 1 without discordant samples.
    ///
    /// McNemar, *Note on the Sampling Error of the Difference between Correlated Proportions or
    /// Percentages*, 1947.
    #[must_use]
    pub fn p(&self) -> f64 {
        match (self.broke.checked_sub(1), Binomial::new(0.5, self.broke + self.mended)) {
            (Some(fewer), Ok(coins)) => coins.sf(fewer),
            _ => 1.0, // none broke: every outcome has that many
        }
    }

    /// What the true fall stays below with 95 % confidence: Tango's score bound for the difference
    /// of paired proportions.
    ///
    /// The largest δ with `b − c − nδ ≥ −z √(n (2 q + δ (1 − δ)))`, z = 1.645, where q is the
    /// most likely probability of mending when the fall is δ: the greater root of `2n q² + (2nδ −
    /// (b + c) − (b − c)δ) q − c δ (1 − δ)`. Unlike Wald's it needs no discordant sample to be
    /// sensible: without any it is `z² / (n + z²)`, as Wilson's for none of n.
    ///
    /// Tango, *Equivalence Test and Confidence Interval for the Difference in Proportions for the
    /// Paired-Sample Design*, Statistics in Medicine 17, 1998.
    #[must_use]
    pub fn upper(&self) -> f64 {
        let z = Normal::standard().inverse_cdf(1.0 - SIGNIFICANCE);
        let (n, b, c) = (self.samples as f64, self.broke as f64, self.mended as f64);
        let too_far = |delta: f64| {
            let half = (2.0 * n * delta - (b + c) - (b - c) * delta) / 2.0;
            let root = (half * half + 2.0 * n * c * delta * (1.0 - delta)).max(0.0).sqrt();
            // The form of the root that subtracts nothing of nearly its own size.
            let q = match half > 0.0 {
                true => c * delta * (1.0 - delta) / (half + root),
                false => (root - half) / (2.0 * n),
            };
            let variance = n * (2.0 * q + delta * (1.0 - delta));
            b - c - n * delta < -z * variance.max(0.0).sqrt()
        };
        // The statistic falls as δ grows, so halving finds where it crosses; 60 times exhaust the
        // digits of a double.
        let (mut low, mut high) = (self.fall(), 1.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            *(if too_far(middle) { &mut high } else { &mut low }) = middle;
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fall(broke: u64, mended: u64, samples: u64) -> PairedFall {
        PairedFall { samples, broke, mended }
    }

    #[test]
    fn the_sign_test_by_hand() {
        for (broke, mended, by_hand) in [
            (5, 1, 7.0 / 64.0),     // C(6,5) + C(6,6) of 2⁶
            (10, 2, 79.0 / 4096.0), // 66 + 12 + 1
            (1, 0, 0.5),
            (1, 1, 0.75),
        ] {
            assert!((fall(broke, mended, 90).p() - by_hand).abs() < 1e-14);
        }
        assert_eq!(fall(0, 0, 10).p(), 1.0);
        assert_eq!(fall(0, 9, 10).p(), 1.0);
        // Agreeing samples say nothing.
        assert_eq!(fall(5, 1, 6).p(), fall(5, 1, 6_000_000).p());
    }

    /// scipy 1.x: `stats.binom.sf(b - 1, b + c, .5)`.
    #[test]
    fn the_sign_test_of_many_samples() {
        let known = [(130, 100, 0.027_806_788_890_696_19), (300, 3, 2.845_192_754_243_395e-85)];
        for (broke, mended, p) in known {
            let found = fall(broke, mended, 10_000).p();
            assert!((found / p - 1.0).abs() < 1e-9, "{found} {p}");
        }
    }

    /// z² / (n + z²) with z = 1.6448536: the derivation is in the docs.
    #[test]
    fn the_bound_without_discordant_samples_by_hand() {
        let z = 1.644_853_626_951_472_2_f64;
        for n in [1, 50, 100, 10_000] {
            let by_hand = z * z / (n as f64 + z * z);
            assert!((fall(0, 0, n).upper() - by_hand).abs() < 1e-12, "{n}");
        }
    }

    /// The likelihood maximised numerically under a fixed difference, and the crossing found by
    /// Brent's method (scipy): no closed form in common with ours. The third is the example of
    /// Tango's paper, printed there as .037.
    #[test]
    fn the_bound_as_found_without_its_closed_form() {
        let known = [
            ((5, 1, 100), 0.090_737_688_180_560_56),
            ((30, 10, 1000), 0.031_182_131_557_328_706),
            ((0, 1, 44), 0.036_516_938_589_746_27),
            ((9, 0, 50), 0.285_007_723_806_095_3),
            ((0, 8, 50), -0.092_578_096_787_602_62),
        ];
        for ((broke, mended, samples), bound) in known {
            let found = fall(broke, mended, samples).upper();
            assert!((found - bound).abs() < 1e-7, "{broke} {mended} {samples}: {found} {bound}");
        }
    }

    #[test]
    fn everything_lost_is_bounded_by_everything() {
        assert_eq!(fall(50, 0, 50).upper(), 1.0);
    }

    #[test]
    fn what_is_no_pair_is_none() {
        assert_eq!(PairedFall::of(&[], &[]), None);
        assert_eq!(PairedFall::of(&[true], &[true, false]), None);
    }
}
