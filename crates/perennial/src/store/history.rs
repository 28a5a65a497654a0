//! All versions of a learner, and how often its test parts have judged.

use std::collections::BTreeMap;

use super::manifest::Manifest;
use super::tasks::Measured;
use super::{Learner, StoreError};

/// All versions of a learner.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The version that is the learner.
    pub head: u64,
    /// Oldest first.
    pub versions: Vec<Past>,
    /// How many versions each task's test part has judged: the more, the less a pass says.
    pub judged: BTreeMap<String, u64>,
    /// Versions that are kept, by name.
    pub tags: BTreeMap<String, u64>,
}

/// A version as it was when it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Its manifest.
    pub manifest: Manifest,
    /// Accuracy on each task, in the order in which they were taught.
    pub accuracy: Vec<(String, f64)>,
}

impl Learner {
    /// All versions, from their manifests and rows: nothing is measured.
    ///
    /// # Errors
    ///
    /// When a manifest or a row is damaged.
    pub fn history(&self) -> Result<History, StoreError> {
        loop {
            let history = self.history_once()?;
            if history.versions.iter().any(|past| past.manifest.id == history.head) {
                return Ok(history);
            }
            // A writer moved on between the list of versions and HEAD; or HEAD's version is gone,
            // and this says so.
            self.head()?;
        }
    }

    fn history_once(&self) -> Result<History, StoreError> {
        let folder = &self.folder;
        let mut versions = Vec::new();
        let mut judged: BTreeMap<String, u64> = BTreeMap::new();
        for version in folder.versions()? {
            // One that was collected as garbage meanwhile is no part of the history.
            let gone = || !folder.manifest_path(version).exists();
            let manifest = match folder.manifest(version) {
                Err(_) if gone() => continue,
                found => found?,
            };
            let row = match folder.row(&manifest) {
                Err(_) if gone() => continue,
                found => found?,
            };
            let judges = manifest.task().is_some() && manifest.gate.is_some();
            for measured in row.tasks.iter().filter(|_| judges) {
                if manifest.task() != Some(&measured.task) {
                    *judged.entry(measured.task.clone()).or_default() += 1;
                }
            }
            let accuracy = |measured: &Measured| (measured.task.clone(), measured.accuracy());
            let accuracy = row.tasks.iter().map(accuracy).collect();
            versions.push(Past { manifest, accuracy });
        }
        Ok(History { head: folder.head()?.version, versions, judged, tags: self.tags()? })
    }
}
