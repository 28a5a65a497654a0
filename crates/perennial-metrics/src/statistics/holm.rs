//! Several tests at once.

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
}
