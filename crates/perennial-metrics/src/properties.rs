//! What holds for every R and all seeds.

use proptest::prelude::*;

use crate::statistics::{
    Answers, AnswersBySeed, BySeed, MultipleComparison, PairedFall, SharedSamples, Summary, holm,
    mean_fall, paired_difference, wilson,
};
use crate::{Accuracy, AnytimeLog, Evaluation, IncrementalMean, mean};

type Metric = fn(&Accuracy) -> Option<f64>;

/// Whether the formula reads R after `i` tasks on the task of position `j`, T the number of tasks.
type Reads = fn(i: usize, j: usize, tasks: usize) -> bool;

/// Metrics of which any missing number they read makes them `None`. Forgetting, which skips
/// missing earlier rows, has its own property.
const METRICS: [(&str, Metric, Reads); 8] = [
    ("acc", Accuracy::acc, |i, _, t| i == t),
    ("worst task", Accuracy::worst_task, |i, _, t| i == t),
    ("learning accuracy", Accuracy::learning_accuracy, |i, j, _| i == j + 1),
    ("bwt", Accuracy::bwt, |i, j, t| j + 1 < t && (i == t || i == j + 1)),
    ("bwt over t", Accuracy::bwt_over_t, |i, j, t| j + 1 < t && (i == t || i == j + 1)),
    ("fwt", Accuracy::fwt, |i, j, _| j > 0 && (i == 0 || i == j)),
    (
        "average incremental",
        |r| r.average_incremental_accuracy(IncrementalMean::Tasks),
        |i, j, _| j < i,
    ),
    (
        "intransigence",
        |r| r.intransigence(&vec![Some(0.5); r.tasks()]),
        |i, j, t| i == t && j + 1 == t,
    ),
];

/// A complete R: T + 1 rows of T accuracies, with 2 to 6 tasks.
fn complete() -> impl Strategy<Value = Vec<Vec<Option<f64>>>> {
    (2_usize..=6).prop_flat_map(|tasks| {
        let row = prop::collection::vec((0.0..=1.0).prop_map(Some), tasks);
        prop::collection::vec(row, tasks + 1)
    })
}

/// A complete R, one of its positions, and whether all of one row or one entry is meant.
fn with_position() -> impl Strategy<Value = (Vec<Vec<Option<f64>>>, usize, usize)> {
    complete().prop_flat_map(|rows| {
        let tasks = rows.len() - 1;
        (Just(rows), 0..=tasks, 0..tasks)
    })
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if (a - b).abs() < 1e-9)
}

