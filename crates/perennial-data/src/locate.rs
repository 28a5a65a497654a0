//! Where sets lie, and which reader a folder needs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cifar::{self, Variant};
use crate::mnist::{self, Layout};
use crate::{DataError, Dataset, NAMES, fetch, names};

/// Loads a set by its name (one of [`NAMES`], or `emnist-SPLIT`).
///
/// `digits` is embedded. The others are looked for in `dir/NAME` and then in `dir` itself, or
/// without `dir` in the folder to which [`fetch()`](fetch::fetch) writes: `NAME` in [`cache_dir`].
/// MNIST, Fashion-MNIST and KMNIST name their files alike, so a `dir` that bears the name of
/// another set is not searched itself: `…/fashion-mnist` is never taken for `mnist`.
///
/// The class names are the set's own. `emnist` is the only split there is, or `balanced`.
///
/// # Errors
///
/// If the name is unknown, nothing was found (the error says where and for what it looked, and
/// how to get the set), or the files are damaged or do not belong together.
pub fn load(name: &str, dir: Option<&Path>) -> Result<Dataset, DataError> {
    if name == "digits" {
        return crate::digits();
    }
    let set = Set::named(name)?;
    let folders = folders(name, dir)?;
    match folders.iter().find(|folder| set.present_in(folder)) {
        Some(folder) => set.read(folder, name),
        None => Err(DataError::NotFound {
            name: name.to_string(),
            folders,
            looked_for: set.looked_for(),
            advice: how_to_get(name),
        }),
    }
}

/// Loads whatever set lies in a folder, for images of your own: four IDX files named as MNIST's
/// (plain or `.gz`), a split of EMNIST, or the binary files of CIFAR-10 or CIFAR-100.
///
/// The set is named after the folder. In MNIST's layout the classes are the labels that occur.
///
/// # Errors
///
/// If there is no such folder, no set or more than one in it, or the files are damaged or do not
/// belong together.
pub fn load_folder(path: &Path) -> Result<Dataset, DataError> {
    require_folder(path)?;
    let all = own_sets();
    let looked_for = all.each_ref().map(Set::looked_for).join("; ");
    let mut found: Vec<_> = all.into_iter().filter(|set| set.present_in(path)).collect();
    let Some(set) = found.pop() else {
        return Err(DataError::NothingRecognised { path: path.to_path_buf(), looked_for });
    };
    if !found.is_empty() {
        found.push(set);
        return Err(DataError::Ambiguous {
            path: path.to_path_buf(),
            found: found.iter().map(Set::looked_for).collect(),
            advice: "give each a folder of its own",
        });
    }
    let full = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = full.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
    let mut dataset = set.read(path, &name)?;
    dataset.name = name.into_owned();
    Ok(dataset)
}

/// The sets whose files a folder may hold, whatever it is called.
fn own_sets() -> [Set; 4] {
    let cifar = [Variant::Cifar10, Variant::Cifar100].map(Set::Cifar);
    let [cifar10, cifar100] = cifar;
    [Set::Mnist(None), Set::Emnist(None), cifar10, cifar100]
}

/// Whether a folder holds a file of a set that [`load_folder`] recognises.
pub(crate) fn holds_set(path: &Path) -> bool {
    own_sets().iter().any(|set| set.present_in(path))
}

/// The folder for downloaded sets: `PERENNIAL_CACHE`, else `perennial` in `XDG_CACHE_HOME`, else
/// `.cache/perennial` in `HOME`. Empty and relative values count as not set.
#[must_use]
pub fn cache_dir() -> Option<PathBuf> {
    cache_dir_from(|variable| std::env::var_os(variable))
}

fn cache_dir_from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("PERENNIAL_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("perennial")))
        .or_else(|| Some(folder("HOME")?.join(".cache/perennial")))
}

/// A set by the reader that it needs.
enum Set {
    /// MNIST's file names, with the names of the classes if they are known.
    Mnist(Option<Vec<String>>),
    /// EMNIST, with the split if it is said.
    Emnist(Option<String>),
    Cifar(Variant),
}

impl Set {
    fn named(name: &str) -> Result<Self, DataError> {
        Ok(match name {
            "mnist" => Self::Mnist(Some(names::numbers(10))),
            "fashion-mnist" => Self::Mnist(Some(names::owned(&names::FASHION_MNIST))),
            "kmnist" => Self::Mnist(Some(names::owned(&names::KMNIST))),
            "emnist" => Self::Emnist(None),
            "cifar10" => Self::Cifar(Variant::Cifar10),
            "cifar100" => Self::Cifar(Variant::Cifar100),
            _ => match name.strip_prefix("emnist-") {
                Some(split) if Layout::emnist(split).is_some() => {
                    Self::Emnist(Some(split.to_string()))
                }
                _ => return Err(names::unknown(name)),
            },
        })
    }

