//! Statistics of the gradients of single samples, summed over samples: what Fisher informations and MAS
//! are made of.

use crate::executable::Executable;
use crate::layer::{Backward, Forward, Inputs, Op, Saved, Scratch, Statistic, Sums, Target, size};
use crate::params::Layout;
use crate::trace::{Run, Trace};

/// Σ_n h(G_n) for each number of an executable's parameters.
pub struct SampleStatistics {
    of: Statistic,
    /// By parameter.
    sums: Vec<Vec<f64>>,
}

impl SampleStatistics {
    /// Zeros.
    pub fn new(executable: &Executable, of: Statistic) -> Self {
        let zeros = |parameter: &crate::executable::Parameter| vec![0.0; parameter.len];
        Self { of, sums: executable.parameters.iter().map(zeros).collect() }
    }

    /// Adds what the gradient by the logits that `trace.logits_gradient` holds makes of the samples of the
    /// last forward pass, which must have kept its values. May be called several times for the same
    /// forward pass, and then [`finish`](Self::finish) once.
    pub fn add(&mut self, executable: &Executable, run: &Run<'_>, trace: &mut Trace) {
        let Self { of, sums } = self;
        executable.walk_back(run, trace, &|_| Some(0), false, &mut |parameters, op, call| {
            op.sample_statistics(call, *of, &mut slices(&mut sums[parameters.clone()]));
        });
    }

    /// Ends the additions of one forward pass.
    pub fn finish(&mut self, executable: &Executable, run: &Run<'_>, trace: &mut Trace) {
        let Self { of, sums } = self;
        executable.each_op(run, trace, &mut |parameters, op, call| {
            op.finish_statistics(call, *of, &mut slices(&mut sums[parameters.clone()]));
        });
    }

    /// Adds the sums to numbers over θ.
    pub fn add_to(&self, executable: &Executable, layout: &Layout, totals: &mut [f64]) {
        for (parameter, sums) in executable.parameters.iter().zip(&self.sums) {
            parameter.grid.runs(layout, |_, joined, flat| {
                totals[flat].iter_mut().zip(&sums[joined]).for_each(|(total, sum)| *total += sum);
            });
        }
    }
}

fn slices(sums: &mut [Vec<f64>]) -> Vec<Sums<'_>> {
    sums.iter_mut().map(|sums| &mut sums[..]).collect()
}

/// [`Op::sample_statistics`] of a layer whose rows do not depend on one another: each row forward and
/// backward by itself, in evaluation.
pub(crate) fn row_by_row<O: Op + ?Sized>(
    op: &O,
    call: &mut Backward<'_>,
    of: Statistic,
    sums: &mut [Sums<'_>],
) {
    let rows = call.rows;
    let mut inputs: Vec<Vec<f32>> = vec![Vec::new(); call.inputs.len()];
    let at: Vec<usize> = (0..inputs.len()).collect();
    let (mut output, mut delta) = (vec![0.0; size(op.output())], Vec::new());
    let (mut saved, mut scratch) = (Saved::default(), Scratch::default());
    let mut gradient = Vec::new();
    let image = op.output().len() == 3;
    let images: Vec<bool> = at.iter().map(|&index| call.inputs.is_image(index)).collect();
    for row in 0..rows {
        for (index, input) in inputs.iter_mut().enumerate() {
            gather(call.inputs.get(index), (row, rows), images[index], input);
        }
        gather(call.output_gradient, (row, rows), image, &mut delta);
        let from = Inputs { data: &[], values: &inputs, at: &at, images: &images, cached: None };
        if op.memory().overwrites_input {
            output.copy_from_slice(from.get(0));
        }
        op.forward(&mut Forward {
            rows: 1,
            inputs: from,
            parameters: call.parameters,
            prepared: call.prepared,
            running: call.running.fixed(),
            key: None,
            keeps: true,
            output: &mut output,
            saved: &mut saved,
            scratch: &mut scratch,
        });
        let mut alone = Backward {
            rows: 1,
            inputs: from,
            output: &output,
            parameters: call.parameters,
            prepared: call.prepared,
            running: call.running.fixed(),
            output_gradient: &mut delta,
            saved: &mut saved,
            scratch: &mut scratch,
        };
        let mut none: Vec<Option<Target<'_>>> = at.iter().map(|_| None).collect();
        op.backward(&mut alone, &mut none);
        for (index, sums) in sums.iter_mut().enumerate() {
            gradient.resize(sums.len(), 0.0);
            op.parameter_gradient(index, &mut alone, Target { values: &mut gradient, add: false });
            crate::layer::add_statistic(sums, &gradient, of);
        }
    }
}

/// One row of a value of several: its own numbers, one after another.
fn gather(values: &[f32], (row, rows): (usize, usize), image: bool, to: &mut Vec<f32>) {
    let len = values.len() / rows;
    to.clear();
    match image {
        true => to.extend(values.iter().skip(row).step_by(rows)),
        false => to.extend_from_slice(&values[row * len..(row + 1) * len]),
    }
}
