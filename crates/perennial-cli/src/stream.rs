//! The stream of a comparison: from its name, its settings and the folder of the data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use perennial::scenario::{Benchmark, List, Options, Part, Setting, Stream, Task};
use perennial::strategy::Card;
use perennial_data::{Dataset, InputSpec, ReadOptions, Understanding};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Problem, Result};
use crate::settings::Settings;

/// The benchmark when none is named.
pub(crate) const USUAL: &str = "permuted-digits";
/// Tasks when nothing says how many.
const TASKS: usize = 5;

/// Where tasks come from: with a seed, it is a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Source {
    /// The name of a benchmark, or the TOML file of a list of tasks.
    pub(crate) benchmark: String,
    pub(crate) tasks: usize,
    pub(crate) samples_per_task: Option<usize>,
    /// The share of each task's training rows that is set apart for all strategies alike.
    pub(crate) validation: f64,
    #[serde(flatten)]
    pub(crate) portion: Portion,
    /// The benchmark's own settings; none for a list.
    settings: Map<String, Value>,
    /// BLAKE3 of the tasks of the first seed: their data, rows and transforms.
    pub(crate) tasks_digest: String,
}

/// Which tasks of a stream, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Portion {
    /// Tasks at the stream's begin that are left out: settings were chosen on them.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) after_tasks: usize,
    /// Judged by the validation part: settings are being chosen.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) choosing: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A source with its data in memory.
pub(crate) enum Loaded {
    Set(Benchmark, Arc<Dataset>),
    /// Lists bring their data themselves, from this folder.
    List(Option<std::path::PathBuf>),
}

impl Source {
    /// What the settings ask for, with its data and the stream of the first seed; of a `portion`
    /// of it.
    pub(crate) fn new(settings: &Settings, portion: Portion, seed: u64) -> Result<(Self, Stream)> {
        let choices = &settings.choices;
        let name = choices.benchmark.as_deref().unwrap_or(USUAL);
        let mut own = Map::new();
        let mut usual = None;
        if !is_list(name) {
            // A benchmark's name goes before a file or folder of that name, such as a run's.
            let (mut benchmark, _) = match Benchmark::parse(name) {
                Ok(parsed) => parsed,
                Err(_) if Path::new(name).exists() => return Err(no_list(name)),
                Err(error) => return Err(error.into()),
            };
            let said = settings.group(benchmark.kind());
            for (key, value) in said.as_object().into_iter().flatten() {
                benchmark.set(key, value.as_str().unwrap_or_default())?;
            }
            own = benchmark.settings();
            // A benchmark that was told more may know its number of tasks from that.
            usual = said.as_object().is_none_or(Map::is_empty).then_some(TASKS);
        }
        let mut source = Self {
            benchmark: name.to_owned(),
            tasks: 0,
            samples_per_task: choices.samples_per_task,
            validation: choices.validation.unwrap_or(0.0),
            portion,
            settings: own,
            tasks_digest: String::new(),
        };
        let loaded = source.load(choices.data.as_deref())?;
        let stream = source.build(&loaded, choices.tasks.or(usual), seed)?;
        source.tasks = stream.tasks.len();
        let prints: Vec<String> = stream.tasks.iter().map(Task::fingerprint).collect();
        source.tasks_digest = blake3::hash(prints.join("\n").as_bytes()).to_hex().to_string();
        Ok((source, stream))
    }

    /// The data, from `folder` or where they usually lie.
    pub(crate) fn load(&self, folder: Option<&Path>) -> Result<Loaded> {
        if is_list(&self.benchmark) {
            return Ok(Loaded::List(folder.map(Path::to_owned)));
        }
        let (mut benchmark, data) = Benchmark::parse(&self.benchmark)?;
        for (key, value) in flat_rows(&self.settings) {
            benchmark.set(&key, &value)?;
        }
        Ok(Loaded::Set(benchmark, Arc::new(perennial_data::load(&data, folder)?)))
    }

    /// The source as a strategy has it. One that chooses by validation takes its rows from its own
    /// training rows where none are set apart for all: what the others have does not depend on it.
    pub(crate) fn of(&self, card: &Card) -> Self {
        let validation = match self.validation {
            0.0 => card.validation_share(),
            share => share,
        };
        Self { validation, ..self.clone() }
    }

    /// Says that a strategy has fewer training rows than the others, if it has.
    pub(crate) fn fewer_rows(&self, card: &Card) -> Option<String> {
        let share = self.of(card).validation;
        (share != self.validation).then(|| {
            let percent = share * 100.0;
            format!("{} sets {percent:.0} % of its training samples apart to choose by", card.name)
        })
    }

    /// The stream of a seed.
    pub(crate) fn stream(&self, loaded: &Loaded, seed: u64) -> Result<Stream> {
        self.build(loaded, Some(self.tasks), seed)
    }

