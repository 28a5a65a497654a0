//! The program `perennial`: compares methods of lifelong learning on streams of tasks.
//!
//! `compare` makes a [`plan`] of [`settings`], opens its [`folder`], and has every [`cell`]
//! (strategy × seed) run by a [`worker`] process, of which [`workers`] takes care; what they
//! leave behind becomes one document, which the report crate shows. `reproduce` does so for each
//! method of a published table. The commands of the durable learner are in [`learner`].
#![forbid(unsafe_code)]

mod args;
mod cell;
mod cells;
mod compare;
mod data;
mod error;
mod folder;
mod learner;
mod list;
mod main_job;
mod memory;
mod message;
mod output;
mod pictures;
mod plan;
mod progress;
mod report;
mod reproduce;
mod settings;
mod shell;
mod signals;
mod snapshot;
mod stream;
mod threads;
mod tune;
mod watch;
mod worker;
mod workers;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command};
use crate::error::{Problem, Result};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Asked of the words, so that a command line that cannot be read is answered as asked.
    let json = std::env::args_os().any(|word| word == "--json");
    let code = match Cli::try_parse() {
        Ok(cli) => run(cli).unwrap_or_else(|problem| problem.render(json)),
        Err(error) if json && error.use_stderr() => usage(&error).render(json),
        Err(error) => {
            // Help, or what is wrong with the command line: in clap's own words and colours.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    };
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        None => main_job::run(),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Reproduce(args)) => reproduce::run(&args),
        Some(Command::List(args)) => list::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Watch(args)) => watch::run(&args),
        Some(Command::Data(args)) => data::run(&args),
        Some(Command::Init(args)) => learner::init(&args),
        Some(Command::Teach(args)) => threads::join().and_then(|()| learner::teach(&args)),
        Some(Command::Eval(args)) => threads::join().and_then(|()| learner::eval(&args)),
        Some(Command::Predict(args)) => threads::join().and_then(|()| learner::predict(&args)),
        Some(Command::History(args)) => learner::history(&args),
        Some(Command::Diff(args)) => learner::diff(&args),
        Some(Command::Rollback(args)) => learner::rollback(&args),
        Some(Command::Tag(args)) => learner::tag(&args),
        Some(Command::Promote(args)) => learner::promote(&args),
        Some(Command::ForgetSample(args)) => learner::forget_sample(&args),
        Some(Command::Verify(args)) => learner::verify(&args),
        Some(Command::Gc(args)) => learner::gc(&args),
        Some(Command::Export(args)) => learner::export(&args),
        Some(Command::Import(args)) => learner::import(&args),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "perennial", &mut script);
            output::answer(&String::from_utf8_lossy(&script))?;
            Ok(0)
        }
        Some(Command::Worker) => Ok(worker::run()),
    }
}

/// What clap found, as one sentence and a hint.
fn usage(error: &clap::Error) -> Problem {
    let text = error.to_string();
    let mut parts = text.splitn(2, "\n\n");
    let message = parts.next().unwrap_or_default().trim_start_matches("error: ");
    let hint = parts.next().unwrap_or_default();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Problem::usage(one_line(message), one_line(hint))
}
