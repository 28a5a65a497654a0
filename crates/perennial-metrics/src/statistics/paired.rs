//! Two methods on the same seeds.

use serde::{Deserialize, Serialize};
use statrs::distribution::ContinuousCDF;

use super::{BySeed, Summary, summary::student};

/// The difference of two methods over their common seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// The differences, first method less second, one a common seed.
    pub difference: Summary,
    /// The two-sided p-value of the paired t-test: how often chance alone gives a mean difference
    /// this far from 0. From 0 to 1.
    pub p: f64,
}

/// The paired difference `first` − `second`, with its interval and p-value.
///
/// `t = d̄ / (s_d/√n)` over the differences d of the n common seeds, `p = P(|t_{n−1}| ≥ |t|)`. Seeds
/// that only one of the two has are left out. Differences that are all equal leave chance no
/// room: p is 1 when they are 0, otherwise 0.
///
/// `None` with fewer than two common seeds, or when one of their values is NaN or infinite.
#[must_use]
pub fn paired_difference(first: &BySeed, second: &BySeed) -> Option<PairedDifference> {
    let differences: Vec<f64> =
        first.iter().filter_map(|(seed, value)| Some(value - second.get(seed)?)).collect();
    let difference = Summary::of(&differences)?;
    let se = difference.se?;
    let p = if difference.mean == 0.0 {
        1.0 // also where s is 0 and t does not exist
    } else {
        let t = (difference.mean / se).abs(); // infinite where s is 0, which makes p 0
        (2.0 * student(difference.n)?.cdf(-t)).min(1.0)
    };
    Some(PairedDifference { difference, p })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_common_seeds_count() {
        let first: BySeed = [(0, 0.75), (1, 0.5), (2, 0.5), (9, 0.0)].into();
        let second: BySeed = [(0, 0.25), (1, 0.25), (2, 0.5), (5, 1.0)].into();
        // differences .5 .25 0: mean .25, s = .25, t = .25 / (.25/√3) = √3.
        // With 2 degrees of freedom p = 1 − t/√(2 + t²) = 1 − √(3/5).
        let paired = paired_difference(&first, &second).unwrap();
        assert_eq!((paired.difference.n, paired.difference.mean), (3, 0.25));
        assert_eq!(paired.difference.sd, Some(0.25));
        assert!((paired.p - (1.0 - 0.6_f64.sqrt())).abs() < 1e-12, "{}", paired.p);

        let reversed = paired_difference(&second, &first).unwrap();
        assert_eq!((reversed.difference.mean, reversed.p), (-0.25, paired.p));
    }

    #[test]
    fn the_p_value_meets_the_interval() {
        // t = 4.302652730 is the two-sided 5 % point of 2 degrees of freedom: differences
        // m − d, m, m + d have s = d and t = m √3 / d.
        let m = 0.25;
        let d = m * 3.0_f64.sqrt() / 4.302_652_729_749_464;
        let first: BySeed = [(0, m - d), (1, m), (2, m + d)].into();
        let second: BySeed = [(0, 0.0), (1, 0.0), (2, 0.0)].into();
        let paired = paired_difference(&first, &second).unwrap();
        assert!((paired.p - 0.05).abs() < 1e-12, "{}", paired.p);
        assert!(paired.difference.interval().unwrap().0.abs() < 1e-12);
    }

    #[test]
    fn equal_differences_leave_chance_no_room() {
        let first: BySeed = [(0, 0.25), (1, 0.5), (2, 0.75)].into();
        assert_eq!(paired_difference(&first, &first).map(|paired| paired.p), Some(1.0));
        let higher: BySeed = first.iter().map(|(seed, value)| (*seed, value + 0.125)).collect();
        let paired = paired_difference(&higher, &first).unwrap();
        assert_eq!(
            (paired.difference.mean, paired.difference.sd, paired.p),
            (0.125, Some(0.0), 0.0)
        );
        assert_eq!(paired_difference(&first, &higher).map(|paired| paired.p), Some(0.0));
    }

    #[test]
    fn no_pair_no_difference() {
        let one: BySeed = [(0, 0.5), (1, 0.5)].into();
        let other: BySeed = [(1, 0.5), (2, 0.5)].into();
        assert_eq!(paired_difference(&one, &other), None);
        assert_eq!(paired_difference(&one, &BySeed::new()), None);
        let broken: BySeed = [(0, f64::NAN), (1, 0.5)].into();
        assert_eq!(paired_difference(&one, &broken), None);
    }
}
