use image::{DynamicImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};
use perennial_data::{
    DataError, ErrorKind, Format, InputSpec, OpenError, ReadOptions, Scale, TestPart, open, parse,
    read,
};
use proptest::prelude::*;
use std::path::Path;
use tempfile::TempDir;

use crate::files::put;
use crate::own::{encode, grey, opened, parsed, refused, rows, whole};

/// Shades 1 … 5 of class `b`, 11 … 15 of class `a`.
fn put_classes(folder: &Path) {
    for shade in 1..=5 {
        put(folder, &format!("b/{shade}.png"), &grey(3, 2, shade));
        put(folder, &format!("a/{shade}.PNG"), &grey(3, 2, 10 + shade));
    }
}

#[test]
fn folders_are_classes() {
    let root = TempDir::new().unwrap();
    put_classes(root.path());
    put(root.path(), "a/.DS_Store", b"hidden");
    put(root.path(), "a/notes.txt", b"no image");
    put(root.path(), "README.md", b"no image");
    put(root.path(), "0.png", &grey(9, 9, 0));
    let found = opened(root.path());
    let set = &found.dataset;
    assert_eq!(
        (found.understanding.format, found.understanding.parts.test_from),
        (Format::ImageFolder, TestPart::HeldBack)
    );
    assert_eq!((set.shape, set.classes.join(" ").as_str()), ([1, 2, 3], "a b"));
    assert_eq!(
        (set.train.labels.as_slice(), set.test.labels.as_slice()),
        (&[0, 0, 0, 0, 1, 1, 1, 1][..], &[0, 1][..])
    );
    assert_eq!(set.train.image(0), Some(&[11; 6][..]));
    assert_eq!((set.test.image(0), set.test.image(1)), (Some(&[15; 6][..]), Some(&[5; 6][..])));
    let told: Vec<String> = found.understanding.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let not = "2 files without the ending .png, .jpg, .jpeg, .webp or .bmp (";
    assert!(told[0].starts_with(not) && told[0].contains("notes.txt"), "{told:?}");
    assert!(told[1].starts_with("1 file outside of the class folders"), "{told:?}");
}

/// Neither the place of a folder nor the order in which its files were made counts.
#[test]
fn the_fingerprint_is_of_the_content() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    put_classes(one.path());
    for shade in (1..=5).rev() {
        put(&other.path().join("deep/down"), &format!("a/{shade}.PNG"), &grey(3, 2, 10 + shade));
        put(&other.path().join("deep/down"), &format!("b/{shade}.png"), &grey(3, 2, shade));
    }
    let down = other.path().join("deep/down");
    let print = opened(one.path()).dataset.fingerprint();
    assert_eq!(opened(&down).dataset.fingerprint(), print);
    put(&down, "b/3.png", &grey(3, 2, 200));
    assert_ne!(opened(&down).dataset.fingerprint(), print);
    put(&down, "b/3.png", &grey(3, 2, 3));
    std::fs::rename(down.join("b"), down.join("c")).unwrap();
    assert_ne!(opened(&down).dataset.fingerprint(), print);
}

#[test]
fn a_part_of_its_own_is_not_set_apart() {
    let root = TempDir::new().unwrap();
    put_classes(&root.path().join("train"));
    put(root.path(), "val/a/x.png", &grey(3, 2, 77));
    let found = opened(root.path());
    assert_eq!(
        (found.understanding.parts.test_from, found.dataset.train.len(), found.dataset.test.len()),
        (TestPart::Own, 10, 1)
    );
    assert_eq!(found.dataset.test.image(0), Some(&[77; 6][..]));
    // Given by hand, it counts before that.
    let how = ReadOptions { test: Some(root.path().join("train")), ..ReadOptions::default() };
    assert_eq!(open(root.path(), &how, None).unwrap().dataset.test.len(), 10);

    put(root.path(), "val/c/x.png", &grey(3, 2, 77));
    let text = refused(root.path()).to_string();
    assert!(text.contains("has the class `c`") && text.ends_with("to learn are: a, b"), "{text}");
    std::fs::remove_dir_all(root.path().join("val/c")).unwrap();
    put(root.path(), "val/a/x.png", &grey(2, 3, 77));
    assert!(refused(root.path()).to_string().contains("bytes up to 255 of 1×3×2"));
}

#[test]
fn images_without_folders_are_rows_to_answer() {
    let root = TempDir::new().unwrap();
    put(root.path(), "b.png", &grey(1, 1, 2));
    put(root.path(), "a.png", &grey(1, 1, 1));
    let found = rows(root.path());
    assert_eq!((found.values.bytes(), found.labels), (Some(&[1, 2][..]), None));
    assert!(found.names[0].ends_with("a.png"), "{:?}", found.names);
    assert_eq!(rows(&root.path().join("b.png")).values.bytes(), Some(&[2][..]));
    assert!(refused(root.path()).to_string().contains("a folder named after it"));
}

