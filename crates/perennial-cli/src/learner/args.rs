//! The command lines of the durable learner.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use perennial::learner::Remainder;
use perennial::scenario::Setting;
use perennial_data::{Decimal, Layout, Naming, Normalise, Scale};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::args::{Rule, finite, remainder, setting, whole};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The learner's folder: new, or empty.
    pub(crate) learner: PathBuf,
    /// The network, `perennial list networks`.
    #[arg(long, default_value = "mlp:100x100")]
    pub(crate) network: String,
    /// The method that keeps it from forgetting, `perennial list strategies`.
    #[arg(long, default_value = "er")]
    pub(crate) strategy: String,
    /// One head whose classes are known by name and that grows by new ones; a head a task; or one
    /// head in which label j of every task is the same [default: class; task for methods that
    /// need to be told the task].
    #[arg(long, value_name = "class|task|domain", value_parser = setting)]
    pub(crate) setting: Option<Setting>,
    /// The rule that makes steps of gradients.
    #[arg(long, value_enum, default_value = "adam")]
    pub(crate) optimizer: Rule,
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
    /// The task's name. Where the task is half done, or known, options of training that are not
    /// given are those that it was begun with.
    #[arg(long, value_name = "NAME", required_unless_present = "abort")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) labels: Labels,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Data to be judged by [default: what the data bring, else every fifth sample of a class].
    #[arg(long, value_name = "DATA")]
    pub(crate) test: Option<PathBuf>,
    /// Data without labels of the task's kind, on which mas measures importance with
    /// mas.data=unlabelled.
    #[arg(long, value_name = "DATA")]
    pub(crate) unlabelled: Option<PathBuf>,
    /// Passes over the training samples [default: with Adam as many as give 1,500 steps of the batch,
    /// 1 to 30; with SGD 1].
    #[arg(long, value_name = "E", value_parser = whole::<usize>)]
    pub(crate) epochs: Option<usize>,
    /// Samples a step [default: 10].
    #[arg(long, value_name = "B", value_parser = whole::<usize>)]
    pub(crate) batch: Option<usize>,
    /// What a pass does with samples that fill no whole batch: make a smaller last batch (short),
    /// leave them out (drop), or share all samples evenly over the batches (even) [default: even].
    #[arg(long, value_name = "short|drop|even", value_parser = remainder)]
    pub(crate) remainder: Option<Remainder>,
    /// Learning rate [default: 0.001 with Adam, 0.1 with SGD].
    #[arg(long, allow_negative_numbers = true, value_parser = finite::<f32>)]
    pub(crate) lr: Option<f32>,
    /// Measure means and deviations of the inputs anew, on these data; refused for methods that keep
    /// samples or statistics.
    #[arg(long)]
    pub(crate) rescale: bool,
    /// Share of the training samples that is set apart to choose by [default: 0, or 0.1 for a
    /// method that chooses].
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = finite::<f64>)]
    pub(crate) validation: Option<f64>,
    /// The most that the accuracy of an older task, and their mean, may fall. A larger fall of a task
    /// is refused if its p, Holm-adjusted over the older tasks, is below 0.05, or below 0.10 where it
    /// fell by more than 5 times X. A larger fall of the mean is refused if its bootstrap p is below
    /// 0.05. Any other fall passes, such as of one row.
    #[arg(long, value_name = "X", default_value = "0.02", allow_negative_numbers = true,
          value_parser = finite::<f64>)]
    pub(crate) max_drop: f64,
    /// The most that the recall of a class of the older tasks may fall. A larger fall is refused if its
    /// p, Holm-adjusted over the classes, is below 0.05. A class of which 5 rows or more were right and
    /// none is now is refused without a test. 1 judges no class.
    #[arg(long, value_name = "X", default_value = "0.2", allow_negative_numbers = true,
          value_parser = finite::<f64>)]
    pub(crate) max_class_drop: f64,
    /// Refuse every measured fall of an accuracy beyond --max-drop, without a test.
    #[arg(long)]
    pub(crate) strict: bool,
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

