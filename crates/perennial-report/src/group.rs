//! Several documents side by side: parts of one comparison are joined, different comparisons stay
//! apart, and nothing is averaged over what was not equal.

use std::collections::BTreeMap;

use crate::ReportError;
use crate::document::{Comparison, Machine};

/// Joins the documents that differ in strategies and seeds alone; each comes with the name of its
/// origin. What differs in benchmark, setting, tasks, network, training or program is another
/// comparison. In the order in which each comparison is met first.
///
/// # Errors
/// [`ReportError::BadData`] when a document contradicts itself, or two of one comparison hold the
/// same strategy with the same seed.
pub fn grouped(documents: Vec<(String, Comparison)>) -> Result<Vec<Comparison>, ReportError> {
    let mut groups: Vec<(String, Comparison)> = Vec::new();
    for (origin, document) in documents {
        document.check_as(&origin)?;
        let own = identity(&document);
        match groups.iter_mut().find(|(_, group)| identity(group) == own) {
            None => groups.push((origin, document)),
            Some((name, group)) => {
                *name = format!("{name} with {origin}");
                join(group, document);
                group.check_as(name)?;
            }
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

/// What decides the numbers of a comparison, beside strategies and seeds.
fn identity(comparison: &Comparison) -> BTreeMap<&str, String> {
    let training = comparison.training.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
    let mut all: BTreeMap<&str, String> =
        training.map(|(key, value)| (key.as_str(), value.clone())).collect();
    all.insert("benchmark", comparison.benchmark.clone());
    all.insert("setting", comparison.setting.clone());
    all.insert("tasks", comparison.tasks.to_string());
    all.insert("network", comparison.network.clone());
    all.insert("program", comparison.version.clone());
    all
}

/// Rows of the training that parts of one comparison do not share.
const OWN: [&str; 2] = [SEEDS, MACHINES];
const SEEDS: &str = "seeds";
/// Where further seconds were measured.
const MACHINES: &str = "other machines";

/// Adds the cells of `more`, a part of the same comparison with other strategies or seeds.
fn join(all: &mut Comparison, more: Comparison) {
    for method in more.methods {
        if all.methods.iter().all(|known| known.strategy != method.strategy) {
            all.methods.push(method);
        }
    }
    for skipped in more.skipped {
        if !all.skipped.contains(&skipped) {
            all.skipped.push(skipped);
        }
    }
    for data in more.data {
        if !all.data.contains(&data) {
            all.data.push(data);
        }
    }
    for tuned in more.tuned {
        if !all.tuned.contains(&tuned) {
            all.tuned.push(tuned);
        }
    }
    let mut add = |key: &str, value: String, first: &str| {
        let known = all.training.entry(key.to_owned()).or_default();
        if *known != value && first != value {
            *known = if known.is_empty() { value } else { format!("{known}, {value}") };
        }
    };
    if let Some(seeds) = more.training.get(SEEDS) {
        add(SEEDS, seeds.clone(), "");
    }
    if more.machine != all.machine {
        add(MACHINES, words(&more.machine), &words(&all.machine));
    }
    all.command = format!("{} && {}", all.command, more.command);
    all.runs.extend(more.runs);
}

fn words(machine: &Machine) -> String {
    format!("{} with {} cores, {}", machine.cpu, machine.cores, machine.os)
}
