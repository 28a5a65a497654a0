//! Data of the command line.

use std::path::{Path, PathBuf};

use perennial::scenario::Samples;
use perennial::store::{Learner, Lesson};
use perennial_data::{Format, How, Rows, open, read};

use super::args::Reading;
use crate::error::{Code, Problem, Result};

/// What the command line says of reading.
fn how(reading: &Reading, test: Option<&Path>) -> How {
    let environment = || std::env::var_os("PERENNIAL_DATA").filter(|value| !value.is_empty());
    How {
        folder: reading.folder.clone().or_else(|| environment().map(PathBuf::from)),
        test: test.map(Path::to_owned),
        label: reading.label.clone(),
        white: reading.white,
        resize: reading.resize,
        channels: reading.channels,
    }
}

/// The data of a task, of only these classes if any are named.
pub(crate) fn lesson(
    data: &Path,
    task: &str,
    classes: &[String],
    reading: &Reading,
    test: Option<&Path>,
) -> Result<Lesson> {
    let opened = open(data, &how(reading, test))?;
    let dropped = opened.dropped.iter().map(ToString::to_string).collect();
    let from = data.display().to_string();
    let new = Lesson::new(task, &opened.dataset)?;
    let lesson = Lesson { dropped, from, columns: opened.columns, ..new };
    Ok(if classes.is_empty() { lesson } else { lesson.only(classes)? })
}

/// Labelled rows to measure a task on: all rows at a path.
pub(crate) fn judges(
    data: &Path,
    task: &str,
    classes: &[String],
    reading: &Reading,
) -> Result<Lesson> {
    let rows = read_rows(data, reading)?;
    let shape = rows.shape;
    let Some(labels) = rows.labels else {
        return Err(Problem::new(
            Code::BadData,
            format!("the rows of {} have no labels to be measured by", data.display()),
            "name their column with --label COLUMN",
        ));
    };
    let (inputs, ids) = (shape.iter().product(), (0..labels.len() as u64).collect());
    let lesson = Lesson {
        task: task.to_owned(),
        shape,
        columns: rows.columns,
        classes: rows.classes,
        train: Samples::none(inputs),
        test: Samples::new(rows.values, inputs, labels, ids)?,
        from: data.display().to_string(),
        dropped: rows.dropped.iter().map(ToString::to_string).collect(),
    };
    Ok(if classes.is_empty() { lesson } else { lesson.only(classes)? })
}

/// Rows to be answered, with their names; their columns are those that the learner knows. Among
/// `several` inputs a row is known by its input too, as an image always is.
pub(crate) fn inputs(
    learner: &Learner,
    data: &Path,
    reading: &Reading,
    several: bool,
) -> Result<(Samples, [usize; 3], Vec<String>)> {
    let mut rows = read_rows(data, reading)?;
    if several && !matches!(rows.format, Format::Images | Format::ImageFolder) {
        rows.names.iter_mut().for_each(|name| *name = format!("{} {name}", data.display()));
    }
    learner.check_columns(&data.display().to_string(), &rows.columns)?;
    let (shape, count) = (rows.shape, rows.names.len());
    let ids = (0..count as u64).collect();
    let samples = Samples::new(rows.values, shape.iter().product(), vec![0; count], ids)?;
    Ok((samples, shape, rows.names))
}

fn read_rows(data: &Path, reading: &Reading) -> Result<Rows> {
    let rows = read(data, &how(reading, None))?;
    for dropped in &rows.dropped {
        crate::output::note(&format!("{}: left out {dropped}", data.display()));
    }
    Ok(rows)
}
