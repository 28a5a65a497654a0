//! A layer that is called as an executable calls it, by itself.

use std::ops::Range;

use rand::RngExt;

use super::{Check, Plain, generator, samples};
use crate::layer::{
    Backward, Buffers, Forward, Inputs, Op, Parameters, Place, Prepared, Running, Saved, Scratch,
    Shapes, Statistic, Target, size,
};

/// A layer with shapes, parameters and a batch.
pub(super) struct Bench {
    op: Box<dyn Op>,
    rows: usize,
    shapes: Vec<Vec<usize>>,
    images: Vec<bool>,
    /// Each input as layers store it.
    inputs: Vec<Vec<f32>>,
    /// What the last forward pass left of them.
    read: Vec<Vec<f32>>,
    theta: Vec<f32>,
    at: Vec<Place>,
    prepared: Prepared,
    buffers: Vec<f32>,
    buffers_at: Vec<Range<usize>>,
    learns: bool,
    output: Vec<f32>,
    saved: Saved,
    scratch: Scratch,
}

/// How a forward pass runs.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    pub(super) keeps: bool,
    pub(super) key: Option<u64>,
    pub(super) learns: bool,
    /// Whether the output is written over the first input.
    pub(super) overwrites: bool,
}

/// Gradients of a pass.
pub(super) struct Made {
    /// By each input, samples one after another.
    pub(super) inputs: Vec<Vec<f32>>,
    pub(super) parameters: Vec<Vec<f32>>,
}

impl Pass {
    pub(super) fn of(check: &Check<'_>) -> Self {
        Self { keeps: true, key: check.key, learns: check.learns, overwrites: false }
    }
}

impl Bench {
    pub(super) fn new(check: &Check<'_>, rows: usize) -> Result<Self, String> {
        Self::of_rows(check, 0..rows)
    }

    /// Over some rows of the samples.
    pub(super) fn of_rows(check: &Check<'_>, rows: Range<usize>) -> Result<Self, String> {
        let (layer, shapes) = (check.layer, check.inputs.clone());
        let inputs: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let (mut theta, mut at, mut own) = (Vec::new(), Vec::new(), Vec::new());
        let mut generator = generator("parameters");
        for parameter in layer.parameters(&inputs)? {
            let first = theta.len();
            let start = parameter.init.draw(size(&parameter.shape), &mut generator);
            theta.extend(start.iter().map(|x| x + generator.random_range(-0.5..0.5f32)));
            at.push(Place::Theta(first..theta.len()));
            own.push(parameter.shape);
        }
        let (mut buffers, mut buffers_at) = (Vec::new(), Vec::new());
        for buffer in layer.buffers(&inputs) {
            let first = buffers.len();
            // Positive: a variance is among them.
            buffers.extend((0..size(&buffer.shape)).map(|_| generator.random_range(0.5..1.5f32)));
            buffers_at.push(first..buffers.len());
        }
        let op = layer.bind(&Shapes {
            inputs: &inputs,
            parameters: &own,
            reads_data: check.reads_data,
        })?;
        let stored = samples(check, rows.clone());
        let stored = stored.iter().zip(&shapes).map(|(x, shape)| store(x, shape, rows.len()));
        let mut bench = Self {
            op,
            rows: rows.len(),
            images: shapes.iter().map(|shape| shape.len() == 3).collect(),
            inputs: stored.collect(),
            read: Vec::new(),
            shapes,
            theta,
            at,
            prepared: Prepared::default(),
            buffers,
            buffers_at,
            learns: false,
            output: Vec::new(),
            saved: Saved::default(),
            scratch: Scratch::default(),
        };
        bench.prepare();
        Ok(bench)
    }

    fn prepare(&mut self) {
        let parameters = Parameters { theta: &self.theta, joined: &[], at: &self.at };
        self.op.prepare(parameters, &mut self.prepared);
    }

    /// Numbers of the output of all rows.
    pub(super) fn outputs(&self) -> usize {
        self.rows * size(self.op.output())
    }

