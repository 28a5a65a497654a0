//! What a learner's inputs are: decided by its first task, kept, and compared with every later data.

use serde::{Deserialize, Serialize};

use crate::open::OpenError;
use crate::{Normalise, ReadOptions, Scale, Scaling, Values};

/// What the inputs of a learner are, and how rows of data become them.
///
/// The first task decides it; a learner keeps it, and [`check`](Self::check) is the one function
/// that compares what later data are with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InputSpec {
    /// The shape of every row: `[channels, height, width]`; `[1, 1, n]` for n numbers.
    pub shape: [usize; 3],
    /// The byte that is read as 1; `None` where rows are floats.
    pub white: Option<u8>,
    /// The columns of a table that are inputs, in order; empty where rows come from no table.
    pub columns: Vec<Column>,
    /// Whether the columns have names, by which they are found in later data.
    pub named: bool,
    /// How many columns the first task's table had, inputs or not; 0 where that is not known.
    pub width: usize,
    /// The column of a table, or the array, that holds the labels; `None` where none was there.
    pub label: Option<Label>,
    /// The column that names rows: no input.
    pub id: Option<Label>,
    /// The column whose values keep rows of one group together: no input.
    pub group: Option<Label>,
    /// Whether all names of classes were whole numbers with `.0` behind them and lost it. Later
    /// names lose it, too.
    pub point_zero: bool,
    /// Columns that are no inputs: left out on demand, or because they count the rows.
    pub ignored: Vec<String>,
    /// Whether photographs are turned upright, as their camera was held.
    pub upright: bool,
    /// How values become inputs; `None` where they are used as they are.
    pub scaling: Option<Scaling>,
    /// What was asked for.
    pub asked: ReadOptions,
    /// Whether all of this was kept by the learner. A learner that was made before it was kept
    /// knows shape, columns and type alone.
    pub kept: bool,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Column {
    /// Its name, or its number from 1.
    pub name: String,
    /// Its place among the columns of the first task's table, from 0.
    pub at: usize,
    /// The texts that it may hold, in order: it becomes as many inputs, of which one is 1. Empty
    /// for a column of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// A column that is no input, or the array of the labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Label {
    /// The name of the column or array; a column's number from 1 where it has no name.
    pub name: String,
    /// The column's place among those that the data have, from 0.
    pub at: usize,
}

impl Column {
    /// A column of numbers.
    #[must_use]
    pub fn number(name: impl Into<String>, at: usize) -> Self {
        Self { name: name.into(), at, categories: Vec::new() }
    }

    /// How many inputs it becomes.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.categories.len().max(1)
    }
}

impl InputSpec {
    /// Rows of one shape and type, used as they are.
    #[must_use]
    pub fn plain(shape: [usize; 3], values: &Values) -> Self {
        Self {
            shape,
            white: values.white(),
            columns: Vec::new(),
            named: false,
            width: 0,
            label: None,
            id: None,
            group: None,
            point_zero: false,
            ignored: Vec::new(),
            upright: true,
            scaling: None,
            asked: ReadOptions::default(),
            kept: true,
        }
    }

    /// What is known of a learner that was made before its inputs were kept: it goes on as it was.
    #[must_use]
    pub fn of_older(shape: [usize; 3], white: Option<u8>, columns: &[String]) -> Self {
        // Bytes were made of a table's numbers on demand only. Arrays may be bytes by themselves.
        let scale = white.filter(|_| !columns.is_empty()).map(Scale::Divide);
        Self {
            white,
            asked: ReadOptions { scale, ..ReadOptions::default() },
            columns: columns.iter().zip(0..).map(|(name, at)| Column::number(name, at)).collect(),
            named: !columns.is_empty(),
            upright: false,
            kept: false,
            ..Self::plain(shape, &Values::Floats(Vec::new()))
        }
    }

