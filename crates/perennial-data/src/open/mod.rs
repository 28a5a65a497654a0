//! One entry to data of every format: [`open()`] gives a set to learn from and to be judged by,
//! [`read`] the rows of one part, labelled or not. The table of formats is on the crate's page.

mod error;
mod folder;
mod found;
mod kind;
mod records;
mod table;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::error::OpenError;
pub(crate) use self::folder::{Entry, entries};
pub use self::found::{Dropped, Format, Opened, Rows, TestPart};
use self::kind::Kind;
pub(crate) use self::table::{Labels, Table, every_nth, exact, numbers};
use crate::input::Source;
#[cfg(feature = "parquet")]
use crate::parquet;
use crate::{DataError, Dataset, NAMES, arrays, csv, images, load};

/// The formats, for people.
const KNOWN: &str = "folders of images, PNG, JPEG, CSV, Parquet, npy, npz, IDX, the .bin files of \
                     CIFAR, safetensors";

/// The most memory the values of a part may take.
pub(crate) const MOST_BYTES: u64 = 16 << 30;

/// The most pixels a side to which images are scaled.
const LONGEST_SIDE: usize = 16_384;

/// How data are to be read, where there is a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct How {
    /// The folder in which known sets lie; as `dir` of [`load`].
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Data to be judged by, instead of the part that the data bring or that is set apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The column of the labels of a table, by name or number from 1, or the array of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Numbers of tables and arrays of floats are whole, from 0 to this: they are kept as bytes
    /// and divided by it when read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub white: Option<u8>,
    /// Scale every image to this height and width. `None`: all must be of one size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<[usize; 2]>,
    /// Convert every image to grey (1) or colour (3). `None`: all must be alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
}

impl How {
    /// Refuses what cannot be.
    fn check(&self) -> Result<(), OpenError> {
        let problem = match self {
            Self { white: Some(0), .. } => "white is 0; give the value that is to be read as 1",
            Self { resize: Some([0, _] | [_, 0]), .. } => {
                "images cannot be scaled to 0 pixels; give a height and a width"
            }
            Self { resize: Some([height, width]), .. } if (*height).max(*width) > LONGEST_SIDE => {
                "images are scaled to at most 16384 pixels a side; give less"
            }
            Self { channels: Some(channels), .. } if ![1, 3].contains(channels) => {
                "images have 1 channel (grey) or 3 (colour); ask for one of them"
            }
            _ => return Ok(()),
        };
        Err(OpenError::Impossible { problem })
    }
}

/// What a reader is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) how: &'a How,
    /// Whether rows without labels are of no use.
    pub(crate) labelled: bool,
}

/// What lies at a path.
#[expect(clippy::large_enum_variant, reason = "there is one, for a moment")]
enum Found {
    Set(Box<Dataset>),
    /// The training part, or all rows; and the test part, if there is one.
    Tables(Table, Option<Table>),
}

/// Opens labelled data: `data` is the name of a known set, a file or a folder. A name wins: write
/// `./mnist` for a folder called so.
///
/// # Errors
///
/// If there is nothing at the path or nothing known, if labels are missing, no row is left, rows
/// differ in shape, files are damaged or declare more than they can hold, or no test part can be
/// set apart.
///
/// ```
/// use perennial_data::{How, TestPart, open};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("flowers.csv");
/// let rows = ["1.0,2.0,rose", "1.5,2.5,rose", "7.0,0.5,tulip", "7.5,,tulip", "8.0,0.0,tulip"];
/// std::fs::write(&path, format!("length,width,flower\n{}\n", rows.join("\n")))?;
///
/// let opened = open(&path, &How::default())?;
/// assert_eq!(opened.dataset.classes, ["rose", "tulip"]);
/// assert_eq!((opened.dataset.shape, opened.test), ([1, 1, 2], TestPart::HeldBack));
/// assert_eq!(opened.dataset.counts(), [[1, 1], [1, 1]]); // training and test rows of each class
/// assert_eq!(opened.dropped[0].to_string(), "1 row without a value in column `width` (line 5)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(data: &Path, how: &How) -> Result<Opened, DataError> {
    how.check()?;
    let request = Request { how, labelled: true };
    let (train, test) = match find(data, request)? {
        Found::Set(dataset) if how.test.is_none() => {
            let (format, test) = (Format::Set, TestPart::Own);
            let (columns, dropped) = (Vec::new(), Vec::new());
            return Ok(Opened { dataset: *dataset, format, columns, test, dropped });
        }
        Found::Set(dataset) => (Table::of_set(data, *dataset, false), None),
        Found::Tables(train, test) => (train, test),
    };
    let test = match &how.test {
        Some(path) => Some(one(path, request)?),
        None => test,
    };
    Ok(table::join(train, test)?)
}

