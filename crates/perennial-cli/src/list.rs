//! `perennial list`: what there is to choose from.

use perennial::learner::NormSettings;
use perennial::strategies::{Entry, REGISTRY};
use perennial::strategy::Keeps;
use serde_json::{Value, json};

use crate::args::{List, Listed};
use crate::error::Result;
use crate::reproduce::Protocol;
use crate::settings::defaults;
use crate::{output, stream};

/// Prints names with what they mean.
pub(crate) fn run(args: &List) -> Result<u8> {
    let wants = |listed| args.what.is_none_or(|what| what == listed);
    if args.json {
        let mut document = json!({ "schema": "perennial.list/1" });
        if wants(Listed::Strategies) {
            let strategies: Result<Vec<Value>> = REGISTRY.iter().map(strategy).collect();
            document["strategies"] = strategies?.into();
        }
        if wants(Listed::Benchmarks) {
            document["benchmarks"] = named(&stream::benchmarks());
            document["benchmark_settings"] = keyed(&stream::benchmark_settings());
            document["optimizer_settings"] = keyed(&optimizer_settings());
        }
        if wants(Listed::Networks) {
            document["networks"] = named(&stream::networks());
            document["network_settings"] = keyed(&norm_settings());
        }
        if wants(Listed::Protocols) {
            document["protocols"] = Protocol::embedded()?.iter().map(protocol).collect();
        }
        output::document(&document)?;
        return Ok(0);
    }
    let width = output::width();
    let mut parts = Vec::new();
    if wants(Listed::Strategies) {
        parts.push(format!("strategies\n{}", output::columns(&strategies()?, width)));
    }
    if wants(Listed::Benchmarks) {
        parts.push(format!("benchmarks\n{}", rows(&stream::benchmarks(), width)));
        let settings = key_rows(&stream::benchmark_settings(), width);
        parts.push(format!("settings of benchmarks, by --set KEY=VALUE\n{settings}"));
        let settings = key_rows(&optimizer_settings(), width);
        parts.push(format!("settings of the optimizer, by --set KEY=VALUE\n{settings}"));
    }
    if wants(Listed::Networks) {
        parts.push(format!("networks\n{}", rows(&stream::networks(), width)));
        let settings = key_rows(&norm_settings(), width);
        parts.push(format!("settings of batch normalisation, by --set KEY=VALUE\n{settings}"));
    }
    if wants(Listed::Protocols) {
        let row = |p: &Protocol| (p.name.clone(), format!("{} {}.", p.about, cost(p)));
        let protocols: Vec<_> = Protocol::embedded()?.iter().map(row).collect();
        let rows = rows(&protocols, width);
        parts.push(format!("protocols, by `perennial reproduce NAME`\n{rows}"));
    }
    output::answer(&parts.join("\n"))?;
    Ok(0)
}

/// `7 methods, about 40 min on 2 cores`.
fn cost(protocol: &Protocol) -> String {
    let minutes = protocol.minutes();
    let time = match minutes {
        ..1.0 => "under a minute".to_owned(),
        1.0..90.0 => format!("about {minutes:.0} min"),
        _ => format!("about {:.0} h", minutes / 60.0),
    };
    format!("{} methods, {time} on 2 cores", protocol.cells.len())
}

fn protocol(protocol: &Protocol) -> Value {
    let methods: Vec<&str> = protocol.cells.iter().map(|row| row.method.as_str()).collect();
    json!({
        "name": protocol.name,
        "version": protocol.version,
        "about": protocol.about,
        "paper": protocol.paper,
        "table": protocol.table,
        "link": protocol.link,
        "methods": methods,
        "minutes": protocol.minutes(),
    })
}

fn named(list: &[(String, String)]) -> Value {
    list.iter().map(|(name, what)| json!({ "name": name, "what": what })).collect()
}

/// Settings as JSON: key, default, meaning.
fn keyed(settings: &[[String; 3]]) -> Value {
    let setting = |[key, default, what]: &[String; 3]| json!({ "key": key, "default": default, "what": what });
    settings.iter().map(setting).collect()
}

