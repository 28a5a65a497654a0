//! The labels of rows, by the names of their classes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::classes::{self, text_name};
use crate::open::OpenError;
use crate::{Naming, ReadOptions};

/// The labels of rows.
#[derive(Default)]
pub(crate) struct Labels {
    /// Indices into `names`. `[rows]`
    pub(crate) rows: Vec<u32>,
    pub(crate) names: Vec<String>,
    /// Whether `names` are in the order that a set gives them, and not only those that occur.
    pub(crate) fixed: bool,
    /// Whether they were written as text, not as numbers with a type.
    text: bool,
    /// Whether the names lost a `.0`.
    pub(crate) point_zero: bool,
    known: HashMap<String, u32>,
}

/// The label of a row as its source has it.
pub(crate) enum RawLabel<'a> {
    /// A number or truth value, by the name that its type gives it.
    Typed(Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl Labels {
    /// Labels with a set's own names, in its own order.
    pub(crate) fn fixed(rows: Vec<u32>, names: Vec<String>) -> Self {
        Self { rows, names, fixed: true, ..Self::default() }
    }

    /// Those of these rows, with all names.
    pub(crate) fn picked(&self, rows: &[usize]) -> Self {
        let rows = rows.iter().map(|&row| self.rows[row]).collect();
        Self { point_zero: self.point_zero, ..Self::fixed(rows, self.names.clone()) }
    }

    /// Appends the label of a row.
    pub(crate) fn push(&mut self, label: &RawLabel<'_>) {
        match label {
            RawLabel::Typed(name) => self.push_name(name),
            RawLabel::Text(text) => {
                self.text = true;
                // Most texts are what they become.
                match text.is_ascii() {
                    true => self.push_name(text.trim()),
                    false => self.push_name(&text_name(text)),
                }
            }
        }
    }

    fn push_name(&mut self, name: &str) {
        let label = match self.known.get(name) {
            Some(&label) => label,
            None => {
                let label = self.names.len() as u32;
                self.known.insert(name.to_owned(), label);
                self.names.push(name.to_owned());
                label
            }
        };
        self.rows.push(label);
    }

    /// Gives classes the names that they are called elsewhere, and says what is not here to be
    /// renamed.
    pub(crate) fn mapped(self, how: &ReadOptions, path: &Path) -> Result<Self, OpenError> {
        if how.map.is_empty() {
            return Ok(self);
        }
        let map: BTreeMap<String, &String> =
            how.map.iter().map(|(name, there)| (self.called(name), there)).collect();
        if let Some(name) = map.keys().find(|name| !self.names.contains(name)) {
            let (path, class) = (path.to_path_buf(), name.clone());
            return Err(OpenError::NoClass { path, class, known: few(&self.names) });
        }
        let renamed = |name: &String| (*map.get(name).unwrap_or(&name)).clone();
        let names: Vec<String> = self.names.iter().map(renamed).collect();
        Ok(self.renamed(&names))
    }

    /// Names of a first task as pandas writes whole numbers, `1.0`, lose the `.0`. Says so.
    pub(crate) fn without_point_zero(self, naming: Naming, notes: &mut Vec<String>) -> Self {
        let bare = match self.text && naming == Naming::Usual {
            true => classes::without_point_zero(&self.names),
            false => None,
        };
        let Some(names) = bare else { return self };
        notes.push(format!(
            "all labels are whole numbers with `.0` behind them and lose it: `{}` is `{}`",
            self.names[0], names[0]
        ));
        Self { point_zero: true, ..self.renamed(&names) }
    }

    /// The names of a later task lose the `.0` that those of the first one lost.
    pub(crate) fn all_without_point_zero(self) -> Self {
        if !self.text {
            return self;
        }
        let bare = |name: &String| classes::bare(name).unwrap_or(name).to_owned();
        let names: Vec<String> = self.names.iter().map(bare).collect();
        Self { point_zero: true, ..self.renamed(&names) }
    }

    /// The name that a class is known by, where it is given as it is written.
    pub(crate) fn called(&self, name: &str) -> String {
        let bare = classes::bare(name).filter(|_| self.point_zero);
        bare.unwrap_or(name).to_owned()
    }

    /// The same rows by new names of the classes; classes of one name become one.
    pub(crate) fn renamed(self, names: &[String]) -> Self {
        let Self { fixed, text, point_zero, .. } = self;
        let mut new = Self { fixed, text, point_zero, ..Self::default() };
        let mut to = Vec::with_capacity(names.len());
        for name in names {
            let next = new.names.len() as u32;
            let label = *new.known.entry(name.clone()).or_insert(next);
            if label == next {
                new.names.push(name.clone());
            }
            to.push(label);
        }
        new.rows = self.rows.iter().map(|&label| to[label as usize]).collect();
        new
    }

    /// Numbers the classes in the order of their names. The order of a built-in set stays.
    pub(crate) fn sorted(self) -> Self {
        if self.fixed {
            return self;
        }
        let mut names = self.names.clone();
        classes::sort(&mut names);
        self.numbered(names)
    }

    /// The same rows with the classes in this order, which has them all.
    pub(crate) fn numbered(self, names: Vec<String>) -> Self {
        let known: HashMap<String, u32> = names.iter().cloned().zip(0..).collect();
        let to = |name| known.get(name).copied().unwrap_or_default();
        let to: Vec<u32> = self.names.iter().map(to).collect();
        let rows = self.rows.iter().map(|&label| to[label as usize]).collect();
        Self { rows, names, known, ..self }
    }

    /// Whether the labels look like numbers to be predicted, not like names: with decimals, or more
    /// different ones than classes have reason to be. `taught`: how many rows there are to learn from.
    pub(crate) fn look_like_numbers(&self, taught: usize) -> bool {
        /// More classes than this, with less than two rows of each to learn from, are none.
        const MOST: usize = 50;
        let number = |name: &String| name.parse::<f64>().ok().filter(|it| it.is_finite());
        let Some(numbers) = self.names.iter().map(number).collect::<Option<Vec<f64>>>() else {
            return false;
        };
        let decimals = numbers.iter().any(|number| number.fract() != 0.0);
        let many = numbers.len() > MOST && 2 * numbers.len() > taught;
        !numbers.is_empty() && (decimals || many)
    }
}

/// As many names as a sentence can bear: all of up to 12, else the first 12 and how many more there
/// are; `none` of none.
#[must_use]
pub fn few(names: &[String]) -> String {
    const MOST: usize = 12;
    match names {
        [] => "none".into(),
        names if names.len() <= MOST => names.join(", "),
        many => format!("{} and {} more", many[..MOST].join(", "), many.len() - MOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(texts: &[&str]) -> Labels {
        let mut labels = Labels::default();
        texts.iter().for_each(|text| labels.push(&RawLabel::Text((*text).into())));
        labels
    }

    fn said(labels: &Labels) -> Vec<&str> {
        labels.rows.iter().map(|&row| labels.names[row as usize].as_str()).collect()
    }

    /// Catches: rows that keep old numbers when classes are sorted, renamed or joined.
    #[test]
    fn rows_follow_their_classes() {
        let sorted = labels(&["10", "9", " 10 "]).sorted();
        assert_eq!(
            (sorted.names.as_slice(), said(&sorted)),
            (&["9", "10"].map(String::from)[..], vec!["10", "9", "10"])
        );
        let how = ReadOptions { map: [("b".into(), "a".into())].into(), ..ReadOptions::default() };
        let joined = labels(&["a", "b", "c"]).mapped(&how, Path::new("t")).unwrap();
        assert_eq!(said(&joined), ["a", "a", "c"]);
        assert!(labels(&["a"]).mapped(&how, Path::new("t")).is_err());
    }

    /// Catches: a list without an end, a count of the rest that is one off.
    #[test]
    fn a_sentence_names_twelve() {
        let names: Vec<String> = (0..14).map(|i| i.to_string()).collect();
        assert_eq!((few(&[]), few(&names[..2])), ("none".into(), "0, 1".into()));
        assert!(few(&names[..12]).ends_with(", 10, 11"));
        assert!(few(&names).ends_with(", 11 and 2 more"));
    }

    /// Catches: `.0` lost where one label is something else, or where names are to be exact.
    #[test]
    fn the_point_zero_is_lost_by_all_or_none() {
        let mut notes = Vec::new();
        let bare = labels(&["2.0", "1.0"]).without_point_zero(Naming::Usual, &mut notes);
        assert_eq!((said(&bare), notes.len()), (vec!["2", "1"], 1));
        for (texts, naming) in [(["2.0", "x"], Naming::Usual), (["2.0", "1.0"], Naming::Exact)] {
            let same = labels(&texts).without_point_zero(naming, &mut notes);
            assert_eq!(said(&same), texts);
        }
        assert_eq!(notes.len(), 1);
    }

    /// Catches: digits with many rows a class, names, decimals.
    #[test]
    fn what_looks_like_a_number_to_be_predicted() {
        let whole = |count: usize, times: usize| {
            let texts: Vec<String> = (0..count * times).map(|i| (i % count).to_string()).collect();
            let labels = labels(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            labels.look_like_numbers(count * times)
        };
        assert!(whole(51, 1) && !whole(51, 2) && !whole(50, 1));
        assert!(labels(&["1.5", "2"]).look_like_numbers(2));
        assert!(!labels(&["1.5", "a"]).look_like_numbers(2));
        assert!(!labels(&["1.0", "2.0"]).look_like_numbers(2));
    }
}
