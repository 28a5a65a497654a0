//! Rows as a reader found them, and how they become a set.

use std::path::{Path, PathBuf};

use super::{Dropped, Format, OpenError, Opened, Rows, TestPart};
use crate::{Dataset, Part, Values};

/// Of each class so many-th row is set apart.
const TEST_EVERY: usize = 5;

/// Rows of one shape, as a reader found them.
pub(crate) struct Table {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// `[channels, height, width]`
    pub(crate) shape: [usize; 3],
    /// What the numbers of a row are called, in order; empty where they have no names.
    pub(crate) columns: Vec<String>,
    /// `[rows, channels, height, width]`
    pub(crate) values: Values,
    pub(crate) labels: Option<Labels>,
    /// `[rows]`
    pub(crate) names: Vec<String>,
    pub(crate) dropped: Vec<Dropped>,
}

/// The labels of rows.
#[derive(Default)]
pub(crate) struct Labels {
    /// Indices into `names`. `[rows]`
    pub(crate) rows: Vec<u32>,
    pub(crate) names: Vec<String>,
    /// Whether `names` are in the order that a set gives them, and not only those that occur.
    pub(crate) fixed: bool,
}

impl Labels {
    /// Appends the label of a row, by the name of its class.
    pub(crate) fn push(&mut self, name: &str) {
        // The classes of neighbouring rows are often the same, and all are few.
        let last = self.rows.last().filter(|&&last| self.names[last as usize] == name);
        let known = || self.names.iter().position(|known| known == name);
        let label = match last.copied().or_else(|| known().map(|at| at as u32)) {
            Some(label) => label,
            None => {
                self.names.push(name.to_owned());
                self.names.len() as u32 - 1
            }
        };
        self.rows.push(label);
    }

    /// Numbers the classes in order: by number where all names are whole numbers, else by their
    /// bytes. A set's own order stays.
    fn sorted(mut self) -> Self {
        if self.fixed {
            return self;
        }
        let number = |name: &String| name.parse::<i64>().ok();
        let mut names = std::mem::take(&mut self.names);
        let old = names.clone();
        if names.iter().all(|name| number(name).is_some()) {
            names.sort_by_key(number);
        } else {
            names.sort();
        }
        let to = |name: &String| names.iter().position(|it| it == name).unwrap_or_default() as u32;
        let to: Vec<u32> = old.iter().map(to).collect();
        for label in &mut self.rows {
            *label = to[*label as usize];
        }
        Self { names, ..self }
    }
}

impl Table {
    /// One part of a known set.
    pub(crate) fn of_set(path: &Path, set: Dataset, test: bool) -> Self {
        let part = if test { set.test } else { set.train };
        let names = (1..=part.len()).map(|row| format!("row {row}")).collect();
        Self {
            path: path.to_path_buf(),
            format: Format::Set,
            shape: set.shape,
            columns: Vec::new(),
            values: part.values,
            labels: Some(Labels { rows: part.labels, names: set.classes, fixed: true }),
            names,
            dropped: Vec::new(),
        }
    }

    /// Refuses to be empty.
    fn filled(self) -> Result<Self, OpenError> {
        if self.names.is_empty() {
            let dropped = self.dropped.iter().map(ToString::to_string).collect();
            return Err(OpenError::NoRows { path: self.path, dropped });
        }
        Ok(self)
    }

    /// As the rows of one part.
    pub(super) fn rows(self) -> Result<Rows, OpenError> {
        let Self { shape, columns, values, labels, names, format, dropped, .. } = self.filled()?;
        let (labels, classes) = match labels.map(Labels::sorted) {
            Some(labels) => (Some(labels.rows), labels.names),
            None => (None, Vec::new()),
        };
        Ok(Rows { shape, columns, values, labels, classes, names, format, dropped })
    }

    /// Its labels, in order, which it must have.
    fn labels(&mut self) -> Result<Labels, OpenError> {
        let advice = match self.format {
            Format::Images | Format::ImageFolder => {
                "put the images of each class into a folder named after it"
            }
            Format::Npy => "put it into an .npz or a folder, as x with its labels as y",
            Format::Npz | Format::Safetensors => "name the array of the labels `y`",
            Format::Idx => "put its file of labels beside it, with `labels-idx1` for `images-idx3`",
            _ => "give a column of labels",
        };
        let path = || self.path.clone();
        self.labels
            .take()
            .map(Labels::sorted)
            .ok_or_else(|| OpenError::NoLabels { path: path(), advice })
    }

    /// What its rows are, for people.
    fn described(&self) -> String {
        let [channels, height, width] = self.shape;
        match &self.values {
            Values::Bytes { white, .. } => {
                format!("bytes up to {white} of {channels}×{height}×{width}")
            }
            Values::Floats(_) => format!("floats of {channels}×{height}×{width}"),
        }
    }

    /// What a set made of it is called.
    fn name(&self) -> String {
        let full = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let stem = if full.is_dir() { full.file_name() } else { full.file_stem() };
        stem.map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
    }
}

