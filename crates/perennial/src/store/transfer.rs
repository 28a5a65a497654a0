//! A learner as one file: safetensors whose tensors bear the names of the parameters, with a JSON
//! description that says everything else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folder::Folder;
use super::manifest::{Made, Manifest};
use super::tasks::{Tasks, Taught};
use super::{Learner, Settings, StoreError};
use crate::data::InputSpec;
use crate::learner::Learner as Driver;
use crate::network;
use crate::state::{FileError, Files, Kind, Lock, State, System, Tensor, write_atomic};
use crate::strategies;
use crate::{Layout, Slot};

const SCHEMA: &str = "perennial.learner/1";
const THETA: &str = "core.model.theta";
const BUFFERS: &str = "core.model.buffers";

/// The description in an exported file.
#[derive(Serialize, Deserialize)]
struct Description {
    schema: String,
    settings: Settings,
    /// `[channels, height, width]`
    shape: [usize; 3],
    /// What the inputs are; none of a learner that was made before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<InputSpec>,
    #[serde(default)]
    columns: Vec<String>,
    white: u8,
    classes: Vec<String>,
    tasks: Vec<Known>,
    state_digest: String,
    learner_digest: String,
    /// The learner's state, of which the tensors are beside it.
    header: Value,
}

#[derive(Serialize, Deserialize)]
struct Known {
    name: String,
    classes: Vec<u32>,
}

/// What stands under `seal` in a description: BLAKE3 of all the rest, names of fields included.
fn seal(rest: &Value) -> Value {
    let bytes = rest.to_string(); // the keys of its objects are sorted
    blake3::hash(bytes.as_bytes()).to_hex().to_string().into()
}

impl Learner {
    /// Writes a version as one safetensors file: each parameter and running statistic under its
    /// own name and in its shape, the strategy's and the optimiser's state under theirs, and a
    /// JSON description in the metadata. Test parts and versions stay behind.
    ///
    /// # Errors
    ///
    /// An unknown version, one that was taught nothing, damage, or a file that cannot be written.
    pub fn export(&self, version: u64, file: &Path) -> Result<Manifest, StoreError> {
        let manifest = self.folder.manifest(version)?;
        let tasks = self.folder.tasks(&manifest)?;
        let (Some(driver), Some(shape)) = (self.driver(&manifest, &tasks)?, tasks.shape) else {
            return Err(StoreError::Cannot(format!(
                "version {version} was taught nothing: there are no weights to export"
            )));
        };
        let mut state = driver.state()?;
        let model = &driver.core.model;
        for (whole, layout) in [(THETA, &model.layout), (BUFFERS, &model.buffer_layout)] {
            if let Some(tensor) = state.tensors.remove(whole) {
                let slots = layout.slots().iter().map(|slot| named(slot, &tensor));
                state.tensors.extend(slots);
            }
        }
        let known = |task: Taught| Known { name: task.name, classes: task.classes };
        let description = Description {
            schema: SCHEMA.into(),
            settings: manifest.settings.clone(),
            shape,
            input: tasks.input,
            columns: tasks.columns,
            white: tasks.white,
            classes: tasks.classes,
            tasks: tasks.tasks.into_iter().map(known).collect(),
            state_digest: model.digest().to_hex().to_string(),
            learner_digest: driver.digest()?.to_hex().to_string(),
            header: state.header,
        };
        let mut header = serde_json::to_value(description)
            .map_err(|error| StoreError::Cannot(format!("it cannot be described: {error}")))?;
        header["seal"] = seal(&header);
        let state = State { header, tensors: state.tensors };
        write_atomic(file, &state.to_bytes()?).map_err(StoreError::File)?;
        Ok(manifest)
    }

    /// Makes a learner of an exported file. It goes on where the exported one was; its old tasks
    /// have no test parts here, so the gate judges only what it is taught from now on.
    ///
    /// # Errors
    ///
    /// A file that `export` did not write or that is damaged, or a folder as for
    /// [`create`](Self::create).
    pub fn import(path: &Path, file: &Path) -> Result<Self, StoreError> {
        Self::import_with(path, file, Arc::new(System))
    }

