//! `--memory`: one budget for every method with a memory.

use std::collections::BTreeMap;

use perennial::parts::memory::Budget;
use perennial::strategies::Entry;
use perennial::strategy::Keeps;

use crate::error::{Problem, Result};
use crate::settings::Settings;

/// What each method with a memory may keep when there is one budget for all: the whole of it, or
/// a share for each task where the method's own setting is of a task.
pub(crate) fn each(
    settings: &Settings,
    chosen: &[&Entry],
    tasks: usize,
) -> Result<BTreeMap<&'static str, Budget>> {
    let Some(budget) = settings.choices.memory else { return Ok(BTreeMap::new()) };
    if budget.share(1).is_none() {
        let message = format!("memory = {budget} cannot be: a memory holds at least one sample");
        return Err(Problem::usage(
            message,
            "give samples, such as 500, bytes, such as 2MB, or both, such as 2000|64MB",
        ));
    }
    let mut memories = BTreeMap::new();
    for entry in chosen {
        let own = match entry.create(&settings.group(entry.name))?.card().keeps {
            Keeps::Samples { .. } => Some(budget),
            Keeps::SamplesPerTask { .. } => budget.share(tasks),
            _ => continue,
        };
        let name = entry.name;
        if settings.group(name).get("memory").is_some() {
            return Err(Problem::usage(
                format!("--memory {budget} and {name}.memory both say how much {name} may keep"),
                "leave one of them out",
            ));
        }
        let Some(own) = own else {
            return Err(Problem::usage(
                format!(
                    "--memory {budget} leaves nothing for each of {tasks} tasks, and {name} keeps \
                     samples of each"
                ),
                format!("use --memory {tasks} or more"),
            ));
        };
        memories.insert(name, own);
    }
    if memories.is_empty() {
        return Err(Problem::usage(
            format!("--memory {budget} would change nothing, for no method here keeps samples"),
            "name one that does with --strategies, such as er or gem",
        ));
    }
    Ok(memories)
}
