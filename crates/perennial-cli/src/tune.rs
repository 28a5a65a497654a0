//! `compare --tune`: settings chosen before the comparison, on what it does not report.
//!
//! Every choice is a run of its own in `tune/`, by the same workers and as resumable as any. It
//! is judged by a validation part, cut from the training samples: no test image has a say.

use std::path::Path;

use perennial::strategies::Entry;
use perennial_report::document::{Tried, Tuned};
use serde::{Deserialize, Serialize};

use crate::args::Compare;
use crate::error::{Problem, Result};
use crate::folder::Folder;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::shell;
use crate::stream::Portion;

/// The share of the training samples that judges where none is set apart anyway.
const SHARE: f64 = 0.1;
/// More choices than this are a slip of the keys.
const MOST: usize = 1000;

/// What is tuned, and on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tune {
    /// Each key with the values to try, as written.
    keys: Vec<(String, Vec<String>)>,
    on: On,
}

/// On what settings are tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum On {
    /// The first so many tasks of each stream.
    Tasks(usize),
    /// The streams of so many seeds after those reported.
    Seeds(u64),
}

/// One choice: keys with their values.
type Choice = Vec<(String, String)>;

impl Tune {
    /// What the command line asks for, checked as far as it can be without data.
    pub(crate) fn parse(args: &Compare, settings: &Settings) -> Result<Option<Self>> {
        let on = match (args.tune_tasks, args.tune_seeds) {
            _ if args.tune.is_empty() => return Ok(None),
            (Some(tasks @ 1..), _) => On::Tasks(tasks),
            (_, Some(seeds @ 1..)) => On::Seeds(seeds),
            (None, None) => {
                return Err(Problem::usage(
                    "--tune says no word of what to try the settings on",
                    "add --tune-tasks K (the first K tasks, which are then not reported) or \
                     --tune-seeds N (N seeds after those reported)",
                ));
            }
            _ => return Err(Problem::usage("settings cannot be tuned on nothing: 0 given", "")),
        };
        let mut keys: Vec<(String, Vec<String>)> = Vec::new();
        for text in &args.tune {
            let (key, values) = pair(text)?;
            if keys.iter().any(|(known, _)| *known == key) {
                let hint = "name all its values in one --tune";
                return Err(Problem::usage(format!("--tune names {key} twice"), hint));
            }
            for value in &values {
                let mut tried = settings.clone();
                tried.set(&key, value, &format!("--tune {text}: "))?;
                let entry = Entry::find(strategy_of(&key));
                entry.map(|entry| entry.create(&tried.group(entry.name))).transpose()?;
            }
            keys.push((key, values));
        }
        Ok(Some(Self { keys, on }))
    }

    /// The tasks of a stream that the comparison reports.
    pub(crate) fn reported(&self) -> Portion {
        let after_tasks = if let On::Tasks(tasks) = self.on { tasks } else { 0 };
        Portion { after_tasks, choosing: false }
    }

