//! Downloads of the official files, each checked by its SHA-256.
//!
//! A file grows as `FILE.part` beside its place. A download that was cut off goes on from there
//! (HTTP `Range`); only a whole file with the right sum is renamed to its name. So a file under
//! its name is always whole, whenever the power fails.

mod download;
mod error;
mod sources;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::FetchError;
pub use sources::{Source, sources};

use crate::{DataError, names};

/// Watches a download, for example to draw a progress bar.
pub trait Progress {
    /// A file begins, of which `done` of `total` bytes are already there.
    fn start(&mut self, file: &str, done: u64, total: u64);
    /// Of the current file, `done` bytes are there now.
    fn advance(&mut self, done: u64);
    /// The current file is whole and checked.
    fn finish(&mut self);
}

/// Watches nothing.
impl Progress for () {
    fn start(&mut self, _: &str, _: u64, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn finish(&mut self) {}
}

/// Downloads a set into `dir/NAME` and returns that folder, where [`load`](crate::load) finds it.
/// Files that are already there with the right sum are kept, others of their name are replaced.
///
/// # Errors
///
/// If the set is unknown or has no official address here, the folder cannot be created, the
/// network fails (what came is kept for the next try), or what came is not the official file
/// (it is removed).
pub fn fetch(name: &str, dir: &Path, progress: &mut dyn Progress) -> Result<PathBuf, DataError> {
    if let Some(advice) = elsewhere(name) {
        return Err(FetchError::NotFetchable { name: name.to_string(), advice }.into());
    }
    let sources = sources(name);
    if sources.is_empty() {
        return Err(names::unknown(name));
    }
    let folder = dir.join(name);
    fetch_from(sources, &folder, progress)?;
    Ok(folder)
}

/// Downloads files from given addresses into `folder`, which is created; archives are unpacked
/// there and removed.
///
/// # Errors
///
/// As [`fetch`].
pub fn fetch_from(
    sources: &[Source<'_>],
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(DataError::cannot_create(folder))?;
    for source in sources {
        let members = source.members;
        if !members.is_empty() && unpack::all_there(members, folder) {
            progress.start(source.file, source.bytes, source.bytes);
            progress.finish();
            continue;
        }
        let path = download::download(source, folder, progress)?;
        if !members.is_empty() {
            unpack::unpack(&path, members, folder)?;
            fs::remove_file(&path).map_err(DataError::io("remove", &path))?;
        }
        progress.finish();
    }
    Ok(())
}

/// Where a set comes from that has no address here, as advice; none for those that have.
pub(crate) fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "digits" => Some("it is embedded in the program, there is nothing to fetch"),
        "kmnist" => Some("get its IDX files from https://github.com/rois-codh/kmnist"),
        _ if name.starts_with("emnist") => Some(
            "get its IDX files (`gzip.zip`) from https://www.nist.gov/itl/products-and-services/emnist-dataset and unzip them",
        ),
        _ => None,
    }
}
