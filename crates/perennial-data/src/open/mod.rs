//! One entry to data of every format: [`open()`] gives a set to learn from and to be judged by,
//! [`read`] the rows of one part, labelled or not. The table of formats is on the crate's page.

mod error;
mod folder;
mod join;
mod kind;
mod records;
mod split;
mod table;

use std::path::{Path, PathBuf};

pub use self::error::OpenError;
pub(crate) use self::folder::{Entry, entries};
pub(crate) use self::join::Tables;
use self::kind::Kind;
pub(crate) use self::split::{Split, held_back};
pub(crate) use self::table::{Table, as_bytes, numbered};
use crate::input::Source;
#[cfg(feature = "parquet")]
use crate::parquet;
pub(crate) use crate::understanding::{Format, TestPart};
use crate::{
    DataError, Dataset, InputSpec, NAMES, Part, ReadOptions, Understanding, Values, arrays, csv,
    images, load,
};

/// The formats, for people.
const KNOWN: &str = "folders of images, PNG, JPEG, WebP, BMP, CSV, Parquet, npy, npz, IDX, the .bin \
                     files of CIFAR, safetensors";

/// The most memory the values of a part may take.
pub(crate) const MOST_BYTES: u64 = 16 << 30;

/// How to say that a name is that of a built-in set, where a file is called so, too.
const SET_PREFIX: &str = "set:";

/// Labelled data, opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The rows to learn from and to be judged by, as they are stored: [`InputSpec::scaling`] makes
    /// inputs of them. Named after the file or folder.
    pub dataset: Dataset,
    /// What the rows are: what a learner keeps.
    pub spec: InputSpec,
    /// What was understood.
    pub understanding: Understanding,
    /// The number of each training row, from 0, among the complete rows that were not set apart, before
    /// classes were chosen: a learner names its training samples by it. `[rows]`
    pub train_rows: Vec<u64>,
    /// As `train_rows`, of the rows to be judged by. `[rows]`
    pub test_rows: Vec<u64>,
}

impl Opened {
    /// Data that are in memory, used as they are.
    #[must_use]
    pub fn of(dataset: Dataset) -> Self {
        let spec = InputSpec::plain(dataset.shape, &dataset.train.values);
        let numbers = |part: &Part| (0..part.len() as u64).collect();
        Self {
            train_rows: numbers(&dataset.train),
            test_rows: numbers(&dataset.test),
            understanding: Understanding::of_set(&dataset, &spec),
            spec,
            dataset,
        }
    }

    /// Makes the rows of all parts the inputs that `spec` says, and says how many were clipped.
    pub fn scale_by(&mut self, spec: &InputSpec) {
        self.spec.scaling.clone_from(&spec.scaling);
        let (mut clipped, mut all) = (0, 0);
        let Dataset { train, validation, test, .. } = &mut self.dataset;
        for part in [Some(train), validation.as_mut(), Some(test)].into_iter().flatten() {
            let (values, more) = spec.inputs(&part.values);
            (clipped, all) = (clipped + more, all + values.len());
            part.values = values;
        }
        self.understanding.notes.extend(spec.clip_note(clipped, all));
    }
}

/// The rows of one part: data to answer, or to be judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// What the rows are.
    pub spec: InputSpec,
    /// The rows one after another, as they are stored: `[rows, channels, height, width]`.
    pub values: Values,
    /// The class of each row, an index into `classes`; `None` where the data hold no labels.
    pub labels: Option<Vec<u32>>,
    /// The names of the classes by label; empty without labels.
    pub classes: Vec<String>,
    /// What to call each row: the path of its image, `line 7` or `row 7`, counted from 1. `[rows]`
    pub names: Vec<String>,
    /// What the data themselves call each row, where a column does ([`ReadOptions::id`]).
    pub ids: Option<Ids>,
    /// What was understood.
    pub understanding: Understanding,
}

/// A column that names rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Its name, or its number from 1.
    pub column: String,
    /// What it says. `[rows]`
    pub rows: Vec<String>,
}

/// What a reader is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) how: &'a ReadOptions,
    /// What a learner knows of its inputs, or what the rows to learn from are; `None` where rows are
    /// the first.
    pub(crate) known: Option<&'a InputSpec>,
    pub(crate) labels: LabelUse,
}

