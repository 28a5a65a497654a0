//! `perennial reproduce`: published tables from one command, each number with a verdict.
//!
//! A [`protocol`] is a comparison for each method of a table, with the settings that this method
//! had there. Cells run as those of `compare` do; [`results`] finds what is there of them, the
//! report crate judges it, and [`page`] keeps `REPRODUCTION.md` honest.

mod args;
mod page;
mod protocol;
mod quick;
mod results;

use std::path::{Path, PathBuf};

use perennial_report::reproduction::{
    Cell, Choice, ChoiceMeasured, Counts, Measured, Reproduction, Table, Verdict,
    reproduction_table,
};

pub(crate) use self::args::Reproduce;
pub(crate) use self::protocol::Protocol;
use self::protocol::Runnable;
use self::results::Found;
use crate::args::Choices;
use crate::cells::{self, Part};
use crate::error::{Problem, Result, unknown};
use crate::folder::Folder;
use crate::output;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::shell;
use crate::signals::Signals;

/// Where results lie when nothing else is said.
const RESULTS: &str = "runs/reproduce";

/// Runs what is missing of the tables and shows them. Says the exit code.
pub(crate) fn run(args: &Reproduce) -> Result<u8> {
    let out = args.out.clone().unwrap_or_else(|| RESULTS.into());
    let protocols: Vec<Protocol> = match args.protocols.as_slice() {
        [] => Protocol::embedded()?,
        names => names.iter().map(|name| Protocol::find(name)).collect::<Result<_>>()?,
    };
    check_names(&protocols)?;
    if let Some(page) = &args.check {
        return page::check(page, &out, &protocols, args.json);
    }
    let wanted = Wanted::new(args, &protocols)?;
    if args.quick {
        return quick::run(args, &protocols, &wanted);
    }
    let cells = wanted.cells(&protocols, args.choices);
    if !args.show {
        run_cells(args, &cells, &out)?;
    }
    let tables = protocols.iter().map(|protocol| table(protocol, &out, &wanted));
    let reproduction = document(tables.collect::<Result<_>>()?);
    if let Some(path) = &args.markdown {
        page::write(path, &out, &protocols)?;
    }
    if args.json {
        output::document(&reproduction)?;
    } else {
        output::answer(&reproduction_table(&reproduction, output::width()))?;
    }
    let mut cells = reproduction.protocols.iter().flat_map(|table| &table.cells);
    let failed =
        |cell: &Cell| cell.verdict == Some(Verdict::NotReproduced) || !cell.failures.is_empty();
    Ok(u8::from(cells.any(failed)))
}

/// Refuses two protocols of one name: their folder would be the same.
fn check_names(protocols: &[Protocol]) -> Result<()> {
    let mut names: Vec<&str> = protocols.iter().map(|protocol| protocol.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            let message = format!("two of the protocols are called {}", twice[0]);
            Err(Problem::usage(message, "a protocol is called as its file: name each once"))
        }
        None => Ok(()),
    }
}

/// The methods that `--method` names; all without it.
struct Wanted(Option<Vec<String>>);

impl Wanted {
    fn new(args: &Reproduce, protocols: &[Protocol]) -> Result<Self> {
        if args.seeds == Some(0) {
            let hint = "--seeds N runs the seeds 0 to N − 1";
            return Err(Problem::usage("seeds = 0 cannot be: it must be at least 1", hint));
        }
        let Some(names) = &args.methods else { return Ok(Self(None)) };
        let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
        let mut known: Vec<&str> =
            protocols.iter().flat_map(|p| &p.cells).map(|row| row.method.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(unknown("method", name, known.iter().copied())),
            None => Ok(Self(Some(names))),
        }
    }

    fn has(&self, method: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| name == method))
    }

    /// What is to be run, protocol by protocol.
    fn cells<'a>(&self, protocols: &'a [Protocol], choices: bool) -> Vec<Runnable<'a>> {
        let mut cells = Vec::new();
        for protocol in protocols {
            let rows = protocol.cells.iter().filter(|row| self.has(&row.method));
            cells.extend(rows.map(|row| protocol.cell(row)));
            let choices = protocol.choices.iter().filter(|choice| choices && self.has(&choice.of));
            cells.extend(choices.filter_map(|choice| protocol.choice(choice)));
        }
        cells
    }
}

