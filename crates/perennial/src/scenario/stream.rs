//! Tasks in the order in which they arrive.

use std::collections::BTreeSet;

use perennial_data::{Understanding, few};

use super::setting::ClassMatch;
use super::{ScenarioError, Setting, Task};

/// Tasks in the order in which they arrive, all of one input shape.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Such as `permuted-mnist`.
    pub name: String,
    /// Of every input. `[channels, height, width]`
    pub shape: [usize; 3],
    /// The names of all classes of all tasks.
    pub class_names: Vec<String>,
    /// At least one.
    pub tasks: Vec<Task>,
    /// What was understood of each of the data that a list names; empty for other streams.
    pub understood: Vec<Understanding>,
}

impl Stream {
    /// Your own list of tasks.
    ///
    /// # Errors
    ///
    /// If there is no task, one does not have the inputs that the shape asks for, or one has no
    /// classes, a class twice, or a class without a name.
    pub fn from_tasks(
        name: impl Into<String>,
        shape: [usize; 3],
        class_names: Vec<String>,
        tasks: Vec<Task>,
    ) -> Result<Self, ScenarioError> {
        if tasks.is_empty() {
            return Err(ScenarioError::NoTasks);
        }
        for task in &tasks {
            if task.inputs() != shape.iter().product::<usize>() {
                let (task, found) = (task.name.clone(), task.inputs());
                return Err(ScenarioError::Shape { task, found, shape });
            }
            if task.classes.is_empty() {
                return Err(ScenarioError::NoClasses { task: task.name.clone() });
            }
            for (i, &class) in task.classes.iter().enumerate() {
                let Some(name) = class_names.get(class as usize) else {
                    let (task, named) = (task.name.clone(), class_names.len());
                    return Err(ScenarioError::UnnamedClass { task, class, named });
                };
                if task.classes[..i].contains(&class) {
                    return Err(ScenarioError::ClassTwice { class: name.clone() });
                }
            }
        }
        Ok(Self { name: name.into(), shape, class_names, tasks, understood: Vec::new() })
    }

    /// How many classes with an output of their own its tasks have in a setting.
    pub(crate) fn outputs(&self, setting: Setting) -> usize {
        let classes = self.tasks.iter().map(|task| task.classes.len());
        match setting {
            Setting::Task => classes.sum(),
            Setting::Domain => classes.max().unwrap_or(0),
            Setting::Class => {
                self.tasks.iter().flat_map(|task| &task.classes).collect::<BTreeSet<_>>().len()
            }
        }
    }

    /// Refuses tasks whose classes cannot share one head: label j of every task is the same output.
    fn check_shared(&self) -> Result<(), ScenarioError> {
        for (at, task) in self.tasks.iter().enumerate() {
            for earlier in &self.tasks[..at] {
                match ClassMatch::of(&earlier.classes, &task.classes) {
                    Some(ClassMatch::ByOrder) => continue,
                    Some(ClassMatch::ByName) if task.classes == earlier.classes => continue,
                    _ => {}
                }
                if !task.classes.iter().any(|class| earlier.classes.contains(class)) {
                    return Err(ScenarioError::ClassCounts {
                        stream: self.name.clone(),
                        first: (earlier.name.clone(), earlier.classes.len()),
                        other: (task.name.clone(), task.classes.len()),
                    });
                }
                let names = |task: &Task| {
                    let name = |&class: &u32| self.class_names[class as usize].clone();
                    few(&task.classes.iter().map(name).collect::<Vec<_>>())
                };
                return Err(ScenarioError::SomeClassesShared {
                    first: earlier.name.clone(),
                    first_classes: names(earlier),
                    other: task.name.clone(),
                    other_classes: names(task),
                });
            }
        }
        Ok(())
    }

    /// Whether the stream makes sense in a setting.
    ///
    /// Task-incremental learning takes every stream. A domain-incremental head is shared, so all
    /// tasks need the same number of classes, and either the same ones in the same order or none in
    /// common. A class-incremental head grows, so there must be
    /// two tasks with different classes.
    ///
    /// # Errors
    ///
    /// If it does not; the error says why, and which settings are possible.
    pub fn check(&self, setting: Setting) -> Result<(), ScenarioError> {
        let Some(first) = self.tasks.first() else { return Err(ScenarioError::NoTasks) };
        let stream = || self.name.clone();
        match setting {
            Setting::Task => Ok(()),
            Setting::Domain => self.check_shared(),
            Setting::Class if self.tasks.len() == 1 => {
                Err(ScenarioError::SingleTask { stream: stream() })
            }
            Setting::Class => {
                let sorted = |task: &Task| {
                    let mut classes = task.classes.clone();
                    classes.sort_unstable();
                    classes
                };
                let classes = sorted(first);
                if self.tasks.iter().all(|task| sorted(task) == classes) {
                    let classes = classes.len();
                    return Err(ScenarioError::SameClasses { stream: stream(), classes });
                }
                Ok(())
            }
        }
    }
}
