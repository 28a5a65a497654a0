//! Text with a row a line: numbers, categories, and a column of labels.
//!
//! Columns are divided by commas, semicolons, tabs or `|`, whichever divide all lines alike. Whether the
//! first line names the columns is told by what stands under it: a text over numbers, a number over
//! texts, the name of a label. A field that is empty or says `NA`, `N/A`, `null`, `NaN` or `?` has no
//! value: its row is left out. A column of texts is one of categories; one text among numbers is an
//! error.

mod dialect;
mod records;
mod survey;

use std::path::Path;

use self::dialect::Dialect;
use self::records::{Records, place, start};
use self::survey::{Survey, categories};
use crate::DataError;
use crate::cells::{Cell, Rows, set_categories, shown};
use crate::columns::{Columns, Role};
use crate::header::{Header, UNNAMED, is_like_label};
use crate::images::list;
use crate::input::Source;
use crate::labels::RawLabel;
use crate::open::{Format, OpenError, Request, Table};

/// What fields say that have no value, in small letters.
const MISSING: [&str; 10] = ["", "na", "n/a", "null", "nan", "?", "<na>", "nat", "#n/a", "-nan"];

/// What fields of a column of numbers say, too, that have no value. Among texts it may be a class.
const NONE: &str = "none";

/// Whether a field has no value.
pub(crate) fn is_missing(text: &str) -> bool {
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Reads a table, or the images that it lists.
pub(crate) fn read(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let path = source.path();
    let dialect = Dialect::of(&start(source)?, path, request)?;
    let records = || Records::new(source, dialect.delimiter);
    let Some(mut survey) = Survey::of(records()?, dialect)? else {
        return Err(OpenError::NoRows { path: path.to_owned(), why: Vec::new() }.into());
    };
    let header = header(&survey, dialect, path, request)?;
    let named = header.named;
    if !named {
        survey.with_first(1, dialect);
    }
    if let Source::File(path) = source
        && let Some(paths) = list::path_column(&header, survey.row(named), path)
    {
        return images(records()?, header, paths, path, request);
    }
    let mut columns = Columns::new(header, path, request)?;
    let kinds = kinds(&columns, &survey, path)?;
    if request.known.is_none_or(|known| known.columns.is_empty()) {
        categorise(&mut columns, &kinds, &survey, records()?, path)?;
    }
    let mut rows = Rows::new(&columns);
    let mut records = records()?;
    if named {
        records.next()?;
    }
    while let Some(record) = records.next()? {
        let line = record.line;
        check_length(record.len(), columns.names.len(), line, path)?;
        let cells = record.fields().enumerate().map(|(at, field)| {
            let named = || columns.names[at].clone();
            match columns.roles[at] {
                Role::Left => Ok(Cell::Missing),
                role => cell(text(field, line, named, path)?, role, &columns, dialect, || {
                    OpenError::BadField {
                        path: path.to_path_buf(),
                        place: place(line).into(),
                        column: named(),
                        found: shown(&String::from_utf8_lossy(field)),
                        expected: "a finite number".to_owned(),
                    }
                }),
            }
        });
        rows.push(&columns, cells, place(line), path)?;
    }
    rows.table(columns, path, Format::Csv, request)
}

/// The images that a table lists.
fn images(
    mut records: Records<'_>,
    header: Header,
    paths: usize,
    path: &Path,
    request: Request<'_>,
) -> Result<Table, DataError> {
    let (named, names) = (header.named, header.names.clone());
    let mut images = list::Listed::new(header, paths, path, request)?;
    if named {
        records.next()?;
    }
    while let Some(record) = records.next()? {
        let line = record.line;
        check_length(record.len(), names.len(), line, path)?;
        let text = |(at, it)| text(it, line, || String::clone(&names[at]), path);
        let fields = record.fields().enumerate().map(text).collect::<Result<Vec<_>, _>>()?;
        images.push(&fields, &place(line))?;
    }
    Ok(images.table())
}

fn check_length(found: usize, expected: usize, line: u64, path: &Path) -> Result<(), OpenError> {
    let path = || path.to_path_buf();
    match found == expected {
        true => Ok(()),
        false => Err(OpenError::Ragged { path: path(), line, found, expected }),
    }
}

/// The columns by what the first line says, or by number.
fn header(
    survey: &Survey,
    dialect: Dialect,
    path: &Path,
    request: Request<'_>,
) -> Result<Header, OpenError> {
    let first = &survey.first;
    let named = match request.how.header {
        Some(named) => named,
        None if survey.first.iter().any(|text| list::is_image_beside(text, path)) => false,
        None => is_header(survey, dialect, path, request)?,
    };
    let unnamed = |name: &str| name.is_empty() || name == UNNAMED;
    let counts = named && survey.counts && first.first().is_some_and(|name| unnamed(name));
    let number = |at: usize| (at + 1).to_string();
    let name = |(at, name): (usize, &String)| match name.is_empty() || !named {
        true => number(at),
        false => crate::cells::one_line(name),
    };
    Ok(Header { names: first.iter().enumerate().map(name).collect(), named, counts })
}

/// Whether the first line names the columns.
fn is_header(
    survey: &Survey,
    dialect: Dialect,
    path: &Path,
    request: Request<'_>,
) -> Result<bool, OpenError> {
    let first = &survey.first;
    let is_number = |text: &String| dialect.number(text).is_some();
    let is_asked = |text: &String| {
        let how = request.how;
        let one = [&how.label, &how.id, &how.group].into_iter().flatten();
        one.chain(&how.columns).chain(&how.ignore).any(|asked| asked.eq_ignore_ascii_case(text))
    };
    let known = request.known.filter(|known| known.named);
    let is_known = |text: &String| {
        known.is_some_and(|known| {
            let others = [&known.label, &known.id, &known.group].into_iter().flatten();
            let mut names =
                known.columns.iter().map(|it| &it.name).chain(others.map(|it| &it.name));
            names.any(|name| name == text)
        })
    };
    // What stands in the column, too, is a value.
    let is_name = |(text, seen): (&String, &survey::ColumnStats)| {
        let may_be = is_asked(text) || is_like_label(text) || is_known(text);
        may_be && !is_number(text) && !seen.recurs
    };
    if first.iter().zip(&survey.columns).any(is_name) {
        return Ok(true);
    }
    // A text over numbers, or a number over texts, is a name.
    let over = |(text, seen): (&String, &survey::ColumnStats)| match seen.is_text() {
        Some(is_text) if !is_missing(text) => is_text == is_number(text),
        _ => false,
    };
    if first.iter().zip(&survey.columns).any(over) {
        return Ok(true);
    }
    if first.iter().all(|text| !is_number(text)) {
        let is_value = |(at, text): &(usize, &String)| {
            let mut kept = known.iter().flat_map(|known| &known.columns);
            let is_category = kept.any(|it| it.at == *at && it.categories.contains(text));
            is_category || survey.columns[*at].recurs
        };
        let values = first.iter().enumerate().filter(is_value).count();
        return Ok(2 * values < first.len());
    }
    // A text that occurs nowhere else over texts that repeat: a name over classes, or a rare class.
    let is_rare = |(text, seen): &(&String, &survey::ColumnStats)| {
        !is_number(text) && !is_missing(text) && seen.repeats && !seen.recurs
    };
    let rare = first.iter().zip(&survey.columns).find(is_rare);
    if let (None, Some((text, _))) = (request.known, rare) {
        return Err(OpenError::Refused {
            message: format!(
                "the first line of {} holds `{}`, which is nowhere else in its column: does the line \
                 name the columns? say --header yes, or --header no if it is a row",
                path.display(),
                shown(text)
            ),
        });
    }
    let counted =
        |from: usize| first.iter().enumerate().all(|(at, text)| *text == (at + from).to_string());
    // Two columns may begin with 0, 1 or 1, 2 by chance.
    let many = survey.has_more() && first.len() > 2;
    if request.known.is_none() && many && (counted(0) || counted(1)) {
        let line: Vec<&str> = first.iter().take(4).map(String::as_str).collect();
        return Err(OpenError::Refused {
            message: format!(
                "the first line of {} counts ({}{}): does it name the columns? say --header yes, or \
                 --header no if it is a row",
                path.display(),
                line.join(", "),
                if first.len() > line.len() { ", …" } else { "" }
            ),
        });
    }
    Ok(false)
}

/// Says for each input whether it is a column of texts. One text among more numbers is an error.
fn kinds(columns: &Columns, survey: &Survey, path: &Path) -> Result<Vec<bool>, OpenError> {
    let mut kinds = Vec::with_capacity(columns.inputs.len());
    for column in &columns.inputs {
        let seen = &survey.columns[column.at];
        let is_text = seen.is_text() == Some(true);
        if let Some((found, line)) = &seen.first_text
            && column.categories.is_empty()
            && !is_text
        {
            return Err(OpenError::BadField {
                path: path.to_path_buf(),
                place: place(*line).into(),
                column: column.name.clone(),
                found: shown(found),
                expected:
                    "a finite number, as most of this column holds; correct it, or leave the \
                           column out with --ignore"
                        .to_owned(),
            });
        }
        kinds.push(is_text);
    }
    Ok(kinds)
}

/// Finds the categories of columns of texts, which must be few.
fn categorise(
    columns: &mut Columns,
    kinds: &[bool],
    survey: &Survey,
    records: Records<'_>,
    path: &Path,
) -> Result<(), DataError> {
    let texts: Vec<usize> = (0..kinds.len()).filter(|&input| kinds[input]).collect();
    if texts.is_empty() {
        return Ok(());
    }
    let places: Vec<usize> = texts.iter().map(|&input| columns.inputs[input].at).collect();
    let found = categories(records, &places, columns.named)?;
    for (&input, found) in texts.iter().zip(found) {
        let texts = survey.columns[columns.inputs[input].at].texts;
        set_categories(&mut columns.inputs[input], found, texts, path)?;
    }
    columns.note_categories();
    Ok(())
}

/// What a field says in its column.
fn cell<'a>(
    text: &'a str,
    role: Role,
    columns: &Columns,
    dialect: Dialect,
    bad: impl Fn() -> OpenError,
) -> Result<Cell<'a>, OpenError> {
    if is_missing(text) {
        return Ok(Cell::Missing);
    }
    match role {
        Role::Input(input)
            if columns.inputs[input].categories.is_empty() && text.eq_ignore_ascii_case(NONE) =>
        {
            Ok(Cell::Missing)
        }
        Role::Label => Ok(Cell::Label(RawLabel::Text(text.into()))),
        Role::Input(input) if columns.inputs[input].categories.is_empty() => {
            let number = dialect.number(text).filter(|value| (*value as f32).is_finite());
            number.map(Cell::Number).ok_or_else(bad)
        }
        _ => Ok(Cell::Text(text.into())),
    }
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
