//! What a task does to every image.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fingerprint::hash_list;

/// How a rotated image is read between its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// The pixel that holds the point.
    #[default]
    Nearest,
    /// The four pixels around the point, weighted by nearness, rounded to a byte.
    Bilinear,
}

/// What happens to the pixels of an image; the shape stays.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Transform {
    Identity,
    /// Pixel i of the result is pixel `from[i]` of the image. `[height × width]`; the channels
    /// of a position move together, so a colour stays a colour.
    Permute(Arc<[u32]>),
    /// Turned about the centre of the image, counter-clockwise as seen; 0 where the result lies
    /// outside of it.
    Rotate {
        degrees: f64,
        interpolation: Interpolation,
    },
}

impl Transform {
    /// The transform, worked out for images of one shape.
    pub(super) fn for_shape(&self, [_, height, width]: [usize; 3]) -> Plan {
        match self {
            Self::Identity => Plan::Copy,
            Self::Permute(from) => Plan::Gather { from: from.to_vec() },
            Self::Rotate { degrees, interpolation: Interpolation::Nearest } => {
                let pixel = |[x, y]: [f64; 2]| index(x.floor(), y.floor(), [height, width]);
                let from = origins(*degrees, [height, width]).map(pixel).collect();
                Plan::Gather { from }
            }
            Self::Rotate { degrees, interpolation: Interpolation::Bilinear } => {
                let taps = |point| taps(point, [height, width]);
                Plan::Blend { taps: origins(*degrees, [height, width]).map(taps).collect() }
            }
        }
    }

    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        match self {
            Self::Identity => {
                hasher.update(&[0]);
            }
            Self::Permute(from) => {
                hasher.update(&[1]);
                hash_list(hasher, from);
            }
            Self::Rotate { degrees, interpolation } => {
                hasher.update(&[2, *interpolation as u8]).update(&degrees.to_le_bytes());
            }
        }
    }
}

/// Where each pixel of a channel comes from. `[height × width]`
pub(super) enum Plan {
    Copy,
    /// [`OUTSIDE`] for 0.
    Gather {
        from: Vec<u32>,
    },
    /// The four pixels around, each with its weight.
    Blend {
        taps: Vec<[(u32, f32); 4]>,
    },
}

/// An index that no image has: images are read with `get`, which finds nothing there.
const OUTSIDE: u32 = u32::MAX;

impl Plan {
    /// The chosen rows of `inputs` values each, transformed.
    pub(super) fn gather<T: Pixel>(&self, all: &[T], inputs: usize, rows: &[u32]) -> Vec<T> {
        let mut gathered = Vec::with_capacity(rows.len() * inputs);
        for &row in rows {
            let first = row as usize * inputs;
            self.append(&all[first..first + inputs], |pixel| pixel, &mut gathered);
        }
        gathered
    }

    /// Appends what `number` makes of the pixels of an image, transformed. `image`:
    /// `[channels, height, width]`
    #[inline]
    pub(super) fn append<T: Pixel, N>(
        &self,
        image: &[T],
        number: impl Fn(T) -> N,
        to: &mut Vec<N>,
    ) {
        let pixel = |channel: &[T], i: u32| channel.get(i as usize).copied().unwrap_or_default();
        match self {
            Self::Copy => to.extend(image.iter().map(|&pixel| number(pixel))),
            Self::Gather { from } => {
                for channel in image.chunks_exact(from.len()) {
                    to.extend(from.iter().map(|&i| number(pixel(channel, i))));
                }
            }
            Self::Blend { taps } => {
                for channel in image.chunks_exact(taps.len()) {
                    let weigh = |&(i, weight): &(u32, f32)| weight * pixel(channel, i).into();
                    let blend = |taps: &[_; 4]| T::of_blend(taps.iter().map(weigh).sum());
                    to.extend(taps.iter().map(|taps| number(blend(taps))));
                }
            }
        }
    }
}

/// The type of a pixel.
pub(super) trait Pixel: Copy + Default + Into<f32> {
    /// From the weighted sum of pixels, the weights of which add up to 1.
    fn of_blend(sum: f32) -> Self;
}

impl Pixel for u8 {
    fn of_blend(sum: f32) -> Self {
        sum.round() as Self
    }
}

impl Pixel for f32 {
    fn of_blend(sum: f32) -> Self {
        sum
    }
}

/// For each pixel of the result, row by row, the point of the image (x to the right, y down, in
/// pixels from the upper left corner) that its centre comes from.
fn origins(degrees: f64, [height, width]: [usize; 2]) -> impl Iterator<Item = [f64; 2]> {
    let (sin, cos) = sin_cos(degrees);
    let centre = [width as f64 / 2.0, height as f64 / 2.0];
    (0..height * width).map(move |i| {
        let x = (i % width) as f64 + 0.5 - centre[0];
        let y = (i / width) as f64 + 0.5 - centre[1];
        // Back by the angle, that is clockwise as seen; y points down.
        [cos * x - sin * y + centre[0], sin * x + cos * y + centre[1]]
    })
}

/// Exact at quarter turns: those of images of odd by even pixels end on edges between pixels,
/// where a rounding error would choose the side.
fn sin_cos(degrees: f64) -> (f64, f64) {
    let turn = degrees.rem_euclid(360.0);
    match turn {
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        _ => turn.to_radians().sin_cos(),
    }
}

/// The index of the pixel in column x and row y, both whole numbers.
fn index(x: f64, y: f64, [height, width]: [usize; 2]) -> u32 {
    let inside = (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y);
    if inside { (y as usize * width + x as usize) as u32 } else { OUTSIDE }
}

/// The four pixels whose centres lie around a point, with their weights.
fn taps([x, y]: [f64; 2], shape: [usize; 2]) -> [(u32, f32); 4] {
    let (x, y) = (x - 0.5, y - 0.5); // from corners to centres
    let (left, top) = (x.floor(), y.floor());
    let (right_share, bottom_share) = (x - left, y - top);
    [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(across, down)| {
        let share = |share: f64, step: f64| if step == 1.0 { share } else { 1.0 - share };
        let weight = share(right_share, across) * share(bottom_share, down);
        (index(left + across, top + down, shape), weight as f32)
    })
}
