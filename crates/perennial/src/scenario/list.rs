//! Your own list of tasks, in a file.
//!
//! ```toml
//! [[task]]
//! name = "digits, upright"
//! data = "digits"          # a known data set, or a file or folder (from where this file lies)
//!
//! [[task]]
//! name = "low digits, turned"
//! data = "digits"
//! classes = [0, 1, 2, 3, 4] # by number or name; all when left out
//! rotate = 30               # degrees, or: permute = 7 (a seed)
//! ```
//!
//! Data of your own are read as `perennial teach` reads them, with the same options by their names:
//! `label`, `test`, `resize`, `channels`, `scale`, `clip`, `normalise`, `columns`, `ignore`, `id`,
//! `group`, `labels`, `map`, `header`, `decimal`, `layout`. The first task decides what inputs are:
//! later data are read by it and compared with it, and columns are standardised by its training rows.
//! `unlabelled` names data without labels, for a method that measures on such.
//! Classes of one name are one class, whichever data they are in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use perennial_data::{
    DataError, Dataset, Decimal, InputSpec, Layout, NAMES, Naming, Normalise, Opened, ReadOptions,
    Scale, match_names,
};
use serde::{Deserialize, Deserializer};

use super::origin::Origin;
use super::permuted::permutation;
use super::rotated::finite;
use super::task::Rows;
use super::transform::Transform;
use super::words::Words;
use super::{Interpolation, Options, Part, Samples, ScenarioError, Stream, Task, choice};
use crate::draws::Key;

/// Your own list of tasks over data sets; read from TOML with one `[[task]]` a task.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct List {
    /// The tasks in the order in which they arrive.
    #[serde(rename = "task", default)]
    pub tasks: Vec<Entry>,
}

/// One task of a [`List`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// For people.
    pub name: String,
    /// A known data set, or a path to data of your own, as [`perennial_data::open`] reads them.
    pub data: String,
    /// The classes of the task by name or number, in the order of its labels. `None`: all.
    #[serde(default, deserialize_with = "words")]
    pub classes: Option<Vec<String>>,
    /// The seed of a permutation of the pixels: tasks of one seed share it. Not with `rotate`.
    pub permute: Option<u64>,
    /// An angle in degrees, counter-clockwise as seen; read by the nearest pixel.
    pub rotate: Option<f64>,
    /// Data without labels of the task's kind, from where the list lies. Not with `permute` or `rotate`.
    pub unlabelled: Option<PathBuf>,
    /// Data to be judged by; as [`ReadOptions::test`], and so are the others below.
    pub test: Option<PathBuf>,
    /// As [`ReadOptions::label`].
    pub label: Option<String>,
    /// As [`ReadOptions::labels`].
    pub labels: Option<Naming>,
    /// As [`ReadOptions::map`].
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// As [`ReadOptions::columns`].
    #[serde(default)]
    pub columns: Vec<String>,
    /// As [`ReadOptions::ignore`].
    #[serde(default)]
    pub ignore: Vec<String>,
    /// As [`ReadOptions::id`].
    pub id: Option<String>,
    /// As [`ReadOptions::group`].
    pub group: Option<String>,
    /// As [`ReadOptions::header`].
    pub header: Option<bool>,
    /// As [`ReadOptions::decimal`].
    pub decimal: Option<Decimal>,
    /// As [`ReadOptions::layout`].
    pub layout: Option<Layout>,
    /// As [`ReadOptions::scale`]: `"standard"`, `"none"`, or the number that is read as 1.
    #[serde(default, deserialize_with = "scale")]
    pub scale: Option<Scale>,
    /// As [`ReadOptions::clip`].
    pub clip: Option<f32>,
    /// As [`ReadOptions::normalise`].
    pub normalise: Option<Normalise>,
    /// As [`ReadOptions::resize`]: `[height, width]`.
    pub resize: Option<[usize; 2]>,
    /// As [`ReadOptions::channels`].
    pub channels: Option<usize>,
}

