//! Samples kept from tasks gone by: rows in their stored type, and who stays when there is no
//! more room.
//!
//! | who stays | rule |
//! | --- | --- |
//! | [`Reservoir`] | of n samples offered, each with chance m/n (Vitter 1985, algorithm R) |
//! | [`Balanced`] | classes as equal as the stream allows, each a reservoir of its own (Chrysakis & Moens 2020) |
//! | [`Ring`] | the last m of the current task, and what earlier tasks left (as GEM, Lopez-Paz & Ranzato 2017) |
//! | [`ClassRing`] | the last m of each class (Chaudhry et al. 2019, *ring buffer*) |
//! | [`KMeans`] | of each class the rows nearest to m online centroids of its features (Chaudhry et al. 2019) |
//! | [`MeanOfFeatures`] | of each class the m rows nearest to the running mean of its features (Chaudhry et al. 2019) |
//! | [`Greedy`] | classes as equal as can be: who is below its share takes a row of the largest |
//!
//! A row competes for a place once in its task, in whichever pass it first comes ([`Replay`]); a ring
//! by itself leaves a row that it holds.

mod budget;
mod by_class;
mod choose;
mod dark;
mod greedy;
mod logits;
mod nearest;
mod replay;
mod replay_batch;

use serde::{Deserialize, Serialize};

pub use self::budget::Budget;
pub use self::by_class::ClassRing;
pub use self::choose::{Balanced, Place, Reservoir, Ring, distinct};
pub use self::dark::Dark;
pub use self::greedy::{Class, Greedy, Offered};
pub use self::logits::KeptLogits;
pub use self::nearest::{KMeans, MeanOfFeatures};
pub use self::replay::{Offer, Policy, Replay};
pub use self::replay_batch::ReplayBatch;
use crate::scenario::{Samples, Values};
use crate::vector::{Vector, simd_dispatch};

/// Bytes of a row beside its numbers: its id (8), its unit (4) and its task (4).
const MARKS: usize = size_of::<u64>() + 2 * size_of::<u32>();

/// Kept rows with what is known of them, in the type that their data store.
///
/// The id is the row's number in the data of its task, so a sample can be found again and
/// removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Numbers a row.
    inputs: usize,
    /// The byte that is read as 1; 0 when rows are floats.
    white: u8,
    /// `[rows, inputs]` when rows are bytes, else empty.
    #[serde(with = "crate::state::bytes")]
    pixels: Vec<u8>,
    /// `[rows, inputs]` when rows are floats, else empty.
    floats: Vector,
    /// The output unit that each row should activate. `[rows]`
    #[serde(with = "crate::state::u32s")]
    units: Vec<u32>,
    /// Each row's task, 0-based. `[rows]`
    #[serde(with = "crate::state::u32s")]
    tasks: Vec<u32>,
    /// Each row's number in the data of its task. `[rows]`
    #[serde(with = "crate::state::u64s")]
    ids: Vec<u64>,
}

impl Memory {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What all rows weigh, marks included: exactly the bytes of this memory's tensors in a saved
    /// learner.
    pub fn bytes(&self) -> usize {
        self.pixels.len() + size_of_val(&self.floats[..]) + self.len() * MARKS
    }

    /// What one row of these samples weighs in a memory.
    pub fn row_bytes(samples: &Samples) -> usize {
        let number = match samples.values() {
            Values::Bytes { .. } => size_of::<u8>(),
            Values::Floats(_) => size_of::<f32>(),
        };
        samples.inputs() * number + MARKS
    }

    /// The output unit that row `at` should activate.
    ///
    /// # Panics
    ///
    /// When there is no row `at`, like a slice; so do the other readers of rows.
    pub fn unit(&self, at: usize) -> u32 {
        self.units[at]
    }

    /// The task of row `at`, 0-based.
    pub fn task(&self, at: usize) -> usize {
        self.tasks[at] as usize
    }

    /// The number of row `at` in the data of its task.
    pub fn id(&self, at: usize) -> u64 {
        self.ids[at]
    }

    /// Numbers a row.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The byte that is read as 1; `None` when rows are no bytes.
    pub(crate) fn scale(&self) -> Option<u8> {
        (self.white > 0).then_some(self.white)
    }

    /// The bytes of row `at`, where rows are bytes.
    pub(crate) fn pixels(&self, at: usize) -> &[u8] {
        &self.pixels[at * self.inputs..(at + 1) * self.inputs]
    }

    /// Where the copies of a sample are: one, or more in a memory that an older program filled in
    /// several passes.
    pub fn find(&self, task: usize, id: u64) -> Vec<usize> {
        (0..self.len()).filter(|&at| self.task(at) == task && self.id(at) == id).collect()
    }

    /// The rows of a task.
    pub fn of_task(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(move |&at| self.task(at) == task)
    }

