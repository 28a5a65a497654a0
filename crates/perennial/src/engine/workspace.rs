//! Scratch of an engine, which its caller owns.

use std::time::Instant;

use perennial_nn::{Column, Executable, Graph, GraphError, Profile, Trace, Weights};

use crate::model::{Model, View};

/// Everything that passes write and nobody keeps: executables of views, weights in the kernels' order, the
/// matrices of passes. Nothing in it changes a result.
#[derive(Default)]
pub struct Workspace {
    pub(super) executables: Executables,
    pub(super) weights: Weights,
    pub(super) trace: Trace,
    /// One a thread.
    pub(super) traces: Vec<Trace>,
    /// What the last gradients of a memory were written to.
    pub(crate) packed: super::memory::PackedGradients,
    /// The key of random draws within networks in the next step.
    pub(crate) key: Option<u64>,
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").finish_non_exhaustive()
    }
}

impl Workspace {
    /// What was measured since [`profile`](Self::profile).
    pub(crate) fn profiled(&self) -> Option<&Profile> {
        self.trace.profile.as_ref()
    }

    /// Counts the time since then as spent on something, where that is measured.
    pub(crate) fn spent(&mut self, what: &str, since: Option<Instant>) {
        if let (Some(since), Some(profile)) = (since, &mut self.trace.profile) {
            profile.add(what, since.elapsed());
        }
    }

    /// Now, where somebody measures.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.trace.profile.as_ref().map(|_| Instant::now())
    }

    /// From now on measures what passes spend their time on; what was measured so far.
    pub fn profile(&mut self) -> Profile {
        self.trace.profile.replace(Profile::default()).unwrap_or_default()
    }
}

/// The executables of the views that were asked for last.
#[derive(Default)]
pub(super) struct Executables {
    /// The last one used first.
    made: Vec<Made>,
}

/// How many are held: the view in training, a teacher's, one or two of memories.
const HELD: usize = 4;

struct Made {
    column: Column,
    older: Vec<Column>,
    heads: Vec<usize>,
    executable: Executable,
}

impl Executables {
    /// The executable of a view, made anew only where its structure is a new one.
    pub(super) fn of(
        &mut self,
        graph: &Graph,
        model: &Model,
        view: &View,
    ) -> Result<&Executable, GraphError> {
        let is = |made: &Made| {
            made.heads == view.heads
                && made.column == view.column
                && made.older == view.older
                && made.executable.fits(&model.layout, &model.buffer_layout)
        };
        match self.made.iter().position(is) {
            Some(0) => {}
            Some(at) => self.made[..=at].rotate_right(1),
            None => {
                let (layout, buffers) = (&model.layout, &model.buffer_layout);
                let executable = Executable::new(graph, layout, buffers, view, &model.heads)?;
                let (column, older) = (view.column.clone(), view.older.clone());
                self.made.truncate(HELD - 1);
                self.made.insert(0, Made { column, older, heads: view.heads.clone(), executable });
            }
        }
        Ok(&self.made[0].executable)
    }
}