impl List {
    /// Reads a list from a TOML file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no TOML, has unknown keys, or lacks some; with the line.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::ReadList { path: path.to_path_buf(), source })?;
        toml::from_str(&text).map_err(|error| ScenarioError::ParseList {
            path: path.to_path_buf(),
            line: error.span().map(|span| 1 + text[..span.start].matches('\n').count()),
            problem: error.message().to_string(),
        })
    }

    /// The stream that a file lists, named after the file. Known data sets are looked for as by
    /// [`perennial_data::load`] in `data_dir`, other data are files and folders beside the file.
    /// [`Stream::understood`] says what was understood of each.
    ///
    /// # Errors
    ///
    /// As [`List::read`] and [`List::stream`], and when data cannot be read.
    pub fn load(
        path: &Path,
        data_dir: Option<&Path>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        let list = Self::read(path)?;
        let name = path.file_stem().map_or_else(|| "list".into(), |stem| stem.to_string_lossy());
        let beside = path.parent().unwrap_or(Path::new(""));
        let load = |entry: &Entry, known: Option<&InputSpec>| {
            let how = entry.how(data_dir, beside);
            let data = Path::new(&entry.data);
            let path = beside.join(data);
            let is_set = |name: &str| NAMES.contains(&name) || name.starts_with("set:");
            match (path.exists() || entry.data.contains(['/', '\\']), is_set(&entry.data)) {
                (true, true) => Err(perennial_data::set_or_path(&entry.data, &path).into()),
                (true, false) => perennial_data::open(&path, &how, known),
                (false, true) => perennial_data::open(data, &how, known),
                // No name that is known, or a split of EMNIST.
                (false, false) => perennial_data::load(&entry.data, data_dir).map(Opened::of),
            }
        };
        let unlabelled = |path: &Path, spec: &InputSpec| {
            let path = beside.join(path);
            let rows = perennial_data::read_unlabelled(&path, &ReadOptions::default(), Some(spec))?;
            spec.check(&rows.spec, &path.display().to_string()).map_err(DataError::from)?;
            let (count, ids) = (rows.names.len(), (0..rows.names.len() as u64).collect());
            let values = match spec.scaling {
                Some(_) => spec.inputs(&rows.values).0,
                None => rows.values,
            };
            Samples::new(values, spec.row_len(), vec![0; count], ids)
        };
        list.stream_with(&name, load, unlabelled, (options, seed))
    }

    /// The stream of these tasks, or of the first `options.tasks` of them. `load` is asked once
    /// for each of the data that they name, with what the first task's inputs are.
    ///
    /// Classes of one name are one class of the stream. A task whose classes are those of an
    /// earlier one has its labels in that one's order.
    ///
    /// # Errors
    ///
    /// If there are no tasks or fewer than asked for, data cannot be loaded, are not what the first
    /// task's are, a class does not exist or comes twice in a task, a task is both permuted and
    /// rotated, or the options ask for rows that are not there.
    pub fn stream(
        &self,
        name: &str,
        load: impl FnMut(&Entry, Option<&InputSpec>) -> Result<Opened, DataError>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        if let Some(entry) = self.tasks.iter().find(|entry| entry.unlabelled.is_some()) {
            let reason = "data without labels are read for a list in a file only";
            return Err(ScenarioError::Unlabelled { task: entry.name.clone(), reason });
        }
        let none = |_: &Path, spec: &InputSpec| Ok(Samples::none(spec.row_len()));
        self.stream_with(name, load, none, (options, seed))
    }

    fn stream_with(
        &self,
        name: &str,
        mut load: impl FnMut(&Entry, Option<&InputSpec>) -> Result<Opened, DataError>,
        unlabelled: impl Fn(&Path, &InputSpec) -> Result<Samples, ScenarioError>,
        (options, seed): (&Options, u64),
    ) -> Result<Stream, ScenarioError> {
        let (tasks, listed) = (options.tasks_or(self.tasks.len())?, self.tasks.len());
        if tasks > listed {
            return Err(ScenarioError::ShortList { stream: name.to_string(), tasks, listed });
        }
        let entries = &self.tasks[..tasks];
        let Some(first) = entries.first() else { return Err(ScenarioError::NoTasks) };
        let mut spec: Option<InputSpec> = None;
        let mut sources: Vec<Source> = Vec::new();
        let (mut class_names, mut understood, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, task) in entries.iter().zip(0..) {
            let known = sources.iter().position(|source| source.is_of(entry));
            let at = known.unwrap_or(sources.len());
            if known.is_none() {
                let mut opened = load(entry, spec.as_ref())?;
                if let Some(spec) = &spec {
                    same_shape(entry, &opened.dataset, spec.shape)?;
                    spec.check(&opened.spec, &entry.data).map_err(DataError::from)?;
                }
                let spec = match &mut spec {
                    Some(spec) => spec,
                    none => none.insert(first.spec_of(&opened)?),
                };
                opened.scale_by(spec);
                let naming = spec.asked.naming();
                let matched = match_names(&opened.dataset.classes, &class_names, naming);
                opened.understanding.notes.extend(matched.notes);
                let names = matched.names;
                sources.push(Source::new(entry, opened.dataset, names, &mut class_names)?);
                understood.push(opened.understanding);
            }
            let mut own =
                entry.task(&sources[at], options, Key { seed, task, ..Key::default() })?;
            if let (Some(path), Some(spec)) = (&entry.unlabelled, &spec) {
                if entry.permute.is_some() || entry.rotate.is_some() {
                    let reason =
                        "its data without labels would not be permuted or rotated as its own";
                    return Err(ScenarioError::Unlabelled { task: entry.name.clone(), reason });
                }
                own = own.with_unlabelled(&unlabelled(path, spec)?)?;
            }
            made.push(own);
        }
        same_order(&mut made);
        let shape = spec.map(|spec| spec.shape).unwrap_or_default();
        let stream = Stream::from_tasks(name, shape, class_names, made)?;
        Ok(Stream { understood, ..stream })
    }
}

