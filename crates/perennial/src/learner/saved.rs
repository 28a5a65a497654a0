//! A learner as bytes, and what it weighs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Clock, Core, LearnError, Learner};
use crate::engine::Engine;
use crate::network::Graph;
use crate::parts::memory::Memory;
use crate::state::{State, StateError, from_state, lend, tensor_bytes, to_state};
use crate::strategy::Strategy;

#[derive(Serialize)]
struct Saving<'a> {
    name: &'a str,
    core: &'a Core,
    strategy: &'a dyn Strategy,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<&'a Clock>,
}

#[derive(Deserialize)]
struct Loaded {
    name: String,
    core: Core,
}

/// Bytes kept between tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBytes {
    /// θ and buffers.
    pub model: usize,
    /// The strategy's vectors and numbers.
    pub strategy: usize,
    /// Training rows it keeps, in their stored type.
    pub data: usize,
}

impl Learner {
    fn saving<'a>(&'a self, clock: Option<&'a Clock>) -> Saving<'a> {
        let (core, strategy) = (&self.core, self.strategy.as_ref());
        Saving { name: self.card.name, core, strategy, clock }
    }

    /// The learner without its clock: equal bytes, equal learners. A copy of all that it has.
    ///
    /// # Errors
    ///
    /// When a part of the strategy cannot be serialised.
    pub fn state(&self) -> Result<State, StateError> {
        to_state(&self.saving(None))
    }

    /// BLAKE3 of the whole learner without its clock.
    ///
    /// # Errors
    ///
    /// As [`state`](Self::state).
    pub fn digest(&self) -> Result<blake3::Hash, StateError> {
        let mut hasher = blake3::Hasher::new();
        lend(&self.saving(None), |parts| {
            parts.iter().for_each(|part| {
                hasher.update(part);
            });
        })?;
        Ok(hasher.finalize())
    }

    /// Calls `to` with all bytes of the learner, its clock included, in parts that follow each
    /// other: what [`from_bytes`](Self::from_bytes) reads. Long rows are [lent](lend).
    ///
    /// # Errors
    ///
    /// As [`state`](Self::state).
    pub fn lend_bytes<R>(&self, to: impl FnOnce(&[&[u8]]) -> R) -> Result<R, StateError> {
        lend(&self.saving(Some(&self.clock)), to)
    }

    /// What [`lend_bytes`](Self::lend_bytes) lends, copied.
    ///
    /// # Errors
    ///
    /// As [`state`](Self::state).
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        self.lend_bytes(|parts| parts.concat())
    }

    /// The learner that [`to_bytes`](Self::to_bytes) wrote, on a network of the same spec.
    /// `load` makes the strategy of a name: [`strategies::load`](crate::strategies::load), or
    /// one that knows strategies of your own.
    ///
    /// # Errors
    ///
    /// When the bytes are no learner, or one of another network.
    pub fn from_bytes(
        bytes: &[u8],
        network: Arc<Graph>,
        load: impl Fn(&str, &State) -> Result<Box<dyn Strategy>, LearnError>,
    ) -> Result<Self, LearnError> {
        Self::from_state(&State::from_bytes(bytes)?, network, load)
    }

    /// The learner of a [state](Self::state). Without a clock it begins to count anew.
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_state(
        state: &State,
        network: Arc<Graph>,
        load: impl Fn(&str, &State) -> Result<Box<dyn Strategy>, LearnError>,
    ) -> Result<Self, LearnError> {
        let Loaded { name, core } = from_state(state)?;
        if core.network != network.name() {
            let (saved, given) = (core.network, network.name().to_owned());
            return Err(LearnError::OtherRun { what: "network", saved, given });
        }
        let part = |key: &str| State {
            header: state.header.get(key).cloned().unwrap_or(Value::Null),
            tensors: state.tensors.clone(),
        };
        let strategy = load(&name, &part("strategy"))?;
        let clock = match state.header.get("clock") {
            Some(_) => from_state(&part("clock"))?,
            None => Clock::default(),
        };
        let card = strategy.card();
        let (engine, workspace, decisions) = (Engine::new(network), Default::default(), Vec::new());
        Ok(Self { engine, workspace, strategy, card, decisions, core, clock })
    }

    /// Bytes kept between tasks: model, strategy, and as data the samples in its
    /// [memory](crate::Strategy::memory) with `data` bytes of rows that stay at hand.
    ///
    /// # Errors
    ///
    /// As [`state`](Self::state).
    pub fn kept_bytes(&self, data: usize) -> Result<KeptBytes, StateError> {
        let model = 4 * (self.core.model.theta.len() + self.core.model.buffers.len());
        let tensors = tensor_bytes(self.strategy.as_ref())?;
        let samples = self.strategy.memory().map_or(0, Memory::bytes);
        Ok(KeptBytes { model, strategy: tensors - samples, data: data + samples })
    }
}
