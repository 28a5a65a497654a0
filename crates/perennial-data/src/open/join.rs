//! How tables become data to learn from and to be judged by.

use std::collections::HashSet;

use super::split::{self, Split};
use super::table::Table;
use super::{Format, Ids, LabelUse, OpenError, Opened, Request, Rows, TestPart};
use crate::labels::{Labels, few};
use crate::understanding::{counted, scale_in_words};
use crate::{
    Dataset, InputSpec, Normalise, Part, Parts, ReadOptions, Scale, Scaling, USUAL_CLIP,
    Understanding, Values, match_names, near_pairs,
};

/// The tables of data.
pub(crate) struct Tables {
    /// Rows to learn from, or all rows.
    pub(crate) train: Table,
    pub(crate) validation: Option<Table>,
    pub(crate) test: Option<Table>,
}

/// A part with its labels, and the numbers of its rows before classes were chosen.
struct Labelled {
    table: Table,
    labels: Labels,
    numbers: Vec<u64>,
}

/// A set of a part to learn from and one to be judged by, which is set apart if there is none.
pub(super) fn join(tables: Tables, request: Request<'_>) -> Result<Opened, OpenError> {
    let how = request.how;
    let mut train = tables.train.filled()?;
    let labels = train.take_labels(how, request.known.map(|known| known.point_zero))?;
    let point_zero = labels.point_zero;
    let row: usize = train.shape.iter().product();
    let mut train = Labelled::new(train, labels);
    let mut part = |table: Option<Table>| {
        table.map(|table| other_part(table, &mut train, request)).transpose()
    };
    let (validation, test) = (part(tables.validation)?, part(tables.test)?);
    let test_from = if test.is_some() { TestPart::Own } else { TestPart::HeldBack };
    check_regression(&train, test_from, request)?;
    let test = match test {
        Some(test) => test,
        None => train.set_apart(row)?,
    };
    let mut train = train.chosen(how, true)?;
    let test = test.chosen(how, false)?;
    let validation = validation.map(|part| part.chosen(how, false)).transpose()?;
    if test_from == TestPart::Own {
        note_overlap(&mut train.table, &test.table, row);
    }
    let mut spec = spec(&train.table, request)?;
    if request.known.is_none() {
        spec.scaling = scaling(&train.table, how)?;
        spec.point_zero = point_zero;
    }
    let (table, classes) = (train.table, train.labels.names);
    let mut notes = table.notes.clone();
    if table.format != Format::Set {
        notes.extend(near_pairs(&classes, &classes));
    }
    if let ([only], None) = (classes.as_slice(), request.known) {
        notes.push(format!(
            "there is only one class, `{only}`: whatever is answered is right, and accuracy says \
             nothing"
        ));
    }
    let parts = Parts {
        train: table.names.len(),
        validation: validation.as_ref().map_or(0, |part| part.table.names.len()),
        test: test.table.names.len(),
        test_from,
    };
    let understanding = understanding(&table, &spec, &classes, parts, notes);
    let part = |part: Labelled| Part { values: part.table.values, labels: part.labels.rows };
    let dataset = Dataset {
        name: table.name(),
        shape: table.shape,
        classes,
        train: Part { values: table.values, labels: train.labels.rows },
        validation: validation.map(part),
        test: Part { values: test.table.values, labels: test.labels.rows },
    };
    let (train_rows, test_rows) = (train.numbers, test.numbers);
    Ok(Opened { dataset, spec, understanding, train_rows, test_rows })
}

fn understanding(
    table: &Table,
    spec: &InputSpec,
    classes: &[String],
    parts: Parts,
    notes: Vec<String>,
) -> Understanding {
    Understanding {
        from: table.path.display().to_string(),
        format: table.format,
        shape: table.shape,
        columns: spec.column_names(),
        label: table.label.as_ref().map(|label| label.name.clone()),
        classes: classes.to_vec(),
        scale: scale_in_words(spec),
        parts,
        left_out: table.left_out.clone(),
        notes,
    }
}

