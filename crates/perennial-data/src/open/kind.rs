//! What a file is, by its first bytes.

use std::path::Path;

use super::OpenError;
use crate::DataError;
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
    (b"BM", "a BMP image"),
    (b"RIFF", "a WebP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x80\x04", "a pickle, which may run any code when it is read"),
    (b"%PDF", "a PDF"),
];

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
        Ok(match () {
            () if begins(b"\x89PNG\r\n\x1a\n") || begins(b"\xff\xd8\xff") => Self::Image,
            () if begins(b"\x93NUMPY") => Self::Npy,
            () if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Self::Npz,
            () if begins(&[0, 0, 8, 3]) => Self::Idx,
            () if is_safetensors(&start) => Self::Safetensors,
            // The second is the mark of an encrypted one.
            () if begins(b"PAR1") || begins(b"PARE") => Self::Parquet,
            () => match OTHERS.iter().find(|(with, _)| begins(with)) {
                Some((_, name)) => return Err(unknown(path, name)),
                // What it should begin with is not there: its reader says so.
                None if is_called_parquet(path) => Self::Parquet,
                // Text has no zero byte; UTF-16 has, and is not read either.
                None if start.contains(&0) => return Err(unknown(path, "of no known format")),
                None => Self::Csv,
            },
        })
    }
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
