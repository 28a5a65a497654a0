//! Inner products of gradients that are not made.
//!
//! The gradient of a layer over some rows is a sum of products of what it read and what came back,
//! `∂L/∂W = Σ_i h_i δ_iᵀ` and `∂L/∂b = Σ_i δ_i`. Of two sets of rows i and j
//!
//! ```text
//! ⟨∂L/∂W, ∂L'/∂W⟩ = Σ_ij (h_i · h'_j)(δ_i · δ'_j),   ⟨∂L/∂b, ∂L'/∂b⟩ = Σ_ij δ_i · δ'_j
//! ```
//!
//! which for a few rows against many is a small part of what the gradient of the many takes.

use std::iter::zip;
use std::ops::{Add, Range};

use pulp::{Arch, Simd, WithSimd};

use super::{Again, Dense, Layer, Work, inputs_times};
use crate::SlotId;
use crate::network::sparse::{Aligned, WIDE};

/// What the layers of a pass read, and what came back to them: its gradient in factors.
pub(crate) struct Factors {
    /// Rows of the pass, filled up with zeros to what products of sparse rows take.
    rows: usize,
    layers: Vec<Factor>,
    /// h'ᵀ of the first layer, as products of kept rows take it.
    first: Aligned,
}

/// Of one layer.
struct Factor {
    weight: SlotId,
    bias: SlotId,
    /// h'ᵀ. `[inputs, rows]`
    read: Vec<f32>,
    /// δ'ᵀ. `[outputs, rows]`
    back: Vec<f32>,
}

/// An inner product, and the sum of the magnitudes of its terms: what its rounding is a share of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dot {
    value: f64,
    magnitude: f64,
}

impl Factors {
    /// Those of the pass that `work` holds; `None` where its layers are more than dense ones of a
    /// slot each, or where it has so many rows that these products save little.
    pub(crate) fn of(dense: &Dense, work: &Work) -> Option<Self> {
        let first = dense.trunk.first()?;
        let rows = work.logits.len() / dense.columns.len().max(1);
        let wide = rows.next_multiple_of(WIDE);
        if dense.laterals.is_some() || dense.joined.is_some() || 2 * wide > first.outputs {
            return None;
        }
        let transposed = |from: &[f32], of: Range<usize>, width: usize| {
            let mut to = vec![0.0; of.len() * wide];
            for (row, from) in from.chunks_exact(width).take(rows).enumerate() {
                zip(to.iter_mut().skip(row).step_by(wide), &from[of.clone()])
                    .for_each(|(to, from)| *to = *from);
            }
            to
        };
        let factor = |layer: &Layer, read: &[f32], (back, of, width)| {
            let (weight, bias) = layer.slots()?;
            let read = transposed(read, 0..layer.inputs, layer.inputs);
            Some(Factor { weight, bias, read, back: transposed(back, of, width) })
        };
        let read = |l: usize| if l == 0 { &work.inputs } else { &work.hidden[l - 1] };
        let trunk = zip(&dense.trunk, &work.deltas).enumerate().map(|(l, (layer, delta))| {
            factor(layer, read(l), (delta, 0..layer.outputs, layer.outputs))
        });
        let heads = dense.heads.iter().map(|(head, columns)| {
            let units = dense.columns.len();
            factor(head, read(dense.trunk.len()), (&work.slope, columns.clone(), units))
        });
        let layers: Vec<Factor> = trunk.chain(heads).collect::<Option<_>>()?;
        let mut first = Aligned::default();
        first.copy(&layers[0].read, wide);
        Some(Self { rows: wide, layers, first })
    }
}

impl Dot {
    /// Whether it is above 0 by more than rounding makes of it; of no number it is not.
    pub(crate) fn surely_positive(self) -> bool {
        // A hundred times the rounding of a term, which is a product of sums in single precision.
        const ROUNDING: f64 = 1e-5;
        self.value > ROUNDING * self.magnitude
    }
}

impl Add for Dot {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, magnitude: self.magnitude + other.magnitude }
    }
}

