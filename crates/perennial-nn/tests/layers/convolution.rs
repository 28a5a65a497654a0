//! Layers over images.

use perennial_nn::Size;
use perennial_nn::check::Check;
use perennial_nn::layer::{BatchNorm, Conv2d, Pool, PoolKind, Subsample};

use crate::{passes, passes_as};

/// Kernels, strides, paddings and groups, depthwise too, with and without bias.
/// Catches: a bias of another channel, a gradient that is written where it should be added to, statistics
/// of positions and not of samples.
#[test]
fn conv2d() {
    let plain = Conv2d::same(4, 3, 1);
    let shapes = [
        (plain.clone(), [3, 5, 6]),
        (Conv2d { bias: true, ..plain.clone() }, [2, 4, 4]),
        (Conv2d::same(5, 1, 1), [3, 4, 3]),
        (Conv2d::same(3, 3, 2), [2, 7, 6]),
        (Conv2d { bias: true, ..Conv2d::same(2, 1, 2) }, [3, 5, 5]),
        (Conv2d { padding: Size::square(0), ..plain.clone() }, [2, 5, 4]),
        (
            Conv2d {
                kernel: Size::new(2, 5),
                padding: Size::new(1, 3),
                stride: Size::new(1, 3),
                ..plain.clone()
            },
            [2, 4, 6],
        ),
        (Conv2d { groups: 2, bias: true, ..plain.clone() }, [6, 4, 4]),
        (Conv2d { groups: 4, ..plain.clone() }, [4, 4, 5]),
        (Conv2d { groups: 2, stride: Size::square(2), ..plain }, [2, 5, 5]),
    ];
    for (layer, shape) in shapes {
        passes(&layer, &[&shape]);
    }
}

/// With the batch's own statistics and with running ones.
/// Catches: a gradient that takes mean and variance for constants, a biased or unbiased variance
/// exchanged, statistics of single samples by the sum of all.
#[test]
fn batch_norm() {
    for shape in [[3, 4, 5], [2, 1, 1], [1, 3, 3]] {
        passes(&BatchNorm, &[&shape]);
        passes_as(&BatchNorm, &[&shape], |check| Check { learns: true, ..check });
    }
}

/// Numbers whose order is random and which lie far enough apart that no central difference changes it.
fn apart(len: usize) -> Vec<f32> {
    // 7919 is a prime that divides no length here.
    (0..len).map(|i| (i * 7919 % len) as f32 / len as f32 - 0.4).collect()
}

/// Windows that fit the image and windows that leave an edge.
/// Catches: an edge that is read, the gradient of a maximum at another sample's place, a mean by another
/// count.
#[test]
fn pools() {
    for kind in [PoolKind::Max, PoolKind::Average] {
        for window in [None, Some(Size::square(2)), Some(Size::new(3, 2)), Some(Size::square(1))] {
            for shape in [[2, 4, 6], [3, 5, 7], [1, 3, 2]] {
                let len = shape.iter().product::<usize>();
                passes_as(&Pool { kind, window }, &[&shape], |check| Check {
                    samples: Some(vec![apart(5 * len)]),
                    ..check
                });
            }
        }
    }
}

/// Catches: a stride of the other side, a gradient outside of what is taken.
#[test]
fn subsample() {
    for (stride, size) in [((2, 2), (3, 3)), ((1, 3), (5, 2)), ((3, 1), (1, 4))] {
        let (stride, size) = (Size::new(stride.0, stride.1), Size::new(size.0, size.1));
        passes(&Subsample { stride, size }, &[&[2, 5, 6]]);
    }
}
