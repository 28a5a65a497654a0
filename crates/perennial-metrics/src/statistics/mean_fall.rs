//! The mean fall over tasks, and how sure it is.

use std::collections::BTreeMap;

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

/// How the answers to the test samples of one or more tasks changed, where all of these tasks have the
/// same samples.
///
/// Samples that several tasks share are one draw of nature, not several: [`mean_fall`] draws a sample
/// again together with its answers in every task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedSamples {
    /// Test samples, at least 1.
    samples: u64,
    /// Tasks that have these samples, at least 1.
    tasks: u64,
    /// The samples that changed, by how many more tasks they broke in than were mended: that
    /// difference, descending and never 0, and how many samples have it.
    changes: Vec<(i64, u64)>,
}

impl SharedSamples {
    /// Counts, from whether each sample was answered rightly before and after, a pair a task.
    /// `[samples]` each.
    ///
    /// `None` without tasks, without samples, and when there are not as many in each.
    #[must_use]
    pub fn of(tasks: &[[&[bool]; 2]]) -> Option<Self> {
        let samples = tasks.first()?[0].len();
        if samples == 0 || tasks.iter().flatten().any(|answers| answers.len() != samples) {
            return None;
        }
        let mut counts = BTreeMap::new();
        for sample in 0..samples {
            let change = |[before, after]: &[&[bool]; 2]| {
                i64::from(before[sample]) - i64::from(after[sample])
            };
            *counts.entry(tasks.iter().map(change).sum::<i64>()).or_insert(0) += 1;
        }
        counts.remove(&0);
        let changes = counts.into_iter().rev().collect();
        Some(Self { samples: samples as u64, tasks: tasks.len() as u64, changes })
    }

    /// The sum of the tasks' falls.
    fn fall(&self) -> f64 {
        let net: f64 = self.changes.iter().map(|&(by, count)| by as f64 * count as f64).sum();
        net / self.samples as f64
    }

    /// How many samples changed; `None` where the counts do not fit the samples.
    fn changed(&self) -> Option<u64> {
        let add = |sum: u64, &(_, count): &(i64, u64)| sum.checked_add(count);
        let changed = self.changes.iter().try_fold(0, add)?;
        (self.samples > 0 && changed <= self.samples).then_some(changed)
    }
}

impl From<PairedFall> for SharedSamples {
    /// A task whose samples no other task has.
    fn from(task: PairedFall) -> Self {
        let changes = vec![(1, task.broke), (-1, task.mended)];
        Self { samples: task.samples, tasks: 1, changes }
    }
}

/// The paired bootstrap of the mean fall over the tasks of all `groups`, each task of equal weight.
/// Tasks that share their test samples are one group.
///
/// In each of `resamples` rounds every group's n test samples are drawn again n times with
/// replacement, a sample with both its answers in all tasks of the group, and the mean of the tasks'
/// falls is taken anew; the bounds are quantiles of these means. Deterministic: the draws are a
/// function of `seed`. A round costs as many draws as samples changed, not as there are.
///
/// The bootstrap only knows the samples it has: where none changed sides it says 0 ± 0. The bound of
/// one task that does not is [`PairedFall::upper`].
///
/// `None` without groups, without resamples, or when the counts of a group do not fit its samples.
///
/// Efron, *Bootstrap Methods: Another Look at the Jackknife*, 1979.
///
/// ```
/// use perennial_metrics::statistics::{PairedFall, mean_fall};
///
/// let fell = PairedFall { samples: 1000, broke: 60, mended: 10 };
/// let kept = PairedFall { samples: 500, broke: 5, mended: 5 };
/// let mean = mean_fall(&[fell.into(), kept.into()], 2000, 0).ok_or("two tasks")?;
/// assert_eq!(mean.mean, 0.025); // (.05 + 0) / 2
/// assert!(0.0 < mean.lower && mean.lower < 0.025 && 0.025 < mean.upper);
/// assert_eq!(mean.p, 1.0 / 2001.0); // none of the resamples rose
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn mean_fall(groups: &[SharedSamples], resamples: u32, seed: u64) -> Option<MeanFall> {
    let changed: Vec<u64> = groups.iter().map(SharedSamples::changed).collect::<Option<_>>()?;
    if groups.is_empty() || resamples == 0 {
        return None;
    }
    let tasks = groups.iter().map(|group| group.tasks).sum::<u64>() as f64;
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            let drawn = groups.iter().zip(&changed);
            drawn.map(|(group, &changed)| redrawn_fall(group, changed, &mut generator)).sum::<f64>()
                / tasks
        })
        .collect();
    means.sort_by(f64::total_cmp);
    // The smallest mean that a share of all reaches.
    let quantile = |share: f64| {
        let rank = (share * means.len() as f64).ceil() as usize;
        means[rank.clamp(1, means.len()) - 1]
    };
    Some(MeanFall {
        mean: groups.iter().map(SharedSamples::fall).sum::<f64>() / tasks,
        lower: quantile(SIGNIFICANCE),
        upper: quantile(1.0 - SIGNIFICANCE),
        p: (1 + means.iter().filter(|&&mean| mean <= 0.0).count()) as f64
            / (1 + means.len()) as f64,
    })
}

