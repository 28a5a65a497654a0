//! Statistics of the gradients of single samples, over θ: what Fisher informations and MAS are made of.

use perennial_nn::layer::{Buffers, Statistic};
use perennial_nn::{Run, SampleStatistics};

use super::{Engine, EngineError, Workspace, heads_of, load};
use crate::draws::Generator;
use crate::model::{Model, View};
use crate::parts::moments::{Power, Slopes};
use crate::scenario::Samples;

/// Numbers that the layers of one pass may make (32 MiB), and samples of a pass at most.
const NUMBERS: usize = 1 << 23;
const SAMPLES: usize = 500;

/// What is measured, and on which samples.
pub(crate) struct Asked<'a> {
    /// The network that is asked; its answering units are the logits.
    pub(crate) view: &'a View,
    /// Where the rows are.
    pub(crate) samples: &'a Samples,
    /// Which rows, in this order.
    pub(crate) rows: &'a [usize],
    /// The unit of each label.
    pub(crate) units: &'a [u32],
    /// What of the logits is differentiated.
    pub(crate) slopes: Slopes,
    /// What is averaged.
    pub(crate) power: Power,
}

impl Engine {
    /// Sums over samples of h of single samples' gradients. `[θ]` As it goes it tells how many of how many
    /// parts are done, and ends with the error it is told.
    pub(crate) fn moments<E: From<EngineError>>(
        &self,
        workspace: &mut Workspace,
        model: &Model,
        asked: &Asked<'_>,
        generator: &mut Generator,
        mut tell: impl FnMut(usize, usize) -> Result<(), E>,
    ) -> Result<Vec<f64>, E> {
        let Asked { view, samples, slopes, power, .. } = *asked;
        let heads = &heads_of(model, view, [&view.answer])[..];
        let Workspace { executables, weights, trace, .. } = workspace;
        let executable = executables.of(self.network(), model, view).map_err(EngineError::from)?;
        load(executable, model, view, weights);
        let columns = executable.columns(heads);
        let own = columns.of(&view.answer).unwrap_or(0..0);
        let (units, classes) = (columns.len(), own.len());
        let of = match power {
            Power::Square => Statistic::Square,
            Power::Absolute => Statistic::Absolute,
        };
        let mut statistics = SampleStatistics::new(executable, of);
        let chunk = (NUMBERS / executable.numbers().max(1)).clamp(1, SAMPLES);
        let count = slopes.count(classes);
        let parts = asked.rows.len().div_ceil(chunk) * count;
        let mut done = 0;
        for rows in asked.rows.chunks(chunk) {
            trace.input.clear();
            rows.iter().for_each(|&row| samples.append_row(row, &mut trace.input));
            let buffers = Buffers::Fixed(&model.buffers);
            let (theta, key, keeps) = (&model.theta, None, true);
            let mut run = Run { theta, weights, buffers, heads, key, keeps, cached: None };
            executable.forward(rows.len(), &mut run, trace);
            let mut wanted = Vec::new(); // [rows, slopes, classes]
            for (&row, z) in rows.iter().zip(trace.logits.chunks(units)) {
                let unit = asked.units[samples.label(row) as usize] as usize;
                let label = unit - view.answer.start;
                slopes.append(&z[own.clone()], label, generator, &mut wanted);
            }
            for number in 0..count {
                tell(done, parts)?;
                done += 1;
                trace.logits_gradient.fill(0.0);
                let seeds = trace.logits_gradient.chunks_mut(units);
                for (seed, wanted) in seeds.zip(wanted.chunks(count * classes)) {
                    let from = &wanted[number * classes..(number + 1) * classes];
                    seed[own.clone()].copy_from_slice(from);
                }
                statistics.add(executable, &run, trace);
            }
            statistics.finish(executable, &run, trace);
        }
        let mut sums = vec![0.0; model.theta.len()];
        statistics.add_to(executable, &model.layout, &mut sums);
        Ok(sums)
    }
}
