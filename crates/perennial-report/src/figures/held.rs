//! What a penalty on the weights holds: in which layers importance lies, and how far important
//! weights went beside the others.

use super::{Figure, conflicts, file_name};
use crate::charts::lines::{Chart, Series, round_top};
use crate::colour;
use crate::document::{Importance, Moves, Run};
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

/// The share of all importance that lies in each layer, after each task.
#[expect(clippy::cast_precision_loss, reason = "tasks and weights are counted")]
pub(super) fn importance(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    let layers = standing.runs[0].figures.importance.as_ref()?;
    let share = |layer: usize, task: usize| {
        let of = |run: &Run| run.figures.importance.as_ref()?.get(layer)?.share.get(task).copied();
        standing.over_seeds(of)
    };
    let line = |(i, layer): (usize, &Importance)| Series {
        class: format!("s{} d{}", i % colour::DISTINCT, i / colour::DISTINCT % 3),
        label: layer.name.clone(),
        points: (0..tasks).filter_map(|t| Some(((t + 1) as f64, share(i, t)?))).collect(),
        band: Vec::new(),
        dot: true,
    };
    let series: Vec<_> = layers.iter().enumerate().map(line).collect();
    let title = format!("{}: share of all importance that lies in each layer", standing.label);
    let chart =
        Chart { title: &title, axis: "tasks trained", first: 1, last: tasks, series: &series };
    let all: u64 = layers.iter().map(|layer| layer.weights).sum();
    let row = |(i, layer): (usize, &Importance)| {
        let own = layer.weights as f64 / all.max(1) as f64;
        let held = share(i, tasks - 1);
        vec![
            Datum::text(&*layer.name),
            Datum::Number(layer.weights as f64, format::count(layer.weights)),
            Datum::Number(own, format::fraction(own)),
            Datum::number(held, format::fraction),
            Datum::number(held.map(|held| held / own), |times| format!("{times:.2}")),
        ]
    };
    Some(Figure {
        name: file_name("importance", standing.strategy),
        caption: "Where importance lies: the share of the sum over all weights that each layer \
                  has, after each task. The table compares it, at the end, with the layer’s share \
                  of the weights: above 1, its weights are more important than most."
            .into(),
        table: Tabular::new(
            &["layer", "weights", "share of weights", "share of importance", "ratio"],
            layers.iter().enumerate().map(row).collect(),
        ),
        plot: chart.draw(),
        tasks,
    })
}

/// How far the most important weights were from where they are held when a task ended, and how
/// far the others.
pub(super) fn moves(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    standing.runs[0].figures.moves.as_ref()?;
    let mean = |task: usize, value: fn(&Moves) -> Option<f64>| {
        let of = |run: &Run| {
            let moves = run.figures.moves.as_ref()?;
            value(moves.iter().find(|moves| moves.task == task + 1)?)
        };
        standing.over_seeds(of)
    };
    let line = |class: &str, label: &str, value: fn(&Moves) -> Option<f64>| {
        conflicts::line(class, label, tasks, |task| mean(task, value))
    };
    let series = [
        line("s1", "others", |moves| moves.others),
        line("s0", "important", |moves| moves.important),
    ];
    let most = series.iter().flat_map(|line| &line.points).map(|(_, far)| *far).fold(0.0, f64::max);
    let title = format!("{}: how far important weights and others went", standing.label);
    let chart = Chart { title: &title, axis: "task", first: 1, last: tasks, series: &series };
    let row = |task: usize| {
        let [important, others] =
            [mean(task, |moves| moves.important), mean(task, |moves| moves.others)];
        let ratio = important.zip(others).filter(|(_, others)| *others > 0.0);
        vec![
            Datum::Number((task + 1) as f64, (task + 1).to_string()),
            Datum::number(important, format::measure),
            Datum::number(others, format::measure),
            Datum::number(ratio.map(|(a, b)| a / b), |times| format!("{times:.2}")),
        ]
    };
    Some(Figure {
        name: file_name("moves", standing.strategy),
        caption: "How far weights were from where they are held, when each task ended, on \
                  average: the tenth that was most important before it, and all others. Of the \
                  first task nothing is held yet."
            .into(),
        table: Tabular::new(
            &["task", "important", "others", "ratio"],
            (1..tasks).map(row).collect(),
        ),
        plot: chart.draw_to(round_top(most)),
        tasks,
    })
}
