//! `perennial data`: image sets, where they lie and how they come.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use perennial_data::fetch::{self, Progress};
use perennial_data::{DataError, NAMES, cache_dir};
use serde_json::{Value, json};

use crate::args::{Data, DataCommand};
use crate::error::{Code, Problem, Result};
use crate::output;

/// Fetches or lists.
pub(crate) fn run(args: &Data) -> Result<u8> {
    match &args.command {
        DataCommand::Fetch { names, data, json } => {
            fetch_all(names, folder(data).as_deref(), *json)
        }
        DataCommand::List { data, json } => list(folder(data).as_deref(), *json),
    }
}

/// The folder that is said, by flag or environment.
fn folder(said: &Option<PathBuf>) -> Option<PathBuf> {
    let environment = || std::env::var_os("PERENNIAL_DATA").filter(|value| !value.is_empty());
    said.clone().or_else(|| environment().map(PathBuf::from))
}

fn fetch_all(names: &[String], folder: Option<&Path>, json: bool) -> Result<u8> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => cache_dir().ok_or(DataError::NoCache)?,
    };
    let mut fetched: Vec<Value> = Vec::new();
    for name in names {
        let path = fetch::fetch(name, &folder, &mut Bar::default())?;
        if !json {
            output::answer(&format!("{name}: {}\n", path.display()))?;
        }
        fetched.push(json!({ "name": name, "path": path }));
    }
    if json {
        output::document(&json!({ "schema": "perennial.data/1", "sets": fetched }))?;
    }
    Ok(0)
}

fn list(folder: Option<&Path>, json: bool) -> Result<u8> {
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let message = format!("{} is no folder", folder.display());
        let hint = "name the folder that holds the image sets with --data DIR or PERENNIAL_DATA";
        return Err(Problem::new(Code::InputMissing, message, hint));
    }
    let sets: Vec<(&str, std::result::Result<String, Problem>)> = NAMES
        .iter()
        .map(|&name| {
            let found = perennial_data::load(name, folder).map(|set| {
                let [channels, height, width] = set.shape;
                let colour = if channels == 1 { "grey" } else { "colour" };
                format!(
                    "{} classes, {} to learn from and {} to be judged by, {height}×{width} {colour}",
                    set.classes.len(),
                    set.train.len(),
                    set.test.len()
                )
            });
            (name, found.map_err(Problem::from))
        })
        .collect();
    if json {
        let set = |(name, found): &(&str, std::result::Result<String, Problem>)| match found {
            Ok(what) => json!({ "name": name, "there": true, "what": what }),
            Err(problem) => json!({ "name": name, "there": false, "what": problem.message }),
        };
        let sets: Vec<Value> = sets.iter().map(set).collect();
        output::document(&json!({ "schema": "perennial.data/1", "sets": sets }))?;
        return Ok(0);
    }
    let rows: Vec<[String; 2]> = sets
        .into_iter()
        .map(|(name, found)| {
            let text = found.unwrap_or_else(|problem| format!("not there: {}", problem.message));
            [name.to_owned(), text]
        })
        .collect();
    output::answer(&output::columns(&rows, output::width()))?;
    Ok(0)
}

/// A download on the terminal, or a line every few seconds.
#[derive(Default)]
struct Bar {
    bar: Option<ProgressBar>,
    file: String,
    total: u64,
    said: Option<Instant>,
}

impl Progress for Bar {
    fn start(&mut self, file: &str, done: u64, total: u64) {
        (self.file, self.total, self.said) = (file.to_owned(), total, None);
        if console::user_attended_stderr() {
            let template = "{prefix} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {eta} left";
            let style = ProgressStyle::with_template(template);
            let bar = ProgressBar::new(total).with_prefix(file.to_owned()).with_position(done);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.reset_eta();
            self.bar = Some(bar);
        }
    }

    fn advance(&mut self, done: u64) {
        const PERIOD: Duration = Duration::from_secs(5);
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.said.is_none_or(|said| said.elapsed() >= PERIOD) {
            self.said = Some(Instant::now());
            output::note(&format!("{}: {done} of {} bytes", self.file, self.total));
        }
    }

    fn finish(&mut self) {
        match self.bar.take() {
            Some(bar) => bar.finish(),
            None => output::note(&format!("{}: whole and checked", self.file)),
        }
    }
}