proptest! {
    #[test]
    fn constant_r_forgets_nothing(tasks in 2_usize..=6, value in 0.0..=1.0) {
        let r = Accuracy::unchecked(vec![vec![Some(value); tasks]; tasks + 1]);
        for metric in [r.bwt(), r.bwt_over_t(), r.fwt(), r.forgetting()] {
            prop_assert_eq!(metric, Some(0.0));
        }
        prop_assert!(close(r.acc(), Some(value)));
        prop_assert_eq!(r.worst_task(), Some(value));
    }

    #[test]
    fn a_shift_moves_levels_and_no_differences(rows in complete(), shift in -3.0..3.0) {
        let add = |row: &Vec<Option<f64>>| row.iter().map(|a| a.map(|a| a + shift)).collect();
        let shifted = Accuracy::unchecked(rows.iter().map(add).collect());
        let r = Accuracy::unchecked(rows);
        let levels: [Metric; 4] = [
            Accuracy::acc,
            Accuracy::learning_accuracy,
            Accuracy::worst_task,
            |r| r.average_incremental_accuracy(IncrementalMean::Tasks),
        ];
        for level in levels {
            prop_assert!(close(level(&shifted), level(&r).map(|a| a + shift)));
        }
        let differences: [Metric; 4] =
            [Accuracy::bwt, Accuracy::bwt_over_t, Accuracy::fwt, Accuracy::forgetting];
        for difference in differences {
            prop_assert!(close(difference(&shifted), difference(&r)));
        }
    }

    #[test]
    fn forgetting_is_at_least_minus_bwt(rows in complete()) {
        let r = Accuracy::unchecked(rows);
        prop_assert!(r.forgetting().unwrap() >= -r.bwt().unwrap() - 1e-12);
    }

    #[test]
    fn acc_is_learning_accuracy_and_bwt(rows in complete()) {
        let r = Accuracy::unchecked(rows);
        prop_assert!(close(r.acc(), Some(r.learning_accuracy().unwrap() + r.bwt_over_t().unwrap())));
    }

    #[test]
    fn sizes_that_are_equal_do_not_weigh(rows in complete(), size in 1_usize..10_000) {
        let r = Accuracy::unchecked(rows);
        let sizes = vec![size; r.tasks()];
        let weighted = r.average_incremental_accuracy(IncrementalMean::Samples(&sizes));
        prop_assert!(close(weighted, r.average_incremental_accuracy(IncrementalMean::Tasks)));
        let one_short = IncrementalMean::Samples(&sizes[1..]);
        prop_assert_eq!(r.average_incremental_accuracy(one_short), None);
    }

    /// A null where the formula reads gives `None`; anywhere else it changes no bit.
    #[test]
    fn a_null_matters_where_it_is_read((mut rows, i, j) in with_position()) {
        let r = Accuracy::unchecked(rows.clone());
        rows[i][j] = None;
        let holed = Accuracy::unchecked(rows);
        for (name, metric, reads) in METRICS {
            let expected = if reads(i, j, r.tasks()) { None } else { metric(&r) };
            prop_assert_eq!(metric(&holed), expected, "{} with a null at {}, {}", name, i, j);
        }
        let forgetting = holed.forgetting();
        if i == r.tasks() && j + 1 < r.tasks() {
            prop_assert_eq!(forgetting, None);
        } else if i == 0 || i == r.tasks() || j + 1 == r.tasks() {
            prop_assert_eq!(forgetting, r.forgetting());
        } else if r.tasks() > 2 {
            prop_assert!(forgetting.unwrap() <= r.forgetting().unwrap()); // skipped in the maximum
        } else {
            prop_assert_eq!(forgetting, None); // the only earlier row
        }
    }

    /// A run that is not finished has the numbers of what it has measured, and no others.
    #[test]
    fn a_row_not_measured_is_like_nulls((rows, i, _) in with_position()) {
        let tasks = rows.len() - 1;
        let mut partial = Accuracy::new(tasks);
        rows[..i].iter().for_each(|row| partial.push_row(row.clone()).unwrap());
        let nulls = rows.iter().enumerate();
        let nulls = nulls.map(|(k, row)| if k < i { row.clone() } else { vec![None; tasks] });
        let nulls = Accuracy::unchecked(nulls.collect());
        for (name, metric, _) in METRICS {
            prop_assert_eq!(metric(&partial), metric(&nulls), "{}", name);
        }
        let without = |row: &[Option<f64>]| {
            let own = |(k, own): (usize, &Vec<_>)| if k == i { row.to_vec() } else { own.clone() };
            Accuracy::unchecked(rows.iter().enumerate().map(own).collect())
        };
        if i > 0 {
            for (name, metric, _) in METRICS {
                let (empty, nulls) = (without(&[]), without(&vec![None; tasks]));
                prop_assert_eq!(metric(&empty), metric(&nulls), "{}", name);
            }
        }
        let complete = Accuracy::unchecked(rows);
        for k in 0..=tasks {
            let measured = k < i;
            prop_assert_eq!(partial.acc_after(k), complete.acc_after(k).filter(|_| measured));
            let forgetting = complete.forgetting_after(k).filter(|_| measured);
            prop_assert_eq!(partial.forgetting_after(k), forgetting);
        }
    }

    #[test]
    fn what_is_pushed_is_read_back((rows, i, j) in with_position()) {
        let r = Accuracy::try_from(rows.clone()).unwrap();
        prop_assert_eq!(r.rows(), &rows[..]);
        prop_assert_eq!(r.at(i, j), rows[i][j]);
        let json = serde_json::to_value(&r).unwrap(); // no detour over decimals
        prop_assert_eq!(serde_json::from_value::<Accuracy>(json).unwrap(), r);
    }

    /// The numbers inside tasks lie in order: the worst case is no better than any moment.
    #[test]
    fn a_worst_case_is_the_lowest(rows in complete(), window in 2_usize..4) {
        let tasks = rows.len() - 1;
        let mut log = AnytimeLog::new(tasks, 1);
        for (task, accuracies) in rows.into_iter().skip(1).enumerate() {
            log.push(Evaluation { step: task as u64 + 1, task, accuracies }).unwrap();
        }
        let last = log.evaluations().last().unwrap().accuracies.clone();
        let old = mean(last[..tasks - 1].iter().copied()).unwrap();
        let found = log.summary(window);
        prop_assert!(found.min_acc.unwrap() <= old + 1e-12);
        let acc = mean(last.into_iter()).unwrap();
        prop_assert!(found.wc_acc.unwrap() <= acc + 1e-12);
        prop_assert!(log.wf(window + 1).unwrap() >= found.wf.unwrap()); // wider sees more
        prop_assert!(log.wp(window + 1).unwrap() >= found.wp.unwrap());
    }

    #[test]
    fn the_order_of_seeds_changes_no_bit(
        (values, shuffled) in prop::collection::vec(0.0..1.0, 1..12)
            .prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
    ) {
        prop_assert_eq!(Summary::of(&values), Summary::of(&shuffled));
    }

    /// Renaming the seeds of both methods alike changes the order of their pairs only.
    #[test]
    fn the_names_of_seeds_do_not_matter(
        (values, names) in prop::collection::vec((0.0..1.0, 0.0..1.0), 2..10)
            .prop_flat_map(|values| {
                let names: Vec<u64> = (0..values.len() as u64).collect();
                (Just(values), Just(names).prop_shuffle())
            }),
    ) {
        let named = |names: &[u64]| -> (BySeed, BySeed) {
            let pairs = || names.iter().copied().zip(&values);
            (pairs().map(|(s, v)| (s, v.0)).collect(), pairs().map(|(s, v)| (s, v.1)).collect())
        };
        let in_order: Vec<u64> = (0..values.len() as u64).collect();
        let (a, b) = named(&in_order);
        let (c, d) = named(&names);
        prop_assert_eq!(paired_difference(&a, &b), paired_difference(&c, &d));
    }

    /// p ≤ 5 % exactly when the 95 % interval leaves out 0.
    #[test]
    fn test_and_interval_agree(
        values in prop::collection::vec((0.0..1.0, 0.0..1.0), 2..10), shift in -1.0..1.0,
    ) {
        let seeds = || (0_u64..).zip(&values);
        let first: BySeed = seeds().map(|(seed, v)| (seed, v.0 + shift)).collect();
        let second: BySeed = seeds().map(|(seed, v)| (seed, v.1)).collect();
        let paired = paired_difference(&first, &second).unwrap();
        let (low, high) = paired.difference.interval().unwrap();
        prop_assume!((paired.p - 0.05).abs() > 1e-9);
        prop_assert_eq!(paired.p < 0.05, low > 0.0 || high < 0.0);
    }

    #[test]
    fn holm_only_raises_and_keeps_the_order(p in prop::collection::vec(0.0..=1.0, 1..8)) {
        let adjusted = holm(&p).unwrap();
        for (i, &raw) in p.iter().enumerate() {
            prop_assert!(raw <= adjusted[i] && adjusted[i] <= 1.0);
            prop_assert!(adjusted[i] <= raw * p.len() as f64);
            for (j, &other) in p.iter().enumerate() {
                prop_assert!(raw > other || adjusted[i] <= adjusted[j]);
            }
        }
    }

    /// One more broken sample is never better news, one more mended never worse.
    #[test]
    fn a_deeper_fall_is_surer_and_bounded_higher(
        broke in 0_u64..40, mended in 0_u64..40, others in 1_u64..100,
    ) {
        let samples = broke + mended + others;
        let fall = PairedFall { samples, broke, mended };
        let broken = PairedFall { broke: broke + 1, ..fall };
        let mended = PairedFall { mended: mended + 1, ..fall };
        prop_assert!(broken.p() <= fall.p() && fall.p() <= mended.p());
        prop_assert!(broken.upper() > fall.upper() && fall.upper() > mended.upper());
        prop_assert!(fall.fall() < fall.upper() && fall.upper() <= 1.0);
        // As many of each more: the same fall, more samples.
        let surer = PairedFall { samples: 9 * samples, broke: 9 * fall.broke, mended: 9 * fall.mended };
        prop_assert!(surer.upper() < fall.upper());
    }

    #[test]
    fn the_counts_give_the_difference_of_the_accuracies(
        answers in prop::collection::vec(any::<(bool, bool)>(), 1..60),
    ) {
        let (before, after): (Vec<bool>, Vec<bool>) = answers.into_iter().unzip();
        let accuracy = |right: &[bool]| right.iter().filter(|&&it| it).count() as f64 / right.len() as f64;
        let fall = PairedFall::of(&before, &after).unwrap();
        prop_assert!((fall.fall() - (accuracy(&before) - accuracy(&after))).abs() < 1e-12);
        let back = PairedFall::of(&after, &before).unwrap();
        prop_assert_eq!((back.broke, back.mended), (fall.mended, fall.broke));
    }

    /// The interval holds the accuracy, mirrors with it, and is within 0 … 1.
    #[test]
    fn wilsons_interval_holds_the_accuracy(correct in 0_u64..500, wrong in 0_u64..500) {
        prop_assume!(correct + wrong > 0);
        let samples = correct + wrong;
        let [low, high] = wilson(correct, samples).unwrap();
        let accuracy = correct as f64 / samples as f64;
        prop_assert!(0.0 <= low && low <= accuracy && accuracy <= high && high <= 1.0);
        let [mirrored, _] = wilson(wrong, samples).unwrap();
        prop_assert!((mirrored - (1.0 - high)).abs() < 1e-12);
    }

    #[test]
    fn the_bootstrap_is_ordered_and_within_reach(
        tasks in prop::collection::vec((0_u64..20, 0_u64..20, 1_u64..50), 1..5),
        resamples in 1_u32..60,
        seed: u64,
    ) {
        let task = |(broke, mended, others)| PairedFall { samples: broke + mended + others, broke, mended };
        let tasks: Vec<SharedSamples> = tasks.into_iter().map(task).map(Into::into).collect();
        let found = mean_fall(&tasks, resamples, seed).unwrap();
        prop_assert!(-1.0 <= found.lower && found.lower <= found.upper && found.upper <= 1.0);
        prop_assert!(0.0 < found.p && found.p <= 1.0);
        prop_assert!(found.mean.is_finite());
    }

    /// Whatever the numbers, what comes out is a number or nothing.
    #[test]
    fn nan_never_comes_out(
        values in prop::collection::vec(
            (any::<f64>(), prop_oneof![any::<f64>(), Just(0.0), Just(f64::NAN)]), 0..5,
        ),
    ) {
        let seeds = || (0_u64..).zip(&values);
        let first: BySeed = seeds().map(|(seed, v)| (seed, v.0)).collect();
        let second: BySeed = seeds().map(|(seed, v)| (seed, v.1)).collect();
        let firsts: Vec<f64> = first.values().copied().collect();
        let summaries = [
            Summary::of(&firsts),
            paired_difference(&first, &second).map(|paired| paired.difference),
        ];
        for summary in summaries.into_iter().flatten() {
            let numbers = [Some(summary.mean), summary.sd, summary.se, summary.half_width];
            prop_assert!(numbers.into_iter().flatten().all(f64::is_finite), "{:?}", summary);
        }
        if let Some(paired) = paired_difference(&first, &second) {
            prop_assert!((0.0..=1.0).contains(&paired.p));
        }
    }

    /// Whatever ran with which accuracies, 0 and 1 included: a p-value for each pair that is
    /// compared, the same in both orders and whatever the order of the methods.
    #[test]
    fn every_compared_pair_has_a_p_value(
        accuracies in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![Just(None), Just(Some(1.0)), Just(Some(0.5)), (0.0..=1.0).prop_map(Some)],
                5,
            ),
            2..8,
        ),
        rows in 1_u64..10_000,
    ) {
        let runs = |accuracies: &Vec<Option<f64>>| -> AnswersBySeed {
            let run = |(seed, accuracy): (u64, &Option<f64>)| Some((seed, Answers::new((*accuracy)?, rows)?));
            (0..).zip(accuracies).filter_map(run).collect()
        };
        let methods: Vec<AnswersBySeed> = accuracies.iter().map(runs).collect();
        let last = methods.len() - 1;
        let compared = MultipleComparison::new(&methods.iter().collect::<Vec<_>>());
        let mirrored = MultipleComparison::new(&methods.iter().rev().collect::<Vec<_>>());
        prop_assert_eq!(compared.is_some(), mirrored.is_some());
        let (Some(compared), Some(mirrored)) = (compared, mirrored) else { return Ok(()) };
        prop_assert!(compared.seeds().len() >= 2 && compared.methods() >= 2);
        for a in 0..=last {
            let claims = compared.holm_against(a);
            for (b, claim) in claims.iter().enumerate() {
                let both = compared.has(a) && compared.has(b);
                let p = compared.games_howell(a, b);
                prop_assert_eq!(p.is_some(), both);
                prop_assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)));
                prop_assert_eq!(p, compared.games_howell(b, a));
                let mirror = mirrored.games_howell(last - a, last - b);
                prop_assert!(p == mirror || close(p, mirror), "{:?} {:?}", p, mirror);
                prop_assert_eq!(claim.is_some(), both && a != b);
            }
        }
    }

    /// What a seed does to all methods alike on the logit says nothing of them.
    #[test]
    fn a_hard_seed_is_no_evidence(
        logits in prop::collection::vec(prop::collection::vec(-2.0..2.0, 4), 2..6),
        shifts in prop::collection::vec(-2.0..2.0, 4),
    ) {
        let run = |x: f64| Answers::new(1.0 / (1.0 + (-x).exp()), 1 << 40).unwrap();
        let p = |shifts: &[f64]| {
            let runs = |x: &Vec<f64>| -> AnswersBySeed {
                (0..).zip(x.iter().zip(shifts).map(|(x, shift)| run(x + shift))).collect()
            };
            let methods: Vec<AnswersBySeed> = logits.iter().map(runs).collect();
            let compared = MultipleComparison::new(&methods.iter().collect::<Vec<_>>()).unwrap();
            compared.games_howell(0, 1)
        };
        let (plain, shifted) = (p(&[0.0; 4]).unwrap(), p(&shifts).unwrap());
        prop_assert!((plain - shifted).abs() < 1e-6, "{} {}", plain, shifted);
    }
}
