//! A run's folder as it is at some moment, read without a lock and while others write: finished,
//! running, or stopped half-way.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use perennial::learner::Event;
use perennial::metrics::Accuracy;
use perennial_report::document::{BegunRun, Cell as Ended, FailedRun};
use perennial_report::{Comparison, ReportError};

use crate::cell::Cell;
use crate::compare;
use crate::error::{Code, Problem, Result};
use crate::plan::{CellId, Plan, SCHEMA};

/// The comparison in a folder, or in a result's own file; of a run that has not ended what its
/// logs hold so far. The second says whether it has.
pub(crate) fn read(path: &Path) -> Result<(Comparison, bool)> {
    let unfinished = path.join("run.json").is_file() && !path.join("result.json").is_file();
    if unfinished {
        let shown = Follower::open(path)?.look()?.ok_or_else(|| nothing(path))?;
        return Ok((shown.comparison, shown.finished));
    }
    Ok((Comparison::read(path)?, true))
}

/// What there is to show of a folder.
pub(crate) struct Snapshot {
    pub(crate) comparison: Comparison,
    /// Whether the run has ended, and its document is written.
    pub(crate) finished: bool,
}

/// Reads a folder again and again, and of its logs only what is new.
pub(crate) struct Follower {
    path: PathBuf,
    plan: Plan,
    cells: Vec<Followed>,
    /// Whether anything was shown yet.
    shown: bool,
}

/// A cell that is followed.
struct Followed {
    id: CellId,
    cell: Cell,
    log: Log,
    /// How it ended, once it has.
    ended: Option<Ended>,
}

/// The rows of R in a log, as far as it was read.
#[derive(Default)]
struct Log {
    /// Bytes that were read, up to the end of a line.
    length: u64,
    rows: Vec<Vec<Option<f64>>>,
}

impl Follower {
    /// Of a folder that holds a run.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let identity = path.join("run.json");
        let text = fs::read_to_string(&identity).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => nothing(path),
            _ => Problem::io("read", &identity)(error),
        })?;
        let plan = parse(&identity, &text)?;
        let followed = |id: CellId| {
            let cell = Cell::new(path.join("cells").join(id.name()));
            Followed { id, cell, log: Log::default(), ended: None }
        };
        let cells = compare::by_strategy(&plan).into_iter().map(followed).collect();
        Ok(Self { path: path.to_owned(), plan, cells, shown: false })
    }

    /// What there is now, if it is more than at the last look.
    pub(crate) fn look(&mut self) -> Result<Option<Snapshot>> {
        let finished = self.path.join("result.json").is_file();
        let mut news = !self.shown;
        for followed in &mut self.cells {
            news |= followed.look()?;
        }
        if finished {
            let comparison = Comparison::read(&self.path)?;
            return Ok(Some(Snapshot { comparison, finished }));
        }
        if !news {
            return Ok(None);
        }
        self.shown = true;
        let tasks = self.plan.source.tasks;
        let cells: Result<Vec<Ended>> = self.cells.iter().map(|of| of.now(tasks)).collect();
        let comparison = compare::document(&self.plan, cells?)?;
        Ok(Some(Snapshot { comparison, finished }))
    }
}

impl Followed {
    /// Reads what is new; says whether anything is.
    fn look(&mut self) -> Result<bool> {
        let before = self.ended.is_some();
        if matches!(self.ended, Some(Ended::Done(_))) {
            return Ok(false);
        }
        let (strategy, seed) = (self.id.strategy.name.clone(), self.id.seed);
        self.ended = match (self.cell.result()?, self.cell.error()?) {
            (Some(run), _) => Some(Ended::Done(Box::new(run))),
            (None, Some(problem)) => {
                Some(Ended::Failed(FailedRun { strategy, seed, error: problem.failure() }))
            }
            (None, None) => None, // a failed cell may be tried again
        };
        let read = self.log.follow(&self.cell.folder.join("events.jsonl"))?;
        Ok(read || before != self.ended.is_some())
    }