    /// The rows of each of the first `tasks` tasks.
    pub fn of_tasks(&self, tasks: usize) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); tasks];
        for at in 0..self.len() {
            if let Some(rows) = rows.get_mut(self.task(at)) {
                rows.push(at);
            }
        }
        rows
    }

    /// Copies row `row` of `samples`, of task `task`, to the end or over another row.
    ///
    /// # Panics
    ///
    /// When `samples` have other inputs or another type than the rows before.
    pub fn put(&mut self, place: Place, samples: &Samples, row: usize, unit: u32, task: usize) {
        let inputs = samples.inputs();
        let range = row * inputs..(row + 1) * inputs;
        if self.is_empty() {
            self.inputs = inputs;
            self.white = match samples.values() {
                Values::Bytes { white, .. } => *white,
                Values::Floats(_) => 0,
            };
        }
        let (task, id) = (task as u32, samples.id(row));
        let at = match place {
            Place::End => {
                self.units.push(unit);
                self.tasks.push(task);
                self.ids.push(id);
                match samples.values() {
                    Values::Bytes { pixels, .. } => self.pixels.extend_from_slice(&pixels[range]),
                    Values::Floats(floats) => self.floats.append(&floats[range]),
                }
                return;
            }
            Place::Over(at) => at,
        };
        (self.units[at], self.tasks[at], self.ids[at]) = (unit, task, id);
        let to = at * inputs..(at + 1) * inputs;
        match samples.values() {
            Values::Bytes { pixels, .. } => self.pixels[to].copy_from_slice(&pixels[range]),
            Values::Floats(floats) => self.floats[to].copy_from_slice(&floats[range]),
        }
    }

    /// Makes room for `rows` rows of these samples in all, where so much can be had at once. Room
    /// that is not used takes no memory; rows that outgrow theirs are copied, old beside new.
    pub fn make_room(&mut self, rows: usize, samples: &Samples) {
        let more = rows.saturating_sub(self.len()).saturating_mul(samples.inputs());
        match samples.values() {
            Values::Bytes { .. } => {
                let _ = self.pixels.try_reserve_exact(more);
            }
            Values::Floats(_) => self.floats.make_room(more),
        }
    }

    /// Keeps only these rows, in this order.
    pub fn keep(&mut self, rows: &[usize]) {
        let mut kept = Self { inputs: self.inputs, white: self.white, ..Self::default() };
        for &at in rows {
            kept.units.push(self.units[at]);
            kept.tasks.push(self.tasks[at]);
            kept.ids.push(self.ids[at]);
            let range = at * self.inputs..(at + 1) * self.inputs;
            if self.white > 0 {
                kept.pixels.extend_from_slice(&self.pixels[range]);
            } else {
                kept.floats.append(&self.floats[range]);
            }
        }
        *self = kept;
    }

    /// Removes every copy of a sample and says how many there were. The others keep their order.
    pub fn remove(&mut self, task: usize, id: u64) -> usize {
        let before = self.len();
        let stay: Vec<usize> =
            (0..before).filter(|&at| self.task(at) != task || self.id(at) != id).collect();
        if stay.len() < before {
            self.keep(&stay);
        }
        before - stay.len()
    }

    /// Appends the numbers of row `at`, scaled as [`Samples::append_row`] scales them.
    pub fn append_row(&self, at: usize, to: &mut Vec<f32>) {
        let range = at * self.inputs..(at + 1) * self.inputs;
        if self.white > 0 {
            let (white, pixels, first) = (f32::from(self.white), &self.pixels[range], to.len());
            to.resize(first + pixels.len(), 0.0);
            let to = &mut to[first..];
            simd_dispatch(
                #[inline(always)]
                || to.iter_mut().zip(pixels).for_each(|(to, &p)| *to = f32::from(p) / white),
            );
        } else {
            to.extend_from_slice(&self.floats[range]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{from_state, to_state};

    fn samples(floats: bool) -> Samples {
        let values = if floats {
            Values::Floats(vec![0.5, -1.0, 2.0, 3.0, 4.0, 5.5])
        } else {
            Values::Bytes { pixels: vec![0, 255, 51, 102, 3, 7], white: 255 }
        };
        Samples::new(values, 2, vec![0, 1, 0], vec![10, 11, 12]).unwrap()
    }

    fn filled(floats: bool) -> Memory {
        let (samples, mut memory) = (samples(floats), Memory::default());
        memory.put(Place::End, &samples, 0, 4, 0);
        memory.put(Place::End, &samples, 1, 5, 0);
        memory.put(Place::End, &samples, 2, 4, 1);
        memory.put(Place::Over(0), &samples, 2, 6, 2);
        memory
    }

    /// Catches: another scaling than the data's, a row that keeps its old marks when replaced.
    #[test]
    fn a_row_reads_as_its_data_do() {
        for floats in [false, true] {
            let (samples, memory) = (samples(floats), filled(floats));
            assert_eq!((memory.unit(0), memory.task(0), memory.id(0)), (6, 2, 12));
            for (at, row) in [(0, 2), (1, 1), (2, 2)] {
                let (mut kept, mut given) = (Vec::new(), Vec::new());
                memory.append_row(at, &mut kept);
                samples.append_row(row, &mut given);
                assert_eq!(kept, given);
            }
        }
    }

    /// Catches: a row type that is widened when stored, marks that are not counted.
    #[test]
    fn bytes_are_those_of_the_saved_tensors() {
        for floats in [false, true] {
            let memory = filled(floats);
            let state = to_state(&memory).unwrap();
            let saved: usize = state.tensors.values().map(|tensor| tensor.bytes.len()).sum();
            assert_eq!(memory.bytes(), saved);
            assert_eq!(memory.bytes(), 3 * Memory::row_bytes(&samples(floats)));
            assert_eq!(memory.bytes(), 3 * (if floats { 8 } else { 2 } + 16));
            assert_eq!(from_state::<Memory>(&state).unwrap(), memory);
        }
    }

    #[test]
    fn a_sample_is_found_and_removed_by_its_id() {
        for floats in [false, true] {
            let mut memory = filled(floats);
            assert_eq!(memory.find(0, 11), [1]);
            assert!(memory.find(0, 12).is_empty()); // the same id of another task is another sample
            assert_eq!((memory.remove(0, 11), memory.remove(0, 11)), (1, 0));
            assert_eq!((memory.len(), memory.task(1), memory.of_task(1).count()), (2, 1, 1));
            let mut row = Vec::new();
            memory.append_row(1, &mut row);
            assert_eq!(row, if floats { [4.0, 5.5] } else { [3.0 / 255.0, 7.0 / 255.0] });
        }
    }
}