/// The sum of the falls of a group's tasks, whose samples were drawn again with replacement.
///
/// Each of n draws hits one of the `changed` samples with the same chance, so the number of draws
/// until the next hit is geometric: the draws between are skipped.
fn redrawn_fall(group: &SharedSamples, changed: u64, generator: &mut ChaCha8Rng) -> f64 {
    if changed == 0 {
        return 0.0;
    }
    let samples = group.samples as f64;
    // ln(1 − chance of a hit); −∞ where every draw hits, which skips none.
    let miss = (1.0 - changed as f64 / samples).ln();
    let (mut drawn, mut net) = (0.0, 0_i64);
    loop {
        drawn += 1.0 + (open_unit(generator).ln() / miss).floor();
        if drawn > samples {
            return net as f64 / samples;
        }
        let hit = open_unit(generator) * changed as f64;
        let mut passed = 0;
        net += group
            .changes
            .iter()
            .find_map(|&(by, count)| {
                passed += count;
                (hit <= passed as f64).then_some(by)
            })
            // The counts sum to `changed`, which no hit exceeds.
            .unwrap_or_default();
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

    fn fall(broke: u64, mended: u64, samples: u64) -> SharedSamples {
        PairedFall { samples, broke, mended }.into()
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
                .map(|_| redrawn_fall(&task, broke + mended, &mut generator) * samples as f64)
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

    /// Twelve copies of a task of which one of 12 rows broke are that task: a resample does not fall
    /// where that row is not drawn, (11/12)¹² = .352 of the time. Twelve tasks with rows of their own
    /// are not: then all of twelve rows must be missed, .352¹² < 1e-5.
    /// Catches: rows that are drawn for each task anew.
    #[test]
    fn copies_of_a_task_are_that_task() {
        let before = [true; 12];
        let after: Vec<bool> = (0..12).map(|row| row > 0).collect();
        let copies = SharedSamples::of(&[[&before[..], &after]; 12]).unwrap();
        let copies = mean_fall(&[copies], 20_000, 0).unwrap();
        let alone = mean_fall(&[fall(1, 0, 12)], 20_000, 0).unwrap();
        assert_eq!(copies.p, alone.p);
        for (copied, alone) in
            [(copies.mean, alone.mean), (copies.lower, alone.lower), (copies.upper, alone.upper)]
        {
            assert!((copied - alone).abs() < 1e-12);
        }
        let by_hand = (11.0_f64 / 12.0).powi(12);
        // Five standard errors of a share over 20,000 rounds.
        assert!((copies.p - by_hand).abs() < 5.0 * (by_hand * (1.0 - by_hand) / 20_000.0).sqrt());
        assert!(mean_fall(&vec![fall(1, 0, 12); 12], 20_000, 0).unwrap().p < 1e-3);
    }

    /// Two tasks of the same four rows: row 0 broke in both, row 1 was mended in the second, row 2
    /// broke in the first and was mended in the second. Falls 2/4 and −1/4: the sum is ¼.
    /// Catches: a row's changes in several tasks that are counted apart or not summed.
    #[test]
    fn a_row_of_two_tasks_changes_once() {
        let first: [&[bool]; 2] = [&[true, true, true, true], &[false, true, false, true]];
        let second: [&[bool]; 2] = [&[true, false, false, true], &[false, true, true, true]];
        let both = SharedSamples::of(&[first, second]).unwrap();
        assert_eq!(both.changes, [(2, 1), (-1, 1)]);
        assert_eq!(mean_fall(&[both], 1, 0).unwrap().mean, 0.125);
    }

    #[test]
    fn answers_that_are_not_of_the_same_samples_are_none() {
        assert_eq!(SharedSamples::of(&[]), None);
        assert_eq!(SharedSamples::of(&[[&[], &[]]]), None);
        assert_eq!(SharedSamples::of(&[[&[true], &[true]], [&[true], &[true, true]]]), None);
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