    fn build(&self, loaded: &Loaded, tasks: Option<usize>, seed: u64) -> Result<Stream> {
        let (samples_per_task, validation) = (self.samples_per_task, self.validation);
        let Portion { after_tasks, choosing } = self.portion;
        let tasks = tasks.map(|tasks| tasks + after_tasks);
        let options = Options { tasks, samples_per_task, validation };
        let mut stream = match loaded {
            Loaded::Set(benchmark, dataset) => {
                let spec = InputSpec::plain(dataset.shape, &dataset.train.values);
                let understood = vec![Understanding::of_set(dataset, &spec)];
                Stream { understood, ..benchmark.build(dataset, &options, seed)? }
            }
            Loaded::List(folder) => {
                let list = Path::new(&self.benchmark);
                List::load(list, folder.as_deref(), &options, seed)
                    .map_err(|error| self.of_list(error.into()))?
            }
        };
        if after_tasks >= stream.tasks.len() {
            let all = stream.tasks.len();
            return Err(Problem::usage(
                format!("--tune-tasks {after_tasks} leaves no task to report: there are {all}"),
                "choose settings on fewer tasks",
            ));
        }
        stream.tasks.drain(..after_tasks);
        if choosing {
            let judged = stream.tasks.into_iter().map(Task::for_choosing);
            stream.tasks = judged.collect::<std::result::Result<_, _>>()?;
        }
        Ok(stream)
    }

    /// Whether another seed makes other tasks, not only another choice of their samples.
    pub(crate) fn varies(&self, loaded: &Loaded) -> Result<bool> {
        let all = Self { samples_per_task: None, validation: 0.0, ..self.clone() };
        let prints = |seed| -> Result<Vec<String>> {
            Ok(all.stream(loaded, seed)?.tasks.iter().map(Task::fingerprint).collect())
        };
        Ok(prints(0)? != prints(1)?)
    }

    /// A problem with a list, by the file's name: there may be several.
    fn of_list(&self, problem: Problem) -> Problem {
        if problem.message.contains(&self.benchmark) {
            return problem;
        }
        Problem { message: format!("{}: {}", self.benchmark, problem.message), ..problem }
    }

    /// Refuses a stream that teaches nothing in this setting: with a head a task, a task of one
    /// class has one answer, which is right before any step. Who asks for one class gets it.
    pub(crate) fn check(&self, stream: &Stream, setting: Setting) -> Result<()> {
        const LEAST: usize = 2;
        let single = stream.tasks.iter().any(|task| task.classes.len() < LEAST);
        let asked = self.settings.get("classes").is_some_and(|classes| !classes.is_null());
        if self.kind() != Some("split") || setting != Setting::Task || asked || !single {
            return Ok(());
        }
        let order = self.settings.get("order").and_then(Value::as_str).unwrap_or_default();
        let listed = order.contains(',').then(|| order.split(',').count());
        let (tasks, classes) = (self.tasks, listed.unwrap_or(stream.class_names.len()));
        let message = format!(
            "{tasks} tasks of {classes} classes leave 1 class a task, which needs no learning"
        );
        Err(Problem::usage(
            format!("{message}; use at most {} tasks", classes / LEAST),
            "with --setting domain or class such tasks can be learnt",
        ))
    }

    /// The benchmark without its data, whose settings it has; none for a list.
    pub(crate) fn kind(&self) -> Option<&str> {
        if is_list(&self.benchmark) { None } else { self.benchmark.split('-').next() }
    }

    /// For the report: what training rows there are.
    pub(crate) fn rows(&self) -> BTreeMap<String, String> {
        let samples = self.samples_per_task.map_or_else(|| "all".into(), |n| n.to_string());
        let mut rows = BTreeMap::from([
            ("samples-per-task".to_owned(), samples),
            ("validation".to_owned(), self.validation.to_string()),
        ]);
        rows.extend(self.named(flat_rows(&self.settings)));
        rows
    }

    /// Settings of the benchmark that are not its defaults.
    pub(crate) fn changed(&self) -> Vec<(String, String)> {
        let default = Benchmark::parse(&self.benchmark)
            .map_or_else(|_| Map::new(), |(benchmark, _)| benchmark.settings());
        let default = flat_rows(&default);
        let own = flat_rows(&self.settings);
        self.named(own.into_iter().filter(|(key, value)| default.get(key) != Some(value)).collect())
    }

    /// Keys as the command line takes them.
    fn named(&self, rows: BTreeMap<String, String>) -> Vec<(String, String)> {
        let kind = self.kind().unwrap_or_default();
        rows.into_iter().map(|(key, value)| (format!("{kind}.{key}"), value)).collect()
    }
}

