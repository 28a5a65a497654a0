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

use std::path::Path;
use std::sync::Arc;

use perennial_data::{DataError, Dataset, How, NAMES};
use serde::{Deserialize, Deserializer};

use super::origin::Origin;
use super::permuted::permutation;
use super::rotated::finite;
use super::task::Rows;
use super::transform::Transform;
use super::words::Words;
use super::{Interpolation, Options, Part, ScenarioError, Stream, Task, choice};
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    ///
    /// # Errors
    ///
    /// As [`List::read`] and [`List::stream`], and when data cannot be read. Data of which rows had
    /// to be left out are refused: a comparison is of the data as they are.
    pub fn load(
        path: &Path,
        data_dir: Option<&Path>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        let list = Self::read(path)?;
        let name = path.file_stem().map_or_else(|| "list".into(), |stem| stem.to_string_lossy());
        let beside = path.parent().unwrap_or(Path::new(""));
        let load = |data: &str| {
            let path = beside.join(data);
            let is_path = path.exists() || data.contains(['/', '\\']);
            if !is_path || NAMES.contains(&data) {
                return perennial_data::load(data, data_dir).map(Arc::new);
            }
            let opened = perennial_data::open(&path, &How::default())?;
            opened.whole().map(Arc::new)
        };
        list.stream(&name, load, options, seed)
    }

    /// The stream of these tasks, or of the first `options.tasks` of them. `load` is asked once
    /// for each of the data that they name.
    ///
    /// The stream's classes are those of all its data one after another: two tasks have a class
    /// in common only if their data do. With several data, classes are named `data/class`.
    ///
    /// # Errors
    ///
    /// If there are no tasks or fewer than asked for, data cannot be loaded, images differ in
    /// shape, a class does not exist or comes twice in a task, a task is both permuted and
    /// rotated, or the options ask for rows that are not there.
    pub fn stream(
        &self,
        name: &str,
        mut load: impl FnMut(&str) -> Result<Arc<Dataset>, DataError>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        let (tasks, listed) = (options.tasks_or(self.tasks.len())?, self.tasks.len());
        if tasks > listed {
            return Err(ScenarioError::ShortList { stream: name.to_string(), tasks, listed });
        }
        let entries = &self.tasks[..tasks];
        let mut sources: Vec<Source> = Vec::new();
        let mut made = Vec::with_capacity(tasks);
        for (entry, task) in entries.iter().zip(0..) {
            let known = sources.iter().position(|source| source.data == entry.data);
            let at = known.unwrap_or(sources.len());
            if known.is_none() {
                sources.push(Source::new(&entry.data, &load(&entry.data)?, sources.last())?);
            }
            let (found, expected) = (sources[at].shape(), sources[0].shape());
            if found != expected {
                let task = entry.name.clone();
                return Err(ScenarioError::OtherShape { task, found, expected });
            }
            made.push(entry.task(&sources[at], options, Key { seed, task, ..Key::default() })?);
        }
        let Some(first) = sources.first() else { return Err(ScenarioError::NoTasks) };
        let class_names = match sources.as_slice() {
            [only] => only.classes().to_vec(),
            several => several.iter().flat_map(Source::full_names).collect(),
        };
        Stream::from_tasks(name, first.shape(), class_names, made)
    }
}

impl Entry {
    fn task(&self, source: &Source, options: &Options, key: Key) -> Result<Task, ScenarioError> {
        let origin = &source.origin;
        let dataset = origin.dataset();
        let classes: Vec<u32> = match &self.classes {
            Some(words) => choice::classes(words, dataset)?,
            None => (0..dataset.classes.len() as u32).collect(),
        };
        let transform = self.transform(dataset.shape)?;
        let train = origin.rows_of(Part::Train, &classes);
        let cut = options.cut(&self.name, &train, key)?;
        let test = origin.rows_of(Part::Test, &classes);
        let in_stream = classes.iter().map(|class| source.first_class + class).collect();
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
    data: String,
    origin: Arc<Origin>,
    /// The number in the stream of the data's class 0.
    first_class: u32,
}

impl Source {
    /// Its classes come after those of the data before it.
    fn new(
        data: &str,
        dataset: &Arc<Dataset>,
        before: Option<&Self>,
    ) -> Result<Self, ScenarioError> {
        let end = |source: &Self| source.first_class + source.classes().len() as u32;
        let (data, first_class) = (data.to_string(), before.map_or(0, end));
        Ok(Self { data, origin: Origin::new(dataset)?, first_class })
    }

    fn shape(&self) -> [usize; 3] {
        self.origin.dataset().shape
    }

    fn classes(&self) -> &[String] {
        &self.origin.dataset().classes
    }

    fn full_names(&self) -> impl Iterator<Item = String> {
        self.classes().iter().map(|class| format!("{}/{class}", self.data))
    }
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Words::deserialize(deserializer).map(|words| Some(words.0))
}
