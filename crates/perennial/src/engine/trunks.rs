//! A view on a device: its weights as leaves, and the forward pass over its trunks.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::Engine;
use crate::Grid;
use crate::SlotId;
use crate::model::{Column, Model, Statistics, View};
use crate::network::{Activation, Normaliser, Weights};
use crate::vector::Vector;
use perennial_nn::loss::{Columns, Mode};

/// The weights of a view on a device, and where each came from.
pub(super) struct Loaded {
    /// The trunks: older ones first, the view's own last.
    trunks: Vec<Trunk>,
    pub(super) head: Weights,
    pub(super) columns: Columns,
    device: Device,
    /// For each tracked parameter: what it is of, its index there, and its place in θ.
    pub(super) tracked: Vec<(Of, usize, Grid)>,
    /// The places of the others in θ, likewise.
    pub(super) untracked: Vec<(Of, usize, Grid)>,
}

/// The weights of one trunk and of what it receives from older ones.
#[derive(Default)]
pub(super) struct Trunk {
    weights: Weights,
    /// By place: the stages, and the output.
    laterals: Vec<Weights>,
}

/// What a parameter is of: a trunk (by its index), a lateral (by trunk and place), or the head.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Trunk(usize),
    Lateral(usize, usize),
    Head,
}

impl Loaded {
    pub(super) fn part(&mut self, of: Of) -> &mut Weights {
        match of {
            Of::Trunk(trunk) => &mut self.trunks[trunk].weights,
            Of::Lateral(trunk, place) => &mut self.trunks[trunk].laterals[place],
            Of::Head => &mut self.head,
        }
    }
}

/// The inputs of one forward pass.
pub(super) struct Rows {
    /// `[rows, inputs]`, row-major.
    pub(super) inputs: Vec<f32>,
    /// At least one.
    pub(super) rows: usize,
    pub(super) mode: Mode,
}

/// What a pass over the trunks of a view found.
pub(super) struct TrunkOutput {
    /// What the heads read. `[rows or 2, features]`
    pub(super) features: Tensor<2>,
    /// What each place of each older trunk read.
    older: Vec<Vec<Activation>>,
}

impl Engine {
    /// One forward pass; `[rows or 2, units]`.
    pub(super) fn forward(
        &self,
        loaded: &Loaded,
        model: &Model,
        view: &View,
        buffers: &mut Vector,
        rows: Rows,
    ) -> Tensor<2> {
        let TrunkOutput { features, older } = self.trunk(loaded, model, view, buffers, rows);
        let logits = loaded.head.dense(0, features);
        let own = &loaded.trunks[view.older.len()];
        let (place, units) = (self.stages.len(), [loaded.columns.len()]);
        match received(&view.column, own, &older, place, &units) {
            Some(lateral) => logits + lateral.flat(),
            None => logits,
        }
    }

    /// One forward pass up to the heads.
    pub(super) fn trunk(
        &self,
        loaded: &Loaded,
        model: &Model,
        view: &View,
        buffers: &mut Vector,
        Rows { mut inputs, rows, mode }: Rows,
    ) -> TrunkOutput {
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
        let features = read.pop().and_then(|mut reads| reads.pop()).map(Activation::flat);
        TrunkOutput { features: features.unwrap_or(inputs), older: read }
    }

    /// Copies the view's weights, kept ones only, to leaves on `device`.
    pub(super) fn load(
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
        let held = view.older.len();
        let mut push = |weights: &mut Weights, of: Of, grid: Grid| {
            let shape = grid.shape(&model.layout);
            let mut values = vec![0.0; grid.len(&model.layout)];
            grid.write_effective(&model.layout, &model.theta, view.keep.as_deref(), &mut values);
            let older = matches!(of, Of::Trunk(trunk) | Of::Lateral(trunk, _) if trunk < held);
            let leaf = !older && grid.blocks.iter().any(|&slot| track(slot));
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
        if !heads.is_empty() {
            push(&mut head, Of::Head, head_weight);
            push(&mut head, Of::Head, head_bias);
        }
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
