//! R as a map: a row a moment, a column a task, lighter is better.

use crate::format::{self, NONE};
use crate::svg::{Anchor, Svg};

/// How large the map's cells are and what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// One of many: as wide as half a phone; numbers where they fit.
    Small,
    /// Alone: numbers in every cell, moments and tasks named.
    Large,
}

/// Width of a small map.
const SMALL: f64 = 160.0;
/// Height of its cells at most, and of all of them at least.
const HIGH: f64 = 20.0;
/// Narrower cells hold no number.
const READABLE: f64 = 25.0;
/// Sides of a large map's cells.
const CELL: (f64, f64) = (32.0, 22.0);
/// Room for `untrained` and `after 12` beside a large map.
const HEADS: f64 = 62.0;

/// The class that colours a cell of this accuracy.
pub(crate) fn class(accuracy: f64) -> String {
    format!("h{:.0}", accuracy.clamp(0.0, 1.0) * 100.0)
}

/// What the moment of row `i` of R is called.
pub(crate) fn moment(i: usize) -> String {
    if i == 0 { "untrained".to_owned() } else { format!("after {i}") }
}

/// The rows that are shown, by their numbers: the untrained network's, and those that were
/// measured. Of a thousand tasks the others would be a million cells of nothing.
pub(crate) fn shown(
    accuracy: &[Vec<Option<f64>>],
) -> impl Iterator<Item = (usize, &Vec<Option<f64>>)> {
    let rows = accuracy.iter().enumerate();
    rows.filter(|(i, row)| *i == 0 || row.iter().any(Option::is_some))
}

/// Draws R: `accuracy` is `T + 1` rows of T, the first of the untrained network.
#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
pub(crate) fn draw(title: &str, accuracy: &[Vec<Option<f64>>], size: Size) -> Svg {
    let tasks = accuracy.first().map_or(1, Vec::len).max(1);
    let rows = shown(accuracy).count();
    let (cell, left, top) = match size {
        Size::Small => {
            let width = SMALL / tasks as f64;
            let height = width.min(HIGH).max(HIGH / rows.max(1) as f64);
            ((width, height), 0.0, 0.0)
        }
        Size::Large => (CELL, HEADS, 18.0),
    };
    let width = left + cell.0 * tasks as f64;
    let bottom = top + cell.1 * rows as f64;
    let foot = if size == Size::Large { 20.0 } else { 0.0 };
    let mut svg = Svg::new(width, bottom + foot, title);
    for (place, (i, row)) in shown(accuracy).enumerate() {
        let y = top + place as f64 * cell.1;
        if size == Size::Large {
            let head = moment(i);
            svg.text("tick", (left - 6.0, y + 15.0), Anchor::End, &head);
        }
        for (j, value) in row.iter().enumerate() {
            let x = left + j as f64 * cell.0;
            let (own, text) = match value {
                Some(value) => (class(*value), format::cell(*value)),
                None => (String::new(), NONE.to_owned()),
            };
            let kind = if value.is_some() { "cell" } else { "none" };
            svg.rect(format!("{kind} {own}").trim_end(), (x, y), cell);
            if i == j + 1 {
                let (frame, rim) = if cell.0 < READABLE { ("thin", 0.5) } else { ("frame", 1.0) };
                let inside = (cell.0 - 2.0 * rim, cell.1 - 2.0 * rim);
                svg.rect(format!("{frame} {own}").trim_end(), (x + rim, y + rim), inside);
            }
            if size == Size::Large || cell.0 >= READABLE {
                let ink = if value.is_some() { format!("on {own}") } else { "tick".to_owned() };
                let middle = (x + cell.0 / 2.0, y + cell.1 / 2.0 + 4.0);
                svg.text(&ink, middle, Anchor::Middle, &text);
            }
        }
    }
    if size == Size::Large {
        for j in 0..tasks {
            let middle = left + (j as f64 + 0.5) * cell.0;
            svg.text("tick", (middle, top - 5.0), Anchor::Middle, &(j + 1).to_string());
        }
        svg.text("tick", (left, bottom + 15.0), Anchor::Start, "accuracy on each task");
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: cells for rows that are not there, a row under another moment's name.
    #[test]
    fn rows_that_nobody_measured_are_left_out() {
        let accuracy =
            [vec![Some(0.1), Some(0.2)], vec![None, None], vec![Some(0.9), None], vec![]];
        let map = draw("R", &accuracy, Size::Large).to_string();
        assert_eq!(
            ["untrained", "after 1", "after 2"].map(|head| map.contains(head)),
            [true, false, true]
        );
        assert_eq!(map.matches("class=\"cell").count(), 3);
        assert_eq!(map.matches("class=\"none").count(), 1);
    }
}
