//! Lines of accuracies or other shares over tasks.

use unicode_width::UnicodeWidthStr;

use super::{LETTER, LINE};
use crate::format;
use crate::svg::{Anchor, Svg};

const WIDTH: f64 = 400.0;
const LEFT: f64 = 34.0; // room for the ticks of the values
const TOP: f64 = 8.0;
const BOTTOM: f64 = 34.0; // ticks and title of the tasks

/// One line of a chart.
pub(crate) struct Series {
    /// The classes that colour it.
    pub(crate) class: String,
    /// What stands at its end; nothing when empty.
    pub(crate) label: String,
    /// `(task, value)`, from left to right.
    pub(crate) points: Vec<(f64, f64)>,
    /// `(task, lowest, highest)` over the seeds, from left to right; nothing of one seed.
    pub(crate) band: Vec<(f64, f64, f64)>,
    /// Whether a dot marks its beginning.
    pub(crate) dot: bool,
}

/// A number, such as an accuracy, over tasks.
pub(crate) struct Chart<'a> {
    /// The text that stands for the chart where it cannot be seen.
    pub(crate) title: &'a str,
    /// What the tasks are, below their numbers.
    pub(crate) axis: &'a str,
    /// Where the tasks begin, 0 or 1.
    pub(crate) first: usize,
    /// The last task.
    pub(crate) last: usize,
    /// The lines, the most important last, because it lies on top.
    pub(crate) series: &'a [Series],
}

impl Chart<'_> {
    /// Draws it, of shares from 0 to 1.
    pub(crate) fn draw(&self) -> Svg {
        self.draw_to(1.0)
    }

    /// Draws it, of numbers from 0 to `most`.
    #[expect(clippy::cast_precision_loss, reason = "tasks and labels are few")]
    pub(crate) fn draw_to(&self, most: f64) -> Svg {
        let longest = self.series.iter().map(|series| series.label.width()).max().unwrap_or(0);
        let right = if longest == 0 { 12.0 } else { (longest as f64 * LETTER + 22.0).min(160.0) };
        let labels = self.series.iter().filter(|series| !series.label.is_empty()).count();
        let plot_height = (labels as f64 * LINE).max(190.0);
        let (bottom, end) = (TOP + plot_height, WIDTH - right);
        let span = (self.last - self.first).max(1) as f64;
        let x = |task: f64| LEFT + (task - self.first as f64) / span * (end - LEFT);
        let y = |value: f64| bottom - value / most * plot_height;

        let mut svg = Svg::new(WIDTH, bottom + BOTTOM, self.title);
        for fifth in 0..=5 {
            let value = f64::from(fifth) / 5.0 * most;
            svg.line("grid", (LEFT, y(value)), (end, y(value)));
            svg.text("tick", (LEFT - 5.0, y(value) + 4.0), Anchor::End, &format::measure(value));
        }
        for task in ticks(self.first, self.last) {
            svg.text("tick", (x(task as f64), bottom + 14.0), Anchor::Middle, &task.to_string());
        }
        svg.text("tick", (f64::midpoint(LEFT, end), bottom + 29.0), Anchor::Middle, self.axis);

        let at = |&(task, accuracy): &(f64, f64)| (x(task), y(accuracy));
        for series in self.series {
            let low = series.band.iter().map(|&(task, low, _)| at(&(task, low)));
            let high = series.band.iter().rev().map(|&(task, _, high)| at(&(task, high)));
            let area: Vec<_> = low.chain(high).collect();
            svg.polygon(&format!("band {}", series.class), &area);
        }
        for series in self.series {
            let points: Vec<_> = series.points.iter().map(at).collect();
            svg.polyline(&format!("line {}", series.class), &points);
            if let (true, Some(first)) = (series.dot || points.len() == 1, points.first()) {
                svg.dot(&format!("dot {}", series.class), *first, 2.4);
            }
        }
        self.labels(&mut svg, at, end, (TOP, bottom));
        svg
    }

    /// Names at the ends of the lines, pushed apart, each tied to its line.
    fn labels(
        &self,
        svg: &mut Svg,
        at: impl Fn(&(f64, f64)) -> (f64, f64),
        end: f64,
        (top, bottom): (f64, f64),
    ) {
        let mut named: Vec<_> = self
            .series
            .iter()
            .filter(|series| !series.label.is_empty())
            .filter_map(|series| Some((series, at(series.points.last()?))))
            .collect();
        named.sort_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let heights = spread(&named.iter().map(|(_, (_, y))| *y).collect::<Vec<_>>(), top, bottom);
        for ((series, from), y) in named.into_iter().zip(heights) {
            let class = &series.class;
            svg.line(&format!("tie {class}"), (from.0 + 1.0, from.1), (end + 13.0, y));
            let room = ((WIDTH - end - 16.0) / LETTER) as usize;
            svg.text(
                &format!("name {class}"),
                (end + 15.0, y + 4.0),
                Anchor::Start,
                &crate::text::shorten(&series.label, room),
            );
        }
    }
}

