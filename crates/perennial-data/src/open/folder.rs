//! What a folder holds.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::join::Tables;
use super::{Found, OpenError, Request, cannot_open, file};
use crate::input::Source;
use crate::spec::listed;
use crate::{DataError, Layout, arrays, images, load_folder, locate};

/// A part of data, by the names that folders and files have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PartName {
    Train,
    Validation,
    Test,
}

/// What parts are called, alone or at the end of a name: `photos_train`.
const PART_NAMES: [(&str, PartName); 9] = [
    ("train", PartName::Train),
    ("training", PartName::Train),
    ("test", PartName::Test),
    ("testing", PartName::Test),
    ("val", PartName::Validation),
    ("valid", PartName::Validation),
    ("validation", PartName::Validation),
    ("dev", PartName::Validation),
    ("eval", PartName::Test),
];

/// A folder in a folder in a folder …: deeper than this is no accident of unpacking.
const DEEPEST: usize = 8;

/// An entry of a folder.
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) is_folder: bool,
}

impl Entry {
    /// The name up to its first dot, in which small and capital letters are alike.
    fn stem(&self) -> String {
        let name = self.name();
        name.split('.').next().unwrap_or_default().to_lowercase()
    }

    fn name(&self) -> String {
        self.path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned()
    }

    /// Whether its name ends like this: `.npy`.
    pub(crate) fn ends_with(&self, end: &str) -> bool {
        self.name().to_lowercase().ends_with(end)
    }

    /// Whether it is called like a table.
    fn is_table(&self) -> bool {
        let ends = [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet"];
        !self.is_folder && ends.iter().any(|end| self.ends_with(end))
    }

    /// The part that it is called after, if it is a folder or a file of data.
    fn part(&self) -> Option<PartName> {
        let arrays = [".npz", ".safetensors"].iter().any(|end| self.ends_with(end));
        if !self.is_folder && !self.is_table() && !arrays {
            return None;
        }
        let stem = self.stem();
        let stem = stem.strip_suffix("_set").or(stem.strip_suffix("-set")).unwrap_or(&stem);
        let is = |word: &str| {
            stem.strip_suffix(word)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '-']))
        };
        PART_NAMES.iter().find(|(word, _)| is(word)).map(|(_, part)| *part)
    }
}

/// What a folder holds, in the order of the names' bytes. Links are followed.
pub(crate) fn entries(folder: &Path) -> Result<Vec<Entry>, DataError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| cannot_open(folder, error))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let metadata = fs::metadata(&path).map_err(|error| match error.kind() {
            // The name is there, so it is a link to nowhere.
            std::io::ErrorKind::NotFound => DataError::MissingFile { path: path.clone() },
            _ => cannot_open(&path, error),
        })?;
        entries.push(Entry { path, is_folder: metadata.is_dir() });
    }
    entries.sort_by(|a, b| {
        let name =
            |entry: &Entry| entry.path.file_name().map(OsStr::as_encoded_bytes).map(<[u8]>::to_vec);
        name(a).cmp(&name(b))
    });
    Ok(entries)
}

/// Finds the data in a folder.
pub(super) fn find(folder: &Path, request: Request<'_>) -> Result<Found, DataError> {
    find_within(folder, request, 0)
}