impl Layer {
    /// The slots of its weight and its bias, where each is one.
    fn slots(&self) -> Option<(SlotId, SlotId)> {
        match (&self.weight.grid.blocks[..], &self.bias.grid.blocks[..]) {
            (&[weight], &[bias]) => Some((weight, bias)),
            _ => None,
        }
    }
}

impl Dense {
    /// The inner products of the gradients over each of these ranges of rows with that of another
    /// pass, added to `dots`, after [`deltas`](Self::deltas) of the same rows; over the slots of
    /// which `place` knows. `None` where a layer is more than a slot each.
    pub(crate) fn dots(
        &self,
        factors: &Factors,
        (rows, kept): (usize, Option<Again<'_>>),
        work: &mut Work,
        place: impl Fn(SlotId) -> Option<usize>,
        groups: &[Range<usize>],
        dots: &mut [Dot],
    ) -> Option<()> {
        if self.laterals.is_some() || self.joined.is_some() {
            return None;
        }
        let Work { inputs, sparse, hidden, slope, deltas, sums, products, .. } = work;
        let (depth, others, units) = (self.trunk.len(), factors.rows, self.columns.len());
        products.resize(rows * others, 0.0);
        let trunk = self.trunk.iter().enumerate().map(|(l, layer)| (l, layer, 0..layer.outputs));
        let heads = self.heads.iter().map(|(head, columns)| (depth, head, columns.clone()));
        for (l, layer, columns) in trunk.chain(heads) {
            let (weight, bias) = layer.slots()?;
            let known = |slot| f32::from(u8::from(place(slot).is_some()));
            let other = |factor: &&Factor| (factor.weight, factor.bias) == (weight, bias);
            let Some(other) = factors.layers.iter().find(other) else { continue };
            let (weighs, biased) = (known(weight), known(bias));
            if weighs + biased == 0.0 {
                continue;
            }
            let read = match (l, kept) {
                (0, kept) => {
                    match kept {
                        Some(kept) => kept.rows.times(&factors.first, sums, products),
                        None => {
                            let sides = (layer.inputs, others);
                            inputs_times((inputs, sparse), &other.read, sides, products);
                        }
                    }
                    Inner::Made(products)
                }
                _ => Inner::Of(Rows::of(&hidden[l - 1], layer.inputs, 0), &other.read),
            };
            let delta = match deltas.get(l) {
                Some(delta) => Rows::of(delta, layer.outputs, 0),
                None => Rows { width: columns.len(), ..Rows::of(slope, units, columns.start) },
            };
            let back = Inner::Of(delta, &other.back);
            for (rows, dot) in zip(groups, &mut *dots) {
                let rows = rows.clone();
                let pairs = Pairs { rows, others, read, weighs, biased, back };
                *dot = *dot + Arch::new().dispatch(pairs);
            }
        }
        Some(())
    }
}

/// Rows of numbers, `stride` apart.
#[derive(Clone, Copy)]
struct Rows<'a> {
    numbers: &'a [f32],
    width: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    fn of(numbers: &'a [f32], stride: usize, first: usize) -> Self {
        Self { numbers: &numbers[first..], width: stride, stride }
    }
}

/// Inner products of rows with other rows.
#[derive(Clone, Copy)]
enum Inner<'a> {
    /// `[rows, other rows]`
    Made(&'a [f32]),
    /// To be made of these rows and `[width, other rows]`.
    Of(Rows<'a>, &'a [f32]),
}

/// Σ_ij (w (h_i · h'_j) + b)(δ_i · δ'_j) over some rows i and all other rows j.
struct Pairs<'a> {
    rows: Range<usize>,
    /// A multiple of [`WIDE`].
    others: usize,
    read: Inner<'a>,
    weighs: f32,
    biased: f32,
    back: Inner<'a>,
}

