use super::*;

/// So many rows that the logit of an accuracy is known to 1e-9.
const MANY: u64 = 1 << 40;

/// Runs with these logits, with the seeds from 0.
fn with_logits(logits: &[f64]) -> AnswersBySeed {
    let run = |x: &f64| Answers::new(1.0 / (1.0 + (-x).exp()), MANY).unwrap();
    (0..).zip(logits.iter().map(run)).collect()
}

fn with_accuracies(accuracies: &[(u64, f64)]) -> AnswersBySeed {
    accuracies.iter().map(|&(seed, acc)| (seed, Answers::new(acc, 100).unwrap())).collect()
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-6
}

/// 95 right and 5 wrong. Catches: a half added once, or not at all.
#[test]
fn logits_by_hand() {
    let run = Answers::new(0.95, 100).unwrap();
    assert!(close(run.logit(), (95.5_f64 / 5.5).ln()));
    assert!(close(run.logit_variance(), 1.0 / 95.5 + 1.0 / 5.5));
    assert!(close(Answers::new(1.0, 100).unwrap().logit(), 201.0_f64.ln()));
    assert!(close(Answers::new(0.0, 100).unwrap().logit(), -201.0_f64.ln()));
    for (accuracy, rows) in [(f64::NAN, 10), (1.1, 10), (-0.1, 10), (0.5, 0)] {
        assert_eq!(Answers::new(accuracy, rows), None);
    }
}

/// Logits 1 2 3, 0 2 1 and −1 −1 −1: the seeds' means are 0 1 1, the residuals 1 1 2, 0 1 0 and
/// −1 −2 −2. Each has the variance 1/3, times 3/2 = 1/2; their means are 4/3, 1/3, −5/3. So
/// t = 1/√(1/3) = √3 for the first two, 3√3 and 2√3 against the third, ν = 4. Catches: no blocks,
/// no K/(K − 1), an uncorrected ½ in the studentized range, Holm over another number of tests.
#[test]
fn equal_variances_by_hand() {
    let methods = [[1.0, 2.0, 3.0], [0.0, 2.0, 1.0], [-1.0; 3]].map(|x| with_logits(&x));
    let compared = MultipleComparison::new(&methods.each_ref()).unwrap();
    assert_eq!((compared.methods(), compared.seeds()), (3, &[0, 1, 2][..]));
    let range = StudentizedRange::new(3).unwrap();
    let expected = range.upper_tail(6.0_f64.sqrt(), 4.0).unwrap();
    assert!(close(compared.games_howell(0, 1).unwrap(), expected));
    assert_eq!(compared.games_howell(0, 1), compared.games_howell(1, 0));
    assert!(close(compared.difference(0, 2).unwrap(), 3.0));
    assert!(close(compared.difference(2, 0).unwrap(), -3.0));

    // P(|t| > x) with 4 degrees of freedom is 1 − u (3 − u²)/2, u = x/√(4 + x²).
    let student = |x: f64| {
        let u = x / (4.0 + x * x).sqrt();
        1.0 - u * (3.0 - u * u) / 2.0
    };
    let [first, second] = [27.0_f64, 12.0].map(|square| student(square.sqrt()));
    let against = compared.holm_against(2);
    assert!(close(against[0].unwrap(), 2.0 * first), "the smaller of two");
    assert!(close(against[1].unwrap(), second));
    assert_eq!(against[2], None);
}

/// Logits 0 0 3, 0 0 0, 0 0 0: residuals 0 0 2 with variance 4/3 · 3/2 = 2, and 0 0 −1 with 1/2.
/// t = 1/√(2.5/3), ν = 2 · 2.5²/(2² + .5²) = 12.5/4.25. Catches: a pooled variance, ν of equal ones.
#[test]
fn unequal_variances_by_hand() {
    let methods = [[0.0, 0.0, 3.0], [0.0; 3], [0.0; 3]].map(|x| with_logits(&x));
    let compared = MultipleComparison::new(&methods.each_ref()).unwrap();
    let range = StudentizedRange::new(3).unwrap();
    let expected = range.upper_tail((2.0_f64 * 3.0 / 2.5).sqrt(), 12.5 / 4.25).unwrap();
    assert!(close(compared.games_howell(0, 1).unwrap(), expected));
    assert_eq!(compared.games_howell(1, 2), Some(1.0));
}

