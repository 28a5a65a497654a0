//! A protocol: one published table as a file of settings, values and tolerances.

mod check;
mod runnable;

use std::collections::BTreeMap;
use std::path::Path;

use perennial_report::reproduction::{Measure, PlusMinus, Published};
use serde::Deserialize;

pub(crate) use self::runnable::Runnable;
use crate::error::{Code, Problem, Result, unknown};
use crate::settings::keys;

/// The protocols that are built in: name and file.
const EMBEDDED: &[(&str, &str)] = &[
    ("gem-permuted", include_str!("../../../../../protocols/gem-permuted.toml")),
    ("gem-rotated", include_str!("../../../../../protocols/gem-rotated.toml")),
    ("agem-permuted", include_str!("../../../../../protocols/agem-permuted.toml")),
    ("vdv-task", include_str!("../../../../../protocols/vdv-task.toml")),
    ("vdv-domain", include_str!("../../../../../protocols/vdv-domain.toml")),
    ("vdv-class", include_str!("../../../../../protocols/vdv-class.toml")),
    ("si-permuted", include_str!("../../../../../protocols/si-permuted.toml")),
    ("der-permuted", include_str!("../../../../../protocols/der-permuted.toml")),
];

/// One published table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Protocol {
    /// Its name: that of its file.
    #[serde(skip)]
    pub(crate) name: String,
    /// What begins a sentence about what is wrong in it.
    #[serde(skip)]
    origin: String,
    /// Counts up when anything changes that decides a number or a verdict.
    pub(crate) version: u32,
    /// What it is, in one sentence.
    pub(crate) about: String,
    /// Authors, title, year.
    pub(crate) paper: String,
    pub(crate) link: String,
    /// Which table or figure of it.
    pub(crate) table: String,
    /// Seeds of each method that does not say.
    seeds: u64,
    published: Source,
    /// What is not as in the paper.
    #[serde(default)]
    pub(crate) differs: Vec<String>,
    /// Settings of all methods: keys of a configuration file.
    pub(crate) settings: toml::Table,
    quick: Option<QuickForm>,
    #[serde(rename = "cell")]
    pub(crate) cells: Vec<Row>,
    #[serde(rename = "choice", default)]
    pub(crate) choices: Vec<ChoiceRow>,
}

/// What stands behind the paper's numbers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Source {
    runs: u32,
    plus_minus: Option<PlusMinus>,
}

/// What makes the protocol small.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct QuickForm {
    /// Put over the settings of each method.
    settings: toml::Table,
    /// How far ACC may be from the recorded.
    tolerance: f64,
}

/// A method of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) method: String,
    /// The strategy in the program, where it is not called as the method.
    strategy: Option<String>,
    #[serde(default)]
    pub(crate) settings: toml::Table,
    seeds: Option<u64>,
    /// All seeds on two cores, in minutes.
    pub(crate) minutes: f64,
    acc: Option<Value>,
    bwt: Option<Value>,
    bwt_over_t: Option<Value>,
    forgetting: Option<Value>,
    /// Whether the published value is at chance level.
    #[serde(default)]
    pub(crate) at_chance: bool,
    /// Which setting that the paper does not record was chosen by a result of this very cell, and how.
    pub(crate) chosen_here: Option<String>,
    /// Why it is not reproduced, or better than it should be.
    pub(crate) reason: Option<String>,
    /// ACC of the small form when it was recorded.
    pub(crate) quick: Option<f64>,
}

/// A published number.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Value {
    /// Absent where only ours is to be shown.
    published: Option<f64>,
    plus_minus: Option<f64>,
    tolerance: Option<f64>,
    because: Option<String>,
}

/// A method with one thing done otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ChoiceRow {
    /// The method.
    pub(crate) of: String,
    /// Its folder's name.
    pub(crate) name: String,
    /// What is done otherwise.
    pub(crate) what: String,
    /// Put over the method's settings.
    pub(crate) settings: toml::Table,
    /// All seeds on two cores, in minutes.
    minutes: f64,
}

impl Protocol {
    /// The protocol of a built-in name, or of a TOML file.
    pub(crate) fn find(name: &str) -> Result<Self> {
        if Path::new(name).extension().is_none_or(|extension| extension != "toml") {
            let known = EMBEDDED.iter().map(|(known, _)| *known);
            let Some((name, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) else {
                let problem = unknown("protocol", name, known);
                let hint = format!("{}; a file of your own ends in .toml", problem.hint);
                return Err(Problem { hint, ..problem });
            };
            return Self::parse(name, &format!("protocol {name}"), text);
        }
        let path = Path::new(name);
        let text = std::fs::read_to_string(path).map_err(|error| {
            let hint = "name a protocol's file, or a name of `perennial list protocols`";
            Problem::new(Code::InputMissing, format!("cannot read {name}: {error}"), hint)
        })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&stem, name, &text)
    }

    /// Those that are built in.
    pub(crate) fn embedded() -> Result<Vec<Self>> {
        EMBEDDED.iter().map(|(name, _)| Self::find(name)).collect()
    }

