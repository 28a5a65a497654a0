//! `perennial teach`.

use perennial::learner::Training;
use perennial::store::{Gate, Judgement, Learner, Manifest, Taught, Teaching};
use serde_json::{Value, json};

use super::args::Teach;
use super::watch::{Show, signals};
use super::{by_task, change, counted, number, source};
use crate::error::{Code, Problem, Result};
use crate::output;
use crate::plan::value;

/// Teaches a task, or drops the half-done one.
pub(crate) fn run(args: &Teach) -> Result<u8> {
    let mut learner = Learner::open(&args.learner)?;
    let (Some(data), Some(task)) = (&args.data, &args.task) else {
        return abort(&mut learner, args.json);
    };
    let lesson = source::lesson(data, task, &args.classes, &args.reading, args.test.as_deref())?;
    let usual = Training::default();
    let how = Teaching {
        training: Training {
            epochs: args.epochs.unwrap_or(usual.epochs),
            batch: args.batch.unwrap_or(usual.batch),
            remainder: args.remainder.unwrap_or(usual.remainder),
            lr: args.lr.unwrap_or(usual.lr),
            ..usual
        },
        validation: args.validation,
        gate: Gate { max_drop: args.max_drop, floor: args.floor, confident: args.confident },
        again: args.again,
        save_every: args.save_every,
    };
    for dropped in &lesson.dropped {
        output::note(&format!("left out {dropped}"));
    }
    if let Some(known) = learner.knows_as_another(&lesson)? {
        output::note(&format!(
            "version {} was taught the same data as `{}`",
            known.id,
            known.task().unwrap_or_default()
        ));
    }
    let (signals, stop) = signals()?;
    let mut show = Show::new(task, args.quiet || args.json);
    let taught = learner.teach(&lesson, &how, &mut show, &stop);
    show.end();
    match taught? {
        Taught::Committed { version, judgement } => {
            let samples = [&lesson.train, &lesson.test].map(|part| part.len() as u64);
            let words = format!(
                "version {} is the learner now; it was taught `{}` by {}, and is judged by {} of it",
                version.id,
                version.task().unwrap_or(task),
                counted(samples[0], "sample"),
                samples[1]
            );
            tell(&version, &judgement, &words, true, args.json)?;
            Ok(0)
        }
        Taught::Refused { version, judgement } => {
            let words = format!(
                "refused: {}; the learner is as it was. Version {} is what was taught: \
                 `perennial promote {} {} --why TEXT` uses it all the same",
                judgement.reasons.join("; "),
                version.id,
                args.learner.display(),
                version.id
            );
            tell(&version, &judgement, &words, false, args.json)?;
            Ok(1)
        }
        Taught::Already { version } => {
            if args.json {
                output::document(&json!({
                    "schema": "perennial.teach/1", "version": version, "task": task,
                    "committed": false, "already": true,
                }))?;
            } else {
                output::answer(&format!(
                    "version {version} was taught `{task}` by these data and settings: nothing to \
                     do; --again teaches it once more\n"
                ))?;
            }
            Ok(0)
        }
        Taught::Stopped => Err(stopped(signals.received())),
    }
}

fn stopped(signal: Option<Problem>) -> Problem {
    let signal = signal.unwrap_or_else(|| Problem::new(Code::Interrupted, "stopped", ""));
    Problem { hint: "the same command goes on from where it was".into(), ..signal }
}

fn abort(learner: &mut Learner, json: bool) -> Result<u8> {
    let dropped = learner.abort()?;
    if json {
        output::document(&json!({ "schema": "perennial.abort/1", "dropped": dropped }))?;
    } else {
        output::answer(&match dropped {
            Some(task) => format!("the half-done task `{task}` is dropped\n"),
            None => "no task is half done\n".into(),
        })?;
    }
    Ok(0)
}

fn tell(
    version: &Manifest,
    judgement: &Judgement,
    words: &str,
    committed: bool,
    json: bool,
) -> Result<()> {
    if json {
        return output::document(&document(version, judgement, committed));
    }
    output::answer(&format!("{}{}", table(judgement), output::wrapped(words, output::width(), 0)))
}

fn document(version: &Manifest, judgement: &Judgement, committed: bool) -> Value {
    let accuracy: Vec<(String, f64)> =
        judgement.tasks.iter().map(|judged| (judged.task.clone(), judged.after)).collect();
    json!({
        "schema": "perennial.teach/1",
        "version": version.id,
        "task": version.task(),
        "committed": committed,
        "already": false,
        "state_digest": version.state_digest,
        "accuracy": by_task(&accuracy),
        "gate": version.gate.as_ref().map(value),
        "tasks": judgement.tasks.iter().map(value).collect::<Vec<Value>>(),
        "mean": judgement.mean.as_ref().map(value),
        "reasons": judgement.reasons,
    })
}

/// What became of every task.
fn table(judgement: &Judgement) -> String {
    let head = ["task", "before", "after", "change", "broke", "mended", "p"].map(String::from);
    let mut rows = vec![head];
    for judged in &judgement.tasks {
        let before = judged.before.map_or_else(String::new, number);
        let change = judged.before.map_or_else(String::new, |before| change(before, judged.after));
        let count =
            |count: u64| if judged.before.is_some() { count.to_string() } else { String::new() };
        rows.push([
            judged.task.clone(),
            before,
            number(judged.after),
            change,
            count(judged.broke),
            count(judged.mended),
            judged.p.map_or_else(String::new, |p| format!("{p:.3}")),
        ]);
    }
    if let Some(mean) = &judgement.mean {
        let change = format!("{:+.4}", -mean.fall);
        let none = String::new;
        let p = format!("{:.3}", mean.p);
        rows.push(["mean of the older".into(), none(), none(), change, none(), none(), p]);
    }
    output::columns(&rows, output::width())
}
