//! Where the time of passes goes.

use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds by what they were spent on.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    spent: BTreeMap<String, Duration>,
}

impl Profile {
    /// Adds time that was spent on something.
    pub fn add(&mut self, what: &str, time: Duration) {
        match self.spent.get_mut(what) {
            Some(spent) => *spent += time,
            None => {
                self.spent.insert(what.to_owned(), time);
            }
        }
    }

    /// What time was spent on, the most first.
    pub fn spent(&self) -> Vec<(&str, Duration)> {
        let mut all: Vec<_> =
            self.spent.iter().map(|(what, time)| (what.as_str(), *time)).collect();
        all.sort_by_key(|&(_, time)| std::cmp::Reverse(time));
        all
    }
}
