//! One image into planes of bytes.

use std::io::Cursor;
use std::path::Path;

use image::imageops::{FilterType, resize};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::jpeg;
use crate::DataError;
use crate::input::{LARGEST_EXPANSION, Source};
use crate::open::{OpenError, Request};

/// The most bytes one image may decode to: 16,384 × 16,384 grey pixels.
const MOST_IMAGE_BYTES: u64 = 256 << 20;

/// The formats that are read.
const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp];

/// A decoded image.
pub(super) struct Decoded {
    /// `[channels, height, width]`
    pub(super) planes: Vec<u8>,
    pub(super) shape: [usize; 3],
    /// The largest sample, where samples have 16 bits.
    pub(super) brightest: Option<u16>,
}

/// Decodes an image. `first` is the image that it must be like, with its shape. Size and colour are
/// checked before a pixel is decoded.
///
/// Photographs are turned as their camera was held (EXIF), unless a learner that was made before
/// this is asked. Samples of 16 bits are rounded to 8.
pub(super) fn decode(
    source: &Source<'_>,
    request: Request<'_>,
    first: Option<(&Path, [usize; 3])>,
) -> Result<Decoded, DataError> {
    let (path, how) = (source.path(), request.how);
    let damaged = |problem: String| OpenError::DamagedImage { path: path.to_path_buf(), problem };
    let bytes = source.whole()?;
    let length = bytes.len() as u64;
    if !jpeg::is_whole(&bytes) {
        return Err(damaged("it is cut off: its end mark is missing".into()).into());
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes))
        .with_guessed_format()
        .map_err(DataError::io("read", path))?;
    let format = reader.format();
    if !format.is_some_and(|format| FORMATS.contains(&format)) {
        return Err(damaged("it begins like no PNG, JPEG, WebP or BMP file".into()).into());
    }
    let mut limits = image::Limits::no_limits();
    // Decoders keep some rows and tables beside the image.
    limits.max_alloc = Some(2 * MOST_IMAGE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| damaged(error.to_string()))?;

    let (width, height) = decoder.dimensions();
    let bomb = |problem: String| {
        let path = path.to_path_buf();
        OpenError::ImageBomb { path, width, height, problem }
    };
    let colour = decoder.color_type();
    let pixels = u64::from(width) * u64::from(height);
    if pixels.saturating_mul(colour.bytes_per_pixel().into()) > MOST_IMAGE_BYTES {
        return Err(
            bomb(format!("more than the {MOST_IMAGE_BYTES} bytes an image may have")).into()
        );
    }
    let stored = pixels * u64::from(decoder.original_color_type().bits_per_pixel()) / 8;
    if format == Some(ImageFormat::Png) && stored > length.saturating_mul(LARGEST_EXPANSION) {
        return Err(bomb(format!("which no file of {length} bytes can hold")).into());
    }
    let upright = request.known.is_none_or(|known| known.upright);
    let turn = match upright {
        // What EXIF says wrongly is no reason to refuse the picture.
        true => decoder.orientation().unwrap_or(Orientation::NoTransforms),
        false => Orientation::NoTransforms,
    };
    let size = if turns_sideways(turn) { [width, height] } else { [height, width] };
    let channels = how.channels.unwrap_or(if colour.has_color() { 3 } else { 1 });
    let [height, width] = how.resize.unwrap_or(size.map(|side| side as usize));
    let shape = [channels, height, width];
    if let Some((first, expected)) = first.filter(|&(_, expected)| expected != shape) {
        let (path, first) = (path.to_path_buf(), first.to_path_buf());
        let [first_channels, first_size @ ..] = expected;
        return Err(if first_size == [height, width] {
            OpenError::ImageColour { path, channels, first, first_channels }
        } else {
            OpenError::ImageSize { path, size: [height, width], first, first_size }
        }
        .into());
    }

    let mut decoded =
        DynamicImage::from_decoder(decoder).map_err(|error| damaged(error.to_string()))?;
    decoded.apply_orientation(turn);
    if colour.has_alpha() && decoded.to_rgba8().pixels().any(|pixel| pixel.0[3] != u8::MAX) {
        return Err(OpenError::Transparent { path: path.to_path_buf() }.into());
    }
    let brightest = brightest(&decoded);
    let (columns, lines) = (width as u32, height as u32);
    let planes = match channels {
        1 => {
            let grey = decoded.into_luma8();
            let scaled = how.resize.map(|_| resize(&grey, columns, lines, FilterType::Triangle));
            scaled.unwrap_or(grey).into_raw()
        }
        _ => {
            let colour = decoded.into_rgb8();
            let scaled = how.resize.map(|_| resize(&colour, columns, lines, FilterType::Triangle));
            let interleaved = scaled.unwrap_or(colour).into_raw();
            let plane = |channel| interleaved.iter().skip(channel).step_by(3);
            (0..3).flat_map(plane).copied().collect()
        }
    };
    Ok(Decoded { planes, shape, brightest })
}

/// Whether height and width change places.
fn turns_sideways(turn: Orientation) -> bool {
    use Orientation as O;
    matches!(turn, O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH)
}

/// The largest sample of an image of 16 bits, transparency apart.
fn brightest(image: &DynamicImage) -> Option<u16> {
    match image {
        DynamicImage::ImageLuma16(it) => it.iter().max().copied(),
        DynamicImage::ImageRgb16(it) => it.iter().max().copied(),
        DynamicImage::ImageLumaA16(it) => it.pixels().map(|pixel| pixel.0[0]).max(),
        DynamicImage::ImageRgba16(it) => it.pixels().flat_map(|it| it.0[..3].to_vec()).max(),
        _ => None,
    }
}
