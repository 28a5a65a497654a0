//! What a hook may ask of the driver.

use std::sync::Arc;

use serde_json::Value;

use crate::SlotId;
use crate::draws::{Generator, Key};
use crate::engine::moments::Asked;
use crate::engine::{Engine, Frozen, Logits, Workspace};
use crate::learner::data::Data;
use crate::learner::{LearnError, Progress, Stop, Training, Watch};
use crate::model::{Among, Model, Outputs, View};
use crate::network::{Graph, Init};
use crate::parts::moments::{Amount, Power, Slopes};
use crate::scenario::{Part, Samples, Setting};
use crate::strategy::{Batch, Card, Keeps};
use crate::vector::Vector;
use perennial_nn::loss::{Pass, Target, Term};

/// The learner as a hook sees it. Functions that run the network take a view as argument and
/// never call back into the strategy.
pub struct Context<'a> {
    /// θ, its layout, buffers, columns and heads. Growth appends; a strategy moves only what it
    /// may.
    pub model: &'a mut Model,
    /// How the run trains.
    pub training: &'a Training,
    /// Which heads the run has.
    pub setting: Setting,
    /// The current task, 0-based.
    pub task: usize,
    /// Learning rate in force, the phase's factor included.
    pub lr: f32,
    pub(crate) tasks: Option<usize>,
    pub(crate) key: Key,
    pub(crate) engine: &'a Engine,
    pub(crate) workspace: &'a mut Workspace,
    pub(crate) data: &'a Data<'a>,
    pub(crate) card: &'a Card,
    pub(crate) notes: &'a mut Vec<String>,
    pub(crate) decisions: &'a mut Vec<Value>,
    pub(crate) steps: u64,
    pub(crate) watch: &'a mut dyn Watch,
    pub(crate) stop: &'a Stop,
}

