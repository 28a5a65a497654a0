//! Whether numbers are still told apart as those of single precision, which networks take.

use std::path::Path;

use crate::open::{OpenError, Request};

/// A column that spans fewer steps of single precision than this, and was rounded to them, has lost
/// what it says: rounding moves its numbers by up to half a hundredth of what they span.
const LEAST_STEPS: f64 = 100.0;

/// The numbers of a column, as they were before they were rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    least: f64,
    most: f64,
    /// Whether one is not what single precision makes of it.
    rounded: bool,
}

impl Default for Spread {
    fn default() -> Self {
        Self { least: f64::INFINITY, most: f64::NEG_INFINITY, rounded: false }
    }
}

impl Spread {
    pub(crate) fn add(&mut self, number: f64) {
        if number.is_finite() {
            self.least = self.least.min(number);
            self.most = self.most.max(number);
            self.rounded |= f64::from(number as f32) != number;
        }
    }

    /// The distance of neighbours in single precision, where it hides what differs.
    fn too_coarse(self) -> Option<f64> {
        let largest = self.least.abs().max(self.most.abs());
        let step = largest * f64::from(f32::EPSILON) / 2.0;
        let span = self.most - self.least;
        (self.rounded && span > 0.0 && span < LEAST_STEPS * step).then_some(step)
    }
}

/// Refuses columns of numbers that are close together and far from 0. A learner that was made before
/// this was looked at goes on as it was.
pub(crate) fn check<'a>(
    columns: impl IntoIterator<Item = (Spread, &'a str)>,
    path: &Path,
    request: Request<'_>,
) -> Result<(), OpenError> {
    if request.known.is_some_and(|known| !known.kept) {
        return Ok(());
    }
    for (spread, name) in columns {
        if let Some(step) = spread.too_coarse() {
            let (least, most) = (spread.least, spread.most);
            return Err(OpenError::Refused {
                message: format!(
                    "column `{name}` of {} holds numbers from {least} to {most}, where the single \
                     precision of a network tells apart no less than about {step:.1e}: subtract \
                     {least} from it, or leave the column out",
                    path.display()
                ),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_coarse(numbers: &[f64]) -> bool {
        let mut spread = Spread::default();
        numbers.iter().for_each(|&number| spread.add(number));
        spread.too_coarse().is_some()
    }

    /// A step at 1.7e9 is 128 (2³⁰ · 2⁻²³). Catches: seconds of a day that become one number, whole
    /// numbers that single precision holds, months in seconds, a constant column.
    #[test]
    fn what_single_precision_hides() {
        assert!(is_coarse(&[1_700_000_000.0, 1_700_000_050.0]));
        assert!(!is_coarse(&[1_700_000_001.0, 1_702_600_000.0]));
        assert!(!is_coarse(&[16_000_000.0, 16_000_002.0]));
        assert!(!is_coarse(&[1013.21, 1013.25]) && is_coarse(&[1013.21, 1013.215]));
        assert!(!is_coarse(&[0.1, 0.2, 0.3]) && !is_coarse(&[1e30 + 1e15; 3]) && !is_coarse(&[]));
        assert!(is_coarse(&[9.3e18, 9.3e18 + 1e5]));
    }
}
