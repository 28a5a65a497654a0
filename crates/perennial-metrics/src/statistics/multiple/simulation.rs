//! How often the tests err, by simulation: one seed of the generator, so the same numbers each time.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::statistics::SIGNIFICANCE;

/// The logits of simulated runs are those of accuracies on so many rows.
const ROWS: u64 = 1 << 40;
/// The standard deviation of what a seed does to all methods alike.
const SEED: f64 = 0.5;
/// The smallest standard deviation of a method; the largest is 30 times as much, which is a factor
/// of 900 between variances.
const SMALLEST: f64 = 0.05;
const FACTOR: f64 = 30.0;
const SEEDS: u64 = 5;

/// How the variances of methods differ.
#[derive(Debug, Clone, Copy)]
enum Spread {
    Equal,
    Even,
    Halves,
}

const SPREADS: [Spread; 3] = [Spread::Equal, Spread::Even, Spread::Halves];

impl Spread {
    /// The standard deviation of method `m` of `methods`.
    fn sd(self, m: usize, methods: usize) -> f64 {
        let share = match self {
            Self::Equal => 0.0,
            Self::Even => m as f64 / (methods as f64 - 1.0),
            Self::Halves => f64::from(u8::from(m >= methods / 2)),
        };
        SMALLEST * FACTOR.powf(share)
    }
}

/// A standard normal number (Box & Muller 1958).
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let (u, v) = (1.0 - uniform(), uniform());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Simulated methods of equal means, but for the first, which is better by `lead` of its standard
/// deviations. All `methods` with [`SEEDS`] seeds, and the index of the best. `range` is that of so
/// many means, which is slow to make.
fn simulated(
    methods: usize,
    range: &OnceLock<Option<StudentizedRange>>,
    spread: Spread,
    lead: f64,
    generator: &mut ChaCha8Rng,
) -> (MultipleComparison, usize) {
    let seeds: Vec<f64> = (0..SEEDS).map(|_| SEED * normal(generator)).collect();
    let runs: Vec<AnswersBySeed> = (0..methods)
        .map(|m| {
            let lead = if m == 0 { lead } else { 0.0 };
            let sd = spread.sd(m, methods);
            let run = |s: &f64| {
                let x = s + sd * (lead + normal(generator));
                Answers::new(1.0 / (1.0 + (-x).exp()), ROWS).unwrap()
            };
            (0..).zip(seeds.iter().map(run).collect::<Vec<_>>()).collect()
        })
        .collect();
    let sum = |of: &AnswersBySeed| of.values().map(|run| run.logit()).sum::<f64>();
    let best = (0..methods).max_by(|a, b| sum(&runs[*a]).total_cmp(&sum(&runs[*b]))).unwrap();
    let compared = MultipleComparison::new(&runs.iter().collect::<Vec<_>>()).unwrap();
    (MultipleComparison { range: range.clone(), ..compared }, best)
}

/// The share of `rounds` in which the best of equal methods is told from another.
fn false_alarms(methods: usize, spread: Spread, rounds: u32) -> f64 {
    let range = OnceLock::from(StudentizedRange::new(methods));
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let alarm = |_: &u32| {
        let (compared, best) = simulated(methods, &range, spread, 0.0, &mut generator);
        (0..methods).any(|m| compared.games_howell(best, m).unwrap() <= SIGNIFICANCE)
    };
    (0..rounds).filter(alarm).count() as f64 / f64::from(rounds)
}

/// The share of pairs in which a method that is better by `lead` standard deviations is found to be
/// the best and told from the other.
fn power(methods: usize, lead: f64, rounds: u32) -> f64 {
    let range = OnceLock::from(StudentizedRange::new(methods));
    let mut generator = ChaCha8Rng::seed_from_u64(2);
    let found = |_: u32| -> usize {
        let (compared, best) = simulated(methods, &range, Spread::Equal, lead, &mut generator);
        let told = |m: &usize| best == 0 && compared.games_howell(0, *m).unwrap() <= SIGNIFICANCE;
        (1..methods).filter(told).count()
    };
    let found: usize = (0..rounds).map(found).sum();
    found as f64 / (f64::from(rounds) * (methods as f64 - 1.0))
}

/// The share of `rounds` in which a method is told from an equal one that was named beforehand.
fn false_claims(methods: usize, spread: Spread, reference: usize, rounds: u32) -> f64 {
    let range = OnceLock::from(StudentizedRange::new(methods));
    let mut generator = ChaCha8Rng::seed_from_u64(3);
    let claim = |_: &u32| {
        let (compared, _) = simulated(methods, &range, spread, 0.0, &mut generator);
        compared.holm_against(reference).iter().flatten().any(|p| *p <= SIGNIFICANCE)
    };
    (0..rounds).filter(claim).count() as f64 / f64::from(rounds)
}

/// The most that may be wrong of what is claimed to be .05, beside the error of the simulation.
const LEVEL: f64 = 0.08;
/// Two standard errors of a share of .05 over [`ROUNDS`] rounds, and a little.
const ERROR: f64 = 0.015;
const ROUNDS: u32 = 1000;

/// Catches: a pooled variance (.32 for 20 methods of spread variances), quantiles of t in the place
/// of the studentized range (.41 to .76 for 20 methods).
#[test]
fn equal_methods_are_seldom_told_apart() {
    for methods in [2, 3, 5, 20] {
        for spread in SPREADS {
            let share = false_alarms(methods, spread, ROUNDS);
            assert!(share <= LEVEL + ERROR, "{methods} methods, {spread:?}: {share}");
        }
    }
}

/// Catches: a rule that is never wrong because it never says anything.
#[test]
fn a_clear_lead_is_seen() {
    let rounds = 200; // with 19 pairs each
    let [five, six] = [5.0, 6.0].map(|lead| power(20, lead, rounds));
    assert!(five >= 0.9 && six >= 0.98, "{five} {six}");
}

/// Catches: claims against a named method that are not adjusted for their number.
#[test]
fn equal_methods_are_seldom_told_from_a_named_one() {
    for methods in [3, 20] {
        for spread in SPREADS {
            for reference in [0, methods - 1] {
                let share = false_claims(methods, spread, reference, ROUNDS);
                assert!(share <= LEVEL + ERROR, "{methods}, {spread:?}, {reference}: {share}");
            }
        }
    }
}

/// Prints the table of the documentation of [`MultipleComparison`]; some minutes.
#[test]
#[expect(clippy::print_stdout, reason = "it is asked for to print")]
#[ignore = "prints numbers, in some minutes; see the documentation of MultipleComparison"]
fn error_rates_at_length() {
    const AT_LENGTH: u32 = 20_000;
    for methods in [2, 3, 5, 20] {
        let shares = SPREADS.map(|spread| false_alarms(methods, spread, AT_LENGTH));
        let claims = SPREADS.map(|spread| {
            let of = |reference| false_claims(methods, spread, reference, AT_LENGTH);
            of(0).max(of(methods - 1))
        });
        println!("{methods} methods: best {shares:.3?}, named {claims:.3?}");
        assert!(shares.into_iter().chain(claims).all(|share| share <= LEVEL));
    }
    println!("power at 5 and 6: {:.3?}", [5.0, 6.0].map(|lead| power(20, lead, 2000)));
}
