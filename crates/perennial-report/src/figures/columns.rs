//! The columns of a progressive network, and what reading the older ones costs.

use super::{Figure, file_name};
use crate::format;
use crate::standing::Standing;
use crate::svg::{Anchor, Svg};
use crate::tabular::{Datum, Tabular};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 160.0;
const TOP: f64 = 18.0;
const LEFT: f64 = 8.0;

#[expect(clippy::cast_precision_loss, reason = "numbers are counted")]
pub(super) fn figure(standing: &Standing<'_>, tasks: usize) -> Option<Figure> {
    let columns = standing.runs[0].figures.columns.as_ref()?;
    let mut all = 0;
    let rows = columns.iter().enumerate().map(|(i, column)| {
        all += column.own + column.laterals;
        let number = |n: u64| Datum::Number(n as f64, format::count(n));
        let task = Datum::Number((i + 1) as f64, (i + 1).to_string());
        vec![task, number(column.own), number(column.laterals), number(all)]
    });
    let rows = rows.collect();
    Some(Figure {
        name: file_name("columns", standing.strategy),
        caption: "The columns, one a task: below what a column has of its own, above the laterals \
                  by which it reads the older ones. Laterals grow with the number of columns, and \
                  so all of it with the square of the tasks."
            .into(),
        table: Tabular::new(&["task", "own", "laterals", "in all so far"], rows),
        plot: bars(standing.label, columns),
        tasks,
    })
}

#[expect(clippy::cast_precision_loss, reason = "heights are drawn")]
fn bars(label: &str, columns: &[crate::document::Column]) -> Svg {
    let title = format!("{label}: numbers of each column, its own and its laterals");
    let mut svg = Svg::new(WIDTH, TOP + HEIGHT + 20.0, &title);
    let size = |column: &crate::document::Column| column.own + column.laterals;
    let most = columns.iter().map(size).max().unwrap_or(0).max(1) as f64;
    let step = (WIDTH - LEFT) / columns.len().max(1) as f64;
    let bottom = TOP + HEIGHT;
    for (i, column) in columns.iter().enumerate() {
        let (x, width) = (LEFT + i as f64 * step, step * 0.8);
        let [own, laterals] =
            [column.own, column.laterals].map(|numbers| HEIGHT * numbers as f64 / most);
        svg.rect(&format!("bar t{i}"), (x, bottom - own), (width, own));
        svg.rect("bar laterals", (x, bottom - own - laterals), (width, laterals));
        let middle = x + width / 2.0;
        svg.text("tick", (middle, bottom + 14.0), Anchor::Middle, &(i + 1).to_string());
    }
    svg.text("tick", (LEFT, 12.0), Anchor::Start, &format::short_count(most as u64));
    svg
}
