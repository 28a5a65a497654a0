//! Parquet: tables of columns, with their types, packed. Only flat tables of numbers, truths and
//! text; with the cargo feature `parquet`.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use ::parquet::record::Field;

use crate::DataError;
use crate::columns::{Cell, Columns, Rows, shown};
use crate::input::Source;
use crate::open::{Format, OpenError, Request, Table};

/// Reads a table.
pub(crate) fn read(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let path = source.path();
    match source {
        Source::File(path) => {
            table(File::open(path).map_err(DataError::cannot_open(path))?, path, request)
        }
        Source::Memory(bytes, path) => table(bytes::Bytes::copy_from_slice(bytes), path, request),
    }
}

fn table<R: ChunkReader + 'static>(
    bytes: R,
    path: &Path,
    request: Request<'_>,
) -> Result<Table, DataError> {
    let malformed = |error: ParquetError| OpenError::Malformed {
        path: path.to_path_buf(),
        format: "Parquet",
        problem: error.to_string(),
    };
    let reader = SerializedFileReader::new(bytes).map_err(malformed)?;
    let schema = reader.metadata().file_metadata().schema();
    let names = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let columns = Columns::new(names, path, request)?;
    let mut rows = Rows::default();
    for (row, line) in reader.get_row_iter(None).map_err(malformed)?.zip(1..) {
        let row = row.map_err(malformed)?;
        let cells = row.get_column_iter().enumerate().map(|(at, (_, field))| {
            let wanted = if columns.label == Some(at) { label(field) } else { number(field) };
            wanted.ok_or_else(|| OpenError::BadField {
                path: path.to_path_buf(),
                line,
                column: columns.names[at].clone(),
                found: shown(&field.to_string()),
                expected: "a finite number (or a text or whole number as the label)".to_owned(),
            })
        });
        rows.push(&columns, cells, format!("row {line}"), path)?;
    }
    rows.table(Some(columns), path, Format::Parquet, request)
}

/// The label that a field is; `None` if it can be none.
fn label(field: &Field) -> Option<Cell<'_>> {
    let text: Cow<'_, str> = match field {
        Field::Null => return Some(Cell::Missing),
        Field::Str(text) => text.as_str().into(),
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok()?.into(),
        Field::Bool(truth) => u8::from(*truth).to_string().into(),
        Field::Byte(it) => it.to_string().into(),
        Field::Short(it) => it.to_string().into(),
        Field::Int(it) => it.to_string().into(),
        Field::Long(it) => it.to_string().into(),
        Field::UByte(it) => it.to_string().into(),
        Field::UShort(it) => it.to_string().into(),
        Field::UInt(it) => it.to_string().into(),
        Field::ULong(it) => it.to_string().into(),
        _ => return None,
    };
    Some(Cell::Label(text))
}

/// The number that a field is; `None` if it is none.
fn number(field: &Field) -> Option<Cell<'_>> {
    let number = match field {
        Field::Null => return Some(Cell::Missing),
        Field::Bool(truth) => f32::from(u8::from(*truth)),
        Field::Byte(it) => f32::from(*it),
        Field::Short(it) => f32::from(*it),
        Field::Int(it) => *it as f32,
        Field::Long(it) => *it as f32,
        Field::UByte(it) => f32::from(*it),
        Field::UShort(it) => f32::from(*it),
        Field::UInt(it) => *it as f32,
        Field::ULong(it) => *it as f32,
        Field::Float16(it) => it.to_f32(),
        Field::Float(it) => *it,
        Field::Double(it) => *it as f32,
        _ => return None,
    };
    if number.is_nan() {
        return Some(Cell::Missing); // as in text, where it says so
    }
    number.is_finite().then_some(Cell::Number(number))
}
