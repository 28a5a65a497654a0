//! Rows of a table from their cells.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::columns::{Columns, Role};
use crate::labels::{Labels, RawLabel};
use crate::open::{Format, MOST_BYTES, OpenError, Request, Table, as_bytes};
use crate::precision::{self, Spread};
use crate::{Column, DataError, LeftOut};

/// A column with more different texts than this holds names or free text, and no categories.
pub(crate) const MOST_CATEGORIES: usize = 50;

/// A field of a row.
pub(crate) enum Cell<'a> {
    Missing,
    /// Finite in single precision.
    Number(f64),
    /// As it is written, without the space around it.
    Text(Cow<'a, str>),
    /// The name of a class.
    Label(RawLabel<'a>),
}

/// Rows that were read.
pub(crate) struct Rows {
    /// `[rows, inputs]`
    values: Vec<f32>,
    labels: Labels,
    names: Vec<String>,
    ids: Vec<String>,
    /// A number for each row, which the rows of one group share. `[rows]`
    groups: Vec<u32>,
    group_of: HashMap<String, u32>,
    left_out: Vec<LeftOut>,
    /// The numbers of each input, before they were rounded.
    spreads: Vec<Spread>,
    /// Columns that lack values in rows that were left out.
    lacking: BTreeSet<usize>,
    /// Texts that are none of a column's categories: how often, by input and text.
    unknown: BTreeMap<(usize, String), u64>,
    /// Where the inputs of each column start in a row.
    first: Vec<usize>,
    width: usize,
}

impl Rows {
    pub(crate) fn new(columns: &Columns) -> Self {
        let mut first = Vec::with_capacity(columns.inputs.len());
        let mut width = 0;
        for column in &columns.inputs {
            first.push(width);
            width += column.inputs();
        }
        Self {
            values: Vec::new(),
            labels: Labels::default(),
            names: Vec::new(),
            ids: Vec::new(),
            groups: Vec::new(),
            group_of: HashMap::new(),
            left_out: Vec::new(),
            spreads: vec![Spread::default(); columns.inputs.len()],
            lacking: BTreeSet::new(),
            unknown: BTreeMap::new(),
            first,
            width,
        }
    }

    /// Appends a row, one cell a column; or leaves it out, if one that counts is missing.
    pub(crate) fn push<'a>(
        &mut self,
        columns: &Columns,
        cells: impl Iterator<Item = Result<Cell<'a>, OpenError>>,
        name: String,
        path: &Path,
    ) -> Result<(), OpenError> {
        let begin = self.values.len();
        self.values.resize(begin + self.width, 0.0);
        let (mut label, mut id, mut group, mut missing) = (None, None, None, None);
        for (at, cell) in cells.enumerate() {
            let role = columns.roles[at];
            match (role, cell?) {
                (Role::Left, _) => {}
                // A row without its name is still a row.
                (Role::Id, Cell::Text(text)) => id = Some(text.into_owned()),
                (Role::Id, _) => {}
                (_, Cell::Missing) => _ = missing.get_or_insert(at),
                (Role::Input(input), Cell::Number(value)) => {
                    if !columns.inputs[input].categories.is_empty() {
                        return Err(columns.inputs[input].wrong_type("numbers", path));
                    }
                    self.values[begin + self.first[input]] = value as f32;
                    self.spreads[input].add(value);
                }
                (Role::Input(input), Cell::Text(text)) => {
                    let categories = &columns.inputs[input].categories;
                    if categories.is_empty() {
                        return Err(columns.inputs[input].wrong_type("text", path));
                    }
                    match categories.iter().position(|it| *it == text) {
                        Some(category) => {
                            self.values[begin + self.first[input] + category] = 1.0;
                        }
                        None => *self.unknown.entry((input, text.into_owned())).or_default() += 1,
                    }
                }
                (Role::Group, Cell::Text(text)) => group = Some(text.into_owned()),
                (Role::Label, Cell::Label(named)) => label = Some(named),
                (_, Cell::Text(_) | Cell::Label(_) | Cell::Number(_)) => {}
            }
        }
        if let Some(at) = missing {
            self.values.truncate(begin);
            let why = format!("without a value in column `{}`", columns.names[at]);
            LeftOut::add(&mut self.left_out, false, &why, || name);
            self.lacking.insert(at);
            return Ok(());
        }
        if let Some(label) = label {
            self.labels.push(&label);
        }
        if columns.roles.contains(&Role::Id) {
            self.ids.push(id.unwrap_or_default());
        }
        if let Some(group) = group {
            let next = self.group_of.len() as u32;
            self.groups.push(*self.group_of.entry(group).or_insert(next));
        }
        self.names.push(name);
        let bytes = size_of_val(self.values.as_slice()) as u64;
        if bytes > MOST_BYTES {
            let path = path.to_path_buf();
            return Err(OpenError::TooLarge { path, bytes, most: MOST_BYTES });
        }
        Ok(())
    }

    /// All rows.
    pub(crate) fn table(
        self,
        columns: Columns,
        path: &Path,
        format: Format,
        request: Request<'_>,
    ) -> Result<Table, DataError> {
        if self.names.is_empty() && !self.lacking.is_empty() {
            let label = columns.label().filter(|label| self.lacking.contains(label));
            let lacking = self.lacking.iter().filter(|&&at| Some(at) != label);
            let names: Vec<&str> = lacking.map(|&at| &*columns.names[at]).collect();
            let help = match label {
                Some(label) => format!("column `{}` should hold the labels", columns.names[label]),
                None => format!("leave out columns that lack values: --ignore {}", names.join(",")),
            };
            let why = self.left_out.iter().map(ToString::to_string).chain([help]).collect();
            return Err(OpenError::NoRows { path: path.to_path_buf(), why }.into());
        }
        let names = columns.inputs.iter().map(|column| column.name.as_str());
        precision::check(self.spreads.iter().copied().zip(names), path, request)?;
        let unknown = self.unknown.iter().map(|((input, text), count)| {
            let column = &columns.inputs[*input].name;
            let rows = crate::understanding::counted(*count as usize, "row");
            format!(
                "`{}` in column `{column}` ({rows}) is none of its categories: none of them is set",
                shown(text)
            )
        });
        let mut notes = columns.notes.clone();
        notes.extend(summed(unknown.collect()));
        let values = as_bytes(self.values, self.width, request.how, path)?;
        let kept = |role| columns.kept(role);
        let (label, id, group) = (kept(Role::Label), kept(Role::Id), kept(Role::Group));
        let ignored = columns.ignored();
        Ok(Table {
            columns: columns.inputs,
            named: columns.named,
            width: columns.names.len(),
            labels: label.as_ref().map(|_| self.labels),
            label,
            ignored,
            ids: id.as_ref().map(|_| self.ids),
            groups: group.as_ref().map(|_| self.groups),
            id,
            group,
            left_out: self.left_out,
            notes,
            ..Table::new(path, format, [1, 1, self.width], values, self.names)
        })
    }
}

