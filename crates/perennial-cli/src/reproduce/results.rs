//! The layout of a folder of results:
//!
//! ```text
//! PROTOCOL/METHOD/          a run's folder for each method and choice
//!     claim.json            the settings and the published numbers, written before the run
//!     run.json              the run's plan, without seeds, so that seeds can be added
//!     cells/STRATEGY-SEED/…
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use perennial::learner::Remainder;
use perennial::state::write_atomic;
use perennial_report::document::{Machine, Run};
use perennial_report::reproduction::{Measure, Published};
use serde::{Deserialize, Serialize};

use super::protocol::Runnable;
use crate::cell::Cell;
use crate::error::{Code, Problem, Result};
use crate::folder::Folder;
use crate::plan::{Plan, flatten, value};

/// The schema of `claim.json`.
const SCHEMA: &str = "perennial.claim/3";
/// The schema of older programs, whose setting was `drop-last` instead of `remainder`.
const WITHOUT_REMAINDER: &str = "perennial.claim/1";
/// The schema of older programs, whose `lwf` had no `scale`.
const WITHOUT_SCALE: &str = "perennial.claim/2";

/// The settings that decide a cell's numbers, and the published numbers that decide its verdicts.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Claim {
    schema: String,
    protocol: String,
    version: u32,
    strategy: String,
    settings: Vec<String>,
    published: BTreeMap<Measure, Published>,
}

impl Claim {
    fn of(cell: &Runnable<'_>) -> Self {
        Self {
            schema: SCHEMA.into(),
            protocol: cell.protocol.name.clone(),
            version: cell.protocol.version,
            strategy: cell.strategy.to_owned(),
            settings: cell.said(),
            published: cell.published.clone(),
        }
    }

    /// Converts an older claim to the current schema. Without `drop-last`, older programs made the
    /// last batch of an epoch smaller; they always multiplied LwF's loss by T².
    fn of_any_version(mut self) -> Self {
        if self.schema == WITHOUT_REMAINDER {
            let dropped = self.settings.iter().any(|said| said == "drop-last=true");
            self.settings.retain(|said| !said.starts_with("drop-last="));
            let remainder = if dropped { Remainder::Drop } else { Remainder::Short };
            self.settings.push(format!("remainder={remainder}"));
            self.schema = WITHOUT_SCALE.into();
        }
        if self.schema == WITHOUT_SCALE {
            if self.strategy == "lwf" {
                self.settings.push("lwf.scale=squared".into());
            }
            // `Runnable::said` sorts settings by key.
            self.settings.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
            self.schema = SCHEMA.into();
        }
        self
    }

    /// Lists the keys that differ between the two claims, each as `key: theirs → ours`.
    fn differences(&self, ours: &Self) -> String {
        let (theirs, ours) = (flatten(&value(self)), flatten(&value(ours)));
        let keys: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        let none = "none".to_owned();
        let shown = |side: &BTreeMap<String, String>, key| side.get(key).unwrap_or(&none).clone();
        let differing = keys.into_iter().filter(|key| theirs.get(*key) != ours.get(*key));
        let line = |key| format!("{key}: {} → {}", shown(&theirs, key), shown(&ours, key));
        differing.map(line).collect::<Vec<_>>().join("; ")
    }
}

/// The results of a cell that a folder holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The finished runs, in the order of their seeds.
    pub(super) runs: Vec<Run>,
    pub(super) failures: Vec<String>,
    pub(super) machines: Vec<String>,
    /// The version of the program that made the runs.
    pub(super) program: Option<String>,
}

impl Found {
    pub(super) fn seconds(&self) -> f64 {
        self.runs.iter().map(|run| run.train_seconds + run.eval_seconds).sum()
    }
}

fn path_of(out: &Path, cell: &Runnable<'_>) -> PathBuf {
    out.join(&cell.protocol.name).join(&cell.folder)
}

/// Refuses a folder that holds results of another protocol, or of another version of this one.
pub(super) fn check(out: &Path, cell: &Runnable<'_>) -> Result<()> {
    let path = path_of(out, cell).join("claim.json");
    let Some(there) = read::<Claim>(&path)?.map(Claim::of_any_version) else { return Ok(()) };
    let ours = Claim::of(cell);
    if there == ours {
        return Ok(());
    }
    Err(Problem::usage(
        format!(
            "{} holds results of another protocol or version: {}",
            path_of(out, cell).display(),
            there.differences(&ours)
        ),
        "they are kept as they are: name another folder with --out DIR, or move that one away",
    ))
}