    /// The most numbers that a row of any value has.
    pub(super) fn numbers(&self) -> usize {
        let inputs = self.shapes.iter().map(|shape| size(shape));
        inputs.max().unwrap_or(0).max(size(self.op.output()))
    }

    /// Whether the output may be written over the first input: by an executable only where the layer has
    /// no parameters.
    pub(super) fn may_overwrite(&self) -> bool {
        self.op.memory().overwrites_input && self.at.is_empty()
    }

    pub(super) fn passes_gradient(&self) -> bool {
        self.op.memory().passes_gradient
    }

    /// What its definition computes from.
    pub(super) fn plain(&self) -> Plain {
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let inputs = self.inputs.iter().zip(&self.shapes);
        let parameters = Parameters { theta: &self.theta, joined: &[], at: &self.at };
        Plain {
            rows: self.rows,
            shapes: self.shapes.clone(),
            inputs: inputs.map(|(x, shape)| wide(&unstore(x, shape, self.rows))).collect(),
            parameters: (0..self.at.len()).map(|i| wide(parameters.get(i))).collect(),
            buffers: self.buffers_at.iter().map(|at| wide(&self.buffers[at.clone()])).collect(),
            learns: self.learns,
        }
    }

    /// Takes inputs and parameters from there, rounded.
    pub(super) fn set(&mut self, plain: &Plain) {
        let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
        self.theta = plain.parameters.iter().flat_map(|values| narrow(values)).collect();
        let inputs = plain.inputs.iter().zip(&self.shapes);
        self.inputs = inputs.map(|(x, shape)| store(&narrow(x), shape, self.rows)).collect();
        self.prepare();
    }

    /// The output, samples one after another. Running statistics are put back afterwards.
    pub(super) fn forward(&mut self, pass: Pass) -> Vec<f32> {
        let Self { op, rows, inputs, theta, at, buffers, buffers_at, .. } = self;
        let len = *rows * size(op.output());
        self.read.clone_from(inputs);
        // What must be written is nowhere 0 before.
        self.output = match pass.overwrites {
            true => std::mem::take(&mut self.read[0]),
            false => vec![f32::NAN; len],
        };
        spoil(&mut self.scratch);
        let indices: Vec<usize> = (0..inputs.len()).collect();
        let mut moved = buffers.clone();
        let buffers = match pass.learns {
            true => Buffers::Learn(&mut moved),
            false => Buffers::Fixed(buffers),
        };
        self.learns = pass.learns;
        op.forward(&mut Forward {
            rows: *rows,
            inputs: Inputs {
                data: &[],
                values: &self.read,
                at: &indices,
                images: &self.images,
                cached: None,
            },
            parameters: Parameters { theta, joined: &[], at },
            prepared: &self.prepared,
            running: Running { buffers, at: buffers_at },
            key: pass.key,
            keeps: pass.keeps,
            output: &mut self.output,
            saved: &mut self.saved,
            scratch: &mut self.scratch,
        });
        unstore(&self.output, self.op.output(), self.rows)
    }