/// Brings every cell to its end. Nothing is written before all of them are known to fit.
fn run_cells(args: &Reproduce, cells: &[Runnable<'_>], out: &Path) -> Result<()> {
    let signals = Signals::catch()?;
    let mut choices = Settings::of_environment().choices;
    choices = Choices {
        data: args.data.clone().or(choices.data),
        jobs: args.jobs,
        threads: args.threads,
        ..Choices::default()
    };
    let staffing = cells::staffing(&choices)?;
    cells.iter().try_for_each(|cell| results::check(out, cell))?;
    let plan =
        |cell: &Runnable<'_>| cell.plan(args.seeds.unwrap_or(cell.seeds), choices.data.as_deref());
    let plans: Vec<Plan> = cells.iter().map(plan).collect::<Result<_>>()?;
    let open = |(cell, plan)| results::open(out, cell, plan);
    let folders: Vec<Folder> = cells.iter().zip(&plans).map(open).collect::<Result<_>>()?;
    let part = |((cell, plan), folder): ((&Runnable<'_>, _), _)| Part {
        plan,
        folder,
        of: match cell.folder == cell.method {
            true => cell.protocol.name.clone(),
            false => format!("{} {}", cell.protocol.name, cell.folder),
        },
        weight: cell.minutes,
    };
    let parts: Vec<Part<'_>> = cells.iter().zip(&plans).zip(&folders).map(part).collect();
    cells::run(&parts, &choices, staffing, &signals, args.quiet)
        .map_err(|problem| cells::stopped(problem, out, &again(args, out)))
}

/// The command that goes on with these results.
fn again(args: &Reproduce, out: &Path) -> String {
    let path = |path: &Path| shell::word(&path.display().to_string());
    let mut words = vec!["perennial reproduce".to_owned()];
    words.extend(args.protocols.iter().map(|name| shell::word(name)));
    let mut flag = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("--{name} {value}")));
    };
    flag("method", args.methods.as_deref().map(shell::word));
    flag("seeds", args.seeds.map(|seeds| seeds.to_string()));
    flag("data", args.data.as_deref().map(path));
    flag("markdown", args.markdown.as_deref().map(path));
    words.extend(args.quick.then(|| "--quick".to_owned()));
    words.extend(args.choices.then(|| "--choices".to_owned()));
    words.push(format!("--out {}", path(out)));
    words.join(" ")
}

fn document(tables: Vec<Table>) -> Reproduction {
    Reproduction::new(env!("CARGO_PKG_VERSION").into(), tables)
}

/// A protocol beside what is there of it, whoever ran it; of the wanted methods.
fn table(protocol: &Protocol, out: &Path, wanted: &Wanted) -> Result<Table> {
    let mut cells = Vec::new();
    let mut choices = Vec::new();
    for row in protocol.cells.iter().filter(|row| wanted.has(&row.method)) {
        let runnable = protocol.cell(row);
        let found = results::find(out, &runnable)?;
        let measure = |measure| {
            Measured::new(measure, runnable.published.get(&measure).cloned(), &found.runs)
        };
        let measures: Vec<Measured> = row.measures().into_iter().map(measure).collect();
        for choice in protocol.choices.iter().filter(|choice| choice.of == row.method) {
            let other = protocol.choice(choice).map(|choice| results::find(out, &choice));
            let Found { runs, failures, .. } = other.transpose()?.unwrap_or_default();
            if runs.is_empty() && failures.is_empty() {
                continue;
            }
            let of = |m: &Measured| ChoiceMeasured::new(m.measure, &found.runs, &runs);
            choices.push(Choice {
                of: row.method.clone(),
                what: choice.what.clone(),
                settings: choice.said(),
                measures: measures.iter().map(of).collect(),
                failures,
            });
        }
        cells.push(Cell {
            method: row.method.clone(),
            settings: row.said(),
            verdict: Cell::judged(&measures, &found.failures),
            measures,
            at_chance: row.at_chance,
            chosen_here: row.chosen_here.clone(),
            seeds: runnable.seeds,
            seeds_run: found.runs.iter().map(|run| run.seed).collect(),
            seconds: found.seconds(),
            failures: found.failures,
            reason: row.reason.clone(),
            machines: found.machines,
            program: found.program,
        });
    }
    Ok(Table {
        protocol: protocol.name.clone(),
        protocol_version: protocol.version,
        paper: protocol.paper.clone(),
        table: protocol.table.clone(),
        link: protocol.link.clone(),
        settings: protocol.said(),
        differs: protocol.differs.clone(),
        counts: Counts::of(&cells),
        cells,
        choices,
    })
}

/// All built-in protocols, and `more`, beside what is there of them.
fn everything(out: &Path, more: &[Protocol]) -> Result<Reproduction> {
    let mut all = Protocol::embedded()?;
    for protocol in more {
        if all.iter().all(|known| known.name != protocol.name) {
            all.push(protocol.clone());
        }
    }
    let tables = all.iter().map(|protocol| table(protocol, out, &Wanted(None)));
    Ok(document(tables.collect::<Result<_>>()?))
}

/// A folder of its own for small forms: results of an earlier program must not be taken for this
/// one's.
fn fresh(args: &Reproduce) -> PathBuf {
    args.out.clone().unwrap_or_else(|| crate::folder::fresh("quick"))
}
