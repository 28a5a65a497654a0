//! The names of a table's columns: which usual names mean what, and where a known column is.

use std::collections::HashSet;

use crate::labels::few;
use crate::{InputSpec, Label};

/// The name of the column of labels, if nothing says it.
pub(crate) const USUAL_LABEL: &str = "label";

/// Names that a column of labels has where it is not called `label`.
const LIKE_LABEL: [&str; 8] =
    ["labels", "target", "targets", "class", "classes", "species", "category", "y"];

/// A name too short to mean labels where it is not the first or the last column: coordinates are
/// called so, too.
pub(crate) const SHORT: &str = "y";

/// The name that pandas gives to an index that it writes into Parquet.
pub(crate) const PANDAS_INDEX: &str = "__index_level_0__";

/// The name that pandas gives to a column without one when it reads a table, and writes into the next.
pub(crate) const UNNAMED: &str = "Unnamed: 0";

/// Whether a name is one that columns of labels have.
pub(crate) fn is_like_label(name: &str) -> bool {
    let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
    is(USUAL_LABEL) || LIKE_LABEL.into_iter().any(is)
}

/// The columns as a file describes them.
pub(crate) struct Header {
    /// Names, or numbers from 1 where the file has none.
    pub(crate) names: Vec<String>,
    /// Whether the file names them.
    pub(crate) named: bool,
    /// Whether the first column counts the rows and has no name of its own.
    pub(crate) counts: bool,
}

/// The place of a column of the first task's table: by its name, or by its place there where one side
/// has no names.
pub(crate) fn place_of(
    column: &Label,
    known: &InputSpec,
    names: &[String],
    named: bool,
) -> Option<usize> {
    if named && known.named {
        return names.iter().position(|name| *name == column.name);
    }
    match (names.len(), known.label.as_ref()) {
        (count, _) if count == known.width => Some(column.at),
        (count, Some(label)) if count + 1 == known.width && column.at != label.at => {
            Some(column.at - usize::from(column.at > label.at))
        }
        _ => None,
    }
}

/// Numbers columns that have the name of one before them: `a`, `a.1`. Says so.
pub(crate) fn unique(names: &mut [String]) -> Option<String> {
    let mut taken: HashSet<String> = HashSet::with_capacity(names.len());
    let mut renamed = Vec::new();
    for at in 0..names.len() {
        if !taken.contains(&names[at]) {
            taken.insert(names[at].clone());
            continue;
        }
        let others = |name: &String| names.contains(name) || taken.contains(name);
        let new = (1_usize..).map(|n| format!("{}.{n}", names[at])).find(|name| !others(name));
        names[at] = new.unwrap_or_default();
        taken.insert(names[at].clone());
        renamed.push(names[at].clone());
    }
    (!renamed.is_empty())
        .then(|| format!("columns have the names of others and get numbers: {}", few(&renamed)))
}