    fn present_in(&self, folder: &Path) -> bool {
        match self {
            Self::Mnist(_) => Layout::plain(None).present_in(folder),
            Self::Emnist(None) => !mnist::emnist_splits_in(folder).is_empty(),
            Self::Emnist(Some(split)) => mnist::emnist_splits_in(folder).contains(&split.as_str()),
            Self::Cifar(variant) => variant.find_in(folder).is_some(),
        }
    }

    fn read(self, folder: &Path, name: &str) -> Result<Dataset, DataError> {
        match self {
            Self::Mnist(classes) => Layout::plain(classes).read(folder, name),
            Self::Emnist(split) => read_emnist(split.as_deref(), folder),
            Self::Cifar(variant) => cifar::read_folder(variant, folder),
        }
    }

    /// The file names of the set, for people.
    fn looked_for(&self) -> String {
        match self {
            Self::Mnist(_) => format!("{} (or .gz)", Layout::plain(None).stems().join(", ")),
            Self::Emnist(split) => {
                let split = split.as_deref().unwrap_or("SPLIT");
                format!("emnist-{split}-train-images-idx3-ubyte (or .gz) and its companions")
            }
            Self::Cifar(variant) => {
                format!("{}, {}", variant.train_files().join(", "), variant.test_file())
            }
        }
    }
}

fn read_emnist(split: Option<&str>, folder: &Path) -> Result<Dataset, DataError> {
    let splits = mnist::emnist_splits_in(folder);
    let chosen = match (split, splits.as_slice()) {
        (Some(split), _) => Some(split),
        (None, &[only]) => Some(only),
        (None, several) => several.iter().copied().find(|&split| split == "balanced"),
    };
    let chosen = chosen.and_then(|split| Some((format!("emnist-{split}"), Layout::emnist(split)?)));
    match chosen {
        Some((name, layout)) => layout.read(folder, &name),
        None => Err(DataError::Ambiguous {
            path: folder.to_path_buf(),
            found: splits.iter().map(|split| format!("emnist-{split}")).collect(),
            advice: "ask for one of them by this name",
        }),
    }
}

/// The folders to search for a set, in order.
fn folders(name: &str, dir: Option<&Path>) -> Result<Vec<PathBuf>, DataError> {
    // A split lies among the others of its family, unless it has a folder of its own.
    let family = if name.starts_with("emnist-") { "emnist" } else { name };
    let root = match dir {
        Some(dir) => dir.to_path_buf(),
        None => cache_dir().ok_or(DataError::NoCache)?,
    };
    let mut folders = vec![root.join(name)];
    if family != name {
        folders.push(root.join(family));
    }
    if dir.is_some() {
        require_folder(&root)?;
        if !bears_another_name(&root, family) {
            folders.push(root);
        }
    }
    Ok(folders)
}

/// Whether a folder is called like a known set other than `name`, in any usual spelling.
fn bears_another_name(folder: &Path, name: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let Some(own) = full.file_name().map(|own| plain(&own.to_string_lossy())) else {
        return false;
    };
    NAMES.iter().any(|&known| known != name && plain(known) == own)
}

fn require_folder(path: &Path) -> Result<(), DataError> {
    if path.is_dir() { Ok(()) } else { Err(DataError::MissingFolder { path: path.to_path_buf() }) }
}

/// The advice when nothing was found.
fn how_to_get(name: &str) -> String {
    let elsewhere = "give the folder that holds it";
    match fetch::elsewhere(name) {
        Some(origin) => format!("{origin}, or {elsewhere}"),
        None => format!("run `perennial data fetch {name}`, or {elsewhere}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(variables: &[(&str, &str)]) -> Option<PathBuf> {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name);
        cache_dir_from(|name| value(name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_cache_is_the_first_absolute_of_its_three_variables() {
        let all = [("PERENNIAL_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(cache(&all), Some("/a".into()));
        assert_eq!(cache(&all[1..]), Some("/b/perennial".into()));
        assert_eq!(cache(&all[2..]), Some("/c/.cache/perennial".into()));
        assert_eq!(cache(&[]), None);
        let relative = [("PERENNIAL_CACHE", ""), ("XDG_CACHE_HOME", "b"), ("HOME", "/c")];
        assert_eq!(cache(&relative), Some("/c/.cache/perennial".into()));
    }

    #[test]
    fn a_folder_that_bears_the_name_of_another_set_is_known_in_any_spelling() {
        for folder in ["/x/fashion-mnist", "/x/FashionMNIST", "/x/fashion_mnist"] {
            assert!(bears_another_name(Path::new(folder), "mnist"), "{folder}");
            assert!(!bears_another_name(Path::new(folder), "fashion-mnist"), "{folder}");
        }
        assert!(!bears_another_name(Path::new("/x/data"), "mnist"));
        assert!(!bears_another_name(Path::new("/"), "mnist"));
    }
}