    fn now(&self, tasks: usize) -> Result<Ended> {
        if let Some(ended) = &self.ended {
            return Ok(ended.clone());
        }
        let mut so_far = Accuracy::new(tasks);
        for row in &self.log.rows {
            so_far.push_row(row.clone()).map_err(|error| {
                let path = self.cell.folder.join("events.jsonl");
                let message = format!("{} is no log of this run: {error}", path.display());
                Problem::new(Code::BadData, message, "")
            })?;
        }
        Ok(Ended::Begun(BegunRun {
            strategy: self.id.strategy.name.clone(),
            seed: self.id.seed,
            so_far,
        }))
    }
}

impl Log {
    /// Reads the lines that were added; says whether a row is among them. A line that is not
    /// whole is left for the next look, and so is all that follows one that cannot be read.
    fn follow(&mut self, path: &Path) -> Result<bool> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Problem::io("read", path)(error)),
        };
        let length = file.metadata().map_err(Problem::io("read", path))?.len();
        let cut = length < self.length; // a run that was resumed cuts what it tells again
        if cut {
            *self = Self::default();
        }
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(self.length))
            .and_then(|_| file.read_to_end(&mut text))
            .map_err(Problem::io("read", path))?;
        let mut news = cut;
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let whole = line.ends_with(b"\n");
            let Some(event) = whole.then(|| serde_json::from_slice(line).ok()).flatten() else {
                break;
            };
            self.length += line.len() as u64;
            if let Event::Row { after, accuracy } = event {
                // With --eval-every there are rows between that nobody measured.
                let nothing = vec![None; accuracy.len()];
                self.rows.resize(after, nothing);
                self.rows.push(accuracy);
                news = true;
            }
        }
        Ok(news)
    }
}

/// The plan in a folder's `run.json`.
fn parse(path: &Path, text: &str) -> Result<Plan> {
    #[derive(serde::Deserialize)]
    struct Head {
        schema: Option<String>,
    }
    let head: Option<Head> = serde_json::from_str(text).ok();
    let version = |schema: &str| schema.split_once('/')?.1.parse::<u32>().ok();
    let found = head.and_then(|head| head.schema);
    if found.as_deref().and_then(version) > version(SCHEMA) {
        return Err(ReportError::Newer {
            origin: path.display().to_string(),
            found: found.unwrap_or_default(),
            known: SCHEMA,
        }
        .into());
    }
    serde_json::from_str(text).map_err(|error| {
        let message = format!("{} is no run's plan: {error}", path.display());
        Problem::new(Code::BadData, message, "name a folder made by `perennial compare --out DIR`")
    })
}

fn nothing(path: &Path) -> Problem {
    let what = if path.exists() { "holds no run: it has no run.json" } else { "does not exist" };
    Problem::new(
        Code::InputMissing,
        format!("{} {what}", path.display()),
        "name a folder made by `perennial compare --out DIR`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"event":"row","after":0,"accuracy":[0.25,null]}"#;

    /// Catches: a half-written line that is shown or that ends the reading for good, a line read
    /// twice, and rows of a log that was cut.
    #[test]
    fn a_log_is_followed_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut log = Log::default();
        assert!(!log.follow(&path).unwrap(), "there is none yet");
        fs::write(&path, format!("{ROW}\n{}", &ROW[..20])).unwrap();
        assert!(log.follow(&path).unwrap());
        assert_eq!(log.rows, [vec![Some(0.25), None]]);
        assert!(!log.follow(&path).unwrap(), "half a line is none");
        let second = ROW.replace("\"after\":0", "\"after\":2");
        fs::write(&path, format!("{ROW}\n{second}\n")).unwrap();
        assert!(log.follow(&path).unwrap());
        assert_eq!(log.rows, [vec![Some(0.25), None], vec![None; 2], vec![Some(0.25), None]]);
        fs::write(&path, format!("{ROW}\n")).unwrap();
        assert!(log.follow(&path).unwrap());
        assert_eq!(log.rows.len(), 1);
    }
}
