//! Every failure as a sentence, a hint and an exit code; and the one place that prints it.

use std::fmt;
use std::io;
use std::path::Path;

use perennial::learner::LearnError;
use perennial::network::NetworkError;
use perennial::state::{FileError, FileErrorKind, LockError, StateError};
use perennial::store::StoreError;
use perennial_data::{DataError, ErrorKind};
use perennial_report::ReportError;
use perennial_report::document::Failure;
use perennial_watch::WatchError;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::output;

/// The sort of a failure; scripts match its name and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    /// A loss that became no number: this cell's own failure.
    Diverged,
    /// The command asks for what does not exist or cannot be.
    Usage,
    /// A file is there, but its content is wrong.
    BadData,
    /// A file or folder is not there.
    InputMissing,
    /// A defect of the program.
    Bug,
    /// A file or folder cannot be created.
    CannotCreate,
    /// Reading or writing failed.
    Io,
    /// Another process holds the lock.
    Busy,
    /// A worker process was killed from outside.
    WorkerKilled,
    /// A saved state is not what was written.
    Damaged,
    /// SIGINT came; the state is saved.
    Interrupted,
    /// SIGTERM came; the state is saved.
    Terminated,
}

impl Code {
    /// The exit code of the program's contract.
    pub(crate) fn exit(self) -> u8 {
        match self {
            Self::Diverged => 1,
            Self::Usage => 2,
            Self::BadData => 65,
            Self::InputMissing => 66,
            Self::Bug => 70,
            Self::CannotCreate => 73,
            Self::Io => 74,
            Self::Busy | Self::WorkerKilled => 75,
            Self::Damaged => 76,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Its name, as in JSON.
    pub(crate) fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|name| name.as_str().map(ToOwned::to_owned))
            .unwrap_or_default()
    }

    /// Whether it would meet the other cells too, so that going on makes no sense.
    pub(crate) fn is_of_the_place(self) -> bool {
        use Code as C;
        matches!(
            self,
            C::Io | C::CannotCreate | C::Damaged | C::InputMissing | C::BadData | C::Busy
        )
    }
}

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// One sentence: where, what was found, what was expected.
    pub(crate) message: String,
    /// What to do; may be empty where the message says it.
    pub(crate) hint: String,
}

pub(crate) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    pub(crate) fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Code::Usage, message, hint)
    }

    /// For `map_err`: a failure of the system while doing something with a path.
    pub(crate) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("cannot {doing} {}", path.display());
        move |error| {
            let (code, hint) = of_system(error.kind());
            Self::new(code, format!("{what}: {error}"), hint)
        }
    }

    /// For `map_err`: a failure of the system to create a file or folder of the run.
    pub(crate) fn cannot_create(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("cannot create {}", path.display());
        move |error| match of_system(error.kind()) {
            (Code::Io, hint) if is_full(error.kind()) => {
                Self::new(Code::Io, format!("{what}: {error}"), hint)
            }
            _ => Self::new(
                Code::CannotCreate,
                format!("{what}: {error}"),
                "name a folder that can be written with --out DIR",
            ),
        }
    }

    /// As the document of a comparison tells it.
    pub(crate) fn failure(&self) -> Failure {
        Failure { code: self.code.name(), message: self.message.clone(), hint: self.hint.clone() }
    }

    /// Prints it: two lines on standard error, or with `json` one document on standard out.
    /// Says the exit code.
    pub(crate) fn render(&self, json: bool) -> u8 {
        if json {
            // The exit code still tells it where standard out does not take it.
            let _ = output::document(&json!({ "error": self.failure() }));
        } else {
            output::note(&format!("error: {}", self.message));
            if !self.hint.is_empty() {
                output::note(&format!("hint: {}", self.hint));
            }
        }
        self.code.exit()
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(kind, K::StorageFull | K::QuotaExceeded | K::FileTooLarge)
}

