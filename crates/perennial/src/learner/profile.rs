//! Where the time of training goes.

use std::collections::BTreeMap;

use super::Learner;

impl Learner {
    /// From now on measures what training spends its time on.
    pub fn profile(&mut self) {
        self.workspace.profile();
    }

    /// Seconds of training by what they were spent on since [`profile`](Self::profile) was called; none
    /// where it was not.
    pub fn profiled(&self) -> BTreeMap<String, f64> {
        let spent = self.workspace.profiled().into_iter().flat_map(perennial_nn::Profile::spent);
        spent.map(|(what, time)| (what.to_owned(), time.as_secs_f64())).collect()
    }
}