fn find_within(folder: &Path, request: Request<'_>, depth: usize) -> Result<Found, DataError> {
    if locate::holds_set(folder) {
        return load_folder(folder).map(Found::set);
    }
    let entries = entries(folder)?;
    if entries.iter().any(|entry| !entry.is_folder && entry.ends_with(".npy")) {
        return arrays::npy_folder(folder, &entries, request).map(Found::Tables);
    }
    let (folders, files): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.is_folder);
    if let Some(parts) = Parts::all_of(&folders, folder)? {
        let read = |path: &Path, request: Request<'_>| part(path, request, depth + 1);
        return parts.read(read, request);
    }
    if request.how.layout != Some(Layout::Folders)
        && let Some(parts) = Parts::among(&files, folder)?
    {
        let read = |path: &Path, request: Request<'_>| {
            file(&Source::File(path), request).map(|tables| tables.train)
        };
        return parts.read(read, request);
    }
    let tables: Vec<&&Entry> = files.iter().filter(|entry| entry.is_table()).collect();
    let is_image = |entry: &&Entry| images::is_image_name(entry);
    // What a learner remembers decides where the folder leaves it open.
    let remembered = request.known.and_then(|known| known.asked.layout);
    let remembered = remembered.filter(|_| !folders.is_empty() && !tables.is_empty());
    let layout = request.how.layout.or(remembered);
    match (folders.as_slice(), tables.as_slice(), layout) {
        ([only], [], _)
            if depth < DEEPEST && !files.iter().any(is_image) && is_deeper(only, folder)? =>
        {
            let mut found = find_within(&only.path, request, depth + 1)?;
            found
                .notes()
                .insert(0, format!("looked one folder deeper, in {}", only.path.display()));
            Ok(found)
        }
        ([_, ..], [table, ..], None) => {
            let names: Vec<String> = folders.iter().map(|entry| entry.name()).collect();
            Err(OpenError::Refused {
                message: format!(
                    "{} holds {} and the table `{}`: say --layout folders if the folders are the \
                     classes of images, or --layout table (or give the table's path) if it is the \
                     data",
                    folder.display(),
                    listed("folder", &names),
                    table.name()
                ),
            }
            .into())
        }
        (_, [table], Some(Layout::Table)) => {
            file(&Source::File(&table.path), request).map(Found::Tables)
        }
        (_, tables, Some(Layout::Table)) => Err(OpenError::Refused {
            message: format!(
                "{} holds {}; give the path of the one that is the data",
                folder.display(),
                crate::understanding::counted(tables.len(), "table")
            ),
        }
        .into()),
        ([], [table], None) if !files.iter().any(is_image) => {
            file(&Source::File(&table.path), request).map(Found::Tables)
        }
        ([], tables, _) if tables.is_empty() && !files.iter().any(is_image) => {
            Err(OpenError::EmptyFolder { path: folder.to_path_buf() }.into())
        }
        ([], [_, _, ..], _) if !files.iter().any(is_image) => Err(OpenError::Refused {
            message: format!(
                "{} holds several tables; give the path of the one that is the data, or call them \
                 `train` and `test`",
                folder.display()
            ),
        }
        .into()),
        _ => images::folder(folder, request).map(|all| Found::Tables(Tables::alone(all))),
    }
}

/// The rows of a folder that is a part: it has no parts of its own.
fn part(path: &Path, request: Request<'_>, depth: usize) -> Result<super::Table, DataError> {
    match find_within(path, request, depth)? {
        Found::Tables(Tables { train, validation: None, test: None }) => Ok(train),
        _ => Err(OpenError::Refused {
            message: format!(
                "{} is called like a part of the data and holds parts of its own; give the path of \
                 the data",
                path.display()
            ),
        }
        .into()),
    }
}

/// Whether a folder by itself holds what data are made of, so that it is no class: folders, or the
/// files of a set or of parts. A link back to where it lies is no folder in it.
fn is_deeper(entry: &Entry, folder: &Path) -> Result<bool, DataError> {
    let real = |path: &Path| path.canonicalize().map_err(|error| cannot_open(path, error));
    let (above, inside) = (real(folder)?, entries(&entry.path)?);
    for entry in inside.iter().filter(|entry| entry.is_folder) {
        if above.starts_with(real(&entry.path)?) {
            return Ok(false);
        }
    }
    let is_part = |entry: &Entry| !entry.is_folder && entry.part().is_some();
    Ok(locate::holds_set(&entry.path)
        || inside.iter().any(|entry| entry.is_folder)
        || inside.iter().any(is_part))
}

