//! The backward pass, layer by layer.

use std::ops::Range;

use super::{Gradients, Places, Run, Trace, lend_fixed};
use crate::executable::{Executable, Node};
use crate::layer::{Backward, Inputs, Op, Prepared, Running, Target, size};

/// What is called for every layer with wanted parameters, with their numbers among all.
pub(crate) type Sink<'a> = dyn FnMut(&Range<usize>, &dyn Op, &mut Backward<'_>) + 'a;

/// What a backward pass goes by.
#[derive(Clone, Copy)]
pub(crate) struct Back<'a> {
    pub(crate) run: &'a Run<'a>,
    /// Which values need a gradient.
    pub(crate) needed: &'a [bool],
    pub(crate) places: Places<'a>,
}

/// The gradient by an input in the making.
struct Made {
    value: usize,
    gradient: Vec<f32>,
    add: bool,
}

impl Executable {
    /// From the gradient by the logits to those by the features and by what the logits receive.
    pub(super) fn heads_back(&self, back: Back<'_>, trace: &mut Trace, sink: &mut Sink<'_>) {
        let Back { run, needed, places } = back;
        let delta = std::mem::take(&mut trace.logits_gradient);
        if let Some(received) = self.received.filter(|&value| needed[value]) {
            let mut gradient = trace.take(delta.len());
            gradient.copy_from_slice(&delta);
            trace.gradients[received] = gradient;
        }
        let units: usize = self.heads_of(run.heads).map(|head| head.units.len()).sum();
        let (rows, mut first) = (trace.rows, 0);
        for (at, head) in self.heads.iter().enumerate() {
            if !run.heads.contains(&head.number) {
                continue;
            }
            let width = head.units.len();
            let mut own = trace.take(rows * width);
            for (to, from) in own.chunks_exact_mut(width).zip(delta.chunks_exact(units)) {
                to.copy_from_slice(&from[first..first + width]);
            }
            first += width;
            let wants = self.wanted(&head.parameters, places);
            let mut made = trace.make(self, &[self.features], needed);
            let at_features = [self.features];
            let Trace { input, values, saved, scratch, .. } = &mut *trace;
            let mut call = Backward {
                rows,
                inputs: Inputs {
                    data: input,
                    values,
                    at: &at_features,
                    images: &[false],
                    cached: run.cached,
                },
                output: &[],
                parameters: run.weights.parameters(run.theta, &head.parameters),
                prepared: &Prepared::default(),
                running: Running { buffers: lend_fixed(&run.buffers), at: &[] },
                output_gradient: &mut own,
                saved: &mut saved[self.nodes.len() + at],
                scratch,
            };
            let mut target = made.first_mut().and_then(Option::as_mut).map(Made::target);
            head.op.backward(&mut call, std::slice::from_mut(&mut target));
            if wants {
                sink(&head.parameters, &head.op, &mut call);
            }
            trace.keep(made);
            trace.give(own);
        }
        trace.logits_gradient = delta;
    }

    /// Through layer number `i`, from the gradient by its output.
    pub(super) fn node_back(
        &self,
        i: usize,
        delta: &mut [f32],
        back: Back<'_>,
        trace: &mut Trace,
        sink: &mut Sink<'_>,
    ) {
        let (node, Back { run, needed, places }) = (&self.nodes[i], back);
        let mut made = match node.op.memory().passes_gradient {
            true => Vec::new(),
            false => trace.make(self, &node.inputs, needed),
        };
        let Trace { input, values, saved, scratch, rows, .. } = &mut *trace;
        let mut call = Backward {
            rows: *rows,
            inputs: Inputs {
                data: input,
                values,
                at: &node.inputs,
                images: &node.images,
                cached: run.cached,
            },
            output: &values[i + 1],
            parameters: run.weights.parameters(run.theta, &node.parameters),
            prepared: run.weights.prepared(i),
            running: Running { buffers: lend_fixed(&run.buffers), at: &node.buffers },
            output_gradient: delta,
            saved: &mut saved[i],
            scratch,
        };
        match &mut made[..] {
            [one] => node.op.backward(&mut call, &mut [one.as_mut().map(Made::target)]),
            several => {
                let targets = several.iter_mut().map(|made| made.as_mut().map(Made::target));
                let mut targets: Vec<Option<Target<'_>>> = targets.collect();
                node.op.backward(&mut call, &mut targets);
            }
        }
        if self.wanted(&node.parameters, places) {
            sink(&node.parameters, node.op.as_ref(), &mut call);
        }
        trace.keep(made);
    }

