//! Makes files of people's own data.

use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use image::{DynamicImage, ImageFormat};
use perennial_data::{DataError, Opened, ReadOptions, Rows, Values, open, parse, read};

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

/// A ZIP archive of files, packed or not. Local headers, then the directory, then the end.
pub(crate) fn zip(files: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let bytes = if packed { deflate(content) } else { content.clone() };
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let method: u16 = if packed { 8 } else { 0 };
        // Version, flags, method, time, date, check sum, sizes, lengths of name and extras.
        let mut header = [20, 0, method, 0, 0].map(u16::to_le_bytes).concat();
        let sizes = [sum.sum(), bytes.len() as u32, content.len() as u32];
        header.extend(sizes.map(u32::to_le_bytes).concat());
        header.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        let at = archive.len() as u32;
        archive.extend([b"PK\x03\x04", &header[..], name.as_bytes(), &bytes].concat());
        // Made by, the same, no comment, disk 0, no attributes, where it lies.
        directory.extend([b"PK\x01\x02", &[20, 0][..], &header, &[0; 10]].concat());
        directory.extend([&at.to_le_bytes()[..], name.as_bytes()].concat());
    }
    let (count, at) = (files.len() as u16, archive.len() as u32);
    let mut end = [0, 0, count, count].map(u16::to_le_bytes).concat();
    end.extend([directory.len() as u32, at].map(u32::to_le_bytes).concat());
    [&archive[..], &directory, b"PK\x05\x06", &end, &[0, 0]].concat()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
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
    open(path, &ReadOptions::default(), None).unwrap()
}

/// What is said of data that cannot be opened.
pub(crate) fn refused(path: &Path) -> DataError {
    let error = open(path, &ReadOptions::default(), None).unwrap_err();
    one_sentence(&error);
    error
}

pub(crate) fn rows(path: &Path) -> Rows {
    read(path, &ReadOptions::default(), None).unwrap()
}

pub(crate) fn parsed(bytes: &[u8], name: &str) -> Result<Rows, DataError> {
    let result = parse(bytes, Path::new(name), &ReadOptions::default(), None);
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
    assert_eq!(rows.values.len(), count * rows.spec.shape.iter().product::<usize>());
    match &rows.values {
        Values::Bytes { pixels, white } => assert!(pixels.iter().all(|pixel| pixel <= white)),
        Values::Floats(floats) => assert!(floats.iter().all(|value| value.is_finite())),
    }
    if let Some(labels) = &rows.labels {
        assert_eq!(labels.len(), count);
        assert!(labels.iter().all(|&label| (label as usize) < rows.classes.len()));
    }
}
