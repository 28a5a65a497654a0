//! The command line. A setting of a comparison is defined once, here, and is a flag, a key of
//! `--set` and a key of the configuration file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use perennial::learner::{ClassHead, Remainder};
use perennial::parts::memory::Budget;
use perennial::scenario::Setting;
use serde::{Deserialize, Serialize};

use crate::learner::args as learner;
use crate::reproduce::Reproduce;

/// Lifelong learning: teach a network task after task, and see what it forgets.
///
/// Without a command, every strategy is compared on the digits that are built in: what
/// forgetting is, and what it costs to avoid it, in under a minute.
#[derive(Debug, Parser)]
#[command(name = "perennial", version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare strategies on one stream of tasks, under equal conditions.
    Compare(Box<Compare>),
    /// Run published tables and say which of their numbers come out. Exit code 1 if a cell that
    /// ran is not reproduced.
    Reproduce(Box<Reproduce>),
    /// What there is: strategies, benchmarks, networks, protocols.
    List(List),
    /// Write the HTML report of run folders: of one comparison or of several.
    Report(Report),
    /// Follow a run as it happens, on a local page.
    Watch(Watch),
    /// Image sets: fetch them, or list what is there.
    Data(Data),
    /// Make a learner that is taught task after task, and kept.
    Init(learner::Init),
    /// Teach a learner a task; what it knows may not become worse.
    Teach(Box<learner::Teach>),
    /// Measure how well a learner answers its tasks, or other data.
    Eval(learner::Eval),
    /// Let a learner answer samples.
    Predict(learner::Predict),
    /// What a learner was taught, version by version.
    History(learner::OfLearner),
    /// What became better and what worse from one version to another.
    Diff(learner::Diff),
    /// Go back to an earlier version.
    Rollback(learner::Rollback),
    /// Give a version a name, by which it is kept.
    Tag(learner::Tag),
    /// Use a version that the gate refused, and say why.
    Promote(learner::Promote),
    /// Make a learner forget a training sample that it keeps.
    ForgetSample(learner::ForgetSample),
    /// Read and hash everything a learner has.
    Verify(learner::OfLearner),
    /// Say which versions nobody needs any more, or remove them.
    Gc(learner::Gc),
    /// Write a version as one safetensors file.
    Export(learner::Export),
    /// Make a learner of an exported file.
    Import(learner::Import),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// One cell of a comparison; started by `compare`.
    #[command(hide = true)]
    Worker,
}

