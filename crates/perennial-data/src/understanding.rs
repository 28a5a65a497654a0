//! What was understood of data, for people and for programs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Dataset, InputSpec, Part};

/// What was understood of data: shown in one line, and part of every document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Understanding {
    /// The file, folder or name that was given.
    pub from: String,
    /// What the data are.
    pub format: Format,
    /// The shape of every row: `[channels, height, width]`; `[1, 1, n]` for n numbers.
    pub shape: [usize; 3],
    /// The columns that are inputs, in order; empty where rows come from no table.
    pub columns: Vec<String>,
    /// The column or array that holds the labels.
    pub label: Option<String>,
    /// The classes in the order of their labels; empty without labels.
    pub classes: Vec<String>,
    /// How values become inputs, in words.
    pub scale: String,
    /// How many rows each part has.
    pub parts: Parts,
    /// Rows and files that were left out, an entry a reason.
    pub left_out: Vec<LeftOut>,
    /// What was guessed, decided or is worth a look, a sentence each.
    pub notes: Vec<String>,
}

/// The rows of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Rows to learn from; of data that are answered only, none.
    pub train: usize,
    /// Rows to choose by.
    pub validation: usize,
    /// Rows to be judged by, or to be answered.
    pub test: usize,
    /// Where the test part comes from.
    pub test_from: TestPart,
}

/// What data are. Shown as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// A known set, or a folder with the files of one.
    Set,
    /// Folders of images, named after their classes.
    ImageFolder,
    /// Images that a table names, each with its label.
    ImageList,
    /// Images without labels.
    Images,
    /// Text with a row a line.
    Csv,
    /// Columns in groups of rows.
    Parquet,
    /// One array.
    Npy,
    /// Several arrays, in a `.npz` or a folder of `.npy`.
    Npz,
    /// Several arrays, in a safetensors file.
    Safetensors,
    /// Grey images as bytes.
    Idx,
    /// Colour images of fixed size.
    Cifar,
}

impl Format {
    /// Whether every row is a file of its own.
    #[must_use]
    pub fn is_of_files(self) -> bool {
        matches!(self, Self::Images | Self::ImageFolder | Self::ImageList)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Set => "known set",
            Self::ImageFolder => "image folder",
            Self::ImageList => "image list",
            Self::Images => "images",
            Self::Csv => "CSV",
            Self::Parquet => "Parquet",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Safetensors => "safetensors",
            Self::Idx => "IDX",
            Self::Cifar => "CIFAR",
        })
    }
}

/// Where a test part comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestPart {
    /// The data bring it, or it was given.
    #[default]
    Own,
    /// It was set apart: every fifth row of each class.
    HeldBack,
}

/// Rows or files that were left out, and why. Shown as one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Whether they are files and not rows.
    pub files: bool,
    /// What they have or lack: `without a value in column 3`.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Where the first of them are, at most [`LeftOut::SHOWN`]: `line 17`, or a path.
    pub first: Vec<String>,
}

impl LeftOut {
    /// So many are shown.
    pub const SHOWN: usize = 5;

    /// Counts one.
    pub(crate) fn add(all: &mut Vec<Self>, files: bool, why: &str, place: impl FnOnce() -> String) {
        let at = match all.iter().position(|it| it.why == why && it.files == files) {
            Some(at) => at,
            None => {
                all.push(Self { files, why: why.to_owned(), count: 0, first: Vec::new() });
                all.len() - 1
            }
        };
        all[at].count += 1;
        if all[at].first.len() < Self::SHOWN {
            all[at].first.push(place());
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, why, count, first } = self;
        let what = match (files, count) {
            (true, 1) => "file",
            (true, _) => "files",
            (false, 1) => "row",
            (false, _) => "rows",
        };
        let more = count - (first.len() as u64).min(*count);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        write!(f, "{count} {what} {why} ({}{more})", first.join(", "))
    }
}

impl fmt::Display for Understanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, format, shape: [channels, height, width], parts, .. } = self;
        write!(f, "{from}: {format}, ")?;
        match (self.columns.as_slice(), [*channels, *height]) {
            ([], [1, 1]) => write!(f, "rows of {}", counted(*width, "number"))?,
            ([], _) => write!(f, "images of {channels}×{height}×{width}")?,
            ([only], _) => write!(f, "column `{only}`")?,
            (columns, _) => write!(f, "{} columns ({})", columns.len(), few(columns))?,
        }
        write!(f, ", {}", self.scale)?;
        match &self.label {
            Some(label) => write!(f, "; label `{label}`")?,
            None if self.classes.is_empty() => write!(f, "; no labels")?,
            None => {}
        }
        if !self.classes.is_empty() {
            let classes = self.classes.len();
            let s = if classes == 1 { "" } else { "es" };
            write!(f, "; {classes} class{s} ({})", few(&self.classes))?;
        }
        let Parts { train, validation, test, test_from } = *parts;
        if train == 0 {
            return write!(f, "; {}", counted(test, "row"));
        }
        write!(f, "; {} to learn from", counted(train, "row"))?;
        if validation > 0 {
            write!(f, ", {validation} to choose by")?;
        }
        match test_from {
            TestPart::Own => write!(f, ", {test} to be judged by"),
            TestPart::HeldBack => write!(f, ", {test} set apart to be judged by"),
        }
    }
}

