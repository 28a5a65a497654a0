//! Text with a row a line: numbers, and a column of labels.
//!
//! Columns are divided by commas, semicolons or tabs, whichever the first line has most of. The
//! first line names the columns if it has a field `label` (or the one asked for), or no number. A
//! field that is empty or says `NA`, `N/A`, `null`, `NaN` or `?` has no value: its row is left out.
//! Other text where a number is expected is an error.

use std::io::{self, Cursor, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use crate::DataError;
use crate::input::{Input, Source};
use crate::open::{Dropped, Format, Labels, MOST_BYTES, OpenError, Request, Table, numbers};

/// Longer than any line of numbers: a file without line ends is no table.
const LONGEST_LINE: usize = 64 << 20;
/// What is looked at to see what divides the columns.
const START: u64 = 64 << 10;
/// What fields say that have no value, in small letters.
const MISSING: [&str; 6] = ["", "na", "n/a", "null", "nan", "?"];
/// The name of the column of labels, if nothing says it.
const USUAL_LABEL: &str = "label";

/// Reads a table.
pub(crate) fn read(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let path = source.path();
    let mut input = source.input()?;
    let mut start = input.read(START)?;
    if let Some(rest) = start.strip_prefix(b"\xef\xbb\xbf") {
        start = rest.to_vec(); // the mark that some programs put before UTF-8
    }
    let delimiter = delimiter(&start);
    let text = Text { start: Cursor::new(start), input, line: 0 };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text);

    let mut columns: Option<Columns> = None;
    let mut rows = Rows::default();
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(fault(error, reader.get_ref(), path)),
        }
        let line = record.position().map_or(0, csv::Position::line);
        let columns = match &columns {
            Some(columns) => columns,
            None => {
                let (first, is_names) = Columns::of(&record, line, path, request)?;
                let first = columns.insert(first);
                if is_names {
                    continue;
                }
                first
            }
        };
        rows.push(&record, columns, line, path)?;
    }
    let Rows { values, labels, names, dropped } = rows;
    let (width, label) = columns.map_or((0, None), |it| (it.names.len(), it.label));
    let inputs = width - usize::from(label.is_some());
    Ok(Table {
        path: path.to_path_buf(),
        format: Format::Csv,
        shape: [1, 1, inputs],
        values: numbers(values, inputs, request.how.white, path)?,
        labels: label.map(|_| labels),
        names,
        dropped,
    })
}

/// What divides columns: of those that do, the one the first line has most of.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |mark: u8| line.iter().filter(|&&byte| byte == mark).count();
    // Of equals the last, so that a line without any is divided by commas.
    *b"\t;,".iter().max_by_key(|&&mark| count(mark)).unwrap_or(&b',')
}

/// The columns of a table.
struct Columns {
    names: Vec<String>,
    label: Option<usize>,
}

impl Columns {
    /// The columns, from the first line, and whether that line names them.
    fn of(
        first: &ByteRecord,
        line: u64,
        path: &Path,
        request: Request<'_>,
    ) -> Result<(Self, bool), DataError> {
        let number = |column: usize| (column + 1).to_string();
        let asked = request.how.label.as_deref();
        let wanted = asked.unwrap_or(USUAL_LABEL);
        let fields: Vec<_> =
            first.iter().enumerate().map(|(i, field)| text(field, line, || number(i), path)).collect();
        let named = |field: &&str| field.eq_ignore_ascii_case(wanted);
        let is_names = {
            let mut texts = fields.iter().filter_map(|field| field.as_ref().ok()).copied();
            texts.clone().any(|field| named(&field) && field.parse::<f32>().is_err())
                || texts.all(|field| field.parse::<f32>().is_err())
        };
        let names: Vec<String> = if is_names {
            let names = fields.into_iter().collect::<Result<Vec<_>, _>>()?;
            names.into_iter().map(ToOwned::to_owned).collect()
        } else {
            (0..first.len()).map(number).collect()
        };
        let by_name = names.iter().position(|name| named(&name.as_str()));
        let by_number = asked.and_then(|asked| asked.parse().ok());
        let by_number = by_number.filter(|number| (1..=names.len()).contains(number)).map(|n| n - 1);
        let label = by_name.or(by_number);
        if let (None, Some(asked)) = (label, asked) {
            let (path, column, known) = (path.to_path_buf(), asked.to_owned(), names.join(", "));
            return Err(OpenError::NoColumn { path, column, known }.into());
        }
        let label = label.or_else(|| request.labelled.then(|| names.len() - 1));
        if label.is_some() && names.len() == 1 {
            return Err(OpenError::OnlyLabels { path: path.to_path_buf() }.into());
        }
        Ok((Self { names, label }, is_names))
    }
}

