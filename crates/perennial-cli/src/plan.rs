//! A comparison as data: everything that decides its results, and so its identity.

use std::collections::BTreeMap;

use perennial::OptimizerKind;
use perennial::learner::{
    ClassHead, Confidence, LearnError, Learner, NormSettings, Remainder, Training,
};
use perennial::parts::memory::Budget;
use perennial::scenario::{Part, Setting, Stream, Task};
use perennial::strategies::{Entry, REGISTRY};
use perennial::strategy::Card;
use perennial_data::Understanding;
use perennial_report::document::Skipped;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::{Choices, Infer, Rule};
use crate::error::{Problem, Result, unknown};
use crate::settings::{Settings, defaults};
use crate::shell;
use crate::stream::{self, Portion, Source};
use crate::tune::Tune;

/// The schema of `run.json`.
pub(crate) const SCHEMA: &str = "perennial.run/1";

/// A comparison: strategies × seeds on one stream, everything else equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Plan {
    pub(crate) schema: String,
    /// Of the program: another one may give other numbers.
    pub(crate) version: String,
    pub(crate) source: Source,
    /// Of the first seed.
    pub(crate) task_names: Vec<String>,
    pub(crate) setting: Setting,
    pub(crate) network: String,
    pub(crate) training: Training,
    /// What every method with a memory may keep in all, where one budget is for all of them.
    pub(crate) memory: Option<Budget>,
    pub(crate) strategies: Vec<Chosen>,
    /// How some of their settings are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tune: Option<Tune>,
    pub(crate) seeds: Vec<u64>,
    /// Those of `all` that cannot work here.
    pub(crate) skipped: Vec<Skipped>,
    /// What was understood of the data, for people: what they are, the digest of the tasks says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) data: Vec<Understanding>,
}

/// A strategy with all its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) settings: Value,
}

/// One strategy with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CellId {
    pub(crate) strategy: Chosen,
    pub(crate) seed: u64,
}

impl CellId {
    /// Its name, which is that of its folder.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.strategy.name, self.seed)
    }
}

impl Plan {
    /// The comparison that the settings ask for, checked as far as it can be without training.
    /// Strategies that cannot work in it are refused, or of `all` skipped.
    pub(crate) fn new(settings: &Settings, tune: Option<Tune>) -> Result<Self> {
        let portion = tune.as_ref().map_or_else(Portion::default, Tune::reported);
        let seeds = seeds(&settings.choices)?;
        Ok(Self { tune, ..Self::of(settings, portion, seeds)? })
    }

