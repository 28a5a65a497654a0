//! The report: one HTML file that opens anywhere, loads nothing and runs nothing.
//!
//! The looks are in `templates/`; here the numbers are put into the shapes that the templates
//! walk through. Escaping is the templates' (everything that is not an [`Svg`] or a [`Style`]),
//! so no text of a document is ever markup.

mod card;
mod ranking;
mod sheet;

use askama::Template;

use self::card::Card;
use crate::charts::heat;
use crate::document::{BegunRun, Comparison, FailedRun};
use crate::figures::{self, Figure};
use crate::standing::{self, Ranked, Standing};
use crate::svg::Svg;
use crate::{ReportError, format, sentences};

pub(crate) use self::ranking::Ranking;
pub(crate) use self::sheet::Style;

#[derive(Template)]
#[template(path = "report.html", whitespace = "minimize")]
struct Page<'a> {
    title: String,
    version: &'a str,
    style: Style,
    groups: Vec<Group<'a>>,
}

/// One comparison on the page.
struct Group<'a> {
    /// Unique on the page: what the ids of its parts begin with.
    id: String,
    comparison: &'a Comparison,
    sentences: Vec<String>,
    seeds: usize,
    ranking: Ranking<'a>,
    overview: Option<Figure>,
    small: Vec<Small<'a>>,
    planes: Vec<Figure>,
    /// A colour for every tenth of the scale beside the heat maps.
    scale: Vec<(String, String)>,
    cards: Vec<Card<'a>>,
    failed: Vec<&'a FailedRun>,
    begun: Vec<&'a BegunRun>,
    raw: String,
}

/// A strategy's R among those of the others.
pub(crate) struct Small<'a> {
    pub(crate) label: &'a str,
    pub(crate) acc: String,
    pub(crate) plot: Svg,
}

/// The whole report as one HTML document.
///
/// # Errors
/// [`ReportError::BadData`] when the comparison contradicts itself ([`Comparison::check`]).
pub fn html(comparison: &Comparison) -> Result<String, ReportError> {
    html_of_several(std::slice::from_ref(comparison))
}

/// One HTML document of several comparisons, each for itself: see [`grouped`](crate::grouped).
///
/// # Errors
/// As [`html`], and when there is none.
pub fn html_of_several(comparisons: &[Comparison]) -> Result<String, ReportError> {
    let first = comparisons.first().ok_or_else(|| ReportError::BadData {
        origin: "the report".to_owned(),
        problem: "it has no comparison; expected at least one".to_owned(),
    })?;
    comparisons.iter().try_for_each(Comparison::check)?;
    let ranked: Vec<_> = comparisons.iter().map(Ranked::of).collect();
    let groups: Result<Vec<_>, _> = comparisons
        .iter()
        .zip(&ranked)
        .enumerate()
        .map(|(i, (comparison, ranked))| group(i, comparison, ranked))
        .collect();
    let tasks = comparisons.iter().map(|comparison| comparison.tasks);
    let page = Page {
        title: match comparisons {
            [one] => format!("{}: what is forgotten, what is kept", one.benchmark),
            several => format!("{} comparisons: what is forgotten, what is kept", several.len()),
        },
        version: &first.version,
        style: Style { tasks: tasks.max().unwrap_or(1) },
        groups: groups?,
    };
    Ok(page.render()?)
}

fn group<'a>(
    number: usize,
    comparison: &'a Comparison,
    ranked: &'a Ranked<'a>,
) -> Result<Group<'a>, ReportError> {
    let (tasks, standings) = (comparison.tasks, &ranked.standings);
    let further = sentences::further(ranked, comparison.tasks);
    let sentences = sentences::of(comparison, ranked).into_iter().chain(further);
    let planes = [figures::stability, figures::memory_price, figures::time_price]
        .map(|f| f(standings, tasks));
    Ok(Group {
        id: format!("g{number}"),
        comparison,
        sentences: sentences.map(|sentence| unbroken(&sentence)).collect(),
        seeds: standing::seeds(standings),
        ranking: Ranking::of(ranked),
        overview: (!standings.is_empty()).then(|| figures::overview(standings, tasks)),
        small: small(standings, tasks),
        planes: planes.into_iter().flatten().collect(),
        scale: (0..=10).map(|tenth| heat_cell(f64::from(tenth) / 10.0)).collect(),
        cards: card::cards(comparison, ranked),
        failed: comparison.failed().collect(),
        begun: comparison.begun().collect(),
        raw: serde_json::to_string(comparison).map_err(|error| ReportError::BadData {
            origin: "the comparison".to_owned(),
            problem: error.to_string(),
        })?,
    })
}

/// R of every strategy, to be seen side by side.
pub(crate) fn small<'a>(standings: &[Standing<'a>], tasks: usize) -> Vec<Small<'a>> {
    let of = |standing: &Standing<'a>| Small {
        label: standing.label,
        acc: standing.acc.map_or_else(String::new, |acc| format::fraction(acc.mean)),
        plot: figures::small(standing, tasks),
    };
    standings.iter().map(of).collect()
}

/// Class and text of a heat map's cell.
fn heat_cell(accuracy: f64) -> (String, String) {
    (heat::class(accuracy), format::cell(accuracy))
}

/// The text with its numbers held together: no line begins with a unit or a ±, or leaves BWT
/// behind.
fn unbroken(text: &str) -> String {
    const UNITS: [&str; 10] = ["ms", "s", "min", "h", "k", "M", "B", "kB", "MB", "GB"];
    let mut words = text.split(' ');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let bare = word.trim_end_matches([',', ';', '.', ')']);
        let unit = UNITS.contains(&bare) && out.ends_with(|last: char| last.is_ascii_digit());
        let value = word.starts_with('±') || out.ends_with("BWT");
        out.push(if unit || value { '\u{a0}' } else { ' ' });
        out += word;
    }
    out
}
