//! Moving the learner to another version: back, or on to one that the gate refused.

use std::collections::BTreeMap;

use super::manifest::{Made, Manifest};
use super::{Learner, StoreError};
use crate::state::{FileError, read_sealed, write_sealed_by};

impl Learner {
    /// Makes version `to` the learner, or the parent of the present one. Nothing is lost: the
    /// version left is still there. One file is written, whatever the learner's size.
    ///
    /// # Errors
    ///
    /// An unknown version, one that the gate refused, none to go back to, or a busy folder.
    pub fn rollback(&mut self, to: Option<u64>) -> Result<Manifest, StoreError> {
        let _lock = self.lock()?;
        // Who says where to go needs no HEAD: it is the way out where HEAD or its version is damaged.
        let to = match to {
            Some(to) => to,
            None => {
                let head = self.folder.head_manifest()?;
                head.parent.ok_or_else(|| {
                    let id = head.id;
                    StoreError::Cannot(format!(
                        "version {id} is the first: there is none to go back to"
                    ))
                })?
            }
        };
        let manifest = self.folder.manifest(to)?;
        if manifest.refused() {
            return Err(StoreError::Cannot(format!(
                "the gate refused version {to}: to use it all the same, say why with `perennial \
                 promote`"
            )));
        }
        self.folder.set_head(&manifest)?;
        Ok(manifest)
    }

    /// Makes a version that the gate refused the learner all the same, as a new version that says
    /// why.
    ///
    /// # Errors
    ///
    /// An unknown version, one that was not refused or that was made from another version than
    /// the present one, no reason, or a busy folder.
    pub fn promote(&mut self, version: u64, why: &str) -> Result<Manifest, StoreError> {
        let _lock = self.lock()?;
        let head = self.folder.head_manifest()?;
        let candidate = self.folder.manifest(version)?;
        let why = why.trim();
        if why.is_empty() {
            return Err(StoreError::Cannot("a promotion needs a reason: --why TEXT".into()));
        }
        if !candidate.refused() {
            return Err(StoreError::Cannot(format!(
                "the gate did not refuse version {version}: `perennial rollback --to {version}` \
                 goes to it"
            )));
        }
        if candidate.parent != Some(head.id) {
            return Err(StoreError::Cannot(format!(
                "version {version} was made from version {}, and the learner is version {} now: \
                 what it learnt since would be lost; roll back to that first",
                candidate.parent.unwrap_or_default(),
                head.id
            )));
        }
        let made = Made::Promoted { version, why: why.to_owned() };
        let manifest = Manifest { made, parent: Some(head.id), ..candidate.child() };
        let manifest = self.folder.add_version(manifest)?;
        self.folder.set_head(&manifest)?;
        Ok(manifest)
    }

    /// Gives a version a name by which it is kept and found.
    ///
    /// # Errors
    ///
    /// An unknown version, a name that is no file's or a number, or a busy folder.
    pub fn tag(&mut self, name: &str, version: Option<u64>) -> Result<u64, StoreError> {
        let _lock = self.lock()?;
        let fine = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let numeric = name.chars().all(|c| c.is_ascii_digit());
        if name == "HEAD" {
            return Err(StoreError::Cannot(
                "`HEAD` is what the learner is: choose another tag".into(),
            ));
        }
        if name.len() > 100 || name.starts_with('.') || numeric || !name.chars().all(fine) {
            return Err(StoreError::Cannot(format!(
                "`{name}` cannot be a tag: letters, digits, `-`, `_` and `.`, and no number"
            )));
        }
        let version = match version {
            Some(version) => self.folder.manifest(version)?.id,
            None => self.folder.head_manifest()?.id,
        };
        let path = self.folder.file("tags").join(name);
        let text = version.to_string();
        write_sealed_by(&*self.folder.files, &path, "tag", 1, &[text.as_bytes()])?;
        Ok(version)
    }

    /// Takes a name away; the version stays until it is garbage.
    ///
    /// # Errors
    ///
    /// An unknown tag, or a busy folder.
    pub fn untag(&mut self, name: &str) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let tags = self.folder.names(&self.folder.file("tags"))?;
        if !tags.iter().any(|tag| tag == name) {
            return Err(StoreError::Unknown { what: "tag", name: name.into(), known: tags });
        }
        self.folder.remove(&self.folder.file("tags").join(name))
    }

    /// All tags.
    ///
    /// # Errors
    ///
    /// A damaged one.
    pub fn tags(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let folder = self.folder.file("tags");
        let mut tags = BTreeMap::new();
        for name in self.folder.names(&folder)?.into_iter().filter(|name| !name.starts_with('.')) {
            let path = folder.join(&name);
            let text = match read_sealed(&path, "tag", 1) {
                Err(FileError::Missing { .. }) => continue, // taken away meanwhile
                read => read.map_err(StoreError::of_part)?,
            };
            let version = str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
            let version =
                version.ok_or_else(|| StoreError::damaged(&path, "it names no version"))?;
            tags.insert(name, version);
        }
        Ok(tags)
    }

    /// The version of a number, a tag, or `HEAD`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn resolve(&self, name: &str) -> Result<u64, StoreError> {
        if name == "HEAD" {
            return Ok(self.folder.head()?.version);
        }
        if let Ok(version) = name.parse() {
            return Ok(self.folder.manifest(version)?.id);
        }
        let tags = self.tags()?;
        tags.get(name).copied().ok_or_else(|| StoreError::Unknown {
            what: "version or tag",
            name: name.into(),
            known: tags.into_keys().collect(),
        })
    }
}
