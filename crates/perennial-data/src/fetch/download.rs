//! One file over HTTP, continued where it was cut off.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::{Response, header};

use super::{FetchError, Progress, Source};
use crate::DataError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that says nothing for so long has gone; the next try continues.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// Large enough that system calls and progress cost nothing.
const BUFFER: usize = 256 << 10;

/// Downloads `source` into `folder` and returns its path there.
pub(super) fn download(
    source: &Source<'_>,
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<PathBuf, DataError> {
    let path = folder.join(source.file);
    if is_whole(source, &path)? {
        progress.start(source.file, source.bytes, source.bytes);
        return Ok(path);
    }
    let mut part = PartFile::open(folder.join(format!("{}.part", source.file)))?;
    if part.length > source.bytes {
        part.clear()?;
    }
    if part.length < source.bytes {
        receive(source, &mut part, progress)?;
    } else {
        progress.start(source.file, source.bytes, source.bytes);
    }
    part.file.sync_all().map_err(DataError::io("write", &part.path))?;
    let found = sha256(&part.path)?;
    if found != source.sha256 {
        fs::remove_file(&part.path).map_err(DataError::io("remove", &part.path))?;
        let expected = source.sha256.to_string();
        return Err(FetchError::Checksum { url: source.url.to_string(), found, expected }.into());
    }
    fs::rename(&part.path, &path).map_err(DataError::io("rename to its name", &part.path))?;
    // Makes the new name durable. Not every system can open a folder for this; it is no loss.
    File::open(folder).and_then(|folder| folder.sync_all()).ok();
    Ok(path)
}

/// Whether the file is there under its name, with the right sum.
fn is_whole(source: &Source<'_>, path: &Path) -> Result<bool, DataError> {
    let same_length = fs::metadata(path).is_ok_and(|found| found.len() == source.bytes);
    Ok(same_length && sha256(path)? == source.sha256)
}

/// Asks for what is missing of a half file and appends it.
fn receive(
    source: &Source<'_>,
    part: &mut PartFile,
    progress: &mut dyn Progress,
) -> Result<(), DataError> {
    let url = || source.url.to_string();
    let mut response = request(source, part.length)?;
    // 416: the server's file ends before ours. 206 from elsewhere: it counts otherwise.
    let useless = match response.status().as_u16() {
        416 => true,
        206 => !continues_at(&response, part.length),
        _ => false,
    };
    if useless && part.length > 0 {
        part.clear()?;
        response = request(source, 0)?;
    }
    match response.status().as_u16() {
        206 if continues_at(&response, part.length) => {}
        200 => part.clear()?, // the whole file, whatever was asked for
        status => return Err(FetchError::Status { url: url(), status }.into()),
    }
    let wrong_offer = |found| FetchError::WrongOffer { url: url(), found, expected: source.bytes };
    if let Some(rest) = response.body().content_length()
        && part.length.saturating_add(rest) != source.bytes
    {
        let found = part.length.saturating_add(rest);
        part.remove()?;
        return Err(wrong_offer(found).into());
    }

    progress.start(source.file, part.length, source.bytes);
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER];
    while part.length < source.bytes {
        let count = match body.read(&mut buffer) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // However it broke, the cure is the same; what came is on disk.
            Ok(_) | Err(_) => {
                return Err(FetchError::Interrupted {
                    url: url(),
                    received: part.length,
                    expected: source.bytes,
                    part: part.path.clone(),
                }
                .into());
            }
        };
        let total = part.length + count as u64;
        if total > source.bytes {
            part.remove()?;
            return Err(wrong_offer(total).into());
        }
        part.append(&buffer[..count])?;
        progress.advance(part.length);
    }
    Ok(())
}

/// Sends a request for the file from byte `from` on.
fn request(source: &Source<'_>, from: u64) -> Result<Response<ureq::Body>, FetchError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(SILENCE_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
        .user_agent(concat!("perennial/", env!("CARGO_PKG_VERSION")));
    let agent: Agent = config.build().into();
    let mut request = agent.get(source.url);
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
    }
    request.call().map_err(|error| FetchError::Unreachable {
        url: source.url.to_string(),
        message: error.to_string(),
    })
}

/// Whether a partial answer begins at byte `from`.
fn continues_at(response: &Response<ureq::Body>, from: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|value| value.to_str().ok()).unwrap_or_default();
    range.starts_with(&format!("bytes {from}-"))
}

/// A half file, locked against other processes for as long as it is open.
struct PartFile {
    file: File,
    path: PathBuf,
    length: u64,
}

impl PartFile {
    fn open(path: PathBuf) -> Result<Self, DataError> {
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = opened.map_err(DataError::cannot_create(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FetchError::Busy { part: path }.into()),
            Err(TryLockError::Error(source)) => {
                return Err(DataError::Io { path, doing: "lock", source });
            }
        }
        let length = file.seek(SeekFrom::End(0)).map_err(DataError::io("read", &path))?;
        Ok(Self { file, path, length })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.file.write_all(bytes).map_err(DataError::io("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), DataError> {
        self.file.set_len(0).map_err(DataError::io("write", &self.path))?;
        self.length = 0;
        Ok(())
    }

    fn remove(&self) -> Result<(), DataError> {
        fs::remove_file(&self.path).map_err(DataError::io("remove", &self.path))
    }
}

/// The SHA-256 of a file, in lower-case hexadecimal digits.
fn sha256(path: &Path) -> Result<String, DataError> {
    let mut file = File::open(path).map_err(DataError::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(DataError::Io { path: path.to_path_buf(), doing: "read", source });
            }
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
