//! A protocol: one published table as a file of settings, values and tolerances.

use std::collections::BTreeMap;
use std::path::Path;

use perennial::strategies::{Entry, REGISTRY};
use perennial_report::reproduction::{Measure, PlusMinus, Published};
use serde::Deserialize;

use crate::error::{Code, Problem, Result, unknown};
use crate::plan::Plan;
use crate::settings::{Settings, keys};
use crate::stream::Portion;

/// The protocols that are built in: name and file.
const EMBEDDED: &[(&str, &str)] = &[
    ("gem-permuted", include_str!("../../../../protocols/gem-permuted.toml")),
    ("gem-rotated", include_str!("../../../../protocols/gem-rotated.toml")),
    ("agem-permuted", include_str!("../../../../protocols/agem-permuted.toml")),
    ("vdv-task", include_str!("../../../../protocols/vdv-task.toml")),
    ("vdv-domain", include_str!("../../../../protocols/vdv-domain.toml")),
    ("vdv-class", include_str!("../../../../protocols/vdv-class.toml")),
    ("si-permuted", include_str!("../../../../protocols/si-permuted.toml")),
    ("der-permuted", include_str!("../../../../protocols/der-permuted.toml")),
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

/// What can be run of a protocol: a method, its small form, or a choice.
pub(crate) struct Runnable<'a> {
    pub(crate) protocol: &'a Protocol,
    /// The method in the table.
    pub(crate) method: &'a str,
    /// Its folder within the protocol's.
    pub(crate) folder: String,
    pub(crate) strategy: &'a str,
    /// Settings, each layer over the ones before.
    layers: Vec<&'a toml::Table>,
    pub(crate) seeds: u64,
    /// Of one seed.
    pub(crate) minutes: f64,
    pub(crate) published: BTreeMap<Measure, Published>,
}

