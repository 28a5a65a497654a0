//! Images as files: one, a folder of them, or a folder of folders named after their classes.

mod decode;

use std::path::{Path, PathBuf};

use self::decode::{Decoded, decode};
use crate::input::Source;
use crate::open::{Dropped, Format, Labels, MOST_BYTES, OpenError, Request, Table};
use crate::open::{Entry, entries};
use crate::{DataError, Values};

/// Names that promise an image that is read. What the file really is, its content says.
const ENDINGS: [&str; 3] = [".png", ".jpg", ".jpeg"];

/// Whether a file is called like an image that is read.
pub(crate) fn is_image_name(entry: &Entry) -> bool {
    !entry.is_folder && ENDINGS.iter().any(|ending| entry.ends_with(ending))
}

/// One image.
pub(crate) fn single(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let mut rows = Rows::default();
    rows.push(source, request)?;
    Ok(rows.table(source.path(), Format::Images, None, Vec::new()))
}

/// A folder of images: each folder in it is a class of those in it and below; without folders they
/// have no classes.
pub(crate) fn folder(path: &Path, request: Request<'_>) -> Result<Table, DataError> {
    let mut files = Files::default();
    let mut within = vec![real(path)?];
    let (folders, loose): (Vec<Entry>, Vec<Entry>) =
        entries(path)?.into_iter().partition(|entry| entry.is_folder);
    let mut labels = (!folders.is_empty()).then(|| Labels { fixed: true, ..Labels::default() });
    if let Some(labels) = &mut labels {
        for folder in folders {
            let name = folder.path.file_name().and_then(|name| name.to_str());
            let Some(name) = name else {
                return Err(OpenError::NameNotText { path: folder.path }.into());
            };
            let before = files.images.len();
            files.walk(&folder.path, &mut within)?;
            if files.images.len() == before {
                return Err(OpenError::NoImages { path: folder.path }.into());
            }
            labels.rows.resize(files.images.len(), labels.names.len() as u32);
            labels.names.push(name.to_owned());
        }
        for entry in loose {
            let why = if is_image_name(&entry) { "outside of the class folders" } else { OTHER };
            files.leave_out(&entry.path, why);
        }
    } else {
        loose.into_iter().for_each(|entry| files.take(entry));
    }
    let mut rows = Rows::default();
    for image in &files.images {
        rows.push(&Source::File(image), request)?;
        rows.check_all(files.images.len(), path)?;
    }
    let format = if labels.is_some() { Format::ImageFolder } else { Format::Images };
    Ok(rows.table(path, format, labels, files.dropped))
}

const OTHER: &str = "in a file that is not called .png, .jpg or .jpeg";

/// The files of a folder and those below it.
#[derive(Default)]
struct Files {
    images: Vec<PathBuf>,
    dropped: Vec<Dropped>,
}

impl Files {
    /// Takes all files at and below a folder. `within` holds the real paths of the folders that it
    /// lies in: to meet one of them again is a circle.
    fn walk(&mut self, folder: &Path, within: &mut Vec<PathBuf>) -> Result<(), DataError> {
        let real = real(folder)?;
        if within.contains(&real) {
            return Err(OpenError::LinkLoop { path: folder.to_path_buf() }.into());
        }
        within.push(real);
        for entry in entries(folder)? {
            if entry.is_folder {
                self.walk(&entry.path, within)?;
            } else {
                self.take(entry);
            }
        }
        within.pop();
        Ok(())
    }

    fn take(&mut self, entry: Entry) {
        if is_image_name(&entry) {
            self.images.push(entry.path);
        } else {
            self.leave_out(&entry.path, OTHER);
        }
    }

    fn leave_out(&mut self, path: &Path, why: &str) {
        Dropped::count(&mut self.dropped, why.to_owned(), || path.display().to_string());
    }
}

fn real(folder: &Path) -> Result<PathBuf, DataError> {
    folder.canonicalize().map_err(|error| crate::open::cannot_open(folder, error))
}

/// Decoded images, all of the size and the channels of the first.
#[derive(Default)]
struct Rows {
    /// `[images, channels, height, width]`
    pixels: Vec<u8>,
    /// The first image: `[channels, height, width]`.
    first: Option<(PathBuf, [usize; 3])>,
    names: Vec<String>,
}

impl Rows {
    fn push(&mut self, source: &Source<'_>, request: Request<'_>) -> Result<(), DataError> {
        let first = self.first.as_ref().map(|(path, shape)| (path.as_path(), *shape));
        let Decoded { mut planes, shape } = decode(source, request.how, first)?;
        if self.first.is_none() {
            self.first = Some((source.path().to_path_buf(), shape));
        }
        self.pixels.append(&mut planes);
        self.names.push(source.path().display().to_string());
        Ok(())
    }

    /// Refuses `count` images of the first's size if they are too many for the memory; else makes
    /// room for them.
    fn check_all(&mut self, count: usize, path: &Path) -> Result<(), DataError> {
        if self.names.len() > 1 {
            return Ok(());
        }
        let bytes = self.pixels.len() as u64 * count as u64;
        if bytes > MOST_BYTES {
            let path = path.to_path_buf();
            return Err(OpenError::TooLarge { path, bytes, most: MOST_BYTES }.into());
        }
        self.pixels.reserve_exact(self.pixels.len() * (count - 1));
        Ok(())
    }

    fn table(
        self,
        path: &Path,
        format: Format,
        labels: Option<Labels>,
        dropped: Vec<Dropped>,
    ) -> Table {
        let shape = self.first.map_or([0; 3], |(_, shape)| shape);
        let values = Values::Bytes { pixels: self.pixels, white: u8::MAX };
        Table {
            path: path.to_path_buf(),
            format,
            shape,
            columns: Vec::new(),
            values,
            labels,
            names: self.names,
            dropped,
        }
    }
}
