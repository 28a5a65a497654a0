//! A comparison in; a terminal table, three sentences and one self-contained HTML page out.
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
//! over its seeds, and `table`, `sentences` and `html` show it. [`reproduction`] judges runs by what
//! papers printed.
#![forbid(unsafe_code)]

pub mod document;
pub mod reproduction;

mod chart;
mod colour;
mod error;
mod format;
mod html;
mod sentences;
mod standing;
mod svg;
mod table;
mod text;

pub use document::Comparison;
pub use error::ReportError;
pub use html::html;
pub use sentences::sentences;
pub use table::table;
