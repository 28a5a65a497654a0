//! What compacting, picking and growing decided for each task.

use super::{Figure, file_name};
use crate::charts::lines::{Chart, Series};
use crate::document::{Decision, Run};
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
pub(super) fn figure(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    standing.runs[0].figures.decisions.as_ref()?;
    let line = |class: &str, label: &str, value: fn(&Decision) -> f64| {
        let mean = |task: usize| {
            let of = |run: &Run| Some(value(run.figures.decisions.as_ref()?.get(task)?));
            Some(((task + 1) as f64, standing.over_seeds(of)?))
        };
        let points = (0..tasks).filter_map(mean).collect();
        let (class, label) = (class.into(), label.into());
        Series { class, label, points, band: Vec::new(), dot: true }
    };
    let lines = [
        line("reference", "goal", |decision| decision.goal),
        line("s0", "reached", |decision| decision.end),
        line("s1", "picked", |decision| decision.picked.unwrap_or(0.0)),
        line("s2", "given back", |decision| decision.pruned),
    ];
    let title = format!("{}: goal, accuracy, picked and pruned shares by task", standing.label);
    let plot = Chart { title: &title, axis: "task", first: 1, last: tasks, series: &lines };
    Some(Figure {
        name: file_name("decisions", standing.strategy),
        caption: "What was decided for each task: the goal and what was reached, both on \
                  validation rows; the share of the older weights that was picked; the share of \
                  what the task took that was given back. Below, for every seed; the width is that \
                  of the trunk in weights, as a multiple of the first."
            .into(),
        table: Tabular::new(
            &["seed", "task", "goal", "reached", "met", "picked", "width", "grew", "given back"],
            standing.runs.iter().flat_map(|run| rows(run)).collect(),
        ),
        plot: plot.draw(),
        tasks,
    })
}

#[expect(clippy::cast_precision_loss, reason = "seeds and tasks are small numbers")]
fn rows(run: &Run) -> Vec<Vec<Datum>> {
    let decisions = run.figures.decisions.as_deref().unwrap_or_default();
    let row = |(i, decision): (usize, &Decision)| {
        let yes = |is: bool| Datum::text(if is { "yes" } else { "no" });
        vec![
            Datum::Number(run.seed as f64, run.seed.to_string()),
            Datum::Number((i + 1) as f64, (i + 1).to_string()),
            Datum::Number(decision.goal, format::fraction(decision.goal)),
            Datum::Number(decision.end, format::fraction(decision.end)),
            yes(decision.met),
            Datum::number(decision.picked, format::fraction),
            Datum::Number(decision.width, format!("{:.2}", decision.width)),
            yes(decision.grown),
            Datum::Number(decision.pruned, format::fraction(decision.pruned)),
        ]
    };
    decisions.iter().enumerate().map(row).collect()
}
