//! One process at a time in a folder. The system holds the lock, so that of a killed process is
//! gone with it; the file says who holds it and is never deleted.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::{Code, Problem, Result};

/// A held lock; it ends with this value or with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Who holds a lock.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: String,
}

impl Lock {
    /// Locks `folder/lock`, waiting for another holder at most `patience`.
    pub(crate) fn take(folder: &Path, patience: Duration) -> Result<Self> {
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Problem::cannot_create(&path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(Problem::io("lock", &path)(error)),
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
            .map_err(Problem::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn busy(folder: &Path, file: &mut File) -> Problem {
    let mut text = String::new();
    // Who it is is a courtesy: without it the folder is as locked.
    let holder = file.read_to_string(&mut text).ok();
    let holder = holder.and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |Holder { pid, host, since }| format!("process {pid} on {host} (since {since})"),
    );
    Problem::new(
        Code::Busy,
        format!("{who} is at work in {}", folder.display()),
        "wait until it has ended, or name another folder with --out DIR",
    )
}
