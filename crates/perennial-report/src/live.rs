//! A comparison that is still running, as a page of its own: what a server shows and sends again
//! whenever something happened.

use askama::Template;

use crate::ReportError;
use crate::document::{BegunRun, Cell, Comparison, KeptBytes, Run};
use crate::figures::{self, Figure};
use crate::format;
use crate::html::{Ranking, Small, Style, small};
use crate::standing::{self, Ranked};

/// The script of the page: it puts what the server sends in the place of what is there. Served
/// as `watch.js`, because the page allows no other.
pub const SCRIPT: &str = include_str!("../templates/watch.js");

/// What the page shows now.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The whole page.
    pub page: String,
    /// Its part that changes, which the server sends as events.
    pub part: String,
}

#[derive(Template)]
#[template(path = "watch.html", whitespace = "minimize")]
struct Page<'a> {
    comparison: &'a Comparison,
    style: Style,
    part: &'a str,
}

#[derive(Template)]
#[template(path = "watch_part.html", whitespace = "minimize")]
struct Part<'a> {
    comparison: &'a Comparison,
    ended: usize,
    /// Every run has ended, and the report is written.
    finished: bool,
    seeds: Vec<u64>,
    states: Vec<States<'a>>,
    overview: Option<Figure>,
    group: Rows<'a>,
    small: Vec<Small<'a>>,
    planes: Vec<Figure>,
}

/// What the ranked table is made of.
struct Rows<'a> {
    id: &'static str,
    ranking: Ranking<'a>,
    seeds: usize,
}

/// Where the runs of a strategy are.
struct States<'a> {
    strategy: &'a str,
    /// One a seed.
    cells: Vec<State>,
}

struct State {
    class: &'static str,
    text: String,
}

/// The page of a comparison as far as it is: runs that have not ended are drawn as far as their
/// logs reach, as long as no seed of their strategy has ended.
///
/// # Errors
/// [`ReportError::BadData`] when the comparison contradicts itself ([`Comparison::check`]).
pub fn live(comparison: &Comparison, finished: bool) -> Result<Live, ReportError> {
    comparison.check()?;
    let tasks = comparison.tasks;
    let drawn = so_far(comparison);
    let (standings, ranked) = (standing::standings(&drawn), Ranked::of(comparison));
    let ended = &ranked.standings;
    let mut seeds: Vec<u64> = comparison.runs.iter().map(Cell::seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let planes =
        [figures::stability, figures::memory_price, figures::time_price].map(|f| f(ended, tasks));
    let part = Part {
        comparison,
        ended: comparison.runs.len() - comparison.begun().count(),
        finished,
        states: states(comparison, &seeds),
        seeds,
        overview: (!standings.is_empty()).then(|| figures::overview(&standings, tasks)),
        group: Rows { id: "live", ranking: Ranking::of(&ranked), seeds: standing::seeds(ended) },
        small: small(&standings, tasks),
        planes: planes.into_iter().flatten().collect(),
    };
    let part = part.render()?;
    let page = Page { comparison, style: Style { tasks }, part: &part }.render()?;
    Ok(Live { page, part })
}

/// The comparison with what is drawn of it: runs that have begun stand for strategies of which no
/// run has ended.
fn so_far(comparison: &Comparison) -> Comparison {
    let begun = |run: &BegunRun| {
        let ended = comparison.done().any(|done| done.strategy == run.strategy);
        let measured = !run.so_far.rows().is_empty();
        if measured && !ended {
            Cell::Done(Box::new(as_run(run)))
        } else {
            Cell::Begun(run.clone())
        }
    };
    let runs = comparison.runs.iter().map(|cell| match cell {
        Cell::Begun(run) => begun(run),
        other => other.clone(),
    });
    Comparison { runs: runs.collect(), ..comparison.clone() }
}

/// A run as far as its log reaches; what is known of ended ones alone is not there.
fn as_run(begun: &BegunRun) -> Run {
    Run {
        strategy: begun.strategy.clone(),
        seed: begun.seed,
        settings: Default::default(),
        accuracy: begun.so_far.clone(),
        acc: None,
        bwt: None,
        fwt: None,
        forgetting: None,
        learning_accuracy: None,
        average_incremental_accuracy: None,
        average_incremental_accuracy_by_rows: None,
        lca: None,
        intransigence: None,
        steps: 0,
        test_rows: Vec::new(),
        largest_class: Vec::new(),
        train_seconds: 0.0,
        eval_seconds: 0.0,
        profile: Default::default(),
        parameters: 0,
        kept_bytes: KeptBytes::default(),
        state_digest: String::new(),
        learner_digest: String::new(),
        task_known: false,
        notes: Vec::new(),
        anytime: None,
        learning_curves: None,
        inferred: None,
        figures: Default::default(),
        label: begun.strategy.clone(),
    }
}

fn states<'a>(comparison: &'a Comparison, seeds: &[u64]) -> Vec<States<'a>> {
    let mut names: Vec<&str> = Vec::new();
    for cell in &comparison.runs {
        if !names.contains(&cell.strategy()) {
            names.push(cell.strategy());
        }
    }
    let state = |strategy: &str, seed: u64| {
        let cell = comparison.runs.iter().find(|c| c.strategy() == strategy && c.seed() == seed);
        match cell {
            Some(Cell::Done(run)) => {
                let acc = run.acc.map_or_else(|| format::NONE.to_owned(), format::fraction);
                State { class: "ended", text: acc }
            }
            Some(Cell::Failed(_)) => State { class: "failed", text: "failed".into() },
            Some(Cell::Begun(run)) if run.so_far.rows().is_empty() => {
                State { class: "waits", text: "waits".into() }
            }
            Some(Cell::Begun(run)) => State {
                class: "runs",
                text: format!("{}/{} tasks", run.so_far.trained(), comparison.tasks),
            },
            None => State { class: "waits", text: format::NONE.into() },
        }
    };
    let of = |strategy: &'a str| States {
        strategy,
        cells: seeds.iter().map(|seed| state(strategy, *seed)).collect(),
    };
    names.into_iter().map(of).collect()
}
