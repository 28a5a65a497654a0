//! Cells of one or several runs, brought to their end by workers.

use std::path::Path;

use perennial_report::document::Machine;

use crate::args::Choices;
use crate::cell::Cell;
use crate::error::{Code, Problem, Result};
use crate::folder::Folder;
use crate::message::Job;
use crate::plan::Plan;
use crate::progress::{Named, Show};
use crate::signals::Signals;
use crate::workers::{self, News, Staffing};

/// A run whose cells are wanted.
pub(crate) struct Part<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) folder: &'a Folder,
    /// Of which run its cells are, where several are shown at once; else empty.
    pub(crate) of: String,
    /// How long each of its cells takes, in any unit: for the time that is left.
    pub(crate) weight: f64,
}

/// Brings every cell of these runs that is not finished to its end, good or bad.
pub(crate) fn run(
    parts: &[Part<'_>],
    choices: &Choices,
    staffing: Staffing,
    signals: &Signals,
    quiet: bool,
) -> Result<()> {
    let (mut names, mut cells, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
    let mut there = 0;
    for Part { plan, folder, of, weight } in parts {
        for id in plan.cells() {
            let cell = folder.cell(&id)?;
            if cell.result()?.is_some() {
                there += 1;
                continue;
            }
            cell.saved()?; // a damaged state is refused before anything runs
            let name = format!("{} {of}", id.name()).trim_end().to_owned();
            names.push(Named { name, weight: *weight });
            cells.push(cell.clone());
            jobs.push(Job {
                folder: cell.folder,
                plan: (*plan).clone(),
                cell: id,
                data: choices.data.clone(),
                save_every: choices.save_every,
                profile: choices.profile,
            });
        }
    }
    let mut show = Show::new(names, there, quiet);
    for skipped in parts.iter().flat_map(|part| &part.plan.skipped) {
        show.say(&format!("skipped: {}: {}", skipped.strategy, skipped.reason));
    }
    let machine = machine();
    let ended = workers::run(&jobs, staffing, signals, |index, news| {
        hear(&mut show, &cells[index], &machine, index, news)
    });
    show.end_all();
    ended
}

/// Takes down and shows what happened to a cell.
fn hear(show: &mut Show, cell: &Cell, machine: &Machine, index: usize, news: News) -> Result<()> {
    match news {
        News::Started => {
            cell.forgive()?;
            cell.set_machine(machine)?;
            show.started(index);
        }
        News::At(at) => show.at(index, at),
        News::Done => match cell.result()? {
            Some(run) => show.done(index, &run),
            None => return Err(vanished(cell)),
        },
        News::Failed(problem) => {
            cell.fail(&problem)?;
            show.failed(index, &problem.message);
        }
    }
    Ok(())
}

/// A result that was there and is not any more.
pub(crate) fn vanished(cell: &Cell) -> Problem {
    Problem::new(
        Code::Io,
        format!("the result in {} is gone", cell.folder.display()),
        "run the same command again, and let nothing else write there",
    )
}

/// The problem that ended a run early, with how to go on.
pub(crate) fn stopped(problem: Problem, path: &Path, again: &str) -> Problem {
    match problem.code {
        Code::Interrupted | Code::Terminated => Problem {
            message: format!("{}; what was done is saved in {}", problem.message, path.display()),
            hint: format!("go on with: {again}"),
            ..problem
        },
        _ => problem,
    }
}

/// How many workers with how many threads.
pub(crate) fn staffing(choices: &Choices) -> Result<Staffing> {
    let positive = |key: &str, value: Option<usize>| match value {
        Some(0) => Err(Problem::usage(format!("{key} = 0 cannot be: it must be at least 1"), "")),
        value => Ok(value),
    };
    let jobs = positive("jobs", choices.jobs)?.unwrap_or_else(cores);
    positive("save-every", choices.save_every.map(|steps| usize::from(steps > 0)))?;
    let said = std::env::var_os("RAYON_NUM_THREADS").is_some();
    let usual = (!said).then(|| (cores() / jobs).max(1));
    Ok(Staffing { jobs, threads: positive("threads", choices.threads)?.or(usual) })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// This computer.
pub(crate) fn machine() -> Machine {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Machine {
        cores: cores(),
        cpu: model.map_or("unknown", |(_, model)| model).to_owned(),
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}
