//! Many methods on the same seeds: which differences are more than chance.

use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;
use std::sync::OnceLock;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{StudentizedRange, holm};

/// Fewer seeds than this cannot rank more than [`FEW_METHODS`] methods.
const ENOUGH_SEEDS: usize = 5;
/// As many methods can be ranked by any two seeds or more.
const FEW_METHODS: usize = 5;

/// How well one run answered: its accuracy, and by how many test rows that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answers {
    accuracy: f64,
    rows: f64,
}

impl Answers {
    /// An accuracy that was measured on `rows` test rows. An accuracy that is a mean over tasks, as
    /// ACC is, counts as that share of the rows of all tasks together.
    ///
    /// `None` when the accuracy is no fraction from 0 to 1 or there are no rows.
    #[must_use]
    pub fn new(accuracy: f64, rows: u64) -> Option<Self> {
        let sound = (0.0..=1.0).contains(&accuracy) && rows > 0;
        sound.then_some(Self { accuracy, rows: rows as f64 }) // exact below 2^53 rows
    }

    /// Right and wrong answers, each with ½ added.
    fn counts(self) -> [f64; 2] {
        [self.accuracy, 1.0 - self.accuracy].map(|share| share * self.rows + 0.5)
    }

    /// The empirical logit `ln((right + ½) / (wrong + ½))`: finite also for accuracies of 0 and 1
    /// (Haldane 1956, Anscombe 1956).
    #[must_use]
    pub fn logit(self) -> f64 {
        let [right, wrong] = self.counts();
        (right / wrong).ln()
    }

    /// The variance of [`logit`](Self::logit) over test parts of this size:
    /// `1/(right + ½) + 1/(wrong + ½)`, to first order (Gart & Zweifel 1967).
    #[must_use]
    pub fn logit_variance(self) -> f64 {
        self.counts().into_iter().map(f64::recip).sum()
    }
}

/// How well one method answered with each seed it was run with.
pub type AnswersBySeed = BTreeMap<u64, Answers>;

/// K methods on n common seeds, and what may be said of each pair of them.
///
/// | symbol | |
/// | --- | --- |
/// | `x_ms` | [logit](Answers::logit) of method m with seed s |
/// | `r_ms` | `x_ms − 1/K · Σ_m x_ms`: what is left without the seed's mean. Some seeds are harder than others for all methods (blocks) |
/// | `v_m` | K/(K − 1) · the variance of `r_m·` over the n seeds, with n − 1: the method's own. Methods at .5 and at .97 have no common variance, so nothing is pooled |
/// | `t_ab` | `(mean r_a· − mean r_b·) / √((v_a + v_b)/n)` |
/// | `ν_ab` | `(n − 1) (v_a + v_b)² / (v_a² + v_b²)`, from n − 1 to 2 (n − 1) (Welch 1947) |
///
/// [`games_howell`](Self::games_howell) tests any pair, also one that was picked because its
/// difference is large. [`holm_against`](Self::holm_against) tests all methods against one that was
/// named before the results were known. Both are two-sided.
///
/// With K = 2 the two residuals mirror each other and hold the evidence of one: ν is n − 1, and both
/// tests are the paired t-test on the logits. (With Welch's ν, 8 for 5 seeds, its chance of a false
/// alarm is .08.)
///
/// A method whose runs are all alike has no spread to see. Its variance is then at least the
/// [binomial variance](Answers::logit_variance) of its test part.
///
/// # Which runs count
///
/// A method is compared when it has a run with every common seed. Where runs are missing, the common
/// seeds are those that most methods have, as many of them as compare the most runs: one failed run
/// of one method among many leaves that method out, and not the seed. A method that is left out is
/// compared with none.
///
/// # How often it errs
///
/// Simulated, in 20,000 comparisons of equal methods: the chance that the best of K is told from one
/// or more others at the 5 % level. The variances are equal, spread evenly over a factor of 900 on
/// the log scale, or the smaller one for half of the methods and the larger for the others.
///
/// | K (5 seeds) | equal | spread | halves |
/// | --: | --: | --: | --: |
/// | 2 | .049 | .053 | .053 |
/// | 3 | .048 | .052 | .052 |
/// | 5 | .050 | .030 | .039 |
/// | 20 | .068 | .028 | .036 |
///
/// The best of 20 methods that is better by 5 residual standard deviations is told from another one
/// with a chance of .96, by 6 of .99. Holm's chance of an error against a named method was at most
/// .057. Fewer than 5 seeds do not rank more than 5 methods ([`ranks`](Self::ranks)).
///
/// ```console
/// $ cargo test --release -p perennial-metrics -- --ignored --nocapture error_rates_at_length
/// ```
///
/// # Sources
///
/// Games & Howell, *Pairwise Multiple Comparison Procedures with Unequal N's and/or Variances*, 1976;
/// Welch, *The Generalization of "Student's" Problem When Several Different Population Variances Are
/// Involved*, 1947; Tukey, *The Problem of Multiple Comparisons*, 1953; Holm, *A Simple Sequentially
/// Rejective Multiple Test Procedure*, 1979.
///
/// ```
/// use perennial_metrics::statistics::{Answers, AnswersBySeed, MultipleComparison};
///
/// let runs = |accuracies: [f64; 5]| -> Option<AnswersBySeed> {
///     (0..).zip(accuracies).map(|(seed, acc)| Some((seed, Answers::new(acc, 1000)?))).collect()
/// };
/// let gem = runs([0.82, 0.83, 0.82, 0.83, 0.82]).ok_or("fractions")?;
/// let er = runs([0.83, 0.81, 0.82, 0.82, 0.83]).ok_or("fractions")?;
/// let finetune = runs([0.57, 0.58, 0.56, 0.55, 0.58]).ok_or("fractions")?;
/// let compared = MultipleComparison::new(&[&gem, &er, &finetune]).ok_or("common seeds")?;
/// assert!(compared.games_howell(0, 1).ok_or("both took part")? > 0.05);
/// assert!(compared.games_howell(0, 2).ok_or("both took part")? < 0.001);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone)]
pub struct MultipleComparison {
    /// One a method, in the order given; `None` for a method that is left out.
    methods: Vec<Option<Residuals>>,
    /// The seeds that all others have.
    seeds: Vec<u64>,
    /// K: how many there are.
    count: usize,
    /// The studentized range of K means; made when a pair asks for it.
    range: OnceLock<Option<StudentizedRange>>,
}