    /// BLAKE3 of the files of those that are built in.
    pub(crate) fn digest() -> String {
        let texts: Vec<&str> = EMBEDDED.iter().map(|(_, text)| *text).collect();
        blake3::hash(texts.join("\n").as_bytes()).to_hex().to_string()
    }

    fn parse(name: &str, origin: &str, text: &str) -> Result<Self> {
        let mut protocol: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |at| text[..at.start].matches('\n').count() + 1);
            let message = format!("line {line} of {origin}: {}", error.message());
            Problem::new(Code::BadData, message, HINT)
        })?;
        protocol.name = name.to_owned();
        protocol.origin = origin.to_owned();
        protocol.check()?;
        Ok(protocol)
    }

    /// A problem in the file.
    fn bad(&self, what: impl std::fmt::Display) -> Problem {
        Problem::new(Code::BadData, format!("{}: {what}", self.origin), HINT)
    }

    /// Settings of all methods, as they are written after `--set`.
    pub(crate) fn said(&self) -> Vec<String> {
        said(&[&self.settings])
    }

    /// How far the ACC of a small form may be from the recorded.
    pub(crate) fn quick_tolerance(&self) -> f64 {
        self.quick.as_ref().map_or(0.0, |quick| quick.tolerance)
    }

    /// All cells on two cores.
    pub(crate) fn minutes(&self) -> f64 {
        self.cells.iter().map(|row| row.minutes).sum()
    }
}

impl Row {
    fn strategy(&self) -> &str {
        self.strategy.as_deref().unwrap_or(&self.method)
    }

    fn values(&self) -> impl Iterator<Item = (Measure, &Value)> {
        let values = [&self.acc, &self.bwt, &self.bwt_over_t, &self.forgetting];
        Measure::ALL.into_iter().zip(values).filter_map(|(m, value)| Some((m, value.as_ref()?)))
    }

    /// What is measured.
    pub(crate) fn measures(&self) -> Vec<Measure> {
        self.values().map(|(measure, _)| measure).collect()
    }

    /// What was published, checked when the file was read.
    fn claims(&self, protocol: &Protocol) -> BTreeMap<Measure, Published> {
        let claim = |(measure, value)| Some((measure, protocol.published(value).ok()??));
        self.values().filter_map(claim).collect()
    }

    /// Its own settings, as they are written after `--set`.
    pub(crate) fn said(&self) -> Vec<String> {
        said(&[&self.settings])
    }
}

impl ChoiceRow {
    fn folder(&self) -> String {
        format!("{}+{}", self.of, self.name)
    }

    /// Its own settings, as they are written after `--set`.
    pub(crate) fn said(&self) -> Vec<String> {
        said(&[&self.settings])
    }
}

/// Where the form of the file is told.
const HINT: &str = "protocols/README.md says what a protocol's file holds";

/// Layers of settings as they are written after `--set`, the later over the earlier.
fn said(layers: &[&toml::Table]) -> Vec<String> {
    let all: BTreeMap<String, String> = layers.iter().flat_map(|table| keys(table)).collect();
    all.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use perennial::strategies::Entry;

    use super::*;
    use crate::settings::Settings;

    /// Every setting that the built-in files name is one, of a value that can be; a method, a small
    /// form and a choice each. Without data: catches a slip in a file where there is no MNIST.
    #[test]
    fn the_settings_of_built_in_protocols_are_settings() {
        for protocol in Protocol::embedded().unwrap() {
            let rows = protocol.cells.iter();
            let choices = protocol.choices.iter().map(|choice| protocol.choice(choice).unwrap());
            let small = rows.clone().map(|row| protocol.small(row).unwrap());
            for cell in rows.map(|row| protocol.cell(row)).chain(small).chain(choices) {
                let mut settings = Settings::default();
                for table in &cell.layers {
                    settings.put_table(table, &format!("{}: ", cell.protocol.name)).unwrap();
                }
                let strategy = Entry::find(cell.strategy).unwrap();
                strategy.create(&settings.group(cell.strategy)).unwrap();
                assert!(cell.said().iter().any(|said| said.contains("mnist")));
                // Else a default of the program would decide what the authors' code did.
                assert!(settings.choices.remainder.is_some(), "{}", cell.protocol.name);
            }
        }
    }

    /// 4 of GEM, 8 of A-GEM, 15 of van de Ven & Tolias, 2 of SI, 4 of DER. Catches: a cell that is
    /// lost, one without its tolerance, a published value that a typing error moved to another
    /// unit.
    #[test]
    fn thirty_three_cells_have_a_published_value() {
        let protocols = Protocol::embedded().unwrap();
        let rows = protocols.iter().flat_map(|p| p.cells.iter().map(move |row| row.claims(p)));
        let claims: Vec<_> = rows.filter(|claims| !claims.is_empty()).collect();
        assert_eq!(claims.len(), 33);
        for claim in claims.iter().flat_map(BTreeMap::values) {
            assert!(claim.se.is_none_or(|se| se < claim.tolerance), "{claim:?}");
        }
    }
}