impl WithSimd for Pairs<'_> {
    type Output = Dot;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Dot {
        /// Rows whose sums are held in registers at once.
        const TOGETHER: usize = 8;
        let Range { start, end } = self.rows;
        let whole = start + (end - start) / TOGETHER * TOGETHER;
        let mut dot = Dot::default();
        for first in (0..self.others).step_by(S::F32_LANES) {
            for row in (start..whole).step_by(TOGETHER) {
                dot = dot + self.block::<S, TOGETHER>(simd, row, first);
            }
            for row in whole..end {
                dot = dot + self.block::<S, 1>(simd, row, first);
            }
        }
        dot
    }
}

impl Pairs<'_> {
    /// Of R rows and a register of other rows.
    #[inline(always)]
    fn block<S: Simd, const R: usize>(&self, simd: S, row: usize, first: usize) -> Dot {
        let read = self.read.block::<S, R>(simd, row, (first, self.others));
        let back = self.back.block::<S, R>(simd, row, (first, self.others));
        let (weighs, biased) = (simd.splat_f32s(self.weighs), simd.splat_f32s(self.biased));
        let zero = simd.splat_f32s(0.0);
        let (mut value, mut magnitude) = (zero, zero);
        for (h, delta) in zip(read, back) {
            let h = simd.mul_add_e_f32s(weighs, h, biased);
            let term = simd.mul_f32s(h, delta);
            value = simd.add_f32s(value, term);
            magnitude = simd.add_f32s(magnitude, simd.abs_f32s(term));
        }
        let sum = |register| f64::from(simd.reduce_sum_f32s(register));
        Dot { value: sum(value), magnitude: sum(magnitude) }
    }
}

