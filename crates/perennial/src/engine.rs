//! From θ to logits, gradients and statistics: what learners ask of a network.

pub(crate) mod memory;
pub(crate) mod moments;
mod workspace;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use perennial_nn::layer::Buffers;
use perennial_nn::loss::{Columns, Mode, ObjectiveError, Pass};
use perennial_nn::{Executable, Gradients, Graph, GraphError, Run, Trace, Weights};

pub use self::workspace::Workspace;
use crate::SlotId;
use crate::model::{Model, Statistics, View};
use crate::vector::{Mask, Vector};

/// Rows that are answered at once: enough for the kernels, few enough that what layers make of them stays
/// in a cache.
const CHUNK: usize = 64;

/// Runs a network: a graph, over views of θ. All scratch is the caller's [`Workspace`].
#[derive(Clone, Debug)]
pub struct Engine {
    network: Arc<Graph>,
}

/// Whose values a pass without gradients is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    /// The heads': logits.
    Logits,
    /// What the heads read.
    Features,
}

/// What one gradient computation found.
#[derive(Clone, Debug, Default)]
pub struct Computed {
    /// The sum of all terms of all passes.
    pub loss: f64,
    /// The logits of each pass, `[rows, units]`.
    pub logits: Vec<Logits>,
}

/// A matrix of logits and which unit each of its columns is.
#[derive(Clone, Debug, Default)]
pub struct Logits {
    values: Vec<f32>,
    columns: Columns,
}

impl Logits {
    /// Logits `[rows, units]` over these units.
    #[cfg(test)]
    pub(crate) fn new(values: Vec<f32>, units: Range<usize>) -> Self {
        Self { values, columns: Columns::new(vec![units]) }
    }

    /// The logits of a row over a range of units; `None` when the pass did not compute them.
    pub fn row(&self, row: usize, units: &Range<usize>) -> Option<&[f32]> {
        let columns = self.columns.of(units)?;
        let first = row * self.columns.len();
        self.values.get(first + columns.start..first + columns.end)
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }
}

/// Which weights may not move.
#[derive(Clone, Debug, Default)]
pub struct Frozen {
    /// Slots held whole: they have no gradient, move or optimiser state.
    pub slots: BTreeSet<SlotId>,
    /// Over θ: weights it says yes of do not move; they do have a gradient.
    pub mask: Option<Arc<Mask>>,
}

/// Why the network could not be run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A loss that does not fit its pass.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A view that does not fit the network.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// Rows to be answered: `read(row, to)` appends row number `row`.
pub(crate) struct Rows<R> {
    pub(crate) count: usize,
    pub(crate) read: R,
}

impl Engine {
    /// An engine for `network` on the CPU.
    pub fn new(network: Arc<Graph>) -> Self {
        Self { network }
    }

    /// The network it runs.
    pub fn network(&self) -> &Arc<Graph> {
        &self.network
    }

    /// The logits of `inputs` `[rows, inputs]` over the view's answering units, in evaluation
    /// mode. Buffers do not move.
    ///
    /// # Errors
    ///
    /// When the view does not fit the network.
    pub fn logits(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        view: &View,
        inputs: &[f32],
        rows: usize,
    ) -> Result<Logits, EngineError> {
        self.logits_of(workspace, model, view, slice(inputs, rows))
    }

    /// The same of rows that are read one by one, on all threads, and to the same bits on any number of
    /// them.
    pub(crate) fn logits_of(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        view: &View,
        rows: Rows<impl Fn(usize, &mut Vec<f32>) + Sync>,
    ) -> Result<Logits, EngineError> {
        let heads = heads_of(model, view, [&view.answer]);
        let values = self.evaluate(workspace, model, (view, &heads), Output::Logits, rows)?;
        let units = heads.iter().map(|&head| model.heads[head].units.clone()).collect();
        Ok(Logits { values, columns: Columns::new(units) })
    }

