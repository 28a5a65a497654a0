//! What a version is made of: a small JSON file that never changes, under a seal of its own.
//!
//! ```text
//! {"seal":"<BLAKE3 of what follows `version`, 64 digits>","version":{…}}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::folder::ObjectRef;
use super::gate::Verdict;
use super::lesson::{Plan, Source};
use super::settings::Settings;

const BEFORE_SEAL: &[u8] = br#"{"seal":""#;
const AFTER_SEAL: &[u8] = br#"","version":"#;
const END: &[u8] = b"}\n";
const DIGITS: usize = 64;

/// One version of a learner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What the file is: `perennial.version/1`.
    pub schema: String,
    /// Its number, from 0.
    pub id: u64,
    /// The version that it was made from.
    pub parent: Option<u64>,
    /// How it was made.
    pub made: Made,
    /// The program that made it.
    pub program: String,
    /// When, in UTC.
    pub written: String,
    /// How the learner learns.
    pub settings: Settings,
    /// What it is made of, by name: `learner`, `tasks`, `row`, `gate`.
    pub objects: BTreeMap<String, ObjectRef>,
    /// BLAKE3 of θ and buffers; none before the first task.
    pub state_digest: Option<String>,
    /// Mean accuracy over all tasks that could be measured.
    pub accuracy: Option<f64>,
    /// What the gate said, where it had something to judge; each task is in the object `gate`.
    pub gate: Option<Verdict>,
}

/// How a version was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Made {
    /// A new learner.
    Init,
    /// By teaching it a task.
    Taught {
        /// What was asked for.
        plan: Plan,
        /// What the data were.
        source: Source,
    },
    /// By taking over a version that the gate had refused.
    Promoted {
        /// That version.
        version: u64,
        /// The reason given.
        why: String,
    },
    /// By forgetting a sample that the strategy kept.
    Forgot {
        /// Of which task.
        task: String,
        /// Its number in the data of that task.
        sample: u64,
    },
    /// From an exported file.
    Imported,
}

impl Manifest {
    /// The name of its files' format.
    pub const SCHEMA: &'static str = "perennial.version/1";

    /// The task that it was taught, where it was.
    pub fn task(&self) -> Option<&str> {
        match &self.made {
            Made::Taught { plan, .. } => Some(&plan.task),
            _ => None,
        }
    }

    /// The version whose tasks it has, where they are not its own alone.
    pub(super) fn made_of(&self) -> Option<u64> {
        match self.made {
            Made::Promoted { version, .. } => Some(version),
            _ => self.parent,
        }
    }

    /// Whether the gate refused it, and nobody promoted it.
    pub fn refused(&self) -> bool {
        !matches!(self.made, Made::Promoted { .. })
            && self.gate.as_ref().is_some_and(|gate| !gate.passed)
    }

    /// Whether two manifests differ in nothing but number and time.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let (id, written) = (other.id, other.written.clone());
        Self { id, written, ..self.clone() } == *other
    }

    fn text(&self) -> Vec<u8> {
        // Maps have text keys, and numbers that are none became null before.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// BLAKE3 of its text.
    pub(super) fn seal(&self) -> String {
        blake3::hash(&self.text()).to_hex().to_string()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let text = self.text();
        let seal = blake3::hash(&text).to_hex();
        [BEFORE_SEAL, seal.as_bytes(), AFTER_SEAL, &text, END].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, or says what is wrong with it.
    pub(super) fn open(bytes: &[u8]) -> Result<Self, String> {
        let parts = bytes.strip_prefix(BEFORE_SEAL).and_then(|rest| {
            let (seal, rest) = rest.split_at_checked(DIGITS)?;
            Some((seal, rest.strip_prefix(AFTER_SEAL)?.strip_suffix(END)?))
        });
        let Some((seal, text)) = parts else {
            return Err("it does not begin and end as a manifest does".into());
        };
        if blake3::hash(text).to_hex().as_bytes() != seal {
            return Err("its seal does not fit its content".into());
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match manifest.schema == Self::SCHEMA {
            true => Ok(manifest),
            false => Err(format!("it is a `{}`, not a `{}`", manifest.schema, Self::SCHEMA)),
        }
    }
}