/// The parts that a folder's entries are.
struct Parts<'a> {
    train: &'a Path,
    validation: Option<&'a Path>,
    test: Option<&'a Path>,
}

impl<'a> Parts<'a> {
    /// If one of these folders is a part to learn from and one is another part. Then all must be parts.
    fn all_of(entries: &[&'a Entry], folder: &Path) -> Result<Option<Self>, DataError> {
        let parts = Self::among(entries, folder)?;
        let names = |is_part: bool| -> Vec<String> {
            let wanted = entries.iter().filter(|entry| entry.part().is_some() == is_part);
            wanted.map(|entry| entry.name()).collect()
        };
        let others = names(false);
        if parts.is_some() && !others.is_empty() {
            return Err(OpenError::Refused {
                message: format!(
                    "{} holds {}, which are called like parts of the data, beside {}: move away what \
                     is no part, or give the path of one part and that of another with --test",
                    folder.display(),
                    listed("folder", &names(true)),
                    listed("folder", &others)
                ),
            }
            .into());
        }
        Ok(parts)
    }

    /// Those of these that are parts, if one is to learn from and one is not.
    fn among(entries: &[&'a Entry], folder: &Path) -> Result<Option<Self>, DataError> {
        let called = |part: PartName| -> Result<Option<&'a Path>, DataError> {
            let mut all = entries.iter().filter(|entry| entry.part() == Some(part));
            match (all.next(), all.next()) {
                (Some(a), Some(b)) => Err(OpenError::Refused {
                    message: format!(
                        "`{}` and `{}` in {} are called like one part of the data; rename one, or \
                         give --test",
                        a.name(),
                        b.name(),
                        folder.display()
                    ),
                }
                .into()),
                (one, _) => Ok(one.map(|entry| entry.path.as_path())),
            }
        };
        if entries.iter().all(|entry| entry.part() != Some(PartName::Train)) {
            return Ok(None);
        }
        let train = called(PartName::Train)?;
        let (validation, test) = (called(PartName::Validation)?, called(PartName::Test)?);
        let alone = validation.is_none() && test.is_none();
        Ok(train.filter(|_| !alone).map(|train| Self { train, validation, test }))
    }

    /// Reads each part, the one to learn from first: the others must be like it. Without a test
    /// part, the one to choose by is judged by, and said to be.
    fn read(
        self,
        read: impl Fn(&Path, Request<'_>) -> Result<super::Table, DataError>,
        request: Request<'_>,
    ) -> Result<Found, DataError> {
        let mut train = read(self.train, request)?;
        let spec = train.spec(request);
        let after = request.after(&spec);
        let part = |path: Option<&Path>| path.map(|path| read(path, after)).transpose();
        let (mut validation, mut test) = (part(self.validation)?, part(self.test)?);
        if let (Some(path), None) = (self.validation, &test) {
            train.notes.push(format!("no test part is here: judged by {}", path.display()));
            test = validation.take();
        }
        Ok(Found::Tables(Tables { train, validation, test }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_by_their_names() {
        let part = |name: &str| Entry { path: name.into(), is_folder: true }.part();
        let file = |name: &str| Entry { path: name.into(), is_folder: false }.part();
        assert_eq!(file("Train.csv.gz"), Some(PartName::Train));
        assert_eq!((file("train.txt"), file("train")), (None, None));
        for name in ["train", "Training", "photos_train", "photos-training"] {
            assert_eq!(part(name), Some(PartName::Train), "{name}");
        }
        for name in ["test", "testing", "x_test", "test.csv"] {
            assert_eq!(part(name), Some(PartName::Test), "{name}");
        }
        for name in ["val", "valid", "validation", "x_val"] {
            assert_eq!(part(name), Some(PartName::Validation), "{name}");
        }
        for name in ["trains", "contest", "oval", "bus", "retrain", "_"] {
            assert_eq!(part(name), None, "{name}");
        }
    }
}
