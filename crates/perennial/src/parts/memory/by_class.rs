//! Places shared equally among the classes that came so far, and a queue for each of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Memory, Place};

/// A class as the key of a saved map. The same label of another task is another class.
pub(super) fn class_key(task: usize, unit: u32) -> u64 {
    (task as u64) << u32::BITS | u64::from(unit)
}

/// The rows of each class that the memory holds, in the order of the memory.
pub(super) fn rows_by_class(memory: &Memory) -> BTreeMap<u64, Vec<usize>> {
    let mut rows: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for at in 0..memory.len() {
        rows.entry(class_key(memory.task(at), memory.unit(at))).or_default().push(at);
    }
    rows
}

/// What the next sample of a class finds in the memory.
pub(super) struct Share {
    /// The rows of its class.
    pub(super) own: Vec<usize>,
    /// The places of each class that came so far, this one included: at least 1.
    pub(super) each: usize,
}

impl Share {
    /// The share of `class` in a memory of `capacity` rows; `None` where there are fewer places than
    /// classes, and this one is the one too many.
    pub(super) fn of(memory: &Memory, class: u64, capacity: usize) -> Option<Self> {
        let mut rows = rows_by_class(memory);
        let own = rows.remove(&class).unwrap_or_default();
        match capacity / (rows.len() + 1) {
            0 => None,
            each => Some(Self { own, each }),
        }
    }
}

/// The rows that stay when each class has `each` places, in the order in which `best_first` ranks
/// those of a class; `None` when all stay.
pub(super) fn cut(
    memory: &Memory,
    each: usize,
    best_first: impl Fn(u64, Vec<usize>) -> Vec<usize>,
) -> Option<Vec<usize>> {
    let rows = rows_by_class(memory);
    if rows.values().all(|own| own.len() <= each) {
        return None;
    }
    let best = |(class, own)| best_first(class, own).into_iter().take(each).collect::<Vec<_>>();
    Some(rows.into_iter().flat_map(best).collect())
}

/// A first-in-first-out queue for each class, of equal lengths (Chaudhry et al. 2019, *ring
/// buffer*). A class that arrives takes its share from the oldest rows of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassRing {
    /// For each class, which of its rows is the oldest, counted from its first; 0 where none is said.
    oldest: BTreeMap<u64, usize>,
}

impl ClassRing {
    /// Makes room for the next sample of `unit` in task `task`, and says where it goes; `None` where
    /// more classes came than there are places.
    pub fn offer(
        &mut self,
        task: usize,
        unit: u32,
        memory: &mut Memory,
        capacity: usize,
    ) -> Option<Place> {
        let class = class_key(task, unit);
        let Share { own, each } = Share::of(memory, class, capacity)?;
        if own.is_empty() {
            self.cut(memory, each);
        }
        if own.len() < each {
            return Some(Place::End);
        }
        let oldest = self.oldest.entry(class).or_default();
        let at = *oldest % own.len(); // fewer than before when samples were removed
        *oldest = (at + 1) % own.len();
        Some(Place::Over(own[at]))
    }

    /// Cuts every class to its last `each` rows.
    pub fn cut(&mut self, memory: &mut Memory, each: usize) {
        let newest_first = |class, mut own: Vec<usize>| {
            let oldest = self.oldest.get(&class).map_or(0, |oldest| oldest % own.len());
            own.rotate_left(oldest);
            own.reverse();
            own
        };
        if let Some(mut stay) = cut(memory, each, newest_first) {
            stay.reverse(); // each class's oldest first, as a queue that has not begun again
            memory.keep(&stay);
            self.oldest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Samples, Values};

    fn samples(count: usize) -> Samples {
        let values = Values::Bytes { pixels: (0..count).map(|i| i as u8).collect(), white: 255 };
        Samples::new(values, 1, vec![0; count], (0..count as u64).collect()).unwrap()
    }

    /// Offers row `id` of `unit` in `task` to a memory of six places.
    fn offer(ring: &mut ClassRing, memory: &mut Memory, task: usize, unit: u32, id: usize) {
        let samples = samples(30);
        if let Some(place) = ring.offer(task, unit, memory, 6) {
            memory.put(place, &samples, id, unit, task);
        }
    }

    fn held(memory: &Memory, task: usize, unit: u32) -> Vec<u64> {
        let own = |&at: &usize| memory.task(at) == task && memory.unit(at) == unit;
        let mut ids: Vec<u64> = (0..memory.len()).filter(own).map(|at| memory.id(at)).collect();
        ids.sort_unstable();
        ids
    }

    /// By hand, six places: one class has the last six of seven rows. With a second class each has
    /// three, with a third two. Catches: a queue over all classes, a share that drops the newest, a
    /// counter that goes on after a cut, the same label of two tasks in one queue.
    #[test]
    fn each_class_holds_its_last_rows() {
        let (mut ring, mut memory) = (ClassRing::default(), Memory::default());
        (0..7).for_each(|id| offer(&mut ring, &mut memory, 0, 0, id));
        assert_eq!(held(&memory, 0, 0), [1, 2, 3, 4, 5, 6]);
        offer(&mut ring, &mut memory, 0, 1, 10);
        assert_eq!((held(&memory, 0, 0), held(&memory, 0, 1)), (vec![4, 5, 6], vec![10]));
        offer(&mut ring, &mut memory, 0, 0, 7);
        (11..15).for_each(|id| offer(&mut ring, &mut memory, 0, 1, id));
        assert_eq!((held(&memory, 0, 0), held(&memory, 0, 1)), (vec![5, 6, 7], vec![12, 13, 14]));
        offer(&mut ring, &mut memory, 1, 0, 20);
        offer(&mut ring, &mut memory, 0, 1, 15);
        assert_eq!((held(&memory, 0, 0), held(&memory, 0, 1)), (vec![6, 7], vec![14, 15]));
        assert_eq!(held(&memory, 1, 0), [20]);
    }

    /// Catches: a class too many that empties the memory or takes another's last place.
    #[test]
    fn a_class_without_a_place_is_left_out() {
        let (mut ring, mut memory) = (ClassRing::default(), Memory::default());
        (0..8).for_each(|unit| offer(&mut ring, &mut memory, 0, unit, unit as usize));
        assert_eq!((0..8).map(|unit| held(&memory, 0, unit).len()).sum::<usize>(), 6);
        assert_eq!((held(&memory, 0, 5), held(&memory, 0, 6)), (vec![5], vec![]));
    }
}
