//! Where settings come from: flag > `--set` > configuration file > default.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{Args as _, FromArgMatches as _};
use perennial::OptimizerSettings;
use perennial::learner::NormSettings;
use perennial::parts::memory::Budget;
use perennial::strategies::{Entry, REGISTRY};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::args::{Choices, Compare};
use crate::error::{Code, Problem, Result, did_you_mean};

/// All that was said, the likelier source first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The settings that have flags.
    pub(crate) choices: Choices,
    /// The others: group (a strategy, `optimizer`, `norm`, a kind of benchmark) → key → value.
    groups: BTreeMap<String, Map<String, Value>>,
    /// Of these, the ones that the command line names.
    set_groups: BTreeSet<String>,
    /// Keys without a group that the command line sets.
    set_choices: BTreeSet<String>,
}

impl Settings {
    /// Everything that the command line, the file it names and the environment say.
    pub(crate) fn resolve(args: &Compare) -> Result<Self> {
        let mut settings = Self::of_environment();
        if let Some(path) = &args.config {
            settings.put_table(&read(path)?, &format!("{}: ", path.display()))?;
        }
        settings.set_all(&args.set)?;
        settings.overlay(&args.choices)?;
        Ok(settings)
    }

    /// What the words of `--set` say.
    pub(crate) fn from_set(words: &[String]) -> Result<Self> {
        let mut settings = Self::default();
        settings.set_all(words)?;
        Ok(settings)
    }

    fn set_all(&mut self, words: &[String]) -> Result<()> {
        for pair in words {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(Problem::usage(
                    format!("--set {pair} has no `=`"),
                    "write --set KEY=VALUE, for example --set optimizer.momentum=0.9",
                ));
            };
            self.set(key.trim(), value.trim(), &format!("--set {pair}: "))?;
        }
        Ok(())
    }

    /// What the environment says.
    pub(crate) fn of_environment() -> Self {
        let mut settings = Self::default();
        let folder = std::env::var_os("PERENNIAL_DATA").filter(|value| !value.is_empty());
        settings.choices.data = folder.map(Into::into);
        settings
    }

    /// Sets every key of a table; `origin` begins the sentence of an error.
    pub(crate) fn put_table(&mut self, table: &toml::Table, origin: &str) -> Result<()> {
        keys(table).iter().try_for_each(|(key, value)| self.put(key, value, origin))
    }

    /// Sets a key of a group, as `--set` does.
    pub(crate) fn set(&mut self, key: &str, text: &str, origin: &str) -> Result<()> {
        self.put(key, text, origin)?;
        match key.split_once('.') {
            Some((group, _)) => self.set_groups.insert(group.to_owned()),
            None => self.set_choices.insert(key.to_owned()),
        };
        Ok(())
    }

    /// Forgets that the command line named settings of other strategies than this.
    pub(crate) fn only(&mut self, strategy: &str) {
        self.set_groups.retain(|group| group == strategy || Entry::find(group).is_none());
    }

    /// A group's settings as they were said.
    pub(crate) fn group(&self, name: &str) -> Value {
        Value::Object(self.groups.get(name).cloned().unwrap_or_default())
    }

    /// The settings of a group that all strategies share.
    pub(crate) fn shared<T: DeserializeOwned>(&self, group: &str) -> Result<T> {
        serde_json::from_value(self.group(group)).map_err(|error| {
            let said = self.groups.get(group).into_iter().flatten();
            let shown = |value: &Value| value.as_str().map_or(value.to_string(), Into::into);
            let said: Vec<String> =
                said.map(|(key, value)| format!("{group}.{key} = {}", shown(value))).collect();
            Problem::usage(format!("{} cannot be: {error}", said.join(", ")), "")
        })
    }

    /// The groups that the command line names, whose settings should change something.
    pub(crate) fn set_groups(&self) -> impl Iterator<Item = &str> {
        self.set_groups.iter().map(String::as_str)
    }

    /// The keys without a group that the command line sets.
    pub(crate) fn set_choices(&self) -> impl Iterator<Item = &str> {
        self.set_choices.iter().map(String::as_str)
    }

    /// Sets one key from its text; `origin` begins the sentence of an error.
    fn put(&mut self, key: &str, text: &str, origin: &str) -> Result<()> {
        // `optimizer` has a flag of its own; in a file it stands beside its other keys.
        let key = if key == "optimizer.kind" { "optimizer" } else { key };
        let groups = groups()?;
        let Some((group, name)) = key.split_once('.') else {
            return self.put_choice(key, text, origin, &groups);
        };
        let Some(default) = groups.get(group).and_then(|keys| keys.get(name)) else {
            return Err(unknown(key, origin, &groups));
        };
        let value = typed(text, default).or_else(|expected| {
            // Some numbers may also be a word, such as `all`: the strategy itself says.
            let word = Value::from(text);
            let said = Value::Object([(name.to_owned(), word.clone())].into_iter().collect());
            match Entry::find(group).map(|entry| entry.create(&said)) {
                Some(Ok(_)) => Ok(word),
                _ => Err(Problem::usage(
                    format!("{origin}{key} = {text} cannot be: expected {expected}"),
                    "",
                )),
            }
        })?;
        self.groups.entry(group.to_owned()).or_default().insert(name.to_owned(), value);
        Ok(())
    }

    /// Sets a key that has a flag, by that flag's own parser.
    fn put_choice(&mut self, key: &str, text: &str, origin: &str, groups: &Groups) -> Result<()> {
        if !flags().any(|flag| flag == key) {
            return Err(unknown(key, origin, groups));
        }
        let words = match key {
            "benchmark" => vec![text.to_owned()],
            _ => vec![format!("--{key}={text}")],
        };
        let command = Choices::augment_args(clap::Command::new("set").no_binary_name(true));
        let said = command
            .try_get_matches_from(words)
            .and_then(|matches| Choices::from_arg_matches(&matches))
            .map_err(|error| {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Problem::usage(format!("{origin}{}", line.trim_start_matches("error: ")), "")
            })?;
        self.overlay(&said)
    }

    /// Puts what `upper` says over what was said so far.
    fn overlay(&mut self, upper: &Choices) -> Result<()> {
        let (mut all, upper) = (map(&self.choices)?, map(upper)?);
        if upper.contains_key("seed") || upper.contains_key("seeds") {
            all.remove("seed");
            all.remove("seeds");
        }
        all.extend(upper);
        self.choices = serde_json::from_value(Value::Object(all)).map_err(defect)?;
        Ok(())
    }
}

