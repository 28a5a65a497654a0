//! What is won against what it costs: every strategy a point in a plane.

use super::{Figure, classes};
use crate::charts::scatter::{Axis, Point, Scale, Scatter};
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

/// How well each strategy learns what is new against how well it keeps what is old; nothing where
/// that was not measured.
pub(crate) fn stability(standings: &[Standing<'_>], tasks: usize) -> Option<Figure> {
    let points = points(standings, |standing| Some((standing.learning?.mean, standing.bwt?.mean)));
    let plot = draw(
        "Learning accuracy against backward transfer, by strategy",
        (
            Axis {
                name: "accuracy on a task just learnt → learns",
                scale: Scale::Linear,
                show: format::short_fraction,
            },
            Axis { name: "BWT ↑ keeps", scale: Scale::Linear, show: tick_of_change },
        ),
        &points,
        false,
    )?;
    let row = |standing: &Standing<'_>| {
        vec![
            Datum::text(standing.label),
            Datum::estimate(standing.learning, format::estimate),
            Datum::estimate(standing.bwt, format::estimated_change),
        ]
    };
    Some(Figure {
        name: "stability".into(),
        caption: "Plasticity against stability. To the right: learns new tasks well. Above: keeps \
                  the old ones. Good is up and to the right; a strategy that never moves is at the \
                  top left, one that only follows the newest task at the bottom right."
            .into(),
        table: Tabular::new(&["strategy", "learning", "BWT"], standings.iter().map(row).collect()),
        plot,
        tasks,
    })
}

/// Accuracy against what must be kept between tasks.
pub(crate) fn memory_price(standings: &[Standing<'_>], tasks: usize) -> Option<Figure> {
    #[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
    let kept = |standing: &Standing<'_>| standing.kept.total() as f64;
    price(
        standings,
        tasks,
        &Price {
            name: "memory-price",
            title: "Accuracy against bytes kept between tasks, by strategy",
            axis: Axis { name: "bytes kept between tasks →", scale: Scale::Log, show: bytes },
            head: "kept, bytes",
            cell: |kept| format::count(whole(kept)),
            caption: "The price in memory: accuracy at the end against the bytes that must be kept \
                      between tasks. The dashed line is the most that so many bytes bought here.",
        },
        kept,
    )
}

/// Accuracy against the time that training took.
pub(crate) fn time_price(standings: &[Standing<'_>], tasks: usize) -> Option<Figure> {
    price(
        standings,
        tasks,
        &Price {
            name: "time-price",
            title: "Accuracy against time of training, by strategy",
            axis: Axis {
                name: "training of one seed →", scale: Scale::Log, show: format::seconds
            },
            head: "training, s",
            cell: format::in_seconds,
            caption: "The price in time: accuracy at the end against the time that one seed was \
                      trained. The dashed line is the most that so much time bought here.",
        },
        |standing| standing.train_seconds,
    )
}

/// The words of a price.
struct Price {
    name: &'static str,
    title: &'static str,
    axis: Axis,
    head: &'static str,
    /// A number as it stands under that head.
    cell: fn(f64) -> String,
    caption: &'static str,
}

fn price(
    standings: &[Standing<'_>],
    tasks: usize,
    words: &Price,
    paid: impl Fn(&Standing<'_>) -> f64,
) -> Option<Figure> {
    let point = |standing: &Standing<'_>| {
        // On a scale of ratios nothing is free.
        let paid = Some(paid(standing)).filter(|paid| *paid > 0.0)?;
        Some((paid, standing.acc?.mean))
    };
    let Axis { name, scale, show } = words.axis;
    let points = points(standings, point);
    let axes = (
        Axis { name, scale, show },
        Axis { name: "ACC ↑", scale: Scale::Linear, show: format::short_fraction },
    );
    let row = |standing: &Standing<'_>| {
        vec![
            Datum::text(standing.label),
            Datum::estimate(standing.acc, format::estimate),
            Datum::Number(paid(standing), (words.cell)(paid(standing))),
        ]
    };
    Some(Figure {
        name: words.name.into(),
        caption: words.caption.into(),
        table: Tabular::new(&["strategy", "ACC", words.head], standings.iter().map(row).collect()),
        plot: draw(words.title, axes, &points, true)?,
        tasks,
    })
}

fn points(
    standings: &[Standing<'_>],
    at: impl Fn(&Standing<'_>) -> Option<(f64, f64)>,
) -> Vec<Point> {
    let point = |standing: &Standing<'_>| {
        let (class, label) = (classes(standing), standing.label.to_owned());
        Some(Point { class, label, at: at(standing)? })
    };
    standings.iter().filter_map(point).collect()
}

/// Nothing of no point: an empty plane says nothing.
fn draw(
    title: &str,
    (x, y): (Axis, Axis),
    points: &[Point],
    front: bool,
) -> Option<crate::svg::Svg> {
    (!points.is_empty()).then(|| Scatter { title, x, y, points, front }.draw())
}

fn tick_of_change(value: f64) -> String {
    let text = format::short_fraction(value);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}

fn bytes(value: f64) -> String {
    format::bytes(whole(value))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
