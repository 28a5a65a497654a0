//! Points in a plane, each with its name beside it.

mod labels;

use unicode_width::UnicodeWidthStr;

use self::labels::{Rect, place};
use super::{LETTER, LINE};
use crate::svg::{Anchor, Svg};

const WIDTH: f64 = 400.0;
const LEFT: f64 = 38.0;
const TOP: f64 = 22.0; // the y axis's name
const BOTTOM: f64 = 36.0; // ticks and name of the x axis
const RIGHT: f64 = 8.0;
const HEIGHT: f64 = 240.0;
const RADIUS: f64 = 3.2;
/// Longer names are cut.
const LONGEST: usize = 20;

/// How numbers become places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// Of numbers above 0.
    Log,
}

/// One of the two directions.
pub(crate) struct Axis {
    pub(crate) name: &'static str,
    pub(crate) scale: Scale,
    pub(crate) show: fn(f64) -> String,
}

/// One named point.
pub(crate) struct Point {
    /// The classes that colour it.
    pub(crate) class: String,
    pub(crate) label: String,
    pub(crate) at: (f64, f64),
}

/// A plane with its points; at least one.
pub(crate) struct Scatter<'a> {
    /// The text that stands for the chart where it cannot be seen.
    pub(crate) title: &'a str,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) points: &'a [Point],
    /// Whether a line joins the points that none beats in both directions: x low, y high.
    pub(crate) front: bool,
}

impl Scatter<'_> {
    /// Draws it.
    #[expect(clippy::cast_precision_loss, reason = "points are few")]
    pub(crate) fn draw(&self) -> Svg {
        let height = HEIGHT.max(self.points.len() as f64 * LINE);
        let (end, bottom) = (WIDTH - RIGHT, TOP + height);
        let x = Range::of(self.points.iter().map(|point| point.at.0), self.x.scale);
        let y = Range::of(self.points.iter().map(|point| point.at.1), self.y.scale);
        let place_of = |(a, b): (f64, f64)| {
            (LEFT + x.share(a) * (end - LEFT), bottom - y.share(b) * (bottom - TOP))
        };
        let mut svg = Svg::new(WIDTH, bottom + BOTTOM, self.title);
        for tick in y.ticks() {
            let at = place_of((x.low(), tick)).1;
            svg.line("grid", (LEFT, at), (end, at));
            svg.text("tick", (LEFT - 5.0, at + 4.0), Anchor::End, &(self.y.show)(tick));
        }
        let mut free = f64::NEG_INFINITY; // where the last tick's text ends
        for tick in x.ticks() {
            let at = place_of((tick, y.low())).0;
            svg.line("grid", (at, TOP), (at, bottom));
            let text = (self.x.show)(tick);
            let half = text.width() as f64 * LETTER / 2.0;
            let middle = at.min(WIDTH - half);
            if middle - half > free {
                svg.text("tick", (middle, bottom + 14.0), Anchor::Middle, &text);
                free = middle + half + 4.0;
            }
        }
        svg.text("tick", (2.0, 11.0), Anchor::Start, self.y.name);
        svg.text("tick", (end, bottom + 30.0), Anchor::End, self.x.name);
        if self.front {
            let steps: Vec<_> = self.front().into_iter().map(place_of).collect();
            svg.polyline("front", &stairs(&steps, end));
        }
        let dots: Vec<_> = self.points.iter().map(|point| place_of(point.at)).collect();
        for (point, at) in self.points.iter().zip(&dots) {
            svg.dot(&format!("dot {}", point.class), *at, RADIUS);
        }
        let names: Vec<String> =
            self.points.iter().map(|point| crate::text::shorten(&point.label, LONGEST)).collect();
        let widths: Vec<f64> = names.iter().map(|name| name.width() as f64 * LETTER).collect();
        let plot = Rect { left: LEFT + 2.0, top: TOP, right: end, bottom };
        for (i, spot) in place(&dots, &widths, plot).into_iter().enumerate() {
            let class = &self.points[i].class;
            if spot.far {
                let to = (spot.near(dots[i]), f64::midpoint(spot.rect.top, spot.rect.bottom));
                svg.line(&format!("tie {class}"), dots[i], to);
            }
            let baseline = (spot.rect.left, spot.rect.bottom - 3.0);
            svg.text(&format!("name {class}"), baseline, Anchor::Start, &names[i]);
        }
        svg
    }

    /// The points that no other beats in both directions, from left to right.
    fn front(&self) -> Vec<(f64, f64)> {
        let mut points: Vec<_> = self.points.iter().map(|point| point.at).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut best = f64::NEG_INFINITY;
        points.retain(|(_, y)| {
            let better = *y > best;
            best = best.max(*y);
            better
        });
        points
    }
}

