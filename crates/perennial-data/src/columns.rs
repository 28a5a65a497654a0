//! Columns of a table, whatever file they come from: which are inputs, which is the label.
//!
//! Without a learner that knows, the label is the column asked for; the one called `label`; the only
//! one called `target`, `class`, `species` or alike; or, where labels are needed, the last. An
//! unnamed first column that counts the rows, as pandas writes one, is no input.
//!
//! A learner knows its columns: they are found by name, in any order, and where there are no names
//! by their place.

use std::collections::HashSet;
use std::path::Path;

use crate::header::{
    Header, PANDAS_INDEX, SHORT, UNNAMED, USUAL_LABEL, is_like_label, place_of, unique,
};
use crate::labels::few;
use crate::open::{LabelUse, OpenError, Request};
use crate::spec::{columns_differ, listed};
use crate::{Column, InputSpec, Label};

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The input of this number.
    Input(usize),
    Label,
    Id,
    Group,
    /// No input.
    Left,
}

/// The columns of a table.
pub(crate) struct Columns {
    /// Names, or numbers from 1. `[columns]`
    pub(crate) names: Vec<String>,
    pub(crate) named: bool,
    /// `[columns]`
    pub(crate) roles: Vec<Role>,
    /// The inputs in order. The readers fill in their categories.
    pub(crate) inputs: Vec<Column>,
    /// What was decided, a sentence each.
    pub(crate) notes: Vec<String>,
}

impl Columns {
    /// Decides what each column is.
    pub(crate) fn new(
        header: Header,
        path: &Path,
        request: Request<'_>,
    ) -> Result<Self, OpenError> {
        let Header { mut names, named, counts } = header;
        let notes = unique(&mut names).into_iter().collect();
        let mut columns =
            Self { roles: vec![Role::Left; names.len()], names, named, inputs: Vec::new(), notes };
        let how = request.how;
        let mut taken = vec![false; columns.names.len()];
        let kept = |of: fn(&InputSpec) -> &Option<Label>| {
            request.known.and_then(|known| Some((known, of(known).as_ref()?)))
        };
        for (flag, asked, kept, role) in [
            ("id", &how.id, kept(|known| &known.id), Role::Id),
            ("group", &how.group, kept(|known| &known.group), Role::Group),
        ] {
            // A learner remembers them; later rows need not have them.
            let own = kept.and_then(|(known, label)| place_of(label, known, &columns.names, named));
            if let Some(at) = columns.asked(flag, asked.as_ref(), own, path)?.or(own) {
                (columns.roles[at], taken[at]) = (role, true);
            }
        }
        for asked in &how.ignore {
            let at = columns.find(asked).ok_or_else(|| columns.missing(asked, path))?;
            taken[at] = true;
        }
        let is_index = |at: usize, name: &str| name == PANDAS_INDEX || (at == 0 && counts);
        let index = columns.names.iter().enumerate().position(|(at, name)| is_index(at, name));
        if let Some(at) = index.filter(|&at| !taken[at] && how.columns.is_empty()) {
            taken[at] = true;
            let name = &columns.names[at];
            let what = match name == PANDAS_INDEX || name == UNNAMED {
                true => format!("column `{name}` is an index that pandas wrote: it is left out"),
                false => format!(
                    "column {name} has no name and holds a different whole number in each row: taken \
                     for an index and left out"
                ),
            };
            columns.notes.push(format!("{what} (--columns keeps it)"));
        }
        match request.known.filter(|known| !known.columns.is_empty()) {
            Some(known) => columns.find_known(known, &mut taken, path, request)?,
            None => columns.decide(&mut taken, path, request)?,
        }
        Ok(columns)
    }

    /// The place of the label.
    pub(crate) fn label(&self) -> Option<usize> {
        self.roles.iter().position(|role| *role == Role::Label)
    }

    /// The first column of this role, as a learner keeps it.
    pub(crate) fn kept(&self, role: Role) -> Option<Label> {
        let at = self.roles.iter().position(|it| *it == role)?;
        Some(Label { name: self.names[at].clone(), at })
    }

    /// The names of columns that are nothing, for what a learner keeps.
    pub(crate) fn ignored(&self) -> Vec<String> {
        let all = self.names.iter().zip(&self.roles);
        all.filter(|(_, role)| **role == Role::Left).map(|(name, _)| name.clone()).collect()
    }

