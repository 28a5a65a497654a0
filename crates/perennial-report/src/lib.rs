//! A comparison in; a terminal table, three sentences, figures and one self-contained HTML page out.
//! This crate knows nothing of training: it reads the document that the program leaves behind.
//!
//! ```
//! # let text = include_str!("../tests/data/two_tasks.json");
//! let comparison = perennial_report::Comparison::parse(text, "result.json")?;
//! print!("{}", perennial_report::table(&comparison, 80));
//! println!("{}", perennial_report::sentences(&comparison).join("\n"));
//! let page = perennial_report::html(&comparison)?;
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), perennial_report::ReportError>(())
//! ```
//!
//! Inside, one thing feeds all views: [`document`] is read, `standing` sums up each strategy
//! over its seeds, `verdict` says which of them the seeds separate, `figures` draws them by `charts`,
//! and `table`, `sentences`, `html` and `live` show it. [`reproduction`] judges runs by what papers printed.
#![forbid(unsafe_code)]

pub mod document;
pub mod live;
pub mod reproduction;
pub mod tensorboard;

mod charts;
mod colour;
mod error;
mod figures;
mod format;
mod group;
mod html;
mod look;
mod profile;
mod ranking;
mod sentences;
mod standing;
mod svg;
mod table;
mod tabular;
mod text;
mod verdict;

pub use document::Comparison;
pub use error::ReportError;
pub use figures::{Figure, figures};
pub use group::grouped;
pub use html::{html, html_of_several};
pub use profile::profiles;
pub use ranking::ranking;
pub use sentences::{learnt_nothing, sentences};
pub use table::table;
pub use tabular::{Datum, Tabular};
pub use text::shorten;
