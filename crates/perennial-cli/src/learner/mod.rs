//! The durable learner's commands: each opens the folder, calls the library's verb of its name and
//! says what came of it.

pub(crate) mod args;
mod diff;
mod eval;
mod history;
mod init;
mod judgement;
mod moves;
mod predict;
mod source;
mod teach;
mod transfer;
mod upkeep;
mod watch;

use perennial::store::{Learner, Manifest};
use serde_json::{Value, json};

pub(crate) use self::diff::run as diff;
pub(crate) use self::eval::run as eval;
pub(crate) use self::history::run as history;
pub(crate) use self::init::run as init;
pub(crate) use self::moves::{promote, rollback, tag};
pub(crate) use self::predict::run as predict;
pub(crate) use self::source::say;
pub(crate) use self::teach::run as teach;
pub(crate) use self::transfer::{export, import};
pub(crate) use self::upkeep::{forget_sample, gc, verify};
use crate::error::Result;
use crate::output;

/// An accuracy or a fall, as tables show it.
fn number(value: f64) -> String {
    format!("{value:.4}")
}

/// A fall with its sign; a rise is above 0.
fn change(before: f64, after: f64) -> String {
    format!("{:+.4}", after - before)
}

/// `1 sample`, `2 samples`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Says that a version is the learner now, in words or as a document of this schema.
fn moved(schema: &str, version: &Manifest, words: &str, json: bool) -> Result<u8> {
    if json {
        output::document(&json!({
            "schema": format!("perennial.{schema}/1"),
            "version": version.id,
            "state_digest": version.state_digest,
        }))?;
    } else {
        output::answer(&format!("{words}\n"))?;
    }
    Ok(0)
}

/// Accuracies by task, as JSON.
fn by_task(accuracy: &[(String, f64)]) -> Value {
    accuracy.iter().map(|(task, value)| (task.clone(), Value::from(*value))).collect()
}

/// The version of a number, a tag or `HEAD`.
fn version(learner: &Learner, name: &str) -> Result<u64> {
    Ok(learner.resolve(name)?)
}
