//! Accuracy over the tasks learnt so far: every strategy in one chart.

use super::{Figure, classes};
use crate::charts::lines::{Chart, Series};
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

pub(crate) fn overview(standings: &[Standing<'_>], tasks: usize) -> Figure {
    let mut series: Vec<_> = standings
        .iter()
        .map(|standing| Series {
            class: classes(standing),
            label: standing.label.to_owned(),
            points: standing.so_far(tasks),
            band: Vec::new(),
            dot: false,
        })
        .collect();
    series.reverse(); // the best on top
    let title = "Mean accuracy over the tasks learnt so far, by strategy";
    let chart = Chart { title, axis: "tasks trained", first: 1, last: tasks, series: &series };
    let after = (1..=tasks).map(|k| format!("after {k}"));
    let row = |standing: &Standing<'_>| {
        let at = |k| standing.over_seeds(|run| run.accuracy.acc_after(k));
        let cells = (1..=tasks).map(|k| Datum::number(at(k), format::fraction));
        std::iter::once(Datum::text(standing.label)).chain(cells).collect()
    };
    Figure {
        name: "accuracy-so-far".into(),
        caption: "Mean accuracy over the tasks learnt so far, after each task. A line that stays \
                  up keeps what it learnt; one that sinks forgets, or meets harder tasks."
            .into(),
        table: Tabular {
            head: std::iter::once("strategy".to_owned()).chain(after).collect(),
            rows: standings.iter().map(row).collect(),
        },
        plot: chart.draw(),
        tasks,
    }
}