/// All rows of a part by itself.
pub(super) fn rows(table: Table, request: Request<'_>) -> Result<Rows, OpenError> {
    let mut table = table.filled()?;
    let how = request.how;
    let mut labels = None;
    if request.labels == LabelUse::Ignored {
        table.labels = None;
    }
    if table.labels.is_some() {
        let found = table.take_labels(how, request.known.map(|known| known.point_zero))?;
        let part = Labelled::new(table, found).chosen(how, true)?;
        (table, labels) = (part.table, Some(part.labels));
    } else if !how.classes.is_empty() && request.labels != LabelUse::Ignored {
        return Err(OpenError::Refused {
            message: format!(
                "{} holds no labels, so no classes can be chosen; leave out --classes",
                table.path.display()
            ),
        });
    }
    let spec = spec(&table, request)?;
    let (labels, classes) = match labels {
        Some(labels) => (Some(labels.rows), labels.names),
        None => (None, Vec::new()),
    };
    let parts = Parts { test: table.names.len(), ..Parts::default() };
    let understanding = understanding(&table, &spec, &classes, parts, table.notes.clone());
    let Table { values, names, ids, id, .. } = table;
    let ids = id.zip(ids).map(|(id, rows)| Ids { column: id.name, rows });
    Ok(Rows { spec, values, labels, classes, names, ids, understanding })
}

impl Labelled {
    fn new(table: Table, labels: Labels) -> Self {
        let numbers = (0..table.names.len() as u64).collect();
        Self { table, labels, numbers }
    }

    /// Only the rows of the classes that are asked for.
    fn chosen(self, how: &ReadOptions, required: bool) -> Result<Self, OpenError> {
        if how.classes.is_empty() {
            return Ok(self);
        }
        let path = self.table.path.clone();
        let (labels, places) = self.labels.chosen(&how.classes, required, &path)?;
        let numbers = places.iter().map(|&place| place as u64).collect();
        Ok(Self { table: self.table.picked(&places).filled()?, labels, numbers })
    }

    /// Takes rows away to be judged by.
    fn set_apart(&mut self, row: usize) -> Result<Self, OpenError> {
        let table = &mut self.table;
        let alike = split::alike(&table.values, row, table.groups.as_deref());
        let repeated = alike.len() - alike.iter().collect::<HashSet<_>>().len();
        let classes = self.labels.names.len();
        let mut split = split::held_back(&self.labels.rows, classes, &alike);
        if !split.judge.is_empty() && repeated > 0 {
            let what = if table.groups.is_some() { "of one group or equal" } else { "equal" };
            table.notes.push(format!(
                "{repeated} of {} are {what} to rows before them and stay on one side of the split",
                counted(alike.len(), "row")
            ));
        }
        if split.judge.is_empty() && table.groups.is_none() {
            // All rows of each class are equal: nothing else can be judged.
            let each: Vec<u32> = (0..alike.len() as u32).collect();
            split = split::held_back(&self.labels.rows, classes, &each);
            table.notes.push(format!(
                "the rows of each class are all equal: {} of {0} judged rows are also taught",
                split.judge.len()
            ));
        }
        let Split { learn, judge } = split;
        if judge.is_empty() {
            let label = table.label.as_ref().map(|label| label.name.clone());
            return Err(OpenError::NothingHeldBack { path: table.path.clone(), label, repeated });
        }
        let part = |rows: &[usize]| Self::new(self.table.picked(rows), self.labels.picked(rows));
        let (judged, learnt) = (part(&judge), part(&learn));
        *self = learnt;
        Ok(judged)
    }
}

/// A part beside the one to learn from, whose classes are known by their names there.
fn other_part(
    table: Table,
    train: &mut Labelled,
    request: Request<'_>,
) -> Result<Labelled, OpenError> {
    let how = request.how;
    let mut table = table.filled()?;
    if train.table.described() != table.described() {
        return Err(OpenError::PartsDiffer {
            train: train.table.path.clone(),
            train_rows: train.table.described(),
            test: table.path.clone(),
            test_rows: table.described(),
        });
    }
    let point_zero = Some(train.labels.point_zero);
    let labels = table.take_labels(&without_map(how, &table), point_zero)?;
    let known = &train.labels.names;
    let matched = match_names(&labels.names, known, how.naming());
    train.table.notes.extend(matched.notes);
    train.table.notes.append(&mut table.notes);
    train.table.left_out.append(&mut table.left_out);
    let labels = labels.renamed(&matched.names);
    if !how.classes.is_empty() {
        return Ok(Labelled::new(table, labels)); // what is not asked for is not looked at
    }
    // A set's list of classes may hold some that no row of the part has.
    let occurs = |class: usize| labels.rows.contains(&(class as u32));
    for (class, name) in labels.names.iter().enumerate() {
        if !known.contains(name) && occurs(class) {
            let (class, known) = (name.clone(), few(known));
            return Err(OpenError::UntaughtClass { path: table.path, class, known });
        }
    }
    let order = known.clone();
    Ok(Labelled::new(table, labels.numbered(order)))
}

