//! Text with a row a line: numbers, and a column of labels.
//!
//! Columns are divided by commas, semicolons or tabs, whichever the first line has most of. The
//! first line names the columns if it has a field `label` (or the one asked for), or no number. A
//! field that is empty or says `NA`, `N/A`, `null`, `NaN` or `?` has no value: its row is left out.
//! Other text where a number is expected is an error.

mod records;

use std::path::Path;

use self::records::{Record, Records, place};
use crate::DataError;
use crate::columns::{Cell, Columns, Rows, label_name, one_line, shown};
use crate::input::Source;
use crate::open::{Format, OpenError, Request, Table};

/// What fields say that have no value, in small letters.
const MISSING: [&str; 6] = ["", "na", "n/a", "null", "nan", "?"];

/// Reads a table.
pub(crate) fn read(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let path = source.path();
    let mut records = Records::new(source.input()?)?;
    let mut known: Option<Columns> = None;
    let mut rows = Rows::default();
    while let Some(record) = records.next()? {
        let line = record.line;
        let columns = match &mut known {
            Some(columns) => columns,
            none => {
                let (columns, is_names) = columns(&record, path, request)?;
                let columns = none.insert(columns);
                if is_names {
                    continue;
                }
                columns
            }
        };
        let (found, expected) = (record.len(), columns.names.len());
        if found != expected {
            let path = path.to_path_buf();
            return Err(OpenError::Ragged { path, line, found, expected }.into());
        }
        let cells = record.fields().enumerate().map(|(at, field)| {
            cell(field, columns.label == Some(at), line, || columns.names[at].clone(), path)
        });
        rows.push(columns, cells, place(line), path)?;
    }
    rows.table(known, path, Format::Csv, request)
}

/// The columns, from the first record, and whether that names them.
fn columns(
    first: &Record<'_>,
    path: &Path,
    request: Request<'_>,
) -> Result<(Columns, bool), OpenError> {
    let number = |column: usize| (column + 1).to_string();
    let texts = first.fields().enumerate();
    let fields: Vec<_> = texts.map(|(i, it)| text(it, first.line, || number(i), path)).collect();
    let is_text = |field: &str| field.parse::<f32>().is_err();
    let is_label = |field: &str| field.eq_ignore_ascii_case(label_name(request));
    let known = || fields.iter().filter_map(|field| field.as_ref().ok()).copied();
    let is_names = known().any(|field| is_label(field) && is_text(field)) || known().all(is_text);
    let names = if is_names {
        fields.into_iter().map(|field| field.map(one_line)).collect::<Result<_, _>>()?
    } else {
        (0..first.len()).map(number).collect()
    };
    Ok((Columns::new(names, is_names, path, request)?, is_names))
}

/// What a field says. `label`: whether its column is that of the labels.
fn cell<'a>(
    field: &'a [u8],
    label: bool,
    line: u64,
    column: impl Fn() -> String,
    path: &Path,
) -> Result<Cell<'a>, OpenError> {
    let text = text(field, line, &column, path)?;
    if MISSING.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Ok(Cell::Missing);
    }
    if label {
        return Ok(Cell::Label(text.into()));
    }
    let number = text.parse::<f32>().ok().filter(|value| value.is_finite());
    number.map(Cell::Number).ok_or_else(|| OpenError::BadField {
        path: path.to_path_buf(),
        place: place(line).into(),
        column: column(),
        found: shown(text),
        expected: "a finite number".to_owned(),
    })
}

/// A field as text, without the space around it.
fn text<'a>(
    field: &'a [u8],
    line: u64,
    column: impl Fn() -> String,
    path: &Path,
) -> Result<&'a str, OpenError> {
    std::str::from_utf8(field).map(str::trim).map_err(|_| OpenError::BadField {
        path: path.to_path_buf(),
        place: place(line).into(),
        column: column(),
        found: shown(&String::from_utf8_lossy(field)),
        expected: "text in UTF-8".to_owned(),
    })
}