    /// As [`new`](Self::new), of a portion of the stream and for these seeds.
    pub(crate) fn of(settings: &Settings, portion: Portion, seeds: Vec<u64>) -> Result<Self> {
        let choices = &settings.choices;
        let training = training(settings)?;
        let (chosen, all) = strategies(choices.strategies.as_deref().unwrap_or("all"))?;
        let (source, stream) = Source::new(settings, portion, seeds[0])?;
        let setting = choices.setting.unwrap_or_else(|| stream::usual_setting(&stream));
        check_parts(settings, &source, &chosen)?;
        stream.check(setting)?;
        source.check(&stream, setting)?;
        check_steps(&training, &stream)?;
        let network = choices.network.as_deref().unwrap_or("mlp:100x100");
        let network = perennial::network::parse(network, stream.shape)?;
        let mut plan = Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            source,
            task_names: stream.tasks.iter().map(|task| task.name.clone()).collect(),
            setting,
            network: network.name().into(),
            training,
            memory: choices.memory,
            strategies: Vec::new(),
            tune: None,
            seeds,
            skipped: Vec::new(),
            data: understood(&stream, setting),
        };
        let memories = crate::memory::each(settings, &chosen, stream.tasks.len())?;
        for entry in chosen {
            let mut own = settings.group(entry.name);
            if let Some(budget) = memories.get(entry.name) {
                own["memory"] = value(budget);
            }
            let strategy = entry.create(&own)?;
            let settings = strategy.settings();
            let (training, seed) = (plan.training.clone(), plan.seeds[0]);
            match Learner::new(network.clone(), strategy, training, setting, &stream, seed) {
                Ok(learner) => {
                    plan.check_own_rows(learner.card(), &stream)?;
                    plan.strategies.push(Chosen { name: entry.name.into(), settings });
                }
                Err(
                    error @ (LearnError::Impossible { .. }
                    | LearnError::NeedsBorders { .. }
                    | LearnError::OwnStatistics { .. }),
                ) if all => {
                    let (strategy, reason) = (entry.name.into(), error.to_string());
                    plan.skipped.push(Skipped { strategy, reason });
                }
                Err(error) => return Err(error.into()),
            }
        }
        match plan.skipped.first() {
            Some(first) if plan.strategies.is_empty() => {
                Err(Problem::usage(first.reason.clone(), "no strategy is left to run"))
            }
            _ => Ok(plan),
        }
    }

    /// A plan of an older program with the settings that methods have since: they say what that
    /// program did.
    pub(crate) fn with_newer_settings(mut self) -> Result<Self> {
        for chosen in &mut self.strategies {
            if let Some(entry) = Entry::find(&chosen.name) {
                chosen.settings = entry.create_saved(&chosen.settings)?.settings();
            }
        }
        Ok(self)
    }

    /// Whether it is the same comparison.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let bare = |plan: &Self| Self { data: Vec::new(), ..plan.clone() };
        bare(self) == bare(other)
    }

    /// Refuses a strategy that sets rows apart for itself alone and has too few left.
    fn check_own_rows(&self, card: &Card, stream: &Stream) -> Result<()> {
        let Some(fewer) = self.source.fewer_rows(card) else { return Ok(()) };
        let share = self.source.of(card).validation;
        let check = |task: &Task| -> Result<()> {
            Ok(self.training.check_rows(&task.name, task.rows_left(share)?)?)
        };
        smallest(stream).map_or(Ok(()), check).map_err(|problem| {
            let message = format!("{fewer}: {}", problem.message);
            Problem { message, ..problem }
        })
    }

    /// Every cell: seed by seed, so that a comparison cut short is still one of all strategies.
    pub(crate) fn cells(&self) -> Vec<CellId> {
        let cell = |seed| {
            let with = move |strategy: &Chosen| CellId { strategy: strategy.clone(), seed };
            self.strategies.iter().map(with)
        };
        self.seeds.iter().copied().flat_map(cell).collect()
    }

    /// Which settings differ: `key: theirs → ours`.
    pub(crate) fn differences(&self, ours: &Self) -> Vec<String> {
        let (theirs, ours) = (flat(self), flat(ours));
        let keys: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        let shown =
            |side: &BTreeMap<String, String>, key| side.get(key).map_or("none", |v| v).to_owned();
        keys.into_iter()
            .filter(|key| theirs.get(*key) != ours.get(*key))
            .map(|key| format!("{key}: {} → {}", shown(&theirs, key), shown(&ours, key)))
            .collect()
    }

    /// How every strategy is trained, for the report.
    pub(crate) fn training_rows(&self) -> BTreeMap<String, String> {
        let mut rows = flatten(&value(&self.training));
        rows.remove("optimizer.kind");
        if self.training.optimizer.kind == OptimizerKind::Sgd {
            for key in ["beta1", "beta2", "epsilon"] {
                rows.remove(&format!("optimizer.{key}"));
            }
        } else {
            rows.remove("optimizer.momentum");
        }
        if let Some(share) = rows.get_mut("blurry") {
            *share += " of each task's training samples come from other tasks";
        }
        if let Some(told) = rows.get_mut("no-borders") {
            *told = "strategies are not told where tasks begin and end".into();
        }
        rows.insert("optimizer".into(), self.rule().into());
        rows.insert("seeds".into(), joined(&self.seeds));
        if let Some(budget) = self.memory {
            let each = "an equal share of it for each task where a method keeps samples by task";
            rows.insert("memory".into(), format!("{} in all; {each}", budget.words()));
        }
        rows.extend(self.source.rows());
        let chosen = self.strategies.iter().filter_map(|chosen| Entry::find(&chosen.name));
        let cards: Vec<Card> = chosen.filter_map(|entry| entry.card().ok()).collect();
        if self.setting == Setting::Class {
            let is_full = |card: &&Card| self.training.class_head(card) == ClassHead::Full;
            let full: Vec<&str> = cards.iter().filter(is_full).map(|card| card.name).collect();
            let head = match self.training.head {
                Some(head) => head.to_string(),
                None if full.is_empty() => ClassHead::Grow.to_string(),
                None if full.len() == cards.len() => ClassHead::Full.to_string(),
                None => format!("{}; {} for {}", ClassHead::Grow, ClassHead::Full, full.join(", ")),
            };
            rows.insert("head".into(), head);
        }
        for fewer in cards.iter().filter_map(|card| self.source.fewer_rows(card)) {
            if let Some(validation) = rows.get_mut("validation") {
                *validation += &format!("; {fewer}");
            }
        }
        rows.retain(|_, value| value != "none");
        rows
    }

    fn rule(&self) -> &'static str {
        match self.training.optimizer.kind {
            OptimizerKind::Sgd => "sgd",
            OptimizerKind::Adam => "adam",
        }
    }

    /// The command that makes this comparison again, without its folder.
    pub(crate) fn command(&self) -> String {
        let Training { epochs, iterations, batch, remainder, lr, eval_every, .. } = self.training;
        let lr = stream::written(&value(&lr));
        let names: Vec<&str> = self.strategies.iter().map(|chosen| chosen.name.as_str()).collect();
        let benchmark = shell::word(&self.source.benchmark);
        let mut words = vec![format!("perennial compare {benchmark}")];
        words.push(format!("--strategies {}", names.join(",")));
        words.push(match self.seeds.as_slice() {
            [seed] if *seed != 0 => format!("--seed {seed}"),
            seeds => format!("--seeds {}", seeds.len()),
        });
        words.push(format!("--tasks {} --setting {}", self.source.tasks, self.setting));
        words.push(format!("--network {}", shell::word(&self.network)));
        // Steps go in the place of epochs: both together are refused.
        words.push(match iterations {
            Some(steps) => format!("--iterations {steps}"),
            None => format!("--epochs {epochs}"),
        });
        words.push(format!("--batch {batch}"));
        words.push(format!("--optimizer {} --lr {lr}", self.rule()));
        let mut flag = |name: &str, value: Option<String>| {
            words.extend(value.map(|value| format!("--{name} {value}")));
        };
        flag("samples-per-task", self.source.samples_per_task.map(|n| n.to_string()));
        let usual = remainder == Remainder::default();
        flag("head", self.training.head.map(|head| head.to_string()));
        let blurry = self.training.blurry;
        flag("blurry", (blurry > 0.0).then(|| blurry.to_string()));
        flag("remainder", (!usual).then(|| remainder.to_string()));
        let share = self.source.validation;
        flag("validation", (share != 0.0).then(|| share.to_string()));
        flag("memory", self.memory.map(|budget| budget.to_string()));
        flag("eval-samples", self.training.eval_samples.map(|n| n.to_string()));
        flag("eval-every", (eval_every != 1).then(|| eval_every.to_string()));
        let energy = self.training.infer == Confidence::Energy;
        flag("infer", energy.then(|| "energy".to_owned()));
        flag("anytime", self.training.anytime.map(|n| n.to_string()));
        flag("lca", self.training.lca.map(|n| n.to_string()));
        words.extend(self.training.no_borders.then(|| "--no-borders".to_owned()));
        words.extend(self.tune.iter().flat_map(Tune::words));
        let tuned = |key: &str| self.tune.as_ref().is_some_and(|tune| tune.has(key));
        for (key, value) in self.changed().into_iter().filter(|(key, _)| !tuned(key)) {
            words.push(format!("--set {}", shell::word(&format!("{key}={value}"))));
        }
        words.join(" ")
    }

    /// Settings without flags that are not the defaults.
    fn changed(&self) -> Vec<(String, String)> {
        let mut changed = Vec::new();
        let mut compare = |group: &str, ours: &Value, default: &Value| {
            let default = flatten(default);
            for (key, value) in flatten(ours) {
                if default.get(&key) != Some(&value) {
                    changed.push((format!("{group}.{key}"), value));
                }
            }
        };
        let rule = |rule: &perennial::OptimizerSettings| {
            let mut rule = value(rule);
            rule["kind"] = Value::Null; // has a flag
            rule
        };
        compare("optimizer", &rule(&self.training.optimizer), &rule(&Default::default()));
        compare("norm", &value(&self.training.norm), &value(&NormSettings::default()));
        for chosen in &self.strategies {
            let default = Entry::find(&chosen.name).and_then(|entry| defaults(entry).ok());
            let (mut own, default) = (chosen.settings.clone(), default.unwrap_or_default());
            if self.memory.is_some() && own.get("memory").is_some() {
                own["memory"] = default["memory"].clone(); // has a flag
            }
            compare(&chosen.name, &own, &default);
        }
        changed.extend(self.source.changed());
        changed
    }
}

