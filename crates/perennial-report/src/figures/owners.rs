//! Who owns which share of each layer: a bar for each layer after each task.

use super::{Figure, file_name};
use crate::document::{Owned, Run};
use crate::format;
use crate::standing::Standing;
use crate::svg::{Anchor, Svg};
use crate::tabular::{Datum, Tabular};

const WIDTH: f64 = 400.0;
const LEFT: f64 = 30.0;
const HEIGHT: f64 = 70.0; // of a layer's bars
const ROW: f64 = 100.0; // from one layer to the next

#[expect(clippy::cast_precision_loss, reason = "weights are counted")]
pub(super) fn figure(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    let layers = standing.runs[0].figures.owners.as_ref()?;
    let share = |layer: usize, after: usize, task: usize| {
        let of = |run: &Run| run.figures.owners.as_ref()?.get(layer)?.share(after, task);
        standing.over_seeds(of).unwrap_or(0.0)
    };
    let plot = bars(standing.label, layers, tasks, share);
    let row = |(i, layer): (usize, &Owned)| {
        let shares: Vec<f64> = (0..tasks).map(|task| share(i, tasks - 1, task)).collect();
        let weights = layer.weights.last().copied().unwrap_or(0);
        let free = (1.0 - shares.iter().sum::<f64>()).max(0.0);
        let percent = |share: f64| Datum::Number(100.0 * share, format!("{:.1}", 100.0 * share));
        [Datum::text(&*layer.name), Datum::Number(weights as f64, format::count(weights))]
            .into_iter()
            .chain(shares.into_iter().map(percent))
            .chain([percent(free)])
            .collect()
    };
    let ends = ["layer".to_owned(), "weights".to_owned()];
    let head = (1..=tasks).map(|task| format!("task {task}, %"));
    Some(Figure {
        name: file_name("owners", standing.strategy),
        caption: "Who owns which share of each layer, after each task: the first task at the \
                  bottom, in the colours of the tasks; what is empty is free for those to come. \
                  The table has the shares at the end."
            .into(),
        table: Tabular {
            head: ends.into_iter().chain(head).chain(["free, %".to_owned()]).collect(),
            rows: layers.iter().enumerate().map(row).collect(),
        },
        plot,
        tasks,
    })
}

#[expect(clippy::cast_precision_loss, reason = "tasks and layers are few")]
fn bars(
    label: &str,
    layers: &[Owned],
    tasks: usize,
    share: impl Fn(usize, usize, usize) -> f64,
) -> Svg {
    let title = format!("{label}: who owns which share of each layer, after each task");
    let mut svg = Svg::new(WIDTH, layers.len() as f64 * ROW + 16.0, &title);
    let step = (WIDTH - LEFT) / tasks as f64;
    for (i, layer) in layers.iter().enumerate() {
        let bottom = i as f64 * ROW + 16.0 + HEIGHT;
        svg.text("name", (LEFT, bottom - HEIGHT - 5.0), Anchor::Start, &layer.name);
        for after in 0..tasks {
            let x = LEFT + after as f64 * step;
            let width = step * 0.8;
            svg.rect("free", (x, bottom - HEIGHT), (width, HEIGHT));
            let mut y = bottom;
            for task in 0..=after {
                let height = HEIGHT * share(i, after, task);
                y -= height;
                svg.rect(&format!("bar t{task}"), (x, y), (width, height));
            }
            let middle = (x + width / 2.0, bottom + 13.0);
            svg.text("tick", middle, Anchor::Middle, &(after + 1).to_string());
        }
    }
    svg
}
