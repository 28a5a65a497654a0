//! Standardisation: every input of a network has about mean 0 and deviation 1.
//!
//! The mean and the deviation are those of the first task's training rows, and stay: a learner that
//! measured each task with its own ruler could not compare them.
//!
//! | inputs | a mean and a deviation for each |
//! | --- | --- |
//! | columns of a table, arrays `[rows, n]` of floats | column |
//! | images as floats, or images that are to be normalised | channel |
//!
//! ```text
//! x' = clamp((x − mean) / deviation, −clip, clip)        deviation² = Σ (x − mean)² / n
//! ```

use serde::{Deserialize, Serialize};

use crate::Values;

/// Values beyond so many deviations are clipped, unless something else is asked for.
pub const USUAL_CLIP: f32 = 5.0;

/// How values become inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scaling {
    /// The mean of each column, or of each channel of an image. `[columns]` or `[channels]`
    pub mean: Vec<f64>,
    /// As `mean`; above 0.
    pub deviation: Vec<f64>,
    /// The largest distance from the mean, in deviations.
    pub clip: Option<f32>,
}

impl Scaling {
    /// Measures `values`, rows of `groups` columns or channels each.
    ///
    /// A group that holds nothing but 0 and 1 stays as it is (mean 0, deviation 1); a constant one
    /// is centred.
    #[must_use]
    pub fn fit(values: &Values, row: usize, groups: usize, clip: Option<f32>) -> Self {
        let all = moments(values, row, groups);
        Self {
            mean: all.iter().map(Moments::centre).collect(),
            deviation: all.iter().map(Moments::deviation).collect(),
            clip,
        }
    }

    /// The values as inputs, with how many of them were clipped.
    #[must_use]
    pub fn apply(&self, values: &Values, row: usize) -> (Values, usize) {
        let (mut scaled, mut clipped) = (Vec::with_capacity(values.len()), 0);
        each(values, |at, value| {
            let far = self.far(at, value, row);
            let near = self.clip.map_or(far, |clip| far.clamp(-f64::from(clip), clip.into()));
            clipped += usize::from(near != far);
            // Without a bound, a value far from the mean could be beyond every float.
            scaled.push(near.clamp(f32::MIN.into(), f32::MAX.into()) as f32);
        });
        (Values::Floats(scaled), clipped)
    }

    /// Whether values of 0 and 1 stay as they are.
    pub(crate) fn is_identity(&self) -> bool {
        self.mean.iter().all(|&mean| mean == 0.0) && self.deviation.iter().all(|&it| it == 1.0)
    }

    /// How many of the values [`apply`](Self::apply) would clip; no input is made.
    #[must_use]
    pub fn clipped(&self, values: &Values, row: usize) -> usize {
        let Some(clip) = self.clip.map(f64::from) else { return 0 };
        let mut clipped = 0;
        each(values, |at, value| clipped += usize::from(self.far(at, value, row).abs() > clip));
        clipped
    }

    /// How many deviations the value at this place of rows of `row` values lies from the mean.
    fn far(&self, at: usize, value: f64, row: usize) -> f64 {
        let size = (row / self.mean.len().max(1)).max(1);
        let group = at % row / size;
        (value - self.mean[group]) / self.deviation[group]
    }

    /// The groups of `values` whose mean is more than `most` of these deviations from this mean.
    #[must_use]
    pub fn moved(&self, values: &Values, row: usize, most: f64) -> Vec<usize> {
        let now = moments(values, row, self.mean.len());
        let kept = self.mean.iter().zip(&self.deviation);
        let distance = |(now, (mean, deviation)): (&Moments, _)| (now.mean - mean) / deviation;
        let all = now.iter().zip(kept).map(distance).enumerate();
        all.filter(|(_, distance)| distance.abs() > most).map(|(group, _)| group).collect()
    }
}

/// Mean and spread of each of the `groups` of columns or channels in rows of `row` values.
fn moments(values: &Values, row: usize, groups: usize) -> Vec<Moments> {
    let size = (row / groups.max(1)).max(1);
    let mut all = vec![Moments::default(); groups];
    each(values, |at, value| all[at % row / size].add(value));
    all
}

/// Calls with the place and the number of every value; bytes are divided by what is read as 1.
fn each(values: &Values, mut with: impl FnMut(usize, f64)) {
    match values {
        Values::Bytes { pixels, white } => {
            let white = f64::from(*white);
            pixels.iter().enumerate().for_each(|(at, &it)| with(at, f64::from(it) / white));
        }
        Values::Floats(floats) => {
            floats.iter().enumerate().for_each(|(at, &it)| with(at, f64::from(it)));
        }
    }
}

