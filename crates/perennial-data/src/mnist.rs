//! Folders in the layout of MNIST: four IDX files, plain or `.gz`. MNIST, Fashion-MNIST and KMNIST
//! name them alike; EMNIST puts its split in front, calls the test part `test`, numbers letters
//! from 1 and stores its images with rows and columns swapped, all of which is undone here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::idx::{self, Images};
use crate::{DataError, Dataset, Part};

/// What distinguishes one set in this layout from another.
pub(crate) struct Layout {
    /// What the file names begin with. EMNIST: `emnist-SPLIT-`.
    prefix: String,
    /// What the names of the test files say: `t10k`, EMNIST `test`.
    test: &'static str,
    /// The label of the first class. EMNIST letters: 1.
    first_label: u8,
    /// The names of the classes, or none to take those that occur.
    classes: Option<Vec<String>>,
    /// Whether rows and columns are swapped in the files, as in EMNIST.
    transposed: bool,
}

/// The splits of EMNIST: name, label of the first class, one character a class.
/// Source: G. Cohen et al., "EMNIST: an extension of MNIST to handwritten letters", 2017. Merged
/// classes are named by their capital letter.
const EMNIST_SPLITS: [(&str, u8, &str); 6] = [
    ("balanced", 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    ("byclass", 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ("bymerge", 0, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    ("digits", 0, "0123456789"),
    ("letters", 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("mnist", 0, "0123456789"),
];

impl Layout {
    /// MNIST and the sets that share its file names.
    pub(crate) fn plain(classes: Option<Vec<String>>) -> Self {
        Self { prefix: String::new(), test: "t10k", first_label: 0, classes, transposed: false }
    }

    /// A split of EMNIST, if there is one of this name.
    pub(crate) fn emnist(split: &str) -> Option<Self> {
        let &(name, first_label, characters) =
            EMNIST_SPLITS.iter().find(|&&(name, ..)| name == split)?;
        Some(Self {
            prefix: format!("emnist-{name}-"),
            test: "test",
            first_label,
            classes: Some(characters.chars().map(String::from).collect()),
            transposed: true,
        })
    }

    /// The names of the files without `.gz`: train images and labels, test images and labels.
    pub(crate) fn stems(&self) -> [String; 4] {
        let Self { prefix, test, .. } = self;
        [
            format!("{prefix}train-images-idx3-ubyte"),
            format!("{prefix}train-labels-idx1-ubyte"),
            format!("{prefix}{test}-images-idx3-ubyte"),
            format!("{prefix}{test}-labels-idx1-ubyte"),
        ]
    }

    /// Whether any file of the set lies in `folder`.
    pub(crate) fn present_in(&self, folder: &Path) -> bool {
        self.stems().iter().any(|stem| find(folder, stem).is_some())
    }

    /// Reads the set from `folder`.
    pub(crate) fn read(self, folder: &Path, name: &str) -> Result<Dataset, DataError> {
        let mut paths = Vec::with_capacity(4);
        for stem in self.stems() {
            let path = find(folder, &stem);
            paths.push(path.ok_or_else(|| DataError::MissingFile { path: folder.join(stem) })?);
        }
        let (train, train_labels) = pair(&paths[0], &paths[1])?;
        let (test, test_labels) = pair(&paths[2], &paths[3])?;
        if (train.height, train.width) != (test.height, test.width) {
            return Err(DataError::SizeMismatch {
                train: paths[0].clone(),
                train_size: [train.height, train.width],
                test: paths[2].clone(),
                test_size: [test.height, test.width],
            });
        }
        let (classes, labels) = match &self.classes {
            Some(names) => {
                let first = self.first_label;
                let last = u8::try_from(usize::from(first) + names.len() - 1).unwrap_or(u8::MAX);
                (names.clone(), (first..=last).collect())
            }
            None => {
                let all: BTreeSet<u8> = train_labels.iter().chain(&test_labels).copied().collect();
                let labels: Vec<u8> = all.into_iter().collect();
                (labels.iter().map(u8::to_string).collect(), labels)
            }
        };
        let [height, width] = match self.transposed {
            true => [train.width, train.height],
            false => [train.height, train.width],
        };
        Ok(Dataset {
            name: name.to_string(),
            shape: [1, height, width],
            train: self.part(train, &train_labels, &labels, &paths[1])?,
            validation: None,
            test: self.part(test, &test_labels, &labels, &paths[3])?,
            classes,
        })
    }

    /// Turns labels into indices of `classes`, which has the label of each, and images upright.
    fn part(
        &self,
        images: Images,
        labels: &[u8],
        classes: &[u8],
        path: &Path,
    ) -> Result<Part, DataError> {
        let indices = labels.iter().enumerate().map(|(index, &label)| {
            let class = classes.binary_search(&label);
            class.map(|class| class as u32).map_err(|_| DataError::LabelOutOfRange {
                path: path.to_path_buf(),
                index,
                label,
                first: classes.first().copied().unwrap_or_default(),
                last: classes.last().copied().unwrap_or_default(),
            })
        });
        let labels = indices.collect::<Result<_, _>>()?;
        let pixels = if self.transposed { images.transposed().pixels } else { images.pixels };
        Ok(Part::of_bytes(pixels, u8::MAX, labels))
    }
}

/// The splits of EMNIST of which a file lies in `folder`.
pub(crate) fn emnist_splits_in(folder: &Path) -> Vec<&'static str> {
    let all = EMNIST_SPLITS.iter().map(|&(name, ..)| name);
    all.filter(|name| Layout::emnist(name).is_some_and(|layout| layout.present_in(folder)))
        .collect()
}

/// The file of this stem in `folder`, plain before `.gz`.
fn find(folder: &Path, stem: &str) -> Option<PathBuf> {
    [folder.join(stem), folder.join(format!("{stem}.gz"))].into_iter().find(|path| path.is_file())
}

/// Reads images and their labels, as many of one as of the other.
fn pair(image_path: &Path, label_path: &Path) -> Result<(Images, Vec<u8>), DataError> {
    let labels = idx::read_labels(label_path)?;
    let images = idx::read_images(image_path)?;
    if images.count != labels.len() {
        return Err(DataError::CountMismatch {
            images: image_path.to_path_buf(),
            image_count: images.count,
            labels: label_path.to_path_buf(),
            label_count: labels.len(),
        });
    }
    Ok((images, labels))
}
