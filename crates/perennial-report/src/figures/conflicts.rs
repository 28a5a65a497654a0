//! How often tasks disagreed: the share of steps that pointed against the past.

use super::{Figure, file_name};
use crate::charts::lines::{Chart, Series};
use crate::document::{Conflicts, Run};
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

#[expect(clippy::cast_precision_loss, reason = "tasks and steps are few")]
pub(super) fn figure(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    if standing.runs.iter().all(|run| run.figures.conflicts.is_none()) {
        return None;
    }
    let mean = |task: usize, value: fn(&Conflicts) -> Option<f64>| {
        let of = |run: &Run| value(run.figures.conflicts.as_ref()?.get(task)?);
        standing.over_seeds(of)
    };
    let share = |task| mean(task, |counted| counted.projected);
    let points = (0..tasks).filter_map(|task| Some(((task + 1) as f64, share(task)?)));
    let line = Series {
        class: "s0".into(),
        label: String::new(),
        points: points.collect(),
        band: Vec::new(),
        dot: true,
    };
    let title = format!("{}: share of steps that were projected, by task", standing.label);
    let plot = Chart { title: &title, axis: "task", first: 1, last: tasks, series: &[line] };
    let row = |task: usize| {
        let degrees = |value| Datum::number(value, |angle| format!("{angle:.1}°"));
        vec![
            Datum::Number((task + 1) as f64, (task + 1).to_string()),
            Datum::number(mean(task, |counted| Some(counted.steps as f64)), |n| format!("{n:.0}")),
            Datum::number(share(task), format::fraction),
            Datum::number(mean(task, |counted| counted.violated), |n| format!("{n:.1}")),
            degrees(mean(task, |counted| counted.angle_before)),
            degrees(mean(task, |counted| counted.angle_after)),
        ]
    };
    Some(Figure {
        name: file_name("conflicts", standing.strategy),
        caption: "How often tasks disagreed: the share of a task’s steps whose gradient pointed \
                  against a past one and was projected. Below, for those steps, how many past \
                  gradients it pointed against and its widest angle to one of them, on average: \
                  beyond 90° a step undoes what was learnt."
            .into(),
        table: Tabular::new(
            &["task", "steps", "projected", "violated", "angle before", "angle after"],
            (0..tasks).map(row).collect(),
        ),
        plot: plot.draw(),
        tasks,
    })
}