/// Refuses images of another shape than the first task's.
fn same_shape(entry: &Entry, dataset: &Dataset, expected: [usize; 3]) -> Result<(), ScenarioError> {
    let (task, found) = (entry.name.clone(), dataset.shape);
    match found == expected {
        true => Ok(()),
        false => Err(ScenarioError::OtherShape { task, found, expected }),
    }
}

/// Gives a task whose classes are those of an earlier one its order of labels: in one head for all
/// tasks, a label is the same class.
fn same_order(tasks: &mut [Task]) {
    let sorted = |classes: &[u32]| {
        let mut classes = classes.to_vec();
        classes.sort_unstable();
        classes
    };
    for at in 1..tasks.len() {
        let own = sorted(&tasks[at].classes);
        let earlier = tasks[..at].iter().find(|task| sorted(&task.classes) == own);
        if let Some(order) = earlier.map(|task| task.classes.clone()) {
            tasks[at].reorder(&order);
        }
    }
}

impl Entry {
    /// How its data are to be read.
    fn how(&self, data_dir: Option<&Path>, beside: &Path) -> ReadOptions {
        ReadOptions {
            folder: data_dir.map(Path::to_owned),
            test: self.test.as_ref().map(|test| beside.join(test)),
            classes: Vec::new(), // they are chosen by number, too
            map: self.map.clone(),
            labels: self.labels,
            label: self.label.clone(),
            columns: self.columns.clone(),
            ignore: self.ignore.clone(),
            id: self.id.clone(),
            group: self.group.clone(),
            header: self.header,
            decimal: self.decimal,
            layout: self.layout,
            scale: self.scale,
            clip: self.clip,
            normalise: self.normalise.clone(),
            resize: self.resize,
            channels: self.channels,
        }
    }