impl Protocol {
    /// The protocol of a built-in name, or of a TOML file.
    pub(crate) fn find(name: &str) -> Result<Self> {
        if !Path::new(name).extension().is_some_and(|extension| extension == "toml") {
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

    /// What TOML alone does not say.
    fn check(&self) -> Result<()> {
        name_of_folder(&self.name).map_err(|what| self.bad(what))?;
        if self.cells.is_empty() {
            return Err(self.bad("there is no [[cell]]"));
        }
        if self.published.runs == 0 {
            return Err(self.bad("published.runs = 0 cannot be: a number has at least one run"));
        }
        if self
            .quick
            .as_ref()
            .is_some_and(|quick| quick.tolerance.is_nan() || quick.tolerance < 0.0)
        {
            return Err(self.bad("quick.tolerance cannot be: it must be at least 0"));
        }
        let mut names: Vec<String> = Vec::new();
        for row in &self.cells {
            let of = |what: String| self.bad(format!("cell {}: {what}", row.method));
            name_of_folder(&row.method).map_err(of)?;
            if names.contains(&row.method) {
                return Err(self.bad(format!("cell {} is there twice", row.method)));
            }
            names.push(row.method.clone());
            if row.seeds.unwrap_or(self.seeds) == 0 {
                return Err(of("seeds = 0 cannot be: it must be at least 1".into()));
            }
            if !(row.minutes > 0.0 && row.minutes.is_finite()) {
                return Err(of("minutes must be a number above 0".into()));
            }
            let strategy = row.strategy();
            if Entry::find(strategy).is_none() {
                let problem = unknown("strategy", strategy, REGISTRY.iter().map(|e| e.name));
                return Err(Problem { hint: problem.hint, ..of(problem.message) });
            }
            for (measure, value) in row.values() {
                let of = |what: String| {
                    let measure = serde_json::to_value(measure).unwrap_or_default();
                    of(format!("{}: {what}", measure.as_str().unwrap_or_default()))
                };
                self.published(value).map_err(of)?;
            }
        }
        for choice in &self.choices {
            let of =
                |what: String| self.bad(format!("choice {} of {}: {what}", choice.name, choice.of));
            name_of_folder(&choice.name).map_err(of)?;
            if self.cells.iter().all(|row| row.method != choice.of) {
                return Err(of(format!("there is no cell `{}`", choice.of)));
            }
            if !(choice.minutes > 0.0 && choice.minutes.is_finite()) {
                return Err(of("minutes must be a number above 0".into()));
            }
            if names.contains(&choice.folder()) {
                return Err(of("it is there twice".into()));
            }
            names.push(choice.folder());
        }
        Ok(())
    }

    /// A value as verdicts take it; `None` where nothing is published.
    fn published(&self, value: &Value) -> std::result::Result<Option<Published>, String> {
        let Source { runs, plus_minus } = self.published;
        let Value { published, plus_minus: spread, tolerance, because } = value;
        let Some(value) = *published else {
            return match (spread, tolerance, because) {
                (None, None, None) => Ok(None),
                _ => Err("a tolerance or a ± needs the value `published`".into()),
            };
        };
        if !(-1.0..=1.0).contains(&value) {
            return Err(format!("published = {value} cannot be: a fraction is from -1 to 1"));
        }
        let (Some(tolerance), Some(because)) = (*tolerance, because.clone()) else {
            return Err("a published value needs its `tolerance` and, with `because`, where that \
                        comes from"
                .into());
        };
        if !(tolerance > 0.0 && tolerance <= 1.0) {
            return Err(format!("tolerance = {tolerance} cannot be: it is above 0 and at most 1"));
        }
        let se = match (*spread, plus_minus) {
            (None, _) => None,
            (Some(_), None) => {
                return Err("plus-minus needs published.plus-minus, which says what it is".into());
            }
            (Some(spread), Some(kind)) => {
                let fits = spread >= 0.0 && spread.is_finite();
                let se = kind.se(spread, runs).filter(|_| fits);
                let wrong = "plus-minus must be a number of at least 0, of at least 2 runs";
                Some(se.ok_or(wrong)?)
            }
        };
        Ok(Some(Published { value, se, tolerance, because }))
    }

    /// Settings of all methods, as they are written after `--set`.
    pub(crate) fn said(&self) -> Vec<String> {
        said(&[&self.settings])
    }

    /// A method to be run.
    pub(crate) fn cell<'a>(&'a self, row: &'a Row) -> Runnable<'a> {
        let seeds = row.seeds.unwrap_or(self.seeds);
        Runnable {
            protocol: self,
            method: &row.method,
            folder: row.method.clone(),
            strategy: row.strategy(),
            layers: vec![&self.settings, &row.settings],
            seeds,
            minutes: row.minutes / seeds as f64,
            published: row.claims(self),
        }
    }

    /// Its small form, one seed; `None` where the protocol has none.
    pub(crate) fn small<'a>(&'a self, row: &'a Row) -> Option<Runnable<'a>> {
        let mut cell = self.cell(row);
        cell.layers.push(&self.quick.as_ref()?.settings);
        // The minutes are those of the whole form: nothing says which of the small is longer.
        (cell.seeds, cell.minutes, cell.published) = (1, 1.0, BTreeMap::new());
        Some(cell)
    }

    /// How far the ACC of a small form may be from the recorded.
    pub(crate) fn quick_tolerance(&self) -> f64 {
        self.quick.as_ref().map_or(0.0, |quick| quick.tolerance)
    }

    /// A choice to be run.
    pub(crate) fn choice<'a>(&'a self, choice: &'a ChoiceRow) -> Option<Runnable<'a>> {
        let row = self.cells.iter().find(|row| row.method == choice.of)?;
        let mut cell = self.cell(row);
        cell.layers.push(&choice.settings);
        cell.folder = choice.folder();
        cell.minutes = choice.minutes / cell.seeds as f64;
        cell.published = BTreeMap::new();
        Some(cell)
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

impl Runnable<'_> {
    /// All settings, as they are written after `--set`.
    pub(crate) fn said(&self) -> Vec<String> {
        said(&self.layers)
    }

    /// The comparison of this one method, for so many seeds from 0.
    pub(crate) fn plan(&self, seeds: u64, data: Option<&Path>) -> Result<Plan> {
        let mut settings = Settings::default();
        let origin = format!("{}, {}: ", self.protocol.origin, self.folder);
        for table in &self.layers {
            settings.put_table(table, &origin).map_err(in_file)?;
        }
        let said = settings.choices.clone();
        let foreign = [
            ("strategies", said.strategies.is_some()),
            ("seeds", said.seeds.is_some() || said.seed.is_some()),
            ("data", said.data.is_some()),
            ("jobs", said.jobs.is_some()),
            ("threads", said.threads.is_some()),
            ("save-every", said.save_every.is_some()),
        ];
        if let Some((key, _)) = foreign.iter().find(|(_, said)| *said) {
            let message = format!("{origin}`{key}` is no setting of a protocol");
            return Err(Problem::new(Code::BadData, message, HINT));
        }
        settings.choices.strategies = Some(self.strategy.to_owned());
        settings.choices.data = data.map(Path::to_owned);
        Plan::of(&settings, Portion::default(), (0..seeds).collect()).map_err(|problem| {
            let message = format!("{origin}{}", problem.message);
            in_file(Problem { message, ..problem })
        })
    }
}

/// What is wrong in a file is no usage of the command line.
fn in_file(problem: Problem) -> Problem {
    match problem.code {
        Code::Usage => Problem { code: Code::BadData, ..problem },
        _ => problem,
    }
}

/// Where the form of the file is told.
const HINT: &str = "protocols/README.md says what a protocol's file holds";

/// Layers of settings as they are written after `--set`, the later over the earlier.
fn said(layers: &[&toml::Table]) -> Vec<String> {
    let all: BTreeMap<String, String> = layers.iter().flat_map(|table| keys(table)).collect();
    all.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Refuses what would be no plain name of a folder.
fn name_of_folder(name: &str) -> std::result::Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !name.is_empty() && !name.starts_with('.') && name.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("`{name}` is no name; use letters, digits, -, _ and .")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
