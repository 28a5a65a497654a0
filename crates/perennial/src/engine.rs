//! From θ to logits and back: the one place that talks to the tensor library.

pub(crate) mod moments;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use crate::layout::SlotId;
use crate::model::{Column, Grid, Model, Statistics, View};
use crate::network::dense::{Dense, Group, Work};
use crate::network::{Activation, Network, Normaliser, Stage, Weights};
use crate::objective::{Columns, Mode, ObjectiveError, Pass};
use crate::vector::{Mask, Vector};

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

/// The weights of a view on a device, and where each came from.
struct Loaded {
    /// The trunks: older ones first, the view's own last.
    trunks: Vec<Trunk>,
    head: Weights,
    columns: Columns,
    device: Device,
    /// For each tracked parameter: what it is of, its index there, and its place in θ.
    tracked: Vec<(Of, usize, Grid)>,
    /// The places of the others in θ, likewise.
    untracked: Vec<(Of, usize, Grid)>,
}

/// The weights of one trunk and of what it receives from older ones.
#[derive(Default)]
struct Trunk {
    weights: Weights,
    /// By place: the stages, and the output.
    laterals: Vec<Weights>,
}

/// What a parameter is of: a trunk (by its index), a lateral (by trunk and place), or the head.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Trunk(usize),
    Lateral(usize, usize),
    Head,
}

impl Loaded {
    fn part(&mut self, of: Of) -> &mut Weights {
        match of {
            Of::Trunk(trunk) => &mut self.trunks[trunk].weights,
            Of::Lateral(trunk, place) => &mut self.trunks[trunk].laterals[place],
            Of::Head => &mut self.head,
        }
    }
}

/// The inputs of one forward pass.
struct Rows {
    /// `[rows, inputs]`, row-major.
    inputs: Vec<f32>,
    /// At least one.
    rows: usize,
    mode: Mode,
}

impl Engine {
    /// An engine for `network` on the CPU.
    pub fn new(network: Arc<dyn Network>) -> Self {
        let plain = Device::flex();
        let (stages, trunk) = (network.stages(), network.parameters().len());
        let (tracked, work) = (plain.clone().autodiff(), RefCell::default());
        Self { stages, trunk, tracked, plain, work, network }
    }

    /// The network it runs.
    pub fn network(&self) -> &Arc<dyn Network> {
        &self.network
    }

