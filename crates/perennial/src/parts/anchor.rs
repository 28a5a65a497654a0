//! Quadratic penalties in closed form: `P(θ) = s/2 Σ_i F_i (θ_i − θ*_i)²`.
//!
//! F is an importance, θ* an anchor and the strength s the method's factor, so that the guard
//! of the general form `Σ_i b_i (θ_i − θ*_i)²` is b = s F / 2 and the stiffness of the pull is
//! `∂²P/∂θ_i² = 2 b_i = s F_i`. All slices run over the same weights; the shortest ends them.

use crate::vector::{sum, wide};

/// ĝ ← g + s F (θ − θ*), one pass in place.
pub fn pull(g: &mut [f32], theta: &[f32], importance: &[f32], anchor: &[f32], strength: f32) {
    wide(
        #[inline(always)]
        || {
            let weights = theta.iter().zip(importance).zip(anchor);
            for (g, ((&theta, &f), &anchor)) in g.iter_mut().zip(weights) {
                *g += strength * f * (theta - anchor);
            }
        },
    );
}

/// ĝ ← g + s (θ − θ*): F = 1 for every weight.
pub fn pull_equally(g: &mut [f32], theta: &[f32], anchor: &[f32], strength: f32) {
    wide(
        #[inline(always)]
        || {
            for (g, (&theta, &anchor)) in g.iter_mut().zip(theta.iter().zip(anchor)) {
                *g += strength * (theta - anchor);
            }
        },
    );
}

/// ĝ ← (g + s F (θ − θ*)) / (1 + lr s F): the step that plain gradient descent makes when the
/// penalty is taken at the end of the step instead of its beginning. No finite F makes it
/// diverge.
pub fn pull_implicitly(
    g: &mut [f32],
    theta: &[f32],
    importance: &[f32],
    anchor: &[f32],
    strength: f32,
    lr: f32,
) {
    wide(
        #[inline(always)]
        || {
            let weights = theta.iter().zip(importance).zip(anchor);
            for (g, ((&theta, &f), &anchor)) in g.iter_mut().zip(weights) {
                let stiffness = strength * f;
                *g = (*g + stiffness * (theta - anchor)) / (1.0 + lr * stiffness);
            }
        },
    );
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
    wide(
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
        let mut g = [1.0, 0.0, -2.0, 7.0];
        pull(&mut g, &[2.0, 1.0, 0.5, 1.0], &[0.5, 3.0, 4.0], &[1.0, 1.0, 1.0], 6.0);
        assert_eq!(g, [1.0 + 6.0 * 0.5, 0.0, -2.0 - 6.0 * 4.0 * 0.5, 7.0]);
        assert_eq!(penalty(&[2.0], &[0.5], &[1.0], 6.0), 1.5);
    }

    /// By hand: minimising g θ + s F/2 (θ − θ*)² + (θ − θ_0)²/(2 lr) exactly.
    #[test]
    fn the_implicit_step_is_the_proximal_one() {
        let (theta, anchor, f, s, lr) = (2.0, 0.5, 3.0, 4.0, 0.1);
        let mut g = [1.0];
        pull_implicitly(&mut g, &[theta], &[f], &[anchor], s, lr);
        let end = theta - lr * g[0];
        // Its optimality: g + s F (θ' − θ*) + (θ' − θ_0)/lr = 0.
        assert!((1.0 + s * f * (end - anchor) + (end - theta) / lr).abs() < 1e-4);
        // However stiff, it ends at the anchor and not beyond.
        let mut g = [1.0];
        pull_implicitly(&mut g, &[theta], &[1e30], &[anchor], s, lr);
        assert!((theta - lr * g[0] - anchor).abs() < 1e-6);
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
            let mut g = [0.0; 8];
            pull(&mut g, &theta, &f, &at, 3.0);
            for i in 0..8 {
                let (mut up, mut down) = (theta.clone(), theta.clone());
                up[i] += 0.125;
                down[i] -= 0.125;
                let slope = (penalty(&up, &f, &at, 3.0) - penalty(&down, &f, &at, 3.0))
                    / f64::from(up[i] - down[i]);
                prop_assert!((slope - f64::from(g[i])).abs() < 1e-4);
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
            let mut separate = [0.0; 8];
            for (f, at) in &anchors {
                fold(&mut sum, &mut centre, f, at);
                pull(&mut separate, &theta, f, at, 2.0);
            }
            let mut folded = [0.0; 8];
            pull(&mut folded, &theta, &sum, &centre, 2.0);
            // Against the largest pull of a single anchor: their sum may cancel to nothing.
            let largest = anchors
                .iter()
                .flat_map(|(f, at)| {
                    let mut g = [0.0; 8];
                    pull(&mut g, &theta, f, at, 2.0);
                    g
                })
                .fold(0.0f32, |most, g| most.max(g.abs()));
            for (a, b) in folded.iter().zip(&separate) {
                prop_assert!((a - b).abs() <= 1e-5 * largest, "{a} {b} of {largest}");
            }
        }
    }
}
