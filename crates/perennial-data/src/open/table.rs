//! Rows as a reader found them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Format, OpenError, Request};
use crate::labels::{Labels, few};
use crate::{Column, Dataset, InputSpec, Label, LeftOut, ReadOptions, Scale, Values};

/// Rows of one shape, as a reader found them.
pub(crate) struct Table {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// `[channels, height, width]`
    pub(crate) shape: [usize; 3],
    /// The columns that are inputs, in order; empty where rows come from no table.
    pub(crate) columns: Vec<Column>,
    /// Whether the columns have names.
    pub(crate) named: bool,
    /// How many columns the table has, inputs or not.
    pub(crate) width: usize,
    /// The columns that name rows, and that group them.
    pub(crate) id: Option<Label>,
    pub(crate) group: Option<Label>,
    /// Columns that are no inputs.
    pub(crate) ignored: Vec<String>,
    /// `[rows, channels, height, width]`
    pub(crate) values: Values,
    pub(crate) labels: Option<Labels>,
    /// Where the labels lie, where that has a name.
    pub(crate) label: Option<Label>,
    /// What to call each row. `[rows]`
    pub(crate) names: Vec<String>,
    /// What the data themselves call each row. `[rows]`
    pub(crate) ids: Option<Vec<String>>,
    /// A number for each row, which the rows of one group share. `[rows]`
    pub(crate) groups: Option<Vec<u32>>,
    pub(crate) left_out: Vec<LeftOut>,
    /// What was guessed or decided, a sentence each.
    pub(crate) notes: Vec<String>,
}

