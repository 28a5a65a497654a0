use std::path::Path;

use perennial_data::idx::{Images, parse_images, parse_labels, read_images};
use perennial_data::{DataError, ErrorKind};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::files::{gzip, idx, images, labels, put};

const NAME: &str = "somewhere/train-images-idx3-ubyte.gz";

/// What the reader says of wrong images; every such sentence names the file.
fn refusal(bytes: &[u8]) -> DataError {
    let error = parse_images(bytes, Path::new(NAME)).expect_err("these bytes are wrong");
    assert_eq!(error.kind(), ErrorKind::BadData, "{error}");
    assert!(error.to_string().contains(NAME), "{error}");
    error
}

#[test]
fn images_by_hand() {
    let read = parse_images(&images(2, 1, 3, &[1, 2, 3, 4, 5, 6]), Path::new(NAME)).unwrap();
    let expected = Images { count: 2, height: 1, width: 3, pixels: vec![1, 2, 3, 4, 5, 6] };
    assert_eq!(read, expected);
}

#[test]
fn transposing_swaps_rows_and_columns_of_each_image() {
    let pixels = vec![1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
    let read = Images { count: 2, height: 2, width: 3, pixels };
    let transposed = read.transposed();
    assert_eq!((transposed.height, transposed.width), (3, 2));
    assert_eq!(transposed.pixels, [1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]);
    assert_eq!(transposed.transposed(), read);
}

#[test]
fn a_wrong_magic_number_is_shown_beside_the_expected_one() {
    let text = refusal(&labels(&[1, 2, 3])).to_string();
    assert!(text.contains("found magic number 0x00000801, expected 0x00000803"), "{text}");
    // Floats in three dimensions, and a file of another sort.
    assert!(refusal(&idx(0xd03, &[1, 1, 1], &[0; 4])).to_string().contains("0x00000d03"));
    assert!(matches!(refusal(b"%PDF-1.7 and so on"), DataError::WrongMagic { .. }));
    let text = parse_labels(&images(1, 1, 1, &[0]), Path::new(NAME)).unwrap_err().to_string();
    assert!(text.contains("found magic number 0x00000803, expected 0x00000801"), "{text}");
}

#[test]
fn a_truncated_gzip_is_told_wherever_it_is_cut() {
    let pixels: Vec<u8> = (0..2000).map(|i| (i * i % 251) as u8).collect();
    let whole = gzip(&images(20, 10, 10, &pixels));
    for length in 2..whole.len() {
        let error = refusal(&whole[..length]);
        // Cut early enough, so little is left that the declared images cannot be in it.
        let told = matches!(error, DataError::TruncatedGzip { .. } | DataError::Impossible { .. });
        assert!(told, "cut at {length}: {error}");
    }
    assert!(matches!(refusal(&whole[..whole.len() - 1]), DataError::TruncatedGzip { .. }));
}

#[test]
fn a_damaged_gzip_is_told_even_where_only_its_check_sum_knows() {
    let mut bytes = gzip(&images(1, 2, 2, &[1, 2, 3, 4]));
    let sum = bytes.len() - 8; // CRC-32 and length end the file
    bytes[sum] ^= 1;
    assert!(matches!(refusal(&bytes), DataError::DamagedGzip { .. }));
}

#[test]
fn a_short_file_is_told() {
    let whole = images(2, 2, 2, &[7; 8]);
    assert!(matches!(refusal(&whole[..10]), DataError::ShortHeader { found: 10, .. }));
    assert!(matches!(refusal(b""), DataError::ShortHeader { found: 0, .. }));
    let text = refusal(&whole[..20]).to_string();
    assert!(text.contains("2 images of 2×2 pixels") && text.contains("at most 4 bytes"), "{text}");
    let text = refusal(&gzip(&whole[..20])).to_string();
    assert!(text.contains("holds 4 bytes of data, but its header declares 8"), "{text}");
}

#[test]
fn bytes_beyond_the_declared_are_told() {
    for bytes in [images(1, 2, 2, &[7; 5]), gzip(&images(1, 2, 2, &[7; 5]))] {
        let text = refusal(&bytes).to_string();
        assert!(text.contains("more than 4 bytes of data"), "{text}");
    }
}

/// The first product does not fit 64 bits, and the second is 2⁶⁴, which wraps to 0 unchecked.
#[test]
fn huge_declared_sizes_are_refused_before_anything_is_allocated() {
    for sizes in [[u32::MAX; 3], [1 << 31, 1 << 17, 1 << 16], [60_000, 28, 28]] {
        for bytes in [idx(0x803, &sizes, &[0; 9]), gzip(&idx(0x803, &sizes, &[0; 9]))] {
            assert!(matches!(refusal(&bytes), DataError::Impossible { .. }), "{sizes:?}");
        }
    }
    let error = parse_labels(&idx(0x801, &[u32::MAX], &[0; 9]), Path::new(NAME)).unwrap_err();
    assert!(matches!(error, DataError::Impossible { .. }));
}

/// A megabyte of zeros in a kilobyte: no more is unpacked than the header declares.
#[test]
fn a_gzip_bomb_is_not_unpacked() {
    let bytes = gzip(&images(1, 2, 2, &vec![0; 1 << 20]));
    assert!(refusal(&bytes).to_string().contains("more than 4 bytes"));
}

#[test]
fn files_without_data_are_refused() {
    for sizes in [[0, 28, 28], [5, 0, 28], [5, 28, 0]] {
        assert!(matches!(refusal(&idx(0x803, &sizes, &[])), DataError::Empty { .. }));
    }
    assert!(matches!(parse_labels(&labels(&[]), Path::new(NAME)), Err(DataError::Empty { .. })));
}

#[test]
fn a_missing_file_is_missing() {
    let error = read_images(Path::new("nowhere/at-all")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("nowhere/at-all"));
}

#[test]
fn a_folder_in_place_of_a_file_is_an_input_error() {
    let folder = TempDir::new().unwrap();
    assert_eq!(read_images(folder.path()).unwrap_err().kind(), ErrorKind::Io);
}

/// Some images: height, width, pixels.
fn some_images() -> impl Strategy<Value = (u32, u32, u32, Vec<u8>)> {
    (1..6u32, 1..5u32, 1..5u32).prop_flat_map(|(count, height, width)| {
        let size = (count * height * width) as usize;
        (Just(count), Just(height), Just(width), prop::collection::vec(any::<u8>(), size))
    })
}

proptest! {
    #[test]
    fn images_survive_the_way_to_disk_and_back(
        (count, height, width, pixels) in some_images(),
        zipped: bool,
    ) {
        let bytes = images(count, height, width, &pixels);
        let folder = TempDir::new().unwrap();
        put(folder.path(), "images", &if zipped { gzip(&bytes) } else { bytes });
        let read = read_images(&folder.path().join("images")).unwrap();
        let sizes = [read.count as u32, read.height as u32, read.width as u32];
        prop_assert_eq!(sizes, [count, height, width]);
        prop_assert_eq!(read.pixels, pixels);
    }

    #[test]
    fn labels_survive(all in prop::collection::vec(any::<u8>(), 1..300), zipped: bool) {
        let bytes = if zipped { gzip(&labels(&all)) } else { labels(&all) };
        prop_assert_eq!(parse_labels(&bytes, Path::new("labels")).unwrap(), all);
    }

    #[test]
    fn random_bytes_never_panic(start in 0..4usize, bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        // Starts that get past the first check, so that the later ones are reached.
        let starts: [&[u8]; 4] = [&[], &[0, 0, 8, 3], &[0, 0, 8, 1], &[0x1f, 0x8b, 8, 0]];
        let bytes = [starts[start], &bytes].concat();
        for bytes in [gzip(&bytes), bytes] {
            if let Ok(read) = parse_images(&bytes, Path::new("x")) {
                prop_assert_eq!(read.pixels.len(), read.count * read.height * read.width);
            }
            let _ = parse_labels(&bytes, Path::new("x"));
        }
    }

    #[test]
    fn truncations_are_refused(
        (count, height, width, pixels) in some_images(),
        zipped: bool,
        at: prop::sample::Index,
    ) {
        let bytes = images(count, height, width, &pixels);
        let bytes = if zipped { gzip(&bytes) } else { bytes };
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(parse_images(cut, Path::new("x")).is_err());
    }

    #[test]
    fn mutations_never_panic(
        (count, height, width, pixels) in some_images(),
        zipped: bool,
        at: prop::sample::Index,
        to: u8,
    ) {
        let bytes = images(count, height, width, &pixels);
        let mut bytes = if zipped { gzip(&bytes) } else { bytes };
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(read) = parse_images(&bytes, Path::new("x")) {
            prop_assert_eq!(read.pixels.len(), pixels.len());
        }
    }
}
