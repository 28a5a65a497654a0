//! `.npz`: a ZIP archive of `.npy` files.

use std::io;
use std::path::{Path, PathBuf};

use super::zip::Archive;
use super::{Array, Store, npy, tables};
use crate::DataError;
use crate::input::{Input, Source};
use crate::open::{Format, OpenError, Request, Tables};

/// Reads the arrays of an archive that are wanted. Others are not unpacked.
pub(crate) fn npz(source: &Source<'_>, request: Request<'_>) -> Result<Tables, DataError> {
    let path = source.path();
    let (bytes, length) = source.seekable()?;
    let archive = Archive::new(bytes, length).map_err(|error| fault(path, error))?;
    tables(&mut Arrays { archive, path }, path, Format::Npz, request)
}

struct Arrays<'a> {
    archive: Archive<'a>,
    path: &'a Path,
}

impl Store for Arrays<'_> {
    fn names(&self) -> Vec<String> {
        let arrays = self.archive.names().filter_map(|name| name.strip_suffix(".npy"));
        let mut names: Vec<String> = arrays.map(ToOwned::to_owned).collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.npy"))
    }

    fn array(&mut self, name: &str) -> Result<Array, DataError> {
        let path = self.path(name);
        let opened = self.archive.open(&format!("{name}.npy"));
        let (reader, available) = opened.map_err(|error| fault(&path, error))?;
        npy::read(Input::of_archive(reader, available, &path))
    }
}

/// What a failure to read an archive means.
pub(crate) fn fault(path: &Path, error: io::Error) -> DataError {
    let path = path.to_path_buf();
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            OpenError::Malformed { path, format: "npz", problem: error.to_string() }.into()
        }
        _ => DataError::Io { path, doing: "read", source: error },
    }
}
