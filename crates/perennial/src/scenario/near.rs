//! "Did you mean": the nearest of the known names.

/// How much of a name must be right for it to be a slip of the keys: a letter too many, too few,
/// wrong or exchanged in every three or four.
const NEAR: f64 = 0.7;

/// The candidate nearest to `name`, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&name, &known.to_lowercase()), known))
        .filter(|&(likeness, _)| likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_string())
}