/// What is left of a method's logits without the seeds' means.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Residuals {
    mean: f64,
    variance: f64,
}

impl MultipleComparison {
    /// Compares methods by their runs; `None` when no two methods have two common seeds.
    #[must_use]
    pub fn new(methods: &[&AnswersBySeed]) -> Option<Self> {
        let seeds = common_seeds(methods)?;
        let runs: Vec<Option<Vec<Answers>>> =
            methods.iter().map(|method| with_seeds(method, &seeds)).collect();
        let logits = |of: &Vec<Answers>| -> Vec<f64> { of.iter().map(|run| run.logit()).collect() };
        let logits: Vec<Option<Vec<f64>>> = runs.iter().map(|of| of.as_ref().map(logits)).collect();
        let count = logits.iter().flatten().count();
        let seed_mean =
            |s: usize| logits.iter().flatten().map(|x| x[s]).sum::<f64>() / count as f64;
        let seed_means: Vec<f64> = (0..seeds.len()).map(seed_mean).collect();
        let blocks = count as f64 / (count as f64 - 1.0);
        let residuals = |(runs, logits): (&Vec<Answers>, &Vec<f64>)| {
            let residuals: Vec<f64> =
                logits.iter().zip(&seed_means).map(|(x, mean)| x - mean).collect();
            let mean = mean(&residuals);
            let squares: f64 = residuals.iter().map(|r| (r - mean).powi(2)).sum();
            let variance = blocks * squares / (seeds.len() as f64 - 1.0);
            Residuals { mean, variance: variance.max(least_variance(runs)) }
        };
        let methods = runs
            .iter()
            .zip(&logits)
            .map(|(runs, logits)| Some(residuals((runs.as_ref()?, logits.as_ref()?))))
            .collect();
        Some(Self { methods, seeds, count, range: OnceLock::new() })
    }

    /// The seeds that the compared methods have in common, in ascending order.
    #[must_use]
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// K: how many methods are compared.
    #[must_use]
    pub fn methods(&self) -> usize {
        self.count
    }

    /// Whether this method of those given is compared.
    #[must_use]
    pub fn has(&self, method: usize) -> bool {
        self.methods.get(method).is_some_and(Option::is_some)
    }

    /// Whether there are seeds enough to rank so many methods: 5 of them, or at most 5 methods.
    #[must_use]
    pub fn ranks(&self) -> bool {
        self.seeds.len() >= ENOUGH_SEEDS || self.count <= FEW_METHODS
    }

