//! A view of θ as layers that compute: made once for as long as its structure stays.

mod build;
mod laterals;

use std::ops::Range;

use crate::layer::{Op, Parameters, Place, Prepared};
use crate::loss::Columns;
use crate::params::{Grid, Layout, Mask, Slot, SlotId};

/// The layers of a view in the order in which they are computed: those of older columns, of its own
/// column and of what it receives, and its heads.
pub struct Executable {
    pub(crate) nodes: Vec<Node>,
    pub(crate) heads: Vec<HeadNode>,
    pub(crate) parameters: Vec<Parameter>,
    /// Shape of one row of the input, as layers read it.
    pub(crate) input: Vec<usize>,
    /// The value that heads read.
    pub(crate) features: usize,
    /// The value that is added to the logits of all heads side by side.
    pub(crate) received: Option<usize>,
    /// How many layers read each value, heads included.
    pub(crate) readers: Vec<usize>,
    /// Where the slots of its parameters lie.
    slots: Vec<(SlotId, Slot)>,
    /// Where its buffers lie.
    buffer_slots: Vec<(SlotId, Range<usize>)>,
}

/// One layer.
pub(crate) struct Node {
    pub(crate) kind: String,
    pub(crate) op: Box<dyn Op>,
    /// The values it reads.
    pub(crate) inputs: Vec<usize>,
    /// Which of them are stored with their samples innermost.
    pub(crate) images: Vec<bool>,
    /// Its own of all parameters.
    pub(crate) parameters: Range<usize>,
    /// Where its running statistics lie in the buffers.
    pub(crate) buffers: Vec<Range<usize>>,
    /// Whether it belongs to the column in training, and not to an older one.
    pub(crate) own: bool,
    /// Whether its output is written over its first input.
    pub(crate) overwrites: bool,
}

/// One head.
pub(crate) struct HeadNode {
    /// Which of all heads.
    pub(crate) number: usize,
    pub(crate) op: crate::layer::LinearOp,
    pub(crate) parameters: Range<usize>,
    pub(crate) units: Range<usize>,
}

/// One parameter.
pub(crate) struct Parameter {
    pub(crate) grid: Grid,
    pub(crate) len: usize,
    /// Its slot, where it is one.
    pub(crate) slot: Option<(SlotId, Range<usize>)>,
}

/// The weights of an executable as its kernels take them: blocks joined, what the view masks 0, filters
/// in order. Loaded anew each time θ or the mask changed.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    at: Vec<Place>,
    joined: Vec<f32>,
    prepared: Vec<Prepared>,
}

impl Executable {
    /// Loads the weights of θ that `mask` does not say no of.
    pub fn load(&self, layout: &Layout, theta: &[f32], mask: Option<&Mask>, weights: &mut Weights) {
        let Weights { at, joined, prepared } = weights;
        at.clear();
        let mut end = 0;
        let masked = mask.map_or(0, Mask::len);
        for parameter in &self.parameters {
            at.push(match &parameter.slot {
                Some((_, range)) if range.start >= masked => Place::Theta(range.clone()),
                _ => {
                    end += parameter.len;
                    Place::Joined(end - parameter.len..end)
                }
            });
        }
        joined.resize(end, 0.0);
        for (parameter, at) in self.parameters.iter().zip(&*at) {
            if let Place::Joined(at) = at {
                parameter.grid.write_effective(layout, theta, mask, &mut joined[at.clone()]);
            }
        }
        prepared.resize_with(self.nodes.len(), Prepared::default);
        for (node, prepared) in self.nodes.iter().zip(prepared) {
            node.op
                .prepare(Parameters { theta, joined, at: &at[node.parameters.clone()] }, prepared);
        }
    }

    /// Numbers of a row that the layer reads and makes which alone reads the data, where that layer can
    /// compute from [`CachedRows`](crate::CachedRows).
    pub fn cached_sides(&self) -> Option<(usize, usize)> {
        self.first().and_then(|node| node.op.cached_sides())
    }

    /// The layer that alone reads the data.
    fn first(&self) -> Option<&Node> {
        let first = self.nodes.first().filter(|node| node.inputs == [0] && self.readers[0] == 1);
        first.filter(|node| node.own)
    }

    /// Arranges loaded weights for rows that were read before.
    pub fn load_for_cached(&self, theta: &[f32], weights: &mut Weights) {
        if let Some(node) = self.first().filter(|node| node.op.cached_sides().is_some()) {
            let Weights { at, joined, prepared } = weights;
            let parameters = Parameters { theta, joined, at: &at[node.parameters.clone()] };
            node.op.prepare_cached(parameters, &mut prepared[0]);
        }
    }

    /// Which unit each column of the logits of these heads is. `heads` are numbers of all heads.
    pub fn columns(&self, heads: &[usize]) -> Columns {
        Columns::new(self.heads_of(heads).map(|head| head.units.clone()).collect())
    }

    /// Its heads of these numbers, in its own order.
    pub(crate) fn heads_of<'a>(&'a self, heads: &'a [usize]) -> impl Iterator<Item = &'a HeadNode> {
        self.heads.iter().filter(|head| heads.contains(&head.number))
    }

    /// The slots of its own column, of what it receives, and of these heads.
    pub fn slots(&self, heads: &[usize]) -> Vec<SlotId> {
        let own = self.nodes.iter().filter(|node| node.own).map(|node| node.parameters.clone());
        let heads = self.heads_of(heads).map(|head| head.parameters.clone());
        let numbers = own.chain(heads).flatten();
        let mut slots: Vec<SlotId> = numbers
            .flat_map(|number| self.parameters[number].grid.blocks.iter().copied())
            .collect();
        slots.sort_unstable();
        slots
    }

    /// Whether slots and buffers lie where they lay when it was made.
    pub fn fits(&self, layout: &Layout, buffers: &Layout) -> bool {
        let lies = |(id, slot): &(SlotId, Slot)| {
            let now = layout.slots().get(id.0);
            now.is_some_and(|now| (now.offset, &now.shape) == (slot.offset, &slot.shape))
        };
        let lies_buffer = |(id, range): &(SlotId, Range<usize>)| {
            buffers.slots().get(id.0).is_some_and(|now| now.range() == *range)
        };
        self.slots.iter().all(lies) && self.buffer_slots.iter().all(lies_buffer)
    }

    /// Numbers of one row of what its heads read.
    pub fn width(&self) -> usize {
        crate::layer::size(self.shape(self.features))
    }

    /// Numbers of all values of one sample.
    pub fn numbers(&self) -> usize {
        self.nodes.iter().map(|node| crate::layer::size(node.op.output())).sum()
    }

    /// The shape of one row of a value.
    pub(crate) fn shape(&self, value: usize) -> &[usize] {
        match value.checked_sub(1) {
            Some(node) => self.nodes[node].op.output(),
            None => &self.input,
        }
    }
}

impl Weights {
    /// Some of the parameters.
    pub(crate) fn parameters<'a>(
        &'a self,
        theta: &'a [f32],
        which: &Range<usize>,
    ) -> Parameters<'a> {
        Parameters { theta, joined: &self.joined, at: &self.at[which.clone()] }
    }

    /// What the kernels of a layer take.
    pub(crate) fn prepared(&self, node: usize) -> &Prepared {
        &self.prepared[node]
    }
}