/// Rows that were read.
#[derive(Default)]
struct Rows {
    /// `[rows, columns but the label's]`
    values: Vec<f32>,
    labels: Labels,
    names: Vec<String>,
    dropped: Vec<Dropped>,
}

impl Rows {
    fn push(
        &mut self,
        record: &ByteRecord,
        columns: &Columns,
        line: u64,
        path: &Path,
    ) -> Result<(), DataError> {
        let (found, expected) = (record.len(), columns.names.len());
        if found != expected {
            let path = path.to_path_buf();
            return Err(OpenError::Ragged { path, line, found, expected }.into());
        }
        let first = self.values.len();
        let (mut label, mut missing) = (None, None);
        for (column, field) in record.iter().enumerate() {
            let name = || columns.names[column].clone();
            let text = text(field, line, name, path)?;
            if MISSING.iter().any(|word| text.eq_ignore_ascii_case(word)) {
                missing.get_or_insert(column);
            } else if columns.label == Some(column) {
                label = Some(text);
            } else {
                match text.parse::<f32>().ok().filter(|value| value.is_finite()) {
                    Some(value) => self.values.push(value),
                    None => return Err(bad_field(text, line, name(), path).into()),
                }
            }
        }
        if let Some(column) = missing {
            self.values.truncate(first);
            let why = format!("without a value in column `{}`", columns.names[column]);
            Dropped::count(&mut self.dropped, why, || format!("line {line}"));
            return Ok(());
        }
        if let Some(label) = label {
            self.labels.push(label);
        }
        self.names.push(format!("line {line}"));
        let bytes = size_of_val(self.values.as_slice()) as u64;
        if bytes > MOST_BYTES {
            let path = path.to_path_buf();
            return Err(OpenError::TooLarge { path, bytes, most: MOST_BYTES }.into());
        }
        Ok(())
    }
}

/// A field as text, without the space around it.
fn text<'a>(
    field: &'a [u8],
    line: u64,
    column: impl Fn() -> String,
    path: &Path,
) -> Result<&'a str, OpenError> {
    std::str::from_utf8(field).map(str::trim).map_err(|_| {
        let found = String::from_utf8_lossy(field);
        let expected = "text in UTF-8".to_owned();
        OpenError::BadField { path: path.to_path_buf(), line, column: column(), found: shown(&found), expected }
    })
}

fn bad_field(found: &str, line: u64, column: String, path: &Path) -> OpenError {
    let (found, expected) = (shown(found), "a finite number".to_owned());
    OpenError::BadField { path: path.to_path_buf(), line, column, found, expected }
}

/// The begin of a field, enough to find it by.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    text.chars().take(MOST).collect()
}

/// What a failure to read a record means.
fn fault(error: csv::Error, text: &Text<'_>, path: &Path) -> DataError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.kind() == io::ErrorKind::FileTooLarge => {
            let expected = "a line that ends sooner".to_owned();
            let found = format!("more than {LONGEST_LINE} bytes without an end");
            let (path, column) = (path.to_path_buf(), "1".to_owned());
            OpenError::BadField { path, line, column, found, expected }.into()
        }
        csv::ErrorKind::Io(source) => text.input.fault(source),
        // Ragged lines are let through here and told with both counts.
        other => OpenError::Malformed {
            path: path.to_path_buf(),
            format: "CSV",
            problem: format!("{other:?}"),
        }
        .into(),
    }
}

/// The text, which refuses to go on for ever without an end of line: the reader of records would
/// keep all of it.
struct Text<'a> {
    start: Cursor<Vec<u8>>,
    input: Input<'a>,
    /// Bytes since the last end of line.
    line: usize,
}

impl Read for Text<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = match self.start.read(to)? {
            0 => Read::read(&mut self.input, to)?,
            count => count,
        };
        let end = to[..count].iter().rposition(|&byte| byte == b'\n');
        self.line = end.map_or(self.line + count, |end| count - end - 1);
        if self.line > LONGEST_LINE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_divides_columns() {
        assert_eq!(delimiter(b"1,2,3\n4;5;6;7;8"), b',');
        assert_eq!(delimiter(b"1;2;3,5\n"), b';');
        assert_eq!(delimiter(b"1\t2\t3"), b'\t');
        assert_eq!(delimiter(b"alone\n"), b',');
        assert_eq!(delimiter(b""), b',');
    }

    /// A line of 64 MiB and one byte more, unpacked from a file a thousand times smaller.
    #[test]
    fn a_line_without_an_end_is_refused() {
        let zeros = io::repeat(b'0').take(LONGEST_LINE as u64 + START + 1);
        let mut text = Text {
            start: Cursor::new(Vec::new()),
            input: Input::bounded(zeros, u64::MAX, Path::new("endless")),
            line: 0,
        };
        let error = io::copy(&mut text, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