/// What was understood of the data of a stream, and how labels are matched in one head for all.
fn understood(stream: &Stream, setting: Setting) -> Vec<Understanding> {
    let mut understood = stream.understood.clone();
    let first = &stream.tasks[0].classes;
    let apart = |task: &Task| task.classes.iter().all(|class| !first.contains(class));
    let by_order = stream.tasks[1..].iter().any(apart);
    if let (Setting::Domain, true, Some(first)) = (setting, by_order, understood.first_mut()) {
        first.notes.push(
            "no class is known by name in all tasks: one head for all matches them by their order"
                .into(),
        );
    }
    understood
}

/// The training that the settings ask for, checked.
fn training(settings: &Settings) -> Result<Training> {
    let (choices, default) = (&settings.choices, Training::default());
    let mut optimizer: perennial::OptimizerSettings = settings.shared("optimizer")?;
    optimizer.kind = match choices.optimizer {
        Some(Rule::Adam) => OptimizerKind::Adam,
        Some(Rule::Sgd) | None => OptimizerKind::Sgd,
    };
    let training = Training {
        epochs: choices.epochs.unwrap_or(default.epochs),
        iterations: choices.iterations,
        remainder: choices.remainder.unwrap_or(default.remainder),
        batch: choices.batch.unwrap_or(default.batch),
        lr: choices.lr.unwrap_or(default.lr),
        optimizer,
        norm: settings.shared("norm")?,
        eval_samples: choices.eval_samples,
        eval_every: choices.eval_every.unwrap_or(default.eval_every),
        anytime: choices.anytime,
        lca: choices.lca,
        head: choices.head,
        blurry: choices.blurry.unwrap_or(default.blurry),
        no_borders: choices.no_borders.unwrap_or(default.no_borders),
        infer: match choices.infer {
            Some(Infer::Energy) => Confidence::Energy,
            Some(Infer::Entropy) | None => Confidence::Entropy,
        },
    };
    training.check()?;
    Ok(training)
}