/// What is said, without what is not.
fn map(choices: &Choices) -> Result<Map<String, Value>> {
    match serde_json::to_value(choices).map_err(defect)? {
        Value::Object(map) => Ok(map.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => Ok(Map::new()),
    }
}

fn defect(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Bug, error.to_string(), crate::error::REPORT_IT)
}

/// Keys that have flags.
fn flags() -> impl Iterator<Item = String> {
    let command = Choices::augment_args(clap::Command::new("set"));
    let names: Vec<String> =
        command.get_arguments().map(|arg| arg.get_id().as_str().replace('_', "-")).collect();
    names.into_iter()
}

/// Group → key → default.
type Groups = BTreeMap<String, Map<String, Value>>;

/// Every key that has no flag.
fn groups() -> Result<Groups> {
    let mut groups = Groups::new();
    let mut add = |name: &str, value: Value| {
        if let Value::Object(keys) = value {
            groups.insert(name.to_owned(), keys);
        }
    };
    for entry in REGISTRY {
        add(entry.name, defaults(entry)?);
    }
    let mut rule = serde_json::to_value(OptimizerSettings::default()).map_err(defect)?;
    if let Some(keys) = rule.as_object_mut() {
        keys.remove("kind");
    }
    add("optimizer", rule);
    add("norm", serde_json::to_value(NormSettings::default()).map_err(defect)?);
    for (name, value) in crate::stream::groups() {
        add(name, value);
    }
    Ok(groups)
}

/// A strategy's settings when nothing is said.
pub(crate) fn defaults(entry: &Entry) -> Result<Value> {
    Ok(entry.create(&Value::Object(Map::new()))?.settings())
}

/// A text as a value of the default's type.
fn typed(text: &str, default: &Value) -> std::result::Result<Value, &'static str> {
    let number = || {
        if let Ok(value) = text.parse::<u64>() {
            return Some(value.into());
        }
        if let Ok(value) = text.parse::<i64>() {
            return Some(value.into());
        }
        serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number)
    };
    match default {
        // A budget may be a number of samples or of bytes, and is then no number of JSON's.
        Value::Number(_) => number()
            .or_else(|| text.parse::<Budget>().ok().map(|budget| budget.to_string().into()))
            .ok_or("a finite number"),
        Value::Bool(_) => text.parse().map(Value::Bool).map_err(|_| "true or false"),
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str(text).map_err(|_| "a list in JSON, for example [1, 2]")
        }
        Value::String(_) => Ok(text.into()),
        // Nothing by default: what it may be is for the setting itself to say.
        Value::Null => {
            Ok(number().or_else(|| serde_json::from_str(text).ok()).unwrap_or_else(|| text.into()))
        }
    }
}

fn unknown(key: &str, origin: &str, groups: &Groups) -> Problem {
    let mut known: Vec<String> = flags().collect();
    for (group, keys) in groups {
        known.extend(keys.keys().map(|key| format!("{group}.{key}")));
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = did_you_mean(key, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    Problem::usage(
        format!("{origin}there is no setting `{key}`"),
        format!("{near}known are: {}", known.join(", ")),
    )
}

/// The table that a TOML file holds.
fn read(path: &Path) -> Result<toml::Table> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            Code::InputMissing,
            format!("cannot read {}: {error}", path.display()),
            "name a TOML file with --config FILE",
        )
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        Problem::new(
            Code::BadData,
            format!("line {line} of {} is no TOML: {}", path.display(), error.message()),
            "write settings as `key = value`, those of a strategy under [STRATEGY]",
        )
    })
}

/// The keys of a table with their values as text; tables become `table.key`.
pub(crate) fn keys(table: &toml::Table) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(table) => keys.extend(
                table.iter().map(|(inner, value)| (format!("{key}.{inner}"), plain(value))),
            ),
            toml::Value::Array(names) if key == "strategies" => {
                keys.push((key.clone(), names.iter().map(plain).collect::<Vec<_>>().join(",")));
            }
            value => keys.push((key.clone(), plain(value))),
        }
    }
    keys
}

/// A TOML value as one would write it after `--set key=`.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
