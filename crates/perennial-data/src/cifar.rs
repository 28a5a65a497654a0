//! The binary version of CIFAR-10 and CIFAR-100: files of fixed records without a header.
//!
//! | set | a record | files |
//! | --- | --- | --- |
//! | CIFAR-10 | label, 3072 pixels | `data_batch_1.bin` … `data_batch_5.bin`, `test_batch.bin` |
//! | CIFAR-100 | coarse label, fine label, 3072 pixels | `train.bin`, `test.bin` |
//!
//! The pixels are `[3, 32, 32]`: all red, then all green, then all blue. The fine label is the
//! class; the coarse one is skipped. Source: A. Krizhevsky, "Learning Multiple Layers of Features
//! from Tiny Images", 2009, and <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{DataError, Dataset, Part, names};

pub(crate) const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
/// More text than the names of a hundred classes could be.
const LARGEST_NAMES_FILE: u64 = 64 << 10;

/// Which of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// CIFAR-10.
    Cifar10,
    /// CIFAR-100, with its fine labels.
    Cifar100,
}

impl Variant {
    /// The name of the set.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
        }
    }

    /// The files of the training part, in order.
    pub(crate) fn train_files(self) -> &'static [&'static str] {
        match self {
            Self::Cifar10 => &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
            ],
            Self::Cifar100 => &["train.bin"],
        }
    }

    /// The file of the test part.
    pub(crate) fn test_file(self) -> &'static str {
        match self {
            Self::Cifar10 => "test_batch.bin",
            Self::Cifar100 => "test.bin",
        }
    }

    /// The folder in the official archive.
    fn subfolder(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar-10-batches-bin",
            Self::Cifar100 => "cifar-100-binary",
        }
    }

    /// The file that names the classes.
    fn names_file(self) -> &'static str {
        match self {
            Self::Cifar10 => "batches.meta.txt",
            Self::Cifar100 => "fine_label_names.txt",
        }
    }

    fn classes(self) -> usize {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
        }
    }

    /// Labels in front of each image; the last of them is the class.
    fn label_bytes(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    /// The folder that holds a file of the set: `folder` itself, or the archive's folder in it.
    pub(crate) fn find_in(self, folder: &Path) -> Option<PathBuf> {
        let mut files = self.train_files().to_vec();
        files.push(self.test_file());
        [folder.to_path_buf(), folder.join(self.subfolder())]
            .into_iter()
            .find(|folder| files.iter().any(|file| folder.join(file).is_file()))
    }
}

/// Reads a whole set from the folder that holds its `.bin` files, or from the one above when it
/// keeps the archive's name (`cifar-10-batches-bin`, `cifar-100-binary`).
///
/// The classes are named by the file of names beside the data (`batches.meta.txt`,
/// `fine_label_names.txt`), which the official archives contain. Without it the classes of
/// CIFAR-10 get their English names and those of CIFAR-100 their numbers.
///
/// # Errors
///
/// If a file is missing, is no whole number of records, holds a label out of range, or if the
/// file of names does not name each class.
pub fn read_folder(variant: Variant, folder: &Path) -> Result<Dataset, DataError> {
    let folder = variant.find_in(folder).unwrap_or_else(|| folder.to_path_buf());
    let mut train = Records::default();
    for file in variant.train_files() {
        append_file(variant, &folder.join(file), &mut train)?;
    }
    let mut test = Records::default();
    append_file(variant, &folder.join(variant.test_file()), &mut test)?;
    Ok(Dataset {
        name: variant.name().to_string(),
        shape: SHAPE,
        classes: class_names(variant, &folder)?,
        train: train.part(),
        validation: None,
        test: test.part(),
    })
}

/// Reads records from the bytes of one file; `path` is what errors call it.
///
/// # Errors
///
/// If the bytes are no whole number of records, or a label is out of range.
pub fn parse(variant: Variant, bytes: &[u8], path: &Path) -> Result<Part, DataError> {
    let mut records = Records::default();
    append(variant, bytes, bytes.len() as u64, path, &mut records)?;
    Ok(records.part())
}

/// Reads the records of one file.
pub(crate) fn read_file(variant: Variant, path: &Path) -> Result<Part, DataError> {
    let mut records = Records::default();
    append_file(variant, path, &mut records)?;
    Ok(records.part())
}

/// The images and labels of one file after another.
#[derive(Default)]
struct Records {
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

impl Records {
    fn part(self) -> Part {
        Part::of_bytes(self.pixels, u8::MAX, self.labels)
    }
}

fn append_file(variant: Variant, path: &Path, to: &mut Records) -> Result<(), DataError> {
    let file = File::open(path).map_err(DataError::cannot_open(path))?;
    let length = file.metadata().map_err(DataError::io("read", path))?.len();
    append(variant, BufReader::new(file), length, path, to)
}

/// Appends the records of a reader of `length` bytes, which is what bounds the memory.
fn append(
    variant: Variant,
    mut reader: impl Read,
    length: u64,
    path: &Path,
    to: &mut Records,
) -> Result<(), DataError> {
    let labels = variant.label_bytes();
    let size = labels + PIXELS;
    if length == 0 || !length.is_multiple_of(size as u64) {
        let path = path.to_path_buf();
        return Err(DataError::NotWholeRecords { path, found: length, record: size as u64 });
    }
    let count = usize::try_from(length / size as u64).unwrap_or(usize::MAX);
    to.labels.reserve_exact(count);
    to.pixels.reserve_exact(count.saturating_mul(PIXELS));
    let mut record = vec![0; size];
    for index in 0..count {
        reader.read_exact(&mut record).map_err(DataError::io("read", path))?;
        let label = record[labels - 1];
        if usize::from(label) >= variant.classes() {
            return Err(DataError::LabelOutOfRange {
                path: path.to_path_buf(),
                index,
                label,
                first: 0,
                last: u8::try_from(variant.classes() - 1).unwrap_or(u8::MAX),
            });
        }
        to.labels.push(label.into());
        to.pixels.extend_from_slice(&record[labels..]);
    }
    Ok(())
}

/// The names of the classes: from the file of names in `folder`, if there is one.
pub(crate) fn class_names(variant: Variant, folder: &Path) -> Result<Vec<String>, DataError> {
    let path = folder.join(variant.names_file());
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(match variant {
                Variant::Cifar10 => names::owned(&names::CIFAR10),
                Variant::Cifar100 => names::numbers(variant.classes()),
            });
        }
        Err(source) => return Err(DataError::Io { path, doing: "open", source }),
    };
    let mut text = Vec::new();
    file.take(LARGEST_NAMES_FILE).read_to_end(&mut text).map_err(DataError::io("read", &path))?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<_> = lines.map(String::from).collect();
    if names.len() != variant.classes() {
        return Err(DataError::WrongNames {
            path,
            found: names.len(),
            expected: variant.classes(),
        });
    }
    Ok(names)
}
