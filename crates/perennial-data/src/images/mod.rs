//! Images as files: one, a folder of them, a folder of folders named after their classes, or a
//! table that lists them.
//!
//! An image that cannot be decoded, such as one that is cut off, is left out and named: half a
//! picture would be taught as a whole one.

mod decode;
mod jpeg;
pub(crate) mod list;

use std::path::{Path, PathBuf};

use self::decode::{Decoded, decode};
use crate::input::Source;
use crate::labels::{Labels, RawLabel};
use crate::open::{Entry, entries};
use crate::open::{Format, MOST_BYTES, OpenError, Request, Table};
use crate::{DataError, LeftOut, Values};

/// Names that promise an image that is read. What the file really is, its content says.
const ENDINGS: [&str; 5] = [".png", ".jpg", ".jpeg", ".webp", ".bmp"];

/// Whether a file is called like an image that is read.
pub(crate) fn is_image_name(entry: &Entry) -> bool {
    !entry.is_folder && has_ending(&entry.path)
}

fn has_ending(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    name.is_some_and(|name| ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

/// One image.
pub(crate) fn single(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let mut images = Images::default();
    images.push(source, request)?;
    Ok(images.table(source.path(), Format::Images, None))
}

/// A folder of images: each folder in it is a class of those in it and below; without folders they
/// have no classes.
pub(crate) fn folder(path: &Path, request: Request<'_>) -> Result<Table, DataError> {
    let mut files = Files::default();
    let mut within = vec![real(path)?];
    let (folders, loose): (Vec<Entry>, Vec<Entry>) =
        entries(path)?.into_iter().partition(|entry| entry.is_folder);
    let mut classes = Vec::new();
    for folder in &folders {
        let name = folder.path.file_name().and_then(|name| name.to_str());
        let Some(name) = name else {
            return Err(OpenError::NameNotText { path: folder.path.clone() }.into());
        };
        let before = files.images.len();
        files.walk(&folder.path, &mut within)?;
        if files.images.len() == before {
            return Err(OpenError::NoImages { path: folder.path.clone() }.into());
        }
        files.class_of.resize(files.images.len(), classes.len() as u32);
        classes.push(crate::classes::text_name(name));
    }
    for entry in loose {
        match folders.is_empty() {
            true => files.take(entry),
            false if is_image_name(&entry) => {
                files.leave_out(&entry.path, "outside of the class folders");
            }
            false => files.leave_out(&entry.path, OTHER),
        }
    }
    let left_out = std::mem::take(&mut files.left_out);
    let mut images = Images { left_out, ..Images::default() };
    let mut labels = Labels::default();
    for (at, image) in files.images.iter().enumerate() {
        let class = files.class_of.get(at).map(|&class| classes[class as usize].as_str());
        if images.push_or_leave_out(image, request)?
            && let Some(class) = class
        {
            labels.push(&RawLabel::Typed(class.into()));
        }
        images.check_all(files.images.len(), path)?;
    }
    let labels = (!folders.is_empty()).then_some(labels);
    let format = if labels.is_some() { Format::ImageFolder } else { Format::Images };
    let mut table = images.table(path, format, labels);
    if !files.deeper.is_empty() {
        let folders = crate::spec::listed("folder", &files.deeper);
        table
            .notes
            .push(format!("images of {folders} count for the class that the folder lies in"));
    }
    Ok(table)
}

const OTHER: &str = "without the ending .png, .jpg, .jpeg, .webp or .bmp";

/// The files of a folder and those below it.
#[derive(Default)]
struct Files {
    images: Vec<PathBuf>,
    /// The class of each image; empty where there are none.
    class_of: Vec<u32>,
    left_out: Vec<LeftOut>,
    /// Folders within those of the classes that hold images.
    deeper: Vec<String>,
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
                let before = self.images.len();
                self.walk(&entry.path, within)?;
                if self.images.len() > before {
                    self.deeper.push(entry.path.display().to_string());
                }
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
        LeftOut::add(&mut self.left_out, true, why, || path.display().to_string());
    }
}

fn real(folder: &Path) -> Result<PathBuf, DataError> {
    folder.canonicalize().map_err(|error| crate::open::cannot_open(folder, error))
}

/// Decoded images, all of the size and the channels of the first.
#[derive(Default)]
pub(crate) struct Images {
    /// `[images, channels, height, width]`
    pixels: Vec<u8>,
    /// The first image: `[channels, height, width]`.
    first: Option<(PathBuf, [usize; 3])>,
    names: Vec<String>,
    left_out: Vec<LeftOut>,
    /// The largest sample of all images of 16 bits.
    brightest: Option<u16>,
}

impl Images {
    fn push(&mut self, source: &Source<'_>, request: Request<'_>) -> Result<(), DataError> {
        let first = self.first.as_ref().map(|(path, shape)| (path.as_path(), *shape));
        let Decoded { mut planes, shape, brightest } = decode(source, request, first)?;
        if self.first.is_none() {
            self.first = Some((source.path().to_path_buf(), shape));
        }
        self.brightest = self.brightest.max(brightest);
        self.pixels.append(&mut planes);
        let bytes = self.pixels.len() as u64;
        if bytes > MOST_BYTES {
            let path = source.path().to_path_buf();
            return Err(OpenError::TooLarge { path, bytes, most: MOST_BYTES }.into());
        }
        self.names.push(source.path().display().to_string());
        Ok(())
    }

    /// Decodes an image of several; says whether it could be, and notes one that could not.
    pub(crate) fn push_or_leave_out(
        &mut self,
        path: &Path,
        request: Request<'_>,
    ) -> Result<bool, DataError> {
        match self.push(&Source::File(path), request) {
            Ok(()) => Ok(true),
            Err(DataError::Open(OpenError::DamagedImage { path, problem })) => {
                let why = format!("that cannot be decoded ({problem})");
                LeftOut::add(&mut self.left_out, true, &why, || path.display().to_string());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses `count` images of the first's size if they are too many for the memory; else makes
    /// room for them.
    pub(crate) fn check_all(&mut self, count: usize, path: &Path) -> Result<(), DataError> {
        if self.names.len() != 1 || self.pixels.capacity() > self.pixels.len() {
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

    pub(crate) fn table(self, path: &Path, format: Format, labels: Option<Labels>) -> Table {
        /// Samples of 16 bits below half of what they could be are of a camera with fewer bits.
        const HALF: u16 = 1 << 15;
        let shape = self.first.map_or([0; 3], |(_, shape)| shape);
        let values = Values::Bytes { pixels: self.pixels, white: u8::MAX };
        let dark = self.brightest.filter(|brightest| *brightest < HALF);
        let notes = dark.map(|brightest| {
            format!(
                "the images have 16 bits a sample, but none is above {brightest} of 65535: they are \
                 read as dark as that; stretch them to the full range before they are saved"
            )
        });
        Table {
            labels,
            left_out: self.left_out,
            notes: notes.into_iter().collect(),
            ..Table::new(path, format, shape, values, self.names)
        }
    }
}
