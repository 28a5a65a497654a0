//! How often tasks disagreed, and how far: the share of steps that pointed against the past, and
//! their angles to it.

use super::{Figure, file_name};
use crate::charts::lines::{Chart, Series};
use crate::document::{Conflicts, Run};
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

/// The share of each task's steps that were projected.
pub(super) fn conflicts(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    counted(standing)?;
    let mean = |task, value| mean(standing, task, value);
    let line = line("s0", "", tasks, |task| mean(task, |counted| counted.projected));
    let title = format!("{}: share of steps that were projected, by task", standing.label);
    let plot = Chart { title: &title, axis: "task", first: 1, last: tasks, series: &[line] };
    #[expect(clippy::cast_precision_loss, reason = "tasks and steps are few")]
    let row = |task: usize| {
        vec![
            Datum::Number((task + 1) as f64, (task + 1).to_string()),
            Datum::number(mean(task, |counted| Some(counted.steps as f64)), |n| format!("{n:.0}")),
            Datum::number(mean(task, |counted| counted.projected), format::fraction),
            Datum::number(mean(task, |counted| counted.violated), |n| format!("{n:.1}")),
        ]
    };
    Some(Figure {
        name: file_name("conflicts", standing.strategy),
        caption: "How often tasks disagreed: the share of a task’s steps whose gradient pointed \
                  against a past one and was projected. The table says against how many it pointed \
                  then, on average."
            .into(),
        table: Tabular::new(
            &["task", "steps", "projected", "violated"],
            (0..tasks).map(row).collect(),
        ),
        plot: plot.draw(),
        tasks,
    })
}

/// The angles of those steps to the past, before and after.
pub(super) fn angles(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    counted(standing)?;
    let mean = |task, value| mean(standing, task, value);
    let before = |task| mean(task, |counted| counted.angle_before);
    let after = |task| mean(task, |counted| counted.angle_after);
    let lines = [line("s1", "before", tasks, before), line("s0", "after", tasks, after)];
    let title = format!("{}: angles to past gradients before and after projecting", standing.label);
    let plot = Chart { title: &title, axis: "task", first: 1, last: tasks, series: &lines };
    #[expect(clippy::cast_precision_loss, reason = "tasks are few")]
    let row = |task: usize| {
        let degrees = |value| Datum::number(value, |angle| format!("{angle:.1}"));
        let name = Datum::Number((task + 1) as f64, (task + 1).to_string());
        vec![name, degrees(before(task)), degrees(after(task))]
    };
    Some(Figure {
        name: file_name("angles", standing.strategy),
        caption: "How far they disagreed: the widest angle, in degrees, of a projected step’s \
                  gradient to a past one, on average, before it was projected and after. Beyond \
                  90° a step undoes what was learnt."
            .into(),
        table: Tabular::new(&["task", "before, °", "after, °"], (0..tasks).map(row).collect()),
        plot: plot.draw_to(HALF_TURN),
        tasks,
    })
}

/// The widest angle there is, in degrees.
const HALF_TURN: f64 = 180.0;

/// The mean over the seeds of a number that was counted for a task, from 0.
fn mean(standing: &Standing<'_>, task: usize, value: fn(&Conflicts) -> Option<f64>) -> Option<f64> {
    standing.over_seeds(|run: &Run| value(run.figures.conflicts.as_ref()?.get(task)?))
}

/// Nothing where nobody counted.
fn counted(standing: &Standing<'_>) -> Option<()> {
    standing.runs.iter().any(|run| run.figures.conflicts.is_some()).then_some(())
}

/// A number of each task that has one, by its number from 1.
#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
pub(super) fn line(
    class: &str,
    label: &str,
    tasks: usize,
    at: impl Fn(usize) -> Option<f64>,
) -> Series {
    let points = (0..tasks).filter_map(|task| Some(((task + 1) as f64, at(task)?)));
    Series {
        class: class.into(),
        label: label.into(),
        points: points.collect(),
        band: Vec::new(),
        dot: true,
    }
}
