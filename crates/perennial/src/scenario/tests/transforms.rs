use proptest::prelude::*;

use super::*;
use crate::scenario::transform::Transform;
use crate::scenario::{Interpolation, Permuted};

fn turned(image: &[u8], shape: [usize; 3], degrees: f64, interpolation: Interpolation) -> Vec<u8> {
    let mut to = Vec::new();
    Transform::Rotate { degrees, interpolation }.for_shape(shape).append(
        image,
        |pixel| pixel,
        &mut to,
    );
    to
}

const BOTH: [Interpolation; 2] = [Interpolation::Nearest, Interpolation::Bilinear];

/// An image of any small shape.
fn image() -> impl Strategy<Value = ([usize; 3], Vec<u8>)> {
    (1..4_usize, 1..7_usize, 1..7_usize).prop_flat_map(|(channels, height, width)| {
        let pixels = prop::collection::vec(any::<u8>(), channels * height * width);
        (Just([channels, height, width]), pixels)
    })
}

proptest! {
    #[test]
    fn a_permutation_is_a_bijection_and_keeps_colours_together(
        height in 1..9_usize, width in 1..9_usize, seed: u64,
    ) {
        // Pixel i of the first channel is i, of the second 100 + i: the result tells which moved.
        let positions = (height * width) as u8;
        let pixels: Vec<u8> = (0..positions).chain(100..100 + positions).collect();
        let data = picture([2, height, width], &pixels);
        let stream = Permuted::default().stream(&data, &tasks(2), seed).unwrap();
        for task in &stream.tasks {
            let moved = row(&task.load(Part::Train), 0);
            let (first, second) = moved.split_at(height * width);
            let mut sorted = first.to_vec();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..positions));
            prop_assert!(first.iter().zip(second).all(|(a, b)| a + 100 == *b));
            prop_assert_eq!(&moved, &row(&task.load(Part::Test), 0));
        }
    }

    #[test]
    fn whole_turns_change_nothing((shape, pixels) in image()) {
        for degrees in [0.0, 360.0, -720.0] {
            for interpolation in BOTH {
                prop_assert_eq!(&turned(&pixels, shape, degrees, interpolation), &pixels);
            }
        }
    }

    #[test]
    fn quarter_turns_of_a_square_add_up(pixels in prop::collection::vec(any::<u8>(), 2 * 25)) {
        for interpolation in BOTH {
            let turn = |image: &[u8], degrees| turned(image, [2, 5, 5], degrees, interpolation);
            let quarter = turn(&pixels, 90.0);
            let half = turn(&quarter, 90.0);
            prop_assert_eq!(&half, &turn(&pixels, 180.0));
            prop_assert_eq!(&turn(&half, 90.0), &turn(&pixels, 270.0));
            prop_assert_eq!(&turn(&quarter, -90.0), &pixels);
        }
    }

    #[test]
    fn quarter_turns_are_those_computed_in_whole_numbers(height in 1..40_i32, width in 1..40_i32) {
        let pixels: Vec<u8> = (0..height * width).map(|i| 1 + (i % 251) as u8).collect();
        let shape = [1, height as usize, width as usize];
        let at = |x: i32, y: i32| match (0..width).contains(&x) && (0..height).contains(&y) {
            true => pixels[(y * width + x) as usize],
            false => 0,
        };
        // The centre of pixel (x, y) lies at (u, v) / 2 from the centre of the image.
        let expected = |from: fn(i32, i32) -> (i32, i32)| -> Vec<u8> {
            let from = |i| {
                let (u, v) = from(2 * (i % width) + 1 - width, 2 * (i / width) + 1 - height);
                at((u + width).div_euclid(2), (v + height).div_euclid(2))
            };
            (0..height * width).map(from).collect()
        };
        let turn = |degrees| turned(&pixels, shape, degrees, Interpolation::Nearest);
        prop_assert_eq!(turn(90.0), expected(|u, v| (-v, u)));
        prop_assert_eq!(turn(180.0), expected(|u, v| (-u, -v)));
        prop_assert_eq!(turn(270.0), expected(|u, v| (v, -u)));
    }

    #[test]
    fn a_turned_image_has_no_pixel_brighter_than_before(
        (shape, pixels) in image(), degrees in -400.0..400.0_f64,
    ) {
        for interpolation in BOTH {
            let turned = turned(&pixels, shape, degrees, interpolation);
            prop_assert_eq!(turned.len(), pixels.len());
            prop_assert!(turned.iter().max() <= pixels.iter().max());
        }
    }

    #[test]
    fn the_nearest_pixel_is_one_of_its_channel(pixels in prop::collection::vec(1..99_u8, 12)) {
        let two: Vec<u8> = pixels.iter().copied().chain(pixels.iter().map(|p| p + 100)).collect();
        let turned = turned(&two, [2, 3, 4], 33.0, Interpolation::Nearest);
        let (first, second) = turned.split_at(12);
        for (a, b) in first.iter().zip(second) {
            prop_assert!((*a == 0 && *b == 0) || (pixels.contains(a) && a + 100 == *b));
        }
    }
}

#[test]
fn a_quarter_turn_is_counter_clockwise() {
    #[rustfmt::skip]
    let (before, after) = (
        [1, 2, 3,
         4, 5, 6,
         7, 8, 9],
        [3, 6, 9,
         2, 5, 8,
         1, 4, 7],
    );
    for interpolation in BOTH {
        assert_eq!(turned(&before, [1, 3, 3], 90.0, interpolation), after);
    }
}

#[test]
fn the_shape_stays_and_the_outside_is_0() {
    assert_eq!(turned(&[1, 2, 3], [1, 1, 3], 90.0, Interpolation::Nearest), [0, 2, 0]);
    assert_eq!(turned(&[1, 2, 3], [1, 1, 3], 180.0, Interpolation::Nearest), [3, 2, 1]);
}

/// By 45°, the centre of the upper left pixel comes from the middle of the upper edge, .7929 of a
/// pixel from the row of zeros above: (.5 · 100 + .5 · 200) · .7929 = 118.9. The others alike.
#[test]
fn bilinear_weights_are_those_computed_by_hand() {
    let turned = turned(&[100, 200, 40, 80], [1, 2, 2], 45.0, Interpolation::Bilinear);
    assert_eq!(turned, [119, 111, 56, 48]);
}