/// From each step to the next at its height, as what was reached so far; on to the right end.
fn stairs(steps: &[(f64, f64)], end: f64) -> Vec<(f64, f64)> {
    let mut line = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let next = steps.get(i + 1).map_or(end, |next| next.0);
        line.extend([*step, (next, step.1)]);
    }
    line
}

/// What an axis spans.
struct Range {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Range {
    /// Around these values with some room.
    fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let inner = |value| if scale == Scale::Log { f64::log10(value) } else { value };
        let (low, high) = values
            .map(inner)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        // One value alone still spans something.
        let room = ((high - low) * 0.08).max(if scale == Scale::Log { 0.15 } else { 0.02 });
        Self { low: low - room, high: high + room, scale }
    }

    /// The lowest value.
    fn low(&self) -> f64 {
        if self.scale == Scale::Log { 10_f64.powf(self.low) } else { self.low }
    }

    /// Where a value lies, 0 … 1.
    fn share(&self, value: f64) -> f64 {
        let inner = if self.scale == Scale::Log { value.log10() } else { value };
        (inner - self.low) / (self.high - self.low)
    }

    /// Round values within, at most eight.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let raw = (self.high - self.low) / 6.0;
                let magnitude = 10_f64.powf(raw.log10().floor());
                let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
                let step = steps.into_iter().find(|step| *step >= raw).unwrap_or(raw);
                let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
                (0..=(last - first).max(0.0) as u32)
                    .map(|i| (first + f64::from(i)) * step)
                    .collect()
            }
            Scale::Log => {
                let decades = (self.low.floor() as i32)..=(self.high.ceil() as i32);
                let within = |value: &f64| (self.low..=self.high).contains(&value.log10());
                let all = |steps: &[f64]| -> Vec<f64> {
                    let of = |decade| steps.iter().map(move |step| step * 10_f64.powi(decade));
                    decades.clone().flat_map(of).filter(within).collect()
                };
                let fine = all(&[1.0, 2.0, 5.0]);
                if fine.len() <= 8 { fine } else { all(&[1.0]) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64) -> Point {
        Point { class: "s0".into(), label: "name".into(), at: (x, y) }
    }

    /// Catches: a front that goes through a beaten point, or leaves out the cheapest.
    #[test]
    fn the_front_is_what_none_beats() {
        let points = [point(3.0, 0.9), point(1.0, 0.5), point(2.0, 0.4), point(2.5, 0.9)];
        let axis = || Axis { name: "", scale: Scale::Linear, show: |v| v.to_string() };
        let scatter = Scatter { title: "", x: axis(), y: axis(), points: &points, front: true };
        assert_eq!(scatter.front(), [(1.0, 0.5), (2.5, 0.9)]);
        let line = stairs(&[(0.0, 5.0), (4.0, 1.0)], 9.0);
        assert_eq!(line, [(0.0, 5.0), (4.0, 5.0), (4.0, 1.0), (9.0, 1.0)]);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let range = Range { low: 0.43, high: 0.97, scale: Scale::Linear };
        let shown: Vec<String> = range.ticks().iter().map(|tick| format!("{tick:.1}")).collect();
        assert_eq!(shown, ["0.5", "0.6", "0.7", "0.8", "0.9"]);
        let range = Range { low: 4.8, high: 6.1, scale: Scale::Log };
        assert_eq!(range.ticks(), [1e5, 2e5, 5e5, 1e6]);
        let one = Range::of([70_000.0].into_iter(), Scale::Log);
        assert!((one.share(70_000.0) - 0.5).abs() < 1e-9);
    }
}