/// How labels are read.
#[derive(Debug, Default, Args)]
pub(crate) struct Labels {
    /// Only these classes of the data, by name.
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) classes: Vec<String>,
    /// A class of the data is called otherwise by the learner: HERE=THERE.
    #[arg(long, value_name = "z=x", value_delimiter = ',', value_parser = pair)]
    pub(crate) map: Vec<(String, String)>,
    /// `exact`: names of classes are one class only if they are equal, and numbers may be names.
    #[arg(long = "labels", value_name = "usual|exact", value_parser = word::<Naming>)]
    pub(crate) naming: Option<Naming>,
}

/// How data are read.
#[derive(Debug, Default, Args)]
pub(crate) struct Reading {
    /// The folder that holds the image sets [default: `PERENNIAL_DATA`, or the user's cache].
    #[arg(long = "data", value_name = "DIR", id = "data-dir")]
    pub(crate) folder: Option<PathBuf>,
    /// The column of the labels, by name or number from 1 [default: the learner's; `label` or alike,
    /// else the last].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// Only these columns of a table are inputs.
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Columns of a table that are no inputs.
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// The column that names samples: no input, part of every answer.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: Option<String>,
    /// The column of the patient, speaker, … of a sample: no input; samples of one stay together
    /// when some are set apart.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) group: Option<String>,
    /// Whether the first line of a CSV file names its columns [default: by what it holds].
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) header: Option<bool>,
    /// What stands before the decimals of a number in a CSV file [default: point].
    #[arg(long, value_name = "point|comma", value_parser = word::<Decimal>)]
    pub(crate) decimal: Option<Decimal>,
    /// What of a folder is the data, where it holds folders of images and a table.
    #[arg(long, value_name = "folders|table", value_parser = word::<Layout>)]
    pub(crate) layout: Option<Layout>,
    /// How numbers become inputs: `standard` by the first task's means and deviations, `none` as
    /// they are, or whole numbers from 0 to this, divided by it [default: standard; bytes by 255].
    #[arg(long, alias = "white", value_name = "standard|none|255", value_parser = scale)]
    pub(crate) scale: Option<Scale>,
    /// Clip standardised values at this distance from 0; 0 for never [default: 5].
    #[arg(long, value_name = "X", value_parser = finite::<f32>)]
    pub(crate) clip: Option<f32>,
    /// Standardise the channels of images: by the `first` task, or by MEANS/DEVIATIONS such as
    /// .51,.49,.44/.27,.26,.28 [default: bytes are divided by 255].
    #[arg(long, value_name = "first|M/D", value_parser = normalise)]
    pub(crate) normalise: Option<Normalise>,
    /// Scale images to this height and width [default: all must be of one size].
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) resize: Option<[usize; 2]>,
    /// Convert images to grey (1) or colour (3) [default: all must be alike].
    #[arg(long, value_name = "1|3", value_parser = whole::<usize>)]
    pub(crate) channels: Option<usize>,
}

/// `z=x`
fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(here, there)| (here.trim(), there.trim()));
    let pair = pair.filter(|(here, there)| !here.is_empty() && !there.is_empty());
    let pair = pair.map(|(here, there)| (here.to_owned(), there.to_owned()));
    pair.ok_or_else(|| "expected HERE=THERE, such as z=x".into())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("expected yes or no".into()),
    }
}

/// A word for one of several things.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let words: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(words).map_err(|error| error.to_string())
}

fn scale(text: &str) -> Result<Scale, String> {
    text.parse()
}

fn normalise(text: &str) -> Result<Normalise, String> {
    text.parse()
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
    /// Other data to measure it on.
    pub(crate) data: Option<PathBuf>,
    /// The task that the data are of [default: among all classes it knows, by the names of any task;
    /// needed by a learner with a head for each task].
    #[arg(long, value_name = "NAME", requires = "data")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) labels: Labels,
    #[command(flatten)]
    pub(crate) reading: Reading,
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
