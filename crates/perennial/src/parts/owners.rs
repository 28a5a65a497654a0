//! Who owns each weight: one task a weight, or nobody yet.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::vector::{Mask, Vector};

/// For each weight of θ the task that owns it, or that it is free. In memory two bytes a weight;
/// saved in as many planes of bits as the highest task needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Planes", into = "Planes")]
pub struct Owners(Vec<u16>);

/// Number of nobody; task t (0-based) has the number t + 1.
const FREE: u16 = 0;

fn number(task: usize) -> u16 {
    u16::try_from(task + 1).expect("a stream has at most 10,000 tasks")
}

impl Owners {
    /// How many weights it speaks of.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it speaks of none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Speaks of `len` weights from now on: those that are new belong to `task`.
    pub fn extend(&mut self, len: usize, task: usize) {
        self.0.resize(len, number(task));
    }

    /// Makes weights free, whoever owned them.
    pub fn free(&mut self, weights: Range<usize>) {
        self.0[weights].fill(FREE);
    }

    /// The owner of a weight; `None` when it is free.
    pub fn of(&self, weight: usize) -> Option<usize> {
        self.0[weight].checked_sub(1).map(usize::from)
    }

    /// How many of these weights `task` owns, or how many are free.
    pub fn count(&self, weights: &[Range<usize>], task: Option<usize>) -> usize {
        let wanted = task.map_or(FREE, number);
        let of = |range: &Range<usize>| self.0[range.clone()].iter().filter(|&&o| o == wanted);
        weights.iter().map(|range| of(range).count()).sum()
    }

    /// Gives every free weight to `task`.
    pub fn claim(&mut self, task: usize) {
        let number = number(task);
        self.0.iter_mut().filter(|owner| **owner == FREE).for_each(|owner| *owner = number);
    }

    /// Frees, and sets to 0, the `count` weights of least magnitude among those of `layer` that
    /// `task` owns; of equals those with the lower index.
    pub fn release_smallest(
        &mut self,
        theta: &mut Vector,
        layer: &[Range<usize>],
        task: usize,
        count: usize,
    ) {
        let number = number(task);
        let own = layer.iter().cloned().flatten().filter(|&i| self.0[i] == number);
        // Magnitudes order as their bits do; NaN comes last.
        let mut own: Vec<(u32, usize)> = own.map(|i| (theta[i].abs().to_bits(), i)).collect();
        if count < own.len() {
            own.select_nth_unstable(count);
            own.truncate(count);
        }
        for (_, i) in own {
            self.0[i] = FREE;
            theta[i] = 0.0;
        }
    }

    /// The weights that the network of `task` is made of: those of the tasks up to it.
    pub fn up_to(&self, task: usize) -> Mask {
        let most = number(task);
        Mask::from_bytes(self.0.iter().map(|&o| u8::from(o != FREE && o <= most)).collect())
    }

    /// The weights that the network of `task` is made of, where it uses of the older ones those
    /// that it `picked`: over the weights there were when it began.
    pub fn with_picks(&self, task: usize, picked: &Mask) -> Mask {
        let own = number(task);
        let mut keep: Vec<u8> = self.0.iter().map(|&owner| u8::from(owner == own)).collect();
        keep.iter_mut().zip(picked.bytes()).for_each(|(keep, picked)| *keep |= picked);
        Mask::from_bytes(keep)
    }

    /// Of the weights that `keep` speaks of, those it says yes of that belong to tasks before
    /// `task`.
    pub fn older(&self, task: usize, keep: &Mask) -> Mask {
        let own = number(task);
        let older = |(&owner, &keep): (&u16, &u8)| keep & u8::from(owner != FREE && owner < own);
        Mask::from_bytes(self.0.iter().zip(keep.bytes()).map(older).collect())
    }

    /// The weights that may not move while `task` trains: everyone else's and, once it is
    /// `pruned`, the free ones.
    pub fn held(&self, task: usize, pruned: bool) -> Mask {
        let own = number(task);
        let moves = |owner: u16| owner == own || (owner == FREE && !pruned);
        Mask::from_bytes(self.0.iter().map(|&owner| u8::from(!moves(owner))).collect())
    }
}

/// Owners as planes of bits, the lowest first.
#[derive(Serialize, Deserialize)]
struct Planes(Vec<Mask>);

