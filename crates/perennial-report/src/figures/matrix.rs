//! R as a map.

use super::{Figure, file_name};
use crate::charts::heat::{self, Size};
use crate::format;
use crate::standing::Standing;
use crate::svg::Svg;
use crate::tabular::{Datum, Tabular};

/// R of one strategy with its numbers.
pub(crate) fn matrix(standing: &Standing<'_>, tasks: usize) -> Figure {
    let accuracy = standing.accuracy(tasks);
    let head = (1..=tasks).map(|task| format!("task {task}"));
    let row = |(i, row): (usize, &Vec<Option<f64>>)| {
        let cells = row.iter().map(|value| Datum::number(*value, format::fraction));
        std::iter::once(Datum::Text(heat::moment(i))).chain(cells).collect()
    };
    Figure {
        name: file_name("matrix", standing.strategy),
        caption: format!(
            "{}: accuracy on each task (columns) after each task where it was measured (rows). Down \
             a column a task is learnt (framed) and then kept or forgotten.",
            standing.label
        ),
        table: Tabular {
            head: std::iter::once("moment".to_owned()).chain(head).collect(),
            rows: heat::shown(&accuracy).map(row).collect(),
        },
        plot: heat::draw(&title(standing), &accuracy, Size::Large),
        tasks,
    }
}

/// R of one strategy, to be seen beside that of others.
pub(crate) fn small(standing: &Standing<'_>, tasks: usize) -> Svg {
    heat::draw(&title(standing), &standing.accuracy(tasks), Size::Small)
}

fn title(standing: &Standing<'_>) -> String {
    format!("{}: accuracy on each task after each task", standing.label)
}
