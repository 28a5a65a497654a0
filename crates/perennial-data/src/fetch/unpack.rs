//! The wanted files of a `.tar.gz`.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use flate2::bufread::GzDecoder;
use tar::{Archive, EntryType};

use super::FetchError;
use crate::DataError;

/// Whether every wanted file lies under `folder`. They get their names only when whole.
pub(super) fn all_there(members: &[&str], folder: &Path) -> bool {
    members.iter().all(|member| folder.join(member).is_file())
}

/// Unpacks the wanted files of `archive`, and nothing else, under `folder`.
///
/// Only a plain file whose path within the archive is one of `members` is written, and under that
/// name of ours: no link, no `..` and no absolute path of an archive can lead out of the folder.
pub(super) fn unpack(archive: &Path, members: &[&str], folder: &Path) -> Result<(), DataError> {
    let file = File::open(archive).map_err(DataError::io("open", archive))?;
    let mut tar = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut wanted = members.to_vec();
    for entry in tar.entries().map_err(|source| fault(archive, source))? {
        let mut entry = entry.map_err(|source| fault(archive, source))?;
        let path = entry.path_bytes();
        let Some(i) = wanted.iter().position(|member| member.as_bytes() == &*path) else {
            continue;
        };
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        write(&mut entry, archive, &folder.join(wanted.swap_remove(i)))?;
    }
    match wanted.first() {
        None => Ok(()),
        Some(&member) => Err(FetchError::MissingMember {
            path: archive.to_path_buf(),
            member: member.to_string(),
        }
        .into()),
    }
}

/// Writes one file: whole under its name, or not at all.
fn write(entry: &mut impl io::Read, archive: &Path, path: &Path) -> Result<(), DataError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(DataError::cannot_create(parent))?;
    }
    let part = path.with_added_extension("part");
    let mut file = File::create(&part).map_err(DataError::cannot_create(&part))?;
    let mut reader = Marked { inner: entry, failed: false };
    let copied = io::copy(&mut reader, &mut file);
    copied.and_then(|_| file.sync_all()).map_err(|source| {
        if reader.failed { fault(archive, source) } else { DataError::io("write", &part)(source) }
    })?;
    fs::rename(&part, path).map_err(DataError::io("rename to its name", &part))
}

/// Remembers whether it was reading that failed, which `io::copy` does not tell.
struct Marked<R> {
    inner: R,
    failed: bool,
}

impl<R: io::Read> io::Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            self.failed = error.kind() != io::ErrorKind::Interrupted;
        })
    }
}

fn fault(archive: &Path, source: io::Error) -> DataError {
    let path = archive.to_path_buf();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => DataError::TruncatedGzip { path },
        _ => DataError::DamagedGzip { path, source },
    }
}
