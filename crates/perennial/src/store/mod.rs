//! The durable learner: a folder that is taught task after task, for years and across crashes.
//!
//! ```text
//! LEARNER/
//!   FORMAT                 what this folder is; refuses formats that came later
//!   HEAD                   which version is the learner: replaced in one move, the commit point
//!   lock                   held by who writes; who reads needs none
//!   versions/000042.json   a version: small, sealed, never changed; names its objects
//!   objects/<BLAKE3>       what versions are made of: named by their content, shared, never changed
//!   tags/NAME              versions that are kept
//!   position               the half-done task, while there is one: one file, replaced
//! ```
//!
//! A commit writes new objects and flushes each, flushes their folder, writes the manifest and
//! flushes its folder, and then replaces `HEAD`. Whatever is lost on the way, by a kill, a full
//! disk or a power cut, `HEAD` means a version that is all there.
//!
//! ```
//! use perennial::learner::Stop;
//! use perennial::store::{Learner, Lesson, Settings, Taught, Teaching};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("reader");
//! let digits = perennial::data::digits()?;
//! let lesson = |task: &str, classes: [&str; 2]| {
//!     Lesson::new(task, &digits)?.only(&classes.map(String::from))
//! };
//! let settings = Settings { network: "mlp:32".into(), strategy: "er".into(), ..Settings::default() };
//! let mut learner = Learner::create(&path, &settings)?;
//! learner.teach(&lesson("low", ["0", "1"])?, &Teaching::default(), &mut (), &Stop::default())?;
//! learner.teach(&lesson("next", ["2", "3"])?, &Teaching::default(), &mut (), &Stop::default())?;
//! let learner = &mut Learner::open(&path)?; // another process, another month
//! assert!(learner.evaluate()?.iter().all(|task| task.rows > 0));
//! learner.rollback(None)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod diff;
mod error;
mod fitting;
mod folder;
mod forget;
mod gate;
mod history;
mod kept;
mod lesson;
mod manifest;
mod move_head;
mod position;
mod settings;
mod state;
mod tasks;
mod teach;
mod transfer;
mod upkeep;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use self::answer::{Evaluated, Prediction, Predictions};
pub use self::diff::{ClassChange, Difference, TaskChange};
pub use self::error::StoreError;
pub use self::folder::ObjectRef;
pub use self::forget::Forgotten;
pub use self::gate::{
    ClassJudged, ClassVerdict, Clause, Gate, Judged, Judgement, MeanJudged, Verdict,
};
pub use self::history::History;
pub use self::lesson::{Lesson, Plan, Source, Teaching};
pub use self::manifest::{Made, Manifest};
pub use self::settings::Settings;
pub use self::teach::Taught;
pub use self::upkeep::{Garbage, Verified};

use self::folder::Folder;
use crate::clock;
use crate::state::{Files, Lock, System};

/// A learner on disk. Holds no version in memory: every call reads what it needs from the version
/// that `HEAD` means then. Calls that write hold the lock while they do.
#[derive(Clone, Debug)]
pub struct Learner {
    folder: Folder,
}

impl Learner {
    /// Makes a learner that has seen nothing, in a folder that is not there or empty.
    ///
    /// # Errors
    ///
    /// Settings that cannot be, a folder with something in it, or one that cannot be written.
    pub fn create(path: &Path, settings: &Settings) -> Result<Self, StoreError> {
        Self::create_with(path, settings, Arc::new(System))
    }

    /// As [`create`](Self::create), by these files.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(
        path: &Path,
        settings: &Settings,
        files: Arc<dyn Files>,
    ) -> Result<Self, StoreError> {
        let settings = settings.complete()?;
        let folder = Folder { path: path.to_owned(), files };
        folder.claim()?;
        let _lock = Lock::take(path, Duration::ZERO)?;
        let manifest = Manifest::first(settings);
        folder.lay_out()?;
        folder.put_first(&manifest)?;
        folder.set_head(&manifest)?;
        Ok(Self { folder })
    }

    /// Opens a learner.
    ///
    /// # Errors
    ///
    /// A folder that is no learner, one of a format that came later, or one whose `HEAD` is
    /// damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Arc::new(System))
    }

    /// Opens a learner whose `HEAD`, or the version it means, may be damaged: to
    /// [roll back](Self::rollback) to a version that is whole.
    ///
    /// # Errors
    ///
    /// A folder that is no learner, or one of a format that came later.
    pub fn open_to_mend(path: &Path) -> Result<Self, StoreError> {
        let learner = Self { folder: Folder { path: path.to_owned(), files: Arc::new(System) } };
        learner.folder.check()?;
        Ok(learner)
    }

    /// As [`open`](Self::open), by these files.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, files: Arc<dyn Files>) -> Result<Self, StoreError> {
        let learner = Self { folder: Folder { path: path.to_owned(), files } };
        learner.folder.check()?;
        learner.head()?;
        Ok(learner)
    }

    /// The version that is the learner.
    ///
    /// # Errors
    ///
    /// When `HEAD` or the manifest is damaged.
    pub fn head(&self) -> Result<Manifest, StoreError> {
        self.steady(|head| Ok(head.clone()))
    }

    /// What it was made with.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub fn settings(&self) -> Result<Settings, StoreError> {
        Ok(self.head()?.settings)
    }

    /// The names of its tasks, in the order in which they were taught.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub fn tasks(&self) -> Result<Vec<String>, StoreError> {
        self.steady(|head| {
            Ok(self.folder.tasks(head)?.tasks.into_iter().map(|task| task.name).collect())
        })
    }

    /// The shape of its input, known from the first task on: `[channels, height, width]`.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub fn shape(&self) -> Result<Option<[usize; 3]>, StoreError> {
        self.steady(|head| Ok(self.folder.tasks(head)?.shape))
    }

    /// The task that is half done, if one is.
    ///
    /// # Errors
    ///
    /// When its file is damaged.
    pub fn half_done(&self) -> Result<Option<Plan>, StoreError> {
        Ok(position::Saved::read(&self.folder)?.map(|saved| saved.plan))
    }

    fn lock(&self) -> Result<Lock, StoreError> {
        Ok(Lock::take(&self.folder.path, Duration::ZERO)?)
    }

    /// Reads of the version that is the learner. Where a writer moves on and clears away what is
    /// being read, reads of the version after.
    fn steady<T>(
        &self,
        read: impl Fn(&Manifest) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            let head = self.folder.head()?;
            let found = self.folder.head_manifest().and_then(|manifest| read(&manifest));
            match found {
                Err(error) if error.is_of_a_version() && self.folder.head()? != head => {}
                found => return found,
            }
        }
    }
}

impl Manifest {
    /// Version 0 of a learner that has seen nothing.
    fn first(settings: Settings) -> Self {
        Self {
            schema: Self::SCHEMA.into(),
            id: 0,
            parent: None,
            made: Made::Init,
            program: program(),
            written: clock::written(SystemTime::now()),
            settings,
            objects: BTreeMap::new(),
            state_digest: None,
            accuracy: None,
            gate: None,
        }
    }

    /// The beginning of a version made from this one; its number is given when it is written.
    fn child(&self) -> Self {
        Self {
            parent: Some(self.id),
            id: self.id + 1,
            program: program(),
            written: clock::written(SystemTime::now()),
            ..self.clone()
        }
    }
}

fn program() -> String {
    format!("perennial {}", env!("CARGO_PKG_VERSION"))
}
