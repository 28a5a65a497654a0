//! What a paper adds to plain training: the trait every method implements, and its laws.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::SlotId;
pub use crate::descent::{Descent, Moved, Went};
use crate::engine::{Frozen, Logits};
pub use crate::learner::ClassHead;
use crate::learner::{Context, LearnError, Training};
use crate::model::{Model, View};
use crate::parts::means::ClassMeans;
use crate::parts::memory::{Budget, Memory};
use crate::scenario::{Setting, Stream};
use perennial_nn::loss::Pass;

/// A method of lifelong learning: saved state plus hooks. The empty implementation, with every
/// hook at its default, is fine-tuning.
///
/// For each task t the driver runs
///
/// ```text
/// begin_task
/// while let Some(phase) = next_phase(outcome of the last phase)
///     for each epoch, for each batch drawn from pool(t), steps_per_batch times
///         passes ← objective(batch)
///         g      ← gradient at the effective weights of view(t), over the active slots
///         g      ← edit_gradient(g)
///         for each active slot: descend, which of each weight does
///             ĝ  ← pull(g, θ)
///             Δ  ← optimiser(ĝ); Δ[frozen] = 0
///             θ  ← θ + Δ
///             follow(g, ĝ, Δ)
///         after_step(batch, logits, loss)
/// end_task
/// evaluate every task → one row of R
/// ```
///
/// In a blurred stream ([`Training::blurry`]) the rows of a batch may be of any tasks, of the current
/// one or not; [`Batch::tasks`] says of which. In a stream whose borders are not told
/// ([`Training::no_borders`]) `begin_task` comes before the first batch of all and `end_task` after the
/// last, every task is one plain phase, and `next_phase` is not called. Only methods whose card
/// [says so](Card::needs_borders) meet either.
///
/// [`Training::blurry`]: crate::learner::Training::blurry
/// [`Training::no_borders`]: crate::learner::Training::no_borders
///
/// # Laws
///
/// 1. All state is in `self`, which is saved together with θ. No clocks, no files, no globals.
///    Randomness comes only from [`Context::generator`], a pure function of the seed, the
///    position and a purpose.
/// 2. Indices of θ never move; growth appends. A vector made before growth is a prefix: of
///    weights beyond its end it knows nothing (a `zip` ends with the shorter). What was grown in
///    the current task may be taken back by the strategy that grew it; nothing older ever is.
/// 3. [`card`](Self::card), [`pool`](Self::pool), [`steps_per_batch`](Self::steps_per_batch),
///    [`within_task`](Self::within_task), [`impossible`](Self::impossible), [`check`](Self::check),
///    [`frozen`](Self::frozen), [`view`](Self::view), [`class_means`](Self::class_means),
///    [`memory`](Self::memory) and [`figures`](Self::figures) are pure.
///    Running statistics that a view calls fixed are used and
///    never moved.
/// 4. The driver works on the *active* slots: those that take part in this step's passes and are
///    not frozen whole. Everything else does not move by one bit under any optimiser, momentum
///    or weight decay, and has no optimiser state. The gradient is taken at the weights after
///    the view's mask, so a masked weight shows what it would receive if it were used.
/// 5. Past data exist for a strategy only if its card says so, and it never keeps more than its
///    card says.
///
/// A hook that is cut by a stop signal is run again from the state before it; a long one asks
/// [`Context::stopped`] and returns its error.
pub trait Strategy: erased_serde::Serialize + Send {
    /// What the method is and what it keeps: printed in every report.
    fn card(&self) -> Card;

    /// The settings as they stand, for reports: a flat JSON object.
    fn settings(&self) -> serde_json::Value;

    /// Why it cannot work in a setting; `None` where it can. Asked when a learner is made. Pure.
    fn impossible(&self, setting: Setting) -> Option<String> {
        let _ = setting;
        None
    }