    /// What the heads read of `inputs` `[rows, inputs]`: the values of the last layer before them, in
    /// evaluation mode. `[rows, features]`
    ///
    /// # Errors
    ///
    /// As [`logits`](Self::logits).
    pub fn features(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        view: &View,
        inputs: &[f32],
        rows: usize,
    ) -> Result<Vec<f32>, EngineError> {
        self.features_of(workspace, model, view, slice(inputs, rows))
    }

    /// The same of rows that are read one by one.
    pub(crate) fn features_of(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        view: &View,
        rows: Rows<impl Fn(usize, &mut Vec<f32>) + Sync>,
    ) -> Result<Vec<f32>, EngineError> {
        self.evaluate(workspace, model, (view, &[]), Output::Features, rows)
    }

    /// The values of an output, row after row: as many rows a thread, a chunk at a time.
    fn evaluate(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        (view, heads): (&View, &[usize]),
        output: Output,
        rows: Rows<impl Fn(usize, &mut Vec<f32>) + Sync>,
    ) -> Result<Vec<f32>, EngineError> {
        let Workspace { executables, weights, traces, .. } = workspace;
        let executable = executables.of(&self.network, model, view)?;
        load(executable, model, view, weights);
        let width = match output {
            Output::Logits => executable.columns(heads).len(),
            Output::Features => executable.width(),
        };
        let Rows { count, read } = rows;
        let mut values = vec![0.0; count * width];
        let answer = |first: usize, out: &mut [f32], trace: &mut Trace| {
            for (first, out) in (first..).step_by(CHUNK).zip(out.chunks_mut((CHUNK * width).max(1)))
            {
                let rows = out.len() / width;
                trace.input.clear();
                (first..first + rows).for_each(|row| read(row, &mut trace.input));
                let mut run = Run {
                    theta: &model.theta,
                    weights,
                    buffers: Buffers::Fixed(&model.buffers),
                    heads,
                    key: None,
                    keeps: false,
                    cached: None,
                };
                match output {
                    Output::Logits => {
                        executable.forward(rows, &mut run, trace);
                        out.copy_from_slice(&trace.logits);
                    }
                    Output::Features => {
                        executable.forward_features(rows, &mut run, trace);
                        out.copy_from_slice(trace.features(executable));
                    }
                }
            }
        };
        let threads = rayon::current_num_threads();
        let each = count.div_ceil(CHUNK).div_ceil(threads).max(1) * CHUNK;
        traces.resize_with(count.div_ceil(each).max(traces.len()), Trace::default);
        let parts = values.chunks_mut((each * width).max(1)).zip(traces);
        let parts = (0..).step_by(each).zip(parts);
        if count <= each {
            parts.for_each(|(first, (out, trace))| answer(first, out, trace));
        } else {
            rayon::scope(|scope| {
                for (first, (out, trace)) in parts {
                    scope.spawn(move |_| answer(first, out, trace));
                }
            });
        }
        Ok(values)
    }

    /// The summed loss of `passes` at the model's weights, all in evaluation mode.
    ///
    /// # Errors
    ///
    /// When a pass asks for what the view has not.
    pub fn loss(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        view: &View,
        passes: &[Pass],
    ) -> Result<f64, EngineError> {
        let named = passes.iter().flat_map(|pass| pass.terms.iter().map(|term| &term.active));
        let heads = &heads_of(model, view, named)[..];
        let Workspace { executables, weights, trace, .. } = workspace;
        let executable = executables.of(&self.network, model, view)?;
        load(executable, model, view, weights);
        let columns = executable.columns(heads);
        let mut loss = 0.0;
        for pass in passes.iter().filter(|pass| pass.counts()) {
            trace.input.clone_from(&pass.inputs);
            let buffers = Buffers::Fixed(&model.buffers);
            let (theta, key, keeps) = (&model.theta, None, true);
            let mut run = Run { theta, weights, buffers, heads, key, keeps, cached: None };
            executable.forward(pass.rows, &mut run, trace);
            loss += pass.loss(&trace.logits, &columns, &mut trace.logits_gradient)?;
        }
        Ok(loss)
    }