/// Red is one plane, green the next: as CIFAR and the networks have them.
#[test]
fn colours_are_planes() {
    let image = RgbImage::from_fn(2, 1, |x, _| Rgb([10 + x as u8, 20 + x as u8, 30 + x as u8]));
    let found = parsed(&encode(&image.into(), ImageFormat::Png), "rgb.png").unwrap();
    assert_eq!(
        (found.spec.shape, found.values.bytes()),
        ([3, 1, 2], Some(&[10, 11, 20, 21, 30, 31][..]))
    );
    // Flat colours survive JPEG but for rounding.
    let image = RgbImage::from_pixel(16, 8, Rgb([200, 100, 50]));
    let found = parsed(&encode(&image.into(), ImageFormat::Jpeg), "flat.jpg").unwrap();
    assert_eq!(found.spec.shape, [3, 8, 16]);
    for (plane, shade) in found.values.bytes().unwrap().chunks(128).zip([200, 100, 50]) {
        assert!(plane.iter().all(|&pixel| pixel.abs_diff(shade) <= 3));
    }
}

#[test]
fn what_is_opaque_and_what_is_deep() {
    let alpha =
        |alpha| DynamicImage::from(image::GrayAlphaImage::from_pixel(2, 1, LumaA([9, alpha])));
    let found = parsed(&encode(&alpha(255), ImageFormat::Png), "opaque.png").unwrap();
    assert_eq!((found.spec.shape, found.values.bytes()), ([1, 1, 2], Some(&[9, 9][..])));
    let error = parsed(&encode(&alpha(254), ImageFormat::Png), "glass.png").unwrap_err();
    assert!(error.to_string().contains("transparent in places"), "{error}");
    let rgba = image::RgbaImage::from_pixel(1, 1, Rgba([1, 2, 3, 255]));
    assert_eq!(
        parsed(&encode(&rgba.into(), ImageFormat::Png), "a.png").unwrap().spec.shape,
        [3, 1, 1]
    );
    // 16 bits: 257 · 7 is 7 of 8 bits.
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_pixel(1, 1, Luma([257 * 7]));
    let found = parsed(&encode(&deep.into(), ImageFormat::Png), "deep.png").unwrap();
    assert_eq!(found.values.bytes(), Some(&[7][..]));
}

#[test]
fn other_sizes_and_colours_are_told_or_converted() {
    let root = TempDir::new().unwrap();
    put(root.path(), "a/1.png", &grey(4, 4, 50));
    put(root.path(), "a/2.png", &grey(2, 4, 50));
    let text = refused(root.path()).to_string();
    assert!(
        text.contains("a/2.png is 4×2 pixels, but") && text.contains("a/1.png is 4×4"),
        "{text}"
    );
    let how = ReadOptions { resize: Some([2, 3]), ..ReadOptions::default() };
    let found = open(root.path(), &how, None).unwrap();
    assert_eq!((found.dataset.shape, found.dataset.test.image(0)), ([1, 2, 3], Some(&[50; 6][..])));

    let image = RgbImage::from_pixel(2, 4, Rgb([50, 50, 50]));
    put(root.path(), "a/1.png", &encode(&image.into(), ImageFormat::Png));
    let text = refused(root.path()).to_string();
    assert!(
        text.contains("a/2.png is grey, but") && text.contains("a/1.png is coloured"),
        "{text}"
    );
    for channels in [1, 3] {
        let how = ReadOptions { channels: Some(channels), ..ReadOptions::default() };
        let found = open(root.path(), &how, None).unwrap();
        assert_eq!(found.dataset.shape, [channels, 4, 2]);
        assert!(found.dataset.train.image(0).unwrap().iter().all(|&pixel| pixel == 50));
    }
}

