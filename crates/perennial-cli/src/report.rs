//! `perennial report`: the page of run folders, their figures, their event files.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use perennial::state::write_atomic;
use perennial_report::{Comparison, tensorboard};
use serde_json::json;

use crate::args::Report;
use crate::error::{Problem, Result};
use crate::{compare, output, pictures, snapshot};

/// Writes the page and what else is asked for, and shows the tables.
pub(crate) fn run(args: &Report) -> Result<u8> {
    let mut documents = Vec::new();
    for path in &args.runs {
        let (document, finished) = snapshot::read(path)?;
        if !finished {
            output::note(&unfinished(path, &document));
        }
        documents.push((path.display().to_string(), document));
    }
    let comparisons = perennial_report::grouped(documents)?;
    let Some(first) = args.runs.first() else { return Ok(0) };
    let page = perennial_report::html_of_several(&comparisons)?;
    let beside = if first.is_dir() { first.as_path() } else { first.parent().unwrap_or(first) };
    let path = args.out.clone().unwrap_or_else(|| beside.join("report.html"));
    write_atomic(&path, page.as_bytes()).map_err(|error| {
        let hint = "name a file that can be written with -o FILE";
        Problem { hint: hint.into(), ..error.into() }
    })?;
    let figures = args.figures.as_deref().map(|folder| pictures::write(folder, &comparisons));
    let figures = figures.transpose()?;
    let events = args.tensorboard.as_deref().map(|folder| event_files(folder, &comparisons));
    let events = events.transpose()?;
    if args.json {
        return output::document(&json!({
            "schema": "perennial.report/1",
            "report": path,
            "figure_files": figures,
            "event_files": events,
        }))
        .map(|()| 0);
    }
    for comparison in &comparisons {
        if comparisons.len() > 1 {
            let Comparison { benchmark, setting, tasks, network, .. } = comparison;
            let head = format!("{benchmark}, {tasks} tasks, {setting} setting, {network}\n\n");
            output::answer(&head)?;
        }
        compare::show(comparison, &path)?;
        if comparisons.len() > 1 {
            output::answer("\n")?;
        }
    }
    if let (Some(folder), Some(files)) = (&args.figures, figures) {
        output::answer(&format!("figures: {files} files in {}\n", folder.display()))?;
    }
    if let (Some(folder), Some(files)) = (&args.tensorboard, events) {
        output::answer(&format!("events: {files} files in {}\n", folder.display()))?;
    }
    Ok(0)
}

/// That a run has not ended, and how far it is.
fn unfinished(path: &Path, document: &Comparison) -> String {
    let all = document.runs.len();
    let ended = all - document.begun().count();
    format!(
        "{} has not ended: {ended} of {all} runs have. What is there is shown; the same command \
         goes on: {} --out {}",
        path.display(),
        document.command,
        crate::shell::word(&path.display().to_string())
    )
}

/// Writes the event files of TensorBoard; of several comparisons each into a folder of its own.
/// Says how many.
fn event_files(folder: &Path, comparisons: &[Comparison]) -> Result<usize> {
    // The clock of a machine that stands before 1970 counts as 1970.
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut files = 0;
    for (i, comparison) in comparisons.iter().enumerate() {
        let folder = match comparisons {
            [_] => folder.to_owned(),
            _ => folder.join(format!("comparison-{}", i + 1)),
        };
        for file in tensorboard::event_files(comparison, seconds) {
            let folder = folder.join(&file.folder);
            std::fs::create_dir_all(&folder).map_err(Problem::cannot_create(&folder))?;
            let path = folder.join(&file.name);
            std::fs::write(&path, &file.bytes).map_err(Problem::cannot_create(&path))?;
            files += 1;
        }
    }
    Ok(files)
}
