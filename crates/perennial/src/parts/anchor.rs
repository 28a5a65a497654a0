//! Quadratic penalties in closed form: `P(θ) = s/2 Σ_i F_i (θ_i − θ*_i)²`.
//!
//! F is an importance, θ* an anchor and the strength s the method's factor, so that the guard
//! of the general form `Σ_i b_i (θ_i − θ*_i)²` is b = s F / 2 and the stiffness of the pull is
//! `∂²P/∂θ_i² = 2 b_i = s F_i`. What pulls is said of one weight;
//! slices run over the same weights and the shortest ends them.

use crate::vector::{simd_dispatch, sum};

/// ĝ = g + s F (θ − θ*)
#[inline(always)]
pub fn pull(g: f32, theta: f32, importance: f32, anchor: f32, strength: f32) -> f32 {
    g + strength * importance * (theta - anchor)
}

/// ĝ = (g + s F (θ − θ*)) / (1 + lr s F): the step that plain gradient descent makes when the
/// penalty is taken at the end of the step instead of its beginning. No finite F makes it
/// diverge.
#[inline(always)]
pub fn pull_implicitly(
    g: f32,
    theta: f32,
    importance: f32,
    anchor: f32,
    strength: f32,
    lr: f32,
) -> f32 {
    pull(g, theta, importance, anchor, strength) / (1.0 + lr * (strength * importance))
}

/// P(θ), summed in f64.
pub fn penalty(theta: &[f32], importance: &[f32], anchor: &[f32], strength: f32) -> f64 {
    let sum = sum(
        [theta, importance, anchor],
        #[inline(always)]
        |[theta, f, anchor]| f64::from(f) * f64::from(theta - anchor).powi(2),
    );
    0.5 * f64::from(strength) * sum
}

/// Adds the penalty of another anchor to one that already stands for several: the sum of two
/// parabolas is a parabola, so with
///
/// ```text
/// S ← S + F        θ̄ ← θ̄ + F / (S + F) · (θ* − θ̄)        (θ* where S + F = 0)
/// ```
///
/// the penalty `S (θ − θ̄)²` has the gradient of all of them together, at the cost of one. The
/// means are weighed in f64; `Σ F θ − Σ F θ*` would cancel in f32.
///
/// `sum` and `centre` must be as long as `importance`: a weight that they did not know yet has
/// S = 0.
pub fn fold(sum: &mut [f32], centre: &mut [f32], importance: &[f32], anchor: &[f32]) {
    simd_dispatch(
        #[inline(always)]
        || {
            let folded = sum.iter_mut().zip(centre);
            for ((sum, centre), (&f, &anchor)) in folded.zip(importance.iter().zip(anchor)) {
                let total = f64::from(*sum) + f64::from(f);
                let far = f64::from(anchor) - f64::from(*centre);
                let mean = (f64::from(*centre) + f64::from(f) / total * far) as f32;
                *centre = if total == 0.0 { anchor } else { mean };
                *sum = total as f32;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// With λ = 6, F and θ − θ* given, EWC's gradient is 6 F (θ − θ*): λ/2 · 2. Catches: a
    /// factor ½ or 2 lost, which no accuracy would show.
    #[test]
    fn the_coefficient_by_hand() {
        assert_eq!(pull(1.0, 2.0, 0.5, 1.0, 6.0), 1.0 + 6.0 * 0.5);
        assert_eq!(pull(0.0, 1.0, 3.0, 1.0, 6.0), 0.0);
        assert_eq!(pull(-2.0, 0.5, 4.0, 1.0, 6.0), -2.0 - 6.0 * 4.0 * 0.5);
        assert_eq!(penalty(&[2.0], &[0.5], &[1.0], 6.0), 1.5);
    }

    /// By hand: minimising g θ + s F/2 (θ − θ*)² + (θ − θ_0)²/(2 lr) exactly.
    #[test]
    fn the_implicit_step_is_the_proximal_one() {
        let (theta, anchor, f, s, lr) = (2.0, 0.5, 3.0, 4.0, 0.1);
        let end = theta - lr * pull_implicitly(1.0, theta, f, anchor, s, lr);
        // Its optimality: g + s F (θ' − θ*) + (θ' − θ_0)/lr = 0.
        assert!((1.0 + s * f * (end - anchor) + (end - theta) / lr).abs() < 1e-4);
        // However stiff, it ends at the anchor and not beyond.
        let g = pull_implicitly(1.0, theta, 1e30, anchor, s, lr);
        assert!((theta - lr * g - anchor).abs() < 1e-6);
    }

    fn anchors() -> impl Strategy<Value = Vec<(Vec<f32>, Vec<f32>)>> {
        let importance = prop_oneof![Just(0.0f32), 0.0f32..1.0, 0.0f32..1e-6];
        let one = (prop::collection::vec(importance, 8), prop::collection::vec(-2.0f32..2.0, 8));
        prop::collection::vec(one, 1..20)
    }

    proptest! {
        /// Catches: a wrong factor anywhere in the gradient or the value.
        #[test]
        fn the_gradient_is_the_difference_of_the_value(
            (f, at) in anchors().prop_map(|mut all| all.remove(0)),
            theta in prop::collection::vec(-2.0f32..2.0, 8),
        ) {
            for i in 0..8 {
                let g = pull(0.0, theta[i], f[i], at[i], 3.0);
                let (mut up, mut down) = (theta.clone(), theta.clone());
                up[i] += 0.125;
                down[i] -= 0.125;
                let slope = (penalty(&up, &f, &at, 3.0) - penalty(&down, &f, &at, 3.0))
                    / f64::from(up[i] - down[i]);
                prop_assert!((slope - f64::from(g)).abs() < 1e-4);
            }
        }

        /// Catches: a mean that is not weighted, one weighted by the new total twice, sums that
        /// cancel in f32.
        #[test]
        fn folded_anchors_pull_as_all_of_them_do(
            anchors in anchors(),
            theta in prop::collection::vec(-2.0f32..2.0, 8),
        ) {
            let (mut sum, mut centre) = (vec![0.0; 8], vec![0.0; 8]);
            let (mut separate, mut largest) = ([0.0; 8], 0.0f32);
            for (f, at) in &anchors {
                fold(&mut sum, &mut centre, f, at);
                for i in 0..8 {
                    // Against the largest pull of a single anchor: their sum may cancel to nothing.
                    largest = largest.max(pull(0.0, theta[i], f[i], at[i], 2.0).abs());
                    separate[i] = pull(separate[i], theta[i], f[i], at[i], 2.0);
                }
            }
            let folded: [f32; 8] =
                std::array::from_fn(|i| pull(0.0, theta[i], sum[i], centre[i], 2.0));
            for (a, b) in folded.iter().zip(&separate) {
                prop_assert!((a - b).abs() <= 1e-5 * largest, "{a} {b} of {largest}");
            }
        }
    }
}
