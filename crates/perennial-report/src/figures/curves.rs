//! The accuracy of each task from the moment it was learnt: where a line falls, it is forgotten.

use super::{Figure, file_name};
use crate::charts::lines::{Chart, Series};
use crate::document::Run;
use crate::format;
use crate::standing::Standing;
use crate::tabular::{Datum, Tabular};

#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
pub(crate) fn curves(standing: &Standing<'_>, tasks: usize) -> Figure {
    let several = standing.runs.len() > 1;
    let series: Vec<_> = (0..tasks)
        .map(|task| {
            let at = |i: usize, run: &Run| run.accuracy.at(i, task);
            let mean = |i| Some((i as f64, standing.over_seeds(|run| at(i, run))?));
            let range = |i| {
                let all: Vec<f64> =
                    standing.runs.iter().map(|run| at(i, run)).collect::<Option<_>>()?;
                let low = all.iter().copied().fold(f64::INFINITY, f64::min);
                let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                several.then_some((i as f64, low, high))
            };
            Series {
                class: format!("t{task}"),
                label: String::new(),
                points: (task + 1..=tasks).filter_map(mean).collect(),
                band: (task + 1..=tasks).filter_map(range).collect(),
                dot: true,
            }
        })
        .collect();
    let title =
        format!("{}: accuracy of each task from when it was learnt to the end", standing.label);
    let chart =
        Chart { title: &title, axis: "tasks trained", first: 1, last: tasks, series: &series };
    Figure {
        name: file_name("curves", standing.strategy),
        caption: format!(
            "{}: each line is a task, from when it was learnt (dot) to the end{}.",
            standing.label,
            if several { "; its band reaches from the lowest seed to the highest" } else { "" }
        ),
        table: table(|after, task| standing.over_seeds(|run| run.accuracy.at(after, task)), tasks),
        plot: chart.draw(),
        tasks,
    }
}

/// A row for each task and moment that was measured, which is what programs that draw ask for.
#[expect(clippy::cast_precision_loss, reason = "tasks are few")]
fn table(at: impl Fn(usize, usize) -> Option<f64>, tasks: usize) -> Tabular {
    let row = |(task, after): (usize, usize)| {
        let at = at(after, task)?;
        let number = |n: usize| Datum::Number(n as f64, n.to_string());
        Some(vec![number(task + 1), number(after), Datum::number(Some(at), format::fraction)])
    };
    let all = (0..tasks).flat_map(|task| (task + 1..=tasks).map(move |after| (task, after)));
    Tabular::new(&["task", "after", "accuracy"], all.filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 1,000 tasks the others would be half a million rows of nothing. Catches: a moment that
    /// was measured and is left out, one of a task that was not learnt yet.
    #[test]
    fn moments_that_were_not_measured_have_no_row() {
        let measured =
            |after: usize, task: usize| (after != 2).then(|| (after + task) as f64 / 10.0);
        let table = table(measured, 3);
        let shown = |row: &Vec<Datum>| row.iter().map(Datum::shown).collect::<Vec<_>>().join(" ");
        let rows: Vec<String> = table.rows.iter().map(shown).collect();
        assert_eq!(rows, ["1 1 .100", "1 3 .300", "2 3 .400", "3 3 .500"]);
    }
}