/// The same options, with only those renamings of classes that the part has: a test part may lack a
/// class.
fn without_map(how: &ReadOptions, table: &Table) -> ReadOptions {
    let occurs = |name: &String| table.labels.as_ref().is_some_and(|it| it.names.contains(name));
    let map = how.map.iter().filter(|(name, _)| occurs(name));
    ReadOptions { map: map.map(|(a, b)| (a.clone(), b.clone())).collect(), ..how.clone() }
}

/// Refuses labels that look like numbers to be predicted: in a table, in a first task.
fn check_regression(
    train: &Labelled,
    test_from: TestPart,
    request: Request<'_>,
) -> Result<(), OpenError> {
    let Labelled { table, labels, .. } = train;
    let rows = labels.rows.len();
    let taught = match test_from {
        TestPart::HeldBack => rows - rows / split::TEST_EVERY,
        _ => rows,
    };
    let is_table = matches!(table.format, Format::Csv | Format::Parquet);
    let asked = request.how.labels == Some(crate::Naming::Exact);
    if request.known.is_some() || !is_table || asked || !labels.look_like_numbers(taught) {
        return Ok(());
    }
    let column = table.label.as_ref().map_or_else(String::new, |label| label.name.clone());
    Err(OpenError::Refused {
        message: format!(
            "column `{column}` of {} holds {} in {rows} rows ({}): this looks like a \
             number to be predicted. Regression is not done; say --labels exact if these are names of classes, or name the \
             label with --label COLUMN",
            table.path.display(),
            counted(labels.names.len(), "different number"),
            few(&labels.names[..labels.names.len().min(3)])
        ),
    })
}

/// Says how many rows to be judged by are taught, too.
fn note_overlap(train: &mut Table, test: &Table, row: usize) {
    if train.format == Format::Set {
        return; // published sets are as they are
    }
    let both = split::overlap(&train.values, &test.values, row);
    if both > 0 {
        let judged = test.names.len();
        train.notes.push(format!("{both} of {judged} judged rows are also taught"));
    }
}

/// What the rows are: as the learner knows it, where one does.
fn spec(table: &Table, request: Request<'_>) -> Result<InputSpec, OpenError> {
    let found = table.spec(request);
    let Some(known) = request.known else { return Ok(found) };
    known.check(&found, &table.path.display().to_string())?;
    Ok(InputSpec { columns: found.columns, ..known.clone() })
}

/// How the values of a first task become inputs.
fn scaling(table: &Table, how: &ReadOptions) -> Result<Option<Scaling>, OpenError> {
    let row: usize = table.shape.iter().product();
    let [channels, height, _] = table.shape;
    let is_image = [channels, height] != [1, 1];
    let clip = Some(how.clip.unwrap_or(USUAL_CLIP)).filter(|clip| *clip > 0.0);
    let groups = if is_image { channels } else { row };
    let is_bytes = matches!(table.values, Values::Bytes { .. });
    match (&how.normalise, how.scale.unwrap_or_default()) {
        (Some(_), _) if !is_image => Err(OpenError::Refused {
            message: format!(
                "--normalise is for images, and the rows of {} are columns of numbers, which are \
                 standardised without it; leave it out",
                table.path.display()
            ),
        }),
        (Some(Normalise::Given { mean, deviation }), _) => match mean.len() == channels {
            true => Ok(Some(Scaling { mean: mean.clone(), deviation: deviation.clone(), clip })),
            false => Err(OpenError::Refused {
                message: format!(
                    "--normalise gives {}, and the images of {} have {channels}; give one mean and \
                     one deviation for each",
                    counted(mean.len(), "channel"),
                    table.path.display()
                ),
            }),
        },
        (Some(Normalise::First), _) => Ok(Some(Scaling::fit(&table.values, row, groups, clip))),
        (None, Scale::Standard) if !is_bytes => {
            Ok(Some(Scaling::fit(&table.values, row, groups, clip)))
        }
        (None, _) => Ok(None),
    }
}