/// Mean and sum of squared deviations as values arrive (Welford 1962): no sum of squares, which
/// would lose a small spread around a large mean.
#[derive(Clone, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    /// Whether a value was neither 0 nor 1.
    others: bool,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
        self.others |= value != 0.0 && value != 1.0;
    }

    fn centre(&self) -> f64 {
        if self.others { self.mean } else { 0.0 }
    }

    fn deviation(&self) -> f64 {
        /// A spread below this share of the mean is rounding: the column is constant.
        const ROUNDING: f64 = 1e-12;
        let deviation = (self.squares / self.count).sqrt();
        match self.others && deviation > ROUNDING * self.mean.abs() {
            true => deviation,
            false => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> Values {
        Values::Floats(values.to_vec())
    }

    /// By hand: 1 2 3 6 has mean 3 and squares 4 1 0 9, so deviation √3.5; the second column is
    /// 0/1, the third constant. Catches: n − 1, one scale for all columns, 0/1 standardised, a
    /// constant column divided by 0.
    #[test]
    fn columns_by_hand() {
        let rows = floats(&[1.0, 0.0, 7.0, 2.0, 1.0, 7.0, 3.0, 1.0, 7.0, 6.0, 0.0, 7.0]);
        let scaling = Scaling::fit(&rows, 3, 3, Some(5.0));
        assert_eq!(scaling.mean, [3.0, 0.0, 7.0]);
        assert!((scaling.deviation[0] - 3.5_f64.sqrt()).abs() < 1e-12, "{scaling:?}");
        assert_eq!(scaling.deviation[1..], [1.0, 1.0]);
        let (scaled, clipped) = scaling.apply(&floats(&[3.0, 1.0, 8.0, 103.0, 0.0, -93.0]), 3);
        let Values::Floats(scaled) = scaled else { panic!("bytes") };
        assert_eq!((scaled, clipped), (vec![0.0, 1.0, 1.0, 5.0, 0.0, -5.0], 2));
    }

    /// By hand: with mean 1 and deviation 2 the distances are 5, 5.5 and −5.5; the second column has
    /// mean 0 and deviation 1. Catches: a bound that itself counts, one side only, one mean for all
    /// columns, a count that is not that of `apply`.
    #[test]
    fn values_beyond_the_clip_are_counted() {
        let rows = floats(&[11.0, 5.0, 12.0, 5.5, -10.0, -6.0]);
        let mut scaling =
            Scaling { mean: vec![1.0, 0.0], deviation: vec![2.0, 1.0], clip: Some(5.0) };
        assert_eq!((scaling.clipped(&rows, 2), scaling.apply(&rows, 2).1), (4, 4));
        scaling.clip = None;
        assert_eq!((scaling.clipped(&rows, 2), scaling.apply(&rows, 2).1), (0, 0));
    }

    /// Catches: a sum of squares, which loses a spread of 1 around 10⁸ in double precision at
    /// 10⁴ rows and in single precision at once.
    #[test]
    fn a_small_spread_around_a_large_mean_is_kept() {
        let values: Vec<f32> = (0..1000).map(|i| 16_000_000.0 + (i % 3) as f32).collect();
        let scaling = Scaling::fit(&floats(&values), 1, 1, None);
        assert!((scaling.deviation[0] - (2.0_f64 / 3.0).sqrt()).abs() < 1e-3, "{scaling:?}");
    }

    /// Two channels of two pixels: bytes are divided first. Catches: columns in place of channels.
    #[test]
    fn channels_of_bytes() {
        let pixels = vec![0, 10, 5, 5, 10, 20, 5, 5];
        let scaling = Scaling::fit(&Values::Bytes { pixels, white: 10 }, 4, 2, None);
        assert_eq!(scaling.mean, [1.0, 0.5]);
        assert!((scaling.deviation[0] - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(scaling.deviation[1], 1.0);
    }

    /// Catches: distances that are not measured in the kept deviations, or only upwards.
    #[test]
    fn a_column_that_moved_is_found() {
        let scaling = Scaling { mean: vec![0.0, 10.0], deviation: vec![1.0, 4.0], clip: None };
        let rows = floats(&[1.0, 1.0, 1.0, 2.0]); // means 1 and 1.5: distances 1 and −2.125
        assert_eq!(scaling.moved(&rows, 2, 2.0), [1]);
        assert!(scaling.moved(&rows, 2, 2.125).is_empty());
    }
}
