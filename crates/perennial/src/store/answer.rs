//! What a learner answers: on its test parts, on labelled rows, on new rows.

use perennial_metrics::statistics::wilson;

use super::fitting::{data, distinct, no_better};
use super::lesson::{Lesson, inputs_of};
use super::manifest::Manifest;
use super::tasks::Tasks;
use super::teach::said;
use super::{Learner, StoreError};
use crate::data::{InputSpec, Naming, few, match_names};
use crate::learner::Learner as Driver;
use crate::learner::evaluate::Answers;
use crate::scenario::{Reader, Samples, Setting};
use crate::strategy::Isolation;

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
    /// What is to be said of it, a sentence each.
    pub notes: Vec<String>,
}

impl Evaluated {
    /// `units` are the answers, and `samples` the rows that they are of.
    fn new(task: &str, units: &[u32], right: usize, samples: &Samples) -> Self {
        let notes = no_better(task, units, right, samples).into_iter().collect();
        let (rows, right) = (samples.len() as u64, right as u64);
        let interval = wilson(right, rows).unwrap_or([0.0, 1.0]);
        Self { task: task.to_owned(), rows, right, interval, notes }
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
    /// How likely it holds each class to be; they add up to 1. A learner that answers by
    /// [class means](crate::Strategy::class_means) has no likelihoods: these are the softmax of
    /// −‖x − μ‖². `[classes]`
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
                let Some(samples) = tasks.judging_rows(number, &self.folder)? else { continue };
                if let Some(said) = said(&driver, number, &samples)? {
                    let right = said.right.count();
                    row.push(Evaluated::new(&task.name, &said.units, right, &samples));
                }
            }
            Ok(row)
        })
    }

    /// Measures the learner on the test rows of other data: as a task that it knows, or among all
    /// classes that it knows, where one head tells them apart. In the domain setting, where label j
    /// of every task is the same output, the classes may have the names that any task has for them.
    ///
    /// # Errors
    ///
    /// An unknown task, rows that are not what its inputs are, a class that is not known or that two
    /// tasks have for different outputs, a learner with a head for each task that is not told which,
    /// or damage.
    pub fn evaluate_on(
        &self,
        lesson: &Lesson,
        task: Option<&str>,
    ) -> Result<Evaluated, StoreError> {
        self.steady(|head| {
            let tasks = self.folder.tasks(head)?;
            let (driver, spec) = self.taught_driver(head, &tasks)?;
            let setting = head.settings.setting();
            let number = to_answer(&tasks, setting, task)?;
            spec.check(&lesson.spec, &lesson.from).map_err(|error| data(&error))?;
            if lesson.test.is_empty() {
                let from = &lesson.from;
                return Err(StoreError::Data(format!("the test part of `{from}` is empty")));
            }
            let samples = inputs_of(&spec, &lesson.test);
            let answers = self.answers(&driver, &tasks, number, &samples, false)?;
            let known = known_names(&driver, &tasks, number, task, answers.among.clone());
            let (unit_of, notes) = known.units_of(lesson, spec.asked.naming(), samples.labels())?;
            let is_right = |(unit, label): (&u32, &u32)| unit_of[*label as usize] == Some(*unit);
            let right =
                answers.units.iter().zip(samples.labels()).filter(|it| is_right(*it)).count();
            let name = task.unwrap_or(&lesson.from);
            let mut found = Evaluated::new(name, &answers.units, right, &samples);
            found.notes.splice(0..0, notes);
            Ok(found)
        })
    }

    /// What the learner's inputs are; none before its first task. Later data are read by it.
    ///
    /// # Errors
    ///
    /// When the version is damaged.
    pub fn inputs(&self) -> Result<Option<InputSpec>, StoreError> {
        self.steady(|head| Ok(self.folder.tasks(head)?.spec()))
    }

    /// Answers rows as they are stored, not yet scaled. `found` is what they are, `from` what they
    /// are called; `task` is told to a learner that needs it.
    ///
    /// # Errors
    ///
    /// A learner that was taught nothing, an unknown task, one that must be named and is not,
    /// rows that are not what its inputs are, or damage.
    pub fn predict(
        &self,
        samples: &Samples,
        found: &InputSpec,
        from: &str,
        task: Option<&str>,
    ) -> Result<Predictions, StoreError> {
        self.steady(|head| {
            let tasks = self.folder.tasks(head)?;
            let (driver, spec) = self.taught_driver(head, &tasks)?;
            spec.check(found, from).map_err(|error| data(&error))?;
            let setting = head.settings.setting();
            let number = to_answer(&tasks, setting, task)?;
            let samples = inputs_of(&spec, samples);
            let answers = self.answers(&driver, &tasks, number, &samples, true)?;
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

    fn answers(
        &self,
        driver: &Driver,
        tasks: &Tasks,
        number: usize,
        samples: &Samples,
        probabilities: bool,
    ) -> Result<Answers, StoreError> {
        let answers = driver.answers(number, &Reader::of(samples), probabilities)?;
        answers.ok_or_else(|| {
            let task = &tasks.tasks[number].name;
            StoreError::Cannot(format!("the learner cannot answer `{task}`"))
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
    ) -> Result<(Driver, InputSpec), StoreError> {
        match (self.driver(head, tasks)?, tasks.spec()) {
            (Some(driver), Some(spec)) => Ok((driver, spec)),
            _ => Err(StoreError::Cannot(
                "the learner was taught nothing yet: `perennial teach` teaches it".into(),
            )),
        }
    }
}

/// The task by which rows are answered: the one that is told, or the last where all share a head.
fn to_answer(tasks: &Tasks, setting: Setting, task: Option<&str>) -> Result<usize, StoreError> {
    match task {
        Some(name) => tasks.index(name),
        None if setting == Setting::Task && tasks.tasks.len() > 1 => {
            let names: Vec<String> = tasks.tasks.iter().map(|task| task.name.clone()).collect();
            Err(StoreError::Cannot(format!(
                "this learner has a head for each task and must be told which one to answer: --task \
                 with one of {}",
                few(&names)
            )))
        }
        None => Ok(tasks.tasks.len().saturating_sub(1)),
    }
}

/// The names that classes of labelled rows may have.
struct KnownNames {
    /// The names, each with the output unit that it stands for. A name with two units is ambiguous.
    units: Vec<(String, u32)>,
    /// The task whose names these are; none where they are of all tasks.
    of: Option<String>,
}

/// The names by which rows may be labelled that are answered as task `number`; `told`: the task that
/// was asked for.
fn known_names(
    driver: &Driver,
    tasks: &Tasks,
    number: usize,
    told: Option<&str>,
    among: std::ops::Range<usize>,
) -> KnownNames {
    let setting = driver.core.setting;
    let (first, shared) = (among.start as u32, driver.card().isolation == Isolation::Shared);
    let by_label = |task: usize| {
        let units = driver.core.model.outputs[number].units.iter().copied();
        tasks.labels(task).into_iter().zip(units)
    };
    let (units, of_all): (Vec<_>, bool) = match (told, setting) {
        (None, Setting::Class) => {
            let names = names(driver, tasks, number, setting, among);
            (names.into_iter().zip(first..).collect(), true)
        }
        (None, Setting::Domain) if shared => {
            let mut all = Vec::new();
            for named in (0..tasks.tasks.len()).flat_map(by_label) {
                if !all.contains(&named) {
                    all.push(named);
                }
            }
            (all, true)
        }
        _ => (by_label(number).collect(), false),
    };
    KnownNames { units, of: (!of_all).then(|| tasks.tasks[number].name.clone()) }
}

impl KnownNames {
    /// The unit of each class of a lesson, `None` for one without a row, and what is worth saying.
    /// `labels` are those of its rows.
    fn units_of(
        &self,
        lesson: &Lesson,
        naming: Naming,
        labels: &[u32],
    ) -> Result<(Vec<Option<u32>>, Vec<String>), StoreError> {
        let names = distinct(self.units.iter().map(|(name, _)| name));
        let matched = match_names(&lesson.classes, &names, naming);
        let mut unit_of = Vec::with_capacity(matched.names.len());
        for (name, label) in matched.names.iter().zip(0..) {
            let mut units = self.units.iter().filter(|(known, _)| known == name);
            let (unit, other) = (units.next().map(|(_, unit)| *unit), units.next());
            unit_of.push(unit);
            if !labels.contains(&label) || (unit.is_some() && other.is_none()) {
                continue;
            }
            let what = format!("{} has the class `{name}`, which", lesson.from);
            return Err(StoreError::Data(if other.is_some() {
                format!(
                    "{what} is one output in one of the learner's tasks and another output in \
                     another task: say with --task which task is meant"
                )
            } else {
                let of = self.of.as_ref().map_or_else(String::new, |task| format!(" of `{task}`"));
                let mut text = format!(
                    "{what} the learner does not know{of}; it knows {}; choose with --classes",
                    few(&names)
                );
                let about = format!("`{name}` ");
                for note in matched.notes.iter().filter(|note| note.starts_with(&about)) {
                    text += &format!("; {note}");
                }
                text
            }));
        }
        Ok((unit_of, matched.notes))
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
    // In one head every task says what its units mean. The task itself is the last to, because in the
    // domain setting tasks can have different names for a unit. A learner of an older program may have
    // tasks with fewer classes than the head, whose other units are named by other tasks.
    let all = match setting {
        Setting::Class | Setting::Domain => 0..tasks.tasks.len(),
        Setting::Task => 0..0,
    };
    for task in all.chain([task]) {
        for (&unit, name) in driver.core.model.outputs[task].units.iter().zip(tasks.labels(task)) {
            if let Some(slot) = names.get_mut((unit as usize).wrapping_sub(among.start)) {
                *slot = name;
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Part, Values};

    /// Rows of these classes, of which the last has none.
    fn lesson(classes: &[&str]) -> Lesson {
        let part = || Part { values: Values::Floats(vec![0.0; 2]), labels: vec![0, 1] };
        let dataset = Dataset {
            name: "rows".into(),
            shape: [1, 1, 1],
            classes: classes.iter().map(ToString::to_string).collect(),
            train: part(),
            validation: None,
            test: part(),
        };
        Lesson::new("", &dataset).unwrap()
    }

    /// An older program gave labels by their order, so that a class may be two outputs. Catches: the
    /// first output that is taken for the class, a refusal for a class that no row has, a name that
    /// two known ones are like and that is only called unknown.
    #[test]
    fn names_that_are_ambiguous_or_unknown_are_said() {
        let named = [("x", 0), ("y", 1), ("y", 0), ("Z", 2), (" z", 3)];
        let units = named.map(|(name, unit)| (name.to_owned(), unit)).to_vec();
        let known = KnownNames { units, of: None };
        let ask = |classes: &[&str]| known.units_of(&lesson(classes), Naming::Usual, &[0, 1]);
        let said = |classes: &[&str]| ask(classes).unwrap_err().to_string();
        assert_eq!(ask(&["x", "Z", "y"]).unwrap().0, [Some(0), Some(2), Some(1)]);
        assert_eq!(ask(&["x", "Z", "w"]).unwrap().0, [Some(0), Some(2), None]);
        assert_eq!(
            said(&["x", "y", "Z"]),
            "rows has the class `y`, which is one output in one of the learner's tasks and another \
             output in another task: say with --task which task is meant"
        );
        assert_eq!(
            said(&["x", "z", "w"]),
            "rows has the class `z`, which the learner does not know; it knows x, y, Z,  z; choose \
             with --classes; `z` is another class than the known `Z`, and several known classes are \
             like it"
        );
    }
}
