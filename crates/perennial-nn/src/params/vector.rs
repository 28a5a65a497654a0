//! Values beside θ: vectors of weights and masks over them.
//!
//! A snapshot, a teacher, an importance, a momentum and θ itself are all a [`Vector`]; which
//! weights are kept or frozen is a [`Mask`]. Both index weights as the [`Layout`] does, and
//! both may be shorter than θ: what was made before growth is a prefix that still fits.
//!
//! [`Layout`]: super::Layout

use std::ops::{Deref, DerefMut, Range};

/// One number for each weight of a prefix of θ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// A vector of `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self(vec![0.0; len])
    }

    /// The numbers themselves.
    pub fn into_inner(self) -> Vec<f32> {
        self.0
    }

    /// Lengthens the vector to `len` with zeros, or cuts it there.
    pub fn resize(&mut self, len: usize) {
        self.0.resize(len, 0.0);
    }

    /// The numbers of these weights: fewer, or none, where the vector ends before they do.
    pub fn of(&self, weights: &Range<usize>) -> &[f32] {
        part(&self.0, weights)
    }

    /// Appends numbers at the end: the only way a vector grows with θ.
    pub fn append(&mut self, values: &[f32]) {
        self.0.extend_from_slice(values);
    }

    /// Makes room for so many more numbers, where so much can be had at once.
    pub fn make_room(&mut self, more: usize) {
        let _ = self.0.try_reserve_exact(more);
    }
}

impl From<Vec<f32>> for Vector {
    fn from(values: Vec<f32>) -> Self {
        Self(values)
    }
}

impl Deref for Vector {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Vector {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

/// What a prefix of θ says of these weights: less, or nothing, where it ends before they do.
pub fn part<'a, T>(prefix: &'a [T], weights: &Range<usize>) -> &'a [T] {
    &prefix[weights.start.min(prefix.len())..weights.end.min(prefix.len())]
}

/// Runs loops over slices compiled for the machine it runs on. Between products on the widest
/// registers, loops of the baseline take several times as long. The closure, and what it calls,
/// must be `#[inline(always)]`, or they are compiled apart.
#[inline(always)]
pub fn simd_dispatch<R>(loops: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(loops)
}

/// Partial sums of a long sum: what one register of the widest machines holds of f64, twice. A fixed
/// number, so that no sum depends on the machine.
const LANES: usize = 16;

/// Σ_i of `term` of the i-th number of each slice, in f64; the shortest slice ends it.
#[inline(always)]
pub fn sum<const N: usize>(slices: [&[f32]; N], term: impl Fn([f32; N]) -> f64) -> f64 {
    simd_dispatch(
        #[inline(always)]
        || {
            let len = slices.iter().map(|slice| slice.len()).min().unwrap_or(0);
            let slices = slices.map(|slice| slice[..len].as_chunks::<LANES>());
            let mut sums = [0f64; LANES];
            for at in 0..len / LANES {
                let chunks = slices.map(|(chunks, _)| &chunks[at]);
                for lane in 0..LANES {
                    sums[lane] += term(chunks.map(|chunk| chunk[lane]));
                }
            }
            let rest = (0..len % LANES).map(|at| term(slices.map(|(_, rest)| rest[at])));
            sums.iter().sum::<f64>() + rest.sum::<f64>()
        },
    )
}

/// The largest number; −∞ of none.
pub fn most(values: &[f32]) -> f32 {
    simd_dispatch(
        #[inline(always)]
        || {
            let (chunks, rest) = values.as_chunks::<LANES>();
            let mut most = [f32::NEG_INFINITY; LANES];
            for chunk in chunks {
                for lane in 0..LANES {
                    most[lane] = most[lane].max(chunk[lane]);
                }
            }
            most.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, f32::max)
        },
    )
}

/// A yes or no for each weight of a prefix of θ: a byte each in memory, a bit each on disk.
///
/// What a yes means is the field's to say (`View::keep`: the weight is used; `Frozen::mask`: it may not move).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask(Vec<u8>);

impl Mask {
    /// A mask that says the same of `len` weights.
    pub fn filled(len: usize, yes: bool) -> Self {
        Self(vec![u8::from(yes); len])
    }

    /// A mask from bytes; every byte other than 0 counts as yes.
    pub fn from_bytes(mut bytes: Vec<u8>) -> Self {
        for byte in &mut bytes {
            *byte = u8::from(*byte != 0);
        }
        Self(bytes)
    }

    /// The bytes of these weights: fewer, or none, where the mask ends before they do.
    pub fn of(&self, weights: &Range<usize>) -> &[u8] {
        part(&self.0, weights)
    }

    /// The bytes, each 0 or 1.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Says the contrary of these weights.
    ///
    /// # Panics
    ///
    /// When one is beyond the end.
    pub fn flip(&mut self, weights: &[u32]) {
        weights.iter().for_each(|&weight| self.0[weight as usize] ^= 1);
    }

    /// How many weights the mask speaks of.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the mask speaks of no weight.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the mask says of weight `index`; `None` beyond its end.
    pub fn get(&self, index: usize) -> Option<bool> {
        self.0.get(index).map(|&byte| byte != 0)
    }

    /// Says `yes` or no of weight `index`.
    ///
    /// # Panics
    ///
    /// When `index` is beyond the end.
    pub fn set(&mut self, index: usize, yes: bool) {
        self.0[index] = u8::from(yes);
    }

    /// The weights it says yes of, ascending.
    pub fn yes(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(weight, _)| weight)
    }

    /// How many weights the mask says yes of.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|&&byte| byte != 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: a number left out or counted twice where chunks end, slices out of step, one that
    /// goes on behind the shortest.
    #[test]
    fn a_sum_is_over_all_numbers() {
        let numbers: Vec<f32> = (0..4 * LANES as u16).map(f32::from).collect();
        for len in [0, 1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5] {
            let of = [&numbers[..len], &numbers[1..]];
            let wanted = (0..len).map(|i| (i * (i + 1)) as f64).sum::<f64>();
            assert_eq!(sum(of, |[a, b]| f64::from(a) * f64::from(b)), wanted);
        }
    }

    /// Catches: a lane or the rest behind the last chunk left out.
    #[test]
    fn the_most_is_found_wherever_it_is() {
        assert_eq!(most(&[]), f32::NEG_INFINITY);
        for at in 0..2 * LANES + 3 {
            let mut values = [-2.0; 2 * LANES + 3];
            values[at] = -1.0;
            assert_eq!(most(&values), -1.0);
        }
    }

    #[test]
    fn a_mask_normalises_its_bytes() {
        let mask = Mask::from_bytes(vec![0, 7, 255]);
        assert_eq!(mask.bytes(), [0, 1, 1]);
        assert_eq!((mask.count(), mask.get(2), mask.get(3)), (2, Some(true), None));
    }

    #[test]
    fn a_vector_grows_at_its_end() {
        let mut v = Vector::from(vec![1.0, 2.0]);
        v.append(&[3.0]);
        v.resize(4);
        assert_eq!(&v[..], [1.0, 2.0, 3.0, 0.0]);
    }
}
