//! How memories of single tasks are filled, and what to say of them.

use crate::learner::{Context, LearnError};
use crate::optimizer::OptimizerKind;
use crate::parts::memory::{Memory, Place, Ring, distinct};
use crate::scenario::Part;
use crate::strategy::Batch;

/// Puts the rows of a batch into the ring of its task.
pub(super) fn remember(
    memory: &mut Memory,
    ring: &mut Ring,
    each: usize,
    batch: &Batch,
    cx: &Context<'_>,
) -> Result<(), LearnError> {
    let samples = cx.samples(cx.task, Part::Train)?;
    for (row, &id) in batch.rows.iter().zip(&batch.ids).map(|(row, id)| (*row, id)) {
        if let Some(place) = ring.offer(cx.task, id, memory, each) {
            let unit = cx.model.outputs[cx.task].units[samples.label(row) as usize];
            memory.put(place, samples, row, unit, cx.task);
        }
    }
    Ok(())
}

/// Stores as many random rows of each class of the current task as `each` rows allow.
pub(super) fn store_of_each_class(
    memory: &mut Memory,
    each: usize,
    cx: &Context<'_>,
) -> Result<(), LearnError> {
    let samples = cx.samples(cx.task, Part::Train)?;
    let units = &cx.model.outputs[cx.task].units;
    for (label, &unit) in units.iter().enumerate() {
        let rows: Vec<usize> =
            (0..samples.len()).filter(|&row| samples.label(row) as usize == label).collect();
        let mut generator = cx.generator(&format!("memory of class {label}"));
        for row in distinct(rows.len(), each / units.len(), &mut generator) {
            memory.put(Place::End, samples, rows[row], unit, cx.task);
        }
    }
    Ok(())
}

/// Says what is not guaranteed in this run.
pub(super) fn note_guarantee(name: &str, cx: &mut Context<'_>) {
    let rule = &cx.training.optimizer;
    let mut reasons = Vec::new();
    if rule.kind == OptimizerKind::Adam {
        reasons.push("Adam rescales the projected gradient weight by weight");
    }
    if rule.momentum != 0.0 {
        reasons.push("momentum adds gradients of steps before, projected against other memories");
    }
    if rule.weight_decay != 0.0 {
        reasons.push("weight decay is added after the projection");
    }
    if !cx.network().buffers().is_empty() {
        reasons.push(
            "batch normalisation judges the memory by running statistics and the batch by its own",
        );
    }
    if !reasons.is_empty() {
        cx.note(format!(
            "{name} cannot promise here that no step raises the loss on its memory: {}; plain SGD \
             without normalisation keeps the promise",
            reasons.join(", and ")
        ));
    }
}

/// Says what happens when a task's memory has fewer places than the task has classes.
pub(super) fn note_few(key: &str, each: usize, cx: &mut Context<'_>) {
    let classes = cx.model.outputs[cx.task].units.len();
    if each < classes {
        let places = if each == 1 { "1 place".into() } else { format!("{each} places") };
        cx.note(format!(
            "{key} has {places} for the {classes} classes of a task: of some classes nothing is \
             remembered"
        ));
    }
}
