//! Moments of the slopes of single samples, over θ: what Fisher informations and MAS are made
//! of.

use std::collections::BTreeMap;

use burn::tensor::{Gradients, Tensor, TensorData};

use super::trunks::{Of, Rows};
use super::{Engine, floats, heads_of};
use crate::draws::Generator;
use crate::engine::Frozen;
use crate::model::{Model, View};
use crate::network::tape::{Layer, slope};
use crate::parts::moments::{Power, Slopes};
use crate::scenario::Samples;
use crate::vector::Vector;
use perennial_nn::loss::{Mode, ObjectiveError, Pass, Target, Term};

/// Numbers that the activations of one pass may hold, for each weight of θ: so many that to add what
/// a pass found to sums over θ takes little beside it. They bound its memory, from 16 to 64 MiB.
const ACTIVATIONS: usize = 16;
const LEAST_ACTIVATIONS: usize = 1 << 22;
const MOST_ACTIVATIONS: usize = 1 << 24;
/// Activations that a stage holds for each number of its output: layers, their inputs, slopes.
const COPIES: usize = 16;
/// Numbers that the per-sample gradients of a convolution may hold at once (1 MiB): what stays in a
/// core's second cache.
const PRODUCTS: usize = 1 << 18;

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

impl Asked<'_> {
    /// Inputs and true labels, counted among the answering units, of some of the rows.
    fn load(&self, rows: &[usize]) -> (Vec<f32>, Vec<usize>) {
        let mut inputs = Vec::with_capacity(rows.len() * self.samples.inputs());
        rows.iter().for_each(|&row| self.samples.append_row(row, &mut inputs));
        let unit = |&row: &usize| self.units[self.samples.label(row) as usize] as usize;
        let labels = rows.iter().map(|row| unit(row) - self.view.answer.start).collect();
        (inputs, labels)
    }
}

/// Sums of one parameter tensor over the rows of a pass.
enum Sum {
    /// h(a) `[rows, inputs]` and Σ over slopes of h(δ) `[rows, outputs]`: since
    /// h(a δ) = h(a) h(δ), their product is the sum over rows.
    Dense(Box<[Tensor<2>; 2]>),
    /// Finished: over the parameter, row-major.
    Whole(Vec<f64>),
}

impl Sum {
    fn add(&mut self, values: &[f32]) {
        if let Self::Whole(sums) = self {
            sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += f64::from(value));
        }
    }
}

/// Sums by parameter: what it is of, its index there.
type Sums = BTreeMap<(Of, usize), Sum>;

impl Power {
    /// h of every number.
    fn of_all<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Square => x.clone() * x,
            Self::Absolute => x.abs(),
        }
    }
}

impl Engine {
    /// Sums over samples of the moments of single samples' slopes. `[θ]` As it goes it tells how
    /// many of how many parts are done, and ends with the error it is told.
    pub(crate) fn moments<E: From<ObjectiveError>>(
        &self,
        model: &mut Model,
        asked: &Asked<'_>,
        generator: &mut Generator,
        mut tell: impl FnMut(usize, usize) -> Result<(), E>,
    ) -> Result<Vec<f64>, E> {
        let mut draws = generator.clone();
        match self.moments_by_layer(model, asked, &mut draws, &mut tell)? {
            Some(sums) => {
                *generator = draws;
                Ok(sums)
            }
            None => self.moments_one_by_one(model, asked, generator, tell),
        }
    }

