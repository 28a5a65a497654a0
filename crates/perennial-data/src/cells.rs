//! Rows of a table from their cells.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::columns::{Columns, Role};
use crate::labels::{Labels, Named};
use crate::open::{Format, MOST_BYTES, OpenError, Request, Table, as_bytes};
use crate::{Column, DataError, LeftOut};

/// More categories than this are names, dates or numbers in disguise, not kinds of something.
pub(crate) const MOST_CATEGORIES: usize = 50;

/// A field of a row.
pub(crate) enum Cell<'a> {
    Missing,
    /// Finite.
    Number(f32),
    /// As it is written, without the space around it.
    Text(Cow<'a, str>),
    /// The name of a class.
    Label(Named<'a>),
}

/// Rows that were read.
pub(crate) struct Rows {
    /// `[rows, inputs]`
    values: Vec<f32>,
    labels: Labels,
    names: Vec<String>,
    ids: Vec<String>,
    /// Of each row a number that rows of one group share.
    groups: Vec<u32>,
    group_of: HashMap<String, u32>,
    left_out: Vec<LeftOut>,
    /// Texts that are none of a column's categories: how often, by column and text.
    unknown: Vec<((usize, String), u64)>,
    /// Where the inputs of each column begin in a row.
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
            unknown: Vec::new(),
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
                    self.values[begin + self.first[input]] = value;
                }
                (Role::Input(input), Cell::Text(text)) => {
                    let categories = &columns.inputs[input].categories;
                    match categories.iter().position(|it| *it == text) {
                        Some(category) => {
                            self.values[begin + self.first[input] + category] = 1.0;
                        }
                        None => self.count_unknown(input, &text),
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

    fn count_unknown(&mut self, input: usize, text: &str) {
        let known = self.unknown.iter_mut().find(|((at, it), _)| *at == input && it == text);
        match known {
            Some((_, count)) => *count += 1,
            None => self.unknown.push(((input, text.to_owned()), 1)),
        }
    }

    /// All rows.
    pub(crate) fn table(
        self,
        columns: Columns,
        path: &Path,
        format: Format,
        request: Request<'_>,
    ) -> Result<Table, DataError> {
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
        let (label, ignored) = (columns.kept_label(), columns.ignored());
        Ok(Table {
            columns: columns.inputs,
            named: columns.named,
            width: columns.names.len(),
            labels: label.as_ref().map(|_| self.labels),
            label,
            ignored,
            ids: columns.roles.contains(&Role::Id).then_some(self.ids),
            groups: columns.roles.contains(&Role::Group).then_some(self.groups),
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

/// Gives a column its categories; refuses more than kinds of something are.
pub(crate) fn set_categories(
    column: &mut Column,
    found: BTreeSet<String>,
    path: &Path,
) -> Result<(), OpenError> {
    if found.len() > MOST_CATEGORIES {
        return Err(OpenError::ColumnType {
            path: path.to_path_buf(),
            column: column.name.clone(),
            found: format!("more than {MOST_CATEGORIES} different texts"),
            expected: "numbers or categories: make it numbers, or leave it out with --ignore",
        });
    }
    column.categories = found.into_iter().collect();
    Ok(())
}

/// The begin of a field on one line, enough to find it by.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    one_line(text).chars().take(MOST).collect()
}

/// Text that no end of a line divides: sentences hold it.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
