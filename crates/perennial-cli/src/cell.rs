//! A cell's folder: its log, the state it goes on from, and its result.
//!
//! ```text
//! lock          held by the worker
//! events.jsonl  appended while it runs; flushed before the state that counts on it
//! state         the learner and the length of events.jsonl: sealed, replaced in one move
//! result.json   the finished run; written last, and with it the state is gone
//! error.json    why it failed
//! machine.json  the computer that worked at it last
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use perennial::learner::{Event, Learner, Progress, Stop, Watch};
use perennial::network::Graph;
use perennial::state::{FileError, read_sealed, write_atomic, write_sealed};
use perennial_report::document::{Machine, Run};

use crate::error::{Code, Problem, Result};
use crate::message::At;

/// What the state file is, and its format.
const KIND: &str = "cell";
const VERSION: u32 = 1;

/// The folder of one cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) folder: PathBuf,
}

impl Cell {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The finished run, if it is finished.
    pub(crate) fn result(&self) -> Result<Option<Run>> {
        self.read("result.json")
    }

    /// Why it failed, if it did.
    pub(crate) fn error(&self) -> Result<Option<Problem>> {
        self.read("error.json")
    }

    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.file(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::io("read", &path)(error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| self.damaged(&path, &error))
    }

    /// Writes the finished run; what only served to get there goes.
    pub(crate) fn finish(&self, run: &Run) -> Result<()> {
        self.write("result.json", run)?;
        self.remove("state")
    }

    /// Writes why it failed.
    pub(crate) fn fail(&self, problem: &Problem) -> Result<()> {
        self.write("error.json", problem)
    }

    /// The computer that worked at it last, if any did.
    pub(crate) fn machine(&self) -> Result<Option<Machine>> {
        self.read("machine.json")
    }

    /// Writes which computer works at it from now on.
    pub(crate) fn set_machine(&self, machine: &Machine) -> Result<()> {
        self.write("machine.json", machine)
    }

    /// Forgets an earlier failure: the cell is tried again.
    pub(crate) fn forgive(&self) -> Result<()> {
        self.remove("error.json")
    }

    fn write<T: serde::Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|error| Problem::new(Code::Bug, error.to_string(), crate::error::REPORT_IT))?;
        Ok(write_atomic(&self.file(name), format!("{text}\n").as_bytes())?)
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Problem::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The saved learner's bytes and the length of the log they count on; `None` where nothing
    /// was saved. A damaged state is an error: to begin again silently would hide a loss.
    pub(crate) fn saved(&self) -> Result<Option<(u64, Vec<u8>)>> {
        let path = self.file("state");
        let mut bytes = match read_sealed(&path, KIND, VERSION) {
            Ok(bytes) => bytes,
            Err(FileError::Missing { .. }) => return Ok(None),
            Err(FileError::Damaged { path, what }) => return Err(self.damaged(&path, &what)),
            Err(error) => return Err(error.into()), // its sentence says what to do
        };
        let (length, _) =
            bytes.split_first_chunk().ok_or_else(|| self.damaged(&path, &"it is too short"))?;
        let length = u64::from_le_bytes(*length);
        bytes.drain(..size_of::<u64>());
        let events = self.file("events.jsonl");
        let there = fs::metadata(&events).map_or(0, |events| events.len());
        if there < length {
            let what = format!("it has {there} bytes, but the saved state counts on {length}");
            return Err(self.damaged(&events, &what));
        }
        Ok(Some((length, bytes)))
    }

    /// The learner to go on with, and the log cut to where it was then.
    pub(crate) fn resume(&self, network: Arc<Graph>) -> Result<Option<(u64, Learner)>> {
        let Some((length, bytes)) = self.saved()? else { return Ok(None) };
        let learner = Learner::from_bytes(&bytes, network, perennial::strategies::load)
            .map_err(|error| self.damaged(&self.file("state"), &error))?;
        Ok(Some((length, learner)))
    }

    fn damaged(&self, path: &Path, what: &dyn std::fmt::Display) -> Problem {
        let message = format!("{} is damaged: {what}", path.display());
        Problem::new(Code::Damaged, message, self.begin_again())
    }

    fn begin_again(&self) -> String {
        format!(
            "put a copy of the file in its place, or delete the folder {} to begin this cell again; \
             the other cells are unharmed",
            self.folder.display()
        )
    }
}

/// Saves and logs a learner into its cell.
pub(crate) struct Keeper<'t> {
    cell: Cell,
    events: File,
    /// Length of the log on disk.
    length: u64,
    /// Told since the last save.
    pending: Vec<u8>,
    every: Option<u64>,
    stop: Stop,
    saved: Instant,
    cost: Duration,
    tell: &'t mut dyn FnMut(At),
    told: Option<Instant>,
}

impl<'t> Keeper<'t> {
    /// A keeper that goes on with a log of `length` bytes.
    pub(crate) fn new(
        cell: Cell,
        length: u64,
        every: Option<u64>,
        stop: Stop,
        tell: &'t mut dyn FnMut(At),
    ) -> Result<Self> {
        let path = cell.file("events.jsonl");
        let mut events = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Problem::cannot_create(&path))?;
        // What was told after the last save is told again.
        events
            .set_len(length)
            .and_then(|()| events.seek(SeekFrom::Start(length)))
            .map_err(Problem::io("cut", &path))?;
        let (pending, saved, cost) = (Vec::new(), Instant::now(), Duration::ZERO);
        Ok(Self { cell, events, length, pending, every, stop, saved, cost, tell, told: None })
    }

    /// Whether so much was done since the last save that losing it would cost more than saving.
    fn worth_it(&self) -> bool {
        const SHORTEST: Duration = Duration::from_secs(1);
        const COSTS: u32 = 20;
        self.saved.elapsed() >= SHORTEST.max(self.cost * COSTS)
    }

    /// Brings what was told to the disk.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let path = self.cell.file("events.jsonl");
        if !self.pending.is_empty() {
            self.events
                .write_all(&self.pending)
                .and_then(|()| self.events.sync_data())
                .map_err(Problem::io("write", &path))?;
            self.length += self.pending.len() as u64;
            self.pending.clear();
        }
        Ok(())
    }

    fn store(&mut self, learner: &Learner) -> Result<()> {
        let since = Instant::now();
        self.flush()?;
        let (length, path) = (self.length.to_le_bytes(), self.cell.file("state"));
        learner.lend_bytes(|parts| {
            let payload = [&[&length[..]], parts].concat();
            write_sealed(&path, KIND, VERSION, &payload)
        })??;
        self.saved = Instant::now();
        self.cost = since.elapsed();
        Ok(())
    }
}

type WatchResult = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Watch for Keeper<'_> {
    fn event(&mut self, event: &Event) -> WatchResult {
        serde_json::to_writer(&mut self.pending, event)?;
        self.pending.push(b'\n');
        Ok(())
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        const PERIOD: Duration = Duration::from_millis(100);
        if self.told.is_none_or(|told| told.elapsed() >= PERIOD) {
            self.told = Some(Instant::now());
            (self.tell)(progress.into());
        }
    }

    /// A boundary, or a step that was due. Where saving goes by time, boundaries do too: resume
    /// is exact from any saved state, and five writes a task would outweigh a short run.
    fn save(&mut self, learner: &Learner) -> WatchResult {
        if self.every.is_some() || self.stop.asked() || self.worth_it() {
            self.store(learner)?;
        }
        Ok(())
    }

    fn due(&mut self, steps: u64) -> bool {
        match self.every {
            Some(every) => steps.is_multiple_of(every),
            None => self.worth_it(),
        }
    }
}