    /// As [`import`](Self::import), by these files.
    ///
    /// # Errors
    ///
    /// As [`import`](Self::import).
    pub fn import_with(
        path: &Path,
        file: &Path,
        files: Arc<dyn Files>,
    ) -> Result<Self, StoreError> {
        let (driver, description) = read(file)?;
        let settings = description.settings.complete()?;
        let folder = Folder { path: path.to_owned(), files };
        folder.claim()?;
        let _lock = Lock::take(path, Duration::ZERO)?;
        folder.lay_out()?;
        let known = |Known { name, classes }| Taught { name, classes, test: None, train: None };
        let tasks = Tasks {
            shape: Some(description.shape),
            columns: description.columns,
            input: description.input,
            white: description.white,
            classes: description.classes,
            tasks: description.tasks.into_iter().map(known).collect(),
        };
        let mut objects = BTreeMap::new();
        objects.insert("learner".to_owned(), folder.put_driver(&driver)?);
        objects.insert("tasks".to_owned(), folder.put_json(&tasks)?);
        let digest = Some(description.state_digest);
        let manifest = Manifest { objects, state_digest: digest, ..Manifest::first(settings) };
        let manifest = Manifest { made: Made::Imported, ..manifest };
        folder.put_first(&manifest)?;
        folder.set_head(&manifest)?;
        Ok(Self { folder })
    }
}

/// A slot's own tensor, cut out of the flat one.
fn named(slot: &Slot, whole: &Tensor) -> (String, Tensor) {
    let range = slot.range();
    let bytes = whole.bytes[4 * range.start..4 * range.end].to_vec();
    (slot.name.clone(), Tensor { kind: Kind::F32, shape: slot.shape.clone(), bytes })
}

/// The learner in an exported file.
fn read(file: &Path) -> Result<(Driver, Description), StoreError> {
    let bytes = fs::read(file).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => FileError::Missing { path: file.to_owned() },
        _ => FileError::io("read", file)(cause),
    });
    let bytes = bytes.map_err(StoreError::File)?;
    let bad = |what: &dyn ToString| {
        let what = what.to_string();
        StoreError::Data(format!("{} is no exported learner: {what}", file.display()))
    };
    let mut state = State::from_bytes(&bytes).map_err(|error| bad(&error))?;
    let found = state.header.as_object_mut().and_then(|header| header.remove("seal"));
    let sealed = found == Some(seal(&state.header));
    let mut description: Description =
        serde_json::from_value(state.header).map_err(|error| bad(&error))?;
    if description.schema != SCHEMA {
        return Err(bad(&format!("it is a `{}`, expected `{SCHEMA}`", description.schema)));
    }
    if !sealed {
        return Err(bad(&"its description was changed; export it again"));
    }
    let layouts = ["layout", "buffer_layout"].map(|name| {
        let layout = description.header["core"]["model"][name].clone();
        serde_json::from_value::<Layout>(layout).map_err(|error| bad(&error))
    });
    let [layout, buffer_layout] = layouts;
    for (whole, layout) in [(THETA, layout?), (BUFFERS, buffer_layout?)] {
        let mut flat = Tensor { kind: Kind::F32, shape: vec![layout.len()], bytes: Vec::new() };
        for slot in layout.slots() {
            let lacking = || bad(&format!("it lacks the tensor `{}`", slot.name));
            let tensor = state.tensors.remove(&slot.name).ok_or_else(lacking)?;
            flat.bytes.extend(tensor.bytes);
        }
        state.tensors.insert(whole.to_owned(), flat);
    }
    state.header = description.header.take();
    let network = network::parse(&description.settings.network, description.shape)?;
    let driver =
        Driver::from_state(&state, network, strategies::load).map_err(|error| bad(&error))?;
    // The learner as it was read: a program with other fields would write other bytes.
    let digests = (driver.core.model.digest(), blake3::hash(&state.to_bytes()?));
    let fits = digests.0.to_hex().as_str() == description.state_digest
        && digests.1.to_hex().as_str() == description.learner_digest;
    match fits {
        true => Ok((driver, description)),
        false => Err(bad(&"its tensors are not those that were exported; export it again")),
    }
}
