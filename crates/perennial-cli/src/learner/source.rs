//! Data of the command line: read as the learner knows its inputs, and said in one line.

use std::path::{Path, PathBuf};

use perennial::scenario::Samples;
use perennial::store::{Learner, Lesson};
use perennial_data::{
    InputSpec, Part, ReadOptions, Rows, Understanding, open, read, read_unlabelled,
};

use super::args::{Eval, Labels, Reading, Teach};
use crate::error::{Code, Problem, Result};
use crate::output;

/// What the command line says of reading.
fn how(reading: &Reading, labels: &Labels, test: Option<&Path>) -> ReadOptions {
    let environment = || std::env::var_os("PERENNIAL_DATA").filter(|value| !value.is_empty());
    ReadOptions {
        folder: reading.folder.clone().or_else(|| environment().map(PathBuf::from)),
        test: test.map(Path::to_owned),
        classes: labels.classes.clone(),
        map: labels.map.iter().cloned().collect(),
        labels: labels.naming,
        label: reading.label.clone(),
        columns: reading.columns.clone(),
        ignore: reading.ignore.clone(),
        id: reading.id.clone(),
        group: reading.group.clone(),
        header: reading.header,
        decimal: reading.decimal,
        layout: reading.layout,
        scale: reading.scale,
        clip: reading.clip,
        normalise: reading.normalise.clone(),
        resize: reading.resize,
        channels: reading.channels,
    }
}

/// The data of a task.
pub(crate) fn lesson(learner: &Learner, data: &Path, task: &str, args: &Teach) -> Result<Lesson> {
    let how = how(&args.reading, &args.labels, args.test.as_deref());
    let opened = open(data, &how, learner.inputs()?.as_ref())?;
    say(&opened.understanding);
    let mut lesson = Lesson::of(task, opened)?;
    if let Some(data) = &args.unlabelled {
        lesson.unlabelled = unlabelled(learner, data, &lesson.spec)?;
    }
    Ok(lesson)
}

/// Rows without labels that belong to a task of these inputs.
fn unlabelled(learner: &Learner, data: &Path, spec: &InputSpec) -> Result<Samples> {
    let made = learner.settings()?;
    if made.strategy != "mas" || made.strategy_settings["data"] != "unlabelled" {
        return Err(Problem::usage(
            "--unlabelled would change nothing: this learner's method measures nothing on data without \
             labels",
            "leave it out; a learner made with --strategy mas --set mas.data=unlabelled uses them",
        ));
    }
    let how = how(&Reading::default(), &Labels::default(), None);
    let rows = said(read_unlabelled(data, &how, Some(spec))?, Some(spec));
    spec.check(&rows.spec, &data.display().to_string()).map_err(perennial_data::DataError::from)?;
    let count = rows.names.len();
    let ids = (0..count as u64).collect();
    Ok(Samples::new(rows.values, spec.row_len(), vec![0; count], ids)?)
}

/// Labelled rows to measure a learner on: all rows at a path.
pub(crate) fn judges(learner: &Learner, data: &Path, args: &Eval) -> Result<Lesson> {
    let known = learner.inputs()?;
    let how = how(&args.reading, &args.labels, None);
    let rows = said(read(data, &how, known.as_ref())?, known.as_ref());
    let Some(labels) = rows.labels else {
        let known = known.and_then(|spec| spec.label);
        let known = known.map_or_else(String::new, |label| {
            format!(", of which the learner's were in the column `{}`", label.name)
        });
        return Err(Problem::new(
            Code::BadData,
            format!("the rows of {} have no labels to be measured by{known}", data.display()),
            "name their column with --label COLUMN",
        ));
    };
    let inputs = rows.spec.row_len();
    let test = Part { values: rows.values, labels };
    let ids = (0..test.len() as u64).collect();
    Ok(Lesson {
        task: String::new(),
        spec: rows.spec,
        classes: rows.classes,
        train: Samples::none(inputs),
        validation: Samples::none(inputs),
        test: Samples::new(test.values, inputs, test.labels, ids)?,
        unlabelled: Samples::none(inputs),
        from: data.display().to_string(),
        understanding: rows.understanding,
    })
}

/// Rows to be answered, as they are stored.
pub(crate) fn rows(learner: &Learner, data: &Path, reading: &Reading) -> Result<Rows> {
    let known = learner.inputs()?;
    let how = how(reading, &Labels::default(), None);
    Ok(said(read_unlabelled(data, &how, known.as_ref())?, known.as_ref()))
}

/// Says what was understood of rows.
fn said(mut rows: Rows, known: Option<&InputSpec>) -> Rows {
    if let Some(known) = known
        && let Some(scaling) = &known.scaling
    {
        let clipped = scaling.clipped(&rows.values, known.row_len());
        rows.understanding.notes.extend(known.clip_note(clipped, rows.values.len()));
    }
    say(&rows.understanding);
    rows
}

/// Says what was understood of data: one line, and a line for each remark.
pub(crate) fn say(understanding: &Understanding) {
    output::note(&understanding.to_string());
    understanding.remarks().for_each(|remark| output::note(&remark));
}
