//! Moments of the slopes of single samples, over θ: what Fisher informations and MAS are made
//! of.

use super::Engine;
use crate::draws::Generator;
use crate::engine::Frozen;
use crate::model::{Model, View};
use crate::objective::{Mode, ObjectiveError, Pass, Target, Term};
use crate::parts::moments::{Power, Slopes};
use crate::scenario::Samples;
use crate::vector::Vector;

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

impl Engine {
    /// Sums over samples by one backward pass a sample and slope: the reference, and the way of
    /// networks that take their weights where the engine cannot see it. `[θ]`
    pub(crate) fn moments_one_by_one<E: From<ObjectiveError>>(
        &self,
        model: &mut Model,
        asked: &Asked<'_>,
        generator: &mut Generator,
        stopped: impl Fn() -> Result<(), E>,
    ) -> Result<Vec<f64>, E> {
        let mut sums = vec![0.0; model.theta.len()];
        let mut gradient = Vector::zeros(model.theta.len());
        for &row in asked.rows {
            let (inputs, labels) = asked.load(&[row]);
            let logits = self.logits(model, asked.view, &inputs, 1);
            let z = logits.row(0, &asked.view.answer).unwrap_or_default();
            let mut slopes = Vec::new();
            asked.slopes.append(z, labels[0], generator, &mut slopes);
            for slope in slopes.chunks(z.len().max(1)) {
                stopped()?;
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
