//! The document that a comparison leaves behind (`result.json`): written by the program,
//! read by the report, and a promise to everyone who parses it.
//!
//! Accuracies are fractions in `[0, 1]`. A number that does not exist (an answer the learner
//! cannot give yet, forward transfer with untrained heads) is `null`, here `None`.

mod figures;
mod read;
mod within;

use std::collections::BTreeMap;

use perennial_metrics::{Accuracy, LearningCurves};
use serde::{Deserialize, Serialize};

use crate::format;

pub use figures::{Column, Conflicts, Decision, Figures, Importance, Moves, Owned};
pub use within::WithinTasks;

/// The schema of the documents that this crate writes, and the newest that it reads.
pub const SCHEMA: &str = "perennial.compare/1";

/// Every strategy on one stream of tasks, over one or many seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program that wrote the document.
    pub version: String,
    /// Name of the benchmark, e.g. `permuted-mnist`.
    pub benchmark: String,
    /// Who tells the network which task it faces: `task`, `domain` or `class`.
    pub setting: String,
    /// Number of tasks T.
    pub tasks: usize,
    /// A name for each task, in the order of training: T of them.
    pub task_names: Vec<String>,
    /// The architecture, e.g. `mlp:100x100`.
    pub network: String,
    /// How every strategy was trained: optimiser, learning rate, batch, epochs, samples, seeds.
    pub training: BTreeMap<String, String>,
    /// The command that makes this document again.
    pub command: String,
    /// Where the seconds were measured.
    pub machine: Machine,
    /// What each strategy is, for readers who meet it here.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// Strategies that this comparison cannot run, with the reason.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// Settings that were chosen before, on what is not reported here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<Tuned>,
    /// What was understood of the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Data>,
    /// One cell a strategy and seed.
    pub runs: Vec<Cell>,
}

/// What was understood of the data that tasks come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// In one line.
    pub line: String,
    /// What was guessed and what was left out, a sentence each.
    pub remarks: Vec<String>,
    /// The same by key: format, shape, columns, label, classes, scale, parts.
    #[serde(flatten)]
    pub understood: serde_json::Map<String, serde_json::Value>,
}

/// The computer that a comparison ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Cores that the program could use.
    pub cores: usize,
    /// Model of the processor.
    pub cpu: String,
    /// Operating system and architecture.
    pub os: String,
}

/// A strategy in words: the same text in the program's lists and in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// Its name in the program, e.g. `ewc`.
    pub strategy: String,
    /// Its name in the literature, e.g. `Elastic weight consolidation`.
    pub title: String,
    /// Authors, year, title.
    pub paper: String,
    /// What it does, in two sentences.
    pub does: String,
    /// Its objective or update, in plain text.
    pub formula: String,
    /// What it keeps between tasks.
    pub keeps: String,
}

/// How a strategy's settings were chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// The strategy's name in the program.
    pub strategy: String,
    /// On which tasks and seeds, and by which part of them.
    pub on: String,
    /// What was tried, in order.
    pub tried: Vec<Tried>,
    /// Which of them was chosen.
    pub chosen: usize,
}

/// One choice of settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The settings as they are written after `--set`, such as `ewc.lambda=10`.
    pub settings: String,
    /// Mean ACC; `None` where a run failed.
    pub acc: Option<f64>,
}

impl Tuned {
    /// What was chosen and from what, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let acc = |tried: &Tried| tried.acc.map_or_else(|| "failed".into(), format::fraction);
        let tried = |tried: &Tried| format!("{} ({})", tried.settings, acc(tried));
        let all: Vec<String> = self.tried.iter().map(tried).collect();
        let chosen = self.tried.get(self.chosen).map_or("nothing", |tried| &tried.settings);
        format!("{chosen} was chosen on {}; mean ACC there: {}.", self.on, all.join(", "))
    }
}

/// A strategy that was asked for and cannot run in this comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name in the program.
    pub strategy: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// One strategy with one seed: finished, or failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// It ran to its end.
    Done(Box<Run>),
    /// It did not; the other cells are unharmed.
    Failed(FailedRun),
    /// It has not ended; in a folder that is looked at while it runs, or was stopped.
    Begun(BegunRun),
}

