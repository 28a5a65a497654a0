//! The files of a learner: what is where, and the one order in which they are written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::manifest::Manifest;
use crate::state::{FileError, Files, TEMPORARY, place, read_sealed, write_parts, write_sealed_by};

/// The format of the folder that this program writes and reads.
pub(super) const FORMAT: u32 = 1;
/// What `FORMAT` says to people.
const README: &[u8] = b"A learner of Perennial. `perennial history` shows what it was taught.\n";

/// An object: its bytes are its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    /// BLAKE3 of its bytes, in hexadecimal.
    pub hash: String,
    /// Its size.
    pub bytes: u64,
}

/// What `HEAD` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The version that is the learner.
    pub(super) version: u64,
    /// The seal of its manifest.
    pub(super) seal: String,
}

/// A learner's folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) files: Arc<dyn Files>,
}

impl Folder {
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn manifest_path(&self, version: u64) -> PathBuf {
        self.path.join("versions").join(format!("{version:06}.json"))
    }

    fn object_path(&self, hash: &str) -> PathBuf {
        self.path.join("objects").join(hash)
    }

    /// Makes the folder, or takes one that is empty or was begun and never finished.
    pub(super) fn claim(&self) -> Result<(), StoreError> {
        let path = &self.path;
        self.files.make_folder(path).map_err(FileError::io("create", path))?;
        self.sync(path.parent().unwrap_or(Path::new("")))?;
        let occupied = |what| Err(StoreError::Occupied { path: path.clone(), what });
        if self.file("HEAD").exists() {
            return occupied("a learner is there already".into());
        }
        let ours = ["FORMAT", "lock", "objects", "versions", "tags", ".FORMAT.tmp", ".HEAD.tmp"];
        match self.names(path)?.into_iter().find(|name| !ours.contains(&&**name)) {
            Some(name) => occupied(format!("it holds {name}; name a folder that is empty or new")),
            None if self.versions()?.iter().any(|&version| version > 0) => {
                occupied("a learner is there that has lost its HEAD".into())
            }
            None => Ok(()),
        }
    }

    /// Writes the manifest of version 0.
    pub(super) fn put_first(&self, manifest: &Manifest) -> Result<(), StoreError> {
        self.sync_objects()?;
        let path = self.manifest_path(manifest.id);
        Ok(write_parts(&*self.files, &path, &[&manifest.to_bytes()])?)
    }

    /// Makes the folders of a learner, whose commit point is the first `HEAD`.
    pub(super) fn lay_out(&self) -> Result<(), StoreError> {
        for name in ["objects", "versions", "tags"] {
            let path = self.file(name);
            self.files.make_folder(&path).map_err(FileError::io("create", &path))?;
        }
        write_sealed_by(&*self.files, &self.file("FORMAT"), "learner", FORMAT, &[README])?;
        Ok(())
    }