/// Data in the place of a stream of tasks: says what is missing, and a list that could be it.
fn no_list(data: &str) -> Problem {
    let path = Path::new(data);
    let classes = match perennial_data::open(path, &ReadOptions::default(), None) {
        Ok(opened) => opened.dataset.classes,
        Err(error) => return error.into(),
    };
    let half = classes.len().div_ceil(2);
    // The list lies beside the data.
    let name = path.file_name().map_or(data.into(), |name| name.to_string_lossy());
    let task =
        |task: &str, more: &str| format!("[[task]]\nname = \"{task}\"\ndata = {name:?}\n{more}\n");
    // With fewer than two classes each, the second task is other data: these, in another order.
    let list = match classes.len() {
        0..=3 => task("first", "") + &task("second", "permute = 1 # or data of another month\n"),
        _ => {
            let [first, second] = [&classes[..half], &classes[half..]];
            task("first", &format!("classes = {first:?}\n"))
                + &task("second", &format!("classes = {second:?}\n"))
        }
    };
    Problem::usage(
        format!(
            "{data} is data, and a comparison is of a stream of tasks: write a list of tasks in a \
             file that ends in .toml, one [[task]] for each, and compare that"
        ),
        format!("for example, in a file tasks.toml beside {data}:\n\n{list}"),
    )
}

/// The setting that makes most sense for a stream: one head where the same labels come back, a
/// head a task where every task has labels of its own.
pub(crate) fn usual_setting(stream: &Stream) -> Setting {
    let first = stream.tasks.first().map(|task| &task.classes);
    let same = stream.tasks.iter().all(|task| Some(&task.classes) == first);
    if same { Setting::Domain } else { Setting::Task }
}

/// The bytes of all training rows, in their stored type.
pub(crate) fn stored_bytes(stream: &Stream) -> usize {
    stream.tasks.iter().map(|task| task.rows(Part::Train) * task.inputs()).sum()
}

/// Keys of benchmarks: kind → key → default, as text.
pub(crate) fn groups() -> Vec<(&'static str, Value)> {
    let text = |(key, value)| (key, Value::String(written(&value)));
    let of = |it: &Benchmark| it.settings().into_iter().map(text).collect();
    Benchmark::all().iter().map(|it| (it.kind(), Value::Object(of(it)))).collect()
}

/// Settings as one would write them after `--set key=`; what is not said by default is left out.
fn flat_rows(settings: &Map<String, Value>) -> BTreeMap<String, String> {
    let said = settings.iter().filter(|(_, value)| !value.is_null());
    said.map(|(key, value)| (key.clone(), written(value))).collect()
}

/// A value as one would write it after `--set key=`.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".into(),
        Value::Array(values) => values.iter().map(written).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn is_list(benchmark: &str) -> bool {
    Path::new(benchmark).extension().is_some_and(|extension| extension == "toml")
}

/// The benchmarks with what they are.
pub(crate) fn benchmarks() -> Vec<(String, String)> {
    let what = |name: &str| match name.split('-').next() {
        Some("permuted") => "every task another permutation of the pixels",
        Some("rotated") => "every task another angle",
        _ => "every task other classes",
    };
    let mut list: Vec<(String, String)> =
        Benchmark::names().into_iter().map(|name| (name.clone(), what(&name).into())).collect();
    list.push(("FILE.toml".into(), "a list of tasks of your own, [[task]] by [[task]]".into()));
    list
}

/// What the settings of benchmarks mean.
const MEANINGS: &[(&str, &str)] = &[
    (
        "permuted.first",
        "what the first task shows: a permutation `drawn` as for every other, or `identity`",
    ),
    ("rotated.angles", "degrees, one a task, such as 0,15,30, or `drawn`: from 0 to 180"),
    ("rotated.interpolation", "how images are read between pixels: `nearest` or `bilinear`"),
    ("split.classes", "classes a task; `none`: as many as there are for the tasks"),
    (
        "split.order",
        "the order in which classes arrive: `natural`, `drawn`, or a list such as 3,1,4",
    ),
];

/// The settings of every kind of benchmark: key, default, meaning.
pub(crate) fn benchmark_settings() -> Vec<[String; 3]> {
    let mut settings = Vec::new();
    for (kind, defaults) in groups() {
        for (key, default) in defaults.as_object().into_iter().flatten() {
            let key = format!("{kind}.{key}");
            let meaning = MEANINGS.iter().find(|(known, _)| *known == key);
            let meaning = meaning.map_or_else(String::new, |(_, meaning)| (*meaning).to_owned());
            settings.push([key, written(default), meaning]);
        }
    }
    settings
}

/// The networks with what they are.
pub(crate) fn networks() -> Vec<(String, String)> {
    perennial::network::LIST.iter().map(|&(name, what)| (name.into(), what.into())).collect()
}
