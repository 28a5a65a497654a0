//! Whether everything is as it was written, and what nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::folder::{Folder, ObjectRef};
use super::manifest::Manifest;
use super::position::Saved;
use super::state::Whole;
use super::{Learner, StoreError};
use crate::state::System;

/// What a check of every byte found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// Versions read.
    pub versions: usize,
    /// Objects hashed.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// One sentence for each damage; empty is good.
    pub damage: Vec<String>,
    /// Versions that are all there, ascending.
    pub whole: Vec<u64>,
}

/// What nobody needs any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Garbage {
    /// Versions that are neither the learner, nor tagged, nor among the last.
    pub versions: Vec<u64>,
    /// Objects that only they are made of, and files that killed writers left.
    pub files: usize,
    /// Bytes of those.
    pub bytes: u64,
}

impl Learner {
    /// Reads and hashes everything there is in a learner's folder.
    ///
    /// # Errors
    ///
    /// A folder that is no learner, or that cannot be listed. Damage is no error: it is what is
    /// looked for.
    pub fn verify(path: &Path) -> Result<Verified, StoreError> {
        let learner = Self { folder: Folder { path: path.to_owned(), files: Arc::new(System) } };
        let folder = &learner.folder;
        let mut found = Verified::default();
        match folder.check() {
            Err(error @ StoreError::NotALearner { .. }) => return Err(error),
            Err(error) => found.damage.push(error.to_string()),
            Ok(()) => {}
        }
        let parts = [learner.head().err(), learner.tags().err(), Saved::read(folder).err()];
        found.damage.extend(parts.into_iter().flatten().map(|error| error.to_string()));
        let mut seen: BTreeMap<ObjectRef, bool> = BTreeMap::new();
        for version in folder.versions()? {
            found.versions += 1;
            let before = found.damage.len();
            match folder.manifest(version) {
                Err(damage) => found.damage.push(damage.to_string()),
                Ok(manifest) => {
                    let mut whole = true;
                    for object in objects(folder, &manifest, &mut found.damage) {
                        let known = seen.entry(object.clone()).or_insert_with(|| {
                            found.objects += 1;
                            found.bytes += object.bytes;
                            match folder.get(&object) {
                                Ok(_) => true,
                                Err(damage) => {
                                    found.damage.push(damage.to_string());
                                    false
                                }
                            }
                        });
                        whole &= *known;
                    }
                    if whole && found.damage.len() == before {
                        found.whole.push(version);
                    }
                }
            }
            // One that was collected as garbage meanwhile is no damage.
            if found.damage.len() > before && !folder.manifest_path(version).exists() {
                found.damage.truncate(before);
                found.versions -= 1;
            }
        }
        found.damage.dedup();
        Ok(found)
    }

    /// What nobody needs any more when the last `keep` versions are kept beside the learner, what
    /// is tagged, and what a half-done task began from. With `remove` it is removed.
    ///
    /// # Errors
    ///
    /// Damage in what is kept: then nothing is removed. A busy folder, or one that cannot be
    /// written.
    pub fn collect_garbage(&mut self, keep: usize, remove: bool) -> Result<Garbage, StoreError> {
        let _lock = self.lock()?;
        let folder = &self.folder;
        let versions = folder.versions()?;
        let mut kept: BTreeSet<u64> = versions.iter().rev().take(keep).copied().collect();
        kept.insert(folder.head_manifest()?.id);
        kept.extend(self.tags()?.into_values());
        kept.extend(Saved::read(folder)?.map(|saved| saved.plan.parent));
        let mut needed = BTreeSet::new();
        for version in versions.iter().filter(|version| kept.contains(version)) {
            let mut damage = Vec::new();
            let manifest = folder.manifest(*version)?;
            needed.extend(objects(folder, &manifest, &mut damage).into_iter().map(|o| o.hash));
            if let Some(damage) = damage.into_iter().next() {
                return Err(StoreError::Cannot(format!("nothing is collected while {damage}")));
            }
        }
        let mut garbage = Garbage {
            versions: versions.into_iter().filter(|version| !kept.contains(version)).collect(),
            ..Garbage::default()
        };
        let place = folder.file("objects");
        let mut files = folder.temporaries()?;
        let names = folder.names(&place)?.into_iter();
        let unused = names.filter(|name| !name.starts_with('.') && !needed.contains(name));
        files.extend(unused.map(|name| place.join(name)));
        garbage.files = files.len();
        let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
        garbage.bytes = sizes.map(|file| file.len()).sum();
        if remove {
            // First, and for good, what names them: a version is all there or not at all.
            for version in &garbage.versions {
                folder.unlink(&folder.manifest_path(*version))?;
            }
            folder.sync(&folder.file("versions"))?;
            for file in &files {
                folder.unlink(file)?;
            }
            folder.sync(&place)?;
        }
        Ok(garbage)
    }
}

/// Every object that a version is made of; what could not be read is told to `damage`.
fn objects(folder: &Folder, manifest: &Manifest, damage: &mut Vec<String>) -> Vec<ObjectRef> {
    let mut objects: Vec<ObjectRef> = manifest.objects.values().cloned().collect();
    let mut hear = |error: StoreError| damage.push(error.to_string());
    if let Some(learner) = manifest.objects.get("learner") {
        match folder.get_json::<Whole>(learner) {
            Ok(whole) => objects.extend(whole.parts.into_values()),
            Err(error) => hear(error),
        }
    }
    match folder.tasks(manifest) {
        Ok(tasks) => {
            objects
                .extend(tasks.tasks.into_iter().flat_map(|task| [task.test, task.train]).flatten());
        }
        Err(error) => hear(error),
    }
    match folder.row(manifest) {
        Ok(row) => objects.extend(row.tasks.into_iter().map(|measured| measured.said)),
        Err(error) => hear(error),
    }
    objects
}
