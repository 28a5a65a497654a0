//! Files that are whole or known to be damaged: written atomically, sealed by a checksum.
//!
//! A sealed file is one line of text and the payload:
//!
//! ```text
//! PERENNIAL <kind> <version> <length of the payload> <checksum>\n<payload>
//! ```
//!
//! The checksum is BLAKE3, in hexadecimal digits, of all of the line before it followed by the
//! payload. `head -1` of a file tells what it is.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{Files, System};

/// How the name of a file that is not in its place yet ends.
pub(crate) const TEMPORARY: &str = ".tmp";

const MAGIC: &str = "PERENNIAL";

/// The longest name of a kind.
const MAX_KIND: usize = 32;

/// The longest first line: the words, two numbers of at most 20 digits, 64 digits of checksum.
const MAX_LINE: usize = MAGIC.len() + MAX_KIND + 2 * 20 + 64 + 5;

/// Why a file cannot be written or read. [`FileError::kind`] sorts the cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file to read.
    #[error("there is no file {}", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses; when writing, the old file is as it was.
    #[error("cannot {operation} {}: {cause}", .path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file's content is not what was written.
    #[error(
        "{} is damaged: {what}; put a copy of it in its place, or remove it to start again without it",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        what: String,
    },
    /// The file is whole, but holds something else.
    #[error("{} holds a `{found}`, expected a `{expected}`: is it the right file?", .path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// The file is whole, but of a format that came later than this program.
    #[error(
        "{} was written by a newer version of the program (format {found} of a `{kind}`, this one reads format {supported}): update the program",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it holds.
        kind: String,
        /// The format of the file.
        found: u32,
        /// The format that this program reads.
        supported: u32,
    },
    /// The file is whole, but of a format that this program no longer reads.
    #[error(
        "{} was written by an older version of the program (format {found} of a `{kind}`, this one reads format {supported}): go on with that version, or remove the file to start again without it",
        .path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// What it holds.
        kind: String,
        /// The format of the file.
        found: u32,
        /// The format that this program reads.
        supported: u32,
    },
}

/// The sort of a failure: what a program needs in order to choose its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileErrorKind {
    /// There is no file to read.
    Missing,
    /// The file is not what was written.
    Damaged,
    /// The file holds something else.
    OtherKind,
    /// The file's format came later than this program.
    Newer,
    /// The file's format is no longer read.
    Older,
    /// The system refuses to read or write.
    Io(io::ErrorKind),
}

impl FileError {
    /// The sort of the failure.
    pub fn kind(&self) -> FileErrorKind {
        match self {
            Self::Missing { .. } => FileErrorKind::Missing,
            Self::Io { cause, .. } => FileErrorKind::Io(cause.kind()),
            Self::Damaged { .. } => FileErrorKind::Damaged,
            Self::OtherKind { .. } => FileErrorKind::OtherKind,
            Self::Newer { .. } => FileErrorKind::Newer,
            Self::Older { .. } => FileErrorKind::Older,
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { operation, path: path.to_owned(), cause }
    }
}

/// Writes a file so that at every instant, even if the machine loses power, `path` is either the
/// old file or the new one: a temporary file `.NAME.tmp` beside it is written, flushed to the
/// disk and renamed, then the folder is flushed.
///
/// What a killed writer left in the temporary file is overwritten. Two writers of one path at a
/// time are not kept apart: hold a lock on its folder.
///
/// # Errors
///
/// [`FileError::Io`], with the path and the operation. The temporary file is then removed and
/// the old file untouched; only where flushing the folder fails is the new file already in place.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_parts(&System, path, &[bytes])
}

/// Writes a payload, given in parts that follow each other, by [`write_atomic`], under a line with
/// its kind (1 to 32 small letters, digits and `-`), the version of its format, its length and its
/// checksum.
///
/// # Errors
///
/// As [`write_atomic`].
pub fn write_sealed(
    path: &Path,
    kind: &str,
    version: u32,
    payload: &[&[u8]],
) -> Result<(), FileError> {
    write_sealed_by(&System, path, kind, version, payload)
}