impl From<Owners> for Planes {
    fn from(Owners(owners): Owners) -> Self {
        let most = owners.iter().copied().max().unwrap_or(0);
        let planes = u16::BITS - most.leading_zeros();
        let plane = |bit| owners.iter().map(|owner| (owner >> bit & 1) as u8).collect();
        Self((0..planes).map(|bit| Mask::from_bytes(plane(bit))).collect())
    }
}

impl From<Planes> for Owners {
    fn from(Planes(planes): Planes) -> Self {
        let mut owners = vec![0; planes.first().map_or(0, Mask::len)];
        for (bit, plane) in planes.iter().enumerate() {
            for (owner, &set) in owners.iter_mut().zip(plane.bytes()) {
                *owner |= u16::from(set) << bit;
            }
        }
        Self(owners)
    }
}

/// Bytes of saved owners: ⌈log₂(tasks + 1)⌉ planes of a bit a weight.
pub fn saved_bytes(weights: usize, tasks: usize) -> usize {
    (usize::BITS - tasks.leading_zeros()) as usize * weights.div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{from_state, to_state};

    /// By hand: of |w| = 3 1 2 1 5 the two smallest are the ones at 1 and 3; with three, 2 goes
    /// too. Catches: signed order, ties by the higher index, weights of others released.
    #[test]
    fn the_smallest_are_freed_and_zero() {
        let mut owners = Owners::default();
        owners.extend(6, 0);
        owners.free(0..5);
        let mut theta = Vector::from(vec![3.0, -1.0, 2.0, 1.0, -5.0, 0.1]);
        owners.claim(1);
        owners.release_smallest(&mut theta, &[0..3, 3..6], 1, 2);
        assert_eq!(&theta[..], [3.0, 0.0, 2.0, 0.0, -5.0, 0.1]);
        let all: Vec<_> = (0..6).map(|i| owners.of(i)).collect();
        assert_eq!(all, [Some(1), None, Some(1), None, Some(1), Some(0)]);
        let mut tie = Vector::from(vec![1.0; 4]);
        let mut owners = Owners::default();
        owners.extend(4, 0);
        owners.release_smallest(&mut tie, &[0..2, 2..4], 0, 3);
        assert_eq!(&tie[..], [0.0, 0.0, 0.0, 1.0]);
        owners.release_smallest(&mut tie, &[0..2, 2..4], 0, 1);
        assert_eq!((&tie[..], owners.count(&[0..2, 2..4], None)), (&[0.0; 4][..], 4));
    }

    /// By hand. Catches: a task that sees weights of later ones, free weights that move while
    /// retraining, a new weight that belongs to nobody.
    #[test]
    fn masks_by_hand() {
        let mut owners = Owners::default();
        owners.extend(3, 0);
        owners.free(1..3);
        owners.claim(1);
        owners.free(2..3);
        owners.extend(4, 2);
        assert_eq!(owners.up_to(0).bytes(), [1, 0, 0, 0]);
        assert_eq!(owners.up_to(1).bytes(), [1, 1, 0, 0]);
        // Task 3 picks the first of two older weights that it may use.
        let picked = owners.older(2, &Mask::from_bytes(vec![1, 0, 1]));
        assert_eq!(picked.bytes(), [1, 0, 0]);
        assert_eq!(owners.with_picks(2, &picked).bytes(), [1, 0, 0, 1]);
        assert_eq!(owners.held(2, false).bytes(), [1, 1, 0, 0]);
        assert_eq!(owners.held(2, true).bytes(), [1, 1, 1, 0]);
        assert_eq!(
            (owners.count(&[0..2, 2..4], None), owners.count(&[0..2, 3..4], Some(2))),
            (1, 1)
        );
    }

    /// Catches: a plane left out, bits mixed up, two bytes a weight on disk.
    #[test]
    fn saved_in_planes_of_bits() {
        for tasks in [1, 3, 4, 300] {
            let mut owners = Owners::default();
            for task in 0..tasks {
                owners.extend(2 * (task + 1), task);
            }
            owners.free(0..1);
            let state = to_state(&owners).unwrap();
            let bytes: usize = state.tensors.values().map(|tensor| tensor.bytes.len()).sum();
            assert_eq!(bytes, saved_bytes(2 * tasks, tasks));
            assert_eq!(from_state::<Owners>(&state).unwrap(), owners);
        }
        assert_eq!(saved_bytes(9, 3), 2 * 2);
    }
}
