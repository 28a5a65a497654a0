//! The part of the ZIP format that `.npz` uses: entries stored or deflated, found through the
//! directory at the end, with the 64-bit sizes that NumPy writes for large arrays.
//!
//! Source: PKWARE, *APPNOTE.TXT: .ZIP File Format Specification*, 6.3.10. All numbers are
//! little-endian.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::input::{BufReadSeek, LARGEST_EXPANSION};

/// The end of an archive without its comment, which may be this much longer.
const END: usize = 22;
const LONGEST_COMMENT: u64 = 0xffff;
const END_MARK: &[u8] = b"PK\x05\x06";
/// What may lie before the end, and says where the end with 64-bit numbers is.
const LOCATOR: u64 = 20;
const LOCATOR_MARK: &[u8] = b"PK\x06\x07";
const END_64: usize = 56;
const END_64_MARK: &[u8] = b"PK\x06\x06";
/// An entry of the directory without its name, extras and comment.
const ENTRY: usize = 46;
const ENTRY_MARK: &[u8] = b"PK\x01\x02";
/// The header before an entry's bytes without its name and extras.
const LOCAL: usize = 30;
const LOCAL_MARK: &[u8] = b"PK\x03\x04";
/// The extra field of an entry that holds what does not fit into 32 bits.
const ZIP_64: u16 = 1;

/// An archive whose directory was read.
pub(crate) struct Archive<'a> {
    bytes: Box<dyn BufReadSeek + 'a>,
    entries: Vec<Entry>,
}

/// A file in an archive.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    encrypted: bool,
    method: u16,
    sum: u32,
    packed: u64,
    size: u64,
    local: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory of an archive of `length` bytes.
    ///
    /// # Errors
    ///
    /// If it has none, in the words of an [`io::ErrorKind::InvalidData`].
    pub(crate) fn new(mut bytes: Box<dyn BufReadSeek + 'a>, length: u64) -> io::Result<Self> {
        let tail = length.min(END as u64 + LONGEST_COMMENT);
        let start = length - tail;
        let end = at(&mut bytes, start, tail)?;
        let found = end.windows(END_MARK.len()).rposition(|window| window == END_MARK);
        let found = found.filter(|&found| found + END <= end.len());
        let Some(found) = found else { return Err(bad("it has no directory at its end")) };
        let end_at = start + found as u64;
        let end = &end[found..];
        let (mut count, mut size, mut first) =
            (u64::from(u16_at(end, 10)), u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
        if let Some(locator) = end_at.checked_sub(LOCATOR) {
            let locator = at(&mut bytes, locator, LOCATOR)?;
            if locator.starts_with(LOCATOR_MARK) {
                let end = at(&mut bytes, u64_at(&locator, 8), END_64 as u64)?;
                if !end.starts_with(END_64_MARK) {
                    return Err(bad("its 64-bit directory is not where it says"));
                }
                (count, size, first) = (u64_at(&end, 32), u64_at(&end, 40), u64_at(&end, 48));
            }
        }
        if first.checked_add(size).is_none_or(|last| last > length) {
            return Err(bad("its directory lies beyond its end"));
        }
        let directory = at(&mut bytes, first, size)?;
        let mut rest = directory.as_slice();
        let mut entries = Vec::new();
        for _ in 0..count {
            let (entry, after) =
                Entry::parse(rest).ok_or_else(|| bad("its directory is cut off"))?;
            entries.push(entry);
            rest = after;
        }
        Ok(Self { bytes, entries })
    }

    /// The names that are text.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| std::str::from_utf8(&entry.name).ok())
    }

    /// The bytes of a file, unpacked, and the most that they can be. At their end, their check sum
    /// is compared.
    pub(crate) fn open<'s>(&'s mut self, name: &str) -> io::Result<(impl Read + use<'s, 'a>, u64)> {
        let entry = self.entries.iter().find(|entry| entry.name == name.as_bytes());
        let entry = entry.ok_or_else(|| bad("there is no such file in it"))?.clone();
        if entry.encrypted {
            return Err(bad("it is encrypted"));
        }
        let header = at(&mut self.bytes, entry.local, LOCAL as u64)?;
        if !header.starts_with(LOCAL_MARK) {
            return Err(bad("its bytes are not where the directory says"));
        }
        let skip = i64::from(u16_at(&header, 26)) + i64::from(u16_at(&header, 28));
        self.bytes.seek(SeekFrom::Current(skip))?;
        let packed = (&mut self.bytes).take(entry.packed);
        let (reader, most): (Box<dyn Read + 's>, u64) = match entry.method {
            0 => (Box::new(packed), entry.packed),
            8 => (
                Box::new(DeflateDecoder::new(packed)),
                entry.packed.saturating_mul(LARGEST_EXPANSION),
            ),
            other => return Err(bad(&format!("it is packed by method {other}, expected 0 or 8"))),
        };
        Ok((Summed { reader, sum: Crc::new(), expected: entry.sum }, most.min(entry.size)))
    }
}

impl Entry {
    /// An entry of the directory, and what comes after it.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (fixed, rest) = bytes.split_at_checked(ENTRY)?;
        fixed.starts_with(ENTRY_MARK).then_some(())?;
        let length = |at| usize::from(u16_at(fixed, at));
        let (name, rest) = rest.split_at_checked(length(28))?;
        let (extra, rest) = rest.split_at_checked(length(30))?;
        let rest = rest.get(length(32)..)?;
        let mut entry = Self {
            name: name.to_vec(),
            encrypted: u16_at(fixed, 8) & 1 != 0,
            method: u16_at(fixed, 10),
            sum: u32_at(fixed, 16),
            packed: u32_at(fixed, 20).into(),
            size: u32_at(fixed, 24).into(),
            local: u32_at(fixed, 42).into(),
        };
        let mut large = zip_64(extra).unwrap_or_default();
        // In this order, and only those that do not fit above.
        for number in [&mut entry.size, &mut entry.packed, &mut entry.local] {
            if *number == u64::from(u32::MAX) {
                let (found, after) = large.split_first_chunk()?;
                *number = u64::from_le_bytes(*found);
                large = after;
            }
        }
        Some((entry, rest))
    }
}

/// The content of the extra field for 64-bit numbers, if there is one.
fn zip_64(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (head, rest) = extra.split_at_checked(4)?;
        let (content, after) = rest.split_at_checked(usize::from(u16_at(head, 2)))?;
        if u16_at(head, 0) == ZIP_64 {
            return Some(content);
        }
        extra = after;
    }
}

/// Reads `length` bytes from `start`; the caller bounds them by the length of the file.
fn at(bytes: &mut (impl Read + Seek), start: u64, length: u64) -> io::Result<Vec<u8>> {
    bytes.seek(SeekFrom::Start(start))?;
    let mut read = Vec::new();
    bytes.take(length).read_to_end(&mut read)?;
    if read.len() as u64 == length { Ok(read) } else { Err(bad("it ends too early")) }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// Unpacked bytes, whose check sum is compared at their end.
struct Summed<R> {
    reader: R,
    sum: Crc,
    expected: u32,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(to)?;
        self.sum.update(&to[..count]);
        if count == 0 && !to.is_empty() && self.sum.sum() != self.expected {
            return Err(bad("its check sum is that of other bytes"));
        }
        Ok(count)
    }
}