    /// The same by one backward pass a slope for many rows together, from what each layer read
    /// and what reached its output; `None` when the network's layers do not tell.
    fn moments_by_layer<E>(
        &self,
        model: &Model,
        asked: &Asked<'_>,
        generator: &mut Generator,
        tell: &mut impl FnMut(usize, usize) -> Result<(), E>,
    ) -> Result<Option<Vec<f64>>, E> {
        let Asked { view, slopes, power, .. } = *asked;
        if !view.older.is_empty() {
            return Ok(None);
        }
        let own = Of::Trunk(0);
        let heads = heads_of(model, view, [&view.answer]);
        let mut loaded = self.load(model, view, &heads, |_| false, &self.tracked);
        let Some(columns) = loaded.columns.of(&view.answer) else { return Ok(None) };
        let (units, classes) = (loaded.columns.len(), columns.len());
        let mut buffers = model.buffers.clone();
        let outputs = |stage: &crate::network::Stage| stage.output.iter().product::<usize>();
        let widest: usize = self.network.stages().iter().map(outputs).sum();
        let activations = ACTIVATIONS * model.theta.len();
        let activations = activations.clamp(LEAST_ACTIVATIONS, MOST_ACTIVATIONS);
        let chunk = (activations / (COPIES * widest.max(1))).clamp(1, 500);
        let mut totals = vec![0.0; model.theta.len()];
        let backwards = asked.rows.len().div_ceil(chunk) * slopes.count(classes);
        let mut done = 0;
        for rows in asked.rows.chunks(chunk) {
            let (inputs, labels) = asked.load(rows);
            let mut sums = Sums::new();
            let mut wanted = Vec::new(); // [rows, slopes, classes]
            for number in 0..slopes.count(classes) {
                loaded.part(own).record();
                loaded.head.record();
                let (inputs, mode) = (inputs.clone(), Mode::Evaluate);
                let logits = self.forward(
                    &loaded,
                    model,
                    view,
                    &mut buffers,
                    Rows { rows: rows.len(), inputs, mode },
                );
                let (trunk, head) = (loaded.part(own).recorded(), loaded.head.recorded());
                if !(trunk.tells_all(loaded.part(own).len()) && head.tells_all(loaded.head.len())) {
                    return Ok(None);
                }
                tell(done, backwards)?;
                done += 1;
                let [padded_rows, _] = logits.dims();
                if number == 0 {
                    let values = floats(logits.clone().inner().into_data());
                    for (row, label) in values.chunks(units).zip(&labels) {
                        slopes.append(&row[columns.clone()], *label, generator, &mut wanted);
                    }
                }
                let mut seed = vec![0.0; padded_rows * units];
                let of_row = slopes.count(classes) * classes;
                for (seed, wanted) in seed.chunks_mut(units).zip(wanted.chunks(of_row)) {
                    let own = number * classes..(number + 1) * classes;
                    seed[columns.clone()].copy_from_slice(&wanted[own]);
                }
                let seed = TensorData::new(seed, [padded_rows, units]);
                let scalar = (logits * Tensor::from_data(seed, &self.tracked)).sum();
                let mut gradients = scalar.backward();
                for (of, tape) in [(own, trunk), (Of::Head, head)] {
                    for layer in tape.layers {
                        add_layer(&mut sums, of, layer, &mut gradients, power);
                    }
                }
            }
            for (of, index, grid) in &loaded.untracked {
                let values = match sums.remove(&(*of, *index)) {
                    Some(Sum::Whole(values)) => values,
                    Some(Sum::Dense(factors)) => {
                        let [a, delta] = *factors;
                        let product = a.transpose().matmul(delta); // [inputs, outputs]
                        floats(product.into_data()).into_iter().map(f64::from).collect()
                    }
                    None => continue,
                };
                grid.runs(&model.layout, |_, joined, flat| {
                    let totals = totals[flat].iter_mut();
                    totals.zip(&values[joined]).for_each(|(total, value)| *total += value);
                });
            }
        }
        Ok(Some(totals))
    }

    /// Sums over samples by one backward pass a sample and slope: the reference, and the way of
    /// networks that take their weights where the engine cannot see it. `[θ]`
    pub(crate) fn moments_one_by_one<E: From<ObjectiveError>>(
        &self,
        model: &mut Model,
        asked: &Asked<'_>,
        generator: &mut Generator,
        mut tell: impl FnMut(usize, usize) -> Result<(), E>,
    ) -> Result<Vec<f64>, E> {
        let mut sums = vec![0.0; model.theta.len()];
        let mut gradient = Vector::zeros(model.theta.len());
        for (done, &row) in asked.rows.iter().enumerate() {
            let (inputs, labels) = asked.load(&[row]);
            let logits = self.logits(model, asked.view, &inputs, 1);
            let z = logits.row(0, &asked.view.answer).unwrap_or_default();
            let mut slopes = Vec::new();
            asked.slopes.append(z, labels[0], generator, &mut slopes);
            for slope in slopes.chunks(z.len().max(1)) {
                tell(done, asked.rows.len())?;
                let term = Term {
                    rows: 0..1,
                    active: asked.view.answer.clone(),
                    weight: 1.0,
                    target: Target::Linear(slope.to_vec()),
                };
                let (inputs, terms) = (inputs.clone(), vec![term]);
                let pass = Pass { inputs, rows: 1, mode: Mode::Evaluate, terms };
                let all = Frozen::default();
                let (_, active) =
                    self.gradient(model, asked.view, &all, vec![pass], &mut gradient)?;
                for slot in active {
                    let range = model.layout.slot(slot).range();
                    for (sum, &g) in sums[range.clone()].iter_mut().zip(&gradient[range]) {
                        *sum += asked.power.of(f64::from(g));
                    }
                }
            }
        }
        Ok(sums)
    }
}

