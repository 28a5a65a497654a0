//! Columns that share weights: a new one has its own biases, normalisation and statistics, and may
//! be wider.

use crate::Grid;
use crate::draws::Key;
use crate::model::{Column, Model};
use crate::network::{Graph, Parameter};
use crate::{Layout, SlotId};

impl Model {
    /// Appends a trunk of `network` that shares the weights (parameters of two and more
    /// dimensions) of column `from` and has the others (biases, normalisation) and running
    /// statistics of its own, which begin as those of `from`. Where `network` is wider than that
    /// column, what is new is appended: blocks of weights beside the old ones, so that the old
    /// column stays what it was. Says its index in [`columns`](Self::columns).
    pub fn append_column_over(&mut self, network: &Graph, from: usize, seed: u64) -> usize {
        let name = format!("column{}", self.columns.len() + 1);
        let Column { parameters: old, buffers: old_buffers, .. } = self.columns[from].clone();
        let mut parameters = Vec::with_capacity(old.len());
        for (parameter, old) in network.parameters().iter().zip(&old) {
            let name = format!("{name}.{}", parameter.name);
            parameters.push(if parameter.shape.len() > 1 {
                self.widened(&name, parameter, old, seed)
            } else {
                let slot = self.append(&name, &parameter.shape, parameter.init.clone(), seed);
                let mut begins = Vec::new();
                old.runs(&self.layout, |_, _, flat| begins.extend_from_slice(&self.theta[flat]));
                let first = self.layout.slot(slot).offset;
                self.theta[first..first + begins.len()].copy_from_slice(&begins);
                slot.into()
            });
        }
        let mut buffers = Vec::with_capacity(old_buffers.len());
        for (buffer, &old) in network.buffers().iter().zip(&old_buffers) {
            let name = format!("{name}.{}", buffer.name);
            let slot = self.buffer_layout.append(&name, &buffer.shape, buffer.init.clone());
            let made = self.buffer_layout.slot(slot);
            let mut generator = Key::of_seed(seed).generator(&name);
            let mut begins = made.init.draw(made.len(), &mut generator);
            let old = &self.buffers[self.buffer_layout.slot(old).range()];
            begins[..old.len()].copy_from_slice(old);
            self.buffers.append(&begins);
            buffers.push(slot);
        }
        self.columns.push(Column { parameters, buffers, laterals: Vec::new() });
        self.columns.len() - 1
    }

