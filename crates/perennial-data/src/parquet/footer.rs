//! The end of a Parquet file, which says what is in it and where.
//!
//! The last 8 bytes are the length of the footer, little-endian, and the mark `PAR1`, which is also
//! what the file begins with. The footer is in Thrift's compact protocol: a list of the columns,
//! then for each group of rows where each column lies. Sources:
//! <https://parquet.apache.org/docs/file-format>,
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

use std::path::Path;

use parquet::basic::Compression;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::file::reader::ChunkReader;

use super::thrift::{Element, elements};
use super::{fault, malformed};
use crate::DataError;
use crate::cells::one_line;
use crate::open::OpenError;

const MAGIC: &[u8] = b"PAR1";
/// The mark of a file whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";

const UNREADABLE: &str = "its list of columns cannot be read";

/// What a file declares, compared with its length: each column of each group lies in it, and has as
/// many values as the group has rows. Columns are flat.
pub(super) fn read(file: &impl ChunkReader, path: &Path) -> Result<ParquetMetaData, DataError> {
    /// The mark, the length of the footer, the mark.
    const LEAST: u64 = 12;
    let library = |error| fault(path, None, error);
    let mark = |at: u64| file.get_bytes(at, MAGIC.len()).map_err(library);
    let length = file.len();
    let begin = if length < 4 { bytes::Bytes::new() } else { mark(0)? };
    if begin == ENCRYPTED {
        return Err(unread("an encrypted Parquet file", path));
    }
    if begin != MAGIC {
        return Err(malformed(path, "it does not begin with the mark of the format, PAR1"));
    }
    if length < LEAST || mark(length - 4)? != MAGIC {
        return Err(malformed(path, "it does not end with the mark of the format, PAR1"));
    }
    let size = mark(length - 8)?.iter().rev().fold(0, |all, &byte| all << 8 | u64::from(byte));
    let Some(begin) = (length - LEAST).checked_sub(size).map(|begin| begin + 4) else {
        return Err(malformed(path, &format!("its footer of {size} bytes is longer than it")));
    };
    let footer = file.get_bytes(begin, size as usize).map_err(library)?;
    let columns = flat(&footer, path)?;
    // Statistics are not used, so damage in them does none.
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata = ParquetMetaDataReader::decode_metadata_with_options(&footer, Some(&options));
    let metadata = metadata.map_err(library)?;
    if metadata.file_metadata().schema_descr().num_columns() != columns {
        return Err(malformed(path, UNREADABLE)); // one of them has no type
    }
    check(&metadata, length, path)?;
    Ok(metadata)
}

/// How many columns there are. Refuses columns in columns: the library takes memory for as many as
/// are declared, and calls itself as deep as they are nested, so this comes before.
fn flat(footer: &[u8], path: &Path) -> Result<usize, DataError> {
    let broken = || malformed(path, UNREADABLE);
    let elements = elements(footer).ok_or_else(broken)?;
    let (root, columns) = elements.split_first().ok_or_else(broken)?;
    let nested = |column: &&Element<'_>| column.children != 0 || column.repeated;
    if let Some(Element { name, .. }) = columns.iter().find(nested) {
        return Err(OpenError::ColumnType {
            path: path.to_path_buf(),
            column: one_line(&String::from_utf8_lossy(name)),
            found: "lists or structures".to_owned(),
            expected: "numbers, one a row: give each value a column of its own, or leave it out",
        }
        .into());
    }
    if columns.is_empty() {
        return Err(malformed(path, "it has no columns"));
    }
    if root.children != columns.len() as i64 {
        return Err(broken());
    }
    Ok(columns.len())
}

/// Compares places and counts with the length of the file and with each other.
fn check(metadata: &ParquetMetaData, length: u64, path: &Path) -> Result<(), DataError> {
    let mut rows = 0_i64;
    for (group, number) in metadata.row_groups().iter().zip(1..) {
        let rows_here = group.num_rows();
        rows = rows.saturating_add(rows_here);
        for column in group.columns() {
            let wrong = |what: &str| {
                let name = one_line(column.column_descr().name());
                malformed(path, &format!("column {name} of its row group {number} {what}"))
            };
            if matches!(column.compression(), Compression::LZO) {
                return Err(unread("a Parquet file packed with LZO", path));
            }
            if rows_here < 0 || column.num_values() != rows_here {
                let found = column.num_values();
                return Err(wrong(&format!("declares {found} values for {rows_here} rows")));
            }
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
            if end.and_then(|(start, size)| start.checked_add(size)).is_none_or(|end| end > length)
            {
                return Err(wrong("lies outside of it"));
            }
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        let declared = metadata.file_metadata().num_rows();
        let problem = format!("it declares {declared} rows, but its row groups have {rows}");
        return Err(malformed(path, &problem));
    }
    Ok(())
}

fn unread(found: &str, path: &Path) -> DataError {
    OpenError::UnknownFormat { path: path.to_path_buf(), found: found.to_owned() }.into()
}
