//! Makes files of people's own data.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use perennial_data::{DataError, How, Opened, Rows, Values, open, parse, read};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A `.npy` file: `descr` as NumPy writes it, `shape` as Python does.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&(header.len() as u16).to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(values);
    file
}

pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// An archive of files, packed or not.
pub(crate) fn zip(files: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let method = if packed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(crate) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A grey PNG of one shade.
pub(crate) fn grey(width: u32, height: u32, shade: u8) -> Vec<u8> {
    let image = image::GrayImage::from_pixel(width, height, image::Luma([shade]));
    encode(&image.into(), ImageFormat::Png)
}

pub(crate) fn opened(path: &Path) -> Opened {
    open(path, &How::default()).unwrap()
}

/// What is said of data that cannot be opened.
pub(crate) fn refused(path: &Path) -> DataError {
    let error = open(path, &How::default()).unwrap_err();
    one_sentence(&error);
    error
}

pub(crate) fn rows(path: &Path) -> Rows {
    read(path, &How::default()).unwrap()
}

pub(crate) fn parsed(bytes: &[u8], name: &str) -> Result<Rows, DataError> {
    let result = parse(bytes, Path::new(name), &How::default());
    if let Err(error) = &result {
        one_sentence(error);
        assert!(error.to_string().contains(name), "{error}");
    }
    result
}

fn one_sentence(error: &DataError) {
    assert!(!error.to_string().contains('\n'), "{error}");
}

pub(crate) fn as_floats(values: &Values) -> &[f32] {
    match values {
        Values::Floats(floats) => floats,
        Values::Bytes { .. } => panic!("bytes where floats are expected"),
    }
}

/// What holds of any rows that were read.
pub(crate) fn whole(rows: &Rows) {
    let count = rows.names.len();
    assert!(count > 0);
    assert_eq!(rows.values.len(), count * rows.shape.iter().product::<usize>());
    match &rows.values {
        Values::Bytes { pixels, white } => assert!(pixels.iter().all(|pixel| pixel <= white)),
        Values::Floats(floats) => assert!(floats.iter().all(|value| value.is_finite())),
    }
    if let Some(labels) = &rows.labels {
        assert_eq!(labels.len(), count);
        assert!(labels.iter().all(|&label| (label as usize) < rows.classes.len()));
    }
}