/// Opens the folder of a cell, or creates it.
pub(super) fn open(out: &Path, cell: &Runnable<'_>, plan: &Plan) -> Result<Folder> {
    check(out, cell)?;
    let path = path_of(out, cell);
    let identity = Plan { seeds: Vec::new(), ..plan.clone() };
    let folder = Folder::open(&path, &identity).map_err(|problem| match problem.code {
        Code::Usage => Problem {
            hint: "name another folder with --out DIR, or move that one away".into(),
            ..problem
        },
        _ => problem,
    })?;
    let claim = serde_json::to_string_pretty(&Claim::of(cell)).unwrap_or_default();
    write_atomic(&path.join("claim.json"), format!("{claim}\n").as_bytes())?;
    Ok(folder)
}

/// Finds all results of a cell, whichever program made them.
pub(super) fn find(out: &Path, cell: &Runnable<'_>) -> Result<Found> {
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    check(out, cell)?;
    let path = path_of(out, cell);
    let mut found = Found {
        program: read::<Version>(&path.join("run.json"))?.map(|plan| plan.version),
        ..Found::default()
    };
    let Ok(entries) = fs::read_dir(path.join("cells")) else { return Ok(found) };
    let mut seeds = Vec::new();
    for entry in entries {
        let name = entry.map_err(Problem::io("read", &path))?.file_name();
        let seed = name.to_str().and_then(|name| name.strip_prefix(cell.strategy));
        seeds.extend(seed.and_then(|seed| seed.strip_prefix('-')?.parse::<u64>().ok()));
    }
    seeds.sort_unstable();
    for seed in seeds {
        let one = Cell::new(path.join("cells").join(format!("{}-{seed}", cell.strategy)));
        match (one.result()?, one.error()?) {
            (Some(run), _) => found.runs.push(run),
            (None, Some(problem)) => {
                found.failures.push(format!("seed {seed}: {}", problem.message));
            }
            (None, None) => continue,
        }
        if let Some(Machine { cores, cpu, os }) = one.machine()? {
            let machine = format!("{cores} × {cpu}, {os}");
            if !found.machines.contains(&machine) {
                found.machines.push(machine);
            }
        }
    }
    Ok(found)
}

/// A JSON file; `None` where there is none.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Problem::io("read", path)(error)),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Problem::new(
            Code::Damaged,
            format!("{} is damaged: {error}", path.display()),
            "put a copy of it in its place, or name another folder with --out DIR",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: older results that are refused, or that are read as results of other batches.
    #[test]
    fn older_claims_say_what_their_programs_did() {
        let settings = |claim: &str| {
            let claim: Claim = serde_json::from_str(claim).unwrap();
            let Claim { schema, settings, .. } = claim.of_any_version();
            assert_eq!(schema, SCHEMA);
            settings.join(" ")
        };
        let old = r#"{"schema":"perennial.claim/1","protocol":"p","version":1,"strategy":"si",
            "settings":["batch=128","drop-last=true","optimizer.keep=run","tasks=5"],"published":{}}"#;
        let dropped = "batch=128 optimizer.keep=run remainder=drop tasks=5";
        assert_eq!(settings(old), dropped);
        let short = dropped.replace("drop", "short");
        assert_eq!(settings(&old.replace("true", "false")), short);
        assert_eq!(settings(&old.replace("\"drop-last=true\",", "")), short);
        // A current claim without a remainder means the default remainder.
        let now = old.replace("claim/1", "claim/2").replace("\"drop-last=true\",", "");
        assert_eq!(settings(&now), "batch=128 optimizer.keep=run tasks=5");
        // Catches: results of LwF that are taken for results of the loss without T².
        let lwf = "batch=128 lwf.scale=squared optimizer.keep=run remainder=drop tasks=5";
        assert_eq!(settings(&old.replace("\"si\"", "\"lwf\"")), lwf);
    }
}
