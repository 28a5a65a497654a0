//! The small quadratic programme of gradient episodic memory.
//!
//! ```text
//! min_v ½ vᵀQv + cᵀv   subject to v_k ≥ γ        Q = GGᵀ (+ ridge), c = Gg
//! ```
//!
//! With v = γ + u it is a non-negative least-squares problem in u, solved by Lawson & Hanson's
//! active set (1974) on the Gram matrix scaled to a diagonal of ones. Rows that depend on others
//! make Q singular: such a row never enters the set, because its gradient vanishes with the
//! others'. v is then not unique; Gᵀv is.

/// A pivot below this, of a matrix with ones on its diagonal, is rounding: the row depends on
/// those before it.
const DEPENDENT: f64 = 1e-15;
/// A slope below this, relative to the largest, is 0: a thousandth of the precision asked for.
const FLAT: f64 = 1e-13;
/// What the solution must meet: the KKT residual, relative to max(1, ‖Q‖, ‖c‖).
pub const PRECISION: f64 = 1e-9;
/// Sweeps of coordinate descent that may follow when rounding stopped the active set early.
const SWEEPS: usize = 10_000;

/// v of the programme above. `gram` is Q, `[n, n]`, symmetric and positive semidefinite; `dots`
/// is c, `[n]`.
pub fn solve(gram: &[f64], dots: &[f64], gamma: f64) -> Vec<f64> {
    let n = dots.len();
    let scale: Vec<f64> = (0..n).map(|k| gram[k * n + k].max(0.0).sqrt()).collect();
    let inverse = |k: usize| if scale[k] > 0.0 { 1.0 / scale[k] } else { 0.0 };
    // u = D⁻¹x with D² the diagonal: ½ xᵀ(D⁻¹QD⁻¹)x + (D⁻¹(c + Qγ1))ᵀx.
    let q: Vec<f64> = (0..n * n).map(|i| gram[i] * inverse(i / n) * inverse(i % n)).collect();
    let shifted = |k: usize| dots[k] + gamma * gram[k * n..(k + 1) * n].iter().sum::<f64>();
    let c: Vec<f64> = (0..n).map(|k| shifted(k) * inverse(k)).collect();
    let x = active_set(&q, &c);
    let unscaled = |x: &[f64]| (0..n).map(|k| gamma + x[k] * inverse(k)).collect::<Vec<_>>();
    let v = unscaled(&x);
    match kkt_residual(gram, dots, gamma, &v) <= 0.1 * PRECISION * size(gram, dots) {
        true => v,
        false => unscaled(&descend(&q, &c, x)),
    }
}

/// How far v is from optimal: the largest |slope| where v > γ, and slope below 0 where v = γ.
pub fn kkt_residual(gram: &[f64], dots: &[f64], gamma: f64, v: &[f64]) -> f64 {
    let slope = slopes(gram, dots, v);
    let each = slope.iter().zip(v).map(|(&w, &v)| if v > gamma { w.abs() } else { (-w).max(0.0) });
    each.fold(0.0, f64::max)
}

/// max(1, ‖Q‖, ‖c‖), largest absolute row sum and largest entry.
pub fn size(gram: &[f64], dots: &[f64]) -> f64 {
    let n = dots.len().max(1);
    let row = |row: &[f64]| row.iter().map(|q| q.abs()).sum::<f64>();
    let rows = gram.chunks(n).map(row);
    rows.chain(dots.iter().map(|c| c.abs())).fold(1.0, f64::max)
}

/// Qx + c
fn slopes(q: &[f64], c: &[f64], x: &[f64]) -> Vec<f64> {
    let n = c.len();
    let row = |k: usize| q[k * n..(k + 1) * n].iter().zip(x).map(|(q, x)| q * x).sum::<f64>();
    (0..n).map(|k| row(k) + c[k]).collect()
}