    /// How many values a row has.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The names of the columns, in order.
    #[must_use]
    pub fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The same inputs, standardised by these values where means and deviations are measured: rows
    /// as they are stored.
    #[must_use]
    pub fn measured_on(&self, values: &Values) -> Self {
        let given = matches!(self.asked.normalise, Some(Normalise::Given { .. }));
        let scaling =
            self.scaling.as_ref().filter(|_| !given).map(|scaling| {
                Scaling::fit(values, self.row_len(), scaling.mean.len(), scaling.clip)
            });
        Self { scaling: scaling.or_else(|| self.scaling.clone()), ..self.clone() }
    }

    /// Rows as they are stored as the inputs of a network, with how many values were clipped.
    #[must_use]
    pub fn inputs(&self, values: &Values) -> (Values, usize) {
        match &self.scaling {
            Some(scaling) => scaling.apply(values, self.row_len()),
            None => (values.clone(), 0),
        }
    }

    /// Says how many values were clipped, where they are more than one in a hundred.
    #[must_use]
    pub fn clip_note(&self, clipped: usize, values: usize) -> Option<String> {
        const WORTH_SAYING: f64 = 0.01;
        let clip = self.scaling.as_ref()?.clip?;
        let share = clipped as f64 / values.max(1) as f64;
        (share > WORTH_SAYING).then(|| {
            format!(
                "{:.1} % of the values are more than {clip} deviations of the first task from its \
                 mean and are clipped; --clip changes that",
                100.0 * share
            )
        })
    }

    /// What of later rows lies far from the first task: columns or channels whose mean moved by
    /// more than two of its deviations. `None` where none did.
    #[must_use]
    pub fn moved_note(&self, values: &Values) -> Option<String> {
        const FAR: f64 = 2.0;
        let moved = self.scaling.as_ref()?.moved(values, self.row_len(), FAR);
        let names: Vec<String> = moved.iter().map(|&at| self.input_name(at)).collect();
        let what = if self.shape[..2] == [1, 1] { "column" } else { "channel" };
        (!names.is_empty()).then(|| {
            let have = if names.len() == 1 { "has its mean" } else { "have their means" };
            format!("{} {have} more than 2 deviations from the first task's", listed(what, &names))
        })
    }

    /// What an input is called: its column, or its number from 1.
    fn input_name(&self, at: usize) -> String {
        let mut first = 0;
        for column in &self.columns {
            if at < first + column.inputs() {
                return match column.categories.get(at - first) {
                    Some(category) => format!("{}={category}", column.name),
                    None => column.name.clone(),
                };
            }
            first += column.inputs();
        }
        (at + 1).to_string()
    }

    /// Refuses data that are not what the learner's inputs are. `from` is what they are called.
    ///
    /// # Errors
    ///
    /// Another shape, bytes where the learner knows floats or floats where it knows bytes, another
    /// value that is read as 1, or other columns.
    pub fn check(&self, found: &Self, from: &str) -> Result<(), OpenError> {
        let refused = |message: String| Err(OpenError::Refused { message });
        if found.shape != self.shape {
            let text = |[c, h, w]: [usize; 3]| format!("{c}×{h}×{w}");
            let help = match () {
                () if !self.columns.is_empty() || self.shape[..2] == [1, 1] => {
                    "give rows of as many numbers"
                }
                () if found.shape[0] != self.shape[0] && found.shape[1..] == self.shape[1..] => {
                    "convert the images with --channels"
                }
                () => "scale the images with --resize",
            };
            return refused(format!(
                "the rows of {from} are {} (channels × height × width), the learner's network takes \
                 {}: {help}",
                text(found.shape),
                text(self.shape)
            ));
        }
        if found.white != self.white {
            let kind = |white| match white {
                None => "numbers wider than a byte".to_owned(),
                Some(white) => format!("bytes of which {white} is read as 1"),
            };
            return refused(format!(
                "the values of {from} are {}, those of the learner's tasks {}: give all tasks alike, \
                 such as arrays of one type",
                kind(found.white),
                kind(self.white)
            ));
        }
        // Names and what a text may be; a column's place may have changed.
        let same = |(a, b): (&Column, &Column)| a.name == b.name && a.categories == b.categories;
        let all = self.columns.iter().zip(&found.columns);
        if self.named && found.named && !all.clone().all(same) {
            return Err(columns_differ(&self.columns, &found.column_names(), from));
        }
        Ok(())
    }
}

