//! Where each parameter lies in a flat vector.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Init;

/// The number of a slot in its [`Layout`]; never reused for another slot but after truncation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(pub usize);

/// One parameter: a name, a shape and its place in the vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Unique in its layout, for example `column1.dense2.weight`.
    pub name: String,
    /// Row-major; weights of dense layers are `[inputs, outputs]`, of convolutions
    /// `[outputs, inputs, height, width]`.
    pub shape: Vec<usize>,
    /// Index of its first number.
    pub offset: usize,
    /// How it started, and starts again when a strategy asks.
    pub init: Init,
}

impl Slot {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indices of its numbers in the vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// The order of slots in a flat vector. Slots are only ever appended, so an index made once
/// stays right for good; the one exception is [`truncate`](Self::truncate), by which a strategy
/// takes back what it appended in the current task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout {
    slots: Vec<Slot>,
}

impl Layout {
    /// Appends a slot at the end and says its number.
    pub fn append(&mut self, name: impl Into<String>, shape: &[usize], init: Init) -> SlotId {
        let offset = self.len();
        self.slots.push(Slot { name: name.into(), shape: shape.to_vec(), offset, init });
        SlotId(self.slots.len() - 1)
    }

    /// Drops the slots from number `slots` on.
    pub fn truncate(&mut self, slots: usize) {
        self.slots.truncate(slots);
    }

    /// The slot of a number.
    ///
    /// # Panics
    ///
    /// When the layout has no such slot.
    pub fn slot(&self, id: SlotId) -> &Slot {
        &self.slots[id.0]
    }

    /// All slots in order.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many numbers the whole vector holds.
    pub fn len(&self) -> usize {
        self.slots.last().map_or(0, |slot| slot.range().end)
    }

    /// Whether the vector holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot that holds the number at `index`.
    pub fn slot_at(&self, index: usize) -> Option<&Slot> {
        let after = self.slots.partition_point(|slot| slot.offset <= index);
        self.slots[..after].iter().rev().find(|slot| slot.range().contains(&index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Catches: an append that moves an older slot, a gap or an overlap between slots.
        #[test]
        fn growth_only_appends(shapes in prop::collection::vec(prop::collection::vec(0usize..5, 0..4), 1..12)) {
            let mut layout = Layout::default();
            let mut before: Vec<Slot> = Vec::new();
            for (i, shape) in shapes.iter().enumerate() {
                layout.append(format!("s{i}"), shape, Init::Constant(0.0));
                prop_assert_eq!(&layout.slots()[..before.len()], &before[..]);
                before = layout.slots().to_vec();
            }
            let mut end = 0;
            for slot in layout.slots() {
                prop_assert_eq!(slot.offset, end);
                end = slot.range().end;
            }
            prop_assert_eq!(layout.len(), end);
            for index in 0..end {
                prop_assert!(layout.slot_at(index).unwrap().range().contains(&index));
            }
            prop_assert!(layout.slot_at(end).is_none());
        }
    }
}
