//! The worker process: one cell, from where it was to its end.

use std::io::{self, BufRead as _, Write as _};
use std::time::{Duration, Instant};

use perennial::learner::{Confidence, Core, Ended, Learner, Stop, Training};
use perennial::metrics::{IncrementalMean, LearningCurves};
use perennial::scenario::{Part, Setting, Stream, Task};
use perennial::state::Lock;
use perennial::strategies::Entry;
use perennial::strategy::{Isolation, Keeps, WithinTask};
use perennial_report::document::{Figures, Inferred, KeptBytes, Run, WithinTasks};

use crate::cell::{Cell, Keeper};
use crate::error::{Code, Problem, REPORT_IT, Result};
use crate::message::{At, Job, STOP, Told};
use crate::stream;
use crate::threads;

/// How long a worker waits for the one before it, whose parent died, to end.
const PREDECESSOR: Duration = Duration::from_secs(10);
/// How long a worker may take to stop before it ends at once. Nothing is lost by that: what was
/// saved before stays.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the one cell that standard in names and tells on standard out how it goes.
pub(crate) fn run() -> u8 {
    let told = match work() {
        Ok(told) => told,
        Err(problem) => Told::Failed(problem),
    };
    let code = match &told {
        Told::Failed(problem) => problem.code.exit(),
        _ => 0,
    };
    tell(&told);
    code
}

/// Says a line to the parent. If there is none any more, nobody is there to be told.
fn tell(told: &Told) {
    let mut out = io::stdout().lock();
    let said = serde_json::to_writer(&mut out, told).map_err(io::Error::from);
    let _ = said.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

fn work() -> Result<Told> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(Problem::io("read", "standard in".as_ref()))?;
    let job: Job = serde_json::from_str(&line).map_err(|error| {
        let hint = "workers are started by `perennial compare`, not by hand";
        Problem::usage(format!("standard in holds no job: {error}"), hint)
    })?;
    threads::join()?;
    let stop = Stop::default();
    listen(stop.clone());
    let cell = Cell::new(job.folder.clone());
    let _lock = Lock::take(&job.folder, PREDECESSOR)?;
    if cell.result()?.is_some() {
        return Ok(Told::Done); // by the worker before this one
    }
    let network_of = |shape| perennial::network::parse(&job.plan.network, shape);
    let chosen = &job.cell.strategy;
    let entry = Entry::find(&chosen.name)
        .ok_or_else(|| Problem::usage(format!("there is no strategy `{}`", chosen.name), ""))?;
    let strategy = entry.create_saved(&chosen.settings)?;
    let source = job.plan.source.of(&strategy.card());
    let loaded = source.load(job.data.as_deref())?;
    let stream = source.stream(&loaded, job.cell.seed)?;
    let network = network_of(stream.shape)?;
    let (length, mut learner) = match cell.resume(network.clone())? {
        Some(resumed) => resumed,
        None => {
            let (training, setting) = (job.plan.training.clone(), job.plan.setting);
            let seed = job.cell.seed;
            (0, Learner::new(network, strategy, training, setting, &stream, seed)?)
        }
    };
    if job.profile {
        learner.profile();
    }
    let mut show = |at: At| tell(&Told::Progress(at));
    let mut keeper = Keeper::new(cell.clone(), length, job.save_every, stop.clone(), &mut show)?;
    let ended = learner.run(&stream, &mut keeper, &stop)?;
    match ended {
        Ended::Stopped => Ok(Told::Stopped),
        Ended::Finished => {
            keeper.flush()?;
            cell.finish(&result(&job, &learner, &stream)?)?;
            Ok(Told::Done)
        }
    }
}

/// Raises `stop` when the parent asks for it, or is gone; in time the process ends either way.
fn listen(stop: Stop) {
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            match line {
                Ok(line) if line.trim() != STOP => {}
                _ => break,
            }
        }
        stop.ask();
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(50));
        }
        tell(&Told::Stopped);
        std::process::exit(i32::from(Code::Terminated.exit()));
    });
}

