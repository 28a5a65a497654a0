//! Pooling: one number for each window of an image.

use super::{Backward, Forward, Layer, Op, Shapes, Target, image};
use crate::cpu::Size;
use crate::cpu::products::LONG;
use crate::params::Parameter;
use rayon::prelude::*;

/// Pooling of images, per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What is made of a window.
    pub kind: PoolKind,
    /// Height and width of a window, which is as far as the next one; `None` for the whole image, which
    /// makes a vector of the channels.
    pub window: Option<Size>,
}

/// What is made of the numbers of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest; the first of equals has the gradient.
    Max,
    /// The mean.
    Average,
}

impl Pool {
    /// The mean over the whole image.
    pub const GLOBAL: Self = Self { kind: PoolKind::Average, window: None };

    /// The largest number of each square of `side`.
    pub fn max(side: usize) -> Self {
        Self { kind: PoolKind::Max, window: Some(Size::square(side)) }
    }

    fn bound(self, inputs: &[&[usize]]) -> Result<Bound, String> {
        let [channels, height, width] = image(inputs)?;
        let window = self.window.unwrap_or(Size::new(height, width));
        if window.area() == 0 || window.height > height || window.width > width {
            return Err(format!(
                "its window of {window} pixels does not fit an image of {height}x{width}"
            ));
        }
        // What is left at the right and bottom edge goes.
        let output = match self.window {
            Some(_) => vec![channels, height / window.height, width / window.width],
            None => vec![channels],
        };
        let across = Size::new(height / window.height, width / window.width);
        Ok(Bound { kind: self.kind, output, across, window, width, height })
    }
}

impl Layer for Pool {
    fn kind(&self) -> &'static str {
        match (self.kind, self.window) {
            (PoolKind::Max, _) => "max_pool",
            (PoolKind::Average, Some(_)) => "average_pool",
            (PoolKind::Average, None) => "global_pool",
        }
    }

    fn settings(&self) -> toml::Table {
        let mut table = toml::Table::new();
        if let Some(Size { height, width }) = self.window {
            let window = match height == width {
                true => toml::Value::Integer(height as i64),
                false => vec![height as i64, width as i64].into(),
            };
            table.insert("window".into(), window);
        }
        table
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        self.bound(inputs).map(|_| Vec::new())
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        Ok(Box::new(self.bound(shapes.inputs)?))
    }
}

struct Bound {
    kind: PoolKind,
    output: Vec<usize>,
    /// Windows below and beside each other.
    across: Size,
    window: Size,
    width: usize,
    height: usize,
}

impl Bound {
    /// Calls `each` for every pixel of every window with the window's number and the pixel's.
    fn pixels(&self, mut each: impl FnMut(usize, usize)) {
        let (across, window) = (self.across, self.window);
        for at in 0..across.area() {
            let (top, left) = (at / across.width * window.height, at % across.width * window.width);
            for pixel in 0..window.area() {
                let (y, x) = (top + pixel / window.width, left + pixel % window.width);
                each(at, y * self.width + x);
            }
        }
    }

    fn is_global(&self) -> bool {
        self.output.len() == 1
    }

    /// Calls `one` for each channel with its own part of `numbers` and of `indices`.
    fn channels(
        numbers: &mut [f32],
        indices: &mut [u32],
        (plane, windows): (usize, usize),
        one: impl Fn(usize, &mut [f32], &mut [u32]) + Sync,
    ) {
        if numbers.len() < LONG {
            let parts = numbers.chunks_exact_mut(plane).zip(indices.chunks_exact_mut(windows));
            parts.enumerate().for_each(|(c, (numbers, indices))| one(c, numbers, indices));
        } else {
            let parts =
                numbers.par_chunks_exact_mut(plane).zip(indices.par_chunks_exact_mut(windows));
            parts.enumerate().for_each(|(c, (numbers, indices))| one(c, numbers, indices));
        }
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let (rows, x) = (call.rows, call.inputs.get(0));
        let plane = self.height * self.width * rows;
        let windows = self.across.area() * rows;
        let channels = self.output[0];
        let share = 1.0 / self.window.area() as f32;
        if self.is_global() && self.kind == PoolKind::Average {
            let mut sums = vec![0.0; rows];
            for (c, x) in x.chunks_exact(plane).enumerate() {
                sums.fill(0.0);
                for pixel in x.chunks_exact(rows) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
                }
                let to = call.output.iter_mut().skip(c).step_by(channels);
                to.zip(&sums).for_each(|(to, sum)| *to = sum * share);
            }
            return;
        }
        let indices = &mut call.saved.indices;
        indices.clear(); // no number of a window may be above −∞
        indices.resize(channels * windows, 0);
        let mut planes = std::mem::take(&mut call.scratch.floats);
        let output = if self.is_global() {
            planes.resize(channels * rows, 0.0);
            &mut planes[..]
        } else {
            &mut *call.output
        };
        Self::channels(output, indices, (windows, windows), |c, y, indices| {
            let x = &x[c * plane..][..plane];
            match self.kind {
                PoolKind::Max => {
                    y.fill(f32::NEG_INFINITY);
                    self.pixels(|at, pixel| {
                        let (x, own) = (&x[pixel * rows..][..rows], at * rows..(at + 1) * rows);
                        let places = y[own.clone()].iter_mut().zip(&mut indices[own]);
                        for ((y, index), &x) in places.zip(x) {
                            // NaN is the largest: it must not vanish.
                            if x > *y || x.is_nan() {
                                (*y, *index) = (x, pixel as u32);
                            }
                        }
                    });
                }
                PoolKind::Average => {
                    y.fill(0.0);
                    self.pixels(|at, pixel| {
                        let y = &mut y[at * rows..(at + 1) * rows];
                        y.iter_mut().zip(&x[pixel * rows..]).for_each(|(y, x)| *y += x);
                    });
                    y.iter_mut().for_each(|y| *y *= share);
                }
            }
        });
        if self.is_global() {
            for (c, plane) in planes.chunks_exact(rows).enumerate() {
                let to = call.output.iter_mut().skip(c).step_by(channels);
                to.zip(plane).for_each(|(to, y)| *to = *y);
            }
        }
        call.scratch.floats = planes;
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        let (rows, channels, add) = (call.rows, self.output[0], to.add);
        let plane = self.height * self.width * rows;
        let windows = self.across.area() * rows;
        let share = 1.0 / self.window.area() as f32;
        let delta = &*call.output_gradient;
        let indices = &mut call.saved.indices;
        indices.resize(channels * windows, 0);
        Self::channels(to.values, indices, (plane, windows), |c, to, indices| {
            // [windows, rows], whatever the layout of the output.
            let delta = |at: usize, row: usize| match self.is_global() {
                true => delta[row * channels + c],
                false => delta[c * windows + at * rows + row],
            };
            if !add {
                to.fill(0.0);
            }
            match self.kind {
                PoolKind::Max => {
                    for (i, &pixel) in indices.iter().enumerate() {
                        to[pixel as usize * rows + i % rows] += delta(i / rows, i % rows);
                    }
                }
                PoolKind::Average => self.pixels(|at, pixel| {
                    for (row, to) in to[pixel * rows..][..rows].iter_mut().enumerate() {
                        *to += share * delta(at, row);
                    }
                }),
            }
        });
    }
}
