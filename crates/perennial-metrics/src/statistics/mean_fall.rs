//! The mean fall over tasks, and how sure it is.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::{PairedFall, SIGNIFICANCE};

/// The mean over tasks of the fall, as if the test samples were drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanFall {
    /// The measured mean of the tasks' falls.
    pub mean: f64,
    /// The one-sided lower 95 % bound: 95 % of the resamples reach it.
    pub lower: f64,
    /// The one-sided upper 95 % bound: 95 % of the resamples do not exceed it.
    pub upper: f64,
    /// How often chance alone gives such a fall: the share of resamples that do not fall, with the
    /// measured one counted among them, which keeps it above 0.
    pub p: f64,
}

/// The paired bootstrap of the mean fall over `tasks`, each task of equal weight.
///
/// In each of `resamples` rounds every task's n test samples are drawn again n times with
/// replacement, a sample with both its answers, and the mean of the tasks' falls is taken anew; the
/// bounds are quantiles of these means. Deterministic: the draws are a function of `seed`. A round
/// costs as many draws as samples changed sides, not as there are.
///
/// The bootstrap only knows the samples it has: where none changed sides it says 0 ± 0. The bound of
/// one task that does not is [`PairedFall::upper`].
///
/// `None` without tasks, without resamples, or when the counts of a task do not fit its samples.
///
/// Efron, *Bootstrap Methods: Another Look at the Jackknife*, 1979.
///
/// ```
/// use perennial_metrics::statistics::{PairedFall, mean_fall};
///
/// let fell = PairedFall { samples: 1000, broke: 60, mended: 10 };
/// let kept = PairedFall { samples: 500, broke: 5, mended: 5 };
/// let mean = mean_fall(&[fell, kept], 2000, 0).ok_or("two tasks")?;
/// assert_eq!(mean.mean, 0.025); // (.05 + 0) / 2
/// assert!(0.0 < mean.lower && mean.lower < 0.025 && 0.025 < mean.upper);
/// assert_eq!(mean.p, 1.0 / 2001.0); // none of the resamples rose
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn mean_fall(tasks: &[PairedFall], resamples: u32, seed: u64) -> Option<MeanFall> {
    let fits = |task: &PairedFall| {
        let discordant = task.broke.checked_add(task.mended);
        task.samples > 0 && discordant.is_some_and(|count| count <= task.samples)
    };
    if tasks.is_empty() || resamples == 0 || !tasks.iter().all(fits) {
        return None;
    }
    let mean = |falls: &mut dyn Iterator<Item = f64>| falls.sum::<f64>() / tasks.len() as f64;
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| mean(&mut tasks.iter().map(|task| redrawn(task, &mut generator).fall())))
        .collect();
    means.sort_by(f64::total_cmp);
    // The smallest mean that a share of all reaches.
    let quantile = |share: f64| {
        let rank = (share * means.len() as f64).ceil() as usize;
        means[rank.clamp(1, means.len()) - 1]
    };
    Some(MeanFall {
        mean: mean(&mut tasks.iter().map(PairedFall::fall)),
        lower: quantile(SIGNIFICANCE),
        upper: quantile(1.0 - SIGNIFICANCE),
        p: (1 + means.iter().filter(|&&mean| mean <= 0.0).count()) as f64
            / (1 + means.len()) as f64,
    })
}

/// A task whose samples were drawn again with replacement.
///
/// Each of n draws hits a discordant sample with the same chance, so the number of draws until the
/// next hit is geometric: the draws between are skipped.
fn redrawn(task: &PairedFall, generator: &mut ChaCha8Rng) -> PairedFall {
    let discordant = task.broke + task.mended;
    let mut again = PairedFall { broke: 0, mended: 0, ..*task };
    if discordant == 0 {
        return again;
    }
    // ln(1 − chance of a hit); −∞ where every draw hits, which skips none.
    let miss = (1.0 - discordant as f64 / task.samples as f64).ln();
    let mut drawn = 0.0;
    loop {
        drawn += 1.0 + (open_unit(generator).ln() / miss).floor();
        if drawn > task.samples as f64 {
            return again;
        }
        let broke = open_unit(generator) * discordant as f64 <= task.broke as f64;
        *(if broke { &mut again.broke } else { &mut again.mended }) += 1;
    }
}

