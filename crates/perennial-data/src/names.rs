//! The names of the sets and of their classes.

use crate::DataError;

/// The sets that [`load`](crate::load) knows by name.
///
/// `emnist` stands for its split `balanced` where several splits lie together; the others are
/// asked for as `emnist-byclass`, `emnist-bymerge`, `emnist-letters`, `emnist-digits` and
/// `emnist-mnist`.
pub const NAMES: &[&str] =
    &["digits", "mnist", "fashion-mnist", "kmnist", "emnist", "cifar10", "cifar100"];

/// Names of classes by label; all strings, so that nothing downstream needs to know the set.
pub(crate) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// `0`, `1`, … for classes that have no better name.
pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|label| label.to_string()).collect()
}

pub(crate) const FASHION_MNIST: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The ten hiragana of KMNIST, romanised so that tables align in any font.
pub(crate) const KMNIST: [&str; 10] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];

pub(crate) const CIFAR10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// An error that names the nearest known set, if one is near enough to be a slip of the keys.
pub(crate) fn unknown(name: &str) -> DataError {
    const NEAR: f64 = 0.8; // Jaro-Winkler: "minst" to "mnist" is 0.94, "omniglot" to it 0.77
    let suggestion = NAMES
        .iter()
        .map(|&known| (strsim::jaro_winkler(&name.to_lowercase(), known), known))
        .filter(|&(likeness, _)| likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known);
    DataError::UnknownName { name: name.to_string(), suggestion }
}
