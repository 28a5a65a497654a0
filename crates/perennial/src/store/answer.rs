//! What a learner answers: on its test parts, on labelled rows, on new rows.

use perennial_metrics::statistics::wilson;

use super::lesson::{Lesson, other_shape, same_columns};
use super::manifest::Manifest;
use super::tasks::Tasks;
use super::teach::said;
use super::{Learner, StoreError};
use crate::learner::Learner as Driver;
use crate::scenario::{Reader, Samples, Setting};

/// How well a task is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// The task.
    pub task: String,
    /// Rows it was measured on.
    pub rows: u64,
    /// Of these, answered right.
    pub right: u64,
    /// The 95 % interval of the accuracy (Wilson).
    pub interval: [f64; 2],
}

impl Evaluated {
    fn new(task: &str, rows: usize, right: usize) -> Self {
        let (rows, right) = (rows as u64, right as u64);
        let interval = wilson(right, rows).unwrap_or([0.0, 1.0]);
        Self { task: task.to_owned(), rows, right, interval }
    }

    /// The share of rows answered right.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.rows as f64
    }
}

/// What a learner says of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The version that answered.
    pub version: u64,
    /// The task that it was told, where it needs to be.
    pub task: Option<String>,
    /// The classes it chose among.
    pub classes: Vec<String>,
    /// One a row.
    pub rows: Vec<Prediction>,
}

/// What a learner says of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class, as a number in [`Predictions::classes`].
    pub class: usize,
    /// How likely it holds each class to be; they add up to 1. `[classes]`
    pub probabilities: Vec<f32>,
}

impl Learner {
    /// Measures every task again on the test part that the learner keeps: the row of R.
    ///
    /// # Errors
    ///
    /// When the version or one of its objects is damaged.
    pub fn evaluate(&self) -> Result<Vec<Evaluated>, StoreError> {
        self.steady(|head| {
            let tasks = self.folder.tasks(head)?;
            let Some(driver) = self.driver(head, &tasks)? else { return Ok(Vec::new()) };
            let mut row = Vec::new();
            for (number, task) in tasks.tasks.iter().enumerate() {
                let Some(test) = &task.test else { continue };
                let samples = self.folder.get_samples(test)?;
                if let Some(said) = said(&driver, number, &samples) {
                    row.push(Evaluated::new(&task.name, samples.len(), said.right.count()));
                }
            }
            Ok(row)
        })
    }

    /// Measures a task on the test rows of other data.
    ///
    /// # Errors
    ///
    /// An unknown task, rows of another shape, a class that the task does not have, or damage.
    pub fn evaluate_on(&self, lesson: &Lesson) -> Result<Evaluated, StoreError> {
        self.steady(|head| {
            let tasks = self.folder.tasks(head)?;
            let (driver, shape) = self.taught_driver(head, &tasks)?;
            let number = tasks.index(&lesson.task)?;
            if lesson.shape != shape {
                return Err(other_shape(&lesson.from, lesson.shape, shape));
            }
            same_columns(&lesson.from, &lesson.columns, &tasks.columns)?;
            let known = tasks.labels(number);
            let mut label_of = Vec::new();
            for class in &lesson.classes {
                let label = known.iter().position(|known| known == class);
                let Some(label) = label else {
                    let (what, name) = ("class", class.clone());
                    return Err(StoreError::Unknown { what, name, known });
                };
                label_of.push(Some(label as u32));
            }
            if lesson.test.is_empty() {
                let from = &lesson.from;
                return Err(StoreError::Data(format!("the test part of `{from}` is empty")));
            }
            let samples = lesson.test.relabelled(&label_of);
            let right = said(&driver, number, &samples).map_or(0, |said| said.right.count());
            Ok(Evaluated::new(&lesson.task, samples.len(), right))
        })
    }

