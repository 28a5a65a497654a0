//! Parameters made of several slots.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::vector::simd_dispatch;
use super::{Layout, Mask, SlotId};

/// A parameter made of slots: a matrix of blocks, joined along its first two dimensions.
///
/// One slot is the usual case. A widened weight is four blocks (old→old, old→new, new→old,
/// new→new), each with indices of its own that never move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Rows of blocks; the blocks of a row share their first dimension.
    pub rows: usize,
    /// Row-major; a parameter of one dimension has one column.
    pub blocks: Vec<SlotId>,
}

impl From<SlotId> for Grid {
    fn from(slot: SlotId) -> Self {
        Self { rows: 1, blocks: vec![slot] }
    }
}

impl Grid {
    /// The shape of the joined parameter.
    pub fn shape(&self, layout: &Layout) -> Vec<usize> {
        let columns = self.blocks.len() / self.rows;
        let mut shape = layout.slot(self.blocks[0]).shape.clone();
        shape[0] =
            self.blocks.iter().step_by(columns).map(|&slot| layout.slot(slot).shape[0]).sum();
        if shape.len() > 1 {
            shape[1] = self.blocks[..columns].iter().map(|&slot| layout.slot(slot).shape[1]).sum();
        }
        shape
    }

    /// How many numbers the joined parameter has.
    pub fn len(&self, layout: &Layout) -> usize {
        self.blocks.iter().map(|&block| layout.slot(block).len()).sum()
    }

    /// Writes the joined parameter's numbers: θ's own, 0 where `keep` says no.
    pub fn write_effective(
        &self,
        layout: &Layout,
        theta: &[f32],
        keep: Option<&Mask>,
        to: &mut [f32],
    ) {
        self.runs(layout, |_, joined, flat| {
            let (to, theta) = (&mut to[joined], &theta[flat.clone()]);
            let kept = keep.and_then(|keep| keep.bytes().get(flat.start..flat.end.min(keep.len())));
            let Some(kept) = kept else { return to.copy_from_slice(theta) };
            to[kept.len()..].copy_from_slice(&theta[kept.len()..]);
            // Every step and without a branch: what is kept follows no pattern.
            simd_dispatch(
                #[inline(always)]
                || {
                    for ((to, &theta), &keep) in to.iter_mut().zip(theta).zip(kept) {
                        *to = if keep == 0 { 0.0 } else { theta };
                    }
                },
            );
        });
    }

    /// Calls `copy(slot, joined, flat)` for every run of numbers that is contiguous both in the
    /// joined parameter and in the flat vector.
    pub fn runs(&self, layout: &Layout, mut copy: impl FnMut(SlotId, Range<usize>, Range<usize>)) {
        if let [only] = self.blocks[..] {
            let flat = layout.slot(only).range();
            return copy(only, 0..flat.len(), flat);
        }
        let columns = self.blocks.len() / self.rows;
        let shape = self.shape(layout);
        let joined_row: usize = shape[1..].iter().product();
        let mut first_row = 0;
        for blocks in self.blocks.chunks(columns) {
            let mut first = first_row * joined_row;
            for &block in blocks {
                let slot = layout.slot(block);
                let block_row: usize = slot.shape[1..].iter().product();
                for row in 0..slot.shape[0] {
                    let (to, from) = (first + row * joined_row, slot.offset + row * block_row);
                    copy(block, to..to + block_row, from..from + block_row);
                }
                first += block_row;
            }
            first_row += layout.slot(blocks[0]).shape[0];
        }
    }
}
