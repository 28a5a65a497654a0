//! Classes as the means of a few of their rows: herding, and answers by the nearest mean.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::vector::Vector;

/// What rows are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// What the heads read: the values of the last layer before them.
    #[default]
    Features,
    /// The logits of the units from the first on.
    Logits,
}

/// The mean of each class, by which rows are answered: a row's score of a unit is −‖x − μ‖².
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassMeans {
    /// What rows are compared by.
    pub space: Space,
    /// Whether rows are divided by their length, and means by theirs.
    pub normalised: bool,
    /// The unit of each mean. `[means]`
    #[serde(with = "crate::state::u32s")]
    units: Vec<u32>,
    /// μ. `[means, width]`
    values: Vector,
}

impl ClassMeans {
    /// No mean yet.
    pub fn new(space: Space, normalised: bool) -> Self {
        Self { space, normalised, ..Self::default() }
    }

    /// Numbers of a mean; 0 where there is none.
    pub fn width(&self) -> usize {
        self.values.len() / self.units.len().max(1)
    }

    /// Appends the mean of the rows `[rows, width]` of a unit that has none yet, unless there is no row.
    pub fn push(&mut self, unit: u32, mut rows: Vec<f32>, width: usize) {
        if rows.is_empty() {
            return;
        }
        if self.normalised {
            rows.chunks_exact_mut(width).for_each(normalise);
        }
        let mut mean: Vec<f32> = mean(&rows, width).into_iter().map(|mean| mean as f32).collect();
        if self.normalised {
            normalise(&mut mean);
        }
        self.units.push(unit);
        self.values.append(&mean);
    }

    /// The units that have a mean.
    pub fn units(&self) -> &[u32] {
        &self.units
    }

    /// Keeps the means of these units only.
    pub fn keep(&mut self, kept: impl Fn(u32) -> bool) {
        let (width, mut left) = (self.width(), Self::new(self.space, self.normalised));
        for (&unit, mean) in self.units.iter().zip(self.values.chunks_exact(width.max(1))) {
            if kept(unit) {
                left.units.push(unit);
                left.values.append(mean);
            }
        }
        *self = left;
    }

    /// Whether one of these units has a mean.
    pub fn has_any(&self, units: &Range<usize>) -> bool {
        self.units.iter().any(|&unit| units.contains(&(unit as usize)))
    }

    /// Appends the scores of a row `[width]`, one for each of these units: −∞ for a unit without a mean,
    /// which therefore is never chosen before one that has a mean.
    pub fn score(&self, row: &[f32], units: &Range<usize>, to: &mut Vec<f32>) {
        let mut row = row.to_vec();
        if self.normalised {
            normalise(&mut row);
        }
        let first = to.len();
        to.resize(first + units.len(), f32::NEG_INFINITY);
        for (&unit, mean) in self.units.iter().zip(self.values.chunks_exact(row.len().max(1))) {
            if units.contains(&(unit as usize)) {
                let apart = row.iter().zip(mean).map(|(&x, &m)| f64::from(x - m).powi(2));
                to[first + unit as usize - units.start] = -apart.sum::<f64>() as f32;
            }
        }
    }
}