/// Reads all rows at a path as one part: data to answer, or to be judged by. Of data that bring
/// training and test parts, that is the test part.
///
/// Rows of a table are labelled if it has the column that [`How::label`] names, or one called
/// `label`; classes are those that occur, in order, or the set's own.
///
/// # Errors
///
/// As [`open()`], but for labels and a test part.
pub fn read(data: &Path, how: &How) -> Result<Rows, DataError> {
    how.check()?;
    Ok(one(data, Request { how, labelled: false })?.rows()?)
}

/// As [`read`], from the bytes of a file; `path` is what errors call it. IDX images have no labels
/// here, for their labels are another file.
///
/// # Errors
///
/// As [`read`].
pub fn parse(bytes: &[u8], path: &Path, how: &How) -> Result<Rows, DataError> {
    how.check()?;
    let request = Request { how, labelled: false };
    let (all, test) = file(&Source::Memory(bytes, path), request)?;
    Ok(test.unwrap_or(all).rows()?)
}

/// The one part of what lies at a path.
fn one(data: &Path, request: Request<'_>) -> Result<Table, DataError> {
    Ok(match find(data, request)? {
        Found::Set(dataset) => Table::of_set(data, *dataset, true),
        Found::Tables(all, test) => test.unwrap_or(all),
    })
}

fn find(data: &Path, request: Request<'_>) -> Result<Found, DataError> {
    let folder = request.how.folder.as_deref();
    if let Some(name) = data.to_str().filter(|name| is_known(name)) {
        return load(name, folder).map(|set| Found::Set(Box::new(set)));
    }
    let metadata = std::fs::metadata(data).map_err(|error| cannot_open(data, error))?;
    if metadata.is_dir() {
        return folder::find(data, request);
    }
    let (all, test) = file(&Source::File(data), request)?;
    Ok(Found::Tables(all, test))
}

fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || (name.starts_with("emnist-") && !name.contains(['/', '\\', '.']))
}

/// The rows of one file, and those of its test part if it has one.
fn file(source: &Source<'_>, request: Request<'_>) -> Result<(Table, Option<Table>), DataError> {
    let alone = |table: Result<Table, DataError>| table.map(|table| (table, None));
    match Kind::of(source)? {
        Kind::Image => alone(images::single(source, request)),
        Kind::Csv => alone(csv::read(source, request)),
        #[cfg(feature = "parquet")]
        Kind::Parquet => alone(parquet::read(source, request)),
        #[cfg(not(feature = "parquet"))]
        Kind::Parquet => {
            let (path, feature) = (source.path().to_path_buf(), "parquet");
            Err(OpenError::NotBuilt { path, found: "a Parquet file", feature }.into())
        }
        Kind::Npy => alone(arrays::npy_alone(source, request)),
        Kind::Npz => arrays::npz(source, request),
        Kind::Safetensors => arrays::safetensors(source, request),
        Kind::Idx => alone(records::idx(source)),
        Kind::Cifar(variant) => alone(records::cifar(source, variant)),
    }
}

/// What the system's refusal to open a path means.
pub(crate) fn cannot_open(path: &Path, error: std::io::Error) -> DataError {
    /// `ELOOP`, which has no stable name in the standard library.
    const LINK_LOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };
    let path = path.to_path_buf();
    match error.kind() {
        std::io::ErrorKind::NotFound => OpenError::Nothing { path, known: NAMES.join(", ") }.into(),
        _ if error.raw_os_error() == Some(LINK_LOOP) => OpenError::LinkLoop { path }.into(),
        _ => DataError::Io { path, doing: "open", source: error },
    }
}