#[derive(Debug, Default, Args)]
#[command(args_override_self = true)] // the last of a flag's values counts
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) choices: Choices,
    /// Any setting by its key: STRATEGY.KEY, optimizer.KEY, or a flag's name without dashes.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Try these values of a strategy's setting first and run with the best. What they are tried
    /// on, by --tune-tasks or --tune-seeds, is not reported, and they are judged by a validation
    /// part.
    #[arg(long, value_name = "KEY=a,b,c")]
    pub(crate) tune: Vec<String>,
    /// Tune on the first so many tasks of each stream, and report those after them.
    #[arg(long, value_name = "K", requires = "tune", conflicts_with = "tune_seeds",
          value_parser = whole::<usize>)]
    pub(crate) tune_tasks: Option<usize>,
    /// Tune on the streams of so many seeds after those reported, where another seed makes other
    /// tasks.
    #[arg(long, value_name = "N", requires = "tune", value_parser = whole::<u64>)]
    pub(crate) tune_seeds: Option<u64>,
    /// A TOML file of settings; flags and --set go before it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The run's folder. The same command goes on with what is there
    /// [default: a fresh one in runs/].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Serve a local page that follows the run; its address is said on standard error.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// What can be said of a comparison; what is not said is the default's.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Choices {
    /// The stream of tasks, `perennial list benchmarks` [default: permuted-digits].
    #[arg(value_name = "BENCHMARK")]
    pub(crate) benchmark: Option<String>,
    /// Names of strategies, or all of them [default: all].
    #[arg(long, value_name = "a,b|all")]
    pub(crate) strategies: Option<String>,
    /// How many seeds, from 0 [default: 3].
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = whole::<u64>)]
    pub(crate) seeds: Option<u64>,
    /// One seed.
    #[arg(long, value_name = "S", value_parser = whole::<u64>)]
    pub(crate) seed: Option<u64>,
    /// Tasks in the stream [default: 5].
    #[arg(long, value_name = "T", value_parser = whole::<usize>)]
    pub(crate) tasks: Option<usize>,
    /// Training samples a task [default: all].
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) samples_per_task: Option<usize>,
    /// A head per task, one for all, or one that grows [default: domain; task for split].
    #[arg(long, value_name = "task|domain|class", value_parser = setting)]
    pub(crate) setting: Option<Setting>,
    /// When a class gets its output with --setting class: with the task that brings it (grow), or
    /// from the start (full) [default: full for der and derpp, and with --blurry or --no-borders; grow
    /// for the others].
    #[arg(long, value_name = "grow|full", value_parser = head)]
    pub(crate) head: Option<ClassHead>,
    /// Blur the borders between tasks: the share of each task's training samples that comes from the
    /// other tasks, drawn by the seed. Every sample still comes up once an epoch, and tests stay as they
    /// are. With --setting domain, or class, where --head is then full; for strategies that need no
    /// borders: finetune, er, er-ace, der, derpp, and agem with agem.choose=reservoir [default: 0].
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = finite::<f64>)]
    pub(crate) blurry: Option<f64>,
    /// Do not tell strategies where tasks begin and end, nor reset the optimizer there. For the same
    /// settings and strategies as --blurry, with which it can be used.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub(crate) no_borders: Option<bool>,
    /// The network, `perennial list networks` [default: mlp:100x100].
    #[arg(long)]
    pub(crate) network: Option<String>,
    /// Passes over each task's samples [default: 1].
    #[arg(long, value_name = "E", value_parser = whole::<usize>)]
    pub(crate) epochs: Option<usize>,
    /// Steps a task instead of epochs: passes are begun until they are made.
    #[arg(long, value_name = "STEPS", conflicts_with = "epochs", value_parser = whole::<u64>)]
    pub(crate) iterations: Option<u64>,
    /// Samples a step [default: 10].
    #[arg(long, value_name = "B", value_parser = whole::<usize>)]
    pub(crate) batch: Option<usize>,
    /// What an epoch does with samples that fill no whole batch: make a smaller last batch (short),
    /// leave them out (drop), or share all of its samples evenly over its batches (even) [default:
    /// even].
    #[arg(long, value_name = "short|drop|even", value_parser = remainder)]
    pub(crate) remainder: Option<Remainder>,
    /// The rule that makes steps of gradients [default: sgd].
    #[arg(long, value_enum)]
    pub(crate) optimizer: Option<Rule>,
    /// Learning rate [default: 0.1].
    #[arg(long, allow_negative_numbers = true, value_parser = finite::<f32>)]
    pub(crate) lr: Option<f32>,
    /// Share of the training samples that is set apart for validation, for all strategies alike.
    /// Where it is 0, a strategy that chooses by validation sets a tenth of its own apart [default:
    /// 0].
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = finite::<f64>)]
    pub(crate) validation: Option<f64>,
    /// How much of the past every method with a memory may keep in all: samples, such as 500, bytes,
    /// such as 2MB, or both, such as 2000|64MB, of which the smaller bound holds. gem and agem keep
    /// samples task by task: each task has an equal share [default: each method's own].
    #[arg(long, value_name = "BUDGET", allow_negative_numbers = true)]
    pub(crate) memory: Option<Budget>,
    /// Test samples a task, drawn once [default: all].
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) eval_samples: Option<usize>,
    /// Measure after every so many tasks, and the last [default: 1].
    #[arg(long, value_name = "TASKS", value_parser = whole::<usize>)]
    pub(crate) eval_every: Option<usize>,
    /// Measure within tasks too, every so many steps, on at most 1,000 test samples a task. The
    /// metrics are null where a strategy restarts within a task (joint from scratch, gdumb, cpg) or
    /// has no answers within it (icarl) [default: never].
    #[arg(long, value_name = "STEPS", value_parser = whole::<u64>)]
    pub(crate) anytime: Option<u64>,
    /// Measure how fast each task is learnt: its accuracy before its first batch and after each of
    /// so many batches, on the test samples. Null where a strategy restarts within a task or trains
    /// on other rows than the task's: joint, gdumb, icarl, cpg [default: never].
    #[arg(long, value_name = "BATCHES", value_parser = whole::<usize>)]
    pub(crate) lca: Option<usize>,
    /// By what strategies with a network for each task guess the task where they are not told it:
    /// the least entropy or energy of an answer [default: entropy].
    #[arg(long, value_enum)]
    pub(crate) infer: Option<Infer>,
    /// Save every so many steps [default: by time].
    #[arg(long, value_name = "STEPS", value_parser = whole::<u64>)]
    pub(crate) save_every: Option<u64>,
    /// Measure what training spends its time on: layers by kind, loss, update. A line a strategy at the
    /// end.
    #[arg(long)]
    pub(crate) profile: bool,
    /// The folder that holds the image sets [default: `PERENNIAL_DATA`, or the cache that
    /// `data fetch` fills].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Cells that run at a time [default: cores].
    #[arg(long, value_name = "J", value_parser = whole::<usize>)]
    pub(crate) jobs: Option<usize>,
    /// Threads a cell [default: cores shared among the jobs].
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) threads: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    Sgd,
    Adam,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Infer {
    Entropy,
    Energy,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only these.
    #[arg(value_enum)]
    pub(crate) what: Option<Listed>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    Strategies,
    Benchmarks,
    Networks,
    Protocols,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run folders; parts of one comparison are joined, different comparisons stand side by side.
    #[arg(value_name = "RUN_DIR", required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The page [default: report.html in the first folder].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write each figure as SVG and PNG, and each table as CSV, Markdown and LaTeX.
    #[arg(long, value_name = "DIR")]
    pub(crate) figures: Option<PathBuf>,
    /// Write event files for TensorBoard: a folder a strategy and seed.
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// A run's folder, running or finished.
    #[arg(value_name = "RUN_DIR")]
    pub(crate) run: PathBuf,
    /// Where the page is served; port 0 is any free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Let other machines read the page too, which has no password: allows a --listen address
    /// that is not of this machine alone.
    #[arg(long)]
    pub(crate) anyone: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Download sets from their official addresses, checked by SHA-256.
    Fetch {
        /// mnist, fashion-mnist, cifar10, cifar100
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        /// Where to [default: `PERENNIAL_DATA`, or the user's cache].
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Which sets there are, and where they lie.
    List {
        /// Where to look [default: `PERENNIAL_DATA`, or the user's cache].
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// A number; NaN and infinities are none, and JSON could not hold them.
pub(crate) fn finite<T: std::str::FromStr + Into<f64> + Copy>(text: &str) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(value) if value.into().is_finite() => Ok(value),
        Ok(_) => Err("expected a finite number".into()),
        Err(_) => Err("expected a number".into()),
    }
}

/// A number of things.
pub(crate) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".into())
}

pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    text.parse().map_err(|_| "expected task, domain or class".into())
}

pub(crate) fn head(text: &str) -> Result<ClassHead, String> {
    text.parse().map_err(|_| "expected grow or full".into())
}

pub(crate) fn remainder(text: &str) -> Result<Remainder, String> {
    text.parse().map_err(|_| "expected short, drop or even".into())
}