impl Context<'_> {
    /// A fresh generator, a function of seed, position and purpose alone.
    pub fn generator(&self, purpose: &str) -> Generator {
        self.key.generator(purpose)
    }

    /// How many tasks the stream has, where that is known beforehand.
    pub fn tasks(&self) -> Option<usize> {
        self.tasks
    }

    /// The network's architecture.
    pub fn network(&self) -> &Arc<Graph> {
        self.engine.network()
    }

    /// Whether the run is to stop; a long hook then returns this error.
    ///
    /// # Errors
    ///
    /// [`LearnError::Stopped`], with what was being done.
    pub fn stopped(&self, doing: &'static str) -> Result<(), LearnError> {
        if self.stop.asked() { Err(LearnError::Stopped(doing)) } else { Ok(()) }
    }

    /// Shows how far a long hook is: `done` of `of` parts of what is being done.
    ///
    /// # Errors
    ///
    /// As [`stopped`](Self::stopped), which it asks.
    pub fn progress(
        &mut self,
        doing: &'static str,
        done: usize,
        of: usize,
    ) -> Result<(), LearnError> {
        self.stopped(doing)?;
        self.watch.progress(&Progress {
            task: self.task,
            tasks: self.data.stream.tasks.len(),
            trains: false,
            phase: doing,
            epoch: 0,
            epochs: 1,
            step: done,
            steps: of,
            total_steps: self.steps,
            accuracy: None,
        });
        Ok(())
    }

    /// The error of a step that met a number which is none: the run ends, and goes on from what
    /// was saved before.
    pub fn not_finite(&self, what: impl Into<String>, value: f64) -> LearnError {
        let (strategy, task, lr) = (self.card.name, self.task, self.lr);
        let (epoch, step) = (self.key.epoch as usize, self.key.step as usize);
        LearnError::NotFinite { what: what.into(), strategy, task, epoch, step, value, lr }
    }

    /// Says something once to the user: in the output and in the report.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Tells the run's log of a decision: a flat JSON object. Not within steps.
    pub fn decide(&mut self, what: Value) {
        self.decisions.push(what);
    }

    /// The rows of a part of a task: of the current one, or of an earlier one if the card keeps
    /// all data. Test parts are nobody's to see.
    ///
    /// # Errors
    ///
    /// [`LearnError::DataNotKept`].
    pub fn samples(&self, task: usize, part: Part) -> Result<&Samples, LearnError> {
        let kept = task < self.task && self.card.keeps == Keeps::AllData;
        let seen = task == self.task || kept;
        match part {
            Part::Train if seen => Ok(self.data.train(task)),
            Part::Validation if seen => Ok(self.data.validation(task)),
            _ => Err(LearnError::DataNotKept { strategy: self.card.name, task }),
        }
    }

    /// The training rows of the task of each run of a batch, in the order of [`Batch::tasks`]: what
    /// [`Batch::rows`] are indices into.
    ///
    /// # Errors
    ///
    /// As [`samples`](Self::samples). Never for a batch of the current step.
    pub fn samples_of(&self, batch: &Batch) -> Result<Vec<&Samples>, LearnError> {
        let of = |&(task, _): &(usize, _)| match self.training.blurry > 0.0 {
            true => Ok(self.data.train(task)),
            false => self.samples(task, Part::Train),
        };
        batch.tasks.iter().map(of).collect()
    }

    /// One pass: the mean cross-entropy of a batch, each row among the units of its task.
    pub fn labelled(&self, batch: &Batch) -> Pass {
        let weight = 1.0 / batch.len() as f32;
        let term = |(task, rows): &(usize, std::ops::Range<usize>)| Term {
            rows: rows.clone(),
            active: self.model.answer(*task),
            weight,
            target: Target::Labels(batch.units[rows.clone()].to_vec()),
        };
        Pass {
            inputs: batch.inputs.clone(),
            rows: batch.len(),
            mode: perennial_nn::loss::Mode::Train,
            terms: batch.tasks.iter().map(term).collect(),
        }
    }

    /// The logits of `inputs` `[rows, inputs]` over the view's answering units, in evaluation
    /// mode.
    ///
    /// # Errors
    ///
    /// When the view does not fit the network.
    pub fn logits(
        &mut self,
        view: &View,
        inputs: &[f32],
        rows: usize,
    ) -> Result<Logits, LearnError> {
        Ok(self.engine.logits(self.workspace, self.model, view, inputs, rows)?)
    }

    /// What the heads read of `inputs` `[rows, inputs]`: the values of the last layer before them,
    /// in evaluation mode. `[rows, features]`
    ///
    /// # Errors
    ///
    /// As [`logits`](Self::logits).
    pub fn features(
        &mut self,
        view: &View,
        inputs: &[f32],
        rows: usize,
    ) -> Result<Vec<f32>, LearnError> {
        Ok(self.engine.features(self.workspace, self.model, view, inputs, rows)?)
    }

    /// As [`logits`](Self::logits), of weights kept from before: prefixes of θ and buffers that
    /// hold all that the view uses.
    ///
    /// # Errors
    ///
    /// As [`logits`](Self::logits).
    pub fn logits_at(
        &mut self,
        theta: &mut Vector,
        buffers: &mut Vector,
        view: &View,
        inputs: &[f32],
        rows: usize,
    ) -> Result<Logits, LearnError> {
        // Lent for one pass: nothing is copied, and both are back where they were after it.
        std::mem::swap(&mut self.model.theta, theta);
        std::mem::swap(&mut self.model.buffers, buffers);
        let logits = self.engine.logits(self.workspace, self.model, view, inputs, rows);
        std::mem::swap(&mut self.model.theta, theta);
        std::mem::swap(&mut self.model.buffers, buffers);
        Ok(logits?)
    }

    /// The gradient over θ of each pass, one backward each, at the current weights; 0 where a
    /// pass does not depend on a weight. Training passes move the running statistics.
    ///
    /// # Errors
    ///
    /// When a pass asks for what the view has not, or on a stop signal.
    pub fn gradients(&mut self, view: &View, passes: Vec<Pass>) -> Result<Vec<Vector>, LearnError> {
        let mut gradients = Vec::with_capacity(passes.len());
        for pass in passes {
            self.stopped("gradients of passes")?;
            let mut gradient = Vector::zeros(self.model.theta.len());
            let frozen = Frozen::default();
            let Self { engine, workspace, model, .. } = self;
            engine.gradient(workspace, model, (view, &frozen), vec![pass], &mut gradient)?;
            gradients.push(gradient);
        }
        Ok(gradients)
    }

    /// For each weight, the mean over samples of what single samples' slopes say of it:
    /// `(1/N) Σ_n Σ_r h(∂(δ_nr · z_n)/∂θ_i)`, evaluation mode, z the logits over the view's
    /// answering units. `rows` are rows of the current task's training part; 0 for weights that the
    /// view has not. A per-sample quantity: a mean over a batch is never squared.
    ///
    /// # Errors
    ///
    /// When there are no rows or no weights, or on a stop signal.
    pub fn sample_moments(
        &mut self,
        view: &View,
        rows: &[usize],
        slopes: Slopes,
        power: Power,
    ) -> Result<Vector, LearnError> {
        self.moments_of(self.data.train(self.task), view, rows, slopes, power)
    }

    /// Rows of the current task's kind without labels, where it brings any.
    pub fn unlabelled(&self) -> Option<&Samples> {
        self.data.stream.tasks[self.task].unlabelled()
    }

    /// The name of the current task.
    pub fn task_name(&self) -> &str {
        &self.data.stream.tasks[self.task].name
    }

    /// [`sample_moments`](Self::sample_moments) of ‖z‖², which needs no labels, on `rows` of the current
    /// task's [rows without labels](Self::unlabelled).
    ///
    /// # Errors
    ///
    /// As [`sample_moments`](Self::sample_moments), and when the task brings no such rows.
    pub fn unlabelled_moments(
        &mut self,
        view: &View,
        rows: &[usize],
        power: Power,
    ) -> Result<Vector, LearnError> {
        let data = self.data;
        match data.stream.tasks[self.task].unlabelled() {
            Some(samples) => self.moments_of(samples, view, rows, Slopes::SquaredNorm, power),
            None => Err(self.nothing_to_measure("no samples without labels")),
        }
    }

    fn nothing_to_measure(&self, reason: &str) -> LearnError {
        let (strategy, task) = (self.card.name, self.task);
        LearnError::NothingToMeasure { strategy, task, reason: reason.into() }
    }

    fn moments_of(
        &mut self,
        samples: &Samples,
        view: &View,
        rows: &[usize],
        slopes: Slopes,
        power: Power,
    ) -> Result<Vector, LearnError> {
        if rows.is_empty() {
            return Err(self.nothing_to_measure("no training samples"));
        }
        if view.column.parameters.is_empty() && view.heads.is_empty() {
            return Err(self.nothing_to_measure("no trainable weights"));
        }
        let units = self.model.outputs[self.task].units.clone();
        let asked = Asked { view, samples, rows, units: &units, slopes, power };
        let mut generator = self.generator("labels of importances");
        let (engine, model) = (self.engine, std::mem::take(self.model));
        let mut workspace = std::mem::take(self.workspace);
        let tell = |done, of| self.progress("importance", done, of);
        let sums = engine.moments(&mut workspace, &model, &asked, &mut generator, tell);
        (*self.model, *self.workspace) = (model, workspace);
        let sums = sums?;
        let mean = |sum: f64| (sum / rows.len() as f64) as f32;
        Ok(sums.into_iter().map(mean).collect::<Vec<f32>>().into())
    }

    /// Rows of the current task's training part: all of them, or as many as asked for, drawn
    /// once for this task and in the order drawn.
    ///
    /// # Errors
    ///
    /// Never for the current task's training part.
    pub fn draw_rows(&self, amount: Amount, purpose: &str) -> Result<Vec<usize>, LearnError> {
        let rows = self.samples(self.task, Part::Train)?.len();
        Ok(self.draw_among(rows, amount, purpose))
    }

    /// Numbers below `rows`: all of them, or as many as asked for, drawn once for this task and in the
    /// order drawn.
    pub fn draw_among(&self, rows: usize, amount: Amount, purpose: &str) -> Vec<usize> {
        match amount {
            Amount::Count(count) if count < rows => {
                rand::seq::index::sample(&mut self.generator(purpose), rows, count).into_vec()
            }
            _ => (0..rows).collect(),
        }
    }

    /// Some rows of the current task's training part, as a batch.
    ///
    /// # Errors
    ///
    /// Never for the current task's training part.
    pub fn batch(&self, rows: &[usize]) -> Result<Batch, LearnError> {
        let outputs = &self.model.outputs;
        let unit = |task: usize, label: u32| outputs[task].units[label as usize];
        let rows: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        Ok(self.data.batch((&[self.task], None), &rows, unit))
    }

    /// The summed loss of passes at the current weights, in evaluation mode.
    ///
    /// # Errors
    ///
    /// When a pass asks for what the view has not.
    pub fn loss(&mut self, view: &View, passes: &[Pass]) -> Result<f64, LearnError> {
        Ok(self.engine.loss(self.workspace, self.model, view, passes)?)
    }

    /// How many classes the current task has.
    pub fn classes(&self) -> usize {
        self.data.stream.tasks[self.task].classes.len()
    }

    /// How many classes with an output of their own the tasks have that are known now: all of the
    /// stream, or those so far where tasks arrive one by one.
    pub fn known_classes(&self) -> usize {
        self.data.stream.outputs(self.setting)
    }

    /// Appends a parameter of the strategy's own.
    pub fn append(&mut self, name: &str, shape: &[usize], init: Init) -> SlotId {
        self.model.append(name, shape, init, self.key.seed)
    }

    /// Appends a trunk of `network` for a strategy that isolates columns; says its index in
    /// [`Model::columns`].
    pub fn append_column(&mut self, network: &Graph) -> usize {
        self.model.append_column(network, self.key.seed)
    }

    /// Appends a trunk that [shares the weights](Model::append_column_over) of column `from`, for
    /// a strategy that isolates; says its index in [`Model::columns`].
    pub fn append_column_over(&mut self, network: &Graph, from: usize) -> usize {
        self.model.append_column_over(network, from, self.key.seed)
    }

    /// Appends the current task's own head over `features`, for a strategy that isolates; says
    /// its index in [`Model::heads`].
    pub fn append_head(&mut self, features: usize) -> usize {
        let labels = self.classes();
        let head = self.model.append_head(features, labels, self.key.seed);
        let units = self.model.heads[head].units.clone();
        self.model.outputs.truncate(self.task);
        self.model.outputs.push(Outputs {
            units: units.clone().map(|unit| unit as u32).collect(),
            among: Among::Own(units),
        });
        head
    }

    /// Sets every weight and buffer back to a start of its own for this task.
    pub fn start_afresh(&mut self) {
        let key = Key { seed: self.key.seed, task: self.task as u64, ..Key::default() };
        self.model.start_afresh(key);
    }
}
