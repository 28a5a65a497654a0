//! What can go wrong between a result on disk and a report, each as one sentence.

use std::path::PathBuf;

/// Why a comparison could not be read or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no result at this path, or it cannot be opened (exit code 66).
    #[error(
        "cannot read {}: {source}; a run folder finished by `perennial compare --out DIR` holds \
         a result.json, so run the comparison to its end or name another folder",
        path.display()
    )]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The document is not a comparison, or contradicts itself (exit code 65).
    #[error("{origin} holds no usable comparison: {problem}")]
    BadData {
        /// The file, or `the comparison` for one that was built in memory.
        origin: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The document was written by a newer program (exit code 65).
    #[error(
        "{origin} has schema {found}, and this program reads up to {known}; use the perennial that \
         wrote it, or a newer one"
    )]
    Newer {
        /// The file the document came from.
        origin: String,
        /// The schema it names.
        found: String,
        /// The newest that is read.
        known: &'static str,
    },
    /// A page could not be written out; a defect of this crate (exit code 70).
    #[error("the report's page could not be written: {0}")]
    Page(#[from] askama::Error),
}
