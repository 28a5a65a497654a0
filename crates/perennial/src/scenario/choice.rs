//! Classes by what a user calls them.

use perennial_data::Dataset;

use super::ScenarioError;
use super::near::nearest;

/// The classes that words name: by the class's name, or by its number (from 0) where no class
/// has this name. In the order of the words. `[classes]`
pub(super) fn classes(words: &[String], dataset: &Dataset) -> Result<Vec<u32>, ScenarioError> {
    let mut chosen = Vec::with_capacity(words.len());
    for word in words {
        let class = class(word, dataset)?;
        if chosen.contains(&class) {
            return Err(ScenarioError::ClassTwice { class: word.clone() });
        }
        chosen.push(class);
    }
    Ok(chosen)
}

fn class(word: &str, dataset: &Dataset) -> Result<u32, ScenarioError> {
    let names = &dataset.classes;
    let number = || word.parse().ok().filter(|&number| number < names.len());
    match names.iter().position(|name| name == word).or_else(number) {
        Some(class) => Ok(class as u32),
        None => Err(ScenarioError::UnknownClass {
            class: word.to_string(),
            data: dataset.name.clone(),
            suggestion: nearest(word, names.iter().map(String::as_str)),
            known: names.join(", "),
        }),
    }
}
