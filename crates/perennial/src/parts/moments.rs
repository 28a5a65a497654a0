//! Per-sample importances: moments of the slopes of single samples.
//!
//! Every such importance is `(1/N) Σ_n Σ_r h(∂(δ_nr · z_n)/∂θ_i)`: `z_n` are the logits of sample
//! n, h a square or an absolute value, and the slopes `δ_nr` what the importance differentiates.
//! For the Fisher information they are derivatives of `log p(y|x)`, weighed by √p so that their
//! squares are weighed by p.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// What of a sample's logits is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slopes {
    /// √p(y|x) · log p(y|x) for every label y: with squares, the expectation over the model's
    /// own labels.
    EveryLabel,
    /// log p(y|x) of one label drawn from the model.
    DrawnLabel,
    /// log p(y|x) of the label in the data.
    TrueLabel,
    /// log p(y|x) of the label that the model answers.
    LikeliestLabel,
    /// ‖z‖², labels unused.
    SquaredNorm,
}

/// How many training samples something is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// So many, drawn without replacement; all where there are fewer.
    Count(usize),
    /// As the word it holds says: all.
    All(All),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum All {
    /// Every sample there is.
    All,
}

/// What is averaged over samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// g².
    Square,
    /// |g|.
    Absolute,
}

impl Power {
    /// h(g).
    pub fn of(self, g: f64) -> f64 {
        match self {
            Self::Square => g * g,
            Self::Absolute => g.abs(),
        }
    }
}

impl Slopes {
    /// How many slopes a sample with this many logits has.
    pub fn count(self, logits: usize) -> usize {
        if self == Self::EveryLabel { logits } else { 1 }
    }

    /// The slopes of one sample, one after another, appended to `to`. `label` is the index of
    /// its true label among the logits; `generator` is asked for a number only where a label is
    /// drawn.
    pub fn append(self, z: &[f32], label: usize, generator: &mut impl Rng, to: &mut Vec<f32>) {
        if self == Self::SquaredNorm {
            to.extend(z.iter().map(|&z| 2.0 * z));
            return;
        }
        let p = softmax(z);
        let mut slope = |y: usize, weight: f64| {
            // ∂ log p(y)/∂z = e_y − p.
            let of = |(c, p): (usize, &f64)| weight * (f64::from(u8::from(c == y)) - p);
            to.extend(p.iter().enumerate().map(of).map(|slope| slope as f32));
        };
        match self {
            Self::EveryLabel => (0..z.len()).for_each(|y| slope(y, p[y].sqrt())),
            Self::DrawnLabel => {
                let mut left = generator.random::<f64>();
                let drawn = p.iter().position(|p| {
                    left -= p;
                    left < 0.0
                });
                slope(drawn.unwrap_or(z.len() - 1), 1.0); // rounding may leave a crumb
            }
            Self::TrueLabel => slope(label, 1.0),
            Self::LikeliestLabel | Self::SquaredNorm => {
                let mut likeliest = 0;
                for (y, z_y) in z.iter().enumerate() {
                    if *z_y > z[likeliest] {
                        likeliest = y;
                    }
                }
                slope(likeliest, 1.0);
            }
        }
    }
}

fn softmax(z: &[f32]) -> Vec<f64> {
    let most = f64::from(z.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let mut p: Vec<f64> = z.iter().map(|&z| (f64::from(z) - most).exp()).collect();
    let sum: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= sum);
    p
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Key;

    fn slopes(rule: Slopes, z: &[f32], label: usize, purpose: &str) -> Vec<f32> {
        let mut to = Vec::new();
        rule.append(z, label, &mut Key::default().generator(purpose), &mut to);
        to
    }

    /// By hand: z = (0, ln 3) → p = (¼, ¾).
    #[test]
    fn the_slopes_by_hand() {
        let z = [0.0, 3f32.ln()];
        let close = |found: &[f32], wanted: &[f32]| {
            assert_eq!(found.len(), wanted.len());
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        close(&slopes(Slopes::TrueLabel, &z, 0, ""), &[0.75, -0.75]);
        close(&slopes(Slopes::LikeliestLabel, &z, 0, ""), &[-0.25, 0.25]);
        close(&slopes(Slopes::SquaredNorm, &z, 0, ""), &[0.0, 2.0 * 3f32.ln()]);
        let root = 0.75f32.sqrt();
        close(
            &slopes(Slopes::EveryLabel, &z, 0, ""),
            &[0.5 * 0.75, -0.5 * 0.75, -root * 0.25, root * 0.25],
        );
    }

    /// The mean over drawn labels is the exact expectation. Catches: uniform labels, the true
    /// label in place of a drawn one, weights p where √p belongs.
    #[test]
    fn drawn_labels_average_to_every_label() {
        let z = [0.3, -1.0, 1.2];
        let square = |slopes: &[f32], of: usize| -> f64 {
            slopes.chunks(3).map(|slope| f64::from(slope[of]).powi(2)).sum()
        };
        let exact = slopes(Slopes::EveryLabel, &z, 0, "");
        let draws = 4000;
        for of in 0..3 {
            let sum: f64 = (0..draws)
                .map(|i| square(&slopes(Slopes::DrawnLabel, &z, 0, &format!("{i}")), of))
                .sum();
            let mean = sum / f64::from(draws);
            // A squared slope is at most 1, so the mean's standard error is at most ½/√draws.
            let error = 0.5 / f64::from(draws).sqrt();
            assert!((mean - square(&exact, of)).abs() < 4.0 * error, "{of}: {mean}");
        }
    }
}
