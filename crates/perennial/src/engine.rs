//! From θ to logits and back: the one place that talks to the tensor library.

pub(crate) mod moments;
pub(crate) mod packed;
mod trunks;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use self::packed::PackedGradients;
use self::trunks::Rows;
use crate::SlotId;
use crate::model::{Model, View};
use crate::network::dense::{Dense, Factors, Group, Work};
use crate::network::{Network, Stage};
use crate::vector::{Mask, Vector};
use perennial_nn::loss::{Columns, Mode, ObjectiveError, Pass};

/// Rows that are answered at once, at most. Matrix products of at most 64 rows and 64 columns sum
/// in another order than larger ones, so with more rows an answer would depend on its batch.
const CHUNK: usize = 64;
/// Rows of a dense network that are answered at once, at least. Products of a few rows and a few
/// units take a kernel that sums over more than 512 inputs in another order than larger ones.
const LEAST: usize = 8;

/// Runs a network on a device.
#[derive(Clone)]
pub struct Engine {
    network: Arc<dyn Network>,
    stages: Vec<Stage>,
    trunk: usize,
    plain: Device,
    tracked: Device,
    /// Scratch of dense networks; nothing in it outlives a call.
    work: RefCell<Work>,
    /// The same of each thread.
    pub(crate) works: RefCell<Vec<Work>>,
    /// Of memories.
    pub(crate) recalled: RefCell<PackedGradients>,
}

/// Whose values a pass without gradients is for.
#[derive(Clone, Copy)]
enum Layer {
    /// The heads': logits.
    Head,
    /// The trunk's last: features.
    Trunk,
}

/// What a gradient was made from, to be asked about and to be used again.
#[derive(Default)]
pub(crate) struct Passed {
    work: Work,
    /// The network that `work` is of; `None` but after a single pass over slices.
    dense: Option<Dense>,
}

impl Passed {
    /// Its scratch, to be used again.
    fn again(&mut self) -> &mut Work {
        if let Some(dense) = self.dense.take() {
            self.work.joined = dense.scratch();
        }
        &mut self.work
    }

    /// The gradient in factors; `None` where it is not to be had from a single pass of few rows.
    pub(crate) fn factors(&self) -> Option<Factors> {
        Factors::of(self.dense.as_ref()?, &self.work)
    }
}

impl std::fmt::Debug for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passed").finish_non_exhaustive()
    }
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
    /// Slots held whole: they are no leaves of the graph and have no gradient, move or
    /// optimiser state.
    pub slots: BTreeSet<SlotId>,
    /// Over θ: weights it says yes of do not move; they do have a gradient.
    pub mask: Option<Arc<Mask>>,
}

impl Engine {
    /// An engine for `network` on the CPU.
    pub fn new(network: Arc<dyn Network>) -> Self {
        let plain = Device::flex();
        let (stages, trunk) = (network.stages(), network.parameters().len());
        let tracked = plain.clone().autodiff();
        let (work, works, recalled) = Default::default();
        Self { stages, trunk, tracked, plain, work, works, recalled, network }
    }

    /// Lets the scratch go that is as large as a memory: a copy of it needs the room. The
    /// next pass over the memory makes it anew.
    pub(crate) fn let_go(&self) {
        self.recalled.take();
    }

    /// The network it runs.
    pub fn network(&self) -> &Arc<dyn Network> {
        &self.network
    }

    /// The view as layers over slices; `None` when it is no plain dense network.
    fn dense(&self, model: &Model, view: &View, heads: &[usize]) -> Option<Dense> {
        let joined = &mut self.work.borrow_mut().joined;
        Dense::of(self.network.as_ref(), model, view, heads, joined)
    }

    /// The logits of `inputs` `[rows, inputs]` over the view's answering units, in evaluation
    /// mode. Buffers do not move.
    pub fn logits(&self, model: &Model, view: &View, inputs: &[f32], rows: usize) -> Logits {
        let width = inputs.len() / rows.max(1);
        let read = |row, to: &mut Vec<f32>| {
            to.extend_from_slice(&inputs[row * width..(row + 1) * width]);
        };
        self.logits_of(model, view, rows, read)
    }

