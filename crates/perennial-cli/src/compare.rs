//! `perennial compare`: every strategy on one stream of tasks, under equal conditions.

use std::path::Path;

use perennial::strategies::Entry;
use perennial_data::Understanding;
use perennial_report::Comparison;
use perennial_report::document::{Cell as Ended, Data, FailedRun, Method, Run, SCHEMA, Tuned};
use serde_json::Value;

use crate::args::Compare;
use crate::cells::{self, Part};
use crate::error::{Code, Problem, Result};
use crate::folder::{self, Folder};
use crate::output;
use crate::plan::{CellId, Plan, value};
use crate::settings::Settings;
use crate::shell;
use crate::signals::Signals;
use crate::tune::Tune;
use crate::watch::Watched;

/// Runs what is missing of the comparison and shows all of it. Says the exit code.
pub(crate) fn run(args: &Compare) -> Result<u8> {
    let signals = Signals::catch()?;
    let mut settings = Settings::resolve(args)?;
    let choices = settings.choices.clone();
    let tune = Tune::parse(args, &settings)?;
    let staffing = cells::staffing(&choices)?;
    let mut plan = Plan::new(&settings, tune.clone())?;
    if !args.quiet {
        plan.data.iter().for_each(crate::learner::say);
    }
    let path = args.out.clone().unwrap_or_else(|| folder::fresh(&plan.source.benchmark));
    let again = again(&plan, &settings, &path);
    let run = |runs: &[(&Plan, &Folder)]| {
        let ended = cells::run(&parts(runs), &choices, staffing, &signals, args.quiet);
        ended.map_err(|problem| cells::stopped(problem, &path, &again))
    };
    let mut tuned = Vec::new();
    if let Some(tune) = tune {
        folder::check(&path, &plan, |key| tune.has(key))?;
        let chosen = tune.choose(&settings, &plan, &path.join("tune"), run)?;
        (settings, tuned) = chosen;
        plan = Plan::new(&settings, Some(tune))?;
    }
    let folder = Folder::open(&path, &plan)?;
    let watched = if args.watch { Some(Watched::begin(&path)?) } else { None };
    run(&[(&plan, &folder)])?;
    let comparison = Comparison { tuned, ..comparison(&plan, &folder)? };
    let text = serde_json::to_string(&comparison)
        .map_err(|error| Problem::new(Code::Bug, error.to_string(), crate::error::REPORT_IT))?;
    folder.write("result.json", &format!("{text}\n"))?;
    let report = folder.write("report.html", &perennial_report::html(&comparison)?)?;
    watched.map_or(Ok(()), Watched::end)?;
    if args.json {
        output::answer(&format!("{text}\n"))?;
    } else {
        show(&comparison, &report)?;
    }
    Ok(u8::from(comparison.failed().next().is_some()))
}

/// Runs as parts of one show: of several, each cell says which it is of.
fn parts<'a>(runs: &[(&'a Plan, &'a Folder)]) -> Vec<Part<'a>> {
    let of = |folder: &Folder| if runs.len() > 1 { folder.name() } else { String::new() };
    let part = |&(plan, folder): &(&'a Plan, &'a Folder)| Part {
        plan,
        folder,
        of: of(folder),
        weight: 1.0,
    };
    runs.iter().map(part).collect()
}

/// The table, the sentences, and where the report lies.
pub(crate) fn show(comparison: &Comparison, report: &Path) -> Result<()> {
    let width = output::width();
    let mut text = perennial_report::table(comparison, width) + "\n";
    let tuned = comparison.tuned.iter().map(Tuned::sentence);
    let nothing = perennial_report::learnt_nothing(comparison);
    let profiles = perennial_report::profiles(comparison);
    let sentences = tuned.chain(perennial_report::sentences(comparison)).chain(nothing);
    for sentence in sentences.chain(profiles) {
        text += &output::wrapped(&sentence, width, 0);
    }
    output::answer(&format!("{text}\nreport: {}\n", report.display()))
}

