//! Which methods are as good as the best, as far as these seeds can tell.

use serde::Serialize;

use super::{BySeed, PairedDifference, SIGNIFICANCE, Summary, paired_difference};

/// Several methods against the best of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison<'a> {
    /// The method with the highest mean over its seeds; of equals the first.
    pub best: &'a str,
    /// All other methods, in the order given.
    pub others: Vec<Versus<'a>>,
}

/// One method against the best.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versus<'a> {
    /// The method.
    pub name: &'a str,
    /// The best less this method over their common seeds; `None` with fewer than two.
    pub difference: Option<PairedDifference>,
    /// The p-value of the difference, adjusted by [`holm`] for the number of pairs.
    pub adjusted_p: Option<f64>,
    /// Whether the difference may be chance at the 5 % level ([`SIGNIFICANCE`]); `None` when there
    /// is nothing to tell from, which is not the same as "yes".
    pub within_noise: Option<bool>,
}

/// Finds the best method by its mean and says of each other whether it is within noise of it.
///
/// `methods` are named values by seed, higher is better; negate what should be low, such as
/// forgetting. Each other method is compared with the best over their common seeds
/// ([`paired_difference`]), and the p-values are adjusted over all these pairs ([`holm`]); with two
/// methods that is the plain paired test.
///
/// The best was picked from the same numbers, which flatters it a little: "not within noise" is a
/// ranking of these runs, and a claim wants fresh seeds. And "within noise" is no proof of
/// equality: with few seeds almost everything is.
///
/// `None` when no method has a mean.
///
/// ```
/// use perennial_metrics::statistics::{BySeed, within_noise_of_best};
///
/// let gem: BySeed = [(0, 0.82), (1, 0.83), (2, 0.82)].into();
/// let replay: BySeed = [(0, 0.83), (1, 0.81), (2, 0.82)].into();
/// let finetune: BySeed = [(0, 0.57), (1, 0.58), (2, 0.56)].into();
/// let methods = [("finetune", &finetune), ("gem", &gem), ("er", &replay)];
/// let comparison = within_noise_of_best(&methods).ok_or("numbers")?;
/// assert_eq!(comparison.best, "gem");
/// let verdicts: Vec<_> = comparison.others.iter().map(|o| (o.name, o.within_noise)).collect();
/// assert_eq!(verdicts, [("finetune", Some(false)), ("er", Some(true))]);
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn within_noise_of_best<'a>(methods: &[(&'a str, &BySeed)]) -> Option<Comparison<'a>> {
    let means = methods.iter().enumerate().filter_map(|(index, (_, values))| {
        let values: Vec<f64> = values.values().copied().collect();
        Some((index, Summary::of(&values)?.mean))
    });
    let (best, _) = means.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    let (name, best_values) = *methods.get(best)?;

    let mut others: Vec<Versus<'a>> = methods
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != best)
        .map(|(_, (name, values))| Versus {
            name,
            difference: paired_difference(best_values, values),
            adjusted_p: None,
            within_noise: None,
        })
        .collect();

    // Pairs that cannot be tested are not counted among the tests.
    let p: Vec<f64> = others.iter().filter_map(|other| Some(other.difference?.p)).collect();
    let tested = others.iter_mut().filter(|other| other.difference.is_some());
    for (other, adjusted) in tested.zip(holm(&p)?) {
        other.adjusted_p = Some(adjusted);
        other.within_noise = Some(adjusted > SIGNIFICANCE);
    }
    Some(Comparison { best: name, others })
}

