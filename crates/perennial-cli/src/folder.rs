//! A run's folder:
//!
//! ```text
//! run.json      the plan: everything that decides the results
//! tune/…        a run's folder for each choice of settings that was tried
//! lock          held while a process works here
//! cells/<strategy>-<seed>/…
//! result.json   the comparison; written when every cell has ended
//! report.html
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use perennial::clock;
use perennial::state::{Lock, write_atomic};

use crate::cell::Cell;
use crate::error::{Code, Problem, Result};
use crate::plan::{CellId, Plan};
use crate::shell;

/// A run's folder, held by this process.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    _lock: Lock,
}

impl Folder {
    /// The folder of this plan, new or gone on with.
    pub(crate) fn open(path: &Path, plan: &Plan) -> Result<Self> {
        fs::create_dir_all(path).map_err(Problem::cannot_create(path))?;
        let identity = path.join("run.json");
        if !identity.exists() {
            refuse_foreign(path)?;
        }
        let lock = Lock::take(path, Duration::ZERO)?;
        match fs::read_to_string(&identity) {
            Ok(text) => refuse_other(path, &text, plan)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = serde_json::to_string_pretty(plan).unwrap_or_default();
                write_atomic(&identity, format!("{text}\n").as_bytes())?;
            }
            Err(error) => return Err(Problem::io("read", &identity)(error)),
        }
        let cells = path.join("cells");
        fs::create_dir_all(&cells).map_err(Problem::cannot_create(&cells))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Its name where several runs are shown at once.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A cell's folder, made if need be.
    pub(crate) fn cell(&self, id: &CellId) -> Result<Cell> {
        let folder = self.path.join("cells").join(id.name());
        fs::create_dir_all(&folder).map_err(Problem::cannot_create(&folder))?;
        Ok(Cell::new(folder))
    }

    /// Writes one file of the folder; says its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        write_atomic(&path, text.as_bytes())?;
        Ok(path)
    }
}

/// A folder that does not exist yet, named after the benchmark and the time.
pub(crate) fn fresh(benchmark: &str) -> PathBuf {
    let file = Path::new(benchmark).file_stem();
    let name = file.map_or_else(|| benchmark.into(), |stem| stem.to_string_lossy());
    let name = format!("{name}-{}", clock::compact(SystemTime::now()));
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    let mut paths =
        std::iter::once(name.clone()).chain(numbered).map(|n| Path::new("runs").join(n));
    paths.find(|path| !path.exists()).unwrap_or_else(|| Path::new("runs").join(name))
}

/// Refuses, before anything is tuned, a folder that cannot become this plan's: of the settings
/// that `tuned` says yes of nothing is known yet.
pub(crate) fn check(path: &Path, plan: &Plan, tuned: impl Fn(&str) -> bool) -> Result<()> {
    let identity = path.join("run.json");
    let text = match fs::read_to_string(&identity) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return if path.is_dir() { refuse_foreign(path) } else { Ok(()) };
        }
        Err(error) => return Err(Problem::io("read", &identity)(error)),
    };
    let there = parse(path, &text)?;
    let same = |line: &String| line.split_once(": ").is_some_and(|(key, _)| tuned(key));
    match there.differences(plan).iter().all(same) {
        true => Ok(()),
        false => Err(another(path, &there, plan)),
    }
}

/// A folder with something else in it is not ours to write into.
fn refuse_foreign(path: &Path) -> Result<()> {
    let entries = fs::read_dir(path).map_err(Problem::io("read", path))?;
    for entry in entries {
        let name = entry.map_err(Problem::io("read", path))?.file_name();
        if name != "lock" && name != "tune" && name != ".run.json.tmp" {
            return Err(Problem::usage(
                format!(
                    "{} is no run's folder: it has no run.json, but holds {}",
                    path.display(),
                    Path::new(&name).display()
                ),
                "name a fresh or empty folder with --out DIR",
            ));
        }
    }
    Ok(())
}

/// A folder of another run keeps its results.
fn refuse_other(path: &Path, text: &str, plan: &Plan) -> Result<()> {
    let there = parse(path, text)?;
    if there.is(plan) { Ok(()) } else { Err(another(path, &there, plan)) }
}

fn parse(path: &Path, text: &str) -> Result<Plan> {
    let plan: Plan = serde_json::from_str(text).map_err(|error| {
        Problem::new(
            Code::Damaged,
            format!("{} is damaged: {error}", path.join("run.json").display()),
            "put a copy of it in its place, or name another folder with --out DIR",
        )
    })?;
    plan.with_newer_settings()
}

fn another(path: &Path, there: &Plan, plan: &Plan) -> Problem {
    let differences = there.differences(plan).join("; ");
    Problem::usage(
        format!("{} holds another run: {differences}", path.display()),
        format!(
            "name another folder with --out DIR, or go on with that run: {} --out {}",
            there.command(),
            shell::word(&path.display().to_string())
        ),
    )
}
