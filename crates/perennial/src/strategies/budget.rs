//! What a memory's budget means in a run.

use super::refused;
use crate::learner::{Context, LearnError};
use crate::parts::memory::{Budget, Memory};
use crate::scenario::{Part, Setting};

/// Refuses a budget of nothing.
pub(super) fn check(key: &str, budget: Budget) -> Result<(), LearnError> {
    match budget {
        Budget::Samples(0)
        | Budget::Bytes(0)
        | Budget::Both { samples: 0, .. }
        | Budget::Both { bytes: 0, .. } => {
            Err(refused(key, &budget, "a memory holds at least one sample"))
        }
        _ => Ok(()),
    }
}

/// How many samples of the current task's kind a budget holds, `beside` bytes stored with each.
pub(super) fn capacity(
    key: &str,
    budget: Budget,
    beside: usize,
    cx: &Context<'_>,
) -> Result<usize, LearnError> {
    let each = Memory::row_bytes(cx.samples(cx.task, Part::Train)?) + beside;
    match budget.samples(each) {
        0 => Err(refused(key, &budget, &format!("one sample alone takes {each} bytes"))),
        samples => Ok(samples),
    }
}

/// Says what happens when a memory for all tasks has fewer places than there are tasks or
/// classes.
pub(super) fn note_small(key: &str, capacity: usize, cx: &mut Context<'_>) {
    let places = if capacity == 1 { "1 place".into() } else { format!("{capacity} places") };
    if let Some(tasks) = cx.tasks().filter(|&tasks| capacity < tasks) {
        cx.note(format!(
            "{key} has {places} for {tasks} tasks: some tasks will have no sample in it and \
             nothing holds them"
        ));
    }
    if capacity < cx.model.units() {
        cx.note(format!(
            "{key} has {places}, fewer than there are classes: some classes will have no sample \
             in it"
        ));
    }
}

/// Says what happens when a memory with places for each label of each task has fewer places than those.
pub(super) fn note_by_class(key: &str, capacity: usize, cx: &mut Context<'_>) {
    let all = match cx.setting {
        Setting::Class | Setting::Task => cx.known_classes(),
        Setting::Domain => cx.classes() * cx.tasks().unwrap_or(cx.task + 1),
    };
    if capacity < all {
        cx.note(format!(
            "{key} has {capacity} places, and this policy has places for each label of each task, {all} \
             in all: those that come when there is none left have no sample in it, and nothing holds them"
        ));
    }
}
