//! Records of a text, one after another, each with the line it begins on.

use csv_core::{ReadRecordResult, Reader};

use crate::DataError;
use crate::cells::shown;
use crate::input::{Input, Source};
use crate::open::OpenError;

/// More than any line of numbers: a file without line ends is no table.
const LONGEST_RECORD: usize = 64 << 20;
/// What is read at once.
const CHUNK: u64 = 64 << 10;
/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the records of a text.
pub(super) struct Records<'a> {
    parser: Reader,
    input: Input<'a>,
    chunk: Vec<u8>,
    /// How much of the chunk was read.
    used: usize,
    /// The line of the next byte, counted from 1.
    line: u64,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

/// One record: at least one field.
pub(super) struct Record<'r> {
    /// The line on which it begins.
    pub(super) line: u64,
    fields: &'r [u8],
    /// Where each field ends in `fields`.
    ends: &'r [usize],
}

impl<'r> Record<'r> {
    /// How many fields.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The fields, without their quotes.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'r [u8]> {
        let (fields, ends) = (self.fields, self.ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(move |(start, &end)| &fields[start..end])
    }
}

impl<'a> Records<'a> {
    /// The records of a text whose fields are divided by this mark.
    pub(super) fn new(source: &Source<'a>, delimiter: u8) -> Result<Self, DataError> {
        Self::of(source.input()?, delimiter)
    }

    fn of(mut input: Input<'a>, delimiter: u8) -> Result<Self, DataError> {
        let mut chunk = input.read(CHUNK)?;
        if chunk.starts_with(BYTE_ORDER_MARK) {
            chunk.drain(..BYTE_ORDER_MARK.len());
        }
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        let (fields, ends) = (vec![0; 1024], vec![0; 64]);
        Ok(Self { parser, input, chunk, used: 0, line: 1, fields, ends })
    }

    /// The next record. Empty lines are none.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, DataError> {
        let (mut bytes, mut count, mut first_line) = (0, 0, None);
        let mut quotes = 0_u64;
        loop {
            if self.used == self.chunk.len() {
                self.chunk = self.input.read(CHUNK)?;
                self.used = 0;
            }
            // An empty chunk tells the parser that this is the end.
            let rest = &self.chunk[self.used..];
            let (result, read, written, ended) =
                self.parser.read_record(rest, &mut self.fields[bytes..], &mut self.ends[count..]);
            let taken = &rest[..read];
            let newlines =
                |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let begin = taken.iter().position(|byte| !b"\r\n".contains(byte));
            if let (None, Some(begin)) = (first_line, begin) {
                first_line = Some(self.line + newlines(&taken[..begin]));
            }
            self.line += newlines(taken);
            quotes += taken.iter().filter(|&&byte| byte == b'"').count() as u64;
            self.used += read;
            bytes += written;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if bytes < LONGEST_RECORD => {
                    self.fields.resize(2 * self.fields.len(), 0);
                }
                ReadRecordResult::OutputFull => return Err(self.endless(first_line)),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => {
                    let line = first_line.unwrap_or(self.line);
                    let over_lines = self.fields[..bytes].contains(&b'\n');
                    if over_lines && !quotes.is_multiple_of(2) {
                        return Err(self.open_quote(line, bytes));
                    }
                    let (fields, ends) = (&self.fields[..bytes], &self.ends[..count]);
                    return Ok(Some(Record {
                        line: first_line.unwrap_or(self.line),
                        fields,
                        ends,
                    }));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn open_quote(&self, line: u64, bytes: usize) -> DataError {
        OpenError::BadField {
            path: self.input.path().to_path_buf(),
            place: place(line).into(),
            column: "1".to_owned(),
            found: shown(&String::from_utf8_lossy(&self.fields[..bytes])),
            expected:
                "a second quotation mark where the field ends; the row has one that is never \
                       closed"
                    .to_owned(),
        }
        .into()
    }

    fn endless(&self, line: Option<u64>) -> DataError {
        OpenError::BadField {
            path: self.input.path().to_path_buf(),
            place: place(line.unwrap_or(self.line)).into(),
            column: "1".to_owned(),
            found: shown(&String::from_utf8_lossy(&self.fields[..1024])),
            expected: format!("a line that ends within {LONGEST_RECORD} bytes"),
        }
        .into()
    }
}

/// What a line is called.
pub(super) fn place(line: u64) -> String {
    format!("line {line}")
}

/// What a text begins with.
pub(super) fn start(source: &Source<'_>) -> Result<Vec<u8>, DataError> {
    source.input()?.read(CHUNK)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::path::Path;

    use super::*;

    fn all(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut records =
            Records::of(Input::from_bytes(text.as_bytes(), Path::new("t")), b',').unwrap();
        let mut all = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let fields = record.fields().map(|field| String::from_utf8_lossy(field).into_owned());
            all.push((record.line, fields.collect()));
        }
        all
    }

    #[test]
    fn records_begin_on_the_lines_that_an_editor_shows() {
        let record =
            |line, fields: &[&str]| (line, fields.iter().map(ToString::to_string).collect());
        for end in ["\n", "\r\n"] {
            let text = ["a,b", "", "\"c,", "d\",", "e"].join(end);
            let quoted = format!("c,{end}d");
            assert_eq!(
                all(&text),
                [record(1, &["a", "b"]), record(3, &[&quoted, ""]), record(5, &["e"])]
            );
        }
        assert_eq!(all(""), []);
        assert_eq!(all("\n\n"), []);
    }

    /// Records, fields and numbers of fields beyond every buffer.
    #[test]
    fn long_records_are_whole() {
        let long = "7".repeat(200_000);
        let many = vec!["1"; 5_000].join(",");
        let found = all(&format!("{long},x\n{many}\n{long}"));
        assert_eq!((found[0].1[0].len(), found[0].1[1].as_str()), (200_000, "x"));
        assert_eq!((found[1].0, found[1].1.len()), (2, 5_000));
        assert_eq!((found[2].0, found[2].1[0].len()), (3, 200_000));
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let zeros = io::repeat(b'0').take(2 * LONGEST_RECORD as u64);
        let input = Input::of_archive(zeros, u64::MAX, Path::new("endless"));
        let error = Records::of(input, b',').unwrap().next().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("line 1 of endless") && error.contains("ends within"), "{error}");
    }
}
