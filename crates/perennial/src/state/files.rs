//! Changes of files and folders, as calls that a test can record, refuse or lose.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Everything that changes a folder of ours goes through these calls.
pub trait Files: fmt::Debug + Send + Sync {
    /// Makes a folder; one that is there already is fine.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a file anew, writes these bytes and brings them to the disk.
    ///
    /// # Errors
    ///
    /// What the system says; the file may be there in part.
    fn write_new(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()>;

    /// Gives a file another name, over a file that has it.
    ///
    /// # Errors
    ///
    /// What the system says; both names are as they were.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Brings the names in a folder to the disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// The system's own files.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Files for System {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn write_new(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        // Not opened but made anew: what a killed writer left may be a link, or read-only.
        let _ = fs::remove_file(path);
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Only Unix can open a folder; elsewhere the system sees to it.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        let path = if path == Path::new("") { Path::new(".") } else { path };
        File::open(path)?.sync_all()
    }
}
