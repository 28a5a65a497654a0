//! What can go wrong with data, each case a sentence that names the path.

use std::io;
use std::path::{Path, PathBuf};

use crate::cells::one_line;
use crate::fetch::FetchError;
use crate::names::NAMES;
use crate::open::OpenError;

/// The sort of a failure: what a program needs in order to choose its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A file is there but its content is wrong (`EX_DATAERR`, 65).
    BadData,
    /// A file or folder is not there (`EX_NOINPUT`, 66).
    Missing,
    /// A file or folder cannot be created (`EX_CANTCREAT`, 73).
    CannotCreate,
    /// Reading, writing or the network failed; trying again may help (`EX_IOERR`, 74).
    Io,
    /// The caller asked for something that does not exist (2).
    Usage,
}

/// Why a set could not be read or fetched. [`DataError::kind`] sorts the cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No set has this name.
    #[error("there is no data set named `{name}`{}; known are: {}", did_you_mean(*.suggestion), NAMES.join(", "))]
    UnknownName {
        /// The name that was asked for.
        name: String,
        /// The known name nearest to it, if one is near.
        suggestion: Option<&'static str>,
    },
    /// None of the set's files lies where it was looked for.
    #[error("no `{name}` in {}: looked for {looked_for}; {advice}", list(.folders))]
    NotFound {
        /// The set.
        name: String,
        /// The folders that were searched.
        folders: Vec<PathBuf>,
        /// The file names that were looked for.
        looked_for: String,
        /// What to do.
        advice: String,
    },
    /// There is no folder to search.
    #[error(
        "there is no cache folder to look in: none of PERENNIAL_CACHE, XDG_CACHE_HOME and HOME is set to an absolute path; name the folder of the data, or set PERENNIAL_CACHE"
    )]
    NoCache,
    /// A folder does not exist, or is not a folder.
    #[error("{} is not a folder: give the folder that holds the data", .path.display())]
    MissingFolder {
        /// The path that should be a folder.
        path: PathBuf,
    },
    /// A folder holds no set of a known format.
    #[error("no data set recognised in {}: looked for {looked_for}", .path.display())]
    NothingRecognised {
        /// The folder.
        path: PathBuf,
        /// The file names that were looked for.
        looked_for: String,
    },
    /// A file is not there, though others of its set may be.
    #[error("{} is missing: put it there, or fetch the set again", .path.display())]
    MissingFile {
        /// The file; `.gz` may follow its name for IDX files.
        path: PathBuf,
    },
    /// A folder holds more than one set, so the caller must say which.
    #[error("{} holds several sets ({}): {advice}", .path.display(), .found.join(", "))]
    Ambiguous {
        /// The folder.
        path: PathBuf,
        /// The sets found in it.
        found: Vec<String>,
        /// How to say which one is meant.
        advice: &'static str,
    },

    /// A gzip file ends too early.
    #[error("{} is truncated: its gzip stream ends before its end mark; copy or download the file again", .path.display())]
    TruncatedGzip {
        /// The file.
        path: PathBuf,
    },
    /// A gzip file is damaged.
    #[error("{} is a damaged gzip file ({source}); copy or download the file again", .path.display())]
    DamagedGzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// A file does not begin like an IDX file of the expected sort.
    #[error(
        "{} is not an IDX file of {content}: found magic number {found:#010x}, expected {expected:#010x}; check that the files were not swapped or renamed", .path.display()
    )]
    WrongMagic {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`.
        content: &'static str,
        /// The first four bytes, big-endian.
        found: u32,
        /// What they should be.
        expected: u32,
    },
    /// A file ends within its header.
    #[error("{} ends within its header, after {found} of {expected} bytes; copy or download the file again", .path.display())]
    ShortHeader {
        /// The file.
        path: PathBuf,
        /// The bytes that are there.
        found: u64,
        /// The bytes of a header.
        expected: u64,
    },
    /// A header declares more bytes than its file can hold.
    #[error(
        "the header of {} declares {declared}, but the file can hold at most {available} bytes after it; it is cut off or damaged: copy or download it again", .path.display()
    )]
    Impossible {
        /// The file.
        path: PathBuf,
        /// The declared sizes, in words.
        declared: String,
        /// The most bytes that the rest of the file can hold, decompressed.
        available: u64,
    },
    /// A file holds fewer or more bytes than its header declares.
    #[error("{} holds {found} bytes of data, but its header declares {expected}; copy or download the file again", .path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// The bytes found: the count, or `more than` the declared.
        found: String,
        /// The bytes declared.
        expected: u64,
    },
    /// A file of fixed records does not hold a whole number of them.
    #[error(
        "{} is {found} bytes long, expected a positive multiple of {record} (one image with its label); copy or download the file again", .path.display()
    )]
    NotWholeRecords {
        /// The file.
        path: PathBuf,
        /// The length of the file in bytes.
        found: u64,
        /// The length of a record in bytes.
        record: u64,
    },
    /// A file holds no image, or images without pixels.
    #[error("{} holds no data: its header declares {declared}", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The declared sizes, in words.
        declared: String,
    },
    /// Images and labels do not belong together.
    #[error(
        "{} holds {image_count} images but {} holds {label_count} labels: the two files do not belong together", .images.display(), .labels.display()
    )]
    CountMismatch {
        /// The file of images.
        images: PathBuf,
        /// Its number of images.
        image_count: usize,
        /// The file of labels.
        labels: PathBuf,
        /// Its number of labels.
        label_count: usize,
    },
    /// Train and test images differ in size.
    #[error(
        "the images of {} are {}×{} pixels, those of {} are {}×{}: train and test must agree", .train.display(), .train_size[0], .train_size[1], .test.display(), .test_size[0], .test_size[1]
    )]
    SizeMismatch {
        /// The file of training images.
        train: PathBuf,
        /// Their height and width.
        train_size: [usize; 2],
        /// The file of test images.
        test: PathBuf,
        /// Their height and width.
        test_size: [usize; 2],
    },
    /// A label names no class.
    #[error("label {label} of image {index} (counted from 0) in {} is out of range: expected {first} to {last}", .path.display())]
    LabelOutOfRange {
        /// The file.
        path: PathBuf,
        /// The image, counted from 0.
        index: usize,
        /// Its label in the file.
        label: u8,
        /// The lowest label the file may hold.
        first: u8,
        /// The highest label the file may hold.
        last: u8,
    },
    /// A line of a text file is not what it should be.
    #[error("line {line} of {}: found {found}, expected {expected}", .path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A file of class names does not hold one name for each class.
    #[error("{} holds {found} class names, expected {expected}, one a line", .path.display())]
    WrongNames {
        /// The file.
        path: PathBuf,
        /// The number of names in it.
        found: usize,
        /// The number of classes.
        expected: usize,
    },

    /// A download failed, or what came is not the official file.
    #[error(transparent)]
    Fetch(#[from] FetchError),

    /// Data of your own could not be opened. Names come from the file and may hold an end of a line:
    /// the sentence stays on one.
    #[error("{}", one_line(&.0.to_string()))]
    Open(#[from] OpenError),

    /// A file or folder cannot be created.
    #[error("cannot create {}: {source}", .path.display())]
    CannotCreate {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// `read`, `write`, `rename`, …
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl DataError {
    /// The sort of this failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        use DataError as E;
        match self {
            E::UnknownName { .. } => ErrorKind::Usage,
            E::NotFound { .. }
            | E::NoCache
            | E::MissingFolder { .. }
            | E::NothingRecognised { .. }
            | E::MissingFile { .. } => ErrorKind::Missing,
            E::Ambiguous { .. }
            | E::TruncatedGzip { .. }
            | E::DamagedGzip { .. }
            | E::WrongMagic { .. }
            | E::ShortHeader { .. }
            | E::Impossible { .. }
            | E::WrongLength { .. }
            | E::NotWholeRecords { .. }
            | E::Empty { .. }
            | E::CountMismatch { .. }
            | E::SizeMismatch { .. }
            | E::LabelOutOfRange { .. }
            | E::BadLine { .. }
            | E::WrongNames { .. } => ErrorKind::BadData,
            E::CannotCreate { .. } => ErrorKind::CannotCreate,
            E::Io { .. } => ErrorKind::Io,
            E::Fetch(error) => error.kind(),
            E::Open(error) => error.kind(),
        }
    }

    /// For `map_err`: a failure of the system while `doing` something with `path`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), doing, source }
    }

    /// For `map_err`: a failure of the system to create `path`.
    pub(crate) fn cannot_create(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::CannotCreate { path: path.to_path_buf(), source }
    }

    /// For `map_err`: a failure of the system to open the file of a set.
    pub(crate) fn cannot_open(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Self::MissingFile { path: path.to_path_buf() },
            _ => Self::Io { path: path.to_path_buf(), doing: "open", source },
        }
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn list(paths: &[PathBuf]) -> String {
    let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(" or ")
}
