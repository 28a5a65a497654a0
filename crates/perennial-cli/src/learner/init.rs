//! `perennial init`.

use perennial::scenario::Setting;
use perennial::store::{Learner, Settings as Made};
use perennial::strategies::{Entry, REGISTRY};
use perennial::strategy::{Card, Isolation, Keeps};
use perennial::{OptimizerKind, OptimizerSettings};
use serde_json::json;

use super::args::Init;
use crate::args::Rule;
use crate::error::{Problem, Result, unknown};
use crate::output;
use crate::settings::Settings;

/// Whether a method holds nothing that tells old classes from new ones in one head.
fn forgets_classes(card: &Card) -> bool {
    let keeps_samples =
        matches!(card.keeps, Keeps::Samples { .. } | Keeps::SamplesPerTask { .. } | Keeps::AllData);
    card.isolation == Isolation::Shared && !keeps_samples
}

/// Makes a learner.
pub(crate) fn run(args: &Init) -> Result<u8> {
    let names = REGISTRY.iter().map(|entry| entry.name);
    let entry = Entry::find(&args.strategy);
    let entry = entry.ok_or_else(|| unknown("strategy", &args.strategy, names))?;
    let settings = Settings::from_set(&args.set)?;
    let parts = [entry.name, "optimizer", "norm"];
    if let Some(group) = settings.set_groups().find(|group| !parts.contains(group)) {
        return Err(Problem::usage(
            format!("--set {group}.… would change nothing, for {group} takes no part here"),
            format!("settings can be those of {}", parts.join(", ")),
        ));
    }
    if let Some(key) = settings.set_choices().next() {
        return Err(Problem::usage(
            format!("--set {key}=… would change nothing here"),
            format!(
                "--set takes settings of {}; what a learner is, and how a task is taught, are options \
                 of `init` and of `teach`",
                parts.join(", ")
            ),
        ));
    }
    let optimizer: OptimizerSettings = settings.shared("optimizer")?;
    let kind = match args.optimizer {
        Rule::Adam => OptimizerKind::Adam,
        Rule::Sgd => OptimizerKind::Sgd,
    };
    let made = Made {
        network: args.network.clone(),
        strategy: args.strategy.clone(),
        strategy_settings: settings.group(entry.name),
        setting: args.setting,
        seed: args.seed,
        optimizer: OptimizerSettings { kind, ..optimizer },
        norm: settings.shared("norm")?,
    };
    let learner = Learner::create(&args.learner, &made)?;
    let made = learner.settings()?;
    if made.setting == Some(Setting::Class) && forgets_classes(&entry.card()?) {
        output::note(&format!(
            "{} will forget: it keeps no samples, and nothing else tells the classes of one task from \
             those of another; --strategy er or derpp keeps some, --setting task has a head for each \
             task",
            made.strategy
        ));
    }
    if args.json {
        output::document(&json!({ "schema": "perennial.init/1", "version": 0, "settings": made }))?;
    } else {
        let setting = made.setting.map_or_else(String::new, |setting| setting.to_string());
        output::answer(&format!(
            "{} is a learner: {} by {}, setting {setting}, seed {}; nothing is taught yet\n",
            args.learner.display(),
            made.network,
            made.strategy,
            made.seed
        ))?;
    }
    Ok(0)
}