    /// Refuses what its settings cannot be in the run that is ahead. Asked when a learner is made, before
    /// anything is trained. Pure.
    ///
    /// # Errors
    ///
    /// [`LearnError::BadSetting`], with what would work.
    fn check(&self, ahead: &Ahead<'_>) -> Result<(), LearnError> {
        let _ = ahead;
        Ok(())
    }

    /// The training samples it keeps: what reports count as data, and where a sample is found
    /// by its id. Pure.
    fn memory(&self) -> Option<&Memory> {
        None
    }

    /// Removes every copy of a training sample from its memory; says how many there were.
    fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        let _ = (task, id);
        0
    }

    /// What it counted while learning, for logs and reports: a JSON object with a key a kind,
    /// or null for nothing. Kinds that the report knows, and shows, are the fields of
    /// `perennial_report::document::Figures`. Pure.
    fn figures(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Called once a task, after the driver appended the head that the setting asks for; may
    /// grow the network. A strategy whose card [isolates](Isolation) appends its own parts
    /// here.
    ///
    /// # Errors
    ///
    /// Whatever keeps the method from learning this task; the learner stays as it was before.
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let _ = cx;
        Ok(())
    }

    /// Called after `begin_task` with `None`, then after each phase with its outcome: the next
    /// phase, or `None` to end the task. May change θ: prune, widen, roll back.
    ///
    /// # Errors
    ///
    /// As [`begin_task`](Self::begin_task).
    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let _ = cx;
        Ok(last.is_none().then(Phase::default))
    }

    /// Which rows batches are drawn from. Pure.
    fn pool(&self) -> Pool {
        Pool::Current
    }

    /// How many steps the optimiser makes on each batch, at least 1, each with an objective of its
    /// own. An epoch then has this many times as many steps as batches. Pure.
    fn steps_per_batch(&self) -> usize {
        1
    }

    /// What accuracies between the steps of a task say of it. Pure.
    fn within_task(&self) -> WithinTask {
        WithinTask::Course
    }

    /// Called each step: what the network should say. The default is the mean cross-entropy of
    /// the batch.
    ///
    /// # Errors
    ///
    /// As [`begin_task`](Self::begin_task).
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        Ok(vec![cx.labelled(batch)])
    }

    /// Called each step between gradient and optimiser: what looks at the gradient as a whole,
    /// such as a projection.
    ///
    /// # Errors
    ///
    /// As [`begin_task`](Self::begin_task).
    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        let _ = (gradient, cx);
        Ok(())
    }

    /// Called each step, after [`edit_gradient`](Self::edit_gradient), for each active slot: moves
    /// it. A penalty that is a sum over weights pulls at each of them here, and what gathers weight
    /// by weight, such as a path integral, follows it.
    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        slot.go()
    }

    /// Which weights may not move while task `task` trains. Pure; asked at the start of each
    /// phase and when [`after_step`](Self::after_step) says so.
    fn frozen(&self, task: usize, model: &Model) -> Frozen {
        let _ = (task, model);
        Frozen::default()
    }

    /// Called each step after all of θ moved.
    ///
    /// # Errors
    ///
    /// As [`begin_task`](Self::begin_task).
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        let _ = (step, cx);
        Ok(Changed::Nothing)
    }

    /// Called once when the task's last phase ended: importances, memories, teachers.
    ///
    /// # Errors
    ///
    /// As [`begin_task`](Self::begin_task).
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        let _ = cx;
        Ok(())
    }

    /// The network that trains on and answers task `task`. Pure; asked at the start of each
    /// phase, when [`after_step`](Self::after_step) says so, and for every evaluation.
    fn view(&self, task: usize, model: &Model) -> View {
        model.shared_view(task)
    }

    /// The means of classes, where the nearest of them answers in place of the largest logit: a unit's
    /// score is −‖x − μ‖², and a unit without a mean is never chosen. A task is not answered while none
    /// of its units has a mean. Pure; asked for every evaluation.
    fn class_means(&self) -> Option<&ClassMeans> {
        None
    }
}

erased_serde::serialize_trait_object!(Strategy);