    /// What the inputs of all tasks are, decided by this one's training rows alone. The rows are
    /// copied only where a scaling is measured on some of them.
    fn spec_of(&self, opened: &Opened) -> Result<InputSpec, ScenarioError> {
        let Opened { dataset, spec, .. } = opened;
        Origin::check(dataset)?;
        let (train, classes) = (&dataset.train, self.labels_in(dataset)?);
        if spec.scaling.is_none() {
            return Ok(spec.clone());
        }
        let labels = train.labels.iter().enumerate();
        let rows = labels.filter(|(_, label)| classes.contains(label)).map(|(row, _)| row);
        let rows: Vec<usize> = rows.collect();
        Ok(match rows.len() == train.len() {
            true => spec.measured_on(&train.values),
            false => spec.measured_on(&train.picked(&rows).values),
        })
    }

    /// The class in its data that each of its labels stands for.
    fn labels_in(&self, dataset: &Dataset) -> Result<Vec<u32>, ScenarioError> {
        match &self.classes {
            Some(words) => choice::classes(words, dataset),
            None => Ok((0..dataset.classes.len() as u32).collect()),
        }
    }

    fn task(&self, source: &Source, options: &Options, key: Key) -> Result<Task, ScenarioError> {
        let origin = &source.origin;
        let dataset = origin.dataset();
        let classes = self.labels_in(dataset)?;
        let transform = self.transform(dataset.shape)?;
        let train = origin.rows_of(Part::Train, &classes);
        let cut = options.cut(&self.name, &train, key)?.or_own(origin, &classes);
        let test = origin.rows_of(Part::Test, &classes);
        let in_stream = classes.iter().map(|&class| source.class_of[class as usize]).collect();
        let rows = Rows::new(origin, classes.into(), transform, cut, test);
        Task::from_rows(self.name.clone(), in_stream, rows)
    }

    fn transform(&self, [_, height, width]: [usize; 3]) -> Result<Transform, ScenarioError> {
        match (self.permute, self.rotate) {
            (Some(_), Some(_)) => Err(ScenarioError::TwoTransforms { task: self.name.clone() }),
            (Some(seed), None) => Ok(permutation((height * width) as u32, Key::of_seed(seed))),
            (None, Some(degrees)) => {
                finite(degrees)?;
                Ok(Transform::Rotate { degrees, interpolation: Interpolation::Nearest })
            }
            (None, None) => Ok(Transform::Identity),
        }
    }
}

/// One of the data of a list.
struct Source {
    /// The task that named them first.
    entry: Entry,
    origin: Arc<Origin>,
    /// The class in the stream of each class of the data.
    class_of: Vec<u32>,
}

impl Source {
    /// Data whose classes have these `names` in the stream; new ones are appended.
    fn new(
        entry: &Entry,
        dataset: Dataset,
        names: Vec<String>,
        class_names: &mut Vec<String>,
    ) -> Result<Self, ScenarioError> {
        let mut class_of = Vec::with_capacity(names.len());
        for name in names {
            let known = class_names.iter().position(|known| *known == name);
            class_of.push(known.unwrap_or(class_names.len()) as u32);
            if known.is_none() {
                class_names.push(name);
            }
        }
        let origin = Origin::new(&Arc::new(dataset))?;
        Ok(Self { entry: entry.clone(), origin, class_of })
    }

    /// Whether a task's data are these, read in the same way.
    fn is_of(&self, entry: &Entry) -> bool {
        let data = |entry: &Entry| Entry {
            name: String::new(),
            classes: None,
            permute: None,
            rotate: None,
            unlabelled: None,
            ..entry.clone()
        };
        data(&self.entry) == data(entry)
    }
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Words::deserialize(deserializer).map(|words| Some(words.0))
}

/// A scale as text or as the number that is read as 1.
fn scale<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scale>, D::Error> {
    let words = Words::deserialize(deserializer)?;
    let scale = words.0.join(",").parse().map_err(serde::de::Error::custom)?;
    Ok(Some(scale))
}
