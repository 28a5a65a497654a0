//! Mean, spread and interval of one number over seeds.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::SIGNIFICANCE;

/// One number over n seeds: x̄, and how sure it is.
///
/// | symbol | field | |
/// | --- | --- | --- |
/// | n | `n` | seeds |
/// | x̄ | `mean` | 1/n · Σ x |
/// | s | `sd` | √(Σ (x − x̄)² / (n − 1)), the standard deviation of a seed |
/// | s/√n | `se` | the standard error of the mean |
/// | t·s/√n | `half_width` | of the 95 % interval x̄ ± t·s/√n, t the .975 quantile of Student's distribution with n − 1 degrees of freedom |
///
/// With one seed there is no spread to see: the last three are `None`, which is not zero. Published
/// "±" is any of the last three; say which.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many seeds.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with n − 1.
    pub sd: Option<f64>,
    /// The standard error of the mean.
    pub se: Option<f64>,
    /// Half the width of the 95 % interval around the mean.
    pub half_width: Option<f64>,
}

impl Summary {
    /// Summarises one value a seed. The order of the values does not change a bit of the result.
    ///
    /// `None` without values, when one is NaN or infinite, and when they are so large that their
    /// spread is no finite number.
    ///
    /// ```
    /// # use perennial_metrics::statistics::Summary;
    /// let over_seeds = Summary::of(&[0.25, 0.5, 0.75]).ok_or("finite")?;
    /// assert_eq!((over_seeds.mean, over_seeds.sd), (0.5, Some(0.25)));
    /// // t = 4.302653 for 2 degrees of freedom: 4.302653 · .25 / √3 = .621
    /// assert!((over_seeds.half_width.ok_or("three seeds")? - 0.621).abs() < 1e-3);
    ///
    /// let alone = Summary::of(&[0.5]).ok_or("finite")?;
    /// assert_eq!((alone.mean, alone.sd, alone.half_width), (0.5, None, None));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp); // a sum depends on its order in the last bit
        let n = values.len();
        let count = n as f64;
        // Around the smallest, so that equal values have exactly their mean and no deviation.
        let origin = *values.first()?;
        let mean = origin + values.iter().map(|x| x - origin).sum::<f64>() / count;
        if !mean.is_finite() {
            return None;
        }
        if n == 1 {
            return Some(Self { n, mean, sd: None, se: None, half_width: None });
        }
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let sd = (squares / (count - 1.0)).sqrt();
        let se = sd / count.sqrt();
        let half_width = student(n)?.inverse_cdf(1.0 - SIGNIFICANCE / 2.0) * se;
        half_width.is_finite().then_some(Self {
            n,
            mean,
            sd: Some(sd),
            se: Some(se),
            half_width: Some(half_width),
        })
    }

    /// The ends of the 95 % interval, lower first; `None` for one seed.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        let half = self.half_width?;
        Some((self.mean - half, self.mean + half))
    }
}

/// Student's distribution of the mean of `n` values; `None` for fewer than two.
pub(super) fn student(n: usize) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, n.checked_sub(1)? as f64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_quantiles_are_those_of_the_tables() {
        for (n, table) in [(3, 4.302_652_730), (5, 2.776_445_105), (20, 2.093_024_054)] {
            let quantile = student(n).unwrap().inverse_cdf(0.975);
            assert!((quantile - table).abs() < 1e-9, "{n}: {quantile}");
        }
    }

    #[test]
    fn five_values_by_hand() {
        // mean .5; deviations −.25 −.125 0 .125 .25; squares sum .15625; s² = .0390625
        let summary = Summary::of(&[0.75, 0.25, 0.5, 0.375, 0.625]).unwrap();
        assert_eq!((summary.n, summary.mean), (5, 0.5));
        let sd = 0.039_062_5_f64.sqrt();
        assert!((summary.sd.unwrap() - sd).abs() < 1e-15);
        assert!((summary.se.unwrap() - sd / 5.0_f64.sqrt()).abs() < 1e-15);
        let half = 2.776_445_105 * sd / 5.0_f64.sqrt();
        assert!((summary.half_width.unwrap() - half).abs() < 1e-9);
        let (low, high) = summary.interval().unwrap();
        assert!((low - (0.5 - half)).abs() < 1e-9 && (high - (0.5 + half)).abs() < 1e-9);
    }

    #[test]
    fn equal_values_have_no_spread() {
        // The plain sum of three .1 divided by 3 is not .1 in binary.
        let summary = Summary::of(&[0.1; 3]).unwrap();
        assert_eq!((summary.mean, summary.sd, summary.half_width), (0.1, Some(0.0), Some(0.0)));
    }

    #[test]
    fn one_seed_has_no_interval() {
        let summary = Summary::of(&[0.7]).unwrap();
        assert_eq!(summary, Summary { n: 1, mean: 0.7, sd: None, se: None, half_width: None });
        assert_eq!(summary.interval(), None);
    }

    #[test]
    fn what_has_no_finite_summary_is_none() {
        for values in [
            &[][..],
            &[f64::NAN],
            &[0.5, f64::NAN],
            &[0.5, f64::INFINITY],
            &[f64::NEG_INFINITY; 3],
            &[f64::MAX, f64::MIN],
            &[1e200, -1e200],
        ] {
            assert_eq!(Summary::of(values), None, "{values:?}");
        }
    }
}
