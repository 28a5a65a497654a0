//! The benchmarks by name, with their settings.

use std::sync::Arc;

use perennial_data::{Dataset, NAMES};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, from_value};

use super::near::nearest;
use super::{Options, Permuted, Rotated, ScenarioError, Split, Stream};

/// A way to make a stream out of one data set, with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Benchmark {
    /// Every task another permutation of the pixels.
    Permuted(Permuted),
    /// Every task another angle.
    Rotated(Rotated),
    /// Every task other classes.
    Split(Split),
}

impl Benchmark {
    /// Every benchmark, with its default settings.
    #[must_use]
    pub fn all() -> [Self; 3] {
        [
            Self::Permuted(Permuted::default()),
            Self::Rotated(Rotated::default()),
            Self::Split(Split::default()),
        ]
    }

    /// The name without the data: `permuted`, `rotated`, `split`. Also the first half of the
    /// names of its settings.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Permuted(_) => "permuted",
            Self::Rotated(_) => "rotated",
            Self::Split(_) => "split",
        }
    }

    /// Every name that [`Benchmark::parse`] knows: every benchmark of every known data set.
    #[must_use]
    pub fn names() -> Vec<String> {
        let of = |it: &Self| NAMES.iter().map(|data| format!("{}-{data}", it.kind())).collect();
        Self::all().iter().flat_map::<Vec<String>, _>(of).collect()
    }

    /// The benchmark, with its default settings, and the name of the data set that a name such
    /// as `permuted-mnist` stands for. Splits of EMNIST, such as `split-emnist-letters`, are
    /// known too.
    ///
    /// # Errors
    ///
    /// If no benchmark has this name; the error lists all.
    pub fn parse(name: &str) -> Result<(Self, String), ScenarioError> {
        let known = |data: &str| NAMES.contains(&data) || data.starts_with("emnist-");
        if let Some((kind, data)) = name.split_once('-').filter(|&(_, data)| known(data))
            && let Some(benchmark) = Self::all().into_iter().find(|it| it.kind() == kind)
        {
            return Ok((benchmark, data.to_string()));
        }
        let names = Self::names();
        Err(ScenarioError::UnknownBenchmark {
            name: name.to_string(),
            suggestion: nearest(name, names.iter().map(String::as_str)),
            known: names.join(", "),
        })
    }

    /// The settings by key, for reports and for what is saved of a run: `first`, `angles`, …
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        let settings = match self {
            Self::Permuted(it) => serde_json::to_value(it),
            Self::Rotated(it) => serde_json::to_value(it),
            Self::Split(it) => serde_json::to_value(it),
        };
        match settings {
            Ok(Value::Object(settings)) => settings,
            // Structs of words and numbers always become objects.
            _ => Map::new(),
        }
    }

    /// Sets one setting from the text of `--set KIND.KEY=VALUE`. Lists are written with commas:
    /// `set("angles", "0,15,30")`.
    ///
    /// # Errors
    ///
    /// If there is no such setting (the error lists those there are), or it cannot have the
    /// value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ScenarioError> {
        let benchmark = self.kind();
        let mut settings = self.settings();
        if !settings.contains_key(key) {
            let known: Vec<String> = settings.keys().cloned().collect();
            return Err(ScenarioError::UnknownKey {
                benchmark,
                key: key.to_string(),
                suggestion: nearest(key, known.iter().map(String::as_str)),
                known: known.join(", "),
            });
        }
        // A number where it reads as one, otherwise text.
        let parsed = serde_json::from_str::<Value>(value).ok().filter(Value::is_number);
        settings.insert(key.to_string(), parsed.unwrap_or_else(|| Value::from(value)));
        let settings = Value::Object(settings);
        let with = match self {
            Self::Permuted(_) => from_value(settings).map(Self::Permuted),
            Self::Rotated(_) => from_value(settings).map(Self::Rotated),
            Self::Split(_) => from_value(settings).map(Self::Split),
        };
        *self = with.map_err(|problem| ScenarioError::BadValue {
            benchmark,
            key: key.to_string(),
            value: value.to_string(),
            problem: problem.to_string(),
        })?;
        Ok(())
    }

    /// The stream that this benchmark makes of a data set: a pure function of its settings, the
    /// data, the options and the seed.
    ///
    /// # Errors
    ///
    /// As the benchmarks: [`Permuted::stream`], [`Rotated::stream`], [`Split::stream`].
    pub fn build(
        &self,
        dataset: &Arc<Dataset>,
        options: &Options,
        seed: u64,
    ) -> Result<Stream, ScenarioError> {
        match self {
            Self::Permuted(it) => it.stream(dataset, options, seed),
            Self::Rotated(it) => it.stream(dataset, options, seed),
            Self::Split(it) => it.stream(dataset, options, seed),
        }
    }
}
