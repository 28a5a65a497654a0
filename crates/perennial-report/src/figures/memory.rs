//! What lies in a memory of samples: how many of each task, after each task.

use super::{Figure, file_name};
use crate::document::Run;
use crate::standing::Standing;
use crate::svg::{Anchor, Svg};
use crate::tabular::{Datum, Tabular};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 160.0;
const TOP: f64 = 18.0;
const LEFT: f64 = 8.0;

#[expect(clippy::cast_precision_loss, reason = "samples and tasks are counted")]
pub(super) fn figure(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    let counted = standing.runs[0].figures.memory.as_ref()?;
    let moments: Vec<usize> = (0..counted.len()).filter(|&t| !counted[t].is_empty()).collect();
    let samples = |after: usize, task: usize| {
        let of = |run: &Run| Some(*run.figures.memory.as_ref()?.get(after)?.get(task)? as f64);
        standing.over_seeds(of).unwrap_or(0.0)
    };
    let held = |after: usize| (0..tasks).map(|task| samples(after, task)).sum::<f64>();
    let row = |&after: &usize| {
        let cells = (0..tasks).map(|task| match task > after {
            true => Datum::None,
            false => Datum::Number(samples(after, task), format!("{:.0}", samples(after, task))),
        });
        let all = held(after);
        let ends = [Datum::Number(all, format!("{all:.0}"))];
        let name = Datum::Number((after + 1) as f64, format!("after {}", after + 1));
        std::iter::once(name).chain(cells).chain(ends).collect()
    };
    let head = (1..=tasks).map(|task| format!("of task {task}"));
    Some(Figure {
        name: file_name("memory", standing.strategy),
        caption: "What lies in the memory when a task has ended: samples of the first task at the \
                  bottom, in the colours of the tasks."
            .into(),
        table: Tabular {
            head: std::iter::once("moment".to_owned())
                .chain(head)
                .chain(["in all".into()])
                .collect(),
            rows: moments.iter().map(row).collect(),
        },
        plot: bars(standing.label, &moments, samples),
        tasks,
    })
}

#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
fn bars(label: &str, moments: &[usize], samples: impl Fn(usize, usize) -> f64) -> Svg {
    let title = format!("{label}: samples of each task in the memory, as tasks end");
    let mut svg = Svg::new(WIDTH, TOP + HEIGHT + 34.0, &title);
    let held = |after: usize| (0..=after).map(|task| samples(after, task)).sum::<f64>();
    let most = moments.iter().map(|&after| held(after)).fold(1.0, f64::max);
    let step = (WIDTH - LEFT) / moments.len() as f64;
    let bottom = TOP + HEIGHT;
    svg.line("grid", (LEFT, TOP), (WIDTH, TOP));
    svg.text("tick", (LEFT, 12.0), Anchor::Start, &format!("{} samples", most.round()));
    for (i, &after) in moments.iter().enumerate() {
        let (x, width) = (LEFT + i as f64 * step, step * 0.8);
        let mut y = bottom;
        for task in 0..=after {
            let height = HEIGHT * samples(after, task) / most;
            y -= height;
            svg.rect(&format!("bar t{task}"), (x, y), (width, height));
        }
        let middle = (x + width / 2.0, bottom + 14.0);
        svg.text("tick", middle, Anchor::Middle, &(after + 1).to_string());
    }
    svg.text("tick", (f64::midpoint(LEFT, WIDTH), bottom + 29.0), Anchor::Middle, "tasks trained");
    svg
}
