//! Parquet: a table in groups of rows, and each group by columns.
//!
//! Columns are numbers of any type: whole of 8 to 64 bits, floats of 16 to 64, decimals, truths as
//! 0 and 1. A row with a null or a NaN is left out. The column of labels may hold text as well, its
//! classes named without the space around them; numbers of labels must be whole. Times, bytes,
//! lists and structures are refused by the name of their column.
//!
//! The crate of the same name decodes. What a file declares is compared here with what it holds
//! before that: the [`footer`] with the length of the file, the [`pages`] with their bytes. Groups
//! are read some rows at a time, so that beside the table there are a page of each column in memory
//! and [`AT_ONCE`] values.

mod column;
mod footer;
mod pages;
mod thrift;

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::get_column_reader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, SerializedPageReader};

use self::column::{Fault, Kind, cells};
use self::pages::Pages;
use crate::DataError;
use crate::columns::{Columns, Rows, one_line};
use crate::input::{GZIP_MAGIC, LARGEST_EXPANSION, Source};
use crate::open::{Format, MOST_BYTES, OpenError, Request, Table};

/// About how many values are decoded at once, over all columns.
const AT_ONCE: usize = 1 << 20;

/// What a row takes in memory beside its values, about: its name and its label.
const BESIDE: u64 = 64;

/// Reads a table.
pub(crate) fn read(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let path = source.path();
    let attempt = || match source {
        Source::File(path) if !is_packed(source)? => {
            table(File::open(path).map_err(DataError::cannot_open(path))?, path, request)
        }
        _ => table(Bytes::from(source.whole()?), path, request),
    };
    // The library indexes and asserts in its decoders, so that damage which no comparison finds may
    // make it panic. Nothing of it outlives the attempt.
    let result = catch_unwind(AssertUnwindSafe(attempt));
    result.unwrap_or_else(|_| Err(malformed(path, "its parts contradict each other")))
}

/// Whether a file begins like gzip, of which the inside cannot be read in any order.
fn is_packed(source: &Source<'_>) -> Result<bool, DataError> {
    let mut start = Vec::new();
    let (file, _) = source.seekable()?;
    file.take(2).read_to_end(&mut start).map_err(DataError::io("read", source.path()))?;
    Ok(start == GZIP_MAGIC)
}

fn table<R: ChunkReader + 'static>(
    file: R,
    path: &Path,
    request: Request<'_>,
) -> Result<Table, DataError> {
    let file = Arc::new(file);
    let metadata = footer::read(&*file, path)?;
    let schema = metadata.file_metadata().schema_descr();
    let names = schema.columns().iter().map(|column| one_line(column.name())).collect();
    let columns = Columns::new(names, true, path, request)?;
    let kinds = kinds(&metadata, &columns, path)?;
    fits(&metadata, &columns, file.len(), path)?;

    let mut rows = Rows::default();
    let mut before = 0; // rows of the groups that were read
    for group in metadata.row_groups() {
        let count = group.num_rows() as usize;
        let mut readers = Vec::with_capacity(kinds.len());
        for chunk in group.columns() {
            let pages = SerializedPageReader::new(Arc::clone(&file), chunk, count, None)
                .map_err(|error| fault(path, Some(chunk.column_descr().name()), error))?;
            let column = chunk.column_descr_ptr();
            let pages = Pages::new(Box::new(pages), Arc::clone(&column));
            readers.push(get_column_reader(column, Box::new(pages)));
        }
        let step = (AT_ONCE / kinds.len()).max(1);
        for first in (0..count).step_by(step) {
            let now = step.min(count - first);
            let place = |row: usize| format!("row {}", before + first + row + 1);
            let mut batch = Vec::with_capacity(kinds.len());
            for (at, (reader, &kind)) in readers.iter_mut().zip(&kinds).enumerate() {
                let read = cells(reader, kind, columns.label == Some(at), now);
                batch.push(read.map_err(|wrong| {
                    match wrong {
                        Fault::Library(error) => fault(path, Some(&columns.names[at]), error),
                        Fault::Cell { row, found, expected } => OpenError::BadField {
                            path: path.to_path_buf(),
                            place: place(row).into(),
                            column: columns.names[at].clone(),
                            found,
                            expected: expected.to_owned(),
                        }
                        .into(),
                    }
                })?);
            }
            for row in 0..now {
                let cells = batch.iter().map(|cells| Ok(cells.cell(row)));
                rows.push(&columns, cells, place(row), path)?;
            }
        }
        before += count;
    }
    rows.table(Some(columns), path, Format::Parquet, request)
}

/// What each column holds; text is for labels only.
fn kinds(
    metadata: &ParquetMetaData,
    columns: &Columns,
    path: &Path,
) -> Result<Vec<Kind>, OpenError> {
    let mut kinds = Vec::with_capacity(columns.names.len());
    for (at, column) in metadata.file_metadata().schema_descr().columns().iter().enumerate() {
        let is_label = columns.label == Some(at);
        let (found, expected) = match Kind::of(column) {
            Ok(kind) if kind != Kind::Text || is_label => {
                kinds.push(kind);
                continue;
            }
            Ok(_) => {
                let expected =
                    "numbers: make it numbers, leave it out, or say that it is the label";
                ("text".to_owned(), expected)
            }
            Err(found) if is_label => (found, "labels, which are text or whole numbers"),
            Err(found) => (found, "numbers: make it numbers, or leave it out"),
        };
        let (path, column) = (path.to_path_buf(), columns.names[at].clone());
        return Err(OpenError::ColumnType { path, column, found, expected });
    }
    Ok(kinds)
}

/// Refuses more rows than can be, before any is read. Pages can say in a few bytes that millions of
/// rows are alike; but where rows differ, each takes a bit before it is packed.
fn fits(
    metadata: &ParquetMetaData,
    columns: &Columns,
    available: u64,
    path: &Path,
) -> Result<(), DataError> {
    let path = path.to_path_buf();
    let rows = metadata.file_metadata().num_rows() as u64;
    if rows > available.saturating_mul(8 * LARGEST_EXPANSION) {
        let declared = format!("{rows} rows");
        return Err(DataError::Impossible { path, declared, available });
    }
    let row = (size_of::<f32>() * columns.names.len()) as u64 + BESIDE;
    let (bytes, most) = (rows.saturating_mul(row), MOST_BYTES);
    if bytes > most {
        return Err(OpenError::TooLarge { path, bytes, most }.into());
    }
    Ok(())
}

fn malformed(path: &Path, problem: &str) -> DataError {
    let (path, problem) = (path.to_path_buf(), one_line(problem));
    OpenError::Malformed { path, format: "Parquet", problem }.into()
}

/// What an error of the library means, in a column if it is of one.
fn fault(path: &Path, column: Option<&str>, error: ParquetError) -> DataError {
    let problem = match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            // The system's, and not that of a codec.
            Ok(error) if error.raw_os_error().is_some() => {
                return DataError::io("read", path)(*error);
            }
            Ok(error) => error.to_string(),
            Err(error) => error.to_string(),
        },
        ParquetError::General(problem) | ParquetError::EOF(problem) => problem,
        error => error.to_string(),
    };
    match column {
        Some(column) => malformed(path, &format!("column {}: {problem}", one_line(column))),
        None => malformed(path, &problem),
    }
}