impl<'a> Request<'a> {
    /// The request for a part that is read after the one to learn from, whose rows are `first`.
    fn after(self, first: &'a InputSpec) -> Self {
        Self { known: Some(self.known.unwrap_or(first)), ..self }
    }
}

/// What labels are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelUse {
    /// Rows without labels are of no use.
    Required,
    /// Rows may have labels.
    Optional,
    /// Labels are not looked at: a row without one is a row.
    Ignored,
}

/// What lies at a path.
#[expect(clippy::large_enum_variant, reason = "there is one, for a moment")]
enum Found {
    Set { set: Box<Dataset>, notes: Vec<String> },
    Tables(Tables),
}

impl Found {
    fn set(set: Dataset) -> Self {
        Self::Set { set: Box::new(set), notes: Vec::new() }
    }

    /// What was decided, a sentence each.
    fn notes(&mut self) -> &mut Vec<String> {
        match self {
            Self::Set { notes, .. } => notes,
            Self::Tables(tables) => &mut tables.train.notes,
        }
    }
}

impl Tables {
    /// All rows, or those to learn from.
    fn alone(train: Table) -> Self {
        Self { train, validation: None, test: None }
    }

    /// The test part, or all rows.
    fn one(self) -> Table {
        self.test.unwrap_or(self.train)
    }
}

/// Opens labelled data: `data` is the name of a known set, a file or a folder. `known` is what the
/// learner knows that is to be taught; `None` for a first task.
///
/// # Errors
///
/// If there is nothing at the path or nothing known, if labels are missing, no row is left, rows
/// differ in shape, are not what the learner knows, files are damaged or declare more than they can
/// hold, no test part can be set apart, or a guess would nearly always be wrong: then the sentence
/// says what decides.
///
/// ```
/// use perennial_data::{ReadOptions, TestPart, open};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("flowers.csv");
/// let rows = ["1.0,2.0,rose", "1.5,2.5,rose", "7.0,0.5,tulip", "7.5,,tulip", "8.0,0.0,tulip"];
/// std::fs::write(&path, format!("length,width,flower\n{}\n", rows.join("\n")))?;
///
/// let opened = open(&path, &ReadOptions::default(), None)?;
/// assert_eq!(opened.dataset.classes, ["rose", "tulip"]);
/// assert_eq!(opened.dataset.counts(), [[1, 1], [1, 1]]); // training and test rows of each class
/// assert_eq!(opened.understanding.parts.test_from, TestPart::HeldBack);
/// let left_out = opened.understanding.left_out[0].to_string();
/// assert_eq!(left_out, "1 row without a value in column `width` (line 5)");
/// let scaling = opened.spec.scaling.ok_or("columns are standardised")?;
/// assert_eq!(scaling.mean, [4.0, 1.25]); // of the two rows to learn from
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(
    data: &Path,
    how: &ReadOptions,
    known: Option<&InputSpec>,
) -> Result<Opened, DataError> {
    how.check()?;
    let given = how;
    let how = &how.remembering(known)?;
    let request = Request { how, known, labels: LabelUse::Required };
    let (mut tables, name) = match find(data, request)? {
        Found::Set { set, notes } => {
            let name = set.name.clone();
            let [mut train, test] = Table::of_set(&bare(data), *set);
            train.notes = notes;
            (Tables { train, validation: None, test: Some(test) }, Some(name))
        }
        Found::Tables(tables) => (tables, None),
    };
    given.check_applies(&tables.train)?;
    if let Some(path) = &how.test {
        let spec = tables.train.spec(request);
        tables.test = Some(one(path, request.after(&spec))?);
    }
    let mut opened = join::join(tables, request)?;
    if let Some(name) = name {
        opened.dataset.name = name;
    }
    Ok(opened)
}

/// Reads all rows at a path as one part: data to answer, or to be judged by. Of data that bring
/// training and test parts, that is the test part.
///
/// Rows of a table are labelled if it has the column that the learner knows or that [`ReadOptions::label`]
/// names, or one called `label`; classes are those that occur, in order, or the set's own.
///
/// # Errors
///
/// As [`open()`], but for labels and a test part.
pub fn read(data: &Path, how: &ReadOptions, known: Option<&InputSpec>) -> Result<Rows, DataError> {
    rows_at(data, how, known, LabelUse::Optional)
}