/// Adds what one backward pass found at a layer.
fn add_layer(sums: &mut Sums, of: Of, layer: Layer, found: &mut Gradients, power: Power) {
    let whole = |len: usize| Sum::Whole(vec![0.0; len]);
    match layer {
        Layer::Dense { weight, input, zero } => {
            let delta = power.of_all(slope(&zero, found)); // [rows, outputs]
            let of_bias = floats(delta.clone().sum_dim(0).into_data());
            sums.entry((of, weight + 1)).or_insert_with(|| whole(of_bias.len())).add(&of_bias);
            match sums.get_mut(&(of, weight)) {
                Some(Sum::Dense(factors)) => factors[1] = factors[1].clone() + delta,
                _ => {
                    let dense = Sum::Dense(Box::new([power.of_all(input), delta]));
                    sums.insert((of, weight), dense);
                }
            }
        }
        Layer::Conv { weight, kernel, stride, input, zero } => {
            let delta = slope(&zero, found);
            let moments = conv_moments(input, delta, (kernel, stride), power);
            sums.entry((of, weight)).or_insert_with(|| whole(moments.len())).add(&moments);
        }
        Layer::Norm { gamma, normalised, zero } => {
            let delta = slope(&zero, found); // [rows, channels, height, width]
            // A sample's gradient adds over positions before h.
            let moments = |x: Tensor<4>| {
                let of_rows = x.flatten::<3>(2, 3).sum_dim(2); // [rows, channels, 1]
                floats(power.of_all(of_rows).sum_dim(0).into_data())
            };
            for (index, moments) in
                [(gamma, moments(delta.clone() * normalised)), (gamma + 1, moments(delta))]
            {
                sums.entry((of, index)).or_insert_with(|| whole(moments.len())).add(&moments);
            }
        }
    }
}

/// Σ over rows of `h(G)`, `G = D Uᵀ` the gradient of one sample by the kernel: its slopes times
/// its unfolded input. `[outputs · inputs · kernel · kernel]`
fn conv_moments(
    input: Tensor<4>, // [rows, inputs, height, width]
    delta: Tensor<4>, // [rows, outputs, height, width]
    (kernel, stride): (usize, usize),
    power: Power,
) -> Vec<f32> {
    let ([rows, inputs, height, width], device) = (input.dims(), input.device());
    let [_, outputs, out_height, out_width] = delta.dims();
    let (positions, taps) = (out_height * out_width, inputs * kernel * kernel);
    let padding = kernel / 2;
    let (input, delta) = (floats(input.into_data()), floats(delta.into_data()));
    let together = (PRODUCTS / (outputs * taps).max(positions * taps)).max(1);
    let mut sums = vec![0.0; outputs * taps];
    for first in (0..rows).step_by(together) {
        let rows = first..rows.min(first + together);
        let mut unfolded = vec![0.0; rows.len() * positions * taps]; // [rows, positions, taps]
        for (at, patch) in unfolded.chunks_mut(taps).enumerate() {
            let (row, position) = (rows.start + at / positions, at % positions);
            let (top, left) = (position / out_width * stride, position % out_width * stride);
            for (tap, value) in patch.iter_mut().enumerate() {
                let (channel, in_kernel) = (tap / (kernel * kernel), tap % (kernel * kernel));
                let y = (top + in_kernel / kernel).wrapping_sub(padding);
                let x = (left + in_kernel % kernel).wrapping_sub(padding);
                if y < height && x < width {
                    *value = input[((row * inputs + channel) * height + y) * width + x];
                }
            }
        }
        let of_row = outputs * positions;
        let delta = delta[rows.start * of_row..rows.end * of_row].to_vec();
        let delta = TensorData::new(delta, [rows.len(), outputs, positions]);
        let unfolded = TensorData::new(unfolded, [rows.len(), positions, taps]);
        let delta = Tensor::<3>::from_data(delta, &device);
        let gradients = delta.matmul(Tensor::from_data(unfolded, &device));
        let moments = floats(power.of_all(gradients).sum_dim(0).into_data());
        sums.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += moment);
    }
    sums
}

#[cfg(test)]
mod tests;
