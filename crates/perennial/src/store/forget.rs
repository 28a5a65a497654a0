//! Forgetting a sample that the learner keeps.

use std::collections::BTreeMap;

use super::manifest::{Made, Manifest};
use super::tasks::Tasks;
use super::{Learner, StoreError};
use crate::learner::Learner as Driver;

/// A learner without a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgotten {
    /// The version that was made.
    pub version: Manifest,
    /// Classes that are answered by the mean of their samples and have none left: nothing answers for
    /// them until they are taught again.
    pub unanswered: Vec<String>,
}

impl Learner {
    /// Removes every copy of a training sample from what the learner keeps to learn from, as a new
    /// version. Weights are as they were, and older versions have the sample until they are
    /// collected as garbage. Accuracies of the version are those that were measured before.
    ///
    /// # Errors
    ///
    /// An unknown task, a strategy that keeps no samples, a sample that it does not keep, or a
    /// busy folder.
    pub fn forget_sample(&mut self, task: &str, sample: u64) -> Result<Forgotten, StoreError> {
        let _lock = self.lock()?;
        let folder = &self.folder;
        let head = folder.head_manifest()?;
        let mut tasks = folder.tasks(&head)?;
        let number = tasks.index(task)?;
        let strategy = &head.settings.strategy;
        let Some(mut driver) = self.driver(&head, &tasks)? else {
            return Err(StoreError::Cannot("the learner was taught nothing yet".into()));
        };
        let answered = means(&driver);
        let mut removed = driver.forget_sample(number, sample);
        let left = means(&driver);
        let lost: Vec<u32> = answered.into_iter().filter(|unit| !left.contains(unit)).collect();
        let unanswered = classes(&driver, &tasks, &lost);
        match &tasks.tasks[number].train {
            Some(train) => {
                let samples = folder.get_samples(train)?;
                let stay: Vec<usize> =
                    (0..samples.len()).filter(|&row| samples.id(row) != sample).collect();
                removed += samples.len() - stay.len();
                tasks.tasks[number].train = Some(folder.put_samples(&samples.rows(&stay))?);
            }
            None if driver.strategy().memory().is_none() => {
                return Err(StoreError::Cannot(format!("{strategy} keeps no samples")));
            }
            None => {}
        }
        if removed == 0 {
            return Err(StoreError::Cannot(format!(
                "the learner does not keep sample {sample} of `{task}`"
            )));
        }
        let mut objects: BTreeMap<_, _> = head.objects.clone();
        objects.insert("learner".into(), folder.put_driver(&driver)?);
        objects.insert("tasks".into(), folder.put_json(&tasks)?);
        let made = Made::Forgot { task: task.to_owned(), sample };
        let manifest = folder.add_version(Manifest { made, objects, ..head.child() })?;
        folder.set_head(&manifest)?;
        Ok(Forgotten { version: manifest, unanswered })
    }
}

/// The units that a strategy answers for by class means.
fn means(driver: &Driver) -> Vec<u32> {
    driver.strategy().class_means().map_or_else(Vec::new, |means| means.units().to_vec())
}

/// The names of the classes of these units.
fn classes(driver: &Driver, tasks: &Tasks, units: &[u32]) -> Vec<String> {
    let outputs = driver.core.model.outputs.iter().enumerate();
    let labels = outputs.flat_map(|(task, outputs)| outputs.units.iter().zip(tasks.labels(task)));
    let mut named: Vec<(u32, String)> = labels.map(|(&unit, name)| (unit, name)).collect();
    named.sort();
    named.dedup();
    named.retain(|(unit, _)| units.contains(unit));
    named.into_iter().map(|(_, name)| name).collect()
}
