//! `perennial teach`.

use perennial::learner::Training;
use perennial::store::{Gate, Judgement, Learner, Made, Manifest, Plan, Taught, Teaching};
use serde_json::{Value, json};

use super::args::Teach;
use super::watch::{Show, signals};
use super::{by_task, counted, judgement, source};
use crate::error::{Code, Problem, Result};
use crate::output;
use crate::plan::value;

/// Teaches a task, or drops the half-done one.
pub(crate) fn run(args: &Teach) -> Result<u8> {
    let mut learner = Learner::open(&args.learner)?;
    let (Some(data), Some(task)) = (&args.data, &args.task) else {
        return abort(&mut learner, args.json);
    };
    // What needs no data is checked before data are read, which may take long.
    asked(args, Training::default(), None).check(task)?;
    let lesson = source::lesson(&learner, data, task, args)?;
    let how = teaching(&learner, args, task, lesson.train.len())?;
    let remarks = learner.remarks(&lesson, &how)?;
    remarks.iter().for_each(|remark| output::note(remark));
    let (signals, stop) = signals()?;
    let mut show = Show::new(task, args.quiet || args.json);
    let taught = learner.teach(&lesson, &how, &mut show, &stop);
    show.end();
    match taught? {
        Taught::Committed { version, judgement } => {
            let learnt_from = lesson.train.len() - rows_apart(&version);
            let samples = [learnt_from, lesson.test.len()].map(|rows| rows as u64);
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
            let mut words = format!(
                "refused: {}; the learner is as it was. Version {} is what was taught: \
                 `perennial promote {} {} --why TEXT` uses it all the same",
                judgement::reasons(&judgement),
                version.id,
                args.learner.display(),
                version.id
            );
            for hint in &judgement.hints {
                words += &format!("\nhint: {hint}");
            }
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

/// How the task is taught. A setting that is not given is that of the plan by which the task is half
/// done or was taught, so that the same call goes on or finds nothing to do; else it is the usual one.
fn teaching(learner: &Learner, args: &Teach, task: &str, rows: usize) -> Result<Teaching> {
    let plan = learner.plan_of(task, args.again)?;
    let batch = args.batch.or(plan.as_ref().map(|plan| plan.batch));
    let made = learner.settings()?;
    let own_passes = made.makes_own_passes();
    if own_passes && args.epochs.is_some() {
        return Err(Problem::usage(
            format!(
                "--epochs would change nothing: {} makes passes of its own over its memory",
                made.strategy
            ),
            format!("leave it out; a learner made with --set {}.passes=P makes P", made.strategy),
        ));
    }
    let mut usual = made.usual_training(rows, batch);
    if let Some(Plan { task, epochs, batch, remainder, lr, .. }) = &plan {
        usual = Training { epochs: *epochs, remainder: *remainder, lr: *lr, ..usual };
        let done = if learner.half_done()? == plan { "begun" } else { "taught" };
        output::note(&format!(
            "`{task}` was {done} before, with --epochs {epochs} --batch {batch} --remainder \
             {remainder} --lr {lr}: a setting that is not given stays as it was"
        ));
    } else if args.epochs.is_none() && usual.epochs > 1 && !own_passes {
        output::note(&format!(
            "{} passes over the training samples (--epochs decides)",
            usual.epochs
        ));
    }
    Ok(asked(args, usual, plan.as_ref()))
}

/// How the task is taught: as the command line says, else as the plan and the usual training do.
fn asked(args: &Teach, usual: Training, plan: Option<&Plan>) -> Teaching {
    Teaching {
        training: Training {
            epochs: args.epochs.unwrap_or(usual.epochs),
            batch: args.batch.unwrap_or(usual.batch),
            remainder: args.remainder.unwrap_or(usual.remainder),
            lr: args.lr.unwrap_or(usual.lr),
            ..usual
        },
        validation: args.validation.or(plan.map(|plan| plan.validation)),
        gate: Gate {
            max_drop: args.max_drop,
            floor: args.floor,
            confident: args.confident,
            strict: args.strict,
            max_class_drop: args.max_class_drop,
        },
        rescale: args.rescale || plan.is_some_and(|plan| plan.rescale),
        again: args.again,
        save_every: args.save_every,
    }
}

/// How many training rows of a taught version were set apart to choose by.
fn rows_apart(version: &Manifest) -> usize {
    match &version.made {
        Made::Taught { plan, source } => plan.rows_apart(source.train),
        _ => 0,
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
    let lines = words.lines().map(|line| output::wrapped(line, output::width(), 0));
    let table = judgement::table(judgement, version.gate.as_ref());
    output::answer(&(table + &lines.collect::<String>()))
}

fn document(version: &Manifest, judgement: &Judgement, committed: bool) -> Value {
    let understanding = match &version.made {
        Made::Taught { source, .. } => source.understanding.as_ref().map(value),
        _ => None,
    };
    let accuracy: Vec<(String, f64)> =
        judgement.tasks.iter().map(|judged| (judged.task.clone(), judged.after)).collect();
    json!({
        "schema": "perennial.teach/1",
        "version": version.id,
        "task": version.task(),
        "committed": committed,
        "already": false,
        "state_digest": version.state_digest,
        "set_apart": rows_apart(version),
        "accuracy": by_task(&accuracy),
        "gate": version.gate.as_ref().map(judgement::verdict),
        "tasks": judgement.tasks.iter().map(value).collect::<Vec<Value>>(),
        "mean": judgement.mean.as_ref().map(value),
        "classes": judgement::classes_document(judgement),
        "reasons": judgement.reasons,
        "hints": judgement.hints,
        "notes": judgement.notes,
        "data": understanding,
    })
}