/// A finished run: one strategy, one seed, the whole stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The strategy's name in the program.
    pub strategy: String,
    /// The seed of everything random in the run.
    pub seed: u64,
    /// The strategy's own settings, defaults included.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// R: `T + 1` rows of T numbers; row 0 is the untrained network, row i after task i.
    pub accuracy: Accuracy,
    /// Mean accuracy over all tasks after the last.
    pub acc: Option<f64>,
    /// Backward transfer: mean change of a task's accuracy from just learnt to the end.
    pub bwt: Option<f64>,
    /// Forward transfer: mean gain on a task before it is trained.
    pub fwt: Option<f64>,
    /// Mean drop of a task's accuracy from its best to the end.
    pub forgetting: Option<f64>,
    /// Mean accuracy on each task just after it was learnt.
    pub learning_accuracy: Option<f64>,
    /// Mean over k of the mean accuracy on the tasks learnt so far after k tasks: every task counts
    /// the same.
    #[serde(default)]
    pub average_incremental_accuracy: Option<f64>,
    /// The same where every test row counts the same, as in iCaRL.
    #[serde(default)]
    pub average_incremental_accuracy_by_rows: Option<f64>,
    /// The area under the learning curve, LCA_β: see `learning_curves`; `None` where that was not
    /// asked for or there is no curve.
    #[serde(default)]
    pub lca: Option<f64>,
    /// How much worse the last task was learnt than by joint training from scratch with the same
    /// seed; `None` where the document has no such run.
    #[serde(default)]
    pub intransigence: Option<f64>,
    /// Steps of the optimiser, in all tasks.
    pub steps: u64,
    /// Test rows of each task that accuracies were measured on: T of them; none in documents of
    /// programs that did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_rows: Vec<u64>,
    /// Of each task's test rows the share of the most frequent class, which is what always saying it
    /// gets right: T of them; empty in documents from before it was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub largest_class: Vec<f64>,
    /// Wall-clock seconds of training.
    pub train_seconds: f64,
    /// Wall-clock seconds of evaluation.
    pub eval_seconds: f64,
    /// Seconds of training by what they were spent on, where that was measured; of a run that was
    /// interrupted, those since it went on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, f64>,
    /// Trainable numbers at the end.
    pub parameters: u64,
    /// What must be kept between tasks.
    pub kept_bytes: KeptBytes,
    /// BLAKE3 of parameters and buffers: equal digests, equal weights.
    pub state_digest: String,
    /// BLAKE3 of the whole state: equal digests, equal learners.
    pub learner_digest: String,
    /// Whether the network was told which task each test sample belongs to.
    pub task_known: bool,
    /// Warnings and remarks of the run.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was measured within tasks; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anytime: Option<WithinTasks>,
    /// Accuracies on each task before its first batch and after each of the next; absent where that
    /// was not asked for. No curves of a strategy that restarts within a task, trains on other rows
    /// than the task's, or answers by what it computes when a task ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_curves: Option<LearningCurves>,
    /// How it answers when it is not told the task, though it has a network for each; absent for
    /// one network for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inferred: Option<Inferred>,
    /// What the strategy counted while it learnt; absent where it counts nothing.
    #[serde(default, skip_serializing_if = "Figures::is_empty")]
    pub figures: Figures,
    /// What tables call it: the strategy's name, or e.g. `joint (5 passes)`.
    pub label: String,
}

/// Bytes that a learner carries from one task to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBytes {
    /// Parameters and buffers.
    pub model: u64,
    /// The strategy's vectors: importances, anchors, masks, old networks.
    pub strategy: u64,
    /// Samples of past tasks.
    pub data: u64,
}

impl KeptBytes {
    /// All of it.
    #[must_use]
    pub fn total(self) -> u64 {
        self.model + self.strategy + self.data
    }
}

/// How a run that has a network for each task answers when it is not told the task: the network
/// that is surest of its answer gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inferred {
    /// What a sure answer has little of: `entropy` or `energy`.
    pub by: String,
    /// Mean accuracy over all tasks.
    pub acc: f64,
    /// Share of right answers on each task: T of them.
    pub accuracy: Vec<f64>,
    /// Share of each task's samples that its own network answered: T of them.
    pub found: Vec<f64>,
}

/// A run that ended in an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// The strategy's name in the program.
    pub strategy: String,
    /// The seed of the run.
    pub seed: u64,
    /// What happened.
    pub error: Failure,
}

/// A run that has not ended: what its log holds so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BegunRun {
    /// The strategy's name in the program.
    pub strategy: String,
    /// The seed of the run.
    pub seed: u64,
    /// The rows of R that are measured; none of a run that waits for its turn.
    pub so_far: Accuracy,
}

/// An error as the program prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A short name that a script can match.
    pub code: String,
    /// What happened, in a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Cell {
    /// The strategy's name in the program.
    #[must_use]
    pub fn strategy(&self) -> &str {
        match self {
            Self::Done(run) => &run.strategy,
            Self::Failed(run) => &run.strategy,
            Self::Begun(run) => &run.strategy,
        }
    }

    /// The seed of the run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        match self {
            Self::Done(run) => run.seed,
            Self::Failed(run) => run.seed,
            Self::Begun(run) => run.seed,
        }
    }
}

impl Comparison {
    /// The finished runs, in the document's order.
    pub fn done(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter_map(|cell| match cell {
            Cell::Done(run) => Some(&**run),
            Cell::Failed(_) | Cell::Begun(_) => None,
        })
    }

    /// The failed runs, in the document's order.
    pub fn failed(&self) -> impl Iterator<Item = &FailedRun> {
        self.runs.iter().filter_map(|cell| match cell {
            Cell::Failed(run) => Some(run),
            Cell::Done(_) | Cell::Begun(_) => None,
        })
    }

    /// The runs that have not ended, in the document's order.
    pub fn begun(&self) -> impl Iterator<Item = &BegunRun> {
        self.runs.iter().filter_map(|cell| match cell {
            Cell::Begun(run) => Some(run),
            Cell::Done(_) | Cell::Failed(_) => None,
        })
    }
}
