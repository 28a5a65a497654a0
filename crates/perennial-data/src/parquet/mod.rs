//! Parquet: a table in groups of rows, and each group by columns.
//!
//! Columns are numbers of any type (whole of 8 to 64 bits, floats of 16 to 64, decimals, truths as
//! 0 and 1), or texts, which are categories. A row with a null or a NaN is left out. Numbers of
//! labels must be whole. Times, bytes, lists and structures are refused by the name of their column.
//!
//! The crate of the same name decodes. What a file declares is compared here with what it holds
//! before that: the [`footer`] with the length of the file, the [`pages`] with their bytes. Groups
//! are read some rows at a time, so that beside the table there are a page of each column in memory
//! and [`AT_ONCE`] values.

mod column;
mod footer;
mod pages;
mod thrift;

use std::collections::BTreeSet;
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

use self::column::{CellUse, Cells, Fault, Kind, cells};
use self::pages::Pages;
use crate::cells::{MOST_CATEGORIES, Rows, one_line, set_categories};
use crate::columns::{Columns, Role};
use crate::header::Header;
use crate::input::{GZIP_MAGIC, LARGEST_EXPANSION, Source};
use crate::open::{Format, MOST_BYTES, OpenError, Request, Table};
use crate::{DataError, InputSpec};

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
    let header = Header { names, named: true, counts: false };
    let mut columns = Columns::new(header, path, request)?;
    let known = request.known.filter(|known| !known.columns.is_empty());
    let kinds = kinds(&metadata, &columns, known, path)?;
    fits(&metadata, &columns, file.len(), path)?;
    let groups = Groups { file, metadata: &metadata, kinds: &kinds, path };
    if known.is_none() {
        groups.categorise(&mut columns)?;
    }
    let wanted = columns.roles.iter().map(|role| CellUse::of(*role)).collect::<Vec<_>>();
    let mut rows = Rows::new(&columns);
    groups.read(&columns.names, &wanted, |batch, place| {
        for row in 0..batch.first().map_or(0, Cells::len) {
            let cells = batch.iter().map(|cells| Ok(cells.cell(row)));
            rows.push(&columns, cells, place(row), path)?;
        }
        Ok(())
    })?;
    rows.table(columns, path, Format::Parquet, request)
}

/// The groups of rows of a file.
struct Groups<'a, R: ChunkReader> {
    file: Arc<R>,
    metadata: &'a ParquetMetaData,
    /// What each column holds.
    kinds: &'a [Kind],
    path: &'a Path,
}

impl<R: ChunkReader + 'static> Groups<'_, R> {
    /// Reads all rows, some at a time; calls with the cells of each column and the place of a row.
    fn read(
        &self,
        names: &[String],
        wanted: &[CellUse],
        mut with: impl FnMut(&[Cells], &dyn Fn(usize) -> String) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let path = self.path;
        let mut before = 0; // rows of the groups that were read
        for group in self.metadata.row_groups() {
            let count = group.num_rows() as usize;
            let mut readers = Vec::with_capacity(self.kinds.len());
            for (chunk, wanted) in group.columns().iter().zip(wanted) {
                if *wanted == CellUse::Nothing {
                    readers.push(None);
                    continue;
                }
                let pages =
                    SerializedPageReader::new(Arc::clone(&self.file), chunk, count, None)
                        .map_err(|error| fault(path, Some(chunk.column_descr().name()), error))?;
                let column = chunk.column_descr_ptr();
                let pages = Pages::new(Box::new(pages), Arc::clone(&column));
                readers.push(Some(get_column_reader(column, Box::new(pages))));
            }
            let step = (AT_ONCE / self.kinds.len().max(1)).max(1);
            for first in (0..count).step_by(step) {
                let now = step.min(count - first);
                let place = |row: usize| format!("row {}", before + first + row + 1);
                let mut batch = Vec::with_capacity(self.kinds.len());
                for (at, reader) in readers.iter_mut().enumerate() {
                    let Some(reader) = reader else {
                        batch.push(Cells::Nothing(now));
                        continue;
                    };
                    let read = cells(reader, self.kinds[at], wanted[at], now);
                    batch.push(read.map_err(|wrong| {
                        match wrong {
                            Fault::Library(error) => fault(path, Some(&names[at]), error),
                            Fault::Cell { row, found, expected } => OpenError::BadField {
                                path: path.to_path_buf(),
                                place: place(row).into(),
                                column: names[at].clone(),
                                found,
                                expected: expected.to_owned(),
                            }
                            .into(),
                        }
                    })?);
                }
                with(&batch, &place)?;
            }
            before += count;
        }
        Ok(())
    }

    /// Finds the categories of the columns of text that are inputs.
    fn categorise(&self, columns: &mut Columns) -> Result<(), DataError> {
        let columns_of_text: Vec<(usize, usize)> = (columns.inputs.iter().enumerate())
            .filter(|(_, column)| self.kinds[column.at] == Kind::Text)
            .map(|(input, column)| (input, column.at))
            .collect();
        if columns_of_text.is_empty() {
            return Ok(());
        }
        let mut wanted = vec![CellUse::Nothing; self.kinds.len()];
        columns_of_text.iter().for_each(|(_, at)| wanted[*at] = CellUse::Text);
        let mut found = vec![BTreeSet::new(); columns_of_text.len()];
        self.read(&columns.names, &wanted, |batch, _| {
            for ((_, at), found) in columns_of_text.iter().zip(&mut found) {
                let Cells::Texts(cells) = &batch[*at] else { continue };
                for text in cells.iter().flatten() {
                    if found.len() <= MOST_CATEGORIES && !found.contains(text) {
                        found.insert(text.clone());
                    }
                }
            }
            Ok(())
        })?;
        let texts = self.metadata.file_metadata().num_rows() as u64;
        for ((input, _), found) in columns_of_text.into_iter().zip(found) {
            set_categories(&mut columns.inputs[input], found, texts, self.path)?;
        }
        columns.note_categories();
        Ok(())
    }
}

/// What each column holds, which must be numbers or text where it counts.
fn kinds(
    metadata: &ParquetMetaData,
    columns: &Columns,
    known: Option<&InputSpec>,
    path: &Path,
) -> Result<Vec<Kind>, OpenError> {
    let mut kinds = Vec::with_capacity(columns.names.len());
    for (at, column) in metadata.file_metadata().schema_descr().columns().iter().enumerate() {
        let (found, expected) = match (Kind::of(column), columns.roles[at]) {
            (Ok(kind), role) => {
                // Categories are known where there is a learner that knows them.
                if let (Role::Input(input), Some(_)) = (role, known) {
                    let column = &columns.inputs[input];
                    let is_text = kind == Kind::Text;
                    if is_text == column.categories.is_empty() {
                        let found = if is_text { "text" } else { "numbers" };
                        return Err(column.wrong_type(found, path));
                    }
                }
                kinds.push(kind);
                continue;
            }
            (Err(_), Role::Left) => {
                kinds.push(Kind::Text); // it is not read
                continue;
            }
            (Err(found), Role::Label) => (found, "labels, which are text or whole numbers"),
            (Err(found), Role::Id | Role::Group) => (found, "text or whole numbers"),
            (Err(found), Role::Input(_)) => {
                (found, "numbers or categories: make it numbers, or leave it out with --ignore")
            }
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