    /// Refuses columns that are not those of the learner's tasks, as far as both have names: for
    /// rows that are to be [answered](Self::predict). `from` is where they came from.
    ///
    /// # Errors
    ///
    /// Other columns, the same in another order, or damage.
    pub fn check_columns(&self, from: &str, columns: &[String]) -> Result<(), StoreError> {
        self.steady(|head| same_columns(from, columns, &self.folder.tasks(head)?.columns))
    }

    /// Answers rows of `shape`. `task` is told to a learner that needs it.
    ///
    /// # Errors
    ///
    /// A learner that was taught nothing, an unknown task, one that must be named and is not,
    /// rows of another shape, or damage.
    pub fn predict(
        &self,
        samples: &Samples,
        shape: [usize; 3],
        task: Option<&str>,
    ) -> Result<Predictions, StoreError> {
        self.steady(|head| {
            let tasks = self.folder.tasks(head)?;
            let (driver, expected) = self.taught_driver(head, &tasks)?;
            if shape != expected {
                return Err(other_shape("the input", shape, expected));
            }
            let setting = head.settings.setting();
            let number = match task {
                Some(name) => tasks.index(name)?,
                None if setting == Setting::Task && tasks.tasks.len() > 1 => {
                    let names: Vec<&str> = tasks.tasks.iter().map(|task| &*task.name).collect();
                    return Err(StoreError::Cannot(format!(
                        "this learner has a head for each task and must be told which one to \
                         answer: --task with one of {}",
                        names.join(", ")
                    )));
                }
                None => tasks.tasks.len() - 1,
            };
            let answers = driver.answers(number, &Reader::of(samples), true).ok_or_else(|| {
                StoreError::Cannot(format!(
                    "the learner cannot answer `{}`",
                    tasks.tasks[number].name
                ))
            })?;
            let classes = names(&driver, &tasks, number, setting, answers.among.clone());
            let width = answers.among.len();
            let first = answers.among.start;
            let row = |(at, &unit): (usize, &u32)| Prediction {
                class: unit as usize - first,
                probabilities: answers.probabilities[at * width..(at + 1) * width].to_vec(),
            };
            Ok(Predictions {
                version: head.id,
                task: (setting == Setting::Task).then(|| tasks.tasks[number].name.clone()),
                classes,
                rows: answers.units.iter().enumerate().map(row).collect(),
            })
        })
    }

    /// The learner of a version, if it was taught something.
    pub(super) fn driver(
        &self,
        version: &Manifest,
        tasks: &Tasks,
    ) -> Result<Option<Driver>, StoreError> {
        match tasks.shape {
            Some(shape) => self.folder.get_driver(version, shape),
            None => Ok(None),
        }
    }

    fn taught_driver(
        &self,
        head: &Manifest,
        tasks: &Tasks,
    ) -> Result<(Driver, [usize; 3]), StoreError> {
        match (self.driver(head, tasks)?, tasks.shape) {
            (Some(driver), Some(shape)) => Ok((driver, shape)),
            _ => Err(StoreError::Cannot(
                "the learner was taught nothing yet: `perennial teach` teaches it".into(),
            )),
        }
    }
}

/// The class that each unit among which a task is answered stands for.
fn names(
    driver: &Driver,
    tasks: &Tasks,
    task: usize,
    setting: Setting,
    among: std::ops::Range<usize>,
) -> Vec<String> {
    let mut names: Vec<String> = among.clone().map(|unit| format!("unit {unit}")).collect();
    // In one head for all classes every task says what its units mean; else only the task itself.
    let of = match setting {
        Setting::Class => 0..tasks.tasks.len(),
        Setting::Task | Setting::Domain => task..task + 1,
    };
    for task in of {
        for (&unit, name) in driver.core.model.outputs[task].units.iter().zip(tasks.labels(task)) {
            if let Some(slot) = names.get_mut((unit as usize).wrapping_sub(among.start)) {
                *slot = name;
            }
        }
    }
    names
}
