//! What can be wrong with a scenario, each case a sentence that says what to do.

use std::io;
use std::path::PathBuf;

use perennial_data::{DataError, ErrorKind};

use super::Part;

/// Why a stream cannot be made, or makes no sense. [`ScenarioError::kind`] sorts the cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// No tasks were asked for, or a list of tasks is empty.
    #[error("a stream of 0 tasks teaches nothing; ask for at least 1 task")]
    NoTasks,
    /// More tasks than any report could hold.
    #[error(
        "{asked} tasks are too many: every task is evaluated after every other, so ask for at most {most}"
    )]
    TasksBeyondReason {
        /// The tasks asked for.
        asked: usize,
        /// The most that are possible.
        most: usize,
    },
    /// The classes are too few for the tasks.
    #[error(
        "{} of {} {} more than the {available} classes of {data} that may be used: they are enough for {}",
        plural(*.tasks, "task"), plural(*.per_task, "class"), if *.tasks == 1 { "needs" } else { "need" },
        possible(*.available, *.per_task)
    )]
    TooManyTasks {
        /// The data set.
        data: String,
        /// The tasks asked for.
        tasks: usize,
        /// The classes of each.
        per_task: usize,
        /// The classes there are: of the data, or of the order that was given.
        available: usize,
    },
    /// Tasks of no classes were asked for.
    #[error("a task of 0 classes has nothing to learn; set split.classes to at least 1")]
    NoClassesPerTask,
    /// The data have no such class.
    #[error(
        "{data} has no class `{class}`{}; its classes are: {known}", did_you_mean(.suggestion)
    )]
    UnknownClass {
        /// The class asked for.
        class: String,
        /// The data set.
        data: String,
        /// The class nearest to it, if one is near.
        suggestion: Option<String>,
        /// All classes.
        known: String,
    },
    /// A class is listed twice where each may come once.
    #[error("class `{class}` is listed twice; list each class once")]
    ClassTwice {
        /// The class.
        class: String,
    },

    /// No samples a task were asked for.
    #[error(
        "0 samples a task leave nothing to learn from; ask for at least 1, or leave it out to take all"
    )]
    NoSamples,
    /// A task has fewer rows than were asked for.
    #[error(
        "{asked} samples a task were asked for, but task `{task}` has {available}; ask for at most {available}"
    )]
    TooFewRows {
        /// The task.
        task: String,
        /// The rows asked for.
        asked: usize,
        /// The training rows it has.
        available: usize,
    },
    /// The share of rows for validation is no share.
    #[error("a validation share of {share} is impossible; it must be at least 0 and below 1")]
    ValidationShare {
        /// The share asked for.
        share: f64,
    },
    /// Validation takes all of a task's rows.
    #[error(
        "a validation share of {share} leaves task `{task}` none of its {} to learn from; take a smaller share or more samples",
        plural(*.rows, "training row")
    )]
    NoTrainingRows {
        /// The task.
        task: String,
        /// The share asked for.
        share: f64,
        /// The rows that were to be divided.
        rows: usize,
    },

    /// As many angles as tasks are needed.
    #[error("{} for {}; give one angle a task, or leave out the number of tasks", plural(*.angles, "angle"), plural(*.tasks, "task"))]
    AngleCount {
        /// The angles given.
        angles: usize,
        /// The tasks asked for.
        tasks: usize,
    },
    /// An angle is not a finite number.
    #[error("nothing can be rotated by {angle} degrees; give a finite number")]
    Angle {
        /// The angle.
        angle: f64,
    },

    /// No setting has this name.
    #[error("there is no setting `{found}`; known are: task, domain, class")]
    UnknownSetting {
        /// The name asked for.
        found: String,
    },
    /// A shared head needs tasks of equally many classes.
    #[error(
        "task `{}` of {stream} has {}, but task `{}` has {}: a domain-incremental head is shared by all tasks and has one output for each class of any; use --setting task or class",
        .other.0, plural(.other.1, "class"), .first.0, plural(.first.1, "class")
    )]
    ClassCounts {
        /// The stream.
        stream: String,
        /// The first task, with its number of classes.
        first: (String, usize),
        /// The first task that differs, with its number of classes.
        other: (String, usize),
    },
    /// A growing head needs tasks of different classes.
    #[error(
        "every task of {stream} has the same {}, so a class-incremental head would never grow; use --setting domain or task",
        plural(*.classes, "class")
    )]
    SameClasses {
        /// The stream.
        stream: String,
        /// How many classes each task has.
        classes: usize,
    },
    /// A growing head needs more than one task.
    #[error(
        "{stream} has a single task, so a class-incremental head would never grow; ask for more tasks, or use --setting domain or task"
    )]
    SingleTask {
        /// The stream.
        stream: String,
    },

    /// No benchmark has this name.
    #[error("there is no benchmark named `{name}`{}; known are: {known}", did_you_mean(.suggestion))]
    UnknownBenchmark {
        /// The name asked for.
        name: String,
        /// The name nearest to it, if one is near.
        suggestion: Option<String>,
        /// All names.
        known: String,
    },
    /// A benchmark has no setting of this key.
    #[error("the benchmark `{benchmark}` has no setting `{key}`{}; it has: {known}", did_you_mean(.suggestion))]
    UnknownKey {
        /// The benchmark, without its data: `permuted`.
        benchmark: &'static str,
        /// The key asked for.
        key: String,
        /// The key nearest to it, if one is near.
        suggestion: Option<String>,
        /// All keys.
        known: String,
    },
    /// A setting of a benchmark cannot have this value.
    #[error("{benchmark}.{key} cannot be `{value}`: {problem}")]
    BadValue {
        /// The benchmark, without its data: `permuted`.
        benchmark: &'static str,
        /// The key.
        key: String,
        /// The value asked for.
        value: String,
        /// What is wrong with it, and what it may be.
        problem: String,
    },

    /// Rows in memory do not belong together.
    #[error("these samples do not fit together: {problem}")]
    Samples {
        /// What does not fit, and what would.
        problem: String,
    },
    /// The fields of a data set do not belong together.
    #[error(
        "the data set {data} does not fit together: {problem}; read it with a reader of perennial-data, or correct it"
    )]
    Dataset {
        /// The data set.
        data: String,
        /// What does not fit.
        problem: String,
    },
    /// A task has no rows in a part that needs some.
    #[error("task `{task}` has no {part} rows; give it some, or choose other classes")]
    NoRows {
        /// The task.
        task: String,
        /// The part.
        part: Part,
    },
    /// The parts of a task do not have equally many inputs.
    #[error("the {part} rows of task `{task}` have {}, but its training rows {expected}; they must be equal", plural(*.found, "input"))]
    Inputs {
        /// The task.
        task: String,
        /// The part that differs.
        part: Part,
        /// Its inputs a row.
        found: usize,
        /// The inputs of a training row.
        expected: usize,
    },
    /// Rows without labels are not of the kind of their task's.
    #[error("the rows without labels of task `{task}` have {}, but its training rows {expected}; they must be equal", plural(*.found, "input"))]
    UnlabelledInputs {
        /// The task.
        task: String,
        /// Their inputs a row.
        found: usize,
        /// The inputs of a training row.
        expected: usize,
    },
    /// A list names rows without labels where nothing reads them, or for a task with a transform.
    #[error("task `{task}`: {reason}; leave `unlabelled` out")]
    Unlabelled {
        /// The task.
        task: String,
        /// Why they cannot be had.
        reason: &'static str,
    },
    /// A row has a label that its task has no class for.
    #[error("{part} row {row} of task `{task}` has label {label}, but the task has {}; labels are indices into its classes", plural(*.classes, "class"))]
    Label {
        /// The task.
        task: String,
        /// The part.
        part: Part,
        /// The row within the part.
        row: usize,
        /// Its label.
        label: u32,
        /// The classes of the task.
        classes: usize,
    },
    /// A task does not have the inputs of its stream.
    #[error("task `{task}` has {} a row, but the stream's shape is {shape:?}; all tasks of a stream need the same inputs", plural(*.found, "input"))]
    Shape {
        /// The task.
        task: String,
        /// Its inputs.
        found: usize,
        /// The shape of the stream: channels, height, width.
        shape: [usize; 3],
    },
    /// A task has no classes.
    #[error("task `{task}` has no classes; give it at least 1")]
    NoClasses {
        /// The task.
        task: String,
    },
    /// A task has a class that its stream does not name.
    #[error("task `{task}` has class {class}, but the stream names {}; name every class", plural(*.named, "class"))]
    UnnamedClass {
        /// The task.
        task: String,
        /// The class.
        class: u32,
        /// How many classes have names.
        named: usize,
    },

    /// A list of tasks cannot be read.
    #[error("cannot read the list of tasks {}: {source}", .path.display())]
    ReadList {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A list of tasks says something it cannot say.
    #[error("{}{}: {problem}", .path.display(), at_line(*.line))]
    ParseList {
        /// The file.
        path: PathBuf,
        /// The line, from 1, if it is known.
        line: Option<usize>,
        /// What is wrong, and what may stand there.
        problem: String,
    },
    /// More tasks were asked for than a list has.
    #[error("{} asked for, but {stream} lists {listed}; ask for fewer, or leave out the number of tasks", were(*.tasks))]
    ShortList {
        /// The stream.
        stream: String,
        /// The tasks asked for.
        tasks: usize,
        /// The tasks there are.
        listed: usize,
    },
    /// A task of a list is both permuted and rotated.
    #[error("task `{task}` has both `permute` and `rotate`; give one of them")]
    TwoTransforms {
        /// The task.
        task: String,
    },
    /// The images of two tasks of a list differ in shape.
    #[error(
        "task `{task}` has images of shape {found:?}, but the first task of {expected:?} (channels, height, width); all tasks of a stream need the same shape"
    )]
    OtherShape {
        /// The task.
        task: String,
        /// Its shape.
        found: [usize; 3],
        /// The shape of the first task.
        expected: [usize; 3],
    },
    /// Two tasks share some of their classes, which one head for all tasks cannot have.
    #[error(
        "task `{first}` has the classes {first_classes}, task `{other}` {other_classes}: in the domain setting tasks have the same classes, or as many with none in common, which are then matched by their order; say which are the same with map = {{ here = \"there\" }} (--map here=there), or use the setting task or class"
    )]
    SomeClassesShared {
        /// A task.
        first: String,
        /// Its classes.
        first_classes: String,
        /// A later task.
        other: String,
        /// Its classes.
        other_classes: String,
    },
    /// The data of a list could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl ScenarioError {
    /// The sort of the failure, by which a program chooses its exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Data(error) => error.kind(),
            Self::ReadList { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::Missing
            }
            Self::ReadList { .. } => ErrorKind::Io,
            Self::ParseList { .. }
            | Self::TwoTransforms { .. }
            | Self::SomeClassesShared { .. }
            | Self::OtherShape { .. }
            | Self::Samples { .. }
            | Self::Dataset { .. }
            | Self::NoRows { .. }
            | Self::Inputs { .. }
            | Self::UnlabelledInputs { .. }
            | Self::Label { .. } => ErrorKind::BadData,
            _ => ErrorKind::Usage,
        }
    }
}

/// `1 task`, `2 tasks`, `2 classes`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    let ending = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{ending}")
}

fn possible(available: usize, per_task: usize) -> String {
    match available / per_task {
        0 => format!("no task; ask for at most {}", plural(available, "class")),
        tasks => format!("at most {}", plural(tasks, "task")),
    }
}

fn were(tasks: usize) -> String {
    format!("{} {}", plural(tasks, "task"), if tasks == 1 { "was" } else { "were" })
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}