    /// Adds up the loss of `passes` and writes its gradient at the view's effective weights
    /// into `gradient` (over θ). Of `gradient`, only the returned slots are touched: those
    /// that take part in these passes and are neither frozen whole nor an older column's. A head
    /// takes part when a term names one of its units. Running statistics of training passes move
    /// in `model`.
    ///
    /// # Errors
    ///
    /// When a pass asks for what the view has not; nothing moved then.
    pub fn gradient(
        &self,
        workspace: &mut Workspace,
        model: &mut Model,
        (view, frozen): (&View, &Frozen),
        passes: Vec<Pass>,
        gradient: &mut Vector,
    ) -> Result<(Computed, Vec<SlotId>), EngineError> {
        let passes: Vec<Pass> = passes.into_iter().filter(Pass::counts).collect();
        let named = passes.iter().flat_map(|pass| pass.terms.iter().map(|term| &term.active));
        let heads = &heads_of(model, view, named)[..];
        let Workspace { executables, weights, trace, key, .. } = workspace;
        let executable = executables.of(&self.network, model, view)?;
        let columns = executable.columns(heads);
        passes.iter().try_for_each(|pass| pass.check(&columns))?;
        load(executable, model, view, weights);
        let moves = |slot: &SlotId| !frozen.slots.contains(slot);
        let layout = &model.layout;
        let places = |slot: SlotId| moves(&slot).then(|| layout.slot(slot).offset);
        let mut computed = Computed::default();
        for mut pass in passes {
            trace.input = std::mem::take(&mut pass.inputs);
            let trains = pass.mode == Mode::Train;
            let buffers = match trains && view.statistics == Statistics::Learn {
                true => Buffers::Learn(&mut model.buffers),
                false => Buffers::Fixed(&model.buffers),
            };
            let number = computed.logits.len() as u64;
            let key = key.filter(|_| trains).map(|key| key.wrapping_add(number));
            let theta = &model.theta;
            let mut run = Run { theta, weights, buffers, heads, key, keeps: true, cached: None };
            executable.forward(pass.rows, &mut run, trace);
            computed.loss += pass.loss(&trace.logits, &columns, &mut trace.logits_gradient)?;
            let logits = Logits { values: trace.logits.clone(), columns: columns.clone() };
            computed.logits.push(logits);
            let (values, add) = (&mut gradient[..], number > 0);
            let mut gradients = Gradients { layout, values, places: &places, add };
            executable.backward(&run, trace, &mut gradients);
        }
        let mut active = Vec::new();
        if !computed.logits.is_empty() {
            active = executable.slots(heads);
            active.retain(moves);
        }
        Ok((computed, active))
    }
}

/// Loads the weights of a view.
fn load(executable: &Executable, model: &Model, view: &View, weights: &mut Weights) {
    executable.load(&model.layout, &model.theta, view.keep.as_deref(), weights);
}

/// Rows `[rows, inputs]` one by one.
fn slice(inputs: &[f32], count: usize) -> Rows<impl Fn(usize, &mut Vec<f32>) + Sync + '_> {
    let width = inputs.len() / count.max(1);
    let read = move |row: usize, to: &mut Vec<f32>| {
        to.extend_from_slice(&inputs[row * width..(row + 1) * width]);
    };
    Rows { count, read }
}

/// The view's heads that make any of these units, ascending.
pub(crate) fn heads_of<'a>(
    model: &Model,
    view: &View,
    units: impl IntoIterator<Item = &'a Range<usize>>,
) -> Vec<usize> {
    let mut needed = BTreeSet::new();
    for units in units {
        needed.extend(view.heads.iter().copied().filter(|&head| {
            let own = &model.heads[head].units;
            own.start < units.end && units.start < own.end
        }));
    }
    needed.into_iter().collect()
}