    /// The logits of `inputs` `[rows, inputs]` over the view's answering units, in evaluation
    /// mode. Buffers do not move.
    pub fn logits(&self, model: &Model, view: &View, inputs: &[f32], rows: usize) -> Logits {
        let heads = heads_of(model, view, [&view.answer]);
        let width = inputs.len() / rows.max(1);
        if let Some(dense) = Dense::of(self.network.as_ref(), model, view, &heads) {
            let mut values = Vec::with_capacity(rows * dense.columns.len());
            let mut work = self.work.borrow_mut();
            for chunk in inputs.chunks((CHUNK * width).max(1)) {
                let rows = chunk.len() / width;
                work.inputs.clear();
                work.inputs.extend_from_slice(chunk);
                work.inputs.resize(rows.max(LEAST) * width, 0.0);
                dense.forward(&model.theta, rows.max(LEAST), &mut work);
                values.extend_from_slice(&work.logits[..rows * dense.columns.len()]);
            }
            return Logits { values, columns: dense.columns };
        }
        let loaded = self.load(model, view, &heads, |_| false, &self.plain);
        let mut buffers = model.buffers.clone();
        let mut values = Vec::with_capacity(rows * loaded.columns.len());
        for chunk in inputs.chunks((CHUNK * width).max(1)) {
            let pass =
                Rows { inputs: chunk.to_vec(), rows: chunk.len() / width, mode: Mode::Evaluate };
            let end = values.len() + pass.rows * loaded.columns.len();
            let logits = self.forward(&loaded, model, view, &mut buffers, pass);
            values.extend(floats(logits.into_data()));
            values.truncate(end); // a single row was computed as two
        }
        Logits { values, columns: loaded.columns }
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
        if let Some(dense) = Dense::of(self.network.as_ref(), model, view, &heads) {
            let work = &mut *self.work.borrow_mut();
            for pass in passes {
                work.inputs.clone_from(&pass.inputs);
                dense.forward(&model.theta, pass.rows, work);
                loss += pass.loss(&work.logits, &dense.columns, &mut work.slope)?;
            }
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
    /// that take part in these passes and are not frozen whole. A head takes part when a term
    /// names one of its units. Running statistics of training passes move in `model`. A plain
    /// dense network runs over slices, every other one through autodiff.
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
        let passes: Vec<Pass> = passes.into_iter().filter(Pass::counts).collect();
        let named = passes.iter().flat_map(|pass| pass.terms.iter().map(|term| &term.active));
        let heads = heads_of(model, view, named);
        match Dense::of(self.network.as_ref(), model, view, &heads) {
            Some(dense) => self.dense_gradient(&dense, model, frozen, passes, gradient),
            None => self.tracked_gradient(model, (view, &heads), frozen, passes, gradient),
        }
    }

    /// [`gradient`](Self::gradient) over slices.
    fn dense_gradient(
        &self,
        dense: &Dense,
        model: &Model,
        frozen: &Frozen,
        passes: Vec<Pass>,
        gradient: &mut Vector,
    ) -> Result<(Computed, Vec<SlotId>), ObjectiveError> {
        let moves = |slot: &SlotId| !frozen.slots.contains(slot);
        let place = |slot| moves(&slot).then(|| model.layout.slot(slot).offset);
        let mut computed = Computed::default();
        let work = &mut *self.work.borrow_mut();
        for mut pass in passes {
            work.inputs = std::mem::take(&mut pass.inputs);
            dense.forward(&model.theta, pass.rows, work);
            let Work { logits, slope, .. } = work;
            computed.loss += pass.loss(logits, &dense.columns, slope)?;
            let add = !computed.logits.is_empty();
            let (values, columns) = (logits.clone(), dense.columns.clone());
            computed.logits.push(Logits { values, columns });
            let mut groups = [Group { rows: 0..pass.rows, gradient, add }];
            let theta = &model.theta;
            dense.backward(&model.layout, theta, pass.rows, work, &mut groups, place);
        }
        let mut active = Vec::new();
        if !computed.logits.is_empty() {
            active.extend(dense.slots().filter(moves));
            active.sort_unstable();
        }
        Ok((computed, active))
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

    /// One forward pass; `[rows or 2, units]`.
    fn forward(
        &self,
        loaded: &Loaded,
        model: &Model,
        view: &View,
        buffers: &mut Vector,
        Rows { mut inputs, rows, mode }: Rows,
    ) -> Tensor<2> {
        let width = inputs.len() / rows;
        // A product of one row takes another kernel than one of many and rounds differently:
        // a single row is computed as two.
        let padded = rows.max(2);
        if padded != rows {
            inputs.extend_from_within(..);
        }
        let inputs =
            Tensor::<2>::from_data(TensorData::new(inputs, [padded, width]), &loaded.device);
        let learn = mode == Mode::Train && view.statistics == Statistics::Learn;
        // What each place of each trunk reads; the output reads the features.
        let mut read: Vec<Vec<Activation>> = Vec::with_capacity(loaded.trunks.len());
        let columns = view.older.iter().chain([&view.column]);
        for (column, trunk) in columns.clone().zip(&loaded.trunks) {
            let of = |&slot| model.buffer_layout.slot(slot).range();
            let slots: Vec<Range<usize>> = column.buffers.iter().map(of).collect();
            let learn = (learn && read.len() == view.older.len()).then_some(rows);
            let mut normaliser = Normaliser::new(buffers, &slots, learn, &loaded.device);
            let mut h = Activation::Flat(inputs.clone());
            if self.stages.first().is_some_and(|stage| stage.output.len() == 3) {
                h = Activation::Map(h.map(self.network.input()));
            }
            let mut reads = vec![h];
            for (place, stage) in self.stages.iter().enumerate() {
                let h = reads[place].clone();
                let lateral = received(column, trunk, &read, place, &stage.output);
                let weights = &trunk.weights;
                reads.push(self.network.forward_stage(place, weights, &mut normaliser, h, lateral));
            }
            read.push(reads);
        }
        let place = self.stages.len();
        let features = read.pop().and_then(|mut reads| reads.pop()).map(Activation::flat);
        let logits = loaded.head.dense(0, features.unwrap_or(inputs)); // [rows, units]
        let own = &loaded.trunks[view.older.len()];
        let units = [loaded.columns.len()];
        match received(&view.column, own, &read, place, &units) {
            Some(lateral) => logits + lateral.flat(),
            None => logits,
        }
    }

    /// Copies the view's weights, kept ones only, to leaves on `device`.
    fn load(
        &self,
        model: &Model,
        view: &View,
        heads: &[usize],
        track: impl Fn(SlotId) -> bool,
        device: &Device,
    ) -> Loaded {
        let head_grid = |part: fn(&crate::model::Head) -> &Grid| -> Grid {
            let grids: Vec<&Grid> = heads.iter().map(|&head| part(&model.heads[head])).collect();
            side_by_side(&grids, model)
        };
        let head_weight = head_grid(|head| &head.weight);
        let head_bias = head_grid(|head| &head.bias);
        let (mut tracked, mut untracked) = (Vec::new(), Vec::new());
        let mut push = |weights: &mut Weights, of: Of, grid: Grid| {
            let shape = grid.shape(&model.layout);
            let mut values = Vec::new();
            grid.append_effective(model, view.keep.as_deref(), &mut values);
            let leaf = grid.blocks.iter().any(|&slot| track(slot));
            weights.push(values, &shape, device, leaf);
            let places = if leaf { &mut tracked } else { &mut untracked };
            places.push((of, weights.len() - 1, grid));
        };
        let mut trunks: Vec<Trunk> = Vec::with_capacity(view.older.len() + 1);
        for (i, column) in view.older.iter().chain([&view.column]).enumerate() {
            debug_assert_eq!(column.parameters.len(), self.trunk);
            let mut trunk = Trunk::default();
            for grid in &column.parameters {
                push(&mut trunk.weights, Of::Trunk(i), grid.clone());
            }
            for (place, lateral) in column.laterals.iter().enumerate() {
                let mut weights = Weights::default();
                for &slot in lateral.iter().flat_map(|lateral| &lateral.slots) {
                    push(&mut weights, Of::Lateral(i, place), slot.into());
                }
                trunk.laterals.push(weights);
            }
            trunks.push(trunk);
        }
        let mut head = Weights::default();
        push(&mut head, Of::Head, head_weight);
        push(&mut head, Of::Head, head_bias);
        let columns =
            Columns::new(heads.iter().map(|&head| model.heads[head].units.clone()).collect());
        Loaded { trunks, head, columns, device: device.clone(), tracked, untracked }
    }
}

/// What a place receives from what the older trunks read there.
fn received(
    column: &Column,
    trunk: &Trunk,
    read: &[Vec<Activation>],
    place: usize,
    output: &[usize],
) -> Option<Activation> {
    let lateral = column.laterals.get(place)?.as_ref()?;
    lateral.receive(&trunk.laterals[place], read.iter().map(|read| &read[place]), output)
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

/// Joins grids of the same rows along their last dimension: `[rows, a] + [rows, b]` →
/// `[rows, a + b]`, or `[a] + [b]` → `[a + b]`.
fn side_by_side(grids: &[&Grid], model: &Model) -> Grid {
    let one_dimension =
        grids.first().is_some_and(|grid| model.layout.slot(grid.blocks[0]).shape.len() == 1);
    if one_dimension {
        let blocks: Vec<_> = grids.iter().flat_map(|grid| grid.blocks.clone()).collect();
        return Grid { rows: blocks.len(), blocks };
    }
    let rows = grids.iter().map(|grid| grid.rows).max().unwrap_or(1);
    let mut blocks = Vec::new();
    for row in 0..rows {
        for grid in grids {
            let columns = grid.blocks.len() / grid.rows;
            blocks.extend_from_slice(&grid.blocks[row * columns..(row + 1) * columns]);
        }
    }
    Grid { rows, blocks }
}

/// The numbers of a tensor's data.
pub(crate) fn floats(data: TensorData) -> Vec<f32> {
    data.try_into_vec::<f32>().expect("every float tensor of ours is made of f32")
}
