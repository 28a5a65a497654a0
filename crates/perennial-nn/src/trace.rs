//! Passes through an executable: forward, backward, and what is kept between them.

mod back;

use std::ops::Range;
use std::time::Instant;

use self::back::Back;
pub(crate) use self::back::Sink;
use crate::cpu::sparse::CachedRows;
use crate::executable::{Executable, Node, Weights};
use crate::layer::{Buffers, Forward, Inputs, Op, Running, Saved, Scratch, mix, size};
use crate::params::{Layout, SlotId};
use crate::profile::Profile;

/// The matrices of one pass, reused by the next. Owned by the caller, one a thread.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// `[rows, inputs]`: what the next pass reads.
    pub input: Vec<f32>,
    /// Logits of the heads of the last pass, side by side. `[rows, units]`
    pub logits: Vec<f32>,
    /// The gradient by the logits: what [`Executable::backward`] begins with. `[rows, units]`
    pub logits_gradient: Vec<f32>,
    rows: usize,
    /// By value. Value 0 is empty where layers read `input` as it is.
    values: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    /// By node, then by head.
    saved: Vec<Saved>,
    /// Buffers that no value uses.
    free: Vec<Vec<f32>>,
    /// The gradient of a parameter of several blocks, or by the logits of one head.
    whole: Vec<f32>,
    scratch: Scratch,
    /// Seconds by kind of layer, where somebody asks for them.
    pub profile: Option<Profile>,
}

/// How a pass runs.
pub struct Run<'a> {
    /// θ.
    pub theta: &'a [f32],
    /// The weights loaded from it.
    pub weights: &'a Weights,
    /// The running statistics; those of older columns are never moved.
    pub buffers: Buffers<'a>,
    /// The numbers of the heads that the pass has, in their order.
    pub heads: &'a [usize],
    /// The key of random draws in training.
    pub key: Option<u64>,
    /// Whether the pass goes backward afterwards.
    pub keeps: bool,
    /// The rows of the pass, where they were read before: `trace.input` is not looked at then.
    pub cached: Option<&'a CachedRows>,
}

/// Where the gradient of a slot begins in a vector of gradients, if it has a place there.
pub type Places<'a> = &'a dyn Fn(SlotId) -> Option<usize>;

/// Where the gradients of a pass go.
pub struct Gradients<'a> {
    /// Where each slot lies in θ.
    pub layout: &'a Layout,
    /// The vector.
    pub values: &'a mut [f32],
    /// Where slots have their places in it.
    pub places: Places<'a>,
    /// Whether what it holds is added to.
    pub add: bool,
}

impl Trace {
    /// A buffer of so many numbers, of any value.
    fn take(&mut self, len: usize) -> Vec<f32> {
        // The smallest that is large enough, or else the largest.
        let fits = |buffer: &Vec<f32>| (buffer.capacity() < len, buffer.capacity().abs_diff(len));
        let best = (0..self.free.len()).min_by_key(|&i| fits(&self.free[i]));
        let mut buffer = best.map(|i| self.free.swap_remove(i)).unwrap_or_default();
        buffer.resize(len, 0.0);
        buffer
    }

    fn give(&mut self, buffer: Vec<f32>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }

    /// The value of what heads read in the last pass. `[rows, features]`
    pub fn features<'a>(&'a self, executable: &Executable) -> &'a [f32] {
        match executable.features {
            0 => &self.input,
            value => &self.values[value],
        }
    }

    /// Forgets the last pass and keeps its memory.
    fn reset(&mut self, nodes: usize, heads: usize) {
        self.values.resize_with(nodes + 1, Vec::new);
        self.gradients.resize_with(nodes + 1, Vec::new);
        self.saved.resize_with(nodes + heads, Saved::default);
        for value in 0..=nodes {
            let buffer = std::mem::take(&mut self.values[value]);
            self.give(buffer);
            let buffer = std::mem::take(&mut self.gradients[value]);
            self.give(buffer);
        }
    }
}

/// The buffers of a node, lent on.
fn lend<'b>(buffers: &'b mut Buffers<'_>, node: &Node) -> Buffers<'b> {
    match buffers {
        Buffers::Fixed(values) => Buffers::Fixed(values),
        Buffers::Learn(values) => match node.own {
            true => Buffers::Learn(values),
            false => Buffers::Fixed(values),
        },
    }
}

/// The same for a pass that moves none.
fn lend_fixed<'b>(buffers: &'b Buffers<'_>) -> Buffers<'b> {
    match buffers {
        Buffers::Fixed(values) => Buffers::Fixed(values),
        Buffers::Learn(values) => Buffers::Fixed(values),
    }
}