/// What is known of a run before it begins.
#[derive(Clone, Copy, Debug)]
pub struct Ahead<'a> {
    /// Which heads it has.
    pub setting: Setting,
    /// How it trains.
    pub training: &'a Training,
    /// Its tasks; `None` where they arrive one by one.
    pub stream: Option<&'a Stream>,
}

/// What a method is and what it asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Its name in the program.
    pub name: &'static str,
    /// Its name in full.
    pub title: &'static str,
    /// Authors, title, year and link; empty for baselines that no paper owns.
    pub paper: &'static str,
    /// What it does, in two sentences.
    pub does: &'static str,
    /// Its objective or update as a line of text.
    pub formula: &'static str,
    /// What it keeps between tasks.
    pub keeps: Keeps,
    /// What of the network belongs to one task alone.
    pub isolation: Isolation,
    /// When a class gets its output in the class setting, where nobody says and the stream is known.
    pub class_head: ClassHead,
    /// Why it must know where a task begins and ends, as the end of a sentence; `None` for a method
    /// that learns from streams without borders ([`Training::is_borderless`]), too.
    ///
    /// [`Training::is_borderless`]: crate::learner::Training::is_borderless
    pub needs_borders: Option<&'static str>,
    /// Whether it selects by validation accuracy and so needs a validation part.
    pub validation: bool,
    /// What the conformance suite holds it to.
    pub promises: Promises,
}

impl Card {
    /// The share of a task's training rows that the strategy sets apart to choose by where nobody
    /// says: a tenth, or 0 where it does not choose.
    #[must_use]
    pub fn validation_share(&self) -> f64 {
        if self.validation { 0.1 } else { 0.0 }
    }
}

/// What the conformance suite holds a method to on three toy tasks of permuted digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Promises {
    /// The setting of the promise.
    pub setting: Setting,
    /// Epochs a task.
    pub epochs: usize,
    /// Accuracy on the newest task is at least this; `None` for a method that may not learn it.
    pub newest: Option<f64>,
    /// ACC is at least fine-tuning's and this; `None` for a method that may not be better.
    pub margin: Option<f64>,
    /// In the class setting, on five tasks of two digits each, ACC is at least fine-tuning's and this,
    /// whether the head grows or has all classes from the start; `None` for a method that may not be
    /// better.
    pub class_margin: Option<f64>,
    /// On the first task it is fine-tuning, bit for bit.
    pub first_task_is_finetuning: bool,
}

/// What a strategy keeps between tasks beside θ, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeps {
    /// Nothing but a few numbers.
    Nothing,
    /// This many vectors of θ's length in all.
    Vectors(usize),
    /// This many vectors of θ's length for each task.
    VectorsPerTask(usize),
    /// Training samples up to this budget in all, with this many vectors of θ's length.
    Samples {
        /// Samples in all.
        most: Budget,
        /// Vectors in all.
        vectors: usize,
    },
    /// Training samples up to this budget for each task.
    SamplesPerTask {
        /// Samples a task.
        most: Budget,
    },
    /// The task that owns each weight of θ: ⌈log₂(tasks + 1)⌉ bits a weight.
    Owners {
        /// Whether also a bit for each task and older weight: which of them it picked.
        picks: bool,
        /// While a task is learnt, this many vectors of θ's length in all.
        working: usize,
    },
    /// All training data of all tasks.
    AllData,
}

/// What of the network belongs to one task alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Nothing: the driver appends one trunk and the heads that the setting asks for.
    Shared,
    /// A head: the driver appends one trunk, the strategy a head a task
    /// ([`Context::append_head`]). Needs the task's name to answer.
    Head,
    /// A whole column with its head, both appended by the strategy
    /// ([`Context::append_column`]). Needs the task's name to answer.
    Column,
}

