//! What a folder holds.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Found, OpenError, Request, cannot_open, file};
use crate::input::Source;
use crate::{DataError, arrays, images, load_folder, locate};

/// What a folder that names no set calls the data to be judged by, the best first.
const TEST_NAMES: [&str; 4] = ["test", "val", "valid", "validation"];

/// An entry of a folder.
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) is_folder: bool,
}

impl Entry {
    /// The name up to its first dot, in which small and capital letters are alike.
    fn stem(&self) -> String {
        let name = self.path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        name.split('.').next().unwrap_or_default().to_lowercase()
    }

    /// Whether its name ends like this: `.npy`.
    pub(crate) fn ends_with(&self, end: &str) -> bool {
        let name = self.path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        name.to_lowercase().ends_with(end)
    }
}

/// What a folder holds, in the order of the names' bytes. Links are followed.
pub(crate) fn entries(folder: &Path) -> Result<Vec<Entry>, DataError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| cannot_open(folder, error))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let metadata = fs::metadata(&path).map_err(|error| match error.kind() {
            // The name is there, so it is a link to nowhere.
            std::io::ErrorKind::NotFound => DataError::MissingFile { path: path.clone() },
            _ => cannot_open(&path, error),
        })?;
        entries.push(Entry { path, is_folder: metadata.is_dir() });
    }
    entries.sort_by(|a, b| {
        let name =
            |entry: &Entry| entry.path.file_name().map(OsStr::as_encoded_bytes).map(<[u8]>::to_vec);
        name(a).cmp(&name(b))
    });
    Ok(entries)
}

/// Finds the data in a folder.
pub(super) fn find(folder: &Path, request: Request<'_>) -> Result<Found, DataError> {
    if locate::holds_set(folder) {
        return load_folder(folder).map(|set| Found::Set(Box::new(set)));
    }
    let entries = entries(folder)?;
    let pair = |folders: bool| -> Option<[&Path; 2]> {
        let called = |name: &str| {
            let mut all = entries.iter().filter(|it| it.is_folder == folders && it.stem() == name);
            all.next().filter(|_| all.next().is_none()).map(|entry| entry.path.as_path())
        };
        Some([called("train")?, TEST_NAMES.into_iter().find_map(called)?])
    };
    if let Some([train, test]) = pair(true) {
        let part = |path| images::folder(path, request);
        return Ok(Found::Tables(part(train)?, Some(part(test)?)));
    }
    if let Some([train, test]) = pair(false) {
        let part = |path| file(&Source::File(path), request).map(|(all, _)| all);
        return Ok(Found::Tables(part(train)?, Some(part(test)?)));
    }
    if entries.iter().any(|entry| !entry.is_folder && entry.ends_with(".npy")) {
        let (all, test) = arrays::npy_folder(folder, &entries, request)?;
        return Ok(Found::Tables(all, test));
    }
    if entries.iter().any(|entry| entry.is_folder || images::is_image_name(entry)) {
        return Ok(Found::Tables(images::folder(folder, request)?, None));
    }
    Err(OpenError::EmptyFolder { path: folder.to_path_buf() }.into())
}