fn key_rows(settings: &[[String; 3]], width: usize) -> String {
    let row = |[key, default, what]: &[String; 3]| {
        [format!("  {key}"), format!("{what} [default: {default}]")]
    };
    output::columns(&settings.iter().map(row).collect::<Vec<_>>(), width)
}

/// The settings of the optimizer that have no flag: key, default, meaning.
fn optimizer_settings() -> Vec<[String; 3]> {
    const MEANINGS: &[(&str, &str)] = &[
        ("momentum", "sgd: the share of the last move in the next; 0 is plain SGD"),
        ("weight-decay", "this share of every weight is added to its gradient"),
        ("beta1", "adam: the share of the old in the mean of gradients"),
        ("beta2", "adam: the share of the old in the mean of squared gradients"),
        ("epsilon", "adam: what keeps the denominator from 0"),
        ("keep", "how long momentum and means are kept: `task` or `run`"),
    ];
    let defaults = crate::plan::value(&perennial::OptimizerSettings::default());
    let said = MEANINGS.iter().map(|&(key, what)| (key, stream::written(&defaults[key]), what));
    said.map(|(key, default, what)| [format!("optimizer.{key}"), default, what.into()]).collect()
}

/// The settings of batch normalisation: key, default, meaning.
fn norm_settings() -> Vec<[String; 3]> {
    let defaults = crate::plan::value(&NormSettings::default());
    let what = "running statistics: `running` (one set, which every task moves), `task` (a set for each \
                task, with --setting task), or `fixed-after-first` (those of the first task)";
    vec![["norm.statistics".into(), stream::written(&defaults["statistics"]), what.into()]]
}

fn rows(list: &[(String, String)], width: usize) -> String {
    let rows: Vec<[String; 2]> =
        list.iter().map(|(name, what)| [format!("  {name}"), what.clone()]).collect();
    output::columns(&rows, width)
}

/// A strategy and below it its settings.
fn strategies() -> Result<Vec<[String; 2]>> {
    let mut rows = Vec::new();
    for entry in REGISTRY {
        let (card, defaults) = (entry.card()?, defaults(entry)?);
        rows.push([format!("  {}", entry.name), format!("{}. {}", card.title, card.does)]);
        for (key, help) in entry.settings {
            let default = text(&defaults[*key]);
            rows.push([
                format!("    {}.{key}", entry.name),
                format!("{help} [default: {default}]"),
            ]);
        }
    }
    Ok(rows)
}

fn strategy(entry: &Entry) -> Result<Value> {
    let (card, defaults) = (entry.card()?, defaults(entry)?);
    let setting = |(key, help): &(&str, &str)| json!({ "key": format!("{}.{key}", entry.name), "default": defaults[*key], "what": help });
    Ok(json!({
        "name": entry.name,
        "title": card.title,
        "paper": card.paper,
        "does": card.does,
        "formula": card.formula,
        "keeps": keeps(card.keeps),
        "isolation": card.isolation,
        "needs_borders": card.needs_borders,
        "settings": entry.settings.iter().map(setting).collect::<Vec<_>>(),
    }))
}

/// What a strategy keeps between tasks, in words.
pub(crate) fn keeps(keeps: Keeps) -> String {
    let vectors = |n: usize| match n {
        1 => "1 vector of the network's length".to_owned(),
        n => format!("{n} vectors of the network's length"),
    };
    match keeps {
        Keeps::Nothing => "nothing".into(),
        Keeps::Vectors(n) => vectors(n),
        Keeps::VectorsPerTask(n) => format!("{} for each task", vectors(n)),
        Keeps::Samples { most, vectors: 0 } => most.words(),
        Keeps::Samples { most, vectors: n } => format!("{} and {}", most.words(), vectors(n)),
        Keeps::SamplesPerTask { most } => format!("{} for each task", most.words()),
        Keeps::Owners { picks, .. } => {
            let picks =
                if picks { ", and for each task which older ones it picked, a bit" } else { "" };
            format!("the owner of each weight, ⌈log₂(tasks + 1)⌉ bits{picks}")
        }
        Keeps::AllData => "all data of all tasks".into(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