/// Code and hint for what the system refuses.
fn of_system(kind: io::ErrorKind) -> (Code, &'static str) {
    use io::ErrorKind as K;
    match kind {
        K::PermissionDenied | K::ReadOnlyFilesystem | K::NotADirectory => {
            (Code::CannotCreate, "name a folder that can be written with --out DIR")
        }
        _ if is_full(kind) => {
            (Code::Io, "free some space and run the same command again: it goes on from there")
        }
        _ => (Code::Io, "run the same command again: it goes on from what was saved last"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Code and hint for data that cannot be had.
fn of_data(kind: ErrorKind) -> (Code, &'static str) {
    match kind {
        ErrorKind::BadData => (Code::BadData, ""),
        ErrorKind::Missing => {
            (Code::InputMissing, "name the folder with --data DIR or PERENNIAL_DATA")
        }
        ErrorKind::CannotCreate => (Code::CannotCreate, "name another folder with --data DIR"),
        ErrorKind::Io => (Code::Io, "try again"),
        ErrorKind::Usage => (Code::Usage, ""),
    }
}

impl From<DataError> for Problem {
    fn from(error: DataError) -> Self {
        let (code, hint) = of_data(error.kind());
        Self::new(code, error.to_string(), hint)
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let (code, hint) = match error.kind() {
            FileErrorKind::Missing => (Code::InputMissing, ""),
            FileErrorKind::Io(kind) => of_system(kind),
            FileErrorKind::Damaged
            | FileErrorKind::OtherKind
            | FileErrorKind::Newer
            | FileErrorKind::Older => (Code::Damaged, ""),
        };
        Self::new(code, error.to_string(), hint)
    }
}

impl From<LockError> for Problem {
    fn from(error: LockError) -> Self {
        let message = error.to_string();
        match error {
            LockError::Busy { .. } => {
                Self::new(Code::Busy, message, "wait until it has ended, or name another folder")
            }
            LockError::File(error) => match error.kind() {
                FileErrorKind::Io(kind) if !is_full(kind) => {
                    let hint = "name a folder that can be written with --out DIR";
                    Self::new(Code::CannotCreate, message, hint)
                }
                _ => error.into(),
            },
        }
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        Self::new(Code::Damaged, error.to_string(), "")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        use StoreError as E;
        let message = error.to_string();
        match error {
            E::NotALearner { .. } => {
                Self::new(Code::InputMissing, message, "`perennial init LEARNER` makes one")
            }
            E::Occupied { .. } => Self::new(Code::CannotCreate, message, ""),
            E::Damaged { path, .. } if path.ends_with("position") => {
                let hint = "`perennial teach LEARNER --abort` drops the half-done task; the \
                            learner itself is unharmed";
                Self::new(Code::Damaged, message, hint)
            }
            E::Damaged { .. } => {
                let hint = "`perennial verify` says which versions are whole; put a copy of the \
                            file in its place, or go back to a whole version with `perennial \
                            rollback --to V`";
                Self::new(Code::Damaged, message, hint)
            }
            E::Unknown { .. } | E::Cannot(_) => Self::usage(message, ""),
            E::Data(_) => Self::new(Code::BadData, message, ""),
            E::File(error) => error.into(),
            E::Lock(error) => error.into(),
            E::State(error) => error.into(),
            E::Learn(error) => error.into(),
            _ => Self::new(Code::Bug, message, REPORT_IT),
        }
    }
}

impl From<LearnError> for Problem {
    fn from(error: LearnError) -> Self {
        use LearnError as E;
        let message = error.to_string();
        match error {
            E::NotFinite { .. } => Self::new(Code::Diverged, message, "lower --lr"),
            E::BadSetting { .. }
            | E::OtherRun { .. }
            | E::NothingToMeasure { .. }
            | E::NoFreeWeights { .. }
            | E::NoValidation { .. } => Self::usage(message, ""),
            E::OwnStatistics { .. } => Self::usage(message, "leave norm.statistics out for it"),
            E::Impossible { .. } => Self::usage(message, "choose another --setting"),
            E::NeedsBorders { .. } => Self::usage(
                message,
                "finetune, er, er-ace, der and derpp need no borders; `perennial list --json` says why a \
                 strategy does",
            ),
            E::Scenario(error) => error.into(),
            E::Network(error) => error.into(),
            E::State(error) => error.into(),
            E::Watch(error) => match error.downcast::<Self>() {
                Ok(problem) => *problem,
                Err(error) => Self::new(Code::Bug, error.to_string(), REPORT_IT),
            },
            E::Stopped(_) | E::DataNotKept { .. } | E::Objective(_) | E::Engine(_) => {
                Self::new(Code::Bug, message, REPORT_IT)
            }
        }
    }
}

impl From<NetworkError> for Problem {
    fn from(error: NetworkError) -> Self {
        Self::usage(error.to_string(), "`perennial list networks` shows what there is")
    }
}

impl From<perennial::scenario::ScenarioError> for Problem {
    fn from(error: perennial::scenario::ScenarioError) -> Self {
        let (code, hint) = of_data(error.kind());
        Self::new(code, error.to_string(), hint)
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        let (code, hint) = match &error {
            ReportError::Missing { .. } => (Code::InputMissing, ""),
            ReportError::BadData { .. } | ReportError::Newer { .. } => (Code::BadData, ""),
            _ => (Code::Bug, REPORT_IT),
        };
        Self::new(code, error.to_string(), hint)
    }
}

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        let (code, hint) = match &error {
            WatchError::NotLoopback { .. } => {
                (Code::Usage, "add --anyone if they may, or leave --listen out")
            }
            WatchError::Bind { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => (Code::Busy, "name another port, or 0 for a free one"),
                _ => (Code::Usage, "name an address of this machine with --listen IP:PORT"),
            },
            _ => (Code::Io, "try again"),
        };
        Self::new(code, error.to_string(), hint)
    }
}

/// What to do about a defect.
pub(crate) const REPORT_IT: &str = "this is a defect of the program: please report it";

/// ` (did you mean `x`?)` for the likeliest of the known names, or nothing.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Jaro-Winkler: `finetun` to `finetune` is .98, `ewc` to `mas` 0.
    const NEAR: f64 = 0.8;
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), known), known))
        .filter(|&(likeness, _)| likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// An unknown name: the sentence, and as hint the likeliest known name and all of them.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Problem {
    let near = did_you_mean(name, known.clone());
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    let known: Vec<&str> = known.into_iter().collect();
    Problem::usage(
        format!("there is no {what} `{name}`"),
        format!("{near}known are: {}", known.join(", ")),
    )
}
