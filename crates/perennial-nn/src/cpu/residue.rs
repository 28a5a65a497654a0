//! The sums of the gradient by the input: one for each residue of a pixel's position modulo the stride.

use crate::cpu::correlation::{Correlation, Offset};
use crate::cpu::geometry::{Conv2dShape, Size};

/// The gradient by every pixel at (row + i · stride.height, column + j · stride.width).
#[derive(Clone, Debug)]
pub(crate) struct Residue {
    pub(crate) row: usize,
    pub(crate) column: usize,
    /// Filter row and column of its last tap: taps are in reverse, a stride apart.
    pub(crate) last: Size,
    /// The sum over the gradient by the output; none where no filter position reads these pixels.
    pub(crate) correlation: Option<Correlation>,
}

/// Which outputs read the pixels of one residue modulo the stride, and by which taps.
///
/// Row y reads by tap ky the output row (y + padding − ky) / stride, where that is a whole number:
/// every stride-th tap from `first` on. With y = row + stride · a, tap first + stride · j reads the
/// output row a + (row + padding − first) / stride − j, so the taps in reverse are a correlation.
pub(crate) fn residue(shape: &Conv2dShape, output: Size, at: Size) -> Residue {
    let axis = |at: usize, kernel: usize, stride: usize, padding: usize, image: usize| {
        let first = (at + padding) % stride;
        let taps = kernel.saturating_sub(first).div_ceil(stride);
        Axis {
            taps,
            last: first + taps.saturating_sub(1) * stride,
            start: signed((at + padding) / stride) - signed(taps) + 1,
            pixels: (image - at).div_ceil(stride),
        }
    };
    let Conv2dShape { kernel, stride, padding, image, .. } = *shape;
    let y = axis(at.height, kernel.height, stride.height, padding.height, image.height);
    let x = axis(at.width, kernel.width, stride.width, padding.width, image.width);
    let correlation = Correlation {
        kernel: Size::new(y.taps, x.taps),
        stride: Size::square(1),
        start: Offset { row: y.start, column: x.start },
        source: output,
        target: Size::new(y.pixels, x.pixels),
    };
    Residue {
        row: at.height,
        column: at.width,
        last: Size::new(y.last, x.last),
        correlation: (correlation.kernel.area() > 0).then_some(correlation),
    }
}

/// One direction of a residue.
struct Axis {
    taps: usize,
    last: usize,
    start: isize,
    pixels: usize,
}

/// A number of pixels as an offset. Shapes are checked to be far below the largest `isize`.
pub(crate) fn signed(number: usize) -> isize {
    number.cast_signed()
}