    /// Says which columns have categories.
    pub(crate) fn note_categories(&mut self) {
        let texts = self.inputs.iter().filter(|column| !column.categories.is_empty());
        let names: Vec<String> = texts.map(|column| column.name.clone()).collect();
        let listed = listed("column", &names);
        self.notes.push(format!("{listed} of text: an input for each of its texts"));
    }

    /// A column by its name, or its number from 1.
    fn find(&self, asked: &str) -> Option<usize> {
        let exact = self.names.iter().position(|name| name == asked);
        let alike = || self.names.iter().position(|name| name.eq_ignore_ascii_case(asked));
        let number = || {
            let number: usize = asked.parse().ok()?;
            (1..=self.names.len()).contains(&number).then(|| number - 1)
        };
        exact.or_else(alike).or_else(number)
    }

    /// The column that is asked for; one that contradicts the learner's own is refused.
    pub(crate) fn asked(
        &self,
        flag: &'static str,
        asked: Option<&String>,
        own: Option<usize>,
        path: &Path,
    ) -> Result<Option<usize>, OpenError> {
        let Some(asked) = asked else { return Ok(None) };
        let at = self.find(asked).ok_or_else(|| self.missing(asked, path))?;
        match own.filter(|own| *own != at) {
            Some(own) => {
                let (given, known) = (asked.clone(), self.names[own].clone());
                Err(OpenError::Contradicts { flag, given, known })
            }
            None => Ok(Some(at)),
        }
    }

    fn missing(&self, column: &str, path: &Path) -> OpenError {
        let known = self.names.join(", ");
        OpenError::NoColumn { path: path.to_path_buf(), column: column.to_owned(), known }
    }

    /// Decides without a learner that knows.
    fn decide(
        &mut self,
        taken: &mut [bool],
        path: &Path,
        request: Request<'_>,
    ) -> Result<(), OpenError> {
        let how = request.how;
        let label = match &how.label {
            Some(asked) => Some(self.find(asked).ok_or_else(|| self.missing(asked, path))?),
            None => self.guess_label(taken, path, request)?,
        };
        if let Some(at) = label {
            taken[at] = true;
            self.take_label(at, request);
        }
        let mut inputs: Vec<usize> = (0..self.names.len()).filter(|&at| !taken[at]).collect();
        if !how.columns.is_empty() {
            let find = |asked: &String| self.find(asked).ok_or_else(|| self.missing(asked, path));
            inputs = how.columns.iter().map(find).collect::<Result<_, _>>()?;
            if let Some(&at) = inputs.iter().find(|&&at| taken[at]) {
                return Err(OpenError::Refused {
                    message: format!(
                        "column {} of {} cannot be an input and the label, an id, a group or left \
                         out at once; change --columns",
                        self.names[at],
                        path.display()
                    ),
                });
            }
        }
        if inputs.is_empty() && label.is_some() {
            return Err(OpenError::OnlyLabels { path: path.to_path_buf() });
        }
        for (number, &at) in inputs.iter().enumerate() {
            self.roles[at] = Role::Input(number);
            self.inputs.push(Column::number(&self.names[at], at));
        }
        Ok(())
    }

    /// The label where nobody said which it is.
    fn guess_label(
        &mut self,
        taken: &[bool],
        path: &Path,
        request: Request<'_>,
    ) -> Result<Option<usize>, OpenError> {
        let free = |at: &usize| !taken[*at];
        let last = (0..self.names.len()).rev().find(free);
        let called = |name: &str| {
            (0..self.names.len()).filter(free).find(|&at| self.names[at].eq_ignore_ascii_case(name))
        };
        if let Some(at) = called(USUAL_LABEL).filter(|_| self.named) {
            return Ok(Some(at));
        }
        if request.labels != LabelUse::Required {
            return Ok(None);
        }
        let first = (0..self.names.len()).find(free);
        let is_like = |at: &usize| {
            let name = &self.names[*at];
            let at_an_end = Some(*at) == first || Some(*at) == last;
            is_like_label(name) && (!name.eq_ignore_ascii_case(SHORT) || at_an_end)
        };
        let like: Vec<usize> =
            (0..self.names.len()).filter(free).filter(|_| self.named).filter(is_like).collect();
        match like[..] {
            [] => Ok(last),
            [only] => {
                if Some(only) != last {
                    let name = &self.names[only];
                    self.notes.push(format!("column `{name}` is taken for the label, by its name"));
                }
                Ok(Some(only))
            }
            [..] => {
                let names: Vec<&String> = like.iter().map(|&at| &self.names[at]).collect();
                Err(OpenError::Refused {
                    message: format!(
                        "{} of {} may each hold the labels; name the one that does with --label",
                        listed("column", &names),
                        path.display()
                    ),
                })
            }
        }
    }

