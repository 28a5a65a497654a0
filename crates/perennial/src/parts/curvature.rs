//! How the loss bends: move a weight and watch.

/// ε of the exact form.
pub const EXACT_STEP: f64 = 1e-2;

/// `[L(θ + ε e_i) + L(θ − ε e_i) − 2 L(θ)] / ε²` for every weight: 2P + 1 evaluations.
///
/// # Errors
///
/// What the loss could not do.
pub fn exact<E>(
    theta: &[f64],
    epsilon: f64,
    mut loss: impl FnMut(&[f64]) -> Result<f64, E>,
) -> Result<Vec<f64>, E> {
    let here = loss(theta)?;
    let mut moved = theta.to_vec();
    let mut bends = Vec::with_capacity(theta.len());
    for i in 0..theta.len() {
        moved[i] = theta[i] + epsilon;
        let up = loss(&moved)?;
        moved[i] = theta[i] - epsilon;
        let down = loss(&moved)?;
        moved[i] = theta[i];
        bends.push((up + down - 2.0 * here) / (epsilon * epsilon));
    }
    Ok(bends)
}

/// The mean over directions z of ±1 of `z ∘ (∇L(θ + εz) − ∇L(θ − εz)) / 2ε`: every weight moved
/// at once. Its expectation is the diagonal of the Hessian, for `E z_i z_j = 0`; the noise of one
/// direction is the sum of the row's other entries.
///
/// # Errors
///
/// What the gradient could not do.
pub fn random<E>(
    theta: &[f64],
    epsilon: f64,
    directions: impl IntoIterator<Item = Vec<f64>>,
    mut gradient: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Vec<f64>, E> {
    let mut mean = vec![0.0; theta.len()];
    let mut count = 0.0;
    for z in directions {
        count += 1.0;
        let mut at = |sign: f64| {
            let moved: Vec<f64> =
                theta.iter().zip(&z).map(|(theta, z)| theta + sign * epsilon * z).collect();
            gradient(&moved)
        };
        let (up, down) = (at(1.0)?, at(-1.0)?);
        for (((mean, z), up), down) in mean.iter_mut().zip(&z).zip(up).zip(down) {
            *mean += (z * (up - down) / (2.0 * epsilon) - *mean) / count;
        }
    }
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::draws::{Generator, Key};
    use rand::RngExt;

    /// A small net in f64: 3 → 4 tanh → 1, half the squared error over 6 rows; smooth, so that
    /// both forms have a curvature to agree on (a rectifier's loss has none at its kinks).
    struct Net {
        rows: Vec<([f64; 3], f64)>,
    }

    impl Net {
        fn loss(&self, theta: &[f64]) -> f64 {
            self.gradient(theta).1
        }

        /// The gradient, and the loss.
        fn gradient(&self, theta: &[f64]) -> (Vec<f64>, f64) {
            let (mut gradient, mut loss) = (vec![0.0; 16], 0.0);
            for (x, y) in &self.rows {
                let hidden = |j: usize| (0..3).map(|i| theta[3 * j + i] * x[i]).sum::<f64>().tanh();
                let h: Vec<f64> = (0..4).map(hidden).collect();
                let out: f64 = (0..4).map(|j| theta[12 + j] * h[j]).sum();
                let error = (out - y) / self.rows.len() as f64;
                loss += 0.5 * (out - y) * error;
                for j in 0..4 {
                    gradient[12 + j] += error * h[j];
                    let slope = error * theta[12 + j] * (1.0 - h[j] * h[j]);
                    (0..3).for_each(|i| gradient[3 * j + i] += slope * x[i]);
                }
            }
            (gradient, loss)
        }
    }

    fn number(generator: &mut Generator) -> f64 {
        generator.random_range(-1.0..1.0)
    }

    /// By hand: L = 3 a² + a b has curvature 6 and 0.
    #[test]
    fn a_parabola_by_hand() {
        let loss = |t: &[f64]| Ok::<_, Infallible>(3.0 * t[0] * t[0] + t[0] * t[1]);
        let bends = exact(&[0.3, -2.0], EXACT_STEP, loss).unwrap();
        assert!((bends[0] - 6.0).abs() < 1e-6 && bends[1].abs() < 1e-6, "{bends:?}");
    }

    /// The two ways to move and watch agree within five standard errors of the draws, before
    /// anything is clipped. Catches: a missing ½, ε for 2ε, directions that are not ±1.
    #[test]
    fn both_ways_to_watch_agree() {
        let mut generator = Key::of_seed(3).generator("curvature");
        let row = |g: &mut Generator| ([number(g), number(g), number(g)], number(g));
        let net = Net { rows: (0..6).map(|_| row(&mut generator)).collect() };
        let theta: Vec<f64> = (0..16).map(|_| number(&mut generator)).collect();
        let slow = exact(&theta, EXACT_STEP, |t| Ok::<_, Infallible>(net.loss(t))).unwrap();
        let draws = 400;
        let mut each = Vec::new();
        for _ in 0..draws {
            let z: Vec<f64> =
                (0..16).map(|_| if generator.random::<bool>() { 1.0 } else { -1.0 }).collect();
            let gradient = |t: &[f64]| Ok::<_, Infallible>(net.gradient(t).0);
            each.push(random(&theta, 1e-3, [z], gradient).unwrap());
        }
        for i in 0..16 {
            let mean = each.iter().map(|b| b[i]).sum::<f64>() / f64::from(draws);
            let spread = each.iter().map(|b| (b[i] - mean).powi(2)).sum::<f64>();
            let error = (spread / f64::from(draws - 1) / f64::from(draws)).sqrt();
            // 1e-4: what the fourth derivative leaves in the exact form at ε = 1e-2.
            let far = (mean - slow[i]).abs();
            assert!(far <= 5.0 * error + 1e-4, "{i}: {mean} and {} ± {error}", slow[i]);
        }
    }
}
