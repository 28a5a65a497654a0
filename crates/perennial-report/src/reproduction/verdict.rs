//! What was claimed before the run, and what the run says of it.

use perennial_metrics::statistics::Summary;
use serde::{Deserialize, Serialize};

use super::Cell;

/// A number of a paper, and how near ours must come to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The paper's mean.
    pub value: f64,
    /// Standard error of the paper's mean, whatever it prints; `None` for one run.
    pub se: Option<f64>,
    /// The largest difference that is none.
    pub tolerance: f64,
    /// Where the tolerance comes from.
    pub because: String,
}

/// What a paper prints behind its ±.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlusMinus {
    /// The standard deviation of a run, with n − 1.
    Sd,
    /// The standard deviation of a run, with n.
    PopulationSd,
    /// The standard error of the mean.
    StandardError,
}

impl PlusMinus {
    /// The standard error of the mean of `runs` runs; `None` where so few runs have none.
    ///
    /// ```
    /// use perennial_report::reproduction::PlusMinus;
    /// // A population's .04 over 5 runs is .04 · √(5/4) of a sample, over √5 of the mean: .02.
    /// assert!((PlusMinus::PopulationSd.se(0.04, 5).ok_or("five runs")? - 0.02).abs() < 1e-15);
    /// assert!((PlusMinus::Sd.se(0.06, 9).ok_or("nine runs")? - 0.02).abs() < 1e-15);
    /// assert_eq!(PlusMinus::StandardError.se(0.02, 5), Some(0.02));
    /// assert_eq!(PlusMinus::Sd.se(0.06, 1), None);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn se(self, value: f64, runs: u32) -> Option<f64> {
        let n = f64::from(runs);
        match self {
            _ if runs < 2 => None,
            Self::Sd => Some(value / n.sqrt()),
            Self::PopulationSd => Some(value / (n - 1.0).sqrt()),
            Self::StandardError => Some(value),
        }
    }
}

/// What is said of a number. From good to bad: a cell has the worst of its numbers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Within the tolerance, and sure enough of it.
    Reproduced,
    /// Outside it on the good side, by more than chance.
    Better,
    /// The interval is too wide to tell: more seeds are needed.
    TooNoisy,
    /// Outside it on the bad side, by more than chance; or a run failed.
    NotReproduced,
    /// Nothing is known.
    NotRun,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Better => "better",
            Self::TooNoisy => "too noisy",
            Self::NotReproduced => "not reproduced",
            Self::NotRun => "not run",
        }
    }
}

/// Sums of decimals miss their last bits: `.55 + .04 − .55` is not `.04`.
const ROUNDING: f64 = 1e-12;

impl Published {
    /// Whether ours is the paper's.
    ///
    /// | difference of the means | half-width of our 95 % interval | |
    /// | --- | --- | --- |
    /// | ≤ tolerance | ≤ tolerance | reproduced |
    /// | ≤ tolerance | > tolerance | too noisy |
    /// | > tolerance | < difference: the interval lies on one side | better, or not reproduced |
    /// | > tolerance | ≥ difference | too noisy |
    ///
    /// One seed has no interval and is too noisy.
    #[must_use]
    pub fn verdict(&self, ours: Summary, more_is_better: bool) -> Verdict {
        let difference = ours.mean - self.value;
        let within = |value: f64, most: f64| value <= most + ROUNDING;
        let Some(half) = ours.half_width else { return Verdict::TooNoisy };
        if within(difference.abs(), self.tolerance) {
            return match within(half, self.tolerance) {
                true => Verdict::Reproduced,
                false => Verdict::TooNoisy,
            };
        }
        match difference.abs() > half {
            false => Verdict::TooNoisy,
            true if (difference > 0.0) == more_is_better => Verdict::Better,
            true => Verdict::NotReproduced,
        }
    }
}