/// Holm's adjustment of the p-values of several tests: an adjusted p of at most α holds the chance
/// of one or more false alarms among all of them at α.
///
/// With the m values in ascending order, `p̃_(i) = max_{l≤i} min(1, (m − l + 1) · p_(l))`. Returned in
/// the order given. `None` when a value is no number from 0 to 1.
///
/// Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, 1979.
///
/// ```
/// # use perennial_metrics::statistics::holm;
/// // ascending: .125 · 3 = .375, then .25 · 2 = .5, then .375 · 1, raised to the .5 before it
/// assert_eq!(holm(&[0.375, 0.125, 0.25]), Some(vec![0.5, 0.375, 0.5]));
/// ```
#[must_use]
pub fn holm(p: &[f64]) -> Option<Vec<f64>> {
    if !p.iter().all(|value| (0.0..=1.0).contains(value)) {
        return None;
    }
    let mut ascending: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    ascending.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut adjusted = vec![0.0; p.len()];
    let mut highest = 0.0_f64;
    for (rank, (index, value)) in ascending.into_iter().enumerate() {
        highest = highest.max((value * (p.len() - rank) as f64).min(1.0));
        adjusted[index] = highest;
    }
    Some(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_by_hand() {
        // .005·4 = .02, .01·3 = .03, .03·2 = .06, .04·1 = .04 raised to .06
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]).unwrap();
        for (adjusted, by_hand) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((adjusted - by_hand).abs() < 1e-15);
        }
        assert_eq!(holm(&[0.75, 0.5]), Some(vec![1.0, 1.0]));
        assert_eq!(holm(&[0.25]), Some(vec![0.25]));
        assert_eq!(holm(&[]), Some(vec![]));
    }

    #[test]
    fn holm_refuses_what_is_no_probability() {
        for p in [f64::NAN, -0.1, 1.1] {
            assert_eq!(holm(&[0.5, p]), None);
        }
    }

    /// Differences .5 .25 0 to a method at .5: p = 1 − √(3/5) ≈ .2254, as in `paired`.
    fn trailing() -> BySeed {
        [(0, 0.0), (1, 0.25), (2, 0.5)].into()
    }

    fn level() -> BySeed {
        [(0, 0.5), (1, 0.5), (2, 0.5)].into()
    }

    #[test]
    fn two_methods_are_compared_by_the_plain_pair() {
        let (a, b) = (trailing(), level());
        let comparison = within_noise_of_best(&[("a", &a), ("b", &b)]).unwrap();
        assert_eq!(comparison.best, "b");
        let a_to_b = &comparison.others[0];
        assert_eq!(a_to_b.difference, paired_difference(&b, &a));
        assert_eq!(a_to_b.adjusted_p, a_to_b.difference.map(|paired| paired.p));
        assert_eq!((comparison.others.len(), a_to_b.within_noise), (1, Some(true)));
    }

    #[test]
    fn more_pairs_need_stronger_evidence() {
        // t = .25 √3 / .0625 ≈ 6.93 with 2 degrees of freedom: p = .0202, clear for one pair and
        // for two (.0404), not for three (.0606).
        let best: BySeed = [(0, 0.5), (1, 0.5), (2, 0.5)].into();
        let lower: BySeed = [(0, 0.1875), (1, 0.25), (2, 0.3125)].into();
        let verdicts = |methods: &[(&str, &BySeed)]| -> Vec<Option<bool>> {
            let comparison = within_noise_of_best(methods).unwrap();
            assert_eq!(comparison.best, "best");
            comparison.others.iter().map(|other| other.within_noise).collect()
        };
        assert_eq!(verdicts(&[("best", &best), ("x", &lower)]), [Some(false)]);
        assert_eq!(verdicts(&[("x", &lower), ("best", &best), ("y", &lower)]), [Some(false); 2]);
        let three = [("x", &lower), ("y", &lower), ("best", &best), ("z", &lower)];
        assert_eq!(verdicts(&three), [Some(true); 3]);
    }

    #[test]
    fn a_method_without_common_seeds_is_neither_within_noise_nor_a_test() {
        let (best, lower) = (level(), trailing());
        let elsewhere: BySeed = [(0, 0.25), (9, 0.25)].into();
        let empty = BySeed::new();
        let methods = [("x", &elsewhere), ("best", &best), ("none", &empty), ("y", &lower)];
        let comparison = within_noise_of_best(&methods).unwrap();
        assert_eq!(comparison.best, "best");
        let verdicts: Vec<_> = comparison.others.iter().map(|o| (o.name, o.within_noise)).collect();
        assert_eq!(verdicts, [("x", None), ("none", None), ("y", Some(true))]);
        let y = &comparison.others[2];
        assert_eq!(y.adjusted_p, y.difference.map(|paired| paired.p)); // one test: not multiplied
    }

    #[test]
    fn of_equals_the_first_is_best() {
        let same = level();
        let comparison = within_noise_of_best(&[("first", &same), ("second", &same)]).unwrap();
        assert_eq!((comparison.best, comparison.others[0].within_noise), ("first", Some(true)));
    }

    #[test]
    fn nothing_to_compare_is_none() {
        let (empty, broken) = (BySeed::new(), BySeed::from([(0, f64::NAN)]));
        assert_eq!(within_noise_of_best(&[]), None);
        assert_eq!(within_noise_of_best(&[("a", &empty), ("b", &broken)]), None);
    }
}