#[test]
fn what_cannot_be_asked_for() {
    for (how, word) in [
        (ReadOptions { channels: Some(2), ..ReadOptions::default() }, "1 channel"),
        (ReadOptions { resize: Some([0, 4]), ..ReadOptions::default() }, "0 pixels"),
        (ReadOptions { resize: Some([4, 1 << 40]), ..ReadOptions::default() }, "at most 16384"),
        (ReadOptions { scale: Some(Scale::Divide(0)), ..ReadOptions::default() }, "the scale is 0"),
    ] {
        for error in [
            open(Path::new("x"), &how, None).unwrap_err(),
            read(Path::new("x"), &how, None).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

/// A PNG of 67 bytes whose header is changed to say 65,535 × 65,535, with the right check sum.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = grey(1, 1, 0);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&bytes[12..29]); // the chunk's name and content
    bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    bytes
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_decoded() {
    let told = |width, height, word: &str| {
        let error = parsed(&bomb(width, height), "bomb.png").unwrap_err();
        assert!(matches!(error, DataError::Open(OpenError::ImageBomb { .. })), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("{width}×{height} pixels")) && text.contains(word),
            "{text}"
        );
    };
    told(65_535, 65_535, "more than the 268435456 bytes");
    told(16_000, 16_000, "which no file of");
}

#[test]
fn damaged_images_and_other_formats_are_told() {
    let whole = grey(8, 8, 3);
    for cut in 8..whole.len() - 12 {
        assert!(parsed(&whole[..cut], "cut.png").is_err(), "cut at {cut}");
    }
    let error = parsed(b"GIF89a and so on", "a.gif").unwrap_err();
    assert!(
        error.to_string().contains("is a GIF image, which is not read; known are: "),
        "{error}"
    );
    // Of a folder's files, those called images must be some.
    let root = TempDir::new().unwrap();
    put(root.path(), "a/1.png", b"no image");
    let text = refused(root.path()).to_string();
    assert!(
        text.contains("no row: 1 file that cannot be decoded (it begins like no PNG")
            && text.contains("a/1.png"),
        "{text}"
    );
}

/// A JPEG whose camera was held so, by the number that EXIF has for it.
fn held(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let jpeg = encode(&image.clone().into(), ImageFormat::Jpeg);
    // TIFF, little-endian: one entry at 8, of tag 0x112 and type 3, with one value.
    let tiff =
        [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]];
    let exif = [b"Exif\0\0", &tiff.concat()[..]].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
}

/// A picture with a light left half, 8 wide and 16 high. Catches: a photograph that is taught as
/// its sensor lay, a shape that stays; a learner of before that sees another picture than it did.
#[test]
fn photographs_are_turned_upright() {
    let image = RgbImage::from_fn(8, 16, |x, _| Rgb([if x < 4 { 255 } else { 0 }; 3]));
    let how = ReadOptions { channels: Some(1), ..ReadOptions::default() };
    let of = |bytes: &[u8], known: Option<&InputSpec>| {
        let found = parse(bytes, Path::new("p.jpg"), &how, known).unwrap();
        (found.spec.shape, found.values.bytes().unwrap().to_vec())
    };
    let (shape, upright) = of(&held(&image, 1), None);
    assert_eq!((shape, upright[0] > 200, upright[7] < 50), ([1, 16, 8], true, true));
    // 6: to be turned by 90° clockwise, so that left becomes top.
    let (shape, turned) = of(&held(&image, 6), None);
    assert_eq!(
        (shape, turned[0] > 200, turned[15] > 200, turned[7 * 16] < 50),
        ([1, 8, 16], true, true, true)
    );
    // 3: upside down.
    let (_, turned) = of(&held(&image, 3), None);
    assert_eq!((turned[0] < 50, turned[7] > 200), (true, true));
    let older = InputSpec::of_older([1, 16, 8], Some(255), &[]);
    assert_eq!(of(&held(&image, 6), Some(&older)), ([1, 16, 8], upright));
}

/// Catches: half a picture that is taught, or that stops the whole folder.
#[test]
fn a_cut_photograph_is_left_out_and_named() {
    let root = TempDir::new().unwrap();
    put_classes(root.path());
    let image = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8 * 80, y as u8 * 90, 7]));
    let jpeg = encode(&image.into(), ImageFormat::Jpeg);
    for cut in 0..7 {
        put(root.path(), &format!("b/cut{cut}.jpg"), &jpeg[..jpeg.len() - 2 - cut]);
    }
    let found = opened(root.path());
    assert_eq!(found.dataset.train.len() + found.dataset.test.len(), 10);
    let [left_out] = &found.understanding.left_out[..] else { panic!("{found:?}") };
    assert_eq!((left_out.files, left_out.count, left_out.first.len()), (true, 7, 5));
    let said = left_out.to_string();
    assert!(said.starts_with("7 files that cannot be decoded (it is cut off"), "{said}");
    assert!(said.contains("b/cut0.jpg") && said.ends_with("and 2 more)"), "{said}");
    let error = parsed(&jpeg[..jpeg.len() - 2], "cut.jpg").unwrap_err().to_string();
    assert!(error.contains("cannot be decoded") && error.contains("cut off"), "{error}");
}

#[test]
fn webp_and_bitmaps_are_read() {
    let image = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8 * 60, y as u8 * 70, 9]));
    let png = parsed(&encode(&image.clone().into(), ImageFormat::Png), "a.png").unwrap();
    for format in [ImageFormat::WebP, ImageFormat::Bmp] {
        let found = parsed(&encode(&image.clone().into(), format), "a").unwrap();
        assert_eq!((found.spec.shape, found.values), ([3, 3, 4], png.values.clone()));
    }
}

#[test]
fn dark_images_of_sixteen_bits_are_said() {
    let grey = |most: u16| {
        let image = image::ImageBuffer::from_fn(2, 2, |x, _| image::Luma([x as u16 * most]));
        parsed(&encode(&DynamicImage::ImageLuma16(image), ImageFormat::Png), "a.png").unwrap()
    };
    let said = grey(4095).understanding.notes.join("; ");
    assert!(said.contains("none is above 4095 of 65535"), "{said}");
    assert!(grey(65_535).understanding.notes.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_change_of_a_byte_makes_it_panic(kind in 0..4_usize, at: prop::sample::Index, to: u8) {
        let image = RgbImage::from_fn(9, 5, |x, y| Rgb([x as u8 * 20, y as u8 * 30, 7]));
        let formats =
            [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp];
        let format = formats[kind];
        let mut bytes = encode(&image.into(), format);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(found) = parse(&bytes, Path::new("changed"), &ReadOptions::default(), None) {
            whole(&found);
        }
    }
}
