//! The diagonal of the Fisher information at the current weights, in its five variants.

use serde::{Deserialize, Serialize};

use super::moments::{Amount, Power, Slopes};
use crate::learner::{Context, LearnError};
use crate::model::View;
use crate::vector::{Vector, simd_dispatch};
use perennial_nn::loss::Mode;

/// Above so many classes the exact form, which costs a backward pass a class, draws one label a
/// sample instead, and says so.
pub const EXACT_CLASSES: usize = 20;

/// Which Fisher information. They are different quantities: a λ found for one means nothing for
/// another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fisher {
    /// `E_x Σ_y p(y|x) (∂ log p(y|x)/∂θ_i)²`, the definition.
    #[default]
    Exact,
    /// `E_x (∂ log p(y|x)/∂θ_i)²` with one y drawn from p: the same mean, more noise.
    Sampled,
    /// With the label of the data: the empirical Fisher information.
    Empirical,
    /// With the likeliest label (van de Ven & Tolias 2019).
    Predicted,
    /// The squared gradient of the mean loss of a batch, averaged over batches of the run's
    /// size, a short last one by its rows: what most code does. Smaller by up to the batch's size, and no Fisher information.
    BatchMean,
    /// The squared gradient of the mean loss of all samples at once (Lopez-Paz & Ranzato's code):
    /// smaller by up to their number.
    OneBatch,
}

impl Fisher {
    /// Measures it on `amount` training samples of the current task, in evaluation mode. `[θ]`
    ///
    /// # Errors
    ///
    /// As [`Context::sample_moments`].
    pub fn measure(
        self,
        cx: &mut Context<'_>,
        view: &View,
        amount: Amount,
    ) -> Result<Vector, LearnError> {
        let rows = cx.draw_rows(amount, "importance")?;
        let slopes = match self {
            Self::Exact if view.answer.len() > EXACT_CLASSES => {
                cx.note(format!(
                    "with {} classes the exact Fisher information costs as many backward passes \
                     a sample: above {EXACT_CLASSES} classes one label a sample is drawn from the \
                     model instead (fisher = sampled)",
                    view.answer.len()
                ));
                Slopes::DrawnLabel
            }
            Self::Exact => Slopes::EveryLabel,
            Self::Sampled => Slopes::DrawnLabel,
            Self::Empirical => Slopes::TrueLabel,
            Self::Predicted => Slopes::LikeliestLabel,
            Self::BatchMean => return batch_means(cx, view, &rows, cx.training.batch),
            Self::OneBatch => return batch_means(cx, view, &rows, rows.len()),
        };
        cx.sample_moments(view, &rows, slopes, Power::Square)
    }
}

/// Squares of the gradients of batches' mean losses, a mean over batches by their rows.
fn batch_means(
    cx: &mut Context<'_>,
    view: &View,
    rows: &[usize],
    size: usize,
) -> Result<Vector, LearnError> {
    let mut mean = Vector::zeros(cx.model.theta.len());
    for batch in rows.chunks(size) {
        let share = batch.len() as f32 / rows.len() as f32; // the last may be short
        let mut pass = cx.labelled(&cx.batch(batch)?);
        pass.mode = Mode::Evaluate;
        for gradient in cx.gradients(view, vec![pass])? {
            simd_dispatch(
                #[inline(always)]
                || {
                    for (mean, g) in mean.iter_mut().zip(gradient.iter()) {
                        *mean += share * g * g;
                    }
                },
            );
        }
    }
    Ok(mean)
}