    /// The same of rows that `read(row, to)` appends to what it is given. A plain dense network
    /// answers on all threads, and to the same bits on any number of them.
    pub fn logits_of(
        &self,
        model: &Model,
        view: &View,
        rows: usize,
        read: impl Fn(usize, &mut Vec<f32>) + Sync,
    ) -> Logits {
        let heads = heads_of(model, view, [&view.answer]);
        let (values, columns) = self.evaluate(model, view, &heads, Layer::Head, rows, read);
        Logits { values, columns }
    }

    /// What the heads read of `inputs` `[rows, inputs]`: the values of the last layer before them, in
    /// evaluation mode. `[rows, features]`
    pub fn features(&self, model: &Model, view: &View, inputs: &[f32], rows: usize) -> Vec<f32> {
        let width = inputs.len() / rows.max(1);
        self.features_of(model, view, rows, |row, to| {
            to.extend_from_slice(&inputs[row * width..(row + 1) * width]);
        })
    }

    /// The same of rows that `read(row, to)` appends to what it is given.
    pub(crate) fn features_of(
        &self,
        model: &Model,
        view: &View,
        rows: usize,
        read: impl Fn(usize, &mut Vec<f32>) + Sync,
    ) -> Vec<f32> {
        self.evaluate(model, view, &[], Layer::Trunk, rows, read).0
    }

    /// The values of a layer, row after row, and which unit each column of `heads` is.
    fn evaluate(
        &self,
        model: &Model,
        view: &View,
        heads: &[usize],
        layer: Layer,
        rows: usize,
        read: impl Fn(usize, &mut Vec<f32>) + Sync,
    ) -> (Vec<f32>, Columns) {
        if let Some(dense) = self.dense(model, view, heads) {
            let values = self.evaluate_dense(&dense, model, layer, rows, read);
            let columns = dense.columns.clone();
            self.work.borrow_mut().joined = dense.scratch();
            return (values, columns);
        }
        let loaded = self.load(model, view, heads, |_| false, &self.plain);
        let mut buffers = model.buffers.clone();
        let mut values = Vec::new();
        for first in (0..rows).step_by(CHUNK) {
            let rows = rows.min(first + CHUNK) - first;
            let mut inputs = Vec::new();
            (first..first + rows).for_each(|row| read(row, &mut inputs));
            let pass = Rows { inputs, rows, mode: Mode::Evaluate };
            let found = match layer {
                Layer::Head => self.forward(&loaded, model, view, &mut buffers, pass),
                Layer::Trunk => self.trunk(&loaded, model, view, &mut buffers, pass).features,
            };
            let end = values.len() + rows * found.dims()[1];
            values.extend(floats(found.into_data()));
            values.truncate(end); // a single row was computed as two
        }
        (values, loaded.columns)
    }

    /// [`evaluate`](Self::evaluate) over slices: as many rows a thread, and each thread's a chunk at
    /// a time.
    fn evaluate_dense(
        &self,
        dense: &Dense,
        model: &Model,
        layer: Layer,
        rows: usize,
        read: impl Fn(usize, &mut Vec<f32>) + Sync,
    ) -> Vec<f32> {
        let units = match layer {
            Layer::Head => dense.columns.len(),
            Layer::Trunk => self.network.features(),
        };
        let mut values = vec![0.0; rows * units];
        let answer = |first: usize, out: &mut [f32], work: &mut Work| {
            for (first, out) in (first..).step_by(CHUNK).zip(out.chunks_mut((CHUNK * units).max(1)))
            {
                let rows = out.len() / units;
                work.inputs.clear();
                (first..first + rows).for_each(|row| read(row, &mut work.inputs));
                let padded = work.inputs.len() / rows * rows.max(LEAST);
                work.inputs.resize(padded, 0.0);
                dense.forward(&model.theta, (rows.max(LEAST), None), work);
                let found = match layer {
                    Layer::Head => &work.logits,
                    Layer::Trunk => work.features(),
                };
                out.copy_from_slice(&found[..out.len()]);
            }
        };
        let each = rows.div_ceil(CHUNK).div_ceil(rayon::current_num_threads()).max(1) * CHUNK;
        let works = &mut *self.works.borrow_mut();
        works.resize_with(rows.div_ceil(each).max(works.len()), Work::default);
        let parts = values.chunks_mut((each * units).max(1)).zip(works);
        let parts = (0..).step_by(each).zip(parts);
        if rows <= each {
            parts.for_each(|(first, (out, work))| answer(first, out, work));
        } else {
            rayon::scope(|scope| {
                for (first, (out, work)) in parts {
                    scope.spawn(move |_| answer(first, out, work));
                }
            });
        }
        values
    }

