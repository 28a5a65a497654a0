//! `perennial history`.

use perennial::store::{History, Judgement, Learner, Made, Manifest};
use serde_json::{Value, json};

use super::args::OfLearner;
use super::{by_task, judgement, number};
use crate::error::Result;
use crate::output;
use crate::plan::value;

/// Shows all versions.
pub(crate) fn run(args: &OfLearner) -> Result<u8> {
    let learner = Learner::open(&args.learner)?;
    let history = learner.history()?;
    let half_done = learner.half_done()?.map(|plan| plan.task);
    if args.json {
        let versions = history.versions.iter().map(|manifest| version(&learner, manifest));
        let versions: Vec<Option<Value>> = versions.collect::<Result<_>>()?;
        output::document(&json!({
            "schema": "perennial.history/1",
            "head": history.head,
            "versions": versions.into_iter().flatten().collect::<Vec<Value>>(),
            "judged": history.judged,
            "tags": history.tags,
            "half_done": half_done,
        }))?;
        return Ok(0);
    }
    let mut rows = vec![["", "version", "from", "mean", "gate", "what"].map(String::from)];
    rows.extend(history.versions.iter().map(|manifest| row(&learner, &history, manifest)));
    let mut text = output::columns(&rows, output::width());
    if let Some((task, times)) = history.judged.iter().max_by_key(|(_, times)| **times) {
        let words = format!(
            "the test part that has judged most often is that of `{task}`, {times} times. The more \
             often a test part has judged, the less one more pass tells."
        );
        text += &output::wrapped(&words, output::width(), 0);
    }
    if let Some(task) = half_done {
        text +=
            &format!("`{task}` is half done: teach it again to go on, or drop it with --abort\n");
    }
    output::answer(&text)?;
    Ok(0)
}

/// A version with its accuracies; `None` when it was collected as garbage meanwhile.
fn version(learner: &Learner, manifest: &Manifest) -> Result<Option<Value>> {
    let Some(accuracy) = learner.accuracies(manifest)? else { return Ok(None) };
    let refusal = refusal(learner, manifest)?;
    Ok(Some(json!({
        "id": manifest.id,
        "parent": manifest.parent,
        "task": manifest.task(),
        "made": value(&manifest.made),
        "written": manifest.written,
        "program": manifest.program,
        "settings": value(&manifest.settings),
        "state_digest": manifest.state_digest,
        "accuracy": by_task(&accuracy),
        "mean": manifest.accuracy,
        "gate": manifest.gate.as_ref().map(judgement::verdict),
        "refused": manifest.refused(),
        "reasons": refusal.map(|judgement| judgement.reasons).unwrap_or_default(),
    })))
}

/// What the gate found of a version that it refused; of others nothing is read.
fn refusal(learner: &Learner, manifest: &Manifest) -> Result<Option<Judgement>> {
    match manifest.refused() {
        true => Ok(learner.judgement(manifest)?),
        false => Ok(None),
    }
}

fn row(learner: &Learner, history: &History, manifest: &Manifest) -> [String; 6] {
    let tags = history.tags.iter().filter(|(_, version)| **version == manifest.id);
    let tags: String = tags.map(|(name, _)| format!(" [{name}]")).collect();
    let gate = match &manifest.gate {
        Some(_) if manifest.refused() => "refused",
        Some(_) if matches!(manifest.made, Made::Promoted { .. }) => "promoted",
        Some(gate) if gate.judged > 0 => "passed",
        _ => "",
    };
    // The list of versions is the way out of damage, so damage of one reason does not end it.
    let why = match refusal(learner, manifest) {
        Ok(Some(judgement)) => format!("; {}", judgement::short(&judgement)),
        Ok(None) => String::new(),
        Err(problem) => format!("; why it was refused cannot be read: {}", problem.message),
    };
    [
        if manifest.id == history.head { "→".into() } else { String::new() },
        manifest.id.to_string(),
        manifest.parent.map_or_else(String::new, |parent| parent.to_string()),
        manifest.accuracy.map_or_else(String::new, number),
        gate.into(),
        format!("{}{why}{tags}", made(manifest)),
    ]
}

/// How a version was made, in words.
fn made(manifest: &Manifest) -> String {
    match &manifest.made {
        Made::Init => "made".into(),
        Made::Imported => "imported".into(),
        Made::Taught { plan, source } => {
            format!("taught `{}` by {} samples of {}", plan.task, source.train, source.from)
        }
        Made::Promoted { version, why } => format!("promoted version {version}: {why}"),
        Made::Forgot { task, sample } => format!("forgot sample {sample} of `{task}`"),
    }
}