/// Positions at least a line apart, in the order given (rising): as near as can be to where they
/// want to be (least squares), and within the plot as long as they fit.
///
/// With i lines taken off the i-th position, "a line apart" becomes "not falling", which is
/// isotonic regression: neighbours that would cross are pooled at their mean.
#[expect(clippy::cast_precision_loss, reason = "labels are few")]
fn spread(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new(); // (mean, members)
    for (i, y) in wanted.iter().enumerate() {
        let (mut mean, mut members) = (y - i as f64 * LINE, 1);
        while let Some((before, count)) = pools.pop_if(|(before, _)| *before > mean) {
            mean = (mean * members as f64 + before * count as f64) / (members + count) as f64;
            members += count;
        }
        pools.push((mean, members));
    }
    let room = bottom - wanted.len().saturating_sub(1) as f64 * LINE;
    pools
        .into_iter()
        .flat_map(|(mean, members)| std::iter::repeat_n(mean.min(room).max(top), members))
        .enumerate()
        .map(|(i, y)| y + i as f64 * LINE)
        .collect()
}

/// The least of 1, 2, 5 × a power of ten that is no less than a value above 0; 1 for 0.
pub(crate) fn round_top(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let magnitude = 10_f64.powf(value.log10().floor());
    let tops = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    tops.into_iter().find(|top| *top >= value).unwrap_or(value)
}

/// At most eleven whole numbers from `first` to `last`, evenly spaced, the last among them.
fn ticks(first: usize, last: usize) -> Vec<usize> {
    let span = last - first;
    let step = [1, 2, 5, 10, 20, 50, 100, 200, 500]
        .into_iter()
        .find(|step| span / step <= 10)
        .unwrap_or(span.max(1));
    let mut ticks: Vec<usize> = (first..=last).rev().step_by(step).collect();
    ticks.reverse();
    ticks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_few_and_end_at_the_last_task() {
        assert_eq!(ticks(1, 5), [1, 2, 3, 4, 5]);
        assert_eq!(ticks(0, 20), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
        assert_eq!(ticks(1, 1), [1]);
    }

    #[test]
    fn a_scale_ends_at_a_round_number() {
        let tops = [0.037, 0.5, 0.51, 3.0, 0.0].map(round_top);
        for (top, expected) in tops.into_iter().zip([0.05, 0.5, 1.0, 5.0, 1.0]) {
            assert!((top - expected).abs() < 1e-12, "{top} {expected}");
        }
    }

    #[test]
    fn crowded_labels_share_their_middle() {
        // Two lines at 100 stand half a label above and below it; the third is left alone.
        assert_eq!(spread(&[100.0, 100.0, 150.0], 8.0, 198.0), [93.5, 106.5, 150.0]);
        assert_eq!(spread(&[8.0, 8.0], 8.0, 198.0), [8.0, 21.0]);
        assert_eq!(spread(&[198.0, 198.0], 8.0, 198.0), [185.0, 198.0]);
    }

    proptest! {
        #[test]
        fn labels_never_overlap(mut wanted in prop::collection::vec(8.0..198.0f64, 1..15)) {
            wanted.sort_by(f64::total_cmp);
            let at = spread(&wanted, 8.0, 198.0);
            for pair in at.windows(2) {
                prop_assert!(pair[1] - pair[0] >= LINE - 1e-9, "{at:?}");
            }
            prop_assert!(at[0] >= 8.0 - 1e-9 && at[at.len() - 1] <= 198.0 + 1e-9, "{at:?}");
        }
    }
}
