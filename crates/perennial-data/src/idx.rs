//! The IDX format of the MNIST family, plain or gzip.
//!
//! A file is a big-endian header and then its bytes, row by row:
//!
//! | content | magic number | then, each 32 bits | then |
//! | --- | --- | --- | --- |
//! | images | `0x00000803`: bytes in 3 dimensions | count, height, width | count × height × width pixels |
//! | labels | `0x00000801`: bytes in 1 dimension | count | count labels |
//!
//! Source: the description of the format on the page of MNIST, <http://yann.lecun.com/exdb/mnist/>.

use std::path::Path;

use crate::DataError;
use crate::input::Input;

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

/// The grey images of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// How many images.
    pub count: usize,
    /// Rows of each.
    pub height: usize,
    /// Columns of each.
    pub width: usize,
    /// One byte a pixel: `[count, height, width]`.
    pub pixels: Vec<u8>,
}

impl Images {
    /// The images with rows and columns swapped.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let (height, width) = (self.height, self.width);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for image in self.pixels.chunks_exact(height * width) {
            for column in 0..width {
                pixels.extend((0..height).map(|row| image[row * width + column]));
            }
        }
        Self { count: self.count, height: width, width: height, pixels }
    }
}

/// Reads a file of images.
///
/// # Errors
///
/// If the file is missing, truncated or damaged, is no IDX file of images, holds none, or does
/// not hold exactly what its header declares. A header that declares more than the file can hold
/// is refused before anything is allocated.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    images(Input::open(path)?)
}

/// Reads images from the bytes of a file; `path` is what errors call it.
///
/// # Errors
///
/// As [`read_images`].
pub fn parse_images(bytes: &[u8], path: &Path) -> Result<Images, DataError> {
    images(Input::from_bytes(bytes, path))
}

/// Reads a file of labels, as they are in the file.
///
/// # Errors
///
/// As [`read_images`], for labels.
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    labels(Input::open(path)?)
}

/// Reads labels from the bytes of a file; `path` is what errors call it.
///
/// # Errors
///
/// As [`read_labels`].
pub fn parse_labels(bytes: &[u8], path: &Path) -> Result<Vec<u8>, DataError> {
    labels(Input::from_bytes(bytes, path))
}

fn images(mut input: Input<'_>) -> Result<Images, DataError> {
    let [count, height, width] = header(&mut input, IMAGES_MAGIC, "images")?;
    let declared = format!("{count} images of {height}×{width} pixels");
    let pixels = body(input, &[count, height, width], declared)?;
    // The body was read, so each size divides the length of a vector and fits.
    Ok(Images { count: count as usize, height: height as usize, width: width as usize, pixels })
}

fn labels(mut input: Input<'_>) -> Result<Vec<u8>, DataError> {
    let [count] = header(&mut input, LABELS_MAGIC, "labels")?;
    body(input, &[count], format!("{count} labels"))
}

/// Reads the magic number and `N` sizes.
fn header<const N: usize>(
    input: &mut Input<'_>,
    magic: u32,
    content: &'static str,
) -> Result<[u32; N], DataError> {
    let expected = 4 * (1 + N as u64);
    let bytes = input.read(expected)?;
    let mut words = bytes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    // A wrong magic number says more than a short header, so it is looked at first.
    if let Some(found) = words.next().filter(|&found| found != magic) {
        let path = input.path().to_path_buf();
        return Err(DataError::WrongMagic { path, content, found, expected: magic });
    }
    let sizes: Vec<u32> = words.collect();
    sizes.try_into().map_err(|_| DataError::ShortHeader {
        path: input.path().to_path_buf(),
        found: bytes.len() as u64,
        expected,
    })
}

/// Reads exactly as many bytes as `sizes` declare, after checking that so many can come.
fn body(mut input: Input<'_>, sizes: &[u32], declared: String) -> Result<Vec<u8>, DataError> {
    let path = input.path().to_path_buf();
    if sizes.contains(&0) {
        return Err(DataError::Empty { path, declared });
    }
    let total = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size.into()));
    let available = input.available();
    let Some(expected) = total.filter(|&total| total <= available) else {
        return Err(DataError::Impossible { path, declared, available });
    };
    let bytes = input.read(expected)?;
    if (bytes.len() as u64) < expected {
        return Err(DataError::WrongLength { path, found: bytes.len().to_string(), expected });
    }
    if !input.at_end()? {
        return Err(DataError::WrongLength {
            path,
            found: format!("more than {expected}"),
            expected,
        });
    }
    Ok(bytes)
}
