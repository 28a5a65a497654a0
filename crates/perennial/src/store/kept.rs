//! Rows that a learner keeps, as objects.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::folder::{Folder, ObjectRef};
use crate::scenario::{Samples, Values};
use crate::state::{State, from_state, to_state};
use crate::vector::{Mask, Vector};

/// [`Samples`] as they are saved.
#[derive(Serialize, Deserialize)]
struct Kept {
    inputs: usize,
    /// The byte that is read as 1; 0 when rows are floats.
    white: u8,
    #[serde(with = "crate::state::bytes")]
    pixels: Vec<u8>,
    floats: Vector,
    #[serde(with = "crate::state::u32s")]
    labels: Vec<u32>,
    #[serde(with = "crate::state::u64s")]
    ids: Vec<u64>,
}

/// What a version answered on a test part, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    /// The unit that it said. `[rows]`
    #[serde(with = "crate::state::u32s")]
    pub(super) units: Vec<u32>,
    /// Whether that was right. `[rows]`
    pub(super) right: Mask,
}

impl Folder {
    pub(super) fn put_state(&self, state: &State) -> Result<ObjectRef, StoreError> {
        let parts = state.parts()?;
        self.put(&parts.iter().map(|part| &part[..]).collect::<Vec<_>>())
    }

    pub(super) fn get_state(&self, object: &ObjectRef) -> Result<State, StoreError> {
        Ok(State::from_bytes(&self.get(object)?)?)
    }

    pub(super) fn put_samples(&self, samples: &Samples) -> Result<ObjectRef, StoreError> {
        let (white, pixels, floats) = match samples.values() {
            Values::Bytes { pixels, white } => (*white, pixels.clone(), Vector::default()),
            Values::Floats(floats) => (0, Vec::new(), floats.clone().into()),
        };
        let (labels, ids) = (samples.labels().to_vec(), samples.ids().to_vec());
        let kept = Kept { inputs: samples.inputs(), white, pixels, floats, labels, ids };
        self.put_state(&to_state(&kept)?)
    }

    pub(super) fn get_samples(&self, object: &ObjectRef) -> Result<Samples, StoreError> {
        let kept: Kept = from_state(&self.get_state(object)?)?;
        let Kept { inputs, white, pixels, floats, labels, ids } = kept;
        let values = match white {
            0 => Values::Floats(floats.into_inner()),
            white => Values::Bytes { pixels, white },
        };
        Ok(Samples::new(values, inputs, labels, ids)?)
    }

    pub(super) fn put_said(&self, said: &Said) -> Result<ObjectRef, StoreError> {
        self.put_state(&to_state(said)?)
    }

    pub(super) fn get_said(&self, object: &ObjectRef) -> Result<Said, StoreError> {
        Ok(from_state(&self.get_state(object)?)?)
    }
}
