//! A first look at a whole table: what its columns hold, and whether its first line names them.

use std::collections::{BTreeSet, HashSet};

use super::dialect::Dialect;
use super::is_missing;
use super::records::{Record, Records};
use crate::DataError;
use crate::cells::MOST_CATEGORIES;

/// What was seen of a table.
pub(super) struct Survey {
    /// The fields of the first line.
    pub(super) first: Vec<String>,
    /// What the other lines hold.
    pub(super) columns: Vec<Seen>,
    /// The fields of the second line; empty where there is none.
    second: Vec<String>,
    /// Whether the first column holds different whole numbers and nothing else, the first line apart.
    pub(super) counts: bool,
}

/// What the fields of a column are, the first line apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) numbers: u64,
    pub(super) texts: u64,
    /// Texts that are a day or a time.
    pub(super) dates: u64,
    /// The first text, with its line.
    pub(super) first_text: Option<(String, u64)>,
}

impl Survey {
    /// Reads all records.
    pub(super) fn of(
        mut records: Records<'_>,
        dialect: Dialect,
    ) -> Result<Option<Self>, DataError> {
        let Some(first) = records.next()? else { return Ok(None) };
        let first: Vec<String> = first.fields().map(trimmed).collect();
        let mut survey = Self {
            columns: vec![Seen::default(); first.len()],
            first,
            second: Vec::new(),
            counts: true,
        };
        let mut counted = HashSet::new();
        while let Some(record) = records.next()? {
            if survey.second.is_empty() {
                survey.second = record.fields().map(trimmed).collect();
            }
            survey.look_at(&record, dialect, &mut counted);
        }
        survey.counts &= !counted.is_empty();
        Ok(Some(survey))
    }

    fn look_at(&mut self, record: &Record<'_>, dialect: Dialect, counted: &mut HashSet<i64>) {
        for (at, (field, seen)) in record.fields().zip(&mut self.columns).enumerate() {
            let text = trimmed(field);
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

impl Seen {
    fn add(&mut self, text: &str, line: u64, dialect: Dialect) {
        if is_missing(text) {
            return;
        }
        if dialect.number(text).is_some() {
            self.numbers += 1;
            return;
        }
        self.texts += 1;
        self.dates += u64::from(is_date(text));
        if self.first_text.is_none() {
            self.first_text = Some((text.to_owned(), line));
        }
    }

    /// Whether it holds text and no number, or number and no text; `None` where it holds nothing.
    pub(super) fn is_text(&self) -> Option<bool> {
        match (self.numbers, self.texts) {
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
            if !is_missing(&text) && found.len() <= MOST_CATEGORIES {
                found.insert(text);
            }
        }
    }
    Ok(found)
}

fn trimmed(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim().to_owned()
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