/// min ½ xᵀqx + cᵀx over x ≥ 0; `q` has a diagonal of ones, or 0 for a row of zeros.
fn active_set(q: &[f64], c: &[f64]) -> Vec<f64> {
    let n = c.len();
    let flat = FLAT * c.iter().fold(0.0, |most: f64, c| most.max(c.abs()));
    let mut x = vec![0.0; n];
    let mut free: Vec<usize> = Vec::new(); // where x may be above 0
    let mut refused = vec![false; n]; // entered and left again without a move
    // Each round but for rounding lowers the objective, so no set of free variables comes back.
    for _ in 0..10 * n {
        let slope = slopes(q, c, &x);
        let enters = (0..n)
            .filter(|&k| !refused[k] && slope[k] < -flat && !free.contains(&k))
            .min_by(|&a, &b| slope[a].total_cmp(&slope[b]));
        let Some(enters) = enters else { break };
        free.push(enters);
        loop {
            let Some(best) = stationary(q, c, &free) else {
                free.retain(|&k| k != enters);
                refused[enters] = true;
                break;
            };
            // How far towards `best` before one of the free reaches 0.
            let reach = |(&k, &best): (&usize, &f64)| match best > 0.0 {
                true => 1.0,
                false => x[k] / (x[k] - best),
            };
            let share = free.iter().zip(&best).map(reach).fold(1.0, f64::min);
            if share.is_nan() || (share == 0.0 && x[enters] == 0.0) {
                free.retain(|&k| k != enters);
                refused[enters] = true;
                break;
            }
            refused.fill(false);
            for (&k, best) in free.iter().zip(&best) {
                x[k] += share * (best - x[k]);
            }
            if share >= 1.0 {
                break;
            }
            // At least the one that bounded the share is at 0 up to rounding.
            let bound = free.iter().zip(&best).filter(|(_, best)| **best <= 0.0);
            let least = bound.map(|(&k, _)| x[k]).fold(f64::INFINITY, f64::min);
            for (&k, best) in free.iter().zip(&best) {
                if *best <= 0.0 && x[k] <= least.max(0.0) {
                    x[k] = 0.0;
                }
            }
            free.retain(|&k| x[k] > 0.0);
            if free.is_empty() {
                break;
            }
        }
    }
    x
}

/// x over `free` with q x = −c there; `None` when a row depends on those before it. A Cholesky
/// factorisation of our own, of a few rows, for its pivots: they tell dependent rows.
fn stationary(q: &[f64], c: &[f64], free: &[usize]) -> Option<Vec<f64>> {
    let (n, m) = (c.len(), free.len());
    let at = |i: usize, j: usize| q[free[i] * n + free[j]];
    let mut l = vec![0.0; m * m];
    for i in 0..m {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[i * m + k] * l[j * m + k]).sum();
            let rest = at(i, j) - sum;
            l[i * m + j] = match i == j {
                true if rest <= DEPENDENT => return None,
                true => rest.sqrt(),
                false => rest / l[j * m + j],
            };
        }
    }
    let solve = |b: &mut [f64]| {
        for i in 0..m {
            let sum: f64 = (0..i).map(|k| l[i * m + k] * b[k]).sum();
            b[i] = (b[i] - sum) / l[i * m + i];
        }
        for i in (0..m).rev() {
            let sum: f64 = (i + 1..m).map(|k| l[k * m + i] * b[k]).sum();
            b[i] = (b[i] - sum) / l[i * m + i];
        }
    };
    let mut x: Vec<f64> = free.iter().map(|&k| -c[k]).collect();
    solve(&mut x);
    // One step of refinement: nearly dependent rows lose digits in the factor.
    let mut rest: Vec<f64> =
        (0..m).map(|i| -c[free[i]] - (0..m).map(|j| at(i, j) * x[j]).sum::<f64>()).collect();
    solve(&mut rest);
    x.iter_mut().zip(rest).for_each(|(x, rest)| *x += rest);
    Some(x)
}

