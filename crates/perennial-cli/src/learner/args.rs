//! The command lines of the durable learner.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use perennial::learner::Remainder;
use perennial::scenario::Setting;

use crate::args::{Rule, finite, remainder, setting, whole};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The learner's folder: new, or empty.
    pub(crate) learner: PathBuf,
    /// The network, `perennial list networks`.
    #[arg(long, default_value = "mlp:100x100")]
    pub(crate) network: String,
    /// The method that keeps it from forgetting, `perennial list strategies`.
    #[arg(long, default_value = "ewc")]
    pub(crate) strategy: String,
    /// One head whose classes are known by name and that grows by new ones; a head a task; or one
    /// head in which label j of every task is the same [default: class; task for methods that
    /// need to be told the task].
    #[arg(long, value_name = "class|task|domain", value_parser = setting)]
    pub(crate) setting: Option<Setting>,
    /// The rule that makes steps of gradients [default: sgd].
    #[arg(long, value_enum)]
    pub(crate) optimizer: Option<Rule>,
    /// What every random choice is a function of.
    #[arg(long, value_name = "S", default_value = "0", value_parser = whole::<u64>)]
    pub(crate) seed: u64,
    /// A setting of the method or the optimizer: STRATEGY.KEY or optimizer.KEY.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Teach {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// What to learn: a file, a folder, or the name of an image set.
    #[arg(required_unless_present = "abort")]
    pub(crate) data: Option<PathBuf>,
    /// The task's name.
    #[arg(long, value_name = "NAME", required_unless_present = "abort")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Data to be judged by [default: what the data bring, else every fifth sample of a class].
    #[arg(long, value_name = "DATA")]
    pub(crate) test: Option<PathBuf>,
    /// Only these classes of the data, by name.
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// Passes over the training samples [default: 1].
    #[arg(long, value_name = "E", value_parser = whole::<usize>)]
    pub(crate) epochs: Option<usize>,
    /// Samples a step [default: 10].
    #[arg(long, value_name = "B", value_parser = whole::<usize>)]
    pub(crate) batch: Option<usize>,
    /// What a pass does with samples that fill no whole batch: make a smaller last batch (short),
    /// leave them out (drop), or share all samples evenly over the batches (even) [default: even].
    #[arg(long, value_name = "short|drop|even", value_parser = remainder)]
    pub(crate) remainder: Option<Remainder>,
    /// Learning rate [default: 0.1].
    #[arg(long, allow_negative_numbers = true, value_parser = finite::<f32>)]
    pub(crate) lr: Option<f32>,
    /// Share of the training samples that is set apart to choose by [default: 0, or 0.1 for a
    /// method that chooses].
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = finite::<f64>)]
    pub(crate) validation: Option<f64>,
    /// The most that the accuracy of an older task, and their mean, may fall.
    #[arg(long, value_name = "X", default_value = "0.02", allow_negative_numbers = true,
          value_parser = finite::<f64>)]
    pub(crate) max_drop: f64,
    /// The least accuracy of every task.
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = finite::<f64>)]
    pub(crate) floor: Option<f64>,
    /// Refuse also when the upper 95 % bound of a fall is beyond --max-drop.
    #[arg(long)]
    pub(crate) confident: bool,
    /// Teach a task that the learner knows once more, as a task of its own.
    #[arg(long)]
    pub(crate) again: bool,
    /// Drop the half-done task.
    #[arg(long, conflicts_with_all = ["data", "task", "again"])]
    pub(crate) abort: bool,
    /// Save the half-done task every so many steps [default: by time].
    #[arg(long, value_name = "STEPS", value_parser = whole::<u64>)]
    pub(crate) save_every: Option<u64>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How data are read.
#[derive(Debug, Default, Args)]
pub(crate) struct Reading {
    /// The folder that holds the image sets [default: `PERENNIAL_DATA`, or the user's cache].
    #[arg(long = "data", value_name = "DIR", id = "data-dir")]
    pub(crate) folder: Option<PathBuf>,
    /// The column of the labels, by name or number from 1 [default: `label`, else the last].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// Numbers are whole, from 0 to this, and are divided by it.
    #[arg(long, value_name = "255", value_parser = whole::<u8>)]
    pub(crate) white: Option<u8>,
    /// Scale images to this height and width [default: all must be of one size].
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) resize: Option<[usize; 2]>,
    /// Convert images to grey (1) or colour (3) [default: all must be alike].
    #[arg(long, value_name = "1|3", value_parser = whole::<usize>)]
    pub(crate) channels: Option<usize>,
}

/// `28x28`
fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text.split_once('x').and_then(|(height, width)| {
        Some([height.trim().parse().ok()?, width.trim().parse().ok()?])
    });
    sides.ok_or_else(|| "expected a height and a width, such as 28x28".into())
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// Other data to measure a task on.
    #[arg(requires = "task")]
    pub(crate) data: Option<PathBuf>,
    /// The task that the data are of.
    #[arg(long, value_name = "NAME", requires = "data")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Only these classes of the data, by name.
    #[arg(long, value_name = "a,b", value_delimiter = ',', requires = "data")]
    pub(crate) classes: Vec<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// What to answer: files or folders.
    #[arg(required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// The task, for a learner with a head for each.
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// How answers are written.
    #[arg(long, value_enum, default_value = "csv")]
    pub(crate) format: Lines,
    /// Print one JSON document.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lines {
    /// A line a sample, under a line of names.
    Csv,
    /// A JSON object a line.
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct OfLearner {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// A version: its number, a tag, or HEAD.
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// Another version.
    #[arg(value_name = "B", default_value = "HEAD")]
    pub(crate) to: String,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// The version: its number or a tag [default: the one before].
    #[arg(long, value_name = "V")]
    pub(crate) to: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Tag {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// The name.
    pub(crate) name: String,
    /// The version: its number or a tag.
    #[arg(value_name = "V", default_value = "HEAD")]
    pub(crate) version: String,
    /// Take the name away.
    #[arg(long, conflicts_with = "version")]
    pub(crate) delete: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// Versions to keep beside the learner and what is tagged: the last so many.
    #[arg(long, value_name = "N", default_value = "10", value_parser = whole::<usize>)]
    pub(crate) keep: usize,
    /// Remove it. Without this, it is only said what would go.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetSample {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// The sample: its number, from 0, among the training samples of its data.
    #[arg(value_name = "ID", value_parser = whole::<u64>)]
    pub(crate) sample: u64,
    /// The task it was taught in.
    #[arg(long, value_name = "NAME")]
    pub(crate) task: String,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// The version that the gate refused: its number or a tag.
    #[arg(value_name = "V")]
    pub(crate) version: String,
    /// Why it is to be the learner all the same.
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The learner's folder.
    pub(crate) learner: PathBuf,
    /// The safetensors file to write.
    pub(crate) file: PathBuf,
    /// The version: its number or a tag.
    #[arg(long, value_name = "V", default_value = "HEAD")]
    pub(crate) version: String,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The learner's folder: new, or empty.
    pub(crate) learner: PathBuf,
    /// A file that `export` wrote.
    pub(crate) file: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