    /// Whether it decides this setting.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|(known, _)| known == key)
    }

    /// Its flags.
    pub(crate) fn words(&self) -> Vec<String> {
        let tune = |(key, values): &(String, Vec<String>)| {
            format!("--tune {}", shell::word(&format!("{key}={}", values.join(","))))
        };
        let mut words: Vec<String> = self.keys.iter().map(tune).collect();
        words.push(match self.on {
            On::Tasks(tasks) => format!("--tune-tasks {tasks}"),
            On::Seeds(seeds) => format!("--tune-seeds {seeds}"),
        });
        words
    }

    /// Runs every choice and says the settings with the best of each strategy. `reported` is the
    /// comparison as it will be but for them; `run` brings runs to their end.
    pub(crate) fn choose(
        &self,
        settings: &Settings,
        reported: &Plan,
        folder: &Path,
        run: impl Fn(&[(&Plan, &Folder)]) -> Result<()>,
    ) -> Result<(Settings, Vec<Tuned>)> {
        if let On::Seeds(_) = self.on {
            let loaded = reported.source.load(settings.choices.data.as_deref())?;
            if !reported.source.varies(&loaded)? {
                return Err(Problem::usage(
                    format!(
                        "--tune-seeds would tune on what is reported: every seed has the same \
                         tasks of {}",
                        reported.source.benchmark
                    ),
                    "use --tune-tasks K: the first K tasks, which are then not reported",
                ));
            }
        }
        let mut groups: Vec<(String, Vec<Choice>)> = Vec::new();
        let mut runs = Vec::new();
        for strategy in self.strategies(reported)? {
            let choices = self.choices(&strategy)?;
            for choice in &choices {
                let plan = self.trial(settings, &strategy, choice, reported)?;
                let path = folder.join(&strategy).join(name(choice));
                let folder = Folder::open(&path, &plan)?;
                runs.push((plan, folder));
            }
            groups.push((strategy, choices));
        }
        run(&runs.iter().map(|(plan, folder)| (plan, folder)).collect::<Vec<_>>())?;
        let mut best = settings.clone();
        let mut tuned = Vec::new();
        let mut runs = runs.iter();
        for (strategy, choices) in groups {
            let mut tried = Vec::new();
            for (choice, (plan, folder)) in choices.iter().zip(runs.by_ref()) {
                let settings: Vec<String> =
                    choice.iter().map(|(key, value)| format!("{key}={value}")).collect();
                tried.push(Tried { settings: settings.join(" "), acc: score(plan, folder)? });
            }
            let chosen = first_best(&tried).ok_or_else(|| {
                let message = format!("no choice of settings for {strategy} ended its tuning");
                let hint = format!("why each failed stands in {}", folder.display());
                Problem::new(crate::error::Code::Diverged, message, hint)
            })?;
            for (key, value) in &choices[chosen] {
                best.set(key, value, "--tune: ")?;
            }
            tuned.push(Tuned { strategy, on: self.on(reported), tried, chosen });
        }
        Ok((best, tuned))
    }

    /// The strategies that have something to tune, each once.
    fn strategies(&self, reported: &Plan) -> Result<Vec<String>> {
        let mut strategies: Vec<String> = Vec::new();
        for (key, _) in &self.keys {
            let strategy = strategy_of(key);
            if reported.strategies.iter().all(|chosen| chosen.name != strategy) {
                let message = format!("--tune {key} would change nothing");
                let hint = format!("{strategy} takes no part here: name it in --strategies");
                return Err(Problem::usage(message, hint));
            }
            if !strategies.iter().any(|known| known == strategy) {
                strategies.push(strategy.to_owned());
            }
        }
        Ok(strategies)
    }

    /// Every combination of the values of a strategy's keys.
    fn choices(&self, strategy: &str) -> Result<Vec<Choice>> {
        let mut choices: Vec<Choice> = vec![Vec::new()];
        for (key, values) in self.keys.iter().filter(|(key, _)| strategy_of(key) == strategy) {
            let with = |choice: &Choice, value: &String| {
                let mut choice = choice.clone();
                choice.push((key.clone(), value.clone()));
                choice
            };
            if choices.len() * values.len() > MOST {
                let message = format!("--tune asks for more than {MOST} choices of {strategy}");
                return Err(Problem::usage(message, "name fewer values"));
            }
            choices = choices
                .iter()
                .flat_map(|choice| values.iter().map(move |value| with(choice, value)))
                .collect();
        }
        Ok(choices)
    }

    /// The run that tries a choice.
    fn trial(
        &self,
        settings: &Settings,
        strategy: &str,
        choice: &Choice,
        reported: &Plan,
    ) -> Result<Plan> {
        let mut settings = settings.clone();
        for (key, value) in choice {
            settings.set(key, value, "--tune: ")?;
        }
        settings.only(strategy);
        let choices = &mut settings.choices;
        choices.strategies = Some(strategy.to_owned());
        choices.validation = choices.validation.filter(|&share| share > 0.0).or(Some(SHARE));
        choices.eval_every = Some(usize::MAX); // the last row is all that is asked for
        choices.anytime = None;
        choices.lca = None;
        choices.tasks = Some(match self.on {
            On::Tasks(tasks) => tasks,
            On::Seeds(_) => reported.source.tasks,
        });
        choices.setting = Some(reported.setting);
        let portion = Portion { after_tasks: 0, choosing: true };
        let seeds = match self.on {
            On::Tasks(_) => reported.seeds.clone(),
            On::Seeds(seeds) => {
                let first = reported.seeds.iter().max().map_or(0, |last| last + 1);
                (first..first + seeds).collect()
            }
        };
        Plan::of(&settings, portion, seeds)
    }

    /// On what, in words.
    fn on(&self, reported: &Plan) -> String {
        let last = reported.seeds.iter().max().copied().unwrap_or_default();
        let what = match self.on {
            On::Tasks(1) => "the first task, which is not reported".to_owned(),
            On::Tasks(tasks) => format!("the first {tasks} tasks, which are not reported"),
            On::Seeds(1) => format!("seed {}, which is not reported", last + 1),
            On::Seeds(n) => format!("seeds {} to {}, which are not reported", last + 1, last + n),
        };
        format!("{what}, by a validation part")
    }
}

/// `KEY=a,b,c` in its parts.
fn pair(text: &str) -> Result<(String, Vec<String>)> {
    let example = "write --tune STRATEGY.KEY=a,b,c, for example --tune ewc.lambda=1,10,100";
    let Some((key, values)) = text.split_once('=') else {
        return Err(Problem::usage(format!("--tune {text} has no `=`"), example));
    };
    let (key, mut seen) = (key.trim().to_owned(), Vec::new());
    if Entry::find(strategy_of(&key)).is_none() {
        let message = format!("--tune {text}: {key} is no setting of a strategy");
        return Err(Problem::usage(message, example));
    }
    for value in values.split(',').map(str::trim) {
        if value.is_empty() {
            return Err(Problem::usage(format!("--tune {text}: a value is empty"), example));
        }
        if seen.iter().any(|known| known == value) {
            let message = format!("--tune {text}: {value} is there twice");
            return Err(Problem::usage(message, example));
        }
        seen.push(value.to_owned());
    }
    Ok((key, seen))
}

fn strategy_of(key: &str) -> &str {
    key.split_once('.').map_or("", |(strategy, _)| strategy)
}

/// A choice as the name of a folder.
fn name(choice: &Choice) -> String {
    let word = |(key, value): &(String, String)| {
        let key = key.split_once('.').map_or(key.as_str(), |(_, key)| key);
        format!("{key}={}", value.replace(['/', '\\'], "_"))
    };
    choice.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Mean ACC of a run; `None` where a cell failed.
fn score(plan: &Plan, folder: &Folder) -> Result<Option<f64>> {
    let mut sum = 0.0;
    for id in plan.cells() {
        let Some(acc) = folder.cell(&id)?.result()?.and_then(|run| run.acc) else {
            return Ok(None);
        };
        sum += acc;
    }
    Ok(Some(sum / plan.cells().len() as f64))
}

/// The first of those with the highest ACC.
fn first_best(tried: &[Tried]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, acc) in tried.iter().enumerate().filter_map(|(i, tried)| Some((i, tried.acc?))) {
        if best.is_none_or(|(_, most)| acc > most) {
            best = Some((i, acc));
        }
    }
    best.map(|(i, _)| i)
}
