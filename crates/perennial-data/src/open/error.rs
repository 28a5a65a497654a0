//! What can be wrong with data of your own, each case a sentence that says what to do.

use std::path::PathBuf;

use crate::ErrorKind;

/// Why data of your own could not be opened. [`OpenError::kind`] sorts the cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An option says nothing of data of this format.
    #[error("--{flag} does not apply to {}, which is {what}: it is for {applies}; leave it out", .path.display())]
    DoesNotApply {
        /// The option.
        flag: &'static str,
        /// The data.
        path: PathBuf,
        /// What they are.
        what: String,
        /// The data that it is for.
        applies: &'static str,
    },
    /// The caller asks for what cannot be.
    #[error("{problem}")]
    Impossible {
        /// What, and what could be.
        problem: &'static str,
    },
    /// There is nothing at a path.
    #[error("{} does not exist: give a file, a folder, or the name of a known set ({known})", .path.display())]
    Nothing {
        /// The path.
        path: PathBuf,
        /// The known sets.
        known: String,
    },
    /// A file is of a format that is read only where its reader was built in.
    #[error("{} is {found}, of which this build has no reader; build one that has: `cargo build --release --features {feature} -p perennial-cli`", .path.display())]
    NotBuilt {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// The feature of the crate with which its reader is built.
        feature: &'static str,
    },
    /// A path leads through symbolic links that go round in a circle.
    #[error("{} leads through symbolic links that go round in a circle; remove the link", .path.display())]
    LinkLoop {
        /// The path.
        path: PathBuf,
    },
    /// A file is of a format that is not read.
    #[error("{} is {found}, which is not read; known are: {}", .path.display(), super::KNOWN)]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: String,
    },
    /// A folder holds nothing to read.
    #[error("{} holds no data: expected folders of images named after their classes, files named `train` and `test`, or the files of a known set", .path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A name that must become the name of a class is no text.
    #[error("the name of {} is no UTF-8 text, but it is to name a class; rename it", .path.display())]
    NameNotText {
        /// The path.
        path: PathBuf,
    },
    /// Labels are needed and there are none.
    #[error("{} holds no labels: {advice}", .path.display())]
    NoLabels {
        /// The file or folder.
        path: PathBuf,
        /// How its format holds them.
        advice: &'static str,
    },
    /// No row is left.
    #[error("{} holds no row{}", .path.display(), reasons(.why))]
    NoRows {
        /// The file or folder.
        path: PathBuf,
        /// Why rows and files were left out, one sentence a reason.
        why: Vec<String>,
    },
    /// A guess would nearly always be wrong, or data are not what a learner knows.
    #[error("{message}")]
    Refused {
        /// What was found, what was expected, and what decides.
        message: String,
    },
    /// What is asked for contradicts what a learner was taught with.
    #[error("--{flag} {given} contradicts what the learner was taught with, {known}; leave it out")]
    Contradicts {
        /// The option.
        flag: &'static str,
        /// What it is now.
        given: String,
        /// What it was.
        known: String,
    },
    /// Data have no class of a name.
    #[error("{} has no class `{class}`; its classes are: {known}", .path.display())]
    NoClass {
        /// The data.
        path: PathBuf,
        /// The class asked for.
        class: String,
        /// Those there are.
        known: String,
    },
    /// A class is asked for twice.
    #[error("the class `{class}` is named twice; name each once")]
    ClassTwice {
        /// The class.
        class: String,
    },
    /// All rows together would not fit into memory.
    #[error("{} would take {bytes} bytes in memory, more than the {most} that are read; divide it, or make its rows smaller", .path.display())]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// The bytes of its rows.
        bytes: u64,
        /// The most that are read.
        most: u64,
    },

    /// A class folder holds no image.
    #[error("{} holds no image (PNG, JPEG, WebP, BMP); remove the folder, or put the images of its class there", .path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
    },
    /// An image cannot be decoded.
    #[error("{} cannot be decoded as an image: {problem}; replace or remove it", .path.display())]
    DamagedImage {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        problem: String,
    },
    /// An image declares more pixels than its file or the memory can hold.
    #[error("{} declares {width}×{height} pixels, {problem}; it was not decoded", .path.display())]
    ImageBomb {
        /// The file.
        path: PathBuf,
        /// Declared columns.
        width: u32,
        /// Declared rows.
        height: u32,
        /// Why they cannot be.
        problem: String,
    },
    /// Images differ in size.
    #[error(
        "{} is {}×{} pixels, but {} is {}×{}: make all of one size, or scale all with --resize HxW",
        .path.display(), .size[0], .size[1], .first.display(), .first_size[0], .first_size[1]
    )]
    ImageSize {
        /// The file.
        path: PathBuf,
        /// Its height and width.
        size: [usize; 2],
        /// The first file.
        first: PathBuf,
        /// Its height and width.
        first_size: [usize; 2],
    },
    /// Grey and coloured images together.
    #[error(
        "{} is {}, but {} is {}: make all alike, or convert all with --channels 1 or 3",
        .path.display(), colour(*.channels), .first.display(), colour(*.first_channels)
    )]
    ImageColour {
        /// The file.
        path: PathBuf,
        /// Its channels: 1 or 3.
        channels: usize,
        /// The first file.
        first: PathBuf,
        /// Its channels.
        first_channels: usize,
    },
    /// An image is transparent somewhere.
    #[error("{} is transparent in places, which has no colour; put it on a background", .path.display())]
    Transparent {
        /// The file.
        path: PathBuf,
    },

    /// A line of a table has more or fewer columns than the first.
    #[error("line {line} of {} has {found} columns, but its first line has {expected}; make all alike", .path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// Its columns.
        found: usize,
        /// Those of the first line.
        expected: usize,
    },
    /// A field of a table is not what it should be.
    #[error("{place} of {}, column {column}: found `{found}`, expected {expected}", .path.display())]
    BadField {
        /// The file.
        path: PathBuf,
        /// `line 7`, or `row 7` of a file without lines; counted from 1.
        place: Box<str>,
        /// The name of the column, or its number counted from 1.
        column: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// A table has no column of this name.
    #[error("{} has no column `{column}`; its columns are: {known}", .path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns there are.
        known: String,
    },
    /// A column of a table holds a type that it cannot.
    #[error("column {column} of {} holds {found}, expected {expected}", .path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The name of the column.
        column: String,
        /// Its type.
        found: String,
        /// What it could hold, and what to do.
        expected: &'static str,
    },
    /// A table leaves no column for the inputs.
    #[error("{} has no column of inputs beside the labels; if it is text, columns are divided by commas, semicolons, tabs or |", .path.display())]
    OnlyLabels {
        /// The file.
        path: PathBuf,
    },

    /// A file does not keep the rules of its format.
    #[error("{} is no whole {format} file: {problem}; write or copy it again", .path.display())]
    Malformed {
        /// The file, with the entry in it where there are several.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// Which rule.
        problem: String,
    },
    /// An array holds a type that cannot be inputs or labels.
    #[error("{} holds values of type `{found}`, expected {expected}", .path.display())]
    ArrayType {
        /// The file and the array.
        path: PathBuf,
        /// Its type.
        found: String,
        /// What could be used.
        expected: &'static str,
    },
    /// An array has a shape that cannot be inputs or labels.
    #[error("{} has the shape {found:?}, expected {expected}", .path.display())]
    ArrayShape {
        /// The file and the array.
        path: PathBuf,
        /// Its shape.
        found: Vec<usize>,
        /// What could be used.
        expected: String,
    },
    /// Arrays are not named so that inputs and labels can be told.
    #[error("{} holds {}, and no `{missing}`: name the inputs `x` and the labels `y` (or `x_train`, `y_train`, `x_test`, `y_test`)", .path.display(), arrays(.found))]
    ArrayNames {
        /// The file or folder.
        path: PathBuf,
        /// The arrays in it.
        found: Vec<String>,
        /// The name that is missing.
        missing: String,
    },
    /// A number is outside of what was asked for.
    #[error("row {row} of {} holds {found}, expected whole numbers from 0 to {white}", .path.display())]
    AboveWhite {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1.
        row: usize,
        /// What is there.
        found: f32,
        /// The highest.
        white: u8,
    },

    /// The rows of two parts do not fit each other.
    #[error(
        "the rows of {} are {}, those of {} are {}; the data to be judged by must be like the data to learn from",
        .test.display(), .test_rows, .train.display(), .train_rows
    )]
    PartsDiffer {
        /// What is to be learnt from.
        train: PathBuf,
        /// Its rows, in words.
        train_rows: String,
        /// What is to be judged by.
        test: PathBuf,
        /// Its rows, in words.
        test_rows: String,
    },
    /// The test part has a class that the training part lacks.
    #[error("{} has the class `{class}`, of which there is nothing to learn from; the classes to learn are: {known}", .path.display())]
    UntaughtClass {
        /// The data to be judged by.
        path: PathBuf,
        /// The class.
        class: String,
        /// The classes of the training part.
        known: String,
    },
    /// No class has two rows, so that none could be set apart.
    #[error("no class of {}{} has 2 {}rows, so none can be set apart to be judged by; give more rows, or data to be judged by with --test", .path.display(), labelled_by(.label.as_deref()), different(*.repeated))]
    NothingHeldBack {
        /// The data.
        path: PathBuf,
        /// The column or array of the labels.
        label: Option<String>,
        /// How many rows are equal to one before them, or of its group.
        repeated: usize,
    },
}

impl OpenError {
    /// The sort of this failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Nothing { .. } | Self::EmptyFolder { .. } => ErrorKind::Missing,
            Self::Impossible { .. }
            | Self::DoesNotApply { .. }
            | Self::NotBuilt { .. }
            | Self::NoColumn { .. }
            | Self::NoClass { .. }
            | Self::ClassTwice { .. } => ErrorKind::Usage,
            _ => ErrorKind::BadData,
        }
    }
}

fn colour(channels: usize) -> &'static str {
    if channels == 1 { "grey" } else { "coloured" }
}

fn labelled_by(label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| format!(" (labels: `{label}`)"))
}

fn different(repeated: usize) -> &'static str {
    if repeated > 0 { "different " } else { "" }
}

fn reasons(why: &[String]) -> String {
    match why {
        [] => String::new(),
        some => format!(": {}", some.join("; ")),
    }
}

fn arrays(names: &[String]) -> String {
    match names {
        [] => "no array".into(),
        some => format!("the arrays `{}`", some.join("`, `")),
    }
}
