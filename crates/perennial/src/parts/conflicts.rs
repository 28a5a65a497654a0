//! How often, and how far, new gradients point against those of the past.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::project::Angles;

/// What a method that projects gradients counted, task by task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conflicts {
    tasks: Vec<Counted>,
}

/// Counts of one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counted {
    /// Steps that were compared with a past.
    steps: u64,
    /// Steps that were projected.
    projected: u64,
    /// Constraints that those violated, summed.
    violated: u64,
    /// Their widest angle to a past gradient before, in degrees, summed.
    before: f64,
    /// And after.
    after: f64,
}

impl Conflicts {
    /// Counts for another task from now on.
    pub fn begin_task(&mut self) {
        self.tasks.push(Counted::default());
    }

    /// A step that went against nothing.
    pub fn agreed(&mut self) {
        if let Some(task) = self.tasks.last_mut() {
            task.steps += 1;
        }
    }

    /// A step that went against `violated` past gradients and was turned.
    pub fn projected(&mut self, violated: usize, angles: Angles) {
        if let Some(task) = self.tasks.last_mut() {
            task.steps += 1;
            task.projected += 1;
            task.violated += violated as u64;
            task.before += angles.before;
            task.after += angles.after;
        }
    }

    /// Whether so many steps of this task were projected that to ask before costs more than it
    /// saves: three of five, of ten at least.
    pub fn frequent(&self) -> bool {
        const ENOUGH: u64 = 10;
        self.tasks
            .last()
            .is_some_and(|task| task.steps >= ENOUGH && 5 * task.projected > 3 * task.steps)
    }

    /// For reports: `{"conflicts": [{"task", "steps", "projected", "violated", "angle_before",
    /// "angle_after"}]}`. `projected` is the share of the steps; the other numbers are means over
    /// the projected steps, null without any. Tasks count from 1.
    pub fn figures(&self) -> Value {
        let figures = |(i, task): (usize, &Counted)| {
            let mean = |sum: f64| (task.projected > 0).then(|| sum / task.projected as f64);
            json!({
                "task": i + 1,
                "steps": task.steps,
                "projected": (task.steps > 0).then(|| task.projected as f64 / task.steps as f64),
                "violated": mean(task.violated as f64),
                "angle_before": mean(task.before),
                "angle_after": mean(task.after),
            })
        };
        json!({ "conflicts": self.tasks.iter().enumerate().map(figures).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: steps of tasks before that count, a share of few steps.
    #[test]
    fn conflicts_are_frequent_above_three_of_five() {
        let mut conflicts = Conflicts::default();
        let angles = Angles { before: 100.0, after: 90.0 };
        for _ in 0..2 {
            conflicts.begin_task();
            assert!(!conflicts.frequent());
            (0..9).for_each(|_| conflicts.projected(1, angles));
            assert!(!conflicts.frequent());
            (0..6).for_each(|_| conflicts.agreed());
            assert!(!conflicts.frequent()); // 9 of 15
            conflicts.projected(1, angles);
            assert!(conflicts.frequent());
        }
    }

    #[test]
    fn means_are_over_the_projected_steps() {
        let mut conflicts = Conflicts::default();
        conflicts.begin_task();
        conflicts.begin_task();
        conflicts.agreed();
        conflicts.agreed();
        conflicts.projected(1, Angles { before: 100.0, after: 90.0 });
        conflicts.projected(2, Angles { before: 120.0, after: 88.0 });
        let figures = conflicts.figures();
        assert_eq!(figures["conflicts"][0]["projected"], Value::Null);
        assert_eq!(
            figures["conflicts"][1],
            json!({ "task": 2, "steps": 4, "projected": 0.5, "violated": 1.5,
                    "angle_before": 110.0, "angle_after": 89.0 })
        );
    }
}
