//! What a strategy counted while it learnt: a plot and its numbers for every kind that is known.

mod columns;
mod conflicts;
mod decisions;
mod owners;

use crate::standing::Standing;
use crate::svg::Svg;

/// One kind of figures, as the page shows it.
pub(crate) struct Figure {
    /// What the plot shows.
    pub(crate) caption: String,
    pub(crate) plot: Svg,
    /// Names of the columns; the first is the row's name.
    pub(crate) head: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
}

/// The figures of a strategy, over its seeds.
pub(crate) fn figures(standing: &Standing<'_>, tasks: usize) -> Vec<Figure> {
    let kinds = [conflicts::figure, owners::figure, decisions::figure, columns::figure];
    kinds.into_iter().filter_map(|figure| figure(standing, tasks)).collect()
}