    /// Calls `sink` for every own layer and head with parameters, with what the last forward pass kept and
    /// no gradient by its output.
    pub(crate) fn each_op(&self, run: &Run<'_>, trace: &mut Trace, sink: &mut Sink<'_>) {
        let features = [self.features];
        let Trace { input, values, saved, scratch, rows, .. } = &mut *trace;
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.own);
        let nodes = nodes.map(|(i, node)| {
            (i, node.op.as_ref(), &node.parameters, &node.inputs[..], &node.images[..])
        });
        let heads =
            self.heads.iter().enumerate().filter(|(_, head)| run.heads.contains(&head.number));
        let heads = heads.map(|(i, head)| {
            let op: &dyn Op = &head.op;
            (self.nodes.len() + i, op, &head.parameters, &features[..], &[false][..])
        });
        for (i, op, parameters, at, images) in
            nodes.chain(heads).filter(|layer| !layer.2.is_empty())
        {
            let mut call = Backward {
                rows: *rows,
                inputs: Inputs { data: input, values, at, images, cached: None },
                output: &[],
                parameters: run.weights.parameters(run.theta, parameters),
                prepared: &Prepared::default(),
                running: Running { buffers: lend_fixed(&run.buffers), at: &[] },
                output_gradient: &mut [],
                saved: &mut saved[i],
                scratch,
            };
            sink(parameters, op, &mut call);
        }
    }

    /// Hands the gradient by the output of a layer that passes it on to its inputs.
    pub(super) fn pass_on(&self, node: &Node, delta: Vec<f32>, needed: &[bool], trace: &mut Trace) {
        if !node.op.memory().passes_gradient {
            return trace.give(delta);
        }
        let mut inputs = node.inputs.iter().filter(|&&value| needed[value]).peekable();
        let mut delta = Some(delta);
        while let Some(&value) = inputs.next() {
            let Some(own) = delta.take() else { return };
            let last = inputs.peek().is_none();
            if trace.gradients[value].is_empty() {
                let mut gradient = own;
                if !last {
                    let mut copy = trace.take(gradient.len());
                    copy.copy_from_slice(&gradient);
                    std::mem::swap(&mut copy, &mut gradient);
                    delta = Some(copy);
                }
                trace.gradients[value] = gradient;
            } else {
                add(&mut trace.gradients[value], &own);
                delta = Some(own);
            }
        }
        if let Some(delta) = delta {
            trace.give(delta);
        }
    }

    /// Writes or adds the gradients of a layer's parameters to where their slots have places.
    pub(super) fn write_gradients(
        &self,
        parameters: &Range<usize>,
        (op, call): (&dyn Op, &mut Backward<'_>),
        gradients: &mut Gradients<'_>,
        whole: &mut Vec<f32>,
    ) {
        let Gradients { layout, values, places, add } = gradients;
        for (index, parameter) in self.parameters[parameters.clone()].iter().enumerate() {
            if let Some((slot, _)) = parameter.slot {
                if let Some(first) = places(slot) {
                    let values = &mut values[first..first + parameter.len];
                    op.parameter_gradient(index, call, Target { values, add: *add });
                }
                continue;
            }
            if parameter.grid.blocks.iter().all(|&slot| places(slot).is_none()) {
                continue;
            }
            whole.resize(parameter.len, 0.0);
            op.parameter_gradient(index, call, Target { values: whole, add: false });
            parameter.grid.runs(layout, |slot, joined, flat| {
                let Some(first) = places(slot) else { return };
                let first = first + flat.start - layout.slot(slot).offset;
                let values = &mut values[first..first + flat.len()];
                Target { values, add: *add }.put(&whole[joined]);
            });
        }
    }
}

impl Made {
    fn target(&mut self) -> Target<'_> {
        Target { values: &mut self.gradient, add: self.add }
    }
}

impl Trace {
    /// Takes the gradient by each input that needs one, to be written or added to.
    fn make(
        &mut self,
        executable: &Executable,
        inputs: &[usize],
        needed: &[bool],
    ) -> Vec<Option<Made>> {
        let mut made = Vec::with_capacity(inputs.len());
        for &value in inputs {
            made.push(needed[value].then(|| {
                let gradient = std::mem::take(&mut self.gradients[value]);
                let add = !gradient.is_empty();
                let len = self.rows * size(executable.shape(value));
                let gradient = if add { gradient } else { self.take(len) };
                Made { value, gradient, add }
            }));
        }
        made
    }

    /// Puts them back. An input that comes twice was made twice.
    fn keep(&mut self, made: Vec<Option<Made>>) {
        for Made { value, gradient, .. } in made.into_iter().flatten() {
            if self.gradients[value].is_empty() {
                self.gradients[value] = gradient;
            } else {
                add(&mut self.gradients[value], &gradient);
                self.give(gradient);
            }
        }
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    crate::cpu::products::by_parts(to, |at, to| Target { values: to, add: true }.put(&from[at]));
}