    /// The mean logit of the first less that of the second over the common seeds; `None` when one of
    /// the two is left out.
    #[must_use]
    pub fn difference(&self, first: usize, second: usize) -> Option<f64> {
        let [a, b] = self.residuals(first, second)?;
        Some(a.mean - b.mean)
    }

    /// The p-value of a pair that may have been picked from the results, such as the best method and
    /// another: t · √2 against the studentized range over all K methods (Games & Howell 1976). It
    /// holds the chance of a false alarm among all pairs.
    ///
    /// `None` when one of the two is left out.
    #[must_use]
    pub fn games_howell(&self, first: usize, second: usize) -> Option<f64> {
        let Welch { t, df } = self.welch(first, second)?;
        let range = self.range.get_or_init(|| StudentizedRange::new(self.count));
        range.as_ref()?.upper_tail(t * SQRT_2, df)
    }

    /// The p-value of each method against one that was named before the results were known, such as
    /// a baseline: Welch's test, adjusted by [`holm`] for the number of methods. In the order of the
    /// methods; `None` for the reference itself and for methods that are left out.
    #[must_use]
    pub fn holm_against(&self, reference: usize) -> Vec<Option<f64>> {
        let plain = |method: usize| {
            let Welch { t, df } = self.welch(method, reference)?;
            let p = 2.0 * StudentsT::new(0.0, 1.0, df).ok()?.sf(t);
            (method != reference).then_some(p)
        };
        let p: Vec<Option<f64>> = (0..self.methods.len()).map(plain).collect();
        let tested: Vec<f64> = p.iter().copied().flatten().collect();
        let mut adjusted = holm(&tested).unwrap_or_default().into_iter();
        p.into_iter().map(|p| p.and_then(|_| adjusted.next())).collect()
    }

    fn residuals(&self, first: usize, second: usize) -> Option<[Residuals; 2]> {
        let of = |method: usize| self.methods.get(method).copied().flatten();
        Some([of(first)?, of(second)?])
    }

    fn welch(&self, first: usize, second: usize) -> Option<Welch> {
        let [a, b] = self.residuals(first, second)?;
        let n = self.seeds.len() as f64;
        let (difference, sum) = ((a.mean - b.mean).abs(), a.variance + b.variance);
        let df = if self.count == 2 || sum == 0.0 {
            n - 1.0
        } else {
            (n - 1.0) * sum.powi(2) / (a.variance.powi(2) + b.variance.powi(2))
        };
        // Differences that are all equal leave chance no room.
        let t = if difference == 0.0 { 0.0 } else { difference / (sum / n).sqrt() };
        Some(Welch { t, df })
    }
}

/// Welch's statistic, without its sign, and its degrees of freedom.
struct Welch {
    t: f64,
    df: f64,
}

/// The runs with these seeds; `None` where one is missing.
fn with_seeds(method: &AnswersBySeed, seeds: &[u64]) -> Option<Vec<Answers>> {
    seeds.iter().map(|seed| method.get(seed).copied()).collect()
}

/// The seeds on which the most runs can be compared, in ascending order; see
/// [`MultipleComparison`].
fn common_seeds(methods: &[&AnswersBySeed]) -> Option<Vec<u64>> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for seed in methods.iter().flat_map(|method| method.keys()) {
        *counts.entry(*seed).or_default() += 1;
    }
    let mut order: Vec<u64> = counts.keys().copied().collect();
    order.sort_by_key(|seed| std::cmp::Reverse(counts.get(seed))); // stable: equals ascend
    let mut best: Option<(usize, &[u64])> = None;
    for seeds in (2..=order.len()).map(|n| &order[..n]) {
        let complete = methods.iter().filter(|method| with_seeds(method, seeds).is_some()).count();
        let runs = complete * seeds.len();
        if complete >= 2 && best.is_none_or(|(most, _)| runs >= most) {
            best = Some((runs, seeds));
        }
    }
    let mut seeds = best?.1.to_vec();
    seeds.sort_unstable();
    Some(seeds)
}

/// The binomial variance of the test part where all runs are alike; 0 where they are not.
fn least_variance(runs: &[Answers]) -> f64 {
    let alike = runs.windows(2).all(|pair| pair[0].accuracy == pair[1].accuracy);
    let variances: Vec<f64> = runs.iter().map(|run| run.logit_variance()).collect();
    if alike { mean(&variances) } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
