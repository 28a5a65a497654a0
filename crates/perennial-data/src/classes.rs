//! The names of classes: how a label becomes a name, when two names are one class, and in which
//! order classes are numbered.
//!
//! The source's type decides the name, not what else a column holds:
//!
//! | label | name |
//! | --- | --- |
//! | whole number of an array or a Parquet column, up to 64 bits; float that is whole | its digits |
//! | truth value | `false`, `true` |
//! | text, and everything in a CSV file | trimmed, composed (NFC), otherwise as written |
//!
//! So the product codes `01` and `1` are two classes. A name that no known class has, but that is a
//! known one by number (`1.0`, `01`, `+1`), case or blanks, is [taken for it](match_names) where that
//! cannot be wrong.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// How names of classes are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// A name may be taken for a known class that is the same number, or differs in case or
    /// blanks; `1.0` in all rows of a first task is `1`.
    #[default]
    Usual,
    /// Only equal names are one class.
    Exact,
}

/// A text as the name of a class.
#[must_use]
pub(crate) fn text_name(text: &str) -> String {
    text.trim().nfc().collect()
}

/// The whole number that a float of so many binary digits is. `None` if it is not whole, or so large
/// that other whole numbers are the same float.
pub(crate) fn whole(number: f64, digits: u32) -> Option<i64> {
    let most = 2_f64.powi(digits as i32);
    let whole = number.fract() == 0.0 && (-most..=most).contains(&number);
    whole.then_some(number as i64)
}

/// What became of names that were found beside known ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// What each found name is called. `[found]`
    pub names: Vec<String>,
    /// What was decided, a sentence each.
    pub notes: Vec<String>,
}

/// Decides which of the `found` names are known classes.
///
/// A name is taken for a known class that is spelled otherwise if that spelling does not occur
/// among the found names, and no other known class fits.
///
/// ```
/// use perennial_data::{Naming, match_names};
///
/// let known = ["1", "2"].map(String::from);
/// let found = ["1.0", "3"].map(String::from);
/// let matched = match_names(&found, &known, Naming::Usual);
/// assert_eq!(matched.names, ["1", "3"]);
/// assert_eq!(matched.notes, ["`1.0` is taken for the known class `1`"]);
/// assert_eq!(match_names(&found, &known, Naming::Exact).names, found);
/// ```
#[must_use]
pub fn match_names(found: &[String], known: &[String], naming: Naming) -> Matched {
    let same = Matched { names: found.to_vec(), notes: Vec::new() };
    if naming == Naming::Exact {
        return same;
    }
    let keys: Vec<Vec<Key>> = known.iter().map(|name| Key::all_of(name)).collect();
    let mut with_key: HashMap<&Key, Vec<usize>> = HashMap::new();
    for (at, keys) in keys.iter().enumerate() {
        keys.iter().for_each(|key| with_key.entry(key).or_default().push(at));
    }
    let (known_names, found_names): (HashSet<&String>, HashSet<&String>) =
        (known.iter().collect(), found.iter().collect());
    let mut matched = same;
    for name in &mut matched.names {
        if known_names.contains(name) {
            continue;
        }
        let all = Key::all_of(name);
        let fits: BTreeSet<usize> =
            all.iter().filter_map(|key| with_key.get(key)).flatten().copied().collect();
        let Some(first) = fits.first().map(|&at| &known[at]) else { continue };
        let is_here = found_names.contains(first);
        if fits.len() == 1 && !is_here {
            matched.notes.push(format!("`{name}` is taken for the known class `{first}`"));
            name.clone_from(first);
        } else {
            let why = match is_here {
                true => "which these data hold too",
                false => "and several known classes are like it",
            };
            let note = format!("`{name}` is another class than the known `{first}`, {why}");
            matched.notes.push(note);
        }
    }
    matched
}

/// What two names have in common that are the same number, or differ only in case or blanks.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Number(String),
    Text(String),
}

impl Key {
    fn all_of(name: &str) -> Vec<Self> {
        let number = decimal(name).map(Self::Number);
        number.into_iter().chain([Self::Text(plain(name))]).collect()
    }
}

/// Says which pairs of names differ only in case or blanks, a sentence each. `new` are those of
/// which at least one must be.
#[must_use]
pub fn near_pairs(names: &[String], new: &[String]) -> Vec<String> {
    /// A list of pairs longer than this is no help.
    const MOST: usize = 5;
    let mut keys: Vec<(String, &String)> = names.iter().map(|it| (plain(it), it)).collect();
    keys.sort();
    keys.dedup_by(|a, b| a.1 == b.1);
    let pairs = keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let pairs = pairs.map(|pair| (pair[0].1, pair[1].1));
    let pairs = pairs.filter(|(a, b)| new.contains(a) || new.contains(b));
    let said = |(a, b): (&String, &String)| {
        format!("the classes `{a}` and `{b}` differ only in case or blanks")
    };
    pairs.take(MOST).map(said).collect()
}