    /// The summed loss of `passes` at the model's weights, all in evaluation mode.
    ///
    /// # Errors
    ///
    /// When a pass asks for what the view has not.
    pub fn loss(&self, model: &Model, view: &View, passes: &[Pass]) -> Result<f64, ObjectiveError> {
        let named = passes.iter().flat_map(|pass| pass.terms.iter().map(|term| &term.active));
        let heads = heads_of(model, view, named);
        let passes = passes.iter().filter(|pass| pass.counts());
        let mut loss = 0.0;
        if let Some(dense) = self.dense(model, view, &heads) {
            let work = &mut *self.work.borrow_mut();
            for pass in passes {
                work.inputs.clone_from(&pass.inputs);
                dense.forward(&model.theta, (pass.rows, None), work);
                loss += pass.loss(&work.logits, &dense.columns, &mut work.slope)?;
            }
            work.joined = dense.scratch();
            return Ok(loss);
        }
        let loaded = self.load(model, view, &heads, |_| false, &self.plain);
        let mut buffers = model.buffers.clone();
        for pass in passes {
            let (inputs, rows) = (pass.inputs.clone(), pass.rows);
            let rows = Rows { inputs, rows, mode: Mode::Evaluate };
            let logits = self.forward(&loaded, model, view, &mut buffers, rows);
            let values = floats(logits.into_data());
            loss += pass.loss(&values, &loaded.columns, &mut vec![0.0; values.len()])?;
        }
        Ok(loss)
    }

    /// Adds up the loss of `passes` and writes its gradient at the view's effective weights
    /// into `gradient` (over θ). Of `gradient`, only the returned ranges are touched: the slots
    /// that take part in these passes and are neither frozen whole nor an older trunk's. A head
    /// takes part when a term names one of its units. Running statistics of training passes move
    /// in `model`. A plain dense network runs over slices, every other one through autodiff.
    ///
    /// # Errors
    ///
    /// When a pass asks for what the view has not.
    pub fn gradient(
        &self,
        model: &mut Model,
        view: &View,
        frozen: &Frozen,
        passes: Vec<Pass>,
        gradient: &mut Vector,
    ) -> Result<(Computed, Vec<SlotId>), ObjectiveError> {
        let passed = &mut Passed { work: self.work.take(), dense: None };
        let found = self.passed_gradient(model, (view, frozen), passes, gradient, passed);
        self.work.replace(std::mem::take(passed.again()));
        found
    }

    /// [`gradient`](Self::gradient), and what it was made from.
    pub(crate) fn passed_gradient(
        &self,
        model: &mut Model,
        (view, frozen): (&View, &Frozen),
        passes: Vec<Pass>,
        gradient: &mut Vector,
        passed: &mut Passed,
    ) -> Result<(Computed, Vec<SlotId>), ObjectiveError> {
        let passes: Vec<Pass> = passes.into_iter().filter(Pass::counts).collect();
        let named = passes.iter().flat_map(|pass| pass.terms.iter().map(|term| &term.active));
        let heads = heads_of(model, view, named);
        let joined = &mut passed.again().joined;
        match Dense::of(self.network.as_ref(), model, view, &heads, joined) {
            Some(dense) => dense_gradient(dense, model, frozen, passes, gradient, passed),
            None => self.tracked_gradient(model, (view, &heads), frozen, passes, gradient),
        }
    }

