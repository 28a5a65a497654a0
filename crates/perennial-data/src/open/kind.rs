//! What a file is, by its first bytes.

use std::path::Path;

use super::OpenError;
use crate::DataError;
use crate::arrays::Archive;
use crate::cifar::Variant;
use crate::input::Source;

/// The sort of a file.
pub(super) enum Kind {
    Image,
    Csv,
    Parquet,
    Npy,
    Npz,
    Safetensors,
    Idx,
    Cifar(Variant),
}

/// Formats by their first bytes that people have and that are not read.
const OTHERS: [(&[u8], &str); 8] = [
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file (save the table as CSV)"),
    (b"\xff\xfe", "text in UTF-16 (save it as UTF-8)"),
    (b"\xfe\xff", "text in UTF-16 (save it as UTF-8)"),
];

/// What a RIFF file says it holds, after its mark and length.
const RIFF: [(&[u8], &str); 2] = [(b"WAVE", "a WAV recording"), (b"AVI ", "an AVI video")];

/// What a pickle may do.
const PICKLE: &str =
    "a pickle, which may run any code when it is read (save arrays with numpy.savez)";

impl Kind {
    /// Looks at the first bytes, after unpacking gzip; at the name only for the files of CIFAR,
    /// whose first byte is already a label, and for what would be text but is called `.parquet`.
    pub(super) fn of(source: &Source<'_>) -> Result<Self, DataError> {
        const LONGEST: u64 = 512;
        let path = source.path();
        let start = source.input()?.read(LONGEST)?;
        if let Some(variant) = cifar(path) {
            return Ok(Self::Cifar(variant));
        }
        let begins = |with: &[u8]| start.starts_with(with);
        let riff = begins(b"RIFF").then(|| start.get(8..12)).flatten();
        Ok(match () {
            () if begins(b"\x89PNG\r\n\x1a\n") || begins(b"\xff\xd8\xff") => Self::Image,
            () if riff == Some(b"WEBP") || is_bmp(&start) => Self::Image,
            () if begins(b"\x93NUMPY") => Self::Npy,
            () if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => match archive(source)? {
                Some(found) => return Err(unknown(path, found)),
                None => Self::Npz,
            },
            () if begins(&[0, 0, 8, 3]) => Self::Idx,
            () if is_safetensors(&start) => Self::Safetensors,
            // The second is the mark of an encrypted one.
            () if begins(b"PAR1") || begins(b"PARE") => Self::Parquet,
            () if is_pickle(&start) => return Err(unknown(path, PICKLE)),
            () => {
                let others = OTHERS.iter().find(|(with, _)| begins(with));
                let riffs = RIFF.iter().find(|(kind, _)| riff == Some(kind));
                match others.or(riffs) {
                    Some((_, name)) => return Err(unknown(path, name)),
                    None if riff.is_some() => return Err(unknown(path, "a RIFF file")),
                    // Its name says Parquet and its first bytes do not: the reader of Parquet says so.
                    None if is_called_parquet(path) => Self::Parquet,
                    // Text has no zero byte.
                    None if start.contains(&0) => return Err(unknown(path, "of no known format")),
                    None => Self::Csv,
                }
            }
        })
    }
}

/// What an archive is that holds no arrays: `None` for one of `.npy` files, or one too damaged to
/// tell.
fn archive(source: &Source<'_>) -> Result<Option<&'static str>, DataError> {
    let (bytes, length) = source.seekable()?;
    let Ok(archive) = Archive::new(bytes, length) else { return Ok(None) };
    let names: Vec<&str> = archive.names().collect();
    let has = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
    Ok(match () {
        () if names.is_empty() || has(&|name| name.ends_with(".npy")) => None,
        () if has(&|name| name.starts_with("xl/")) => {
            Some("an Excel workbook (save the table as CSV)")
        }
        () if has(&|name| name.ends_with("data.pkl")) => {
            Some("a PyTorch file, a pickle which may run any code (save arrays with numpy.savez)")
        }
        () => Some("a ZIP archive (unpack it)"),
    })
}

/// A bitmap's header: the mark, the file's length, four reserved bytes that are 0.
fn is_bmp(start: &[u8]) -> bool {
    start.starts_with(b"BM") && start.get(6..10) == Some(&[0; 4])
}

/// A pickle begins with its protocol (2 and up), or with an opcode of older ones and ends its
/// first line so.
fn is_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, ..]) || start.starts_with(b"(dp0") || start.starts_with(b"(lp0")
}

fn unknown(path: &Path, found: &str) -> DataError {
    OpenError::UnknownFormat { path: path.to_path_buf(), found: found.into() }.into()
}

/// The variant of CIFAR whose files are called so.
fn cifar(path: &Path) -> Option<Variant> {
    let name = path.file_name()?.to_str()?;
    [Variant::Cifar10, Variant::Cifar100]
        .into_iter()
        .find(|variant| variant.train_files().contains(&name) || variant.test_file() == name)
}

fn is_called_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet"))
}

/// The length of a header in 8 little-endian bytes, and the header, which is JSON.
fn is_safetensors(start: &[u8]) -> bool {
    /// The longest header that the format allows.
    const LONGEST_HEADER: u64 = 100_000_000;
    match start.split_first_chunk() {
        Some((length, rest)) => {
            u64::from_le_bytes(*length) <= LONGEST_HEADER && rest.first() == Some(&b'{')
        }
        None => false,
    }
}