/// A number above 0 and at most 1, of 53 drawn bits.
fn open_unit(generator: &mut ChaCha8Rng) -> f64 {
    const STEPS: f64 = (1_u64 << 53) as f64;
    ((generator.next_u64() >> 11) + 1) as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fall(broke: u64, mended: u64, samples: u64) -> PairedFall {
        PairedFall { samples, broke, mended }
    }

    /// n draws with replacement hit b of n samples n · b/n = b times on average, with variance
    /// b (1 − b/n); likewise the difference has variance b + c − (b − c)²/n. Over 20,000 rounds
    /// the averages lie within five standard errors of that. Hits counted with one draw too many
    /// or too few, or sides swapped, move them by far more.
    #[test]
    fn redrawn_counts_have_the_moments_of_a_draw_with_replacement() {
        for (broke, mended, samples) in [(30, 10, 50), (6, 2, 1000), (3, 7, 10), (40, 0, 40)] {
            let task = fall(broke, mended, samples);
            let mut generator = ChaCha8Rng::seed_from_u64(7);
            let rounds = 20_000_u32;
            let differences: Vec<f64> = (0..rounds)
                .map(|_| redrawn(&task, &mut generator))
                .map(|again| again.broke as f64 - again.mended as f64)
                .collect();
            let n = f64::from(rounds);
            let mean = differences.iter().sum::<f64>() / n;
            let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
            let (b, c) = (broke as f64, mended as f64);
            let expected = b + c - (b - c).powi(2) / samples as f64;
            assert!((mean - (b - c)).abs() <= 5.0 * (expected / n).sqrt(), "{mean} {}", b - c);
            // The fourth moment of a sum is about 3 σ⁴, so the variance's error is σ² √(2/n).
            let error = expected * (2.0 / n).sqrt();
            assert!((variance - expected).abs() <= 6.0 * error, "{variance} {expected}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_another_does_not() {
        let tasks = [fall(60, 10, 1000), fall(5, 5, 500)];
        assert_eq!(mean_fall(&tasks, 200, 3), mean_fall(&tasks, 200, 3));
        assert_ne!(mean_fall(&tasks, 200, 3), mean_fall(&tasks, 200, 4));
    }

    /// Where every sample broke, every draw breaks; where none changed sides, nothing can.
    #[test]
    fn certain_falls_have_no_spread() {
        let certain = |mean, p| MeanFall { mean, lower: mean, upper: mean, p };
        assert_eq!(mean_fall(&[fall(9, 0, 9)], 49, 0), Some(certain(1.0, 1.0 / 50.0)));
        assert_eq!(mean_fall(&[fall(0, 0, 9), fall(0, 0, 4)], 49, 0), Some(certain(0.0, 1.0)));
    }

    /// The mean weighs tasks, not samples: .1 and .3 give .2 whatever their sizes.
    #[test]
    fn tasks_weigh_alike() {
        let mean = mean_fall(&[fall(1, 0, 10), fall(300, 0, 1000)], 1, 0).unwrap();
        assert!((mean.mean - 0.2).abs() < 1e-15);
    }

    #[test]
    fn what_cannot_be_resampled_is_none() {
        assert_eq!(mean_fall(&[], 10, 0), None);
        assert_eq!(mean_fall(&[fall(1, 0, 2)], 0, 0), None);
        assert_eq!(mean_fall(&[fall(0, 0, 0)], 10, 0), None);
        assert_eq!(mean_fall(&[fall(2, 1, 2)], 10, 0), None);
        assert_eq!(mean_fall(&[fall(u64::MAX, 1, 2)], 10, 0), None);
    }
}