/// As [`read`], of rows that are to be answered: labels are not looked at, and a row without one is
/// not left out.
///
/// # Errors
///
/// As [`read`].
pub fn read_unlabelled(
    data: &Path,
    how: &ReadOptions,
    known: Option<&InputSpec>,
) -> Result<Rows, DataError> {
    rows_at(data, how, known, LabelUse::Ignored)
}

fn rows_at(
    data: &Path,
    how: &ReadOptions,
    known: Option<&InputSpec>,
    labels: LabelUse,
) -> Result<Rows, DataError> {
    rows(how, known, labels, |request| one(data, request))
}

/// The rows of the table that `table` finds.
fn rows(
    given: &ReadOptions,
    known: Option<&InputSpec>,
    labels: LabelUse,
    table: impl FnOnce(Request<'_>) -> Result<Table, DataError>,
) -> Result<Rows, DataError> {
    given.check()?;
    let request = Request { how: &given.remembering(known)?, known, labels };
    let table = table(request)?;
    given.check_applies(&table)?;
    Ok(join::rows(table, request)?)
}

/// As [`read`], from the bytes of a file; `path` is what errors call it. IDX images have no labels
/// here, for their labels are another file.
///
/// # Errors
///
/// As [`read`].
pub fn parse(
    bytes: &[u8],
    path: &Path,
    how: &ReadOptions,
    known: Option<&InputSpec>,
) -> Result<Rows, DataError> {
    let table = |request: Request<'_>| file(&Source::Memory(bytes, path), request).map(Tables::one);
    rows(how, known, LabelUse::Optional, table)
}

/// The one part of what lies at a path.
fn one(data: &Path, request: Request<'_>) -> Result<Table, DataError> {
    Ok(match find(data, request)? {
        Found::Set { set, notes } => {
            let [_, test] = Table::of_set(&bare(data), *set);
            Table { notes, ..test }
        }
        Found::Tables(tables) => tables.one(),
    })
}

fn find(data: &Path, request: Request<'_>) -> Result<Found, DataError> {
    let folder = request.how.folder.as_deref();
    let text = data.to_str().unwrap_or_default();
    let set = text.strip_prefix(SET_PREFIX);
    if let Some(name) = set.or(Some(text)).filter(|name| is_known(name)) {
        if set.is_none() && data.exists() {
            return Err(set_or_path(name, data).into());
        }
        return load(name, folder).map(Found::set);
    }
    let metadata = std::fs::metadata(data).map_err(|error| cannot_open(data, error))?;
    if metadata.is_dir() {
        return folder::find(data, request);
    }
    file(&Source::File(data), request).map(Found::Tables)
}

/// The refusal of a name that is a set's and that of a file or folder at `path`.
#[must_use]
pub fn set_or_path(name: &str, path: &Path) -> OpenError {
    let what = if path.is_dir() { "folder" } else { "file" };
    OpenError::Refused {
        message: format!(
            "`{name}` is a built-in set and a {what} here: write {SET_PREFIX}{name} for the set, or \
             ./{name} for the {what}"
        ),
    }
}

/// A set's name without what says that it is one.
fn bare(data: &Path) -> PathBuf {
    let name = data.to_str().and_then(|text| text.strip_prefix(SET_PREFIX));
    name.map_or_else(|| data.to_path_buf(), PathBuf::from)
}

fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || (name.starts_with("emnist-") && !name.contains(['/', '\\', '.']))
}

/// The rows of one file.
fn file(source: &Source<'_>, request: Request<'_>) -> Result<Tables, DataError> {
    match Kind::of(source)? {
        Kind::Image => images::single(source, request).map(Tables::alone),
        Kind::Csv => csv::read(source, request).map(Tables::alone),
        #[cfg(feature = "parquet")]
        Kind::Parquet => parquet::read(source, request).map(Tables::alone),
        #[cfg(not(feature = "parquet"))]
        Kind::Parquet => {
            let (path, feature) = (source.path().to_path_buf(), "parquet");
            Err(OpenError::NotBuilt { path, found: "a Parquet file", feature }.into())
        }
        Kind::Npy => arrays::npy_alone(source, request).map(Tables::alone),
        Kind::Npz => arrays::npz(source, request),
        Kind::Safetensors => arrays::safetensors(source, request),
        Kind::Idx => records::idx(source).map(Tables::alone),
        Kind::Cifar(variant) => records::cifar(source, variant).map(Tables::alone),
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
