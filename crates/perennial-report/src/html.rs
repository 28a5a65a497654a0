//! The report: one HTML file that opens anywhere, loads nothing and runs nothing.
//!
//! The looks are in `templates/`; here the numbers are put into the shapes that the templates
//! walk through. Escaping is the templates' (everything that is not an [`Svg`] or a
//! [`Palette`]), so no text of a document is ever markup.

mod card;
mod figures;
mod palette;
mod ranking;

use askama::Template;

use self::card::Card;
use self::palette::Palette;
use self::ranking::Row;
use crate::chart::{Chart, Series};
use crate::document::{Comparison, FailedRun};
use crate::standing::{self, Role, Standing};
use crate::svg::Svg;
use crate::{ReportError, colour};

#[derive(Template)]
#[template(path = "report.html", whitespace = "minimize")]
struct Page<'a> {
    comparison: &'a Comparison,
    palette: Palette,
    sentences: [String; 3],
    seeds: usize,
    rows: Vec<Row<'a>>,
    overview: Svg,
    /// A colour for every tenth of the scale beside the heat maps.
    scale: Vec<(String, String)>,
    cards: Vec<Card<'a>>,
    failed: Vec<&'a FailedRun>,
    raw: String,
}

/// The whole report as one HTML document.
///
/// # Errors
/// [`ReportError::BadData`] when the comparison contradicts itself ([`Comparison::check`]).
pub fn html(comparison: &Comparison) -> Result<String, ReportError> {
    comparison.check()?;
    let standings = standing::ranked(comparison);
    let page = Page {
        comparison,
        palette: Palette { tasks: comparison.tasks },
        sentences: crate::sentences(comparison).map(|sentence| unbroken(&sentence)),
        seeds: standing::seeds(&standings),
        rows: ranking::rows(&standings),
        overview: overview(comparison, &standings),
        scale: (0..=10).map(|tenth| palette::heat(f64::from(tenth) / 10.0)).collect(),
        cards: card::cards(comparison, &standings),
        failed: comparison.failed().collect(),
        raw: serde_json::to_string(comparison).map_err(|error| ReportError::BadData {
            origin: "the comparison".to_owned(),
            problem: error.to_string(),
        })?,
    };
    Ok(page.render()?)
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

/// Accuracy over the tasks learnt so far: every strategy in one chart.
fn overview(comparison: &Comparison, standings: &[Standing<'_>]) -> Svg {
    let mut methods = 0..;
    let mut series: Vec<_> = standings
        .iter()
        .map(|standing| {
            let class = match standing.role {
                Role::Lower => "lower".to_owned(),
                Role::Upper | Role::Reference => "upper".to_owned(),
                Role::Method => {
                    let index = methods.next().unwrap_or(0);
                    format!("s{} d{}", index % colour::DISTINCT, index / colour::DISTINCT % 3)
                }
            };
            let label = standing.label.to_owned();
            Series { class, label, points: standing.so_far(comparison.tasks), dot: false }
        })
        .collect();
    series.reverse(); // the best on top
    let title = "Mean accuracy over the tasks learnt so far, by strategy";
    Chart { title, axis: "tasks trained", first: 1, last: comparison.tasks, series: &series }.draw()
}
