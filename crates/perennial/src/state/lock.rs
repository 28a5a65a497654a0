//! One process at a time in a folder. The system holds the lock, so that of a killed process is
//! gone with it; the file says who holds it and is never deleted.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::FileError;
use crate::clock;

/// A held lock; it ends with this value or with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds a lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// On which machine.
    pub host: String,
    /// Since when, in UTC.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {} (since {})", self.pid, self.host, self.since)
    }
}

/// Why a folder is not locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is at work in {}", .holder.as_ref().map_or_else(|| "another process".to_owned(), Holder::to_string), .folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// Who, where the file tells.
        holder: Option<Holder>,
    },
    /// The system refuses.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Lock {
    /// Locks `folder/lock`, waiting for another holder at most `patience`.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`], or what the system says of the file.
    pub fn take(folder: &Path, patience: Duration) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(FileError::io("create", &path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => {
                    return Err(FileError::io("lock", &path)(error))?;
                }
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(busy(folder, &mut file)),
            }
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim().to_owned();
        let since = clock::written(SystemTime::now());
        let holder = Holder { pid: std::process::id(), host, since };
        let text = serde_json::to_string(&holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(FileError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn busy(folder: &Path, file: &mut File) -> LockError {
    let mut text = String::new();
    // Who it is is a courtesy: without it the folder is as locked.
    let holder = file.read_to_string(&mut text).ok();
    let holder = holder.and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    LockError::Busy { folder: folder.to_owned(), holder }
}
