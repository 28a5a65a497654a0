//! Makes the files that the readers read.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// An IDX file: magic number, sizes, bytes.
pub(crate) fn idx(magic: u32, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = magic.to_be_bytes().to_vec();
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend_from_slice(bytes);
    file
}

pub(crate) fn images(count: u32, height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    idx(0x803, &[count, height, width], pixels)
}

pub(crate) fn labels(labels: &[u8]) -> Vec<u8> {
    idx(0x801, &[labels.len() as u32], labels)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Writes `content` to `folder/name`, and the folder if need be.
pub(crate) fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a new folder");
    fs::write(path, content).expect("a new file");
}

/// A set of four IDX files with images of 2×3 pixels: pixel `p` of image `i` is `10 * i + p`.
/// `test` is what the names of the test files say.
pub(crate) fn put_idx_set(
    folder: &Path,
    prefix: &str,
    test: &str,
    train: &[u8],
    test_labels: &[u8],
) {
    for (part, part_labels) in [("train", train), (test, test_labels)] {
        let pixels: Vec<u8> =
            (0..part_labels.len() as u8).flat_map(|i| (0..6).map(move |p| 10 * i + p)).collect();
        let content = images(part_labels.len() as u32, 2, 3, &pixels);
        put(folder, &format!("{prefix}{part}-images-idx3-ubyte"), &content);
        let content = gzip(&labels(part_labels));
        put(folder, &format!("{prefix}{part}-labels-idx1-ubyte.gz"), &content);
    }
}

/// A record of CIFAR whose pixels are all `pixel`.
pub(crate) fn record(labels: &[u8], pixel: u8) -> Vec<u8> {
    let mut record = labels.to_vec();
    record.resize(labels.len() + 3072, pixel);
    record
}

/// A CIFAR-10 set: batch `n` holds one image of class `n - 1` with pixels `n`, the test file one
/// of class 9.
pub(crate) fn put_cifar10(folder: &Path) {
    for n in 1..=5 {
        put(folder, &format!("data_batch_{n}.bin"), &record(&[n - 1], n));
    }
    put(folder, "test_batch.bin", &record(&[9], 99));
}

/// A CIFAR-100 set of two training images and a test image.
pub(crate) fn put_cifar100(folder: &Path) {
    let train = [record(&[19, 99], 1), record(&[0, 7], 2)].concat();
    put(folder, "train.bin", &train);
    put(folder, "test.bin", &record(&[3, 42], 3));
}
