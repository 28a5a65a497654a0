//! From a graph and a view to layers with shapes and places.

use super::{Executable, HeadNode, Node, Parameter};
use crate::graph::{Graph, GraphError};
use crate::layer::{Layer, LinearOp, Shapes};
use crate::params::{Grid, Init, Layout, Slot, SlotId};
use crate::view::{Column, Head, View};

/// An executable in the making.
pub(super) struct Builder<'a> {
    pub(super) graph: &'a Graph,
    pub(super) layout: &'a Layout,
    pub(super) executable: Executable,
}

/// Where the parameters and buffers of a layer lie.
#[derive(Default)]
pub(super) struct Lies {
    pub(super) parameters: Vec<Grid>,
    pub(super) buffers: Vec<std::ops::Range<usize>>,
    /// Whether it belongs to the column in training.
    pub(super) own: bool,
}

impl Executable {
    /// The layers of a view of `graph`. Parameters lie in θ as `layout` says, buffers as `buffers` says;
    /// `heads` are all heads there are.
    ///
    /// # Errors
    ///
    /// When the view's slots do not fit the graph: a layer's name, what it found and what it needs.
    pub fn new(
        graph: &Graph,
        layout: &Layout,
        buffers: &Layout,
        view: &View,
        heads: &[Head],
    ) -> Result<Self, GraphError> {
        let executable = Self {
            nodes: Vec::new(),
            heads: Vec::new(),
            parameters: Vec::new(),
            input: graph.input().to_vec(),
            features: 0,
            received: None,
            readers: Vec::new(),
            slots: Vec::new(),
            buffer_slots: Vec::new(),
        };
        let mut builder = Builder { graph, layout, executable };
        let mut columns: Vec<Vec<usize>> = Vec::with_capacity(view.older.len() + 1);
        for (column, own) in
            view.older.iter().map(|older| (older, false)).chain([(&view.column, true)])
        {
            let reads = builder.column(column, buffers, &columns, own)?;
            columns.push(reads);
        }
        let features = columns.pop().and_then(|reads| reads.last().copied()).unwrap_or(0);
        builder.executable.features = features;
        builder.heads(view, heads)?;
        if let Some(Some(lateral)) = view.column.laterals.last() {
            let units: usize = builder.executable.heads.iter().map(|head| head.units.len()).sum();
            let from: Vec<usize> =
                columns.iter().filter_map(|reads| reads.last().copied()).collect();
            let parts = builder.receive(lateral, &from, &[units], true)?;
            builder.executable.received = Some(builder.sum(&parts)?);
        }
        builder.refuse_shared(view)?;
        let mut executable = builder.executable;
        executable.count_readers();
        let blocks = executable.parameters.iter().flat_map(|parameter| &parameter.grid.blocks);
        let slot =
            |&id: &SlotId| (id, Slot { init: Init::Constant(0.0), ..layout.slot(id).clone() });
        executable.slots = blocks.map(slot).collect();
        let columns = view.older.iter().chain([&view.column]);
        let ids = columns.flat_map(|column| column.buffers.iter().copied());
        executable.buffer_slots = ids.map(|id| (id, buffers.slot(id).range())).collect();
        Ok(executable)
    }

    /// Counts who reads what, and finds the outputs that may be written over inputs.
    fn count_readers(&mut self) {
        let mut readers = vec![0; self.nodes.len() + 1];
        for &value in self.nodes.iter().flat_map(|node| &node.inputs) {
            readers[value] += 1;
        }
        readers[self.features] += 1;
        if let Some(value) = self.received {
            readers[value] += 1;
        }
        for i in 0..self.nodes.len() {
            let from = self.nodes[i].inputs.first().copied().unwrap_or(0);
            let kept = from == 0 || self.nodes[from - 1].op.memory().keeps_output;
            let plain = self.nodes[i].parameters.is_empty();
            self.nodes[i].overwrites =
                plain && self.nodes[i].op.memory().overwrites_input && !kept && readers[from] == 1;
        }
        self.readers = readers;
    }
}

