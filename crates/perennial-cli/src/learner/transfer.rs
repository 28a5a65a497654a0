//! `perennial export` and `import`.

use perennial::store::Learner;

use super::args::{Export, Import};
use super::{moved, version};
use crate::error::Result;

/// Writes a version as one file.
pub(crate) fn export(args: &Export) -> Result<u8> {
    let learner = Learner::open(&args.learner)?;
    let manifest = learner.export(version(&learner, &args.version)?, &args.file)?;
    let words = format!("{} is version {}", args.file.display(), manifest.id);
    moved("export", &manifest, &words, args.json)
}

/// Makes a learner of such a file.
pub(crate) fn import(args: &Import) -> Result<u8> {
    let learner = Learner::import(&args.learner, &args.file)?;
    let (manifest, tasks) = (learner.head()?, learner.tasks()?);
    let words = format!(
        "{} is a learner that knows {}; their test parts stayed behind, so the gate judges only \
         what it is taught from now on",
        args.learner.display(),
        tasks.join(", ")
    );
    moved("import", &manifest, &words, args.json)
}
