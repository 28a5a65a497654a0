//! A value and its saved state: everything comes back bit for bit, equal values give equal
//! bytes, what cannot be saved or restored is said with its place, and a file is whole or known
//! to be damaged.

#![allow(clippy::unwrap_used)] // in a test, what fails is to stop it

mod every_value;
mod file;
mod format;
mod refusals;
mod serde_forms;

use perennial::state::{State, from_state, to_state};
use perennial::{Mask, Vector};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Through the state, its bytes and back; fails where saving again gives other bytes.
fn round_trip<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let bytes = to_state(value).unwrap().to_bytes().unwrap();
    let restored: T = from_state(&State::from_bytes(&bytes).unwrap()).unwrap();
    assert!(bytes == to_state(&restored).unwrap().to_bytes().unwrap(), "saved again: other bytes");
    restored
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Penalty {
    lambda: f32,
    steps: u64,
    anchors: Vec<Anchor>,
    owners: Option<Mask>,
    seed: Option<u64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Anchor {
    fisher: Vector,
    phase: Phase,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Train,
    Prune { share: f64, scores: Vector },
}

fn penalty() -> Penalty {
    let prune = Phase::Prune { share: f64::INFINITY, scores: Vector::from(vec![]) };
    Penalty {
        lambda: 0.5,
        steps: u64::MAX,
        anchors: vec![
            Anchor { fisher: Vector::from(vec![1.0, -2.0]), phase: Phase::Train },
            Anchor { fisher: Vector::from(vec![f32::NAN]), phase: prune },
        ],
        owners: Some(Mask::from_bytes(vec![1, 0, 1])),
        seed: None,
    }
}