/// [`write_sealed`] by these files.
pub(crate) fn write_sealed_by(
    files: &dyn Files,
    path: &Path,
    kind: &str,
    version: u32,
    payload: &[&[u8]],
) -> Result<(), FileError> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=MAX_KIND).contains(&kind.len()) || !kind.bytes().all(letter) {
        let cause = io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{kind}` is no kind: 1 to {MAX_KIND} small letters, digits and `-`"),
        );
        return Err(FileError::io("seal", path)(cause));
    }
    let length: usize = payload.iter().map(|part| part.len()).sum();
    let mut line = format!("{MAGIC} {kind} {version} {length} ");
    let checksum = checksum(line.as_bytes(), payload);
    line.push_str(&checksum);
    line.push('\n');
    write_parts(files, path, &[&[line.as_bytes()], payload].concat())
}

/// Reads the payload of a file that [`write_sealed`] wrote.
///
/// # Errors
///
/// A file that is missing, unreadable, damaged in any bit or cut short, of another kind, or of
/// another version than `supported`.
pub fn read_sealed(path: &Path, kind: &str, supported: u32) -> Result<Vec<u8>, FileError> {
    let mut bytes = fs::read(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => FileError::Missing { path: path.to_owned() },
        _ => FileError::io("read", path)(cause),
    })?;
    let seal = Seal::open(&bytes)
        .map_err(|what| FileError::Damaged { path: path.to_owned(), what: what.to_owned() })?;
    // Only now, that every bit is known to be as written, does the line say something of it.
    let (path, found) = (path.to_owned(), seal.version);
    if seal.kind != kind {
        return Err(FileError::OtherKind { path, found: seal.kind, expected: kind.to_owned() });
    }
    match found.cmp(&supported) {
        Ordering::Greater => Err(FileError::Newer { path, kind: seal.kind, found, supported }),
        Ordering::Less => Err(FileError::Older { path, kind: seal.kind, found, supported }),
        Ordering::Equal => {
            bytes.drain(..seal.len);
            Ok(bytes)
        }
    }
}

/// The first line of a sealed file.
struct Seal {
    kind: String,
    version: u32,
    /// The length of the line, with its end.
    len: usize,
}

impl Seal {
    /// Reads and verifies the line, or says what is wrong.
    fn open(bytes: &[u8]) -> Result<Self, &'static str> {
        if !bytes.starts_with(MAGIC.as_bytes()) {
            return Err("it does not begin with the word PERENNIAL");
        }
        let broken = "its first line is broken";
        let end = bytes.iter().take(MAX_LINE).position(|&byte| byte == b'\n').ok_or(broken)?;
        let line = str::from_utf8(&bytes[..end]).map_err(|_| broken)?;
        let payload = &bytes[end + 1..];
        let words: Vec<&str> = line.split(' ').collect();
        let &[_, kind, version, length, sum] = words.as_slice() else { return Err(broken) };
        let version = version.parse().map_err(|_| broken)?;
        if length.parse() != Ok(payload.len()) {
            return Err("it is cut short, or something was added to it");
        }
        if checksum(&bytes[..end - sum.len()], &[payload]) != sum {
            return Err("its checksum does not fit its content");
        }
        Ok(Self { kind: kind.to_owned(), version, len: end + 1 })
    }
}

fn checksum(line: &[u8], payload: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(line);
    payload.iter().for_each(|part| {
        hasher.update(part);
    });
    hasher.finalize().to_hex().to_string()
}

/// [`write_atomic`] of parts that follow each other, by these files.
pub(crate) fn write_parts(
    files: &dyn Files,
    path: &Path,
    parts: &[&[u8]],
) -> Result<(), FileError> {
    place(files, path, parts)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    files.sync_folder(folder).map_err(FileError::io("flush the folder", folder))
}

/// As [`write_parts`], but for the folder, which is left to flush.
pub(crate) fn place(files: &dyn Files, path: &Path, parts: &[&[u8]]) -> Result<(), FileError> {
    let Some(name) = path.file_name() else {
        let cause = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        return Err(FileError::io("write", path)(cause));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(TEMPORARY);
    let temporary = path.with_file_name(hidden);
    let written = files
        .write_new(&temporary, parts)
        .map_err(FileError::io("write", &temporary))
        .and_then(|()| files.rename(&temporary, path).map_err(FileError::io("replace", path)));
    if written.is_err() {
        // The first error is the one to tell; that the clean-up may fail too adds nothing.
        let _ = files.remove(&temporary);
    }
    written
}