    /// Finds the columns that a learner knows.
    fn find_known(
        &mut self,
        known: &InputSpec,
        taken: &mut [bool],
        path: &Path,
        request: Request<'_>,
    ) -> Result<(), OpenError> {
        let label = match self.named && known.named {
            true => self.find_by_name(known, taken, path, request)?,
            false => self.find_by_place(known, taken, path, request)?,
        };
        self.check_columns(path, request)?;
        match (label, request.labels) {
            (None, LabelUse::Required) => Err(no_label(known, path)),
            _ => Ok(()),
        }
    }

    /// Refuses inputs that are asked for and are not the learner's.
    fn check_columns(&self, path: &Path, request: Request<'_>) -> Result<(), OpenError> {
        let asked = &request.how.columns;
        let find = |asked: &String| self.find(asked).ok_or_else(|| self.missing(asked, path));
        let given: HashSet<usize> = asked.iter().map(find).collect::<Result<_, _>>()?;
        let known: HashSet<usize> = self.inputs.iter().map(|column| column.at).collect();
        if asked.is_empty() || given == known {
            return Ok(());
        }
        let known: Vec<String> = self.inputs.iter().map(|it| self.names[it.at].clone()).collect();
        let (given, known) = (few(asked), few(&known));
        Err(OpenError::Contradicts { flag: "columns", given, known })
    }

    fn find_by_name(
        &mut self,
        known: &InputSpec,
        taken: &mut [bool],
        path: &Path,
        request: Request<'_>,
    ) -> Result<Option<usize>, OpenError> {
        let own = known.label.as_ref().and_then(|label| self.find_named(&label.name));
        let mut label = self.asked("label", request.how.label.as_ref(), own, path)?.or(own);
        if label.is_none() && !known.kept {
            // A learner that was made before it kept its label.
            let is_input = |name: &String| known.columns.iter().any(|it| it.name == *name);
            let usual = |at: &usize| self.names[*at].eq_ignore_ascii_case(USUAL_LABEL);
            let mut other = (0..self.names.len())
                .filter(|at| !taken[*at] && !is_input(&self.names[*at]))
                .collect::<Vec<usize>>();
            label = other.iter().copied().find(usual).or_else(|| other.pop());
        }
        if let Some(at) = label {
            taken[at] = true;
            self.take_label(at, request);
        }
        for column in &known.columns {
            if let Some(at) = self.find_named(&column.name).filter(|&at| !taken[at]) {
                (self.roles[at], taken[at]) = (Role::Input(self.inputs.len()), true);
                self.inputs.push(Column { at, ..column.clone() });
            }
        }
        let unknown = |(name, taken): (&String, &bool)| {
            (!taken && !known.ignored.contains(name)).then(|| name.clone())
        };
        let mut others: Vec<String> = self.names.iter().zip(&*taken).filter_map(unknown).collect();
        if !request.how.columns.is_empty() {
            others.clear();
        }
        let left_out = known.columns.iter().find(|column| {
            let at = self.find_named(&column.name);
            at.is_some_and(|at| !matches!(self.roles[at], Role::Input(_)))
        });
        if let Some(column) = left_out {
            return Err(OpenError::Refused {
                message: format!(
                    "column `{}` of {} is an input of the learner, so it cannot be left out, or be \
                     the label, an id or a group; change the options",
                    column.name,
                    path.display()
                ),
            });
        }
        if let ([renamed], None, true) = (&others[..], label, known.label.is_some())
            && self.inputs.len() == known.columns.len()
            && request.labels != LabelUse::Ignored
        {
            let label = known.label.as_ref().map_or("", |label| label.name.as_str());
            return Err(OpenError::Refused {
                message: format!(
                    "{} lacks the column `{label}` of labels and has the column `{renamed}`, not known \
                     from the first task: say --label {renamed} if it holds the labels, or --ignore \
                     {renamed}",
                    path.display()
                ),
            });
        }
        if self.inputs.len() < known.columns.len() || !others.is_empty() {
            let found: Vec<String> =
                self.inputs.iter().map(|column| column.name.clone()).chain(others).collect();
            return Err(columns_differ(&known.columns, &found, &path.display().to_string()));
        }
        Ok(label)
    }