/// Orders names: by number where all are whole numbers, else by text.
pub(crate) fn sort(names: &mut [String]) {
    if names.iter().all(|name| integer(name).is_some()) {
        names.sort_by(|a, b| integer(a).cmp(&integer(b)).then_with(|| a.cmp(b)));
    } else {
        names.sort();
    }
}

/// Names that are all whole numbers with `.0` behind them, as pandas writes a column of whole
/// numbers that once lacked a value: without the `.0`. `None` where one is anything else.
pub(crate) fn without_point_zero(names: &[String]) -> Option<Vec<String>> {
    let bare: Option<Vec<String>> =
        names.iter().map(|name| bare(name).map(str::to_owned)).collect();
    bare.filter(|names| !names.is_empty())
}

/// A whole number with `.0` behind it, without that; `None` for anything else.
pub(crate) fn bare(name: &str) -> Option<&str> {
    let digits = name.strip_suffix(".0")?;
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let is_whole = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then_some(digits)
}

fn integer(name: &str) -> Option<i128> {
    name.parse().ok()
}

/// In small letters, without blanks.
fn plain(name: &str) -> String {
    name.chars().filter(|it| !it.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// A decimal number without what does not change it: `+01.50` is `1.5`. Exact at any length.
fn decimal(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + part.len() == 0 || !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let sign = if negative && !(whole.is_empty() && part.is_empty()) { "-" } else { "" };
    Some(format!("{sign}{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn matched(found: &[&str], known: &[&str]) -> Vec<String> {
        match_names(&owned(found), &owned(known), Naming::Usual).names
    }

    /// Catches: a class that is taken though both spellings occur, or though two fit; a number
    /// compared as text; digits that a float would lose.
    #[test]
    fn a_spelling_is_taken_only_where_it_cannot_be_wrong() {
        for (found, known, expected) in [
            ("1.0", "1", "1"),
            ("+1", "1", "1"),
            ("01", "1", "1"),
            ("-0", "0", "0"),
            ("TRUE", "true", "true"),
            ("Cat", "cat", "cat"),
            ("new york", "New York", "New York"),
            ("9007199254740993.0", "9007199254740993", "9007199254740993"),
            ("9007199254740992", "9007199254740993", "9007199254740992"),
            ("1.5", "1", "1.5"),
            ("1e0", "1", "1e0"),
        ] {
            assert_eq!(matched(&[found], &[known]), [expected], "{found}");
        }
        assert_eq!(matched(&["01", "1"], &["1"]), ["01", "1"]);
        assert_eq!(matched(&["1.0"], &["1", "01"]), ["1.0"]);
        assert_eq!(matched(&["cat"], &["Cat", "CAT"]), ["cat"]);
        let notes = |found, known| match_names(&owned(found), &owned(known), Naming::Usual).notes;
        assert_eq!(
            notes(&["01", "1"], &["1"]),
            ["`01` is another class than the known `1`, which these data hold too"]
        );
        assert!(notes(&["1"], &["1"]).is_empty());
    }

    /// Catches: an order by text of whole numbers, by number of words.
    #[test]
    fn classes_are_ordered_by_number_or_by_text() {
        let sorted = |names: &[&str]| {
            let mut names = owned(names);
            sort(&mut names);
            names
        };
        assert_eq!(sorted(&["10", "9", "-1"]), ["-1", "9", "10"]);
        assert_eq!(sorted(&["10", "9", "b"]), ["10", "9", "b"]);
        let large = ["18446744073709551615", "9223372036854775808"];
        assert_eq!(sorted(&large), [large[1], large[0]]);
    }

    #[test]
    fn the_point_zero_of_pandas() {
        assert_eq!(without_point_zero(&owned(&["1.0", "-20.0"])), Some(owned(&["1", "-20"])));
        for names in [&["1.0", "2.5"][..], &["1.0", "x"], &["1", "2"], &[".0"], &[]] {
            assert_eq!(without_point_zero(&owned(names)), None, "{names:?}");
        }
    }

    #[test]
    fn names_that_differ_only_in_case_or_blanks_are_pointed_out() {
        let names = owned(&["Cat", "dog", "cat", "new york", "New York", "a"]);
        let all = near_pairs(&names, &names);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], "the classes `Cat` and `cat` differ only in case or blanks");
        assert!(near_pairs(&names, &owned(&["dog"])).is_empty());
    }

    #[test]
    fn texts_are_composed_and_trimmed() {
        assert_eq!(text_name(" cafe\u{301} "), "caf\u{e9}");
        assert_eq!(text_name(" 01"), "01");
    }
}
