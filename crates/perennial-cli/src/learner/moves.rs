//! `perennial rollback`, `promote` and `tag`.

use perennial::store::Learner;
use serde_json::json;

use super::args::{Promote, Rollback, Tag};
use super::{moved, version};
use crate::error::Result;
use crate::output;

/// Goes back to a version.
pub(crate) fn rollback(args: &Rollback) -> Result<u8> {
    // Who says where to go may come because HEAD is damaged.
    let mut learner = match &args.to {
        Some(_) => Learner::open_to_mend(&args.learner)?,
        None => Learner::open(&args.learner)?,
    };
    let to = args.to.as_ref().map(|name| version(&learner, name)).transpose()?;
    let manifest = learner.rollback(to)?;
    let words = format!("version {} is the learner now", manifest.id);
    moved("rollback", &manifest, &words, args.json)
}

/// Uses a version that the gate refused.
pub(crate) fn promote(args: &Promote) -> Result<u8> {
    let mut learner = Learner::open(&args.learner)?;
    let from = version(&learner, &args.version)?;
    let manifest = learner.promote(from, &args.why)?;
    let words = format!("version {}, promoted from {from}, is the learner now", manifest.id);
    moved("promote", &manifest, &words, args.json)
}

/// Names a version, or takes a name away.
pub(crate) fn tag(args: &Tag) -> Result<u8> {
    let mut learner = Learner::open(&args.learner)?;
    let tagged = if args.delete {
        learner.untag(&args.name)?;
        None
    } else {
        let of = version(&learner, &args.version)?;
        Some(learner.tag(&args.name, Some(of))?)
    };
    if args.json {
        let (schema, name) = ("perennial.tag/1", &args.name);
        output::document(&json!({ "schema": schema, "tag": name, "version": tagged }))?;
    } else {
        output::answer(&match tagged {
            Some(version) => format!("`{}` is version {version}\n", args.name),
            None => format!("`{}` names no version any more\n", args.name),
        })?;
    }
    Ok(0)
}
