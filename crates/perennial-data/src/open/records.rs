//! Single files of the formats whose sets are several files: IDX and CIFAR.

use super::{Format, Labels, Table};
use crate::cifar::{self, Variant};
use crate::input::Source;
use crate::{DataError, Values, idx};

/// IDX images, and the labels of the file beside it that is called alike.
pub(super) fn idx(source: &Source<'_>) -> Result<Table, DataError> {
    let path = source.path();
    let (images, labels) = match source {
        Source::Memory(bytes, path) => (idx::parse_images(bytes, path)?, None),
        Source::File(path) => {
            let twin = path.file_name().and_then(|name| name.to_str()).and_then(|name| {
                let twin = name.replace("images", "labels").replace("idx3", "idx1");
                // The two may be packed differently.
                let plain = twin.trim_end_matches(".gz");
                [format!("{plain}.gz"), plain.to_owned()]
                    .into_iter()
                    .filter(|twin| twin != name)
                    .map(|twin| path.with_file_name(twin))
                    .find(|twin| twin.is_file())
            });
            let labels = match &twin {
                Some(twin) => Some((idx::read_labels(twin)?, twin)),
                None => None,
            };
            let images = idx::read_images(path)?;
            if let Some((labels, twin)) = labels.as_ref().filter(|it| it.0.len() != images.count) {
                return Err(DataError::CountMismatch {
                    images: path.to_path_buf(),
                    image_count: images.count,
                    labels: twin.to_path_buf(),
                    label_count: labels.len(),
                });
            }
            (images, labels.map(|(labels, _)| labels))
        }
    };
    let labels = labels.map(|rows| {
        let mut labels = Labels::default();
        rows.iter().for_each(|label| labels.push(&label.to_string()));
        labels
    });
    Ok(Table {
        path: path.to_path_buf(),
        format: Format::Idx,
        shape: [1, images.height, images.width],
        columns: Vec::new(),
        values: Values::Bytes { pixels: images.pixels, white: u8::MAX },
        labels,
        names: row_names(images.count),
        dropped: Vec::new(),
    })
}

/// The records of one file of CIFAR.
pub(super) fn cifar(source: &Source<'_>, variant: Variant) -> Result<Table, DataError> {
    let part = match source {
        Source::Memory(bytes, path) => cifar::parse(variant, bytes, path)?,
        Source::File(path) => cifar::read_file(variant, path)?,
    };
    let folder = source.path().parent().unwrap_or(source.path());
    let names = cifar::class_names(variant, folder)?;
    Ok(Table {
        path: source.path().to_path_buf(),
        format: Format::Cifar,
        shape: cifar::SHAPE,
        columns: Vec::new(),
        names: row_names(part.len()),
        values: part.values,
        labels: Some(Labels { rows: part.labels, names, fixed: true }),
        dropped: Vec::new(),
    })
}

fn row_names(count: usize) -> Vec<String> {
    (1..=count).map(|row| format!("row {row}")).collect()
}
