//! The parent's side: starts worker processes, feeds them, hears them, stops them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::error::{Code, Problem, REPORT_IT, Result};
use crate::message::{At, Job, STOP, Told};
use crate::signals::Signals;

/// How long the workers may take to save and end before they are killed. Longer than their own
/// patience with themselves.
const GRACE: Duration = Duration::from_secs(10);
/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The allocator's variable for huge pages, read when a process starts.
const HUGE_PAGES: &str = "MIMALLOC_ALLOW_THP";

/// What happened to the cell of a number.
#[derive(Debug)]
pub(crate) enum News {
    Started,
    At(At),
    Done,
    Failed(Problem),
}

/// How workers are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staffing {
    /// Workers at a time.
    pub(crate) jobs: usize,
    /// Threads a worker; `None` leaves them to the environment.
    pub(crate) threads: Option<usize>,
}

/// What a worker's reader hears.
enum Heard {
    Line(Told),
    /// Its standard out is closed; the last of its standard error.
    Closed(String),
}

struct Worker {
    child: Child,
    /// Closed, it stops the worker.
    stdin: Option<ChildStdin>,
    ended: bool,
}

/// Runs all jobs. Says each end to `news`, with the job's number.
///
/// # Errors
///
/// A signal (the workers have saved), or a failure that would meet every cell, such as a full
/// disk.
pub(crate) fn run(
    jobs: &[Job],
    staffing: Staffing,
    signals: &Signals,
    mut news: impl FnMut(usize, News) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = channel();
    let mut running = BTreeMap::new();
    let mut next = 0;
    let mut end: Option<(Problem, Instant)> = None;
    loop {
        if let (None, Some(problem)) = (&end, signals.received()) {
            end = Some((problem, stop(&mut running)));
        }
        while end.is_none() && running.len() < staffing.jobs && next < jobs.len() {
            let started = start(next, &jobs[next], staffing, &sender).and_then(|worker| {
                running.insert(next, worker);
                news(next, News::Started)
            });
            match started {
                Ok(()) => next += 1,
                Err(problem) => end = Some((problem, stop(&mut running))),
            }
        }
        if running.is_empty() {
            return end.map_or(Ok(()), |(problem, _)| Err(problem));
        }
        if end.as_ref().is_some_and(|(_, since)| since.elapsed() > GRACE) {
            for worker in running.values_mut() {
                // One that has just ended is what is wanted.
                let _ = worker.child.kill();
            }
        }
        let Ok((index, heard)) = receiver.recv_timeout(TICK) else { continue };
        let said = match told(index, heard, &mut running, &jobs[index], end.is_some()) {
            None | Some(Told::Stopped) => Ok(()),
            Some(Told::Progress(at)) => news(index, News::At(at)),
            Some(Told::Done) => news(index, News::Done),
            Some(Told::Failed(problem)) if problem.code.is_of_the_place() => Err(problem),
            Some(Told::Failed(problem)) => news(index, News::Failed(problem)),
        };
        if let (None, Err(problem)) = (&end, said) {
            end = Some((problem, stop(&mut running)));
        }
    }
}

/// What a worker said, or what its end without a word says of it.
fn told(
    index: usize,
    heard: Heard,
    running: &mut BTreeMap<usize, Worker>,
    job: &Job,
    ending: bool,
) -> Option<Told> {
    match heard {
        Heard::Line(told) => {
            running.get_mut(&index)?.ended |= !matches!(told, Told::Progress(_));
            Some(told)
        }
        Heard::Closed(stderr) => {
            let mut worker = running.remove(&index)?;
            let problem = match worker.child.wait() {
                Ok(status) => died(job, status, &stderr),
                Err(error) => Problem::io("wait for", "a worker".as_ref())(error),
            };
            (!worker.ended && !ending).then_some(Told::Failed(problem))
        }
    }
}

/// Asks every worker to save and end; says since when.
fn stop(running: &mut BTreeMap<usize, Worker>) -> Instant {
    for worker in running.values_mut() {
        if let Some(mut stdin) = worker.stdin.take() {
            // One that cannot be told any more has ended, or sees its standard in close now.
            let _ = writeln!(stdin, "{STOP}");
        }
    }
    Instant::now()
}

fn start(
    index: usize,
    job: &Job,
    staffing: Staffing,
    sender: &Sender<(usize, Heard)>,
) -> Result<Worker> {
    let cannot = |error: std::io::Error| {
        Problem::new(
            Code::Io,
            format!("cannot start a worker process: {error}"),
            "run the same command again, perhaps with fewer --jobs",
        )
    };
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = Command::new(program);
    command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(threads) = staffing.threads {
        command.env("RAYON_NUM_THREADS", threads.to_string());
    }
    // Of huge pages a worker takes more memory than it uses, and its steps are no faster.
    if std::env::var_os(HUGE_PAGES).is_none() {
        command.env(HUGE_PAGES, "0");
    }
    // A terminal's Ctrl-C goes to its foreground group: to the parent alone, which then asks.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(cannot)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut stdin = child.stdin.take();
    let line = serde_json::to_string(job).unwrap_or_default();
    if let Some(stdin) = &mut stdin {
        // A worker that is dead already is heard of below.
        let _ = writeln!(stdin, "{line}");
    }
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What can be read is what there is to say.
        let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });
    let sender = sender.clone();
    std::thread::spawn(move || {
        for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
            let Ok(line) = line else { break };
            if let Ok(told) = serde_json::from_str(&line)
                && sender.send((index, Heard::Line(told))).is_err()
            {
                return;
            }
        }
        // The run may have ended meanwhile: nobody is there to hear.
        let _ = sender.send((index, Heard::Closed(errors.join().unwrap_or_default())));
    });
    Ok(Worker { child, stdin, ended: false })
}

/// Why a worker ended without a word.
fn died(job: &Job, status: ExitStatus, stderr: &str) -> Problem {
    let name = job.cell.name();
    let panic = stderr.lines().skip_while(|line| !line.contains("panicked at"));
    let panic: Vec<&str> = panic.take(2).map(str::trim).collect();
    if status.code().is_some() || !panic.is_empty() {
        let what = if panic.is_empty() { status.to_string() } else { panic.join(" ") };
        return Problem::new(Code::Bug, format!("the worker of {name} broke: {what}"), REPORT_IT);
    }
    Problem::new(
        Code::WorkerKilled,
        format!("the worker of {name} was killed ({status})"),
        "run the same command again: it goes on from what was saved; if memory ran out, with fewer --jobs",
    )
}