/// As many notes as a reader may want.
fn summed(mut notes: Vec<String>) -> Vec<String> {
    const MOST: usize = 5;
    let more = notes.len().saturating_sub(MOST);
    notes.truncate(MOST);
    if more > 0 {
        notes.push(format!("{more} more texts are none of their columns' categories"));
    }
    notes
}

/// Gives a column its categories, of so many `texts`; refuses days, and more different texts than kinds
/// of something are.
pub(crate) fn set_categories(
    column: &mut Column,
    found: BTreeSet<String>,
    texts: u64,
    path: &Path,
) -> Result<(), OpenError> {
    /// Fewer different texts than this may be categories however few rows there are.
    const FEW: usize = 20;
    let problem = if !found.is_empty() && found.iter().all(|text| is_date(text)) {
        "days or times".to_owned()
    } else if found.len() > MOST_CATEGORIES {
        format!("more than {MOST_CATEGORIES} different texts")
    } else if found.len() >= FEW && 2 * found.len() as u64 > texts {
        format!("{} different texts in {texts} rows", found.len())
    } else {
        column.categories = found.into_iter().collect();
        return Ok(());
    };
    Err(OpenError::ColumnType {
        path: path.to_path_buf(),
        column: column.name.clone(),
        found: problem,
        expected: "numbers or categories: make it plain numbers, without marks such as 1,000, % or \
                   $, or leave it out with --ignore",
    })
}

impl Column {
    /// The refusal of a column that holds something else than in the first task.
    pub(crate) fn wrong_type(&self, found: &str, path: &Path) -> OpenError {
        let expected = match self.categories.is_empty() {
            true => "numbers, as in the first task",
            false => "the texts of the first task's categories",
        };
        OpenError::ColumnType {
            path: path.to_path_buf(),
            column: self.name.clone(),
            found: found.to_owned(),
            expected,
        }
    }
}

/// The start of a field on one line, enough to find it by.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    one_line(text).chars().take(MOST).collect()
}

/// Text that no end of a line divides: sentences hold it.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Whether a text is a day (`2024-01-31`, `31.1.2024`, `1/31/24`), a time, or both.
fn is_date(text: &str) -> bool {
    let mut words = text.split([' ', 'T']).filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return false };
    let is_day = |word: &str| {
        ['-', '.', '/'].into_iter().any(|mark| {
            let parts: Vec<&str> = word.split(mark).collect();
            let digits = |part: &&str| {
                (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
            };
            parts.len() == 3 && parts.iter().all(digits)
        })
    };
    let is_time = |word: &str| {
        let word = word.trim_end_matches('Z');
        let parts: Vec<&str> = word.split(':').collect();
        parts.len() >= 2
            && parts[..2].iter().all(|part| part.len() <= 2 && part.parse::<u8>().is_ok())
    };
    is_day(first) || is_time(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        for text in
            ["2024-01-31", "31.1.2024", "1/31/24", "2024-01-31T10:00:00Z", "10:30", "1-1-2024 9:00"]
        {
            assert!(is_date(text), "{text}");
        }
        for text in ["a-b-c", "1-2", "192.168.0.1", "red", "", "10-11-12-13", "x:y"] {
            assert!(!is_date(text), "{text}");
        }
    }
}
