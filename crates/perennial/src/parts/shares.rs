//! Which share of each layer belongs to which task, as tasks come: what reports draw.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::owners::Owners;
use crate::model::{Column, Model};

/// The weights of one layer: those that tasks share out. Biases and normalisation are no part.
pub struct Layer {
    /// For example `dense1`.
    pub name: String,
    /// Where they lie in θ, block by block.
    pub weights: Vec<Range<usize>>,
}

impl Layer {
    /// How many weights.
    pub fn len(&self) -> usize {
        self.weights.iter().map(Range::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The layers of a trunk: its parameters of two and more dimensions.
pub fn layers(model: &Model, column: &Column) -> Vec<Layer> {
    let weights = column.parameters.iter().filter(|grid| grid.shape(&model.layout).len() > 1);
    weights
        .map(|grid| {
            let slots = grid.blocks.iter().map(|&block| model.layout.slot(block));
            let first = &model.layout.slot(grid.blocks[0]).name;
            let name = first.split_once('.').map_or(first.as_str(), |(_, name)| name);
            Layer {
                name: name.trim_end_matches(".weight").into(),
                weights: slots.map(crate::Slot::range).collect(),
            }
        })
        .collect()
}

/// After each task, how many weights each layer has and how many the task took for good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares(Vec<Taken>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Taken {
    name: String,
    /// `[tasks]`
    weights: Vec<usize>,
    /// `[tasks]`
    owned: Vec<usize>,
}

impl Shares {
    /// Notes what `task` owns, once its training is over.
    pub fn note(&mut self, layers: &[Layer], owners: &Owners, task: usize) {
        self.0.resize_with(layers.len(), Taken::default);
        for (taken, layer) in self.0.iter_mut().zip(layers) {
            taken.name.clone_from(&layer.name);
            taken.weights.push(layer.len());
            taken.owned.push(owners.count(&layer.weights, Some(task)));
        }
    }

    /// For reports, under the kind `owners`: `[{"name", "weights": [tasks], "owned": [tasks]}]`;
    /// what nobody owns is free.
    pub fn figures(&self) -> Value {
        json!(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parse;

    #[test]
    fn layers_are_weights_by_name_and_shares_are_counted_once_a_task() {
        let network = parse("cnn:2x3x4", [1, 8, 8]).unwrap();
        let mut model = Model::default();
        model.append_column(network.as_ref(), 0);
        let layers = layers(&model, &model.columns[0]);
        let named: Vec<_> = layers.iter().map(|l| (l.name.as_str(), l.len())).collect();
        assert_eq!(named, [("conv1", 18), ("conv2", 54), ("dense", 48)]);
        let (mut owners, mut shares) = (Owners::default(), Shares::default());
        owners.extend(model.theta.len(), 0);
        owners.free(layers[0].weights[0].start + 5..layers[0].weights[0].end);
        shares.note(&layers, &owners, 0);
        owners.claim(1);
        shares.note(&layers, &owners, 1);
        let first = &shares.figures()[0];
        assert_eq!(first["owned"], json!([5, 13]));
        assert_eq!(first["weights"], json!([18, 18]));
    }
}