impl Understanding {
    /// What is known of data that are in memory or of a known set.
    #[must_use]
    pub fn of_set(set: &Dataset, spec: &InputSpec) -> Self {
        Self {
            from: set.name.clone(),
            format: Format::Set,
            shape: set.shape,
            columns: spec.column_names(),
            label: None,
            classes: set.classes.clone(),
            scale: scale_in_words(spec),
            parts: Parts {
                train: set.train.len(),
                validation: set.validation.as_ref().map_or(0, Part::len),
                test: set.test.len(),
                test_from: TestPart::Own,
            },
            left_out: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What beside the one line is worth a line of its own: notes, and what was left out.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let left_out = self.left_out.iter().map(|it| format!("{}: left out {it}", self.from));
        let notes = self.notes.iter().map(|note| format!("{}: {note}", self.from));
        notes.chain(left_out)
    }
}

/// How values become inputs, in words.
pub(crate) fn scale_in_words(spec: &InputSpec) -> String {
    let images = spec.shape[..2] != [1, 1];
    let kind = if images { "channels" } else { "columns" };
    match (&spec.scaling, spec.white) {
        (Some(scaling), _) if scaling.is_identity() => format!("{kind} of 0 and 1, as they are"),
        (Some(scaling), _) => {
            let clip = scaling.clip.map(|clip| format!(", clipped at ±{clip}"));
            format!("{kind} standardised{}", clip.unwrap_or_default())
        }
        (None, Some(1)) => "values 0 and 1".to_owned(),
        (None, Some(white)) => format!("bytes of which {white} is read as 1"),
        (None, None) => "numbers as they are".to_owned(),
    }
}

/// As many names as a line can bear.
fn few(names: &[String]) -> String {
    const MOST: usize = 6;
    const LONGEST: usize = 24;
    let short = |name: &String| match name.chars().count() > LONGEST {
        true => format!("{}…", name.chars().take(LONGEST).collect::<String>()),
        false => name.clone(),
    };
    let shown: Vec<String> = names.iter().take(MOST).map(short).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understanding() -> Understanding {
        Understanding {
            from: "kind.csv".into(),
            format: Format::Csv,
            shape: [1, 1, 2],
            columns: vec!["a".into(), "b".into()],
            label: Some("kind".into()),
            classes: vec!["x".into(), "y".into()],
            scale: "columns standardised".into(),
            parts: Parts { train: 8, validation: 0, test: 2, test_from: TestPart::HeldBack },
            left_out: Vec::new(),
            notes: vec!["a note".into()],
        }
    }

    #[test]
    fn one_line_by_hand() {
        assert_eq!(
            understanding().to_string(),
            "kind.csv: CSV, 2 columns (a, b), columns standardised; label `kind`; 2 classes (x, y); \
             8 rows to learn from, 2 set apart to be judged by"
        );
        let parts = Parts { train: 60, validation: 10, test: 20, test_from: TestPart::Own };
        let images = Understanding {
            from: "pets".into(),
            format: Format::ImageFolder,
            shape: [3, 32, 32],
            columns: Vec::new(),
            label: None,
            scale: "bytes of which 255 is read as 1".into(),
            parts,
            ..understanding()
        };
        assert_eq!(
            images.to_string(),
            "pets: image folder, images of 3×32×32, bytes of which 255 is read as 1; 2 classes (x, \
             y); 60 rows to learn from, 10 to choose by, 20 to be judged by"
        );
    }

    /// Catches: more than the first five, a count that forgets them.
    #[test]
    fn the_first_five_are_named() {
        let mut all = Vec::new();
        for at in 0..7 {
            LeftOut::add(&mut all, true, "without an end", || format!("{at}.jpg"));
        }
        LeftOut::add(&mut all, false, "without an end", || "line 3".into());
        let said: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "7 files without an end (0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg, and 2 more)",
                "1 row without an end (line 3)"
            ]
        );
    }
}