    fn take_label(&mut self, at: usize, request: Request<'_>) {
        if request.labels == LabelUse::Ignored {
            let name = &self.names[at];
            self.notes.push(format!("column `{name}` holds labels, which are not looked at"));
        } else {
            self.roles[at] = Role::Label;
        }
    }

    fn find_named(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|it| it == name)
    }

    /// Without names on one side, columns are known by their place: all that the first task's table
    /// had, all but the label, or the inputs alone.
    fn find_by_place(
        &mut self,
        known: &InputSpec,
        taken: &mut [bool],
        path: &Path,
        request: Request<'_>,
    ) -> Result<Option<usize>, OpenError> {
        let free: Vec<usize> = (0..self.names.len()).filter(|&at| !taken[at]).collect();
        let (inputs, width) = (known.columns.len(), known.width);
        let own = known.label.as_ref().map(|label| label.at);
        let here =
            known.label.as_ref().and_then(|label| place_of(label, known, &self.names, self.named));
        let label = self.asked("label", request.how.label.as_ref(), here, path)?;
        // A name here that says another column than the learner's holds the labels.
        let usual = |name: &String| is_like_label(name) && !name.eq_ignore_ascii_case(SHORT);
        let named = self.names.iter().position(usual).filter(|_| self.named && label.is_none());
        if let Some(at) = named.filter(|_| here.is_some() && named != here) {
            return Err(OpenError::Refused {
                message: format!(
                    "column {} of {} is called `{}`, and the learner, whose columns have no names, \
                     has its labels in column {}: give the columns in the order of the first task, \
                     or say --label",
                    at + 1,
                    path.display(),
                    self.names[at],
                    here.map_or(0, |here| here + 1)
                ),
            });
        }
        // The learner's own is found below.
        let label = label.filter(|_| label != here);
        let shifted = |at: usize| if own.is_some_and(|own| at > own) { at - 1 } else { at };
        let all: Vec<usize> = known.columns.iter().map(|column| column.at).collect();
        let (places, label): (Vec<usize>, Option<usize>) = match (label, self.names.len()) {
            (Some(label), _) if free.len() == inputs + 1 => {
                (free.into_iter().filter(|&at| at != label).collect(), Some(label))
            }
            (None, count) if count == width => (all, own),
            (None, count) if own.is_some() && count + 1 == width => {
                (all.into_iter().map(shifted).collect(), None)
            }
            (None, _) if free.len() == inputs => (free, None),
            // As most tables: the label is the last.
            (None, _) if width == 0 && free.len() == inputs + 1 => {
                let last = free.last().copied();
                (free[..inputs].to_vec(), last)
            }
            (_, count) => {
                return Err(OpenError::Refused {
                    message: format!(
                        "{} has {}, expected {}: without names on both sides columns are known by \
                         their place, so give as many as there were at first, or as many without \
                         the label",
                        path.display(),
                        crate::understanding::counted(count, "column"),
                        if width == 0 { inputs } else { width }
                    ),
                });
            }
        };
        if places.iter().any(|&at| taken[at]) {
            let kept = places.iter().zip(&known.columns).filter(|(at, _)| !taken[**at]);
            let found: Vec<String> = kept.map(|(_, column)| column.name.clone()).collect();
            return Err(columns_differ(&known.columns, &found, &path.display().to_string()));
        }
        for (number, (&at, column)) in places.iter().zip(&known.columns).enumerate() {
            self.roles[at] = Role::Input(number);
            self.inputs.push(Column { at, ..column.clone() });
        }
        if let Some(at) = label {
            self.take_label(at, request);
        }
        if known.named != self.named {
            self.notes.push("columns are known by their place: one side has no names".to_owned());
        }
        Ok(label)
    }
}

/// The refusal of a table that lacks the column of the learner's labels.
pub(crate) fn no_label(known: &InputSpec, path: &Path) -> OpenError {
    let name = known.label.as_ref().map_or_else(String::new, |label| match known.named {
        true => format!(" `{}`", label.name),
        false => format!(" {}", label.name),
    });
    OpenError::Refused {
        message: format!(
            "{} has no labels: it lacks the column{name} that holds them; name another with \
             --label COLUMN",
            path.display()
        ),
    }
}
