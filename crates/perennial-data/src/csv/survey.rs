//! A first look at a whole table: what its columns hold, and whether its first line names them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::dialect::Dialect;
use super::records::{Record, Records};
use super::{NONE, is_missing};
use crate::DataError;
use crate::cells::MOST_CATEGORIES;

/// What was seen of a table.
pub(super) struct Survey {
    /// The fields of the first line.
    pub(super) first: Vec<String>,
    /// What the other lines hold.
    pub(super) columns: Vec<ColumnStats>,
    /// The fields of the second line; empty where there is none.
    second: Vec<String>,
    /// Whether the first column holds different whole numbers and nothing else, the first line apart.
    pub(super) counts: bool,
}

/// What the fields of a column are, the first line apart.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnStats {
    pub(super) numbers: u64,
    pub(super) texts: u64,
    /// Fields that say `None`.
    nones: u64,
    /// The first text, with its line.
    pub(super) first_text: Option<(String, u64)>,
    /// Whether one is that of the first line: what names a column is not in it.
    pub(super) recurs: bool,
    /// Whether two texts are the same: it looks like one of classes or categories.
    pub(super) repeats: bool,
    /// Different texts, as many as make that clear.
    different: BTreeSet<String>,
}

impl Survey {
    /// Reads all records.
    pub(super) fn of(
        mut records: Records<'_>,
        dialect: Dialect,
    ) -> Result<Option<Self>, DataError> {
        let Some(first) = records.next()? else { return Ok(None) };
        let first = owned(&first);
        let mut survey = Self {
            columns: vec![ColumnStats::default(); first.len()],
            first,
            second: Vec::new(),
            counts: true,
        };
        let mut counted = HashSet::new();
        while let Some(record) = records.next()? {
            if survey.second.is_empty() {
                survey.second = owned(&record);
            }
            survey.look_at(&record, dialect, &mut counted);
        }
        survey.counts &= !counted.is_empty();
        Ok(Some(survey))
    }

    fn look_at(&mut self, record: &Record<'_>, dialect: Dialect, counted: &mut HashSet<i64>) {
        let columns = self.first.iter().zip(&mut self.columns);
        for (at, (field, (first, seen))) in record.fields().zip(columns).enumerate() {
            let text = trimmed(field);
            seen.recurs |= text == first.as_str();
            if at == 0 && self.counts {
                self.counts = text.parse().is_ok_and(|number| counted.insert(number));
            }
            seen.add(&text, record.line, dialect);
        }
    }

    /// Whether there is a line beside the first.
    pub(super) fn has_more(&self) -> bool {
        !self.second.is_empty()
    }

    /// The first row: what follows the names, where there are names.
    pub(super) fn row(&self, named: bool) -> &[String] {
        if named { &self.second } else { &self.first }
    }

    /// The first line as one of the others, where it names nothing.
    pub(super) fn with_first(&mut self, line: u64, dialect: Dialect) {
        for (text, seen) in self.first.iter().zip(&mut self.columns) {
            seen.add(text, line, dialect);
        }
    }
}

impl ColumnStats {
    fn add(&mut self, text: &str, line: u64, dialect: Dialect) {
        if is_missing(text) {
            return;
        }
        // No value among numbers, and a text among texts.
        if text.eq_ignore_ascii_case(NONE) {
            self.nones += 1;
            return;
        }
        if dialect.number(text).is_some() {
            self.numbers += 1;
            return;
        }
        self.texts += 1;
        if !self.repeats {
            let is_new = self.different.insert(text.to_owned());
            self.repeats = !is_new;
            if self.repeats || self.different.len() > MOST_CATEGORIES {
                self.different.clear();
            }
        }
        if self.first_text.is_none() {
            self.first_text = Some((text.to_owned(), line));
        }
    }

    /// Whether it holds text and no number, or number and no text; `None` where it holds nothing.
    pub(super) fn is_text(&self) -> Option<bool> {
        match (self.numbers, self.texts) {
            (0, 0) if self.nones > 0 => Some(true),
            (0, 0) => None,
            (numbers, texts) => Some(texts > numbers),
        }
    }
}

/// The texts of the columns asked for, in order; no more than make it clear that they are too many.
pub(super) fn categories(
    mut records: Records<'_>,
    columns: &[usize],
    skip_first: bool,
) -> Result<Vec<BTreeSet<String>>, DataError> {
    let mut found = vec![BTreeSet::new(); columns.len()];
    if skip_first {
        records.next()?;
    }
    while let Some(record) = records.next()? {
        let fields: Vec<&[u8]> = record.fields().collect();
        for (&at, found) in columns.iter().zip(&mut found) {
            let text = fields.get(at).map(|field| trimmed(field)).unwrap_or_default();
            let is_new = !is_missing(&text) && !found.contains(&*text);
            if is_new && found.len() <= MOST_CATEGORIES {
                found.insert(text.into_owned());
            }
        }
    }
    Ok(found)
}

/// A field without the space around it.
fn trimmed(field: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(field) {
        Cow::Borrowed(text) => text.trim().into(),
        Cow::Owned(text) => text.trim().to_owned().into(),
    }
}

fn owned(record: &Record<'_>) -> Vec<String> {
    record.fields().map(|field| trimmed(field).into_owned()).collect()
}
