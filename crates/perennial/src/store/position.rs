//! The half-done task: one file that is replaced as teaching goes on.

use std::time::{Duration, Instant};

use super::StoreError;
use super::folder::Folder;
use super::lesson::Plan;
use super::manifest::Manifest;
use crate::learner::{Event, Learner as Driver, Progress, Stop, Watch};
use crate::network;
use crate::state::{FileError, read_sealed, write_sealed_by};
use crate::strategies;

/// What the file is, and its format.
const KIND: &str = "teaching";
const VERSION: u32 = 1;

/// A half-done task as it was saved.
pub(super) struct Saved {
    pub(super) plan: Plan,
    state: Vec<u8>,
}

impl Saved {
    /// The half-done task of a learner, if there is one.
    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, StoreError> {
        let path = folder.file("position");
        let mut bytes = match read_sealed(&path, KIND, VERSION) {
            Ok(bytes) => bytes,
            Err(FileError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let damaged = |what: &dyn ToString| StoreError::damaged(&path, what.to_string());
        let (length, rest) =
            bytes.split_first_chunk().ok_or_else(|| damaged(&"it is too short"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let plan = rest.get(..length).ok_or_else(|| damaged(&"it is too short"))?;
        let plan = serde_json::from_slice(plan).map_err(|error| damaged(&error))?;
        bytes.drain(..size_of::<u64>() + length);
        Ok(Some(Self { plan, state: bytes }))
    }

    /// Refuses to go on with another task than the half-done one.
    pub(super) fn check(&self, plan: &Plan, head: &Manifest) -> Result<(), StoreError> {
        let differences = self.plan.differences(plan);
        let task = &self.plan.task;
        if !differences.is_empty() {
            return Err(StoreError::Cannot(format!(
                "the task `{task}` is half done, and this is another: {}; give the command that \
                 began it, or drop it with --abort",
                differences.join(", ")
            )));
        }
        if self.plan != *plan {
            return Err(StoreError::Cannot(format!(
                "the task `{task}` is half done from version {}, and the learner is version {} \
                 now: roll back to that, or drop the half-done task with --abort",
                self.plan.parent, head.id
            )));
        }
        Ok(())
    }

    pub(super) fn driver(&self, head: &Manifest, shape: [usize; 3]) -> Result<Driver, StoreError> {
        let network = network::parse(&head.settings.network, shape)?;
        Ok(Driver::from_bytes(&self.state, network, strategies::load)?)
    }
}

/// Removes the half-done task.
pub(super) fn abandon(folder: &Folder) -> Result<(), StoreError> {
    folder.remove(&folder.file("position"))
}

/// Saves a half-done task as it goes: one file, replaced.
pub(super) struct Saver<'a> {
    folder: &'a Folder,
    plan: Vec<u8>,
    every: Option<u64>,
    stop: &'a Stop,
    watch: &'a mut dyn Watch,
    saved: Instant,
    cost: Duration,
}

impl<'a> Saver<'a> {
    pub(super) fn new(
        folder: &'a Folder,
        plan: &Plan,
        every: Option<u64>,
        stop: &'a Stop,
        watch: &'a mut dyn Watch,
    ) -> Self {
        let plan = serde_json::to_vec(plan).unwrap_or_default();
        Self { folder, plan, every, stop, watch, saved: Instant::now(), cost: Duration::ZERO }
    }

    /// Whether so much was done since the last save that losing it would cost more than saving.
    fn worth_it(&self) -> bool {
        const SHORTEST: Duration = Duration::from_secs(1);
        const COSTS: u32 = 20;
        self.saved.elapsed() >= SHORTEST.max(self.cost * COSTS)
    }
}

type WatchResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Watch for Saver<'_> {
    fn event(&mut self, event: &Event) -> WatchResult {
        self.watch.event(event)
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        self.watch.progress(progress);
    }

    fn save(&mut self, learner: &Driver) -> WatchResult {
        if self.every.is_some() || self.stop.asked() || self.worth_it() {
            let since = Instant::now();
            let (length, path) =
                ((self.plan.len() as u64).to_le_bytes(), self.folder.file("position"));
            learner.lend_bytes(|parts| {
                let payload = [&[&length, &self.plan[..]], parts].concat();
                write_sealed_by(&*self.folder.files, &path, KIND, VERSION, &payload)
            })??;
            (self.saved, self.cost) = (Instant::now(), since.elapsed());
        }
        self.watch.save(learner)
    }

    fn due(&mut self, steps: u64) -> bool {
        let due = match self.every {
            Some(every) => steps.is_multiple_of(every.max(1)),
            None => self.worth_it(),
        };
        self.watch.due(steps) || due
    }
}
