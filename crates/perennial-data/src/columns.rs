//! Tables of columns, whatever file they come from: which column is the label, and rows of cells.

use std::borrow::Cow;
use std::path::Path;

use crate::DataError;
use crate::open::{Dropped, Format, Labels, MOST_BYTES, OpenError, Request, Table, numbers};

/// The name of the column of labels, if nothing says it.
const USUAL_LABEL: &str = "label";

/// The name of the column of labels, as far as it is said.
pub(crate) fn label_name<'a>(request: Request<'a>) -> &'a str {
    request.how.label.as_deref().unwrap_or(USUAL_LABEL)
}

/// The columns of a table.
pub(crate) struct Columns {
    /// Names, or numbers from 1 where the data have none.
    pub(crate) names: Vec<String>,
    /// Whether the data name them.
    named: bool,
    pub(crate) label: Option<usize>,
}

impl Columns {
    /// Finds the label: the column asked for, by name or number from 1, or the one called `label`,
    /// or, where labels are needed, the last.
    pub(crate) fn new(
        names: Vec<String>,
        named: bool,
        path: &Path,
        request: Request<'_>,
    ) -> Result<Self, OpenError> {
        let asked = request.how.label.as_deref();
        let by_name = names.iter().position(|name| name.eq_ignore_ascii_case(label_name(request)));
        let by_number = asked.and_then(|asked| asked.parse().ok());
        let by_number =
            by_number.filter(|number| (1..=names.len()).contains(number)).map(|n| n - 1);
        let label = by_name.or(by_number);
        if let (None, Some(asked)) = (label, asked) {
            let (path, column, known) = (path.to_path_buf(), asked.to_owned(), names.join(", "));
            return Err(OpenError::NoColumn { path, column, known });
        }
        let label = label.or_else(|| names.len().checked_sub(1).filter(|_| request.labelled));
        if label.is_some() && names.len() == 1 {
            return Err(OpenError::OnlyLabels { path: path.to_path_buf() });
        }
        Ok(Self { names, named, label })
    }

    /// The names of those that are no label, where the data name them.
    fn of_values(&self) -> Vec<String> {
        let values = self.names.iter().enumerate().filter(|&(at, _)| Some(at) != self.label);
        values.filter(|_| self.named).map(|(_, name)| name.clone()).collect()
    }
}

/// A field of a row.
pub(crate) enum Cell<'a> {
    Missing,
    /// Finite.
    Number(f32),
    Label(Cow<'a, str>),
}

/// Rows that were read.
#[derive(Default)]
pub(crate) struct Rows {
    /// `[rows, columns but the label's]`
    values: Vec<f32>,
    labels: Labels,
    names: Vec<String>,
    dropped: Vec<Dropped>,
}

impl Rows {
    /// Appends a row, one cell a column; or leaves it out, if one is missing.
    pub(crate) fn push<'a>(
        &mut self,
        columns: &Columns,
        cells: impl Iterator<Item = Result<Cell<'a>, OpenError>>,
        name: String,
        path: &Path,
    ) -> Result<(), OpenError> {
        let first = self.values.len();
        let (mut label, mut missing) = (None, None);
        for (column, cell) in cells.enumerate() {
            match cell? {
                Cell::Missing => _ = missing.get_or_insert(column),
                Cell::Number(value) => self.values.push(value),
                Cell::Label(text) => label = Some(text),
            }
        }
        if let Some(column) = missing {
            self.values.truncate(first);
            let why = format!("without a value in column `{}`", columns.names[column]);
            Dropped::count(&mut self.dropped, why, || name);
            return Ok(());
        }
        if let Some(label) = label {
            self.labels.push(&label);
        }
        self.names.push(name);
        let bytes = size_of_val(self.values.as_slice()) as u64;
        if bytes > MOST_BYTES {
            let path = path.to_path_buf();
            return Err(OpenError::TooLarge { path, bytes, most: MOST_BYTES });
        }
        Ok(())
    }

    /// All rows; of no columns if there was not even a line that could name them.
    pub(crate) fn table(
        self,
        columns: Option<Columns>,
        path: &Path,
        format: Format,
        request: Request<'_>,
    ) -> Result<Table, DataError> {
        let Self { values, labels, names, dropped } = self;
        let names_of = columns.as_ref().map(Columns::of_values).unwrap_or_default();
        let (width, label) = columns.map_or((0, None), |it| (it.names.len(), it.label));
        let inputs = width - usize::from(label.is_some());
        let values = numbers(values, inputs, request.how.white, path)?;
        let (path, shape) = (path.to_path_buf(), [1, 1, inputs]);
        let labels = label.map(|_| labels);
        Ok(Table { path, format, shape, columns: names_of, values, labels, names, dropped })
    }
}

/// The begin of a field on one line, enough to find it by.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    one_line(text).chars().take(MOST).collect()
}

/// Text that no end of a line divides: sentences hold it.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