/// Refuses an epoch without a step, by the smallest task.
fn check_steps(training: &Training, stream: &Stream) -> Result<()> {
    match smallest(stream) {
        Some(task) => Ok(training.check_rows(&task.name, task.rows(Part::Train))?),
        None => Ok(()),
    }
}

/// The task with the fewest training rows.
fn smallest(stream: &Stream) -> Option<&Task> {
    stream.tasks.iter().min_by_key(|task| task.rows(Part::Train))
}

/// Refuses a `--set` that changes nothing here: of a strategy that is not compared, or of
/// another benchmark.
fn check_parts(settings: &Settings, source: &Source, chosen: &[&Entry]) -> Result<()> {
    let strategies = chosen.iter().map(|entry| entry.name);
    let parts: Vec<&str> = strategies.chain(source.kind()).chain(["optimizer", "norm"]).collect();
    match settings.set_groups().find(|group| !parts.contains(group)) {
        Some(group) => Err(Problem::usage(
            format!("--set {group}.… would change nothing, for {group} takes no part here"),
            format!(
                "settings on the command line can be those of {}; a file for --config may hold \
                 others too",
                parts.join(", ")
            ),
        )),
        None => Ok(()),
    }
}

fn seeds(choices: &Choices) -> Result<Vec<u64>> {
    /// More is a slip of the keys: every seed is a run of every strategy.
    const MOST: u64 = 10_000;
    match (choices.seed, choices.seeds.unwrap_or(3)) {
        (Some(seed), _) => Ok(vec![seed]),
        (None, n @ 1..=MOST) => Ok((0..n).collect()),
        (None, n) => Err(Problem::usage(
            format!("seeds = {n} cannot be: expected 1 to {MOST}"),
            "--seeds N runs the seeds 0 to N − 1, --seed S the one seed S",
        )),
    }
}

