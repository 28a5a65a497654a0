//! Gradients against past gradients: inner products, and the projections of episodic memory.
//!
//! Past gradients are the rows of a matrix in single precision. What is summed over their length
//! is summed in double precision, block by block, so the matrix is never copied whole.

use crate::vector::simd_dispatch;

/// Numbers of a row that are widened to f64 at once: 20 rows of them fit a core's second cache.
const BLOCK: usize = 512;
/// Doubles of the widest machines' registers.
const WIDE: usize = 8;
/// Parts of a sum over rows, each a sum of its own for a thread to take: a fixed number, so that no
/// sum depends on how many threads there are.
const PARTS: usize = 8;

/// Inner products of a gradient g and of past ones, the rows g_k of G.
#[derive(Clone, Debug)]
pub struct Products {
    /// GGᵀ. `[n, n]`
    pub gram: Vec<f64>,
    /// ⟨g, g_k⟩. `[n]`
    pub dots: Vec<f64>,
    /// ⟨g, g⟩.
    pub square: f64,
}

/// `f` of each item, in order, by all threads.
fn shared<T: Send, R: Send + Default + Clone>(
    items: impl ExactSizeIterator<Item = T> + Send,
    f: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut found = vec![R::default(); items.len()];
    rayon::scope(|scope| {
        for (item, found) in items.zip(&mut found) {
            let f = &f;
            scope.spawn(move |_| *found = f(item));
        }
    });
    found
}

impl Products {
    /// Of the rows `[n, g.len()]` of G and of g, all in one pass.
    pub fn of(rows: &[f32], g: &[f32]) -> Self {
        let len = g.len();
        let rows: Vec<&[f32]> = rows.chunks_exact(len.max(1)).chain([g]).collect();
        let starts: Vec<usize> = (0..len).step_by(BLOCK).collect();
        let parts = starts.chunks(starts.len().div_ceil(PARTS).max(1));
        let all = rows.len();
        let parts = shared(parts, |starts| {
            let mut sums = vec![0.0; all * all];
            let mut block = vec![[0f64; BLOCK]; all];
            for &first in starts {
                let width = BLOCK.min(len - first);
                for (row, doubles) in rows.iter().zip(&mut block) {
                    widen(&row[first..first + width], &mut doubles[..width]);
                    doubles[width..].fill(0.0);
                }
                simd_dispatch(
                    #[inline(always)]
                    || add_products(&block, &mut sums),
                );
            }
            sums
        });
        let mut lower = vec![0.0; all * all];
        for part in parts {
            lower.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        let n = all - 1;
        let symmetric = |i: usize, j: usize| lower[i.max(j) * all + i.min(j)];
        let gram = (0..n * n).map(|at| symmetric(at / n, at % n)).collect();
        Self { gram, dots: lower[n * all..][..n].to_vec(), square: lower[all * all - 1] }
    }

    /// The widest angles of g and of g + Gᵀv to the rows of G.
    pub fn angles(&self, v: &[f64]) -> Angles {
        let Self { gram, dots, square } = self;
        let n = dots.len();
        let change = |k: usize| gram[k * n..(k + 1) * n].iter().zip(v).map(|(q, v)| q * v).sum();
        let moved: Vec<f64> = (0..n).map(change).collect(); // GGᵀv
        let after_square = square + (0..n).map(|k| v[k] * (2.0 * dots[k] + moved[k])).sum::<f64>();
        let widest = |square: f64, dots: &dyn Fn(usize) -> f64| {
            let cosine = |k: usize| match square * gram[k * n + k] {
                norms if norms > 0.0 => (dots(k) / norms.sqrt()).clamp(-1.0, 1.0),
                _ => 1.0,
            };
            (0..n).map(cosine).fold(1.0, f64::min).acos().to_degrees()
        };
        Angles {
            before: widest(*square, &|k| dots[k]),
            after: widest(after_square, &|k| dots[k] + moved[k]),
        }
    }
}

/// Adds ⟨a_i, a_j⟩ for j ≤ i, one a_i against several a_j at a time: each number of it is then
/// loaded once for all of them.
#[inline(always)]
fn add_products(rows: &[[f64; BLOCK]], gram: &mut [f64]) {
    const TOGETHER: usize = 4;
    let n = rows.len();
    for i in 0..n {
        for first in (0..=i).step_by(TOGETHER) {
            let others: [&[f64; BLOCK]; TOGETHER] =
                std::array::from_fn(|k| &rows[(first + k).min(i)]);
            let mut sums = [[0f64; WIDE]; TOGETHER];
            for at in (0..BLOCK).step_by(WIDE) {
                for (other, sums) in others.iter().zip(&mut sums) {
                    for lane in 0..WIDE {
                        sums[lane] += rows[i][at + lane] * other[at + lane];
                    }
                }
            }
            for (k, sums) in sums.iter().enumerate().take(i + 1 - first) {
                gram[i * n + first + k] += sums.iter().sum::<f64>();
            }
        }
    }
}

fn widen(from: &[f32], to: &mut [f64]) {
    simd_dispatch(
        #[inline(always)]
        || to.iter_mut().zip(from).for_each(|(to, &from)| *to = f64::from(from)),
    );
}

/// g̃ = g + Σ_k v_k g_k, summed in f64: with nearly parallel rows v is large and the sum is not.
pub fn add_rows(g: &mut [f32], rows: &[f32], v: &[f64]) {
    let len = g.len();
    let each = len.div_ceil(PARTS).max(1).next_multiple_of(BLOCK);
    let parts = g.chunks_mut(each).enumerate();
    shared(parts, |(part, g)| add_part(g, part * each, rows, (len, v)));
}

/// The same of the numbers from `first` on; rows are of `len` numbers.
fn add_part(g: &mut [f32], first: usize, rows: &[f32], (len, v): (usize, &[f64])) {
    let mut sums = [0f64; BLOCK];
    for (first, g) in (first..).step_by(BLOCK).zip(g.chunks_mut(BLOCK)) {
        let sums = &mut sums[..g.len()];
        widen(g, sums);
        for (row, &v) in rows.chunks_exact(len).zip(v).filter(|(_, v)| **v != 0.0) {
            let row = &row[first..first + g.len()];
            simd_dispatch(
                #[inline(always)]
                || sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += v * f64::from(x)),
            );
        }
        g.iter_mut().zip(sums).for_each(|(g, sum)| *g = *sum as f32);
    }
}