/// Coordinate descent from `x`, until the slopes are as flat as they get.
fn descend(q: &[f64], c: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let n = c.len();
    let flat = FLAT * c.iter().fold(0.0, |most: f64, c| most.max(c.abs()));
    for _ in 0..SWEEPS {
        let mut steepest = 0.0f64;
        for k in (0..n).filter(|&k| q[k * n + k] > 0.0) {
            let row = &q[k * n..(k + 1) * n];
            let slope = row.iter().zip(&x).map(|(q, x)| q * x).sum::<f64>() + c[k];
            let moved = (x[k] - slope / row[k]).max(0.0);
            steepest = steepest.max((moved - x[k]).abs());
            x[k] = moved;
        }
        if steepest <= flat {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Generator, Key};
    use clarabel::algebra::CscMatrix;
    use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SupportedConeT};
    use rand::RngExt;

    /// G and g of a random problem: independent, dependent, nearly parallel or zero rows.
    fn problem(generator: &mut Generator) -> (Vec<Vec<f64>>, Vec<f64>) {
        let (rows, len) = (generator.random_range(1..9usize), generator.random_range(1..24usize));
        let mut draw = |scale: f64| -> Vec<f64> {
            (0..len).map(|_| scale * generator.random_range(-1.0..1.0)).collect()
        };
        let g = draw(1.0);
        let mut all: Vec<Vec<f64>> = Vec::new();
        for _ in 0..rows {
            let fresh = draw(1.0);
            all.push(fresh);
        }
        for k in 1..rows {
            let other = generator.random_range(0..k);
            match generator.random_range(0..6u32) {
                0 => all[k] = all[other].clone(),
                1 => all[k] = all[other].iter().map(|x| -2.0 * x).collect(),
                2 => {
                    let near: Vec<f64> =
                        all[other].iter().zip(&all[k]).map(|(a, b)| a + 1e-6 * b).collect();
                    all[k] = near;
                }
                3 if k == 1 => all[k] = vec![0.0; len],
                _ => {}
            }
        }
        (all, g)
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// g̃ = g + Gᵀv
    fn combined(rows: &[Vec<f64>], g: &[f64], v: &[f64]) -> Vec<f64> {
        let at = |i: usize| g[i] + rows.iter().zip(v).map(|(row, v)| row[i] * v).sum::<f64>();
        (0..g.len()).map(at).collect()
    }

    /// The same programme by an interior-point solver: v ≥ γ as γ − v + s = 0, s ≥ 0.
    fn oracle(gram: &[f64], dots: &[f64], gamma: f64) -> Option<Vec<f64>> {
        let n = dots.len();
        let dense: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| if j >= i { gram[i * n + j] } else { 0.0 }).collect())
            .collect();
        let p = CscMatrix::from(dense.iter());
        let minus: Vec<Vec<f64>> =
            (0..n).map(|i| (0..n).map(|j| if i == j { -1.0 } else { 0.0 }).collect()).collect();
        let a = CscMatrix::from(minus.iter());
        let settings = DefaultSettings { verbose: false, ..DefaultSettings::default() };
        let cones = [SupportedConeT::NonnegativeConeT(n)];
        let mut solver =
            DefaultSolver::new(&p, dots, &a, &vec![-gamma; n], &cones, settings).ok()?;
        solver.solve();
        Some(solver.solution.x)
    }

    /// Catches: a wrong sign of c, γ left out of the shift, an active set that stops early or
    /// follows a dependent row. g̃ is compared, not v. Half the square of the distance of any
    /// feasible g̃ from the best is at most what its objective is worse by: so much may the
    /// oracle, whose precision nearly opposite rows use up, be away, and no more.
    #[test]
    fn agrees_with_an_interior_point_solver_on_ten_thousand_problems() {
        let mut generator = Key::of_seed(3).generator("qp");
        let (mut compared, mut close, mut projected) = (0, 0, 0);
        for case in 0..10_000 {
            let (rows, g) = problem(&mut generator);
            let n = rows.len();
            let gamma = [0.0, 0.5][case % 2];
            let gram: Vec<f64> = (0..n * n).map(|i| dot(&rows[i / n], &rows[i % n])).collect();
            let dots: Vec<f64> = rows.iter().map(|row| dot(row, &g)).collect();
            let v = solve(&gram, &dots, gamma);
            assert!(v.iter().all(|&v| v >= gamma), "case {case}: {v:?}");
            let residual = kkt_residual(&gram, &dots, gamma, &v);
            assert!(residual <= PRECISION * size(&gram, &dots), "case {case}: {residual:e}");
            projected += usize::from(v.iter().any(|&v| v > gamma));
            let Some(theirs) = oracle(&gram, &dots, gamma) else { continue };
            if theirs.iter().any(|v| !v.is_finite()) {
                continue; // the oracle gave up, on problems where v has no bound
            }
            let theirs: Vec<f64> = theirs.iter().map(|v| v.max(gamma)).collect();
            // What rounding GGᵀ to f64 does to either objective: nearly opposite rows need v ~ 1e6.
            let largest = |v: &[f64]| v.iter().sum::<f64>();
            let rounding =
                f64::EPSILON * size(&gram, &dots) * largest(&v).max(largest(&theirs)).powi(2);
            let (ours, theirs) = (combined(&rows, &g, &v), combined(&rows, &g, &theirs));
            let apart: f64 =
                ours.iter().zip(&theirs).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            let worse = 0.5 * (dot(&theirs, &theirs) - dot(&ours, &ours)); // objectives
            let scale = 1.0 + dot(&g, &g).sqrt();
            let most = (2.0 * (worse.max(0.0) + rounding)).sqrt() + 1e-6 * scale;
            assert!(apart <= most, "case {case}: {apart:e} apart, {worse:e} worse");
            close += usize::from(apart <= 1e-4 * scale);
            compared += 1;
        }
        let counts = format!("{compared} compared, {close} close, {projected} moved");
        assert!(compared > 9_900 && close > 9_000 && projected > 3_000, "{counts}");
    }

    /// By hand: g = (−1, 1), one past gradient (1, 0). v = 1 makes g̃ = (0, 1); γ = 2 keeps v 2.
    #[test]
    fn one_constraint_by_hand() {
        assert_eq!(solve(&[1.0], &[-1.0], 0.0), [1.0]);
        assert_eq!(solve(&[1.0], &[-1.0], 2.0), [2.0]);
        assert_eq!(solve(&[4.0], &[-2.0], 0.0), [0.5]);
        assert_eq!(solve(&[0.0], &[0.0], 0.5), [0.5]);
    }
}
