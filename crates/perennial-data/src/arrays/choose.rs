//! Which arrays are inputs and which are labels, by their names.

use crate::open::{LabelUse, Request};

/// What people call inputs; of several the first is meant. `arr_0` is what NumPy calls an array
/// that was given no name.
const INPUTS: [&str; 9] =
    ["x", "images", "image", "data", "features", "inputs", "input", "embeddings", "arr_0"];
/// What people call labels.
const LABELS: [&str; 8] =
    ["y", "labels", "label", "targets", "target", "classes", "class", "arr_1"];

/// The arrays of one part.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) inputs: String,
    pub(super) labels: Option<String>,
}

/// The arrays of the training part or of all rows, and of the other parts.
#[derive(Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) all: Part,
    pub(super) validation: Option<Part>,
    pub(super) test: Option<Part>,
}

/// Chooses among the names. `Err` is the name that is missing.
pub(super) fn choose(names: &[String], request: Request<'_>) -> Result<Chosen, String> {
    // A learner's own, where it is here.
    let kept = request.known.and_then(|known| known.asked.label.as_deref());
    let kept = kept.filter(|kept| names.iter().any(|name| name.eq_ignore_ascii_case(kept)));
    let own = request.how.label.as_deref().or(kept);
    let part = |part: &str| -> Option<Part> {
        let inputs = find(names, &INPUTS, part)?;
        let labels = match own {
            _ if request.labels == LabelUse::Ignored => None,
            Some(own) => find(names, &[own], part),
            None => find(names, &LABELS, part),
        };
        Some(Part { inputs, labels })
    };
    let test = part("test");
    let validation = ["val", "valid", "validation", "dev"].into_iter().find_map(part);
    let all = part("train").or_else(|| part("")).or_else(|| match names {
        // Without labels, there is no need to tell it from anything.
        [only] if request.labels != LabelUse::Required => {
            Some(Part { inputs: only.clone(), labels: None })
        }
        _ => None,
    });
    let all = match (all, &test) {
        (Some(all), _) => all,
        (None, Some(_)) => return Err("x_train".into()),
        (None, None) => return Err("x".into()),
    };
    // The caller named an array that is not there.
    let is_missing = all.labels.is_none() && request.labels != LabelUse::Ignored;
    if let Some(own) = own.filter(|_| is_missing) {
        return Err(own.to_owned());
    }
    Ok(Chosen { all, validation, test })
}

/// The first of `words` that a name consists of, with the name of the part before or after it.
fn find(names: &[String], words: &[&str], part: &str) -> Option<String> {
    let is = |name: &String, word: &str| {
        let name = name.to_lowercase();
        match part {
            "" => name == word.to_lowercase(),
            part => {
                let word = word.to_lowercase();
                name == format!("{word}_{part}") || name == format!("{part}_{word}")
            }
        }
    };
    words.iter().find_map(|word| names.iter().find(|name| is(name, word)).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadOptions;

    fn choose(names: &[&str], label: Option<&str>, labelled: bool) -> Result<Chosen, String> {
        let labels = if labelled { LabelUse::Required } else { LabelUse::Optional };
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let how = ReadOptions { label: label.map(ToOwned::to_owned), ..ReadOptions::default() };
        super::choose(&names, Request { how: &how, known: None, labels })
    }

    fn part(inputs: &str, labels: Option<&str>) -> Part {
        Part { inputs: inputs.into(), labels: labels.map(ToOwned::to_owned) }
    }

    #[test]
    fn the_names_people_give() {
        let one = |names, inputs, labels| {
            let chosen = Chosen { all: part(inputs, labels), validation: None, test: None };
            assert_eq!(choose(names, None, true), Ok(chosen), "{names:?}");
        };
        one(&["x", "y"], "x", Some("y"));
        one(&["arr_0", "arr_1"], "arr_0", Some("arr_1"));
        one(&["Labels", "Features", "other"], "Features", Some("Labels"));
        one(&["x"], "x", None);
        let both = |names, train, test| {
            let chosen = choose(names, None, true).unwrap();
            assert_eq!((chosen.all, chosen.test), (train, Some(test)));
        };
        both(
            &["x_test", "x_train", "y_test", "y_train"],
            part("x_train", Some("y_train")),
            part("x_test", Some("y_test")),
        );
        both(
            &["test_images", "test_labels", "train_images", "train_labels", "val_images"],
            part("train_images", Some("train_labels")),
            part("test_images", Some("test_labels")),
        );
    }

    /// Catches: rows to choose by that are dropped without a word.
    #[test]
    fn rows_to_choose_by_are_a_part() {
        let names = ["x_train", "y_train", "x_val", "y_val", "val_images"];
        let chosen = choose(&names, None, true).unwrap();
        assert_eq!((chosen.validation, chosen.test), (Some(part("x_val", Some("y_val"))), None));
    }

    #[test]
    fn the_callers_word_counts() {
        let chosen = choose(&["age", "x", "y"], Some("age"), true).unwrap();
        assert_eq!(chosen.all, part("x", Some("age")));
        assert_eq!(choose(&["x", "y"], Some("age"), true), Err("age".into()));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(choose(&["a", "b"], None, false), Err("x".into()));
        assert_eq!(choose(&["x_test", "y_test"], None, true), Err("x_train".into()));
        assert_eq!(choose(&[], None, true), Err("x".into()));
        // One array of any name is enough where no labels are needed.
        let chosen = Chosen { all: part("a", None), validation: None, test: None };
        assert_eq!(choose(&["a"], None, false), Ok(chosen));
        assert_eq!(choose(&["a"], None, true), Err("x".into()));
    }
}
