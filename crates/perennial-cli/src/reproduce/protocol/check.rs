//! What a protocol's file may hold, as far as TOML alone does not say it.

use perennial::strategies::{Entry, REGISTRY};
use perennial_report::reproduction::Published;

use super::{Protocol, Source, Value};
use crate::error::{Problem, Result, unknown};

impl Protocol {
    /// What TOML alone does not say.
    pub(super) fn check(&self) -> Result<()> {
        name_of_folder(&self.name).map_err(|what| self.bad(what))?;
        if self.cells.is_empty() {
            return Err(self.bad("there is no [[cell]]"));
        }
        if self.published.runs == 0 {
            return Err(self.bad("published.runs = 0 cannot be: a number has at least one run"));
        }
        let tolerance = self.quick_tolerance();
        if tolerance.is_nan() || tolerance < 0.0 {
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
            if row.chosen_here.as_ref().is_some_and(|why| why.trim().is_empty()) {
                return Err(of(
                    "chosen-here is empty: say which setting was chosen, and how".into()
                ));
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
    pub(super) fn published(
        &self,
        value: &Value,
    ) -> std::result::Result<Option<Published>, String> {
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
}

/// Refuses what would be no plain name of a folder.
fn name_of_folder(name: &str) -> std::result::Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !name.is_empty() && !name.starts_with('.') && name.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("`{name}` is no name; use letters, digits, -, _ and .")),
    }
}