/// The sentence on columns that are not the learner's: the difference, not the whole lists.
pub(crate) fn columns_differ(known: &[Column], found: &[String], from: &str) -> OpenError {
    let missing: Vec<&String> =
        known.iter().map(|it| &it.name).filter(|name| !found.contains(name)).collect();
    let is_known = |name: &&String| known.iter().any(|column| column.name == **name);
    let unknown: Vec<&String> = found.iter().filter(|name| !is_known(name)).collect();
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("lacks {}", listed("column", &missing)));
    }
    if !unknown.is_empty() {
        parts.push(format!("has {}, not known from the first task", listed("column", &unknown)));
    }
    let help = match (missing.is_empty(), unknown.is_empty()) {
        (true, false) => {
            let names: Vec<&str> = unknown.iter().map(|name| name.as_str()).collect();
            format!("leave out what is no input with --ignore {}", names.join(","))
        }
        (false, false) => "give columns the names they had in the first task".to_owned(),
        _ => "give the columns of the first task".to_owned(),
    };
    OpenError::Refused { message: format!("{from} {}: {help}", parts.join(" and ")) }
}

/// `the column `a``, `the columns `a`, `b` and 7 more`.
pub(crate) fn listed<T: AsRef<str>>(what: &str, names: &[T]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> =
        names.iter().take(MOST).map(|name| format!("`{}`", name.as_ref())).collect();
    let more = names.len().saturating_sub(MOST);
    let s = if names.len() == 1 { "" } else { "s" };
    match more {
        0 => format!("the {what}{s} {}", shown.join(", ")),
        more => format!("the {what}{s} {} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> InputSpec {
        let values = Values::Floats(Vec::new());
        InputSpec {
            columns: names.iter().zip(0..).map(|(name, at)| Column::number(*name, at)).collect(),
            named: true,
            ..InputSpec::plain([1, 1, names.len()], &values)
        }
    }

    fn sentence(known: &InputSpec, found: &InputSpec) -> String {
        known.check(found, "x.csv").unwrap_err().to_string()
    }

    /// Catches: a comparison that leaves out shape, type, white or columns; a list of all names.
    #[test]
    fn what_differs_is_said() {
        let floats = InputSpec::plain([1, 2, 3], &Values::Floats(Vec::new()));
        let bytes = |white| InputSpec {
            white: Some(white),
            ..InputSpec::plain([1, 2, 3], &Values::Floats(Vec::new()))
        };
        assert!(floats.check(&floats, "x").is_ok());
        assert!(sentence(&floats, &bytes(255)).contains("bytes of which 255 is read as 1, those"));
        assert!(
            sentence(&bytes(255), &floats)
                .contains("are numbers wider than a byte, those of the learner's tasks")
        );
        assert!(sentence(&bytes(255), &bytes(16)).contains("of which 16 is read as 1, those"));
        let grown = InputSpec { shape: [1, 4, 3], ..floats.clone() };
        let text = sentence(&floats, &grown);
        assert!(text.contains("1×4×3") && text.contains("takes 1×2×3: scale the images"), "{text}");
        let colour = InputSpec { shape: [3, 2, 3], ..floats.clone() };
        assert!(sentence(&floats, &colour).contains("--channels"));
        assert_eq!(
            sentence(&table(&["a", "b"]), &table(&["a", "c"])),
            "x.csv lacks the column `b` and has the column `c`, not known from the first task: give \
             columns the names they had in the first task"
        );
    }
}