/// What a finished learner leaves behind.
fn result(job: &Job, learner: &Learner, stream: &Stream) -> Result<Run> {
    let (card, core) = (learner.card(), &learner.core);
    let all_data = card.keeps == Keeps::AllData;
    let kept = learner.kept_bytes(if all_data { stream::stored_bytes(stream) } else { 0 })?;
    let settings = match crate::plan::value(&learner.strategy().settings()) {
        serde_json::Value::Object(map) => map.into_iter().collect(),
        other => {
            let message = format!("the settings of {} are {other}, no object", card.name);
            return Err(Problem::new(Code::Bug, message, REPORT_IT));
        }
    };
    // Joint training is compared by how long it trained: its name says so.
    let label = if all_data {
        format!("{} ({})", card.name, effort(&core.training))
    } else {
        card.name.into()
    };
    let r = &core.accuracy;
    let test_rows = test_rows(core, stream);
    let by_rows = r.average_incremental_accuracy(IncrementalMean::Samples(&test_rows));
    let learning_curves = learning_curves(core);
    Ok(Run {
        strategy: card.name.into(),
        seed: job.cell.seed,
        settings,
        accuracy: r.clone(),
        acc: r.acc(),
        bwt: r.bwt(),
        fwt: r.fwt(),
        forgetting: r.forgetting(),
        learning_accuracy: r.learning_accuracy(),
        average_incremental_accuracy: r.average_incremental_accuracy(IncrementalMean::Tasks),
        average_incremental_accuracy_by_rows: by_rows,
        lca: learning_curves.as_ref().and_then(|curves| curves.area),
        intransigence: None, // needs another cell: the comparison knows
        steps: core.steps,
        test_rows: test_rows.into_iter().map(|rows| rows as u64).collect(),
        largest_class: stream.tasks.iter().map(Task::largest_class).collect(),
        train_seconds: learner.clock.train_seconds.max(0.0),
        eval_seconds: learner.clock.eval_seconds.max(0.0),
        profile: learner.profiled(),
        parameters: core.model.theta.len() as u64,
        kept_bytes: KeptBytes {
            model: kept.model as u64,
            strategy: kept.strategy as u64,
            data: kept.data as u64,
        },
        state_digest: core.model.digest().to_hex().to_string(),
        learner_digest: learner.digest()?.to_hex().to_string(),
        task_known: match core.setting {
            Setting::Task => true,
            Setting::Domain => card.isolation != Isolation::Shared,
            Setting::Class => false,
        },
        notes: job.plan.source.fewer_rows(card).into_iter().chain(core.notes.clone()).collect(),
        anytime: within_tasks(learner)?,
        learning_curves,
        inferred: core.inferred.as_ref().map(inferred),
        figures: figures(learner)?,
        label,
    })
}

/// How long each task was trained: `2 passes`, or `300 steps a task`.
fn effort(training: &Training) -> String {
    match (training.iterations, training.epochs) {
        (Some(1), _) => "1 step a task".into(),
        (Some(steps), _) => format!("{steps} steps a task"),
        (None, 1) => "1 pass".into(),
        (None, epochs) => format!("{epochs} passes"),
    }
}

/// How well it answers without being told the task.
fn inferred(inferred: &perennial::learner::Inferred) -> Inferred {
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    Inferred {
        by: match inferred.by {
            Confidence::Entropy => "entropy".into(),
            Confidence::Energy => "energy".into(),
        },
        acc: mean(&inferred.accuracy),
        accuracy: inferred.accuracy.clone(),
        found: inferred.found.clone(),
    }
}

/// What was counted, by kind.
fn figures(learner: &Learner) -> Result<Figures> {
    match learner.figures() {
        serde_json::Value::Null => Ok(Figures::default()),
        figures => serde_json::from_value(figures)
            .map_err(|error| Problem::new(Code::Bug, error.to_string(), REPORT_IT)),
    }
}

/// What was measured within tasks, where that was asked for.
fn within_tasks(learner: &Learner) -> Result<Option<WithinTasks>> {
    let core = &learner.core;
    let Some(period) = core.training.anytime else { return Ok(None) };
    let within = WithinTasks::new(core.accuracy.tasks(), period, core.anytime.iter().cloned())
        .map_err(|error| Problem::new(Code::Bug, error.to_string(), REPORT_IT))?;
    Ok(Some(match learner.strategy().within_task() {
        WithinTask::Course => within,
        WithinTask::Restarts | WithinTask::Unanswered => within.without_metrics(),
    }))
}

/// The test rows of each task that R was measured on.
fn test_rows(core: &Core, stream: &Stream) -> Vec<usize> {
    let most = core.training.eval_samples.unwrap_or(usize::MAX);
    stream.tasks.iter().map(|task| task.rows(Part::Test).min(most)).collect()
}

/// How fast tasks were learnt, where that was asked for.
fn learning_curves(core: &Core) -> Option<LearningCurves> {
    Some(LearningCurves::new(core.training.lca?, core.learning_curves.clone()))
}
