//! `.npz`: a ZIP archive of `.npy` files.

use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Array, Store, Tables, npy, tables};
use crate::DataError;
use crate::input::{BufReadSeek, Input, Source};
use crate::open::{Format, OpenError, Request};

/// Deflate cannot expand a byte into more than this many.
const LARGEST_EXPANSION: u64 = 1032;

/// Reads the arrays of an archive that are wanted. Others are not unpacked.
pub(crate) fn npz(source: &Source<'_>, request: Request<'_>) -> Result<Tables, DataError> {
    let path = source.path();
    let (bytes, length) = source.seekable()?;
    let archive = ZipArchive::new(bytes).map_err(|error| fault(path, error))?;
    tables(&mut Archive { archive, length, path }, path, Format::Npz, request)
}

struct Archive<'a> {
    archive: ZipArchive<Box<dyn BufReadSeek + 'a>>,
    /// Of the file, in bytes.
    length: u64,
    path: &'a Path,
}

impl Store for Archive<'_> {
    fn names(&self) -> Vec<String> {
        // A name that is no text is none that inputs or labels have.
        let names = self.archive.file_names().flatten();
        let mut names: Vec<String> =
            names.filter_map(|name| name.strip_suffix(".npy").map(ToOwned::to_owned)).collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.npy"))
    }

    fn array(&mut self, name: &str) -> Result<Array, DataError> {
        let path = self.path(name);
        let entry = self.archive.by_name(&format!("{name}.npy"));
        let entry = entry.map_err(|error| fault(&path, error))?;
        // What the archive says of sizes is not trusted further than the file is long.
        let packed = entry.compressed_size().min(self.length);
        let available = packed.saturating_mul(LARGEST_EXPANSION).min(entry.size());
        npy::read(Input::bounded(entry, available, &path))
    }
}

fn fault(path: &Path, error: ZipError) -> DataError {
    let path = path.to_path_buf();
    match error {
        ZipError::Io(source) => DataError::Io { path, doing: "read", source },
        error => OpenError::Malformed { path, format: "npz", problem: error.to_string() }.into(),
    }
}
