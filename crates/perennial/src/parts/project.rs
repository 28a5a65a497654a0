//! Gradients against past gradients: inner products, and the projections of episodic memory.
//!
//! Past gradients are the rows of a matrix in single precision. What is summed over their length
//! is summed in double precision, block by block, so the matrix is never copied whole.

use crate::vector::{sum, wide};

/// Numbers of a row that are widened to f64 at once: 20 rows of them fit a core's second cache.
const BLOCK: usize = 512;
/// Doubles of the widest machines' registers.
const WIDE: usize = 8;
/// Parts of a sum over rows, each a sum of its own for a thread to take: a fixed number, so that no
/// sum depends on how many threads there are.
const PARTS: usize = 8;

/// ⟨a, b⟩ in f64.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum(
        [a, b],
        #[inline(always)]
        |[a, b]| f64::from(a) * f64::from(b),
    )
}

/// ⟨g, g_k⟩ for each row g_k of `rows` `[n, g.len()]`.
pub fn dots(rows: &[f32], g: &[f32]) -> Vec<f64> {
    shared(rows.chunks_exact(g.len().max(1)), |row| dot(row, g))
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

/// GGᵀ in f64 of the rows `[n, len]` of G.
pub fn gram(rows: &[f32], len: usize) -> Vec<f64> {
    let n = rows.len() / len.max(1);
    let starts: Vec<usize> = (0..len).step_by(BLOCK).collect();
    let parts: Vec<&[usize]> = starts.chunks(starts.len().div_ceil(PARTS).max(1)).collect();
    let sums = shared(parts.iter(), |starts| {
        let mut sums = vec![0.0; n * n];
        let mut block = vec![[0f64; BLOCK]; n];
        for &first in *starts {
            let width = BLOCK.min(len - first);
            for (row, doubles) in rows.chunks_exact(len).zip(&mut block) {
                widen(&row[first..first + width], &mut doubles[..width]);
                doubles[width..].fill(0.0);
            }
            wide(
                #[inline(always)]
                || add_products(&block, &mut sums),
            );
        }
        sums
    });
    let mut gram = vec![0.0; n * n];
    for sums in sums {
        gram.iter_mut().zip(sums).for_each(|(gram, sum)| *gram += sum);
    }
    for i in 0..n {
        for j in 0..i {
            gram[j * n + i] = gram[i * n + j];
        }
    }
    gram
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
    wide(
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
            wide(
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

/// The widest angles of g and of g + Gᵀv to the rows of G; `square` is ⟨g, g⟩.
pub fn angles(gram: &[f64], dots: &[f64], square: f64, v: &[f64]) -> Angles {
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
        before: widest(square, &|k| dots[k]),
        after: widest(after_square, &|k| dots[k] + moved[k]),
    }
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
        let gram = gram(&rows, len);
        let dots = dots(&rows, &g);
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
        let found = angles(&[1.0], &[-1.0], 2.0, &[1.0]);
        assert!((found.before - 135.0).abs() < 1e-9 && (found.after - 90.0).abs() < 1e-9);
    }
}
