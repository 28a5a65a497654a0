//! A table that lists images: a column of paths, and one of their classes.

use std::path::{Path, PathBuf};

use super::{Images, has_ending};
use crate::columns::{Columns, Role, no_label};
use crate::csv::is_missing;
use crate::header::{Header, place_of};
use crate::labels::{Labels, RawLabel};
use crate::open::{Format, LabelUse, OpenError, Request, Table};
use crate::{DataError, LeftOut};

/// What columns of paths are called.
const PATH_NAMES: [&str; 8] =
    ["path", "file", "filename", "file_name", "filepath", "image", "image_path", "img"];

/// The place of the column of paths, if the table lists images that lie beside it. `row` is the
/// first row.
pub(crate) fn path_column(header: &Header, row: &[String], table: &Path) -> Option<usize> {
    let is_called = |name: &String| PATH_NAMES.iter().any(|it| name.eq_ignore_ascii_case(it));
    let is_image = |text: &String| has_ending(Path::new(text));
    (0..header.names.len().min(row.len())).find(|&at| {
        let is_path = header.named && is_called(&header.names[at]) && is_image(&row[at]);
        is_path || is_image_beside(&row[at], table)
    })
}

/// Whether a text is the path of an image, from where a table lies.
pub(crate) fn is_image_beside(text: &str, table: &Path) -> bool {
    let beside = table.parent().unwrap_or(Path::new(""));
    has_ending(Path::new(text)) && beside.join(text).is_file()
}

/// The images of a list.
pub(crate) struct Listed<'a> {
    images: Images,
    labels: Labels,
    ids: Vec<String>,
    groups: Vec<String>,
    left_out: Vec<LeftOut>,
    paths: usize,
    beside: PathBuf,
    columns: Columns,
    request: Request<'a>,
    path: &'a Path,
}

impl<'a> Listed<'a> {
    /// Decides what the columns beside the one of paths are.
    pub(crate) fn new(
        header: Header,
        paths: usize,
        path: &'a Path,
        request: Request<'a>,
    ) -> Result<Self, OpenError> {
        // The learner knows images, no columns; of a list it also knows which column is the label.
        let known = request.known.filter(|known| known.width > 0);
        let own = known
            .and_then(|known| place_of(known.label.as_ref()?, known, &header.names, header.named));
        let (mut how, mut labels) = (request.how.clone(), request.labels);
        match own {
            Some(own) => _ = how.label.get_or_insert(header.names[own].clone()),
            None if known.is_some() && how.label.is_none() && labels == LabelUse::Optional => {
                labels = LabelUse::Ignored;
            }
            None => {}
        }
        let lacks_label = known.filter(|_| own.is_none() && how.label.is_none());
        if let Some(known) = lacks_label.filter(|_| labels == LabelUse::Required) {
            return Err(no_label(known, path));
        }
        let mut columns = Columns::new(header, path, Request { how: &how, known: None, labels })?;
        columns.asked("label", request.how.label.as_ref(), own, path)?;
        let others: Vec<String> = (0..columns.names.len())
            .filter(|&at| at != paths && matches!(columns.roles[at], Role::Input(_)))
            .map(|at| columns.names[at].clone())
            .collect();
        if !others.is_empty() {
            let listed = crate::spec::listed("column", &others);
            columns.notes.push(format!("{listed} beside the images: no input, left out"));
        }
        if columns.roles[paths] == Role::Label {
            columns.roles[paths] = Role::Left;
        }
        let beside = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let (images, labels) = (Images::default(), Labels::default());
        let (ids, groups, left_out) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { images, labels, ids, groups, left_out, paths, beside, columns, request, path })
    }

    /// Appends the image of a row; `fields` are its columns' texts, `place` is where it stands.
    pub(crate) fn push(&mut self, fields: &[&str], place: &str) -> Result<(), DataError> {
        let label = self.columns.label().map(|at| fields[at]);
        if label.is_some_and(is_missing) {
            LeftOut::add(&mut self.left_out, false, "without a label", || place.to_owned());
            return Ok(());
        }
        let image = self.beside.join(fields[self.paths]);
        if !image.is_file() {
            return Err(OpenError::BadField {
                path: self.path.to_path_buf(),
                place: place.into(),
                column: self.columns.names[self.paths].clone(),
                found: crate::cells::shown(fields[self.paths]),
                expected: format!("the path of an image, from {}", self.beside.display()),
            }
            .into());
        }
        if !self.images.push_or_leave_out(&image, self.request)? {
            return Ok(());
        }
        if let Some(label) = label {
            self.labels.push(&RawLabel::Text(label.into()));
        }
        for (role, texts) in [(Role::Id, &mut self.ids), (Role::Group, &mut self.groups)] {
            let at = self.columns.roles.iter().position(|it| *it == role);
            texts.extend(at.map(|at| fields[at].to_owned()));
        }
        Ok(())
    }

    /// All images.
    pub(crate) fn table(self) -> Table {
        let Self { mut images, columns, labels, ids, groups, left_out, path, .. } = self;
        images.left_out.extend(left_out);
        let label = columns.label();
        let mut table = images.table(path, Format::ImageList, label.map(|_| labels));
        let [label, id, group] =
            [Role::Label, Role::Id, Role::Group].map(|role| columns.kept(role));
        (table.label, table.id, table.group) = (label, id, group);
        table.width = columns.names.len();
        table.named = columns.named;
        table.notes.extend(columns.notes);
        table.ids = (!ids.is_empty()).then_some(ids);
        table.groups = (!groups.is_empty()).then(|| crate::open::numbered(&groups));
        table
    }
}
