//! Metrics of what happens *inside* tasks (De Lange, van de Ven & Tuytelaars, *Continual Evaluation
//! for Lifelong Learning: Identifying the Stability Gap*, 2023,
//! <https://arxiv.org/abs/2205.13452>).
//!
//! R looks only when a task has ended. A method may drop an old task to nothing in the first steps
//! of a new one and win it back by its end, which R never shows: the stability gap.

use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(test)]
mod tests;

use crate::accuracy::not_a_fraction;
use crate::mean;

/// One evaluation inside a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// n: how many training steps of the whole run came before it, at least 1.
    pub step: u64,
    /// The task being learnt, counted from 0: k(n) − 1.
    pub task: usize,
    /// `a_i(n)`: the accuracy on each task's fixed subset of its test set, `[tasks]`, from 0 to 1;
    /// `None` for an answer that does not exist.
    pub accuracies: Vec<Option<f64>>,
}

/// The evaluations inside the tasks of one run, every few steps.
///
/// Every task should also be evaluated after its last step, because a task's last evaluation stands
/// for its end. The stability gap lasts few steps: with a long period it falls between two
/// evaluations, so numbers of different periods do not compare.
///
/// # The example of every metric
///
/// ```
/// # use perennial_metrics::{AnytimeLog, Evaluation};
/// let mut log = AnytimeLog::new(2, 10);
/// for (step, task, accuracies) in [
///     (10, 0, [0.5, 0.25]),
///     (20, 0, [0.75, 0.25]), // task 1 ends
///     (30, 1, [0.25, 0.5]),  // the gap: task 1 is down …
///     (40, 1, [0.5, 0.75]),  // … and half back when task 2 ends
/// ] {
///     log.push(Evaluation { step, task, accuracies: accuracies.map(Some).to_vec() })?;
/// }
/// let within = log.summary(3);
/// assert_eq!((within.period, within.evaluations), (10, 4));
/// // ( .5 + .75 + (.25 + .5)/2 + (.5 + .75)/2 ) / 4 = 2.25 / 4
/// assert_eq!(within.aaa, Some(0.5625));
/// assert_eq!(within.min_acc, Some(0.25)); // the lowest of task 1 after it was learnt
/// // .75/2 + (1 − 1/2) · .25
/// assert_eq!(within.wc_acc, Some(0.5));
/// // task 1 fell .75 → .25, task 2 never: (.5 + 0) / 2
/// assert_eq!(within.wf, Some(0.25));
/// // task 1 rose by .25 at most, task 2 .25 → .75 over three evaluations: (.25 + .5) / 2
/// assert_eq!(within.wp, Some(0.375));
/// # Ok::<(), perennial_metrics::AnytimeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AnytimeLog {
    tasks: usize,
    period: u64,
    evaluations: Vec<Evaluation>,
}

/// The any-time metrics of one run, with what they depend on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Anytime {
    /// Steps between two evaluations. Numbers of different periods do not compare.
    pub period: u64,
    /// How many evaluations there were.
    pub evaluations: usize,
    /// D: the window of `wf` and `wp`, in evaluations.
    pub window: usize,
    /// [Average any-time accuracy](AnytimeLog::aaa).
    pub aaa: Option<f64>,
    /// [Average minimum accuracy](AnytimeLog::min_acc) after all tasks.
    pub min_acc: Option<f64>,
    /// [Worst-case accuracy](AnytimeLog::wc_acc) after all tasks.
    pub wc_acc: Option<f64>,
    /// [Windowed forgetting](AnytimeLog::wf).
    pub wf: Option<f64>,
    /// [Windowed plasticity](AnytimeLog::wp).
    pub wp: Option<f64>,
}

/// Why an evaluation cannot follow those in the log.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AnytimeError {
    /// Not one accuracy a task.
    #[error(
        "The evaluation after step {step} has {found} accuracies, but the run has {expected} \
         tasks; give one accuracy (or null) for each task."
    )]
    Length {
        /// n.
        step: u64,
        /// How many accuracies.
        found: usize,
        /// T.
        expected: usize,
    },
    /// A task that the run does not have.
    #[error(
        "The evaluation after step {step} names the task at position {task}, but the run's \
         {tasks} tasks have the positions from 0; correct the position."
    )]
    NoSuchTask {
        /// n.
        step: u64,
        /// The task named.
        task: usize,
        /// T.
        tasks: usize,
    },
    /// Steps or tasks run backwards.
    #[error(
        "The evaluation after step {step} of the task at position {task} follows that after step \
         {last_step} of the task at position {last_task}; steps must grow from 1 and tasks must \
         not go back, so push the evaluations in the order in which they were made."
    )]
    OutOfOrder {
        /// n.
        step: u64,
        /// The task.
        task: usize,
        /// The step before; 0 when there was none.
        last_step: u64,
        /// The task before; 0 when there was none.
        last_task: usize,
    },
    /// A value that is no fraction.
    #[error(
        "The evaluation after step {step} says {value} for the task at position {task}, but an \
         accuracy is a fraction from 0 to 1; divide percentages by 100, and write null for an \
         answer that does not exist."
    )]
    NotAFraction {
        /// n.
        step: u64,
        /// Which task.
        task: usize,
        /// What was found there.
        value: f64,
    },
}

impl AnytimeLog {
    /// An empty log of a run on `tasks` tasks that is evaluated every `period` steps.
    #[must_use]
    pub fn new(tasks: usize, period: u64) -> Self {
        Self { tasks, period, evaluations: Vec::new() }
    }

