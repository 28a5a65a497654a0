//! Answering without being told the task: the most confident of the tasks' networks answers.

use serde::{Deserialize, Serialize};

use super::data::Data;
use super::{LearnError, Learner, Stop};
use crate::engine::{Rows, Workspace};
use crate::model::View;
use crate::strategy::Isolation;

/// Test rows a task that are answered by every network, at most.
const ROWS: usize = 1000;

/// How sure a network is of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The less entropy `−Σ p log p` of softmax(z), the surer.
    #[default]
    Entropy,
    /// The less energy `−log Σ exp z`, the surer (Liu et al. 2020).
    Energy,
}

impl Confidence {
    /// The lower, the surer.
    pub fn doubt(self, z: &[f32]) -> f64 {
        let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let above = |z: &f32| f64::from(z - most);
        let sum: f64 = z.iter().map(|z| above(z).exp()).sum();
        match self {
            Self::Energy => -(f64::from(most) + sum.ln()),
            Self::Entropy => z.iter().map(|z| -above(z).exp() / sum * (above(z) - sum.ln())).sum(),
        }
    }
}

/// How well tasks are answered by a learner that is not told which task a sample is of, though
/// its networks are one a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inferred {
    /// By what the task is guessed.
    pub by: Confidence,
    /// Share of each task's rows for which the class that the surest network says is right.
    pub accuracy: Vec<f64>,
    /// Share of each task's rows for which that network is the task's own.
    pub found: Vec<f64>,
}

impl Learner {
    /// Lets the most confident network answer every task, by up to 1,000 test rows of each, the
    /// same every time; `None` for a strategy whose parts belong to all tasks.
    pub(super) fn infer(
        &self,
        data: &Data<'_>,
        stop: &Stop,
    ) -> Result<Option<Inferred>, LearnError> {
        if self.card.isolation == Isolation::Shared {
            return Ok(None);
        }
        let (model, by) = (&self.core.model, self.core.training.infer);
        let tasks = data.stream.tasks.len();
        let views: Vec<View> = (0..tasks).map(|task| self.strategy.view(task, model)).collect();
        let limit = self.core.training.eval_samples.unwrap_or(ROWS).min(ROWS);
        let mut workspace = Workspace::default();
        let mut inferred = Inferred { by, accuracy: Vec::new(), found: Vec::new() };
        for task in 0..tasks {
            let (test, rows) = data.test_rows(self.core.seed, task, Some(limit));
            let mut inputs = Vec::new();
            rows.iter().for_each(|&row| test.append_row(row, &mut inputs));
            // Of each row the surest network so far: its doubt, its task, the class it says.
            let mut surest = vec![(f64::INFINITY, 0, 0); rows.len()];
            for (of, view) in views.iter().enumerate() {
                if stop.asked() {
                    return Err(LearnError::Stopped("the evaluation"));
                }
                let width = inputs.len() / rows.len().max(1);
                let read = |row: usize, to: &mut Vec<f32>| {
                    to.extend_from_slice(&inputs[row * width..(row + 1) * width]);
                };
                let asked = Rows { count: rows.len(), read };
                let Some(scores) = self.scores_of(&mut workspace, view, asked)? else { continue };
                let classes = &data.stream.tasks[of].classes;
                let scores = scores.chunks(view.answer.len().max(1));
                for (z, surest) in scores.zip(&mut surest) {
                    let doubt = by.doubt(z);
                    if doubt < surest.0 {
                        *surest = (doubt, of, classes[super::evaluate::argmax(z)]);
                    }
                }
            }
            let classes = &data.stream.tasks[task].classes;
            let wanted = rows.iter().map(|&row| classes[test.label(row) as usize]);
            let right = wanted.zip(&surest).filter(|(class, (.., said))| class == said).count();
            let found = surest.iter().filter(|&&(_, of, _)| of == task).count();
            let share = |count: usize| count as f64 / rows.len() as f64;
            inferred.accuracy.push(share(right));
            inferred.found.push(share(found));
        }
        Ok(Some(inferred))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: z = (0, ln 3) has p = (¼, ¾), entropy ¼ ln 4 + ¾ ln (4/3) = .562335, energy
    /// −ln 4; equal logits have ln 2; shifting z leaves entropy alone and moves energy.
    #[test]
    fn doubts_by_hand() {
        let z = [0.0, 3f32.ln()];
        assert!((Confidence::Entropy.doubt(&z) - 0.562_335).abs() < 1e-6);
        assert!((Confidence::Energy.doubt(&z) + 4f64.ln()).abs() < 1e-6);
        assert!((Confidence::Entropy.doubt(&[7.0, 7.0]) - 2f64.ln()).abs() < 1e-9);
        let shifted = [100.0, 100.0 + 3f32.ln()];
        assert!((Confidence::Entropy.doubt(&shifted) - 0.562_335).abs() < 1e-5);
        assert!((Confidence::Energy.doubt(&shifted) + 100.0 + 4f64.ln()).abs() < 1e-5);
        assert!(Confidence::Entropy.doubt(&[1e4, -1e4]).abs() < 1e-9);
    }
}
