//! Gradients of what a memory holds, at the current weights.

use super::{Context, LearnError};
use crate::SlotId;
use crate::engine::memory::{PackedGradients, Recalled};

impl Context<'_> {
    /// The gradient of the mean cross-entropy of each group of a memory's rows, at the current
    /// weights over the slots `active`: a row for each group, of zeros for an empty one. All threads
    /// compute, to the same bits on any number of them.
    ///
    /// # Errors
    ///
    /// When a row's task is not answered by the view.
    pub fn memory_gradients(
        &mut self,
        rows: Recalled<'_>,
        active: &[SlotId],
    ) -> Result<PackedGradients, LearnError> {
        let mut into = std::mem::take(&mut self.workspace.packed);
        self.engine.memory_gradients(self.workspace, self.model, rows, active, &mut into)?;
        Ok(into)
    }

    /// Gives back what [`memory_gradients`](Self::memory_gradients) made, so that the next call need not
    /// allocate it again.
    pub fn reuse(&mut self, gradients: PackedGradients) {
        self.workspace.packed = gradients;
    }
}
