//! `perennial report`: the page of finished run folders.

use std::path::Path;

use perennial::state::write_atomic;
use perennial_report::Comparison;
use serde_json::json;

use crate::args::Report;
use crate::compare;
use crate::error::{Problem, Result};
use crate::output;

/// Writes the page and shows the table.
pub(crate) fn run(args: &Report) -> Result<u8> {
    let mut runs = args.runs.iter();
    let Some(first) = runs.next() else { return Ok(0) };
    let mut comparison = Comparison::read(first)?;
    for path in runs {
        join(&mut comparison, Comparison::read(path)?, first, path)?;
    }
    let page = perennial_report::html(&comparison)?;
    let beside = if first.is_dir() { first.as_path() } else { first.parent().unwrap_or(first) };
    let path = args.out.clone().unwrap_or_else(|| beside.join("report.html"));
    write_atomic(&path, page.as_bytes()).map_err(|error| {
        let hint = "name a file that can be written with -o FILE";
        Problem { hint: hint.into(), ..error.into() }
    })?;
    if args.json {
        output::document(&json!({ "schema": "perennial.report/1", "report": path }))?;
    } else {
        compare::show(&comparison, &path)?;
    }
    Ok(0)
}

/// Adds the cells of `more`, a part of the same comparison with other strategies or seeds.
fn join(all: &mut Comparison, more: Comparison, first: &Path, path: &Path) -> Result<()> {
    let rows = |c: &Comparison| {
        let mut rows = c.training.clone();
        rows.remove("seeds");
        rows.insert("benchmark".into(), c.benchmark.clone());
        rows.insert("setting".into(), c.setting.clone());
        rows.insert("tasks".into(), c.tasks.to_string());
        rows.insert("network".into(), c.network.clone());
        rows
    };
    let (ours, theirs) = (rows(all), rows(&more));
    let none = "none".to_owned();
    let keys: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differing = keys.into_iter().find(|key| ours.get(*key) != theirs.get(*key));
    if let Some(key) = differing {
        let (a, b) = (ours.get(key).unwrap_or(&none), theirs.get(key).unwrap_or(&none));
        return Err(Problem::usage(
            format!(
                "{} and {} are no parts of one comparison: {key} is {a} there and {b} here",
                first.display(),
                path.display()
            ),
            "write a report for each",
        ));
    }
    for method in more.methods {
        if all.methods.iter().all(|known| known.strategy != method.strategy) {
            all.methods.push(method);
        }
    }
    if let Some(seeds) = more.training.get("seeds") {
        let known = all.training.entry("seeds".into()).or_default();
        if known != seeds {
            *known = format!("{known},{seeds}");
        }
    }
    all.command = format!("{} && {}", all.command, more.command);
    all.runs.extend(more.runs);
    Ok(())
}
