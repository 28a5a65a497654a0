//! Dropout (Srivastava et al. 2014), from counter-based draws.
//!
//! Whether a number is dropped is a function of the pass's key, the sample's number in the batch and the
//! number's place in the sample: any thread can draw it at any time, and a resumed run draws what the
//! uninterrupted one would have drawn.

use super::{Backward, Forward, Layer, Memory, Op, Shapes, Target, single, size};
use crate::cpu::products::by_parts;
use crate::params::Parameter;
use crate::params::vector::simd_dispatch;

/// In training, each number is 0 with probability `rate`, and the others are divided by 1 − `rate`; in
/// evaluation nothing changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// From 0 to less than 1.
    pub rate: f32,
}

impl Layer for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }

    fn settings(&self) -> toml::Table {
        let rate = self.rate.to_string().parse().unwrap_or_else(|_| f64::from(self.rate));
        toml::Table::from_iter([("rate".to_owned(), toml::Value::Float(rate))])
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        if !(0.0..1.0).contains(&self.rate) {
            return Err(format!(
                "its rate is {}; it must be at least 0 and less than 1",
                self.rate
            ));
        }
        single(inputs).map(|_| Vec::new())
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        self.parameters(shapes.inputs)?;
        Ok(Box::new(Bound { rate: self.rate, shape: single(shapes.inputs)?.to_vec() }))
    }

    fn draws(&self) -> bool {
        true
    }

    fn is_activation(&self) -> bool {
        true
    }
}

struct Bound {
    rate: f32,
    shape: Vec<usize>,
}

impl Bound {
    /// Multiplies each number by 0 or 1/(1 − rate). A value of three dimensions has its rows innermost.
    fn apply(&self, key: u64, rows: usize, values: &mut [f32]) {
        let row_seeds: Vec<u32> = (0..rows as u64).map(|row| mix(key ^ mix(row)) as u32).collect();
        let (rate, scale, row_size) = (self.rate, 1.0 / (1.0 - self.rate), size(&self.shape));
        let threshold = (f64::from(rate) * f64::from(u32::MAX)) as u32;
        let draw = Draw { threshold, scale };
        by_parts(values, |at, part| {
            if self.shape.len() == 3 {
                let mut left = part;
                let mut place = at.start;
                while !left.is_empty() {
                    let (element, row) = (place / rows, place % rows);
                    let (own, after) = left.split_at_mut((rows - row).min(left.len()));
                    let seeds = &row_seeds[row..][..own.len()];
                    simd_dispatch(
                        #[inline(always)]
                        || {
                            for (value, &seed) in own.iter_mut().zip(seeds) {
                                *value *= draw.factor(seed, element as u32);
                            }
                        },
                    );
                    place += own.len();
                    left = after;
                }
                return;
            }
            let mut left = part;
            let mut place = at.start;
            while !left.is_empty() {
                let (row, element) = (place / row_size, place % row_size);
                let (own, after) = left.split_at_mut((row_size - element).min(left.len()));
                let seed = row_seeds[row];
                simd_dispatch(
                    #[inline(always)]
                    || {
                        for (value, i) in own.iter_mut().zip(element as u32..) {
                            *value *= draw.factor(seed, i);
                        }
                    },
                );
                place += own.len();
                left = after;
            }
        });
    }
}

/// What a number is multiplied by.
#[derive(Clone, Copy)]
struct Draw {
    /// Hashes below it drop a number.
    threshold: u32,
    /// 1/(1 − rate)
    scale: f32,
}

impl Draw {
    #[inline(always)]
    fn factor(self, seed: u32, element: u32) -> f32 {
        if hash(seed, element) < self.threshold { 0.0 } else { self.scale }
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.shape
    }

    fn memory(&self) -> Memory {
        Memory { overwrites_input: true, passes_gradient: true, keeps_output: false }
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let x = call.inputs.get(0);
        if !x.is_empty() {
            call.output.copy_from_slice(x);
        }
        call.saved.key = call.key;
        if let Some(key) = call.key {
            self.apply(key, call.rows, call.output);
        }
    }

    fn backward(&self, call: &mut Backward<'_>, _: &mut [Option<Target<'_>>]) {
        if let Some(key) = call.saved.key {
            self.apply(key, call.rows, call.output_gradient);
        }
    }
}

/// A bijection of 64 bits in which every input bit moves every output bit (splitmix64's finaliser).
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 32 bits for an element of a row: two rounds of a 32-bit finaliser (Wellons' lowbias32), whose steps
/// every vector unit has.
#[inline(always)]
fn hash(seed: u32, element: u32) -> u32 {
    #[inline(always)]
    fn round(x: u32) -> u32 {
        let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        x ^ (x >> 16)
    }
    round(round(element ^ seed).wrapping_add(seed))
}
