//! Random numbers that need no saving.
//!
//! A generator is made anew for every purpose from a key: the seed, where the learner stands and
//! a word for what the numbers are for. So a resumed run draws what the uninterrupted one would
//! have drawn, and one method's draws never shift another's.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator every draw comes from.
pub type Generator = ChaCha8Rng;

/// Where a draw is made: everything a generator is a function of but its purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The seed of the run.
    pub seed: u64,
    /// 0-based.
    pub task: u64,
    /// 0-based number of the phase within the task.
    pub phase: u64,
    /// 0-based number of the epoch within the phase.
    pub epoch: u64,
    /// 0-based number of the step within the epoch.
    pub step: u64,
}

impl Key {
    /// The key of everything in a run that belongs to no task: initial weights, streams.
    pub fn of_seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// A number for one purpose: the key of draws that are made by counting.
    pub fn number(&self, purpose: &str) -> u64 {
        self.generator(purpose).next_u64()
    }

    /// A fresh generator for one purpose, the same every time it is asked for.
    pub fn generator(&self, purpose: &str) -> Generator {
        let mut hash = blake3::Hasher::new();
        for part in [self.seed, self.task, self.phase, self.epoch, self.step] {
            hash.update(&part.to_le_bytes());
        }
        hash.update(purpose.as_bytes());
        Generator::from_seed(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn every_part_of_the_key_and_the_purpose_count() {
        let key = Key { seed: 1, task: 2, phase: 3, epoch: 4, step: 5 };
        let draw = |key: Key, purpose| key.generator(purpose).random::<u64>();
        let drawn = draw(key, "order");
        assert_eq!(drawn, draw(key, "order"));
        for other in [
            Key { seed: 9, ..key },
            Key { task: 9, ..key },
            Key { phase: 9, ..key },
            Key { epoch: 9, ..key },
            Key { step: 9, ..key },
        ] {
            assert_ne!(drawn, draw(other, "order"));
        }
        assert_ne!(drawn, draw(key, "memory"));
    }
}