impl Executable {
    /// Computes the logits of the `rows` samples of `trace.input` into `trace.logits`, and zeros
    /// `trace.logits_gradient`.
    pub fn forward(&self, rows: usize, run: &mut Run<'_>, trace: &mut Trace) {
        self.forward_features(rows, run, trace);
        let units: usize = self.heads_of(run.heads).map(|head| head.units.len()).sum();
        trace.logits.resize(rows * units, 0.0);
        let mut logits = std::mem::take(&mut trace.logits);
        let mut first = 0;
        let since = trace.profile.as_ref().map(|_| Instant::now());
        for (at, head) in self.heads.iter().enumerate() {
            if !run.heads.contains(&head.number) {
                continue;
            }
            let width = head.units.len();
            let mut whole = std::mem::take(&mut trace.whole);
            let output = if width == units {
                &mut logits[..]
            } else {
                whole.resize(rows * width, 0.0);
                &mut whole[..]
            };
            let inputs = [self.features];
            head.op.forward(&mut Forward {
                rows,
                inputs: Inputs {
                    data: &trace.input,
                    values: &trace.values,
                    at: &inputs,
                    images: &[false],
                    cached: run.cached,
                },
                parameters: run.weights.parameters(run.theta, &head.parameters),
                prepared: &crate::layer::Prepared::default(),
                running: Running { buffers: Buffers::Fixed(&[]), at: &[] },
                key: None,
                keeps: run.keeps,
                output,
                saved: &mut trace.saved[self.nodes.len() + at],
                scratch: &mut trace.scratch,
            });
            if width != units {
                let rows = logits.chunks_exact_mut(units).zip(whole.chunks_exact(width));
                rows.for_each(|(to, from)| to[first..first + width].copy_from_slice(from));
            }
            trace.whole = whole;
            first += width;
        }
        if let Some(received) = self.received.filter(|_| units > 0) {
            logits.iter_mut().zip(&trace.values[received]).for_each(|(z, lateral)| *z += lateral);
        }
        if let (Some(since), Some(profile)) = (since, &mut trace.profile) {
            profile.add("linear", since.elapsed());
        }
        trace.logits = logits;
        trace.logits_gradient.clear();
        trace.logits_gradient.resize(rows * units, 0.0);
    }

    /// The same up to the features.
    pub fn forward_features(&self, rows: usize, run: &mut Run<'_>, trace: &mut Trace) {
        trace.reset(self.nodes.len(), self.heads.len());
        trace.rows = rows;
        if let &[_, _, _] = &self.input[..] {
            let mut planes = trace.take(rows * size(&self.input));
            let samples = crate::cpu::transpose::Matrix {
                values: &trace.input,
                rows,
                columns: size(&self.input),
            };
            crate::cpu::transpose::transpose(samples, &mut planes, rows);
            trace.values[0] = planes;
        }
        let mut left = self.readers.clone();
        for (i, node) in self.nodes.iter().enumerate() {
            let since = trace.profile.as_ref().map(|_| Instant::now());
            let len = rows * size(node.op.output());
            let mut output = match node.overwrites {
                true => std::mem::take(&mut trace.values[node.inputs[0]]),
                false => trace.take(len),
            };
            node.op.forward(&mut Forward {
                rows,
                inputs: Inputs {
                    data: &trace.input,
                    values: &trace.values,
                    at: &node.inputs,
                    images: &node.images,
                    cached: run.cached,
                },
                parameters: run.weights.parameters(run.theta, &node.parameters),
                prepared: run.weights.prepared(i),
                running: Running { buffers: lend(&mut run.buffers, node), at: &node.buffers },
                key: run.key.filter(|_| node.own).map(|key| mix(key ^ mix(i as u64))),
                keeps: run.keeps,
                output: &mut output,
                saved: &mut trace.saved[i],
                scratch: &mut trace.scratch,
            });
            trace.values[i + 1] = output;
            if let (Some(since), Some(profile)) = (since, &mut trace.profile) {
                profile.add(&node.kind, since.elapsed());
            }
            // A pass that does not go backward needs a value no more once the last layer read it.
            for &value in node.inputs.iter().filter(|_| !run.keeps) {
                left[value] -= 1;
                if left[value] == 0 {
                    let buffer = std::mem::take(&mut trace.values[value]);
                    trace.give(buffer);
                }
            }
        }
    }

    /// Which values need a gradient so that these slots get theirs.
    fn needed(&self, places: Places<'_>) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len() + 1];
        for (i, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.own) {
            let wanted = self.wanted(&node.parameters, places);
            needed[i + 1] = wanted || node.inputs.iter().any(|&value| needed[value]);
        }
        needed
    }

    /// Whether any of these parameters has a slot with a place.
    fn wanted(&self, parameters: &Range<usize>, places: Places<'_>) -> bool {
        let blocks = self.parameters[parameters.clone()].iter().flat_map(|p| &p.grid.blocks);
        blocks.into_iter().any(|&slot| places(slot).is_some())
    }

    /// The gradient of the loss whose gradient by the logits is `trace.logits_gradient`, after
    /// [`forward`](Self::forward) of the same rows with the same weights.
    pub fn backward(&self, run: &Run<'_>, trace: &mut Trace, gradients: &mut Gradients<'_>) {
        let places = gradients.places;
        let mut whole = std::mem::take(&mut trace.whole);
        self.walk_back(run, trace, places, true, &mut |parameters, op, call| {
            self.write_gradients(parameters, (op, call), gradients, &mut whole);
        });
        trace.whole = whole;
    }

    /// Goes backward and calls `sink` for every layer with wanted parameters, with their numbers, while its
    /// A and D are there. Values that are `consumed` are there no more afterwards.
    pub(crate) fn walk_back(
        &self,
        run: &Run<'_>,
        trace: &mut Trace,
        places: Places<'_>,
        consumed: bool,
        sink: &mut Sink<'_>,
    ) {
        let needed = &self.needed(places)[..];
        let back = Back { run, needed, places };
        self.heads_back(back, trace, sink);
        for (i, node) in self.nodes.iter().enumerate().rev().filter(|(i, _)| needed[i + 1]) {
            let since = trace.profile.as_ref().map(|_| Instant::now());
            let mut delta = std::mem::take(&mut trace.gradients[i + 1]);
            if delta.is_empty() {
                // No loss depends on it.
                delta = trace.take(trace.rows * size(node.op.output()));
                delta.fill(0.0);
            }
            self.node_back(i, &mut delta, back, trace, sink);
            self.pass_on(node, delta, needed, trace);
            if consumed {
                let value = std::mem::take(&mut trace.values[i + 1]);
                trace.give(value);
            }
            if let (Some(since), Some(profile)) = (since, &mut trace.profile) {
                profile.add(&node.kind, since.elapsed());
            }
        }
    }
}