/// A set of a part to learn from and one to be judged by, which is set apart if there is none.
pub(super) fn join(train: Table, test: Option<Table>) -> Result<Opened, OpenError> {
    let mut train = train.filled()?;
    let (name, format, shape) = (train.name(), train.format, train.shape);
    let columns = std::mem::take(&mut train.columns);
    let labels = train.labels()?;
    let Some(test) = test else {
        let Table { path, values, dropped, .. } = train;
        let (learn, judge) = every_nth(&labels.rows, labels.names.len(), TEST_EVERY);
        if judge.is_empty() {
            return Err(OpenError::NothingHeldBack { path });
        }
        let all = Part { values, labels: labels.rows };
        let (train, test) = (all.gathered(&learn), all.gathered(&judge));
        let dataset = Dataset { name, shape, classes: labels.names, train, test };
        return Ok(Opened { dataset, format, columns, test: TestPart::HeldBack, dropped });
    };
    let mut test = test.filled()?;
    let named = !columns.is_empty() && !test.columns.is_empty();
    let renamed = named && columns != test.columns;
    if train.described() != test.described() || renamed {
        let (train_rows, test_rows) = match renamed {
            true => (columns.join(", "), test.columns.join(", ")),
            false => (train.described(), test.described()),
        };
        return Err(OpenError::PartsDiffer {
            train: train.path,
            train_rows,
            test: test.path,
            test_rows,
        });
    }
    let judged = test.labels()?;
    let in_train = |name: &String| labels.names.iter().position(|known| known == name);
    // A set's list of classes may hold some that no row of the part has.
    let occurs = |class: usize| judged.rows.contains(&(class as u32));
    let mut to = Vec::with_capacity(judged.names.len());
    for (class, name) in judged.names.iter().enumerate() {
        match in_train(name) {
            Some(label) => to.push(label as u32),
            None if occurs(class) => {
                let (class, known) = (name.clone(), labels.names.join(", "));
                return Err(OpenError::UntaughtClass { path: test.path, class, known });
            }
            None => to.push(u32::MAX), // never read: no row has it
        }
    }
    let test_labels = judged.rows.iter().map(|&label| to[label as usize]).collect();
    let mut dropped = train.dropped;
    dropped.extend(test.dropped);
    let dataset = Dataset {
        name,
        shape,
        classes: labels.names,
        train: Part { values: train.values, labels: labels.rows },
        test: Part { values: test.values, labels: test_labels },
    };
    Ok(Opened { dataset, format, columns, test: TestPart::Own, dropped })
}

/// Divides rows by their labels into those to learn from and those to be judged by: of each class,
/// in order, every `n`-th is of the latter, and of a class of 2 to n − 1 rows the last.
pub(crate) fn every_nth(labels: &[u32], classes: usize, n: usize) -> (Vec<usize>, Vec<usize>) {
    let mut counts = vec![0; classes];
    for &label in labels {
        counts[label as usize] += 1;
    }
    let mut seen = vec![0; classes];
    let (mut learn, mut judge) = (Vec::new(), Vec::new());
    for (row, &label) in labels.iter().enumerate() {
        let (seen, count) = (&mut seen[label as usize], counts[label as usize]);
        *seen += 1;
        let apart = *seen % n == 0 || (count > 1 && count < n && *seen == count);
        if apart { judge.push(row) } else { learn.push(row) }
    }
    (learn, judge)
}

/// The whole number that a float of so many binary digits is, as the label that it is. `None` if it
/// is not whole, or so large that other whole numbers are the same float.
pub(crate) fn exact(number: f64, digits: u32) -> Option<i64> {
    let most = 2_f64.powi(digits as i32);
    let whole = number.fract() == 0.0 && (-most..=most).contains(&number);
    whole.then_some(number as i64)
}

/// Numbers as they are kept: floats, or bytes where `white` says that they are whole numbers up to
/// it. Rows of `size` values, which must be finite.
pub(crate) fn numbers(
    floats: Vec<f32>,
    size: usize,
    white: Option<u8>,
    path: &Path,
) -> Result<Values, OpenError> {
    let Some(white) = white else { return Ok(Values::Floats(floats)) };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: class 0 has rows 0 2 4 5 6 7, so its fifth is 6; class 1 has 1 and 3, so its last.
    #[test]
    fn every_fifth_of_a_class_is_set_apart_and_the_last_of_a_small_one() {
        let labels = [0, 1, 0, 1, 0, 0, 0, 0, 2];
        let (learn, judge) = every_nth(&labels, 3, 5);
        assert_eq!((learn, judge), (vec![0, 1, 2, 4, 5, 7, 8], vec![3, 6]));
    }

    #[test]
    fn numbers_are_sorted_as_numbers_and_words_as_words() {
        let sorted = |names: &[&str]| {
            let mut labels = Labels::default();
            names.iter().for_each(|name| labels.push(name));
            let labels = labels.sorted();
            let again: Vec<_> =
                labels.rows.iter().map(|&i| labels.names[i as usize].clone()).collect();
            assert_eq!(again, names);
            labels.names
        };
        assert_eq!(sorted(&["10", "9", "-1", "10"]), ["-1", "9", "10"]);
        assert_eq!(sorted(&["10", "9", "b"]), ["10", "9", "b"]);
    }
}
