//! What a version knows: its tasks, their classes, and how well it answers each.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::folder::{Folder, ObjectRef};
use super::lesson::inputs_of;
use super::manifest::Manifest;
use crate::data::InputSpec;
use crate::scenario::{Samples, Stream, Task};

/// The object `tasks` of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tasks {
    /// Of every input: `[channels, height, width]`; known from the first task on.
    pub(super) shape: Option<[usize; 3]>,
    /// What all inputs are; known from the first task on. None of a learner that was made before
    /// this was kept: then the two below say what is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<InputSpec>,
    /// What the numbers of an input are called; empty as long as no task's had names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<String>,
    /// The byte that is read as 1 in all rows, or 0 where rows are floats.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) white: u8,
    /// The names of all classes, in the order in which they came.
    pub(super) classes: Vec<String>,
    pub(super) tasks: Vec<Taught>,
}

/// A task that a version was taught.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Taught {
    pub(super) name: String,
    /// The class of each label, as a number in the learner's classes.
    pub(super) classes: Vec<u32>,
    /// Rows that it is judged by, as they are stored; none where it was imported without.
    pub(super) test: Option<ObjectRef>,
    /// Rows it was taught with, as inputs, for a strategy that keeps all data.
    pub(super) train: Option<ObjectRef>,
}

/// The object `row` of a version: a row of R with what lies behind it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) tasks: Vec<Measured>,
}

/// How well a version answers a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) task: String,
    /// Rows of the test part.
    pub(super) rows: u64,
    /// Of these, answered right.
    pub(super) right: u64,
    /// What it said of each.
    pub(super) said: ObjectRef,
}

impl Measured {
    pub(super) fn accuracy(&self) -> f64 {
        self.right as f64 / self.rows as f64
    }
}

impl Row {
    /// The mean accuracy over its tasks.
    pub(super) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.tasks.iter().map(Measured::accuracy).sum();
        (!self.tasks.is_empty()).then(|| sum / self.tasks.len() as f64)
    }

    pub(super) fn of(&self, task: &str) -> Option<&Measured> {
        self.tasks.iter().find(|measured| measured.task == task)
    }
}

fn is_zero(white: &u8) -> bool {
    *white == 0
}

impl Tasks {
    /// What the learner's inputs are; none before its first task.
    pub(super) fn spec(&self) -> Option<InputSpec> {
        let white = (self.white > 0).then_some(self.white);
        let older = || Some(InputSpec::of_older(self.shape?, white, &self.columns));
        self.input.clone().or_else(older)
    }

    /// The rows that a task is judged by, as inputs; none where it has none.
    pub(super) fn judging_rows(
        &self,
        task: usize,
        folder: &Folder,
    ) -> Result<Option<Samples>, StoreError> {
        let Some(test) = &self.tasks[task].test else { return Ok(None) };
        let samples = folder.get_samples(test)?;
        Ok(Some(match &self.input {
            Some(spec) => inputs_of(spec, &samples),
            None => samples,
        }))
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == name)
    }

    /// The number of the task of a name.
    pub(super) fn index(&self, name: &str) -> Result<usize, StoreError> {
        self.find(name).ok_or_else(|| StoreError::Unknown {
            what: "task",
            name: name.into(),
            known: self.tasks.iter().map(|task| task.name.clone()).collect(),
        })
    }

    /// The names of a task's labels.
    pub(super) fn labels(&self, task: usize) -> Vec<String> {
        let name = |&class: &u32| self.classes[class as usize].clone();
        self.tasks[task].classes.iter().map(name).collect()
    }

    /// These tasks and a new one as a stream. Of the old ones only those rows are read that the
    /// strategy keeps.
    pub(super) fn stream(&self, folder: &Folder, new: Option<Task>) -> Result<Stream, StoreError> {
        let shape = self.shape.unwrap_or_default();
        let inputs = shape.iter().product();
        let mut tasks = Vec::with_capacity(self.tasks.len() + 1);
        for task in self.tasks.iter().take(self.tasks.len() - usize::from(new.is_some())) {
            let train = match &task.train {
                Some(train) => folder.get_samples(train)?,
                None => Samples::none(inputs),
            };
            let (name, classes) = (task.name.clone(), task.classes.clone());
            tasks.push(Task::learnt(name, classes, train, Samples::none(inputs))?);
        }
        tasks.extend(new);
        Ok(Stream::from_tasks("learner", shape, self.classes.clone(), tasks)?)
    }
}

impl Folder {
    /// What a version knows; nothing before its first task.
    pub(super) fn tasks(&self, manifest: &Manifest) -> Result<Tasks, StoreError> {
        match manifest.objects.get("tasks") {
            Some(object) => self.get_json(object),
            None => Ok(Tasks::default()),
        }
    }

    /// How well a version answers; empty before its first task.
    pub(super) fn row(&self, manifest: &Manifest) -> Result<Row, StoreError> {
        match manifest.objects.get("row") {
            Some(object) => self.get_json(object),
            None => Ok(Row::default()),
        }
    }
}