/// How far a gradient is from those of the past, before and after a projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Angles {
    /// The widest angle to a past gradient before, in degrees.
    pub before: f64,
    /// The widest after.
    pub after: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Key;
    use rand::RngExt;

    fn random(count: usize) -> Vec<f32> {
        let mut generator = Key::of_seed(5).generator("project");
        (0..count).map(|_| generator.random_range(-1.0..1.0)).collect()
    }

    /// Catches: a block that is left out or counted twice, a row read at another's offset, sums
    /// in single precision.
    #[test]
    fn products_are_those_of_the_plain_loops() {
        let len = (PARTS + 2) * BLOCK + 37;
        let (rows, g) = (random(3 * len), random(len));
        // Sums of sums: of squares of numbers with few bits, one long sum rounds down again and
        // again, by 1e-10 in all.
        let plain = |a: &[f32], b: &[f32]| -> f64 {
            let part = |(a, b): (&[f32], &[f32])| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
            };
            a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(part).sum()
        };
        let Products { gram, dots, square } = Products::of(&rows, &g);
        assert!((square - plain(&g, &g)).abs() < 1e-10);
        let row = |k: usize| &rows[k * len..(k + 1) * len];
        for i in 0..3 {
            assert!((dots[i] - plain(row(i), &g)).abs() < 1e-10);
            for j in 0..3 {
                assert!((gram[3 * i + j] - plain(row(i), row(j))).abs() < 1e-10);
            }
        }
        let mut sum = g.clone();
        add_rows(&mut sum, &rows, &[0.5, 0.0, -2.0]);
        for i in 0..len {
            let wanted = f64::from(g[i]) + 0.5 * f64::from(row(0)[i]) - 2.0 * f64::from(row(2)[i]);
            assert_eq!(sum[i], wanted as f32);
        }
    }

    /// By hand: g = (−1, 1) against (1, 0) is at 135°; v = 1 turns it to (0, 1), at 90°.
    #[test]
    fn angles_by_hand() {
        let products = Products { gram: vec![1.0], dots: vec![-1.0], square: 2.0 };
        let found = products.angles(&[1.0]);
        assert!((found.before - 135.0).abs() < 1e-9 && (found.after - 90.0).abs() < 1e-9);
    }
}
