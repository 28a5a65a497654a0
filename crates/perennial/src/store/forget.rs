//! Forgetting a sample that the learner keeps.

use std::collections::BTreeMap;

use super::manifest::{Made, Manifest};
use super::{Learner, StoreError};

impl Learner {
    /// Removes every copy of a training sample from what the learner keeps to learn from, as a new
    /// version. Weights are as they were, and older versions have the sample until they are
    /// collected as garbage.
    ///
    /// # Errors
    ///
    /// An unknown task, a strategy that keeps no samples, a sample that it does not keep, or a
    /// busy folder.
    pub fn forget_sample(&mut self, task: &str, sample: u64) -> Result<Manifest, StoreError> {
        let _lock = self.lock()?;
        let folder = &self.folder;
        let head = folder.head_manifest()?;
        let mut tasks = folder.tasks(&head)?;
        let number = tasks.index(task)?;
        let strategy = &head.settings.strategy;
        let Some(mut driver) = self.driver(&head, &tasks)? else {
            return Err(StoreError::Cannot("the learner was taught nothing yet".into()));
        };
        let mut removed = driver.forget_sample(number, sample);
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
        Ok(manifest)
    }
}
