//! Data of the command line.

use std::path::{Path, PathBuf};

use perennial::store::Lesson;
use perennial_data::NAMES;

use super::args::Reading;
use crate::error::Result;

/// The data of a task.
pub(crate) fn lesson(
    data: &Path,
    task: &str,
    classes: &[String],
    reading: &Reading,
) -> Result<Lesson> {
    let environment = || std::env::var_os("PERENNIAL_DATA").filter(|value| !value.is_empty());
    let folder = reading.folder.clone().or_else(|| environment().map(PathBuf::from));
    let name = data.to_str().filter(|name| NAMES.contains(name));
    let set = match name {
        Some(name) => perennial_data::load(name, folder.as_deref())?,
        None => perennial_data::load_folder(data)?,
    };
    let lesson = Lesson::new(task, &set)?;
    Ok(if classes.is_empty() { lesson } else { lesson.only(classes)? })
}