/// Cells by verdict. Two sorts are counted apart: those whose published value is at chance level, in
/// `at_chance` and `at_chance_met` alone, and of the others those with a setting that was chosen by
/// their own result, in `chosen_here` and `chosen_here_met` alone. Those without a published value are
/// counted nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Cells with a published value, those that are counted apart included.
    pub cells: usize,
    /// Those of which every seed ran.
    pub run: usize,
    /// Reproduced.
    pub reproduced: usize,
    /// Better.
    pub better: usize,
    /// Better by more than twice the tolerance, without a reason; part of `better`.
    pub too_good: usize,
    /// Too noisy.
    pub too_noisy: usize,
    /// Not reproduced.
    pub not_reproduced: usize,
    /// Not run.
    pub not_run: usize,
    /// With a published value at chance level.
    pub at_chance: usize,
    /// Of these, reproduced or better.
    pub at_chance_met: usize,
    /// With a setting that was chosen by their own result.
    pub chosen_here: usize,
    /// Of these, reproduced or better.
    pub chosen_here_met: usize,
}

impl Counts {
    /// Of these cells.
    #[must_use]
    pub fn of(cells: &[Cell]) -> Self {
        let mut counts = Self::default();
        for cell in cells {
            let Some(verdict) = cell.verdict else { continue };
            counts.cells += 1;
            counts.run += usize::from(cell.seeds_run.len() as u64 >= cell.seeds);
            if cell.at_chance {
                counts.at_chance += 1;
                counts.at_chance_met += usize::from(verdict <= Verdict::Better);
                continue;
            }
            if cell.chosen_here.is_some() {
                counts.chosen_here += 1;
                counts.chosen_here_met += usize::from(verdict <= Verdict::Better);
                continue;
            }
            counts.too_good += usize::from(cell.too_good());
            *match verdict {
                Verdict::Reproduced => &mut counts.reproduced,
                Verdict::Better => &mut counts.better,
                Verdict::TooNoisy => &mut counts.too_noisy,
                Verdict::NotReproduced => &mut counts.not_reproduced,
                Verdict::NotRun => &mut counts.not_run,
            } += 1;
        }
        counts
    }

    /// All together.
    #[must_use]
    pub fn sum(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::default(), |a, b| Self {
            cells: a.cells + b.cells,
            run: a.run + b.run,
            reproduced: a.reproduced + b.reproduced,
            better: a.better + b.better,
            too_good: a.too_good + b.too_good,
            too_noisy: a.too_noisy + b.too_noisy,
            not_reproduced: a.not_reproduced + b.not_reproduced,
            not_run: a.not_run + b.not_run,
            at_chance: a.at_chance + b.at_chance,
            at_chance_met: a.at_chance_met + b.at_chance_met,
            chosen_here: a.chosen_here + b.chosen_here,
            chosen_here_met: a.chosen_here_met + b.chosen_here_met,
        })
    }

    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let parts = [
            (self.reproduced, "reproduced"),
            (self.better, "better"),
            (self.too_noisy, "too noisy"),
            (self.not_reproduced, "not reproduced"),
            (self.not_run, "not run"),
        ];
        let named = parts.into_iter().filter(|(cells, _)| *cells > 0);
        let named: Vec<String> = named.map(|(cells, what)| format!("{cells} {what}")).collect();
        let mut text = format!("{} of {} cells ran in full", self.run, self.cells);
        if !named.is_empty() {
            text += &format!(": {}", named.join(", "));
        }
        if self.at_chance > 0 {
            text += &format!(
                "; counted apart, {} whose published value is at chance level, {} of them met",
                self.at_chance, self.at_chance_met
            );
        }
        if self.chosen_here > 0 {
            text += &format!(
                "; counted apart, {} with a setting chosen on this cell, {} of them met",
                self.chosen_here, self.chosen_here_met
            );
        }
        if self.too_good > 0 {
            text += &format!(
                "; {} better by more than twice the tolerance, and no reason is known",
                self.too_good
            );
        }
        text + "."
    }
}