impl Inner<'_> {
    /// Of R rows and a register of other rows.
    #[inline(always)]
    fn block<S: Simd, const R: usize>(
        self,
        simd: S,
        row: usize,
        (first, others): (usize, usize),
    ) -> [S::f32s; R] {
        let register = |row: &[f32]| S::as_simd_f32s(&row[first..first + S::F32_LANES]).0[0];
        match self {
            Self::Made(made) => {
                std::array::from_fn(|i| register(&made[(row + i) * others..][..others]))
            }
            Self::Of(Rows { numbers, width, stride }, other) => {
                let rows: [&[f32]; R] =
                    std::array::from_fn(|i| &numbers[(row + i) * stride..][..width]);
                let mut sums = [simd.splat_f32s(0.0); R];
                for (at, other) in other.chunks_exact(others).take(width).enumerate() {
                    let other = register(other);
                    for (sum, row) in zip(&mut sums, rows) {
                        *sum = simd.mul_add_e_f32s(simd.splat_f32s(row[at]), other, *sum);
                    }
                }
                sums
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::draws::Key;
    use crate::model::{Model, View};
    use crate::network::Mlp;
    use crate::network::dense::Group;
    use crate::vector::Mask;

    const INPUTS: usize = 40;
    const UNITS: usize = 2 * WIDE + 3;

    fn model(heads: usize) -> (Mlp, Model) {
        let network = Mlp::new([1, 4, 10], &[UNITS, 5]).unwrap();
        let mut model = Model::default();
        model.append_column(&network, 3);
        for _ in 0..heads {
            model.append_head(5, 3, 3);
        }
        (network, model)
    }

    fn view(model: &Model, heads: &[usize]) -> View {
        View {
            column: model.columns[0].clone(),
            older: Vec::new(),
            statistics: crate::model::Statistics::Learn,
            heads: heads.to_vec(),
            answer: 0..3 * heads.len(),
            keep: None,
        }
    }

    /// Random rows, of which a share is 0, with random slopes, forward and back.
    fn passed(dense: &Dense, model: &Model, rows: usize, share: f64, purpose: &str) -> Work {
        let mut generator = Key::of_seed(9).generator(purpose);
        let mut number = |share| match generator.random_range(0.0..1.0) < share {
            true => 0.0,
            false => generator.random_range(-1.0..1.0f32),
        };
        let inputs = (0..rows * INPUTS).map(|_| number(share)).collect();
        let mut work = Work { inputs, ..Work::default() };
        dense.forward(&model.theta, (rows, None), &mut work);
        work.slope = (0..rows * dense.columns.len()).map(|_| number(0.0)).collect();
        dense.deltas(&model.theta, rows, &mut work, |_| Some(0));
        work
    }

    /// Against the gradients themselves, of sparse rows and of full ones, over some slots; a head
    /// that only one of the passes has counts for nothing. Catches: rows of another group, a row left out where
    /// registers end, a bias or a slot that does not take part, a head at another's columns.
    #[test]
    fn a_dot_is_that_of_the_gradients() {
        let (network, model) = model(3);
        let of = |heads: &[usize]| {
            let view = view(&model, heads);
            Dense::of(&network, &model, &view, heads, &mut Vec::new()).unwrap()
        };
        let (ours, other) = (of(&[0, 1]), of(&[1, 2]));
        let length = model.theta.len();
        let known = |left_out: usize| {
            let layout = &model.layout;
            move |slot: SlotId| (slot.0 != left_out).then(|| layout.slot(slot).offset)
        };
        for (share, left_out) in [(0.8, 0), (0.0, 1), (0.8, 3), (0.8, 99)] {
            let mut past = passed(&ours, &model, 23, share, "past");
            let mut new = passed(&other, &model, 3, share, "new");
            let gradient = |dense: &Dense, work: &mut Work, rows: Range<usize>| {
                let mut gradient = vec![0.0; length];
                let all = work.logits.len() / dense.columns.len();
                let groups = &mut [Group { rows, gradient: &mut gradient, add: false }];
                let known = known(left_out);
                dense.gradients(&model.layout, &model.theta, (all, None), work, groups, known);
                gradient
            };
            let factors = Factors::of(&other, &new).unwrap();
            let g = gradient(&other, &mut new, 0..3);
            let groups = [0..9, 9..23];
            let mut dots = [Dot::default(); 2];
            let known = known(left_out);
            let asked = ours.dots(&factors, (23, None), &mut past, known, &groups, &mut dots);
            assert!(asked.is_some());
            for (rows, dot) in zip(groups, dots) {
                let g_k = gradient(&ours, &mut past, rows);
                let terms = || zip(&g, &g_k).map(|(a, b)| f64::from(*a) * f64::from(*b));
                let size: f64 = terms().map(f64::abs).sum();
                let wanted: f64 = terms().sum();
                assert!((dot.value - wanted).abs() <= 1e-5 * size, "{} {wanted}", dot.value);
                assert!(wanted.abs() > 1e-3 * size && dot.magnitude >= dot.value.abs());
            }
        }
    }

    /// Catches: a dot taken for positive that rounding could have turned, or that is no number.
    #[test]
    fn what_rounding_could_turn_is_not_surely_positive() {
        let surely = |value, magnitude| Dot { value, magnitude }.surely_positive();
        assert!(surely(1.0, 1.0) && surely(1.0, 9e4));
        assert!(!surely(1.0, 2e5) && !surely(-1.0, 1.0) && !surely(0.0, 0.0));
        assert!(!surely(f64::NAN, 1.0) && !surely(1.0, f64::NAN));
        assert!(!surely(f64::INFINITY, f64::INFINITY));
    }

    /// Catches: products that take longer than the gradients, weights that are not θ's own.
    #[test]
    fn passes_of_many_rows_or_masked_weights_have_no_factors() {
        let (network, model) = model(1);
        let whole = view(&model, &[0]);
        let masked = View { keep: Some(Mask::filled(9, false).into()), ..whole.clone() };
        for (view, rows, has) in
            [(&whole, WIDE, true), (&whole, WIDE + 1, false), (&masked, 1, false)]
        {
            let dense = Dense::of(&network, &model, view, &[0], &mut Vec::new()).unwrap();
            let work = passed(&dense, &model, rows, 0.0, "rows");
            assert_eq!(Factors::of(&dense, &work).is_some(), has, "{rows}");
        }
    }
}