impl Table {
    /// Rows without labels or columns.
    pub(crate) fn new(
        path: &Path,
        format: Format,
        shape: [usize; 3],
        values: Values,
        names: Vec<String>,
    ) -> Self {
        Self {
            path: path.to_path_buf(),
            format,
            shape,
            columns: Vec::new(),
            named: false,
            width: 0,
            id: None,
            group: None,
            ignored: Vec::new(),
            values,
            labels: None,
            label: None,
            names,
            ids: None,
            groups: None,
            left_out: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The two parts of a known set.
    pub(crate) fn of_set(path: &Path, set: Dataset) -> [Self; 2] {
        let Dataset { shape, classes, train, test, .. } = set;
        [train, test].map(|part| {
            let names = (1..=part.len()).map(|row| format!("row {row}")).collect();
            let labels = Some(Labels::fixed(part.labels, classes.clone()));
            Self { labels, ..Self::new(path, Format::Set, shape, part.values, names) }
        })
    }

    /// Refuses to be empty.
    pub(crate) fn filled(self) -> Result<Self, OpenError> {
        if self.names.is_empty() {
            let why = self.left_out.iter().map(ToString::to_string).collect();
            return Err(OpenError::NoRows { path: self.path, why });
        }
        Ok(self)
    }

    /// What its rows are, for a learner to keep. Nothing is standardised yet.
    pub(crate) fn spec(&self, request: Request<'_>) -> InputSpec {
        let asked = request.how.to_remember();
        let images = self.format.is_of_files();
        InputSpec {
            shape: self.shape,
            white: self.values.white(),
            columns: self.columns.clone(),
            named: self.named,
            width: self.width,
            label: self.label.clone(),
            id: self.id.clone(),
            group: self.group.clone(),
            point_zero: false,
            ignored: self.ignored.clone(),
            upright: !images || request.known.is_none_or(|known| known.upright),
            scaling: None,
            asked,
            kept: true,
        }
    }

    /// Takes the labels out, by their names elsewhere and in order; there must be some.
    /// `point_zero`: whether the known names lost a `.0`; `None` where nobody knows classes yet.
    pub(crate) fn take_labels(
        &mut self,
        how: &ReadOptions,
        point_zero: Option<bool>,
    ) -> Result<Labels, OpenError> {
        let advice = match self.format {
            Format::Images | Format::ImageFolder => {
                "put the images of each class into a folder named after it"
            }
            Format::Npy => "put it into an .npz or a folder, as x with its labels as y",
            Format::Npz | Format::Safetensors => "name the array of the labels `y`",
            Format::Idx => "put its file of labels beside it, with `labels-idx1` for `images-idx3`",
            _ => "give a column of labels, and name it with --label COLUMN",
        };
        let labels = self.labels.take();
        let missing = || OpenError::NoLabels { path: self.path.clone(), advice };
        let mut labels = labels.ok_or_else(missing)?;
        labels = match point_zero {
            None => labels.without_point_zero(how.naming(), &mut self.notes),
            Some(true) => labels.all_without_point_zero(),
            Some(false) => labels,
        };
        Ok(labels.mapped(how, &self.path)?.sorted())
    }

    /// Only these rows, in this order, of a table whose labels were taken out.
    pub(crate) fn picked(&self, rows: &[usize]) -> Self {
        fn gathered<T: Clone>(from: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|&row| from[row].clone()).collect()
        }
        let values = self.values.gathered(self.shape.iter().product(), rows);
        let names = gathered(&self.names, rows);
        Self {
            columns: self.columns.clone(),
            named: self.named,
            width: self.width,
            id: self.id.clone(),
            group: self.group.clone(),
            ignored: self.ignored.clone(),
            label: self.label.clone(),
            ids: self.ids.as_deref().map(|ids| gathered(ids, rows)),
            groups: self.groups.as_deref().map(|groups| gathered(groups, rows)),
            left_out: self.left_out.clone(),
            notes: self.notes.clone(),
            ..Self::new(&self.path, self.format, self.shape, values, names)
        }
    }

    /// What its rows are, for people.
    pub(crate) fn described(&self) -> String {
        let [channels, height, width] = self.shape;
        match &self.values {
            Values::Bytes { white, .. } => {
                format!("bytes up to {white} of {channels}×{height}×{width}")
            }
            Values::Floats(_) => format!("floats of {channels}×{height}×{width}"),
        }
    }

    /// What a set made of it is called.
    pub(crate) fn name(&self) -> String {
        let full = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let stem = if full.is_dir() { full.file_name() } else { full.file_stem() };
        stem.map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
    }
}

impl Labels {
    /// The places of rows whose class is one of `classes`, in order; the classes become the labels
    /// in their order. `required`: whether each must be there.
    pub(crate) fn chosen(
        self,
        classes: &[String],
        required: bool,
        path: &Path,
    ) -> Result<(Self, Vec<usize>), OpenError> {
        let classes: Vec<String> = classes.iter().map(|name| self.called(name)).collect();
        let absent = |name: &&String| !self.names.contains(name);
        if let Some(name) = classes.iter().find(absent).filter(|_| required) {
            let (path, class) = (path.to_path_buf(), name.clone());
            return Err(OpenError::NoClass { path, class, known: few(&self.names) });
        }
        let twice = classes.iter().enumerate().find(|(at, name)| classes[..*at].contains(name));
        if let Some((_, name)) = twice {
            return Err(OpenError::ClassTwice { class: name.clone() });
        }
        let to: HashMap<&String, u32> = classes.iter().zip(0..).collect();
        let to: Vec<Option<u32>> = self.names.iter().map(|name| to.get(name).copied()).collect();
        let label = |row: usize| to[self.rows[row] as usize];
        let places: Vec<usize> = (0..self.rows.len()).filter(|&row| label(row).is_some()).collect();
        let rows = places.iter().filter_map(|&row| label(row)).collect();
        Ok((Self::fixed(rows, classes), places))
    }
}

/// A number for each text, which equal ones share.
pub(crate) fn numbered(texts: &[String]) -> Vec<u32> {
    let mut known: HashMap<&String, u32> = HashMap::new();
    let mut number = |text| {
        let next = known.len() as u32;
        *known.entry(text).or_insert(next)
    };
    texts.iter().map(&mut number).collect()
}

/// Numbers as they are kept: floats, or bytes where it is asked that they are whole numbers up to a
/// byte. Rows of `size` values, which must be finite.
pub(crate) fn as_bytes(
    floats: Vec<f32>,
    size: usize,
    how: &ReadOptions,
    path: &Path,
) -> Result<Values, OpenError> {
    let Some(Scale::Divide(white)) = how.scale else { return Ok(Values::Floats(floats)) };
    let byte = |value: f32| {
        let whole = value.fract() == 0.0 && (0.0..=f32::from(white)).contains(&value);
        whole.then_some(value as u8)
    };
    let mut pixels = Vec::with_capacity(floats.len());
    for (at, &value) in floats.iter().enumerate() {
        pixels.push(byte(value).ok_or_else(|| {
            let (path, row) = (path.to_path_buf(), at / size + 1);
            OpenError::AboveWhite { path, row, found: value, white }
        })?);
    }
    Ok(Values::Bytes { pixels, white })
}