/// Which rows batches are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The training rows of the current task.
    Current,
    /// The training rows of all tasks so far: only for a card that keeps [all data](Keeps::AllData).
    SoFar,
    /// The rows of the strategy's own [memory](Strategy::memory), whatever their tasks, and no
    /// others. The memory must not change while a phase trains.
    Memory,
    /// The training rows of the current task and those of the [memory](Strategy::memory), each row
    /// once an epoch. The memory must not change while a phase trains.
    CurrentAndMemory,
}

/// What accuracies that are measured between the steps of a task say of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithinTask {
    /// How far its learning is.
    Course,
    /// Less, for they fall where it starts a task's training again from weights of before. They are
    /// measured, but reports have no any-time metrics of it, and there is no learning curve.
    Restarts,
    /// Nothing, for it answers by what it computes when a task ends. They are not measured.
    Unanswered,
}

/// One pass of training over the pool: a task is one or more of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What it is for: `train`, `prune`, `retrain`, …
    pub name: String,
    /// Epochs; `None` for the share of what the run's settings say.
    pub epochs: Option<usize>,
    /// The part of a task's steps by the run's settings that this phase has, at least one step:
    /// shares that add up to 1 make a task as long as any other method's.
    pub share: f64,
    /// Multiplies the run's learning rate.
    pub lr_factor: f32,
    /// Whether the optimiser's moments of the phase before go on; a task's first phase goes by
    /// the run's settings.
    pub keep_optimizer: bool,
    /// Whether it begins with fresh weights: then no moments go on, whatever the run's settings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Whether its outcome has the accuracy on the validation part.
    pub validate: bool,
}

impl Default for Phase {
    fn default() -> Self {
        Self {
            name: "train".into(),
            epochs: None,
            share: 1.0,
            lr_factor: 1.0,
            keep_optimizer: false,
            fresh: false,
            validate: false,
        }
    }
}

/// How a phase ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The phase.
    pub phase: Phase,
    /// Steps made.
    pub steps: u64,
    /// Mean loss over its steps; `None` without steps.
    pub loss: Option<f64>,
    /// Accuracy on the current task's validation part, if the phase asked.
    pub validation: Option<f64>,
}

/// Labelled rows drawn from the pool, sorted by task.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// `[rows, inputs]`, scaled.
    pub inputs: Vec<f32>,
    /// The output unit that each row should activate.
    pub units: Vec<u32>,
    /// Each row's number in the data of its task.
    pub ids: Vec<u64>,
    /// Each row's index in the training part of its task: where
    /// [`Context::samples`](crate::learner::Context::samples) has it as it is stored. A row that was
    /// drawn from the strategy's [memory](Strategy::memory) has its place there instead.
    pub rows: Vec<usize>,
    /// Runs of rows of one task: (task, rows).
    pub tasks: Vec<(usize, Range<usize>)>,
}

impl Batch {
    /// Appends a row whose numbers were appended to `inputs`. Rows come sorted by task.
    pub(crate) fn push(&mut self, task: usize, unit: u32, id: u64, row: usize) {
        let at = self.units.len();
        match self.tasks.last_mut() {
            Some((last, rows)) if *last == task => rows.end = at + 1,
            _ => self.tasks.push((task, at..at + 1)),
        }
        self.units.push(unit);
        self.ids.push(id);
        self.rows.push(row);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

/// A gradient over θ, of which only the active slots mean anything.
#[derive(Debug)]
pub struct Gradient<'a> {
    /// Over θ; 0 or stale outside `active`.
    pub values: &'a mut [f32],
    /// The slots that take part in this step, ascending.
    pub active: &'a [SlotId],
}

/// What a step did.
#[derive(Debug)]
pub struct Step<'a> {
    /// The rows it trained on.
    pub batch: &'a Batch,
    /// The logits of each pass of the objective, in order.
    pub logits: &'a [Logits],
    /// The objective's value before the step.
    pub loss: f64,
    /// The share of the phase's steps that are done, this one included: above 0, at most 1.
    pub done: f64,
}

/// What [`Strategy::after_step`] changed of what the driver holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Neither view nor frozen weights.
    Nothing,
    /// Ask `view` and `frozen` again.
    View,
}