impl Builder<'_> {
    /// Refuses a slot that serves twice: its gradient would be that of one place, and its statistics those
    /// of each place and not of their sum.
    fn refuse_shared(&self, view: &View) -> Result<(), GraphError> {
        let own = self.executable.slots(&view.heads);
        let Some(pair) = own.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
        let name = &self.layout.slot(pair[0]).name;
        let reason = format!("its weights `{name}` are used in two places; give each its own");
        Err(GraphError::Graph { network: self.graph.name().to_owned(), reason })
    }

    /// Appends the layers of a column; says the value that each stage begins with, and last the features.
    /// `older` says the same of the columns before it.
    fn column(
        &mut self,
        column: &Column,
        buffers: &Layout,
        older: &[Vec<usize>],
        own: bool,
    ) -> Result<Vec<usize>, GraphError> {
        let graph = self.graph;
        let mut values = vec![0];
        for (i, node) in graph.nodes().iter().enumerate() {
            let parameters = column.parameters.get(node.parameters.clone());
            let own_buffers = column.buffers.get(node.buffers.clone());
            let (Some(parameters), Some(own_buffers)) = (parameters, own_buffers) else {
                return Err(self.refuse(&node.name, "the view has no slots for it".into()));
            };
            let lies = Lies {
                parameters: parameters.to_vec(),
                buffers: own_buffers.iter().map(|&slot| buffers.slot(slot).range()).collect(),
                own,
            };
            let inputs: Vec<usize> = node.inputs.iter().map(|&value| values[value]).collect();
            let mut value = self.push(&node.name, node.layer.as_ref(), &inputs, lies)?;
            let place = graph.stages().iter().position(|stage| stage.value == i + 1);
            if let Some(Some(lateral)) = place.and_then(|place| column.laterals.get(place)) {
                let from: Vec<usize> = place
                    .into_iter()
                    .flat_map(|place| older.iter().map(move |o| o[place]))
                    .collect();
                let shape = self.executable.shape(value).to_vec();
                let mut parts = vec![value];
                parts.extend(self.receive(lateral, &from, &shape, own)?);
                value = self.sum(&parts)?;
                if let Some(node) = self.executable.nodes.last_mut() {
                    node.own = own;
                }
            }
            values.push(value);
        }
        let stages = graph.stages().iter().map(|stage| values[stage.reads]);
        let features = values[values.len() - 1];
        Ok(stages.chain([features]).collect())
    }

    /// Appends the heads of the view.
    fn heads(&mut self, view: &View, heads: &[Head]) -> Result<(), GraphError> {
        let features = self.executable.features;
        let inputs = self.executable.shape(features).iter().product();
        for &number in &view.heads {
            let head = &heads[number];
            let shape = head.weight.shape(self.layout);
            if shape != [inputs, head.units.len()] {
                let reason = format!(
                    "its weight has the shape {shape:?} where {inputs} features and {} units are",
                    head.units.len()
                );
                return Err(self.refuse(&format!("head {}", number + 1), reason));
            }
            let first = self.executable.parameters.len();
            self.parameter(&head.weight);
            self.parameter(&head.bias);
            self.executable.heads.push(HeadNode {
                number,
                op: LinearOp::over(inputs, head.units.len(), features == 0),
                parameters: first..self.executable.parameters.len(),
                units: head.units.clone(),
            });
        }
        Ok(())
    }

    /// Appends a layer; says the value that it makes.
    pub(super) fn push(
        &mut self,
        name: &str,
        layer: &dyn Layer,
        inputs: &[usize],
        lies: Lies,
    ) -> Result<usize, GraphError> {
        let rows: Vec<&[usize]> =
            inputs.iter().map(|&value| self.executable.shape(value)).collect();
        let shapes: Vec<Vec<usize>> =
            lies.parameters.iter().map(|grid| grid.shape(self.layout)).collect();
        let reads_data = inputs.first() == Some(&0);
        let bound = layer.bind(&Shapes { inputs: &rows, parameters: &shapes, reads_data });
        let op = bound.map_err(|reason| self.refuse(name, reason))?;
        let images = rows.iter().map(|shape| shape.len() == 3).collect();
        let first = self.executable.parameters.len();
        lies.parameters.iter().for_each(|grid| self.parameter(grid));
        self.executable.nodes.push(Node {
            name: name.into(),
            kind: layer.kind().into(),
            op,
            images,
            inputs: inputs.to_vec(),
            parameters: first..self.executable.parameters.len(),
            buffers: lies.buffers,
            own: lies.own,
            overwrites: false,
        });
        Ok(self.executable.nodes.len())
    }

    fn parameter(&mut self, grid: &Grid) {
        let slot = match grid.blocks[..] {
            [slot] => Some((slot, self.layout.slot(slot).range())),
            _ => None,
        };
        let (grid, len) = (grid.clone(), grid.len(self.layout));
        self.executable.parameters.push(Parameter { grid, len, slot });
    }

    /// The slots as parameters of a layer.
    pub(super) fn grids(slots: &[SlotId]) -> Vec<Grid> {
        slots.iter().map(|&slot| slot.into()).collect()
    }

    fn refuse(&self, layer: &str, reason: String) -> GraphError {
        let (network, layer) = (self.graph.name().to_owned(), layer.to_owned());
        GraphError::Layer { network, layer, reason }
    }
}
