//! What compacting, picking and growing decided for each task.

use super::Figure;
use crate::chart::{Chart, Series};
use crate::document::{Decision, Run};
use crate::format::{self, NONE};
use crate::standing::Standing;

#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
pub(super) fn figure(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    standing.runs[0].figures.decisions.as_ref()?;
    let line = |class: &str, label: &str, value: fn(&Decision) -> f64| {
        let mean = |task: usize| {
            let of = |run: &Run| Some(value(run.figures.decisions.as_ref()?.get(task)?));
            Some(((task + 1) as f64, standing.over_seeds(of)?))
        };
        let points = (0..tasks).filter_map(mean).collect();
        Series { class: class.into(), label: label.into(), points, dot: true }
    };
    let lines = [
        line("upper", "goal", |decision| decision.goal),
        line("s0", "reached", |decision| decision.end),
        line("s1", "picked", |decision| decision.picked.unwrap_or(0.0)),
        line("s2", "given back", |decision| decision.pruned),
    ];
    let title = format!("{}: goal, accuracy, picked and pruned shares by task", standing.label);
    let plot = Chart { title: &title, axis: "task", first: 1, last: tasks, series: &lines };
    Some(Figure {
        caption: "What was decided for each task: the goal and what was reached, both on \
                  validation rows; the share of the older weights that was picked; the share of \
                  what the task took that was given back. Below, for every seed; the width is that \
                  of the trunk in weights, as a multiple of the first."
            .into(),
        plot: plot.draw(),
        head: &["seed", "task", "goal", "reached", "met", "picked", "width", "given back"],
        rows: standing.runs.iter().flat_map(|run| rows(run)).collect(),
    })
}

fn rows(run: &Run) -> Vec<Vec<String>> {
    let decisions = run.figures.decisions.as_deref().unwrap_or_default();
    let row = |(i, decision): (usize, &Decision)| {
        vec![
            run.seed.to_string(),
            (i + 1).to_string(),
            format::fraction(decision.goal),
            format::fraction(decision.end),
            if decision.met { "yes" } else { "no" }.into(),
            decision.picked.map_or_else(|| NONE.to_owned(), format::fraction),
            format!("{:.2}{}", decision.width, if decision.grown { " (grew)" } else { "" }),
            format::fraction(decision.pruned),
        ]
    };
    decisions.iter().enumerate().map(row).collect()
}
