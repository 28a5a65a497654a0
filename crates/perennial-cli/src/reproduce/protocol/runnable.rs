//! What can be run of a protocol, as a comparison of one method.

use std::collections::BTreeMap;
use std::path::Path;

use perennial_report::reproduction::{Measure, Published};

use super::{ChoiceRow, HINT, Protocol, Row, said};
use crate::error::{Code, Problem, Result};
use crate::plan::Plan;
use crate::settings::Settings;
use crate::stream::Portion;

/// What can be run of a protocol: a method, its small form, or a choice.
pub(crate) struct Runnable<'a> {
    pub(crate) protocol: &'a Protocol,
    /// The method in the table.
    pub(crate) method: &'a str,
    /// Its folder within the protocol's.
    pub(crate) folder: String,
    pub(crate) strategy: &'a str,
    /// Settings, each layer over the ones before.
    pub(super) layers: Vec<&'a toml::Table>,
    pub(crate) seeds: u64,
    /// Of one seed.
    pub(crate) minutes: f64,
    pub(crate) published: BTreeMap<Measure, Published>,
}

impl Protocol {
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
