//! Where names go, so that none lies on another or on a dot.

use super::{LINE, RADIUS};

/// A rectangle; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn within(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.right <= other.right
            && self.top >= other.top
            && self.bottom <= other.bottom
    }

    /// How far its nearest point lies from a point.
    fn distance(&self, (x, y): (f64, f64)) -> f64 {
        let away = |value: f64, low: f64, high: f64| (low - value).max(value - high).max(0.0);
        away(x, self.left, self.right).hypot(away(y, self.top, self.bottom))
    }
}

/// Where a name is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub(super) rect: Rect,
    /// Whether it is so far from its dot that a line must tie them.
    pub(super) far: bool,
}

impl Spot {
    /// The side of the name that faces its dot.
    pub(super) fn near(&self, dot: (f64, f64)) -> f64 {
        if dot.0 < self.rect.left {
            self.rect.left - 1.0
        } else if dot.0 > self.rect.right {
            self.rect.right + 1.0
        } else {
            dot.0
        }
    }
}

/// Beyond this a name is tied to its dot.
const CLOSE: f64 = RADIUS + 6.0;
/// Between the places that are tried.
const GRID: f64 = 5.0;

/// A place for a name of each width: as near as can be to its dot, within `plot`, off all dots
/// and off the names placed before. Where nothing is free, the place nearest to its dot.
pub(super) fn place(dots: &[(f64, f64)], widths: &[f64], plot: Rect) -> Vec<Spot> {
    let taken: Vec<Rect> = dots.iter().map(|&(x, y)| around(x, y, RADIUS)).collect();
    let mut placed: Vec<Rect> = Vec::with_capacity(dots.len());
    // The lonely first would leave no room for the crowded: in the order given, which is by rank.
    for (dot, width) in dots.iter().zip(widths) {
        let free = |rect: &Rect| {
            rect.within(&plot) && !taken.iter().chain(&placed).any(|other| other.meets(rect))
        };
        let beside = around_dot(*dot, *width).into_iter().find(free);
        let nearest = || {
            everywhere(*width, plot)
                .filter(free)
                .min_by(|a, b| a.distance(*dot).total_cmp(&b.distance(*dot)))
        };
        placed.push(beside.or_else(nearest).unwrap_or(around_dot(*dot, *width)[0]));
    }
    let spot = |(rect, dot): (Rect, &(f64, f64))| Spot { far: rect.distance(*dot) > CLOSE, rect };
    placed.into_iter().zip(dots).map(spot).collect()
}

fn around(x: f64, y: f64, radius: f64) -> Rect {
    Rect { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius }
}

/// Right, left, above and below a dot.
fn around_dot((x, y): (f64, f64), width: f64) -> [Rect; 6] {
    let gap = RADIUS + 2.5;
    let at = |left: f64, middle: f64| Rect {
        left,
        top: middle - LINE / 2.0,
        right: left + width,
        bottom: middle + LINE / 2.0,
    };
    let (up, down) = (y - gap - LINE / 2.0, y + gap + LINE / 2.0);
    [
        at(x + gap, y),
        at(x - gap - width, y),
        at(x - width / 2.0, up),
        at(x - width / 2.0, down),
        at(x + gap / 2.0, up),
        at(x + gap / 2.0, down),
    ]
}

/// All places of a grid over the plot.
fn everywhere(width: f64, plot: Rect) -> impl Iterator<Item = Rect> {
    let columns = ((plot.right - plot.left - width) / GRID).max(0.0) as u32;
    let rows = ((plot.bottom - plot.top - LINE) / GRID).max(0.0) as u32;
    (0..=rows).flat_map(move |row| {
        (0..=columns).map(move |column| {
            let (left, top) =
                (plot.left + f64::from(column) * GRID, plot.top + f64::from(row) * GRID);
            Rect { left, top, right: left + width, bottom: top + LINE }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLOT: Rect = Rect { left: 40.0, top: 20.0, right: 392.0, bottom: 330.0 };

    #[test]
    fn a_lonely_name_stands_to_the_right() {
        let spots = place(&[(100.0, 100.0)], &[30.0], PLOT);
        assert_eq!((spots[0].rect.left, spots[0].rect.top, spots[0].far), (105.7, 93.5, false));
        // At the right edge there is no room: it stands to the left.
        let spots = place(&[(390.0, 100.0)], &[30.0], PLOT);
        assert_eq!(spots[0].rect.right, 384.3);
    }

    proptest! {
        /// Twenty-one strategies at any places, also all at one. Catches: a name on a dot, on
        /// another name, or cut by the edge.
        #[test]
        fn names_never_overlap(
            spread in 0.0..1.0f64,
            at in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64), 21),
        ) {
            let dots: Vec<_> = at
                .iter()
                .map(|(x, y)| (45.0 + 340.0 * spread * x, 25.0 + 300.0 * spread * y))
                .collect();
            let spots = place(&dots, &[60.0; 21], PLOT);
            for (i, spot) in spots.iter().enumerate() {
                prop_assert!(spot.rect.within(&PLOT), "{spot:?}");
                for &(x, y) in &dots {
                    prop_assert!(!spot.rect.meets(&around(x, y, RADIUS)));
                }
                for other in &spots[..i] {
                    prop_assert!(!spot.rect.meets(&other.rect));
                }
            }
        }
    }
}
