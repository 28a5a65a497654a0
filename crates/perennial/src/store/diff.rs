//! What became better from one version to another, what became worse, and on which samples.

use super::folder::Folder;
use super::kept::Said;
use super::manifest::Manifest;
use super::tasks::Measured;
use super::{Learner, StoreError};

/// What two versions differ in.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The version compared from.
    pub from: u64,
    /// The version compared to.
    pub to: u64,
    /// Every task that one of them knows.
    pub tasks: Vec<TaskChange>,
}

/// What became of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskChange {
    /// Its name.
    pub task: String,
    /// Accuracy in the first version, if it knows the task.
    pub before: Option<f64>,
    /// Accuracy in the second version, if it knows the task.
    pub after: Option<f64>,
    /// What became of each class; empty unless both know the task by the same test part.
    pub classes: Vec<ClassChange>,
    /// Ids of test samples that were right and are wrong.
    pub broke: Vec<u64>,
    /// Ids of test samples that were wrong and are right.
    pub mended: Vec<u64>,
}

/// What became of a class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassChange {
    /// Its name.
    pub class: String,
    /// Test samples.
    pub rows: u64,
    /// How many of them are right in the first version.
    pub before: u64,
    /// How many of them are right in the second version.
    pub after: u64,
    /// How many of them are right in the first version and wrong in the second.
    pub broke: u64,
    /// How many of them are wrong in the first version and right in the second.
    pub mended: u64,
}

impl ClassChange {
    /// No samples yet.
    pub(super) fn of(class: String) -> Self {
        Self { class, ..Self::default() }
    }

    /// Counts a sample: whether it is right in the first version and in the second.
    pub(super) fn count(&mut self, before: bool, after: bool) {
        self.rows += 1;
        self.before += u64::from(before);
        self.after += u64::from(after);
        self.broke += u64::from(before && !after);
        self.mended += u64::from(!before && after);
    }
}

impl Learner {
    /// Compares two versions by what they answered when they were made: nothing is measured.
    ///
    /// # Errors
    ///
    /// An unknown version, or damage.
    pub fn diff(&self, from: u64, to: u64) -> Result<Difference, StoreError> {
        let folder = &self.folder;
        let (first, second) = (folder.manifest(from)?, folder.manifest(to)?);
        let mut names = Vec::new();
        for manifest in [&first, &second] {
            for task in folder.tasks(manifest)?.tasks {
                if !names.contains(&task.name) {
                    names.push(task.name);
                }
            }
        }
        let tasks = names.iter().map(|name| change(folder, &first, &second, name));
        Ok(Difference { from, to, tasks: tasks.collect::<Result<_, _>>()? })
    }
}

fn change(
    folder: &Folder,
    first: &Manifest,
    second: &Manifest,
    task: &str,
) -> Result<TaskChange, StoreError> {
    let rows = [folder.row(first)?, folder.row(second)?];
    let [before, after] = rows.each_ref().map(|row| row.of(task));
    let mut change = TaskChange {
        task: task.to_owned(),
        before: before.map(Measured::accuracy),
        after: after.map(Measured::accuracy),
        ..TaskChange::default()
    };
    if let (Some(before), Some(after)) = (before, after) {
        let known = [folder.tasks(first)?, folder.tasks(second)?];
        let [was, is] = known.each_ref().map(|tasks| tasks.find(task).map(|at| &tasks.tasks[at]));
        let (Some(was), Some(is)) = (was, is) else { return Ok(change) };
        if let (Some(test), true) = (&is.test, was.test == is.test) {
            let samples = folder.get_samples(test)?;
            let said = [folder.get_said(&before.said)?, folder.get_said(&after.said)?];
            let right = |said: &Said, row: usize| said.right.get(row).unwrap_or(false);
            let number = known[1].index(task)?;
            change.classes = known[1].labels(number).into_iter().map(ClassChange::of).collect();
            for row in 0..samples.len() {
                let [before, after] = said.each_ref().map(|said| right(said, row));
                change.classes[samples.label(row) as usize].count(before, after);
                match (before, after) {
                    (true, false) => change.broke.push(samples.id(row)),
                    (false, true) => change.mended.push(samples.id(row)),
                    _ => {}
                }
            }
        }
    }
    Ok(change)
}
