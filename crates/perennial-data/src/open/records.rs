//! Single files of the formats whose sets are several files: IDX and CIFAR.

use super::{Format, Table};
use crate::cifar::{self, Variant};
use crate::input::Source;
use crate::labels::{Labels, RawLabel};
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
        rows.iter().for_each(|label| labels.push(&RawLabel::Typed(label.to_string().into())));
        labels
    });
    let shape = [1, images.height, images.width];
    let values = Values::Bytes { pixels: images.pixels, white: u8::MAX };
    Ok(Table { labels, ..Table::new(path, Format::Idx, shape, values, row_names(images.count)) })
}

/// The records of one file of CIFAR.
pub(super) fn cifar(source: &Source<'_>, variant: Variant) -> Result<Table, DataError> {
    let part = match source {
        Source::Memory(bytes, path) => cifar::parse(variant, bytes, path)?,
        Source::File(path) => cifar::read_file(variant, path)?,
    };
    let folder = source.path().parent().unwrap_or(source.path());
    let names = cifar::class_names(variant, folder)?;
    let rows = row_names(part.len());
    Ok(Table {
        labels: Some(Labels::fixed(part.labels, names)),
        ..Table::new(source.path(), Format::Cifar, cifar::SHAPE, part.values, rows)
    })
}

fn row_names(count: usize) -> Vec<String> {
    (1..=count).map(|row| format!("row {row}")).collect()
}