/// Which of the rows `[rows, width]` stand for all of them, at most `wanted`, in the order of their
/// choice (Welling 2009; Rebuffi et al. 2017, algorithm 4): the k-th brings the mean of the first k
/// nearest to the mean of all rows. No row is chosen twice; the first of equals is.
pub fn herding(rows: &[f32], width: usize, wanted: usize) -> Vec<usize> {
    if rows.is_empty() {
        return Vec::new();
    }
    let target = mean(rows, width);
    let count = rows.len() / width;
    let (mut sum, mut chosen) = (vec![0.0; width], Vec::new());
    let mut free = vec![true; count];
    for k in 1..=wanted.min(count) {
        let apart = |row: &[f32]| -> f64 {
            let terms = row.iter().zip(&sum).zip(&target);
            terms.map(|((&x, sum), mean)| (mean - (sum + f64::from(x)) / k as f64).powi(2)).sum()
        };
        let left = (0..count).filter(|&row| free[row]);
        let distances = left.map(|row| (row, apart(&rows[row * width..(row + 1) * width])));
        let Some((best, _)) = distances.min_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        free[best] = false;
        chosen.push(best);
        let best = &rows[best * width..(best + 1) * width];
        sum.iter_mut().zip(best).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    chosen
}

/// Divides a row by its length; a row of zeros stays as it is.
pub fn normalise(row: &mut [f32]) {
    let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

/// The mean of rows `[rows, width]`, of which there is one at least.
fn mean(rows: &[f32], width: usize) -> Vec<f64> {
    let mut sum = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    let count = (rows.len() / width) as f64;
    sum.into_iter().map(|sum| sum / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, four points (0, 0), (4, 0), (0, 4), (4, 8) with mean (2, 3). Squared distances of the
    /// first mean: 13, 13, 5, 29 → the third. Of the mean of it and another: (0, 2) 5, (2, 2) 1, (2, 6)
    /// 9 → the second. Then (4/3, 4/3) 29/9, (8/3, 4) 13/9 → the fourth, and the first is left.
    /// Catches: the nearest rows to the mean one by one (third, then first or second), a row chosen
    /// twice, the mean of the chosen without the new one.
    #[test]
    fn herding_four_points_by_hand() {
        let rows = [0.0, 0.0, 4.0, 0.0, 0.0, 4.0, 4.0, 8.0];
        assert_eq!(herding(&rows, 2, 4), [2, 1, 3, 0]);
        assert_eq!(herding(&rows, 2, 2), [2, 1]);
        assert_eq!(herding(&rows, 2, 9).len(), 4);
        assert_eq!(herding(&[1.0, 1.0, 1.0], 1, 2), [0, 1]);
        assert!(herding(&[], 2, 3).is_empty());
    }

    /// By hand: the mean of (3, 4) and (0, 2) is (1.5, 3); normalised rows (.6, .8) and (0, 1) have the
    /// mean (.3, .9), of length √.9. Catches: a mean of rows that are not normalised, a mean that is not
    /// normalised again, scores of other units, a unit without a mean that may be chosen.
    #[test]
    fn the_nearest_mean_by_hand() {
        let made = |normalised| {
            let mut means = ClassMeans::new(Space::Features, normalised);
            means.push(2, vec![3.0, 4.0, 0.0, 2.0], 2);
            means.push(0, vec![1.0, 0.0], 2);
            means.push(1, vec![], 2);
            means
        };
        let scores = |means: &ClassMeans, units| {
            let mut scores = Vec::new();
            means.score(&[2.0, 0.0], &units, &mut scores);
            scores
        };
        let plain = made(false);
        assert_eq!(scores(&plain, 0..3), [-1.0, f32::NEG_INFINITY, -9.25]);
        assert_eq!(scores(&plain, 2..4), [-9.25, f32::NEG_INFINITY]);
        assert_eq!(
            (plain.width(), plain.has_any(&(1..2)), plain.has_any(&(1..3))),
            (2, false, true)
        );
        // ‖(1, 0) − (.3, .9)/√.9‖² = 2 − 2 · .3/√.9
        let found = scores(&made(true), 0..3);
        assert_eq!(found[..2], [0.0, f32::NEG_INFINITY]);
        assert!((f64::from(found[2]) - (0.6 / 0.9f64.sqrt() - 2.0)).abs() < 1e-6, "{found:?}");
        let mut left = made(false);
        left.keep(|unit| unit == 2);
        assert_eq!(scores(&left, 0..3), [f32::NEG_INFINITY, f32::NEG_INFINITY, -9.25]);
        left.keep(|_| false);
        assert_eq!((left.width(), left.has_any(&(0..9))), (0, false));
    }
}