    /// The grid of a weight of `parameter`'s shape that has `old` in its first rows and columns;
    /// what it lacks is appended, a block to every row and every column of blocks.
    fn widened(&mut self, name: &str, parameter: &Parameter, old: &Grid, seed: u64) -> Grid {
        let [outer, inner, rest @ ..] = &parameter.shape[..] else { return old.clone() };
        let now = old.shape(&self.layout);
        let columns = old.blocks.len() / old.rows;
        let mut rows: Vec<Vec<SlotId>> = old.blocks.chunks(columns).map(<[_]>::to_vec).collect();
        let append = |model: &mut Self, outer: usize, inner: usize| {
            let shape = [&[outer, inner], rest].concat();
            let name = format!("{name}.{}", model.layout.slots().len());
            model.append(&name, &shape, parameter.init.clone(), seed)
        };
        let side = |layout: &Layout, slot, side: usize| layout.slot(slot).shape[side];
        if *inner > now[1] {
            for row in &mut rows {
                let height = side(&self.layout, row[0], 0);
                row.push(append(self, height, inner - now[1]));
            }
        }
        if *outer > now[0] {
            let widths: Vec<usize> =
                rows[0].iter().map(|&block| side(&self.layout, block, 1)).collect();
            rows.push(widths.iter().map(|&width| append(self, outer - now[0], width)).collect());
        }
        Grid { rows: rows.len(), blocks: rows.concat() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Workspace};
    use crate::network::parse;

    const INPUT: [usize; 3] = [2, 8, 8];

    fn logits(spec: &str, model: &Model, column: usize) -> Vec<u32> {
        let network = parse(spec, INPUT).unwrap();
        let inputs: Vec<f32> = (0..6 * 128).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
        let mut view = model.shared_view(0);
        view.column = model.columns[column].clone();
        view.heads = vec![column];
        view.answer = model.heads[column].units.clone();
        let workspace = &mut Workspace::default();
        let logits = Engine::new(network).logits(workspace, model, &view, &inputs, 6).unwrap();
        let bits = |row| logits.row(row, &view.answer).unwrap().iter().map(|z| z.to_bits());
        (0..6).flat_map(bits).collect()
    }

    fn begun(spec: &str) -> Model {
        let network = parse(spec, INPUT).unwrap();
        let mut model = Model::default();
        model.append_column(network.as_ref(), 1);
        model.append_head(network.features(), 3, 1);
        model.outputs.push(crate::model::Outputs {
            units: vec![0, 1, 2],
            among: crate::model::Among::Own(0..3),
        });
        for (i, value) in model.theta.iter_mut().enumerate() {
            *value += 0.01 * (i as f32).sin();
        }
        for (i, value) in model.buffers.iter_mut().enumerate() {
            *value += 0.1 + 0.1 * (i as f32).sin();
        }
        model
    }

    /// By hand: [[1, 2], [3, 4]] widened to 3×4 has the blocks [2, 2], [2, 2]; [1, 2], [1, 2].
    #[test]
    fn a_widened_weight_is_a_grid_with_the_old_one_first() {
        let mut model = Model::default();
        let init = crate::network::Init::Constant(7.0);
        let parameter = |outer, inner| Parameter::new("w", &[outer, inner], init.clone());
        let old: Grid = model.append("w", &[2, 2], init.clone(), 0).into();
        model.theta.copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        let grid = model.widened("w", &parameter(3, 4), &old, 0);
        let grid = model.widened("w", &parameter(3, 5), &grid, 0);
        let shapes: Vec<_> =
            grid.blocks.iter().map(|&block| model.layout.slot(block).shape.clone()).collect();
        assert_eq!(shapes, [[2, 2], [2, 2], [2, 1], [1, 2], [1, 2], [1, 1]]);
        assert_eq!((grid.rows, grid.shape(&model.layout)), (2, vec![3, 5]));
        let mut joined = [0.0; 15];
        grid.runs(&model.layout, |_, to, from| joined[to].copy_from_slice(&model.theta[from]));
        assert_eq!(joined[..7], [1.0, 2.0, 7.0, 7.0, 7.0, 3.0, 4.0]);
    }

    /// Catches: growth that moves an old index, shares a bias or a statistic, or forgets what an
    /// own one begins as.
    #[test]
    fn a_column_over_another_answers_alike_and_leaves_it_alone() {
        for spec in ["mlp:6x5", "cnn:4x6x10", "resnet18:2"] {
            let mut model = begun(spec);
            let network = parse(spec, INPUT).unwrap();
            let before = logits(spec, &model, 0);
            let column = model.append_column_over(network.as_ref(), 0, 1);
            let head = model.append_head(network.features(), 3, 1);
            let [from, to] =
                [0, head].map(|head| model.layout.slot(model.heads[head].weight.blocks[0]).range());
            model.theta.copy_within(from, to.start);
            let [from, to] =
                [0, head].map(|head| model.layout.slot(model.heads[head].bias.blocks[0]).range());
            model.theta.copy_within(from, to.start);
            assert_eq!(logits(spec, &model, column), before, "{spec}");
            // Its own biases and statistics are no longer those of the first.
            let Column { parameters, buffers, .. } = model.columns[column].clone();
            let own = parameters.iter().filter(|grid| grid.shape(&model.layout).len() == 1);
            let own: Vec<_> = own.map(|grid| model.layout.slot(grid.blocks[0]).range()).collect();
            own.into_iter().for_each(|range| model.theta[range].fill(0.5));
            let ranges = buffers.iter().map(|&slot| model.buffer_layout.slot(slot).range());
            let ranges: Vec<_> = ranges.collect();
            ranges.into_iter().for_each(|range| model.buffers[range].fill(0.5));
            assert_eq!(logits(spec, &model, 0), before, "{spec}");
            assert_ne!(logits(spec, &model, column), before, "{spec}");
        }
    }

    /// Catches: blocks at the wrong place (a wider net whose new weights are 0 is the old one, to
    /// rounding), growth that changes an old answer by a bit.
    #[test]
    fn a_wider_column_whose_new_weights_are_zero_is_the_old_one() {
        for spec in ["mlp:6x5", "cnn:4x6x10", "resnet18:2"] {
            let mut model = begun(spec);
            let wider = parse(spec, INPUT).unwrap().scaled(1.5).unwrap();
            let before = logits(spec, &model, 0);
            let grown = model.theta.len();
            let column = model.append_column_over(&wider, 0, 1);
            let head = model.append_head(wider.features(), 3, 1);
            assert_eq!(logits(spec, &model, 0), before, "{spec}");
            for slot in model.layout.slots().to_vec().iter().filter(|slot| slot.offset >= grown) {
                if slot.shape.len() > 1 {
                    model.theta[slot.range()].fill(0.0);
                }
            }
            let [from, to] = [0, head].map(|head| {
                let head = &model.heads[head];
                (head.weight.blocks[0], head.bias.blocks[0])
            });
            for (from, to) in [(from.0, to.0), (from.1, to.1)] {
                let from = model.layout.slot(from).range();
                model.theta.copy_within(from, model.layout.slot(to).offset);
            }
            let bits = |bits: &[u32]| bits.iter().map(|&b| f32::from_bits(b)).collect::<Vec<_>>();
            let (old, new) = (bits(&before), bits(&logits(spec, &model, column)));
            for (old, new) in old.iter().zip(&new) {
                assert!((old - new).abs() <= 1e-4 * old.abs().max(1.0), "{spec}: {old} {new}");
            }
        }
    }
}