    /// Appends the next evaluation.
    ///
    /// # Errors
    ///
    /// When it has not one accuracy a task, names a task that does not exist, does not come after
    /// the last one, or holds a value that is no fraction from 0 to 1. The log is unchanged then.
    pub fn push(&mut self, evaluation: Evaluation) -> Result<(), AnytimeError> {
        let Evaluation { step, task, ref accuracies } = evaluation;
        if accuracies.len() != self.tasks {
            let found = accuracies.len();
            return Err(AnytimeError::Length { step, found, expected: self.tasks });
        }
        if task >= self.tasks {
            return Err(AnytimeError::NoSuchTask { step, task, tasks: self.tasks });
        }
        let (last_step, last_task) =
            self.evaluations.last().map_or((0, 0), |last| (last.step, last.task));
        if step <= last_step || task < last_task {
            return Err(AnytimeError::OutOfOrder { step, task, last_step, last_task });
        }
        if let Some((task, value)) = not_a_fraction(accuracies) {
            return Err(AnytimeError::NotAFraction { step, task, value });
        }
        self.evaluations.push(evaluation);
        Ok(())
    }

    /// The evaluations so far, in order.
    #[must_use]
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.evaluations
    }

    /// All any-time metrics, with the windows of forgetting and plasticity `window` evaluations
    /// long.
    #[must_use]
    pub fn summary(&self, window: usize) -> Anytime {
        Anytime {
            period: self.period,
            evaluations: self.evaluations.len(),
            window,
            aaa: self.aaa(),
            min_acc: self.min_acc(self.tasks),
            wc_acc: self.wc_acc(self.tasks),
            wf: self.wf(window),
            wp: self.wp(window),
        }
    }

    /// AAA, average any-time accuracy: how good it was at any moment on what it had met.
    ///
    /// `AAA = mean_n mean_{i≤k(n)} a_i(n)`. The task being learnt counts, later ones do not.
    ///
    /// Each evaluation counts the same, so a task of more steps weighs more.
    #[must_use]
    pub fn aaa(&self) -> Option<f64> {
        mean(self.evaluations.iter().map(|now| mean((0..=now.task).map(|i| now.accuracy(i)))))
    }

    /// `min-ACC_k`, average minimum accuracy: the lowest each old task ever was after it had been
    /// learnt, up to the end of the `k`-th task (`2..=T`).
    ///
    /// `min-ACC_k = 1/(k−1) · Σ_{i<k} min_{n>e_i} a_i(n)`, `e_i` the last step of task i.
    ///
    /// `None` before the k-th task has been evaluated. During it, the number is that of the steps
    /// made so far.
    #[must_use]
    pub fn min_acc(&self, k: usize) -> Option<f64> {
        self.last_of(k)?;
        mean((0..k - 1).map(|i| {
            let after = self.evaluations.iter().filter(|now| (i + 1..k).contains(&now.task));
            let after: Option<Vec<f64>> = after.map(|now| now.accuracy(i)).collect();
            after?.into_iter().reduce(f64::min)
        }))
    }

    /// `WC-ACC_k`, worst-case accuracy after `k` tasks (`2..=T`): the newest task as it is, the old
    /// ones at their worst.
    ///
    /// `WC-ACC_k = 1/k · a_k + (1 − 1/k) · min-ACC_k`, with `a_k` of the task's last evaluation.
    #[must_use]
    pub fn wc_acc(&self, k: usize) -> Option<f64> {
        let newest = self.last_of(k)?.accuracy(k - 1)?;
        let share = 1.0 / k as f64;
        Some(share * newest + (1.0 - share) * self.min_acc(k)?)
    }

    /// `WF^D`, windowed forgetting: how far a task fell within any `window` = D consecutive
    /// evaluations, at worst; the mean over the tasks.
    ///
    /// `WF^D = mean_i max_{m<n<m+D} (a_i(m) − a_i(n))`.
    ///
    /// Negative for tasks that only rose. Evaluations without an answer for a task are left out of
    /// its windows. `None` when some task has no two answers within a window, so always for
    /// D < 2. The window is D − 1 periods of steps long: state both.
    #[must_use]
    pub fn wf(&self, window: usize) -> Option<f64> {
        self.largest_change(window, |before, now| before - now)
    }

    /// `WP^D`, windowed plasticity: how far a task rose within any `window` = D consecutive
    /// evaluations, at best; the mean over the tasks.
    ///
    /// `WP^D = mean_i max_{m<n<m+D} (a_i(n) − a_i(m))`; as [`wf`](Self::wf) otherwise.
    ///
    /// Tasks are seen to rise from their first answer on: a run that evaluates a task only once it
    /// is being learnt misses the rise of its first steps.
    #[must_use]
    pub fn wp(&self, window: usize) -> Option<f64> {
        self.largest_change(window, |before, now| now - before)
    }

    /// The last evaluation of the `k`-th task.
    fn last_of(&self, k: usize) -> Option<&Evaluation> {
        let task = k.checked_sub(1)?;
        self.evaluations.iter().rev().find(|now| now.task == task)
    }

    /// The mean over tasks of the largest `change(before, now)` within `window` evaluations.
    fn largest_change(&self, window: usize, change: impl Fn(f64, f64) -> f64) -> Option<f64> {
        mean((0..self.tasks).map(|i| {
            let course = self.evaluations.iter().enumerate();
            let changes = course.filter_map(|(n, now)| {
                let earlier = &self.evaluations[(n + 1).saturating_sub(window).min(n)..n];
                let now = now.accuracy(i)?;
                let befores = earlier.iter().filter_map(|before| before.accuracy(i));
                befores.map(|before| change(before, now)).reduce(f64::max)
            });
            changes.reduce(f64::max)
        }))
    }
}

impl Evaluation {
    /// `a_i(n)` of the task at position `i`.
    fn accuracy(&self, i: usize) -> Option<f64> {
        *self.accuracies.get(i)?
    }
}
