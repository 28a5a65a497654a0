//! The whole learner as objects: what did not change is shared with the version before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreError;
use super::folder::{Folder, ObjectRef};
use super::manifest::Manifest;
use crate::learner::Learner as Driver;
use crate::network;
use crate::state::State;
use crate::strategies;

/// The object `learner` of a version: everything that is no tensor, and where the tensors are.
#[derive(Serialize, Deserialize)]
pub(super) struct Whole {
    header: Value,
    /// Safetensors by what is in them: `weights`, `buffers`, `optimizer`, and for each struct of
    /// the strategy's state that has tensors its path.
    pub(super) parts: BTreeMap<String, ObjectRef>,
}

/// The part that a tensor belongs to, by its name.
fn part(name: &str) -> &str {
    match name {
        "core.model.theta" => "weights",
        "core.model.buffers" => "buffers",
        name if name.starts_with("core.optimizer.") => "optimizer",
        name => name.rsplit_once('.').map_or(name, |(path, _)| path),
    }
}

impl Folder {
    pub(super) fn put_driver(&self, driver: &Driver) -> Result<ObjectRef, StoreError> {
        let State { header, tensors } = driver.state()?;
        let mut groups: BTreeMap<String, State> = BTreeMap::new();
        for (name, tensor) in tensors {
            let group = groups.entry(part(&name).to_owned());
            let none = || State { header: Value::Null, tensors: BTreeMap::new() };
            group.or_insert_with(none).tensors.insert(name, tensor);
        }
        let mut parts = BTreeMap::new();
        for (name, state) in groups {
            parts.insert(name, self.put_state(&state)?);
        }
        self.put_json(&Whole { header, parts })
    }

    /// The learner of a version that was taught something, and its input's shape.
    pub(super) fn get_driver(
        &self,
        manifest: &Manifest,
        shape: [usize; 3],
    ) -> Result<Option<Driver>, StoreError> {
        let Some(object) = manifest.objects.get("learner") else { return Ok(None) };
        let Whole { header, parts } = self.get_json(object)?;
        let mut state = State { header, tensors: BTreeMap::new() };
        for object in parts.values() {
            state.tensors.extend(self.get_state(object)?.tensors);
        }
        let network = network::parse(&manifest.settings.network, shape)?;
        Ok(Some(Driver::from_state(&state, network, strategies::load)?))
    }
}