    /// Refuses a folder that is no learner, or one of another format.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let (path, format) = (self.path.clone(), self.file("FORMAT"));
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(StoreError::NotALearner { path, what: "it is a file" }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NotALearner { path, what: "there is no such folder" });
            }
            Err(error) => return Err(FileError::io("open", &path)(error).into()),
        }
        match read_sealed(&format, "learner", FORMAT) {
            Ok(text) if text == README => {}
            Ok(_) => return Err(StoreError::damaged(&format, "its text is not ours")),
            Err(FileError::Missing { .. }) if !self.file("HEAD").exists() => {
                return Err(StoreError::NotALearner { path, what: "it has no file FORMAT" });
            }
            Err(error) => return Err(StoreError::of_part(error)),
        }
        match fs::exists(self.file("HEAD")) {
            Ok(false) if self.versions()?.iter().all(|&version| version == 0) => {
                let what = "making it was cut short; make it again";
                Err(StoreError::NotALearner { path, what })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn head(&self) -> Result<Head, StoreError> {
        let path = self.file("HEAD");
        let bytes = read_sealed(&path, "head", 1).map_err(StoreError::of_part)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::damaged(&path, error.to_string()))
    }

    /// Moves `HEAD`: the commit.
    pub(super) fn set_head(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let head = Head { version: manifest.id, seal: manifest.seal() };
        let text = serde_json::to_vec(&head).unwrap_or_default();
        Ok(write_sealed_by(&*self.files, &self.file("HEAD"), "head", 1, &[&text])?)
    }

    /// The numbers of all versions, ascending.
    pub(super) fn versions(&self) -> Result<Vec<u64>, StoreError> {
        let path = self.file("versions");
        let number = |name: String| name.strip_suffix(".json")?.parse().ok();
        let mut versions: Vec<u64> = self.names(&path)?.into_iter().filter_map(number).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// The names in one of the learner's folders; none where the folder is not there.
    pub(super) fn names(&self, folder: &Path) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::io("read", folder)(error).into()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FileError::io("read", folder))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn manifest(&self, version: u64) -> Result<Manifest, StoreError> {
        let path = self.manifest_path(version);
        match fs::read(&path) {
            Ok(bytes) => match Manifest::open(&bytes) {
                Ok(manifest) if manifest.id == version => Ok(manifest),
                Ok(manifest) => {
                    let what = format!("it is the manifest of version {}", manifest.id);
                    Err(StoreError::Damaged { path, what })
                }
                Err(what) => Err(StoreError::Damaged { path, what }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Unknown {
                what: "version",
                name: version.to_string(),
                known: self.versions()?.iter().map(ToString::to_string).collect(),
            }),
            Err(error) => Err(FileError::io("read", &path)(error).into()),
        }
    }

    /// Of the version that is the learner.
    pub(super) fn head_manifest(&self) -> Result<Manifest, StoreError> {
        let head = self.head()?;
        let manifest = self.manifest(head.version).map_err(|error| match error {
            StoreError::Unknown { .. } => {
                StoreError::damaged(&self.manifest_path(head.version), "it is missing")
            }
            other => other,
        })?;
        if manifest.seal() != head.seal {
            let path = self.manifest_path(head.version);
            return Err(StoreError::damaged(&path, "it is not the version that HEAD means"));
        }
        Ok(manifest)
    }

    /// Keeps these bytes as an object. Its name is on the disk only after
    /// [`sync_objects`](Self::sync_objects).
    pub(super) fn put(&self, parts: &[&[u8]]) -> Result<ObjectRef, StoreError> {
        let mut hasher = blake3::Hasher::new();
        parts.iter().for_each(|part| {
            hasher.update(part);
        });
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        let object = ObjectRef { hash: hasher.finalize().to_hex().to_string(), bytes };
        // Shared with an older version, or left by a killed writer; a damaged one is mended.
        if self.get(&object).is_err() {
            place(&*self.files, &self.object_path(&object.hash), parts)?;
        }
        Ok(object)
    }

    pub(super) fn put_json<T: Serialize>(&self, value: &T) -> Result<ObjectRef, StoreError> {
        let text = serde_json::to_vec(value)
            .map_err(|error| StoreError::Cannot(format!("a value cannot be saved: {error}")))?;
        self.put(&[&text])
    }

    /// Brings the names of all objects to the disk.
    pub(super) fn sync_objects(&self) -> Result<(), StoreError> {
        self.sync(&self.file("objects"))
    }

    /// Brings the names in a folder to the disk.
    pub(super) fn sync(&self, folder: &Path) -> Result<(), StoreError> {
        Ok(self.files.sync_folder(folder).map_err(FileError::io("flush the folder", folder))?)
    }

    pub(super) fn get(&self, object: &ObjectRef) -> Result<Vec<u8>, StoreError> {
        let path = self.object_path(&object.hash);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::damaged(&path, "it is missing"),
            _ => FileError::io("read", &path)(error).into(),
        })?;
        if bytes.len() as u64 != object.bytes {
            let what = format!("it has {} bytes, not {}", bytes.len(), object.bytes);
            return Err(StoreError::Damaged { path, what });
        }
        if blake3::hash(&bytes).to_hex().as_str() != object.hash {
            return Err(StoreError::damaged(&path, "its bytes are not those of its name"));
        }
        Ok(bytes)
    }

    pub(super) fn get_json<T: DeserializeOwned>(
        &self,
        object: &ObjectRef,
    ) -> Result<T, StoreError> {
        serde_json::from_slice(&self.get(object)?).map_err(|error| {
            StoreError::damaged(&self.object_path(&object.hash), error.to_string())
        })
    }

    /// Writes a manifest whose objects are all there. Of the next number, unless a writer that
    /// was killed before it moved `HEAD` left the same version.
    pub(super) fn add_version(&self, mut manifest: Manifest) -> Result<Manifest, StoreError> {
        self.sync_objects()?;
        let versions = self.versions()?;
        if let Some(&last) = versions.last() {
            // Where the last one cannot be read, it is not the one that was left.
            let left = self.manifest(last).ok().filter(|left| left.says_the_same(&manifest));
            if let Some(left) = left {
                self.sync(&self.file("versions"))?;
                return Ok(left);
            }
            manifest.id = last + 1;
        }
        write_parts(&*self.files, &self.manifest_path(manifest.id), &[&manifest.to_bytes()])?;
        Ok(manifest)
    }

    /// Removes a file that need not be there.
    pub(super) fn unlink(&self, path: &Path) -> Result<(), StoreError> {
        match self.files.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.map_err(FileError::io("remove", path))?),
        }
    }

    /// Removes a file that need not be there, for good.
    pub(super) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.unlink(path)?;
        self.sync(path.parent().unwrap_or(Path::new("")))
    }

    /// Files that a killed writer left.
    pub(super) fn temporaries(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        for folder in ["", "objects", "versions", "tags"] {
            let folder = self.path.join(folder);
            let names = self.names(&folder)?.into_iter();
            let left = names.filter(|name| name.starts_with('.') && name.ends_with(TEMPORARY));
            found.extend(left.map(|name| folder.join(name)));
        }
        Ok(found)
    }
}
