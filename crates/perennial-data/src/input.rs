//! Bytes from a file or from memory, plain or gzip, with a bound on how many there can be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::open::{MOST_BYTES, OpenError};
use crate::{DataError, arrays};

/// The first two bytes of a gzip file. Content decides, not the file's name: browsers unpack
/// `.gz` files without renaming them.
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate cannot expand a byte into more than this many (a 258-byte match in two bits).
pub(crate) const LARGEST_EXPANSION: u64 = 1032;

/// The most bytes set aside before any was read from a gzip file, whose header may lie within
/// the bound of [`LARGEST_EXPANSION`]; a longer file grows as it is read.
const LARGEST_ADVANCE: u64 = 64 << 20;

/// A file, or its bytes in memory under the name that errors call it by.
pub(crate) enum Source<'a> {
    File(&'a Path),
    Memory(&'a [u8], &'a Path),
}

/// What formats with a table of contents need.
pub(crate) trait BufReadSeek: BufRead + Seek {}

impl<T: BufRead + Seek> BufReadSeek for T {}

impl<'a> Source<'a> {
    pub(crate) fn path(&self) -> &'a Path {
        match self {
            Self::File(path) | Self::Memory(_, path) => path,
        }
    }

    /// From the start, unpacked if it is gzip.
    pub(crate) fn input(&self) -> Result<Input<'a>, DataError> {
        match self {
            Self::File(path) => Input::open(path),
            Self::Memory(bytes, path) => Ok(Input::from_bytes(bytes, path)),
        }
    }

    /// All of it, unpacked if it is gzip, where that surely fits into memory.
    pub(crate) fn whole(&self) -> Result<Vec<u8>, DataError> {
        let mut input = self.input()?;
        let (bytes, most) = (input.available(), MOST_BYTES);
        if bytes > most {
            let path = self.path().to_path_buf();
            return Err(OpenError::TooLarge { path, bytes, most }.into());
        }
        input.read(most)
    }

    /// From the start, as it is, with its length.
    pub(crate) fn seekable(&self) -> Result<(Box<dyn BufReadSeek + 'a>, u64), DataError> {
        match self {
            Self::File(path) => {
                let file = File::open(path).map_err(DataError::cannot_open(path))?;
                let length = file.metadata().map_err(DataError::io("read", path))?.len();
                Ok((Box::new(BufReader::new(file)), length))
            }
            Self::Memory(bytes, _) => Ok((Box::new(Cursor::new(*bytes)), bytes.len() as u64)),
        }
    }
}

/// How the bytes lie in the file.
#[derive(Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
    Archive,
}

/// A source of bytes that knows the most it can give.
pub(crate) struct Input<'a> {
    reader: Box<dyn Read + 'a>,
    packing: Packing,
    available: u64,
    path: PathBuf,
}

impl<'a> Input<'a> {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Input<'static>, DataError> {
        let mut file = File::open(path).map_err(DataError::cannot_open(path))?;
        let length = file.metadata().map_err(DataError::io("read", path))?.len();
        let mut start = Vec::new();
        (&mut file).take(2).read_to_end(&mut start).map_err(DataError::io("read", path))?;
        let gzip = start == GZIP_MAGIC;
        Ok(Input::new(Cursor::new(start).chain(file), length, gzip, path))
    }

    /// Reads from memory; `path` is what errors call it.
    pub(crate) fn from_bytes(bytes: &'a [u8], path: &Path) -> Self {
        Self::new(bytes, bytes.len() as u64, bytes.starts_with(&GZIP_MAGIC), path)
    }

    fn new(reader: impl Read + 'a, length: u64, gzip: bool, path: &Path) -> Self {
        let path = path.to_path_buf();
        if gzip {
            let reader = Box::new(MultiGzDecoder::new(BufReader::new(reader)));
            let available = length.saturating_mul(LARGEST_EXPANSION);
            Self { reader, packing: Packing::Gzip, available, path }
        } else {
            let reader = Box::new(BufReader::new(reader));
            Self { reader, packing: Packing::Plain, available: length, path }
        }
    }

    /// Reads a file of an archive, which gives at most `available` bytes.
    pub(crate) fn of_archive(reader: impl Read + 'a, available: u64, path: &Path) -> Self {
        let (reader, path) = (Box::new(reader), path.to_path_buf());
        Self { reader, packing: Packing::Archive, available, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The most bytes that can still come.
    pub(crate) fn available(&self) -> u64 {
        self.available
    }

    /// Reads up to `most` bytes; fewer only where the input ends.
    pub(crate) fn read(&mut self, most: u64) -> Result<Vec<u8>, DataError> {
        let advance = most.min(self.available).min(LARGEST_ADVANCE);
        let mut bytes = Vec::with_capacity(usize::try_from(advance).unwrap_or_default());
        (&mut self.reader)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|source| self.fault(source))?;
        self.available = self.available.saturating_sub(bytes.len() as u64);
        Ok(bytes)
    }

    /// Says whether the input ends here. For gzip and archives this also compares the check sum.
    pub(crate) fn at_end(&mut self) -> Result<bool, DataError> {
        Ok(self.read(1)?.is_empty())
    }

    fn fault(&self, source: io::Error) -> DataError {
        let path = self.path.clone();
        match (self.packing, source.kind()) {
            (Packing::Archive, _) => arrays::npz_fault(&path, source),
            (Packing::Gzip, io::ErrorKind::UnexpectedEof) => DataError::TruncatedGzip { path },
            (Packing::Gzip, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
                DataError::DamagedGzip { path, source }
            }
            _ => DataError::Io { path, doing: "read", source },
        }
    }
}