    /// Calls `with` for the last forward pass and a gradient by its output, as layers store it.
    fn call<R>(
        &mut self,
        delta: &mut [f32],
        with: impl FnOnce(&dyn Op, &mut Backward<'_>) -> R,
    ) -> R {
        let Self { op, rows, theta, at, buffers, buffers_at, .. } = self;
        let indices: Vec<usize> = (0..self.read.len()).collect();
        spoil(&mut self.scratch);
        let mut call = Backward {
            rows: *rows,
            inputs: Inputs {
                data: &[],
                values: &self.read,
                at: &indices,
                images: &self.images,
                cached: None,
            },
            // Another layer may have written over it.
            output: if op.memory().keeps_output { &self.output } else { &[] },
            parameters: Parameters { theta, joined: &[], at },
            prepared: &self.prepared,
            running: Running { buffers: Buffers::Fixed(buffers), at: buffers_at },
            output_gradient: delta,
            saved: &mut self.saved,
            scratch: &mut self.scratch,
        };
        with(op.as_ref(), &mut call)
    }

    /// Calls `with` after a backward pass.
    fn back<R>(
        &mut self,
        delta: &[f32],
        targets: &mut [Option<Target<'_>>],
        with: impl FnOnce(&dyn Op, &mut Backward<'_>) -> R,
    ) -> R {
        let targets = if self.passes_gradient() { &mut [] } else { targets };
        self.call(&mut store(delta, self.op.output(), self.rows), |op, call| {
            op.backward(call, targets);
            with(op, call)
        })
    }

    /// The gradients; added to where targets hold `before`.
    pub(super) fn backward(&mut self, delta: &[f32], before: Option<f32>) -> Made {
        let (add, start) = (before.is_some(), before.unwrap_or(f32::NAN));
        let mut inputs: Vec<Vec<f32>> =
            self.inputs.iter().map(|input| vec![start; input.len()]).collect();
        let targets = inputs.iter_mut().map(|values| Some(Target { values, add }));
        let mut targets: Vec<_> = targets.collect();
        let lens: Vec<usize> = self.places().map(|place| place.len()).collect();
        let (passed, parameters) = self.back(delta, &mut targets, |op, call| {
            let parameters = lens.iter().enumerate().map(|(index, &len)| {
                let mut values = vec![start; len];
                op.parameter_gradient(index, call, Target { values: &mut values, add });
                values
            });
            let parameters: Vec<Vec<f32>> = parameters.collect();
            (call.output_gradient.to_vec(), parameters)
        });
        if self.passes_gradient() {
            inputs.iter_mut().for_each(|input| input.clone_from(&passed));
        }
        let inputs = inputs.iter().zip(&self.shapes);
        let inputs = inputs.map(|(x, shape)| unstore(x, shape, self.rows)).collect();
        Made { inputs, parameters }
    }

    /// Σ over samples and gradients of h of each number of the parameters.
    pub(super) fn statistics(&mut self, deltas: &[Vec<f32>], of: Statistic) -> Vec<Vec<f64>> {
        let mut sums: Vec<Vec<f64>> = self.places().map(|place| vec![0.0; place.len()]).collect();
        if sums.is_empty() {
            return sums; // an executable asks no layer without parameters
        }
        let slices = |sums: &mut [Vec<f64>], with: &mut dyn FnMut(&mut [&mut [f64]])| {
            with(&mut sums.iter_mut().map(|sums| &mut sums[..]).collect::<Vec<_>>());
        };
        for delta in deltas {
            let mut none: Vec<Option<Target<'_>>> = self.inputs.iter().map(|_| None).collect();
            self.back(delta, &mut none, |op, call| {
                slices(&mut sums, &mut |sums| op.sample_statistics(call, of, sums));
            });
        }
        self.call(&mut [], |op, call| {
            slices(&mut sums, &mut |sums| op.finish_statistics(call, of, sums));
        });
        sums
    }

    fn places(&self) -> impl Iterator<Item = Range<usize>> {
        self.at.iter().map(|place| match place {
            Place::Theta(range) | Place::Joined(range) => range.clone(),
        })
    }
}

/// Fills scratch with what no layer may read.
fn spoil(scratch: &mut Scratch) {
    scratch.floats.clear();
    scratch.floats.resize(1 << 10, f32::NAN);
}

/// Samples one after another as layers store them.
fn store(values: &[f32], shape: &[usize], rows: usize) -> Vec<f32> {
    if shape.len() != 3 {
        return values.to_vec();
    }
    let len = size(shape);
    (0..values.len()).map(|at| values[at % rows * len + at / rows]).collect()
}

/// The reverse.
fn unstore(values: &[f32], shape: &[usize], rows: usize) -> Vec<f32> {
    if shape.len() != 3 {
        return values.to_vec();
    }
    let len = size(shape);
    (0..values.len()).map(|at| values[at % len * rows + at / len]).collect()
}