    /// [`gradient`](Self::gradient) through autodiff: the general path, and the oracle of the
    /// other one.
    pub(crate) fn tracked_gradient(
        &self,
        model: &mut Model,
        (view, heads): (&View, &[usize]),
        frozen: &Frozen,
        passes: Vec<Pass>,
        gradient: &mut Vector,
    ) -> Result<(Computed, Vec<SlotId>), ObjectiveError> {
        let track = |slot| !frozen.slots.contains(&slot);
        let mut loaded = self.load(model, view, heads, track, &self.tracked);
        let mut buffers = model.buffers.clone(); // kept only when every pass went well
        let mut computed = Computed::default();
        // Σ logits · ∂loss/∂logits has, as a function of the weights, the loss's gradient.
        let mut surrogate: Option<Tensor<1>> = None;
        for mut pass in passes {
            let (inputs, rows) = (std::mem::take(&mut pass.inputs), pass.rows);
            let asked = Rows { inputs, rows, mode: pass.mode };
            let logits = self.forward(&loaded, model, view, &mut buffers, asked);
            let [padded_rows, units] = logits.dims();
            let values = floats(logits.clone().inner().into_data());
            let mut slope = vec![0.0; padded_rows * units];
            computed.loss += pass.loss(&values, &loaded.columns, &mut slope)?;
            let slope = TensorData::new(slope, [padded_rows, units]);
            let part = (logits * Tensor::from_data(slope, &self.tracked)).sum();
            surrogate = Some(match surrogate {
                Some(sum) => sum + part,
                None => part,
            });
            let mut values = values;
            values.truncate(rows * units);
            computed.logits.push(Logits { values, columns: loaded.columns.clone() });
        }
        model.buffers = buffers;
        let mut active = Vec::new();
        if let Some(surrogate) = surrogate.filter(Tensor::is_tracked) {
            let mut found = surrogate.backward();
            for (of, index, grid) in std::mem::take(&mut loaded.tracked) {
                let data = loaded.part(of).take_gradient(index, &mut found);
                let values = data.as_ref().and_then(|data| data.as_slice::<f32>().ok());
                grid.runs(&model.layout, |slot, joined, flat| match values {
                    _ if !track(slot) => {}
                    Some(values) => gradient[flat].copy_from_slice(&values[joined]),
                    None => gradient[flat].fill(0.0), // the loss does not depend on it
                });
                active.extend(grid.blocks.iter().copied().filter(|&slot| track(slot)));
            }
        }
        active.sort_unstable();
        Ok((computed, active))
    }
}

/// [`Engine::gradient`] over slices.
fn dense_gradient(
    dense: Dense,
    model: &Model,
    frozen: &Frozen,
    passes: Vec<Pass>,
    gradient: &mut Vector,
    passed: &mut Passed,
) -> Result<(Computed, Vec<SlotId>), ObjectiveError> {
    let moves = |slot: &SlotId| !frozen.slots.contains(slot);
    let place = |slot| moves(&slot).then(|| model.layout.slot(slot).offset);
    let mut computed = Computed::default();
    let work = &mut passed.work;
    let alone = passes.len() == 1;
    for mut pass in passes {
        work.inputs = std::mem::take(&mut pass.inputs);
        dense.forward(&model.theta, (pass.rows, None), work);
        let Work { logits, slope, .. } = work;
        computed.loss += pass.loss(logits, &dense.columns, slope)?;
        let add = !computed.logits.is_empty();
        let (values, columns) = (logits.clone(), dense.columns.clone());
        computed.logits.push(Logits { values, columns });
        let mut groups = [Group { rows: 0..pass.rows, gradient, add }];
        dense.deltas(&model.theta, pass.rows, work, place);
        let (theta, rows) = (&model.theta, (pass.rows, None));
        dense.gradients(&model.layout, theta, rows, work, &mut groups, place);
    }
    let mut active = Vec::new();
    if !computed.logits.is_empty() {
        active.extend(dense.slots().filter(moves));
        active.sort_unstable();
    }
    if alone {
        passed.dense = Some(dense);
    } else {
        work.joined = dense.scratch();
    }
    Ok((computed, active))
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

/// The numbers of a tensor's data.
pub(crate) fn floats(data: TensorData) -> Vec<f32> {
    data.try_into_vec::<f32>().expect("every float tensor of ours is made of f32")
}