/// The command that goes on with this run.
fn again(plan: &Plan, settings: &Settings, path: &Path) -> String {
    let word = |path: &Path| shell::word(&path.display().to_string());
    let data = settings.choices.data.as_deref();
    let data = data.map_or_else(String::new, |data| format!(" --data {}", word(data)));
    format!("{}{data} --out {}", plan.command(), word(path))
}

/// All cells as one document.
fn comparison(plan: &Plan, folder: &Folder) -> Result<Comparison> {
    document(plan, runs(plan, folder)?)
}

/// The document of these cells, which are in the order of reports.
pub(crate) fn document(plan: &Plan, mut runs: Vec<Ended>) -> Result<Comparison> {
    add_intransigence(&mut runs);
    let entries = plan.strategies.iter().filter_map(|chosen| Entry::find(&chosen.name));
    let methods: Result<Vec<Method>> = entries.map(method).collect();
    Ok(Comparison {
        schema: SCHEMA.into(),
        version: plan.version.clone(),
        benchmark: plan.source.benchmark.clone(),
        setting: plan.setting.to_string(),
        tasks: plan.source.tasks,
        task_names: plan.task_names.clone(),
        network: plan.network.clone(),
        training: plan.training_rows(),
        command: plan.command(),
        machine: cells::machine(),
        methods: methods?,
        skipped: plan.skipped.clone(),
        tuned: Vec::new(),
        data: plan.data.iter().map(data).collect(),
        runs,
    })
}

/// What was understood of data, for the document.
fn data(understanding: &Understanding) -> Data {
    let understood = match value(understanding) {
        Value::Object(map) => map,
        _ => serde_json::Map::new(), // a struct always becomes an object
    };
    Data { line: understanding.to_string(), remarks: understanding.remarks().collect(), understood }
}

/// The cells in the order of reports: strategy by strategy.
fn runs(plan: &Plan, folder: &Folder) -> Result<Vec<Ended>> {
    let ended = |id: &CellId| {
        let cell = folder.cell(id)?;
        if let Some(run) = cell.result()? {
            return Ok(Ended::Done(Box::<Run>::new(run)));
        }
        let problem = cell.error()?.ok_or_else(|| cells::vanished(&cell))?;
        let (strategy, seed, error) = (id.strategy.name.clone(), id.seed, problem.failure());
        Ok(Ended::Failed(FailedRun { strategy, seed, error }))
    };
    by_strategy(plan).iter().map(ended).collect()
}

/// Every cell of a plan, strategy by strategy.
pub(crate) fn by_strategy(plan: &Plan) -> Vec<CellId> {
    let cells = plan.cells();
    let of = |strategy: &str| {
        let own = cells.iter().filter(|id| id.strategy.name == strategy);
        own.cloned().collect::<Vec<_>>()
    };
    plan.strategies.iter().flat_map(|chosen| of(&chosen.name)).collect()
}

/// Intransigence is against the diagonal of joint training from scratch with the same seed.
fn add_intransigence(runs: &mut [Ended]) {
    let done = |ended: &Ended| match ended {
        Ended::Done(run) => Some((**run).clone()),
        Ended::Failed(_) | Ended::Begun(_) => None,
    };
    let scratch = |run: &Run| {
        run.strategy == "joint" && run.settings.get("start").is_some_and(|start| start == "scratch")
    };
    let references: Vec<Run> = runs.iter().filter_map(done).filter(scratch).collect();
    for ended in runs {
        let Ended::Done(run) = ended else { continue };
        let reference = references.iter().find(|reference| reference.seed == run.seed);
        run.intransigence = reference
            .and_then(|reference| run.accuracy.intransigence(&reference.accuracy.diagonal()));
    }
}

/// A strategy in words.
pub(crate) fn method(entry: &'static Entry) -> Result<Method> {
    let card = entry.card()?;
    Ok(Method {
        strategy: card.name.into(),
        title: card.title.into(),
        paper: card.paper.into(),
        does: card.does.into(),
        formula: card.formula.into(),
        keeps: crate::list::keeps(card.keeps),
    })
}
