//! All versions of a learner, and how often its test parts have judged.

use std::collections::BTreeMap;

use super::gate::Judgement;
use super::manifest::Manifest;
use super::tasks::Measured;
use super::{Learner, StoreError};

/// All versions of a learner.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The version that is the learner.
    pub head: u64,
    /// Oldest first.
    pub versions: Vec<Manifest>,
    /// How many versions each task's test part has judged: the more, the less a pass says.
    pub judged: BTreeMap<String, u64>,
    /// Versions that are kept, by name.
    pub tags: BTreeMap<String, u64>,
}

impl Learner {
    /// All versions, from their manifests: nothing is measured, and hardly anything else is read.
    ///
    /// # Errors
    ///
    /// When a manifest, or a row that has to be read, is damaged.
    pub fn history(&self) -> Result<History, StoreError> {
        loop {
            let history = self.history_once()?;
            if history.versions.iter().any(|version| version.id == history.head) {
                return Ok(history);
            }
            // A writer moved on between the list of versions and HEAD; or HEAD's version is gone,
            // and this says so.
            self.head()?;
        }
    }

    /// Accuracy of a version on each task, in the order in which they were taught, as it was
    /// measured when it was made; `None` when it was collected as garbage meanwhile.
    ///
    /// # Errors
    ///
    /// When the row is damaged.
    pub fn accuracies(&self, version: &Manifest) -> Result<Option<Vec<(String, f64)>>, StoreError> {
        let accuracy = |measured: &Measured| (measured.task.clone(), measured.accuracy());
        match self.folder.row(version) {
            Ok(row) => Ok(Some(row.tasks.iter().map(accuracy).collect())),
            Err(_) if !self.folder.manifest_path(version.id).exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the gate found when a version was taught, task by task; `None` where it was not taught,
    /// and when it was collected as garbage meanwhile.
    ///
    /// # Errors
    ///
    /// When the object is damaged.
    pub fn judgement(&self, version: &Manifest) -> Result<Option<Judgement>, StoreError> {
        let Some(object) = version.objects.get("gate") else { return Ok(None) };
        match self.folder.get_json(object) {
            Ok(judgement) => Ok(Some(judgement)),
            Err(_) if !self.folder.manifest_path(version.id).exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn history_once(&self) -> Result<History, StoreError> {
        let folder = &self.folder;
        let mut versions = Vec::new();
        for version in folder.versions()? {
            match folder.manifest(version) {
                // One that was collected as garbage meanwhile is no part of the history.
                Err(_) if !folder.manifest_path(version).exists() => {}
                found => versions.push(found?),
            }
        }
        let judged = self.judged(&versions)?;
        Ok(History { head: folder.head()?.version, versions, judged, tags: self.tags()? })
    }

    /// A version that was taught judged all tasks that it had from the version it was made of. So
    /// a task judged as many versions as were taught after it in its line; only of tasks that came
    /// from versions that are gone the names have to be read.
    fn judged(&self, versions: &[Manifest]) -> Result<BTreeMap<String, u64>, StoreError> {
        // Of each version: how many judged, of itself and those that were made of it.
        let mut judges: BTreeMap<u64, u64> =
            versions.iter().map(|version| (version.id, u64::from(version.judges()))).collect();
        let mut judged: BTreeMap<String, u64> = BTreeMap::new();
        for version in versions.iter().rev() {
            let all = judges[&version.id];
            if let Some(task) = version.task() {
                *judged.entry(task.to_owned()).or_default() += all - u64::from(version.judges());
            }
            match version.made_of() {
                Some(origin) if judges.contains_key(&origin) => {
                    judges.entry(origin).and_modify(|judges| *judges += all);
                }
                Some(_) => {
                    let accuracies = self.accuracies(version)?.unwrap_or_default();
                    let older = accuracies.iter().filter(|(task, _)| version.task() != Some(task));
                    for (task, _) in older {
                        *judged.entry(task.clone()).or_default() += all;
                    }
                }
                None => {}
            }
        }
        judged.retain(|_, times| *times > 0);
        Ok(judged)
    }
}

impl Manifest {
    /// Whether the tasks that it had before judged it.
    fn judges(&self) -> bool {
        self.task().is_some() && self.gate.is_some()
    }
}
