//! Gradients of what a memory holds, at the current weights.

use std::cell::RefMut;

use super::{Context, LearnError};
use crate::SlotId;
use crate::engine::Frozen;
use crate::engine::packed::{Found, Of, PackedGradients, ROWS};
use crate::model::{NormStatistics, View};
use crate::network::dense::Factors;
use crate::parts::memory::Memory;
use crate::strategy::Gradient;
use crate::vector::Vector;
use perennial_nn::loss::{Mode, Pass};

/// Rows of a memory, and how gradients of them are taken.
#[derive(Clone, Copy, Debug)]
pub struct Recalled<'r> {
    /// What they are taken through.
    pub view: &'r View,
    /// The memory.
    pub memory: &'r Memory,
    /// Its rows: a gradient of the mean cross-entropy for each group.
    pub groups: &'r [Vec<usize>],
    /// How many groups there may be later, where each is the memory of a task. Such rows stay while
    /// another task is learnt: above 1, they are made ready for many passes at the first one. Rows that
    /// are drawn for each step are one group.
    pub most: usize,
    /// How batch normalisation treats a group: in training mode by the group's own statistics, which
    /// move the running ones.
    pub mode: Mode,
}

impl<'a> Context<'a> {
    /// The gradient of the mean cross-entropy of each group of a memory's rows, at the current
    /// weights over the slots `active`: a row for each group, of zeros for an empty one. A plain dense
    /// network runs forward and backward without a graph, on all threads, and to the same bits on any
    /// number of them; any other network runs one pass after another.
    ///
    /// # Errors
    ///
    /// When a row's task is not answered by the view.
    ///
    /// # Panics
    ///
    /// When what an earlier call gave is still held: the next one writes over it.
    pub fn memory_gradients(
        &mut self,
        rows: Recalled<'_>,
        active: &[SlotId],
    ) -> Result<RefMut<'a, PackedGradients>, LearnError> {
        let mut into = self.engine.recalled.borrow_mut();
        into.begin(&self.model.layout, active, rows.groups.len(), rows.most);
        self.recall(rows, None, &mut into)?;
        Ok(into)
    }

    /// [`memory_gradients`](Self::memory_gradients) over the gradient's slots, where this step's
    /// gradient g, as the driver took it, may go against one of them: `None` only where
    /// ⟨g, g_k⟩ > 0 for each, by more than rounding, or its group is empty. To find that out on a
    /// plain dense network takes about half of what the gradients take. They are made at once on any
    /// other network, and where the batch, filled up to sixteens, has more rows than half of the
    /// first layer's units.
    ///
    /// # Errors
    ///
    /// As [`memory_gradients`](Self::memory_gradients).
    ///
    /// # Panics
    ///
    /// As [`memory_gradients`](Self::memory_gradients).
    pub fn opposed_gradients(
        &mut self,
        rows: Recalled<'_>,
        gradient: &Gradient<'_>,
    ) -> Result<Option<RefMut<'a, PackedGradients>>, LearnError> {
        let mut into = self.engine.recalled.borrow_mut();
        into.begin(&self.model.layout, gradient.active, rows.groups.len(), rows.most);
        let factors = gradient.passed.factors();
        let found = self.recall(rows, factors.as_ref(), &mut into)?;
        Ok((found == Found::Gradients).then_some(into))
    }

    fn recall(
        &mut self,
        rows: Recalled<'_>,
        against: Option<&Factors>,
        into: &mut PackedGradients,
    ) -> Result<Found, LearnError> {
        let Recalled { view, memory, groups, .. } = rows;
        let of = Of { network: self.network().as_ref(), model: self.model, view, memory, groups };
        if let Some(found) = into.over_slices(of, against, &mut self.engine.works.borrow_mut())? {
            return Ok(found);
        }
        self.gradients_by_graph(rows, into)?;
        Ok(Found::Gradients)
    }

    /// One pass and one backward after another.
    fn gradients_by_graph(
        &mut self,
        Recalled { view, memory, groups, mode, .. }: Recalled<'_>,
        into: &mut PackedGradients,
    ) -> Result<(), LearnError> {
        // A group whose own statistics count cannot be cut, but into tasks that have their own.
        let most = if mode == Mode::Train { usize::MAX } else { ROWS };
        let by_task = self.model.norm == NormStatistics::Task;
        let mut gradient = Vector::zeros(self.model.theta.len());
        into.rows.fill(0.0);
        for (group, to) in groups.iter().zip(into.rows.chunks_exact_mut(into.length.max(1))) {
            let weight = 1.0 / group.len() as f32;
            let parts = group.chunk_by(|&a, &b| !by_task || memory.task(a) == memory.task(b));
            for rows in parts.flat_map(|rows| rows.chunks(most)) {
                let mut view = view.clone();
                if by_task {
                    view.column = self.model.shared_view(memory.task(rows[0])).column;
                }
                let model = &*self.model;
                let pass = memory.pass(rows.to_vec(), weight, |task| model.answer(task));
                let (pass, frozen) = (Pass { mode, ..pass }, Frozen::default());
                let (_, found) =
                    self.engine.gradient(self.model, &view, &frozen, vec![pass], &mut gradient)?;
                let places = into.places.iter().filter(|(slot, _)| found.contains(slot));
                for &(slot, first) in places {
                    let from = &gradient[self.model.layout.slot(slot).range()];
                    to[first..].iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        }
        Ok(())
    }
}