/// The strategies of a list of names, in the registry's order, and whether it says `all`.
fn strategies(names: &str) -> Result<(Vec<&'static Entry>, bool)> {
    if names.trim() == "all" {
        return Ok((REGISTRY.iter().collect(), true));
    }
    let mut wanted = Vec::new();
    for name in names.split(',').map(str::trim) {
        if Entry::find(name).is_none() {
            let known = REGISTRY.iter().map(|entry| entry.name).chain(["all"]);
            return Err(unknown("strategy", name, known));
        }
        wanted.push(name);
    }
    Ok((REGISTRY.iter().filter(|entry| wanted.contains(&entry.name)).collect(), false))
}

/// Everything of a plan that two runs can differ in, by key.
fn flat(plan: &Plan) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for (key, value) in flatten(&value(plan)) {
        // The words of the command line: where a setting lies in the file is not theirs.
        let key = key.trim_start_matches("source.").trim_start_matches("training.").to_owned();
        let listed = ["strategies", "skipped", "tune", "data"];
        if !listed.iter().any(|list| key.starts_with(list)) && key != "task-names" {
            keys.insert(key, value);
        }
    }
    let names: Vec<&str> = plan.strategies.iter().map(|chosen| chosen.name.as_str()).collect();
    keys.insert("strategies".into(), names.join(","));
    keys.insert("seeds".into(), joined(&plan.seeds));
    if let Some(tune) = &plan.tune {
        keys.insert("tuning".into(), tune.words().join(" "));
    }
    for chosen in &plan.strategies {
        for (key, value) in flatten(&chosen.settings) {
            keys.insert(format!("{}.{key}", chosen.name), value);
        }
    }
    keys
}

/// A value as JSON by way of its text: directly, .1 in single precision would become
/// .10000000149.
pub(crate) fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_string(of)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Nested objects as `outer.inner` → text; null is `none`.
pub(crate) fn flatten(value: &Value) -> BTreeMap<String, String> {
    fn walk(prefix: &str, value: &Value, out: &mut BTreeMap<String, String>) {
        let text = match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let dot = if prefix.is_empty() { "" } else { "." };
                    walk(&format!("{prefix}{dot}{key}"), value, out);
                }
                return;
            }
            other => stream::written(other),
        };
        out.insert(prefix.to_owned(), text);
    }
    let mut out = BTreeMap::new();
    walk("", value, &mut out);
    out
}

fn joined(seeds: &[u64]) -> String {
    let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    seeds.join(",")
}
