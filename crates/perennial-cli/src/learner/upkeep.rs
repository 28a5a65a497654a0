//! `perennial verify`, `gc` and `forget-sample`.

use perennial::store::{Forgotten, Learner};
use serde_json::json;

use super::args::{ForgetSample, Gc, OfLearner};
use super::{counted, moved};
use crate::error::{Code, Result};
use crate::output;
use crate::shell;

/// Reads and hashes everything.
pub(crate) fn verify(args: &OfLearner) -> Result<u8> {
    // Not opened: a damaged one is what is looked at.
    let found = Learner::verify(&args.learner)?;
    let good = found.damage.is_empty();
    if args.json {
        output::document(&json!({
            "schema": "perennial.verify/1", "good": good, "versions": found.versions,
            "objects": found.objects, "bytes": found.bytes, "damage": found.damage,
            "whole": found.whole,
        }))?;
    } else {
        let mut text: String = found.damage.iter().map(|damage| format!("{damage}\n")).collect();
        text += &format!(
            "{}, {} and {} read: {}\n",
            counted(found.versions as u64, "version"),
            counted(found.objects as u64, "object"),
            counted(found.bytes, "byte"),
            if good { "all as they were written" } else { "damaged" }
        );
        if !good {
            let whole: Vec<String> = found.whole.iter().map(ToString::to_string).collect();
            let words = match whole.as_slice() {
                [] => "no version is whole".to_owned(),
                whole => format!("whole versions, to go back to: {}", whole.join(", ")),
            };
            text += &output::wrapped(&words, output::width(), 0);
        }
        output::answer(&text)?;
    }
    Ok(if good { 0 } else { Code::Damaged.exit() })
}

/// Says what is garbage, or removes it.
pub(crate) fn gc(args: &Gc) -> Result<u8> {
    let mut learner = Learner::open(&args.learner)?;
    let garbage = learner.collect_garbage(args.keep, args.delete)?;
    if args.json {
        output::document(&json!({
            "schema": "perennial.gc/1", "deleted": args.delete, "versions": garbage.versions,
            "files": garbage.files, "bytes": garbage.bytes,
        }))?;
    } else {
        let what = format!(
            "{}, {} ({})",
            counted(garbage.versions.len() as u64, "version"),
            counted(garbage.files as u64, "file"),
            counted(garbage.bytes, "byte")
        );
        output::answer(&match args.delete {
            true => format!("removed {what}\n"),
            false => format!("--delete would remove {what}\n"),
        })?;
    }
    Ok(0)
}

/// Removes a training sample from what the learner keeps.
pub(crate) fn forget_sample(args: &ForgetSample) -> Result<u8> {
    let mut learner = Learner::open(&args.learner)?;
    let Forgotten { version: manifest, unanswered } =
        learner.forget_sample(&args.task, args.sample)?;
    if !unanswered.is_empty() {
        output::note(&format!(
            "{} lost the last sample by which it is answered: nothing answers for it until it is taught \
             again, and `history` shows the accuracies from before; `perennial eval` measures them",
            perennial_data::few(&unanswered)
        ));
    }
    let words = format!(
        "version {}, without sample {} of `{}`, is the learner now; its weights are as they were, \
         and older versions keep the sample until they are removed by `perennial gc {} --keep 1 \
         --delete`, tagged ones until they lose their tag",
        manifest.id,
        args.sample,
        args.task,
        shell::word(&args.learner.display().to_string())
    );
    let words = output::wrapped(&words, output::width(), 0);
    moved("forget-sample", &manifest, words.trim_end(), args.json)
}