/// Differences .5 1.5 1: mean 1, s = .5, t = 2√3 with 2 degrees of freedom, of which
/// P(|t| > x) = 1 − x/√(2 + x²). Catches: Welch's 4 degrees of freedom, one variance counted twice.
#[test]
fn two_methods_are_the_paired_t_test() {
    let methods = [[1.0, 3.0, 2.0], [0.5, 1.5, 1.0]].map(|x| with_logits(&x));
    let compared = MultipleComparison::new(&methods.each_ref()).unwrap();
    let expected = 1.0 - (12.0_f64 / 14.0).sqrt();
    assert!(close(compared.games_howell(0, 1).unwrap(), expected));
    assert!(close(compared.holm_against(1)[0].unwrap(), expected));
}

/// Catches: runs that are all alike taken for certain, so that one row of 100 is a difference; a
/// least variance for methods whose runs differ.
#[test]
fn runs_that_are_all_alike_have_the_binomial_variance() {
    let alike = |accuracy| with_accuracies(&(0..5).map(|s| (s, accuracy)).collect::<Vec<_>>());
    let (a, b) = (alike(0.97), alike(0.96));
    let compared = MultipleComparison::new(&[&a, &b]).unwrap();
    let [first, second] = [0.97, 0.96].map(|accuracy| Answers::new(accuracy, 100).unwrap());
    let sum = first.logit_variance() + second.logit_variance();
    let t = (first.logit() - second.logit()) / (sum / 5.0).sqrt();
    let p = 2.0 * StudentsT::new(0.0, 1.0, 4.0).unwrap().sf(t);
    assert!(close(compared.games_howell(0, 1).unwrap(), p) && p > 0.3, "{p}");

    let spread = with_accuracies(&[(0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9), (4, 0.91)]);
    assert_eq!(least_variance(&spread.values().copied().collect::<Vec<_>>()), 0.0);
}

/// Catches: a method without common seeds that is "not told apart", one failed run that costs all
/// others a seed, Holm over methods that are not compared.
#[test]
fn what_lacks_runs_is_left_out() {
    let full = |shift: f64| {
        with_accuracies(&[0.5, 0.52, 0.47, 0.49, 0.53].map(|acc| acc + shift).zip_seeds())
    };
    let (a, b, c, d) = (full(0.0), full(0.1), full(0.2), full(0.3));
    let failed: AnswersBySeed = full(0.05).into_iter().filter(|(seed, _)| *seed != 3).collect();
    let elsewhere = with_accuracies(&[(0, 0.4), (17, 0.4)]);
    let none = AnswersBySeed::new();
    let compared = MultipleComparison::new(&[&a, &failed, &b, &elsewhere, &none, &c, &d]).unwrap();
    assert_eq!((compared.methods(), compared.seeds()), (4, &[0, 1, 2, 3, 4][..]));
    assert_eq!((0..7).filter(|m| !compared.has(*m)).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!((compared.games_howell(0, 1), compared.games_howell(4, 5)), (None, None));
    let alone = MultipleComparison::new(&[&a, &b, &c, &d]).unwrap();
    assert_eq!(compared.games_howell(0, 5), alone.games_howell(0, 2));
    assert_eq!(compared.holm_against(0)[5], alone.holm_against(0)[2]);

    // Parts with other numbers of seeds meet where they overlap.
    let short = with_accuracies(&[(1, 0.6), (2, 0.61), (4, 0.62)]);
    let compared = MultipleComparison::new(&[&a, &short, &short]).unwrap();
    assert_eq!((compared.methods(), compared.seeds()), (3, &[1, 2, 4][..]));

    assert!(MultipleComparison::new(&[]).is_none());
    assert!(MultipleComparison::new(&[&a]).is_none());
    assert!(MultipleComparison::new(&[&a, &elsewhere]).is_none());
}

trait ZipSeeds {
    fn zip_seeds(self) -> [(u64, f64); 5];
}

impl ZipSeeds for [f64; 5] {
    fn zip_seeds(self) -> [(u64, f64); 5] {
        std::array::from_fn(|s| (s as u64, self[s]))
    }
}

/// Catches: a rule of "and" for "or".
#[test]
fn few_seeds_rank_few_methods() {
    let ranks = |methods: usize, seeds: u64| {
        let runs: Vec<AnswersBySeed> = (0..methods)
            .map(|m| with_accuracies(&(0..seeds).map(|s| (s, 0.1 * m as f64)).collect::<Vec<_>>()))
            .collect();
        MultipleComparison::new(&runs.iter().collect::<Vec<_>>()).unwrap().ranks()
    };
    assert!(ranks(6, 5) && ranks(5, 4) && ranks(2, 2));
    assert!(!ranks(6, 4) && !ranks(9, 2));
}
