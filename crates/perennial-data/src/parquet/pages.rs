//! The pages of a column, each looked at before the library decodes it.
//!
//! The library takes memory for as many values as a page declares, and asserts that pages come in
//! their order. What a page declares is compared here with its bytes, so that a damaged one is an
//! error and no more. A page is 2 GiB at most, which is what one can make the library take.

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

/// Pages that are what they say.
pub(super) struct Pages {
    pages: Box<dyn PageReader>,
    column: ColumnDescPtr,
    /// Whether the dictionary was there.
    dictionary: bool,
}

impl Pages {
    pub(super) fn new(pages: Box<dyn PageReader>, column: ColumnDescPtr) -> Self {
        Self { pages, column, dictionary: false }
    }

    /// Says what is wrong with a page.
    fn check(&mut self, page: &Page) -> std::result::Result<(), String> {
        let count = page.num_values();
        if page.is_dictionary_page() {
            self.dictionary = true;
            let bytes = page.buffer();
            return match count as usize > self.most(bytes) {
                true => Err(format!("a dictionary of {count} values in {} bytes", bytes.len())),
                false => Ok(()),
            };
        }
        let values = self.values(page).ok_or("a page that is shorter than its levels")?;
        let within = match page.encoding() {
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY if !self.dictionary => {
                return Err("a page of numbers of a dictionary, and no dictionary".to_owned());
            }
            Encoding::PLAIN if self.column.physical_type() == Type::BYTE_ARRAY => {
                texts(&values).is_some_and(|texts| texts >= self.least(page) as usize)
            }
            Encoding::DELTA_LENGTH_BYTE_ARRAY => lengths(&values, count).is_some(),
            // How much each has of the one before, and the rest of each in the encoding above.
            Encoding::DELTA_BYTE_ARRAY => {
                lengths(&values, count).and_then(|rests| lengths(rests, count)).is_some()
            }
            _ => true,
        };
        if within { Ok(()) } else { Err("a page of texts with lengths that cannot be".to_owned()) }
    }

    /// The most values that a dictionary of these bytes has.
    fn most(&self, bytes: &[u8]) -> usize {
        match self.column.physical_type() {
            Type::BYTE_ARRAY => texts(bytes).unwrap_or_default(),
            Type::BOOLEAN => 0,
            Type::INT32 | Type::FLOAT => bytes.len() / 4,
            Type::INT64 | Type::DOUBLE => bytes.len() / 8,
            Type::INT96 => bytes.len() / 12,
            Type::FIXED_LEN_BYTE_ARRAY => bytes.len() / self.column.type_length().max(1) as usize,
        }
    }

    /// The fewest values of a page, as far as its header says.
    fn least(&self, page: &Page) -> u32 {
        match page {
            Page::DataPageV2 { num_values, num_nulls, .. } => num_values.saturating_sub(*num_nulls),
            _ if self.column.max_def_level() == 0 => page.num_values(),
            _ => 0,
        }
    }

    /// What follows the levels of a page, which say for each row whether it has a value.
    fn values(&self, page: &Page) -> Option<Bytes> {
        let levels = match page {
            Page::DataPageV2 { rep_levels_byte_len, def_levels_byte_len, .. } => {
                rep_levels_byte_len.checked_add(*def_levels_byte_len)? as usize
            }
            // Columns are flat, so there are levels of one sort at most: their length, and they.
            Page::DataPage { buf, def_level_encoding: Encoding::RLE, .. }
                if self.column.max_def_level() > 0 =>
            {
                let (length, _) = buf.split_first_chunk()?;
                (u32::from_le_bytes(*length) as usize).checked_add(size_of::<u32>())?
            }
            _ => 0,
        };
        let buffer = page.buffer();
        (levels <= buffer.len()).then(|| buffer.slice(levels..))
    }
}

/// How many texts there are, each after its length. `None` if one is longer than what is there.
fn texts(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while let Some((length, rest)) = bytes.split_first_chunk() {
        bytes = rest.get(u32::from_le_bytes(*length) as usize..)?;
        count += 1;
    }
    Some(count)
}

/// What follows the lengths of at most `most` texts: numbers in blocks of miniblocks, of which
/// differences are kept with as many bits as the largest of a miniblock needs. Source:
/// <https://parquet.apache.org/docs/file-format/data-pages/encodings>.
fn lengths(bytes: &[u8], most: u32) -> Option<&[u8]> {
    let mut rest = bytes;
    let (block, miniblocks, count) = (varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?);
    varint(&mut rest)?; // the first number
    let in_miniblock = block.checked_div(miniblocks)?;
    if count > u64::from(most) || in_miniblock == 0 {
        return None;
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(&mut rest)?; // the least difference
        let (widths, after) = rest.split_at_checked(usize::try_from(miniblocks).ok()?)?;
        rest = after;
        for &width in widths {
            // What would be behind the last number is not written.
            if left > 0 {
                let size = in_miniblock.checked_mul(u64::from(width))? / 8;
                rest = rest.get(usize::try_from(size).ok()?..)?;
                left = left.saturating_sub(in_miniblock);
            }
        }
    }
    Some(rest)
}

/// Takes off a number: seven bits a byte, the lowest first; the highest bit says that more follow.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    /// Of 64 bits.
    const LONGEST: usize = 10;
    let end = rest.iter().take(LONGEST).position(|byte| byte & 0x80 == 0)?;
    let (digits, after) = rest.split_at(end + 1);
    *rest = after;
    Some(digits.iter().rev().fold(0, |all, digit| all << 7 | u64::from(digit & 0x7f)))
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            self.check(page).map_err(ParquetError::General)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::types::{ColumnDescriptor, ColumnPath};

    use super::*;

    /// One page, as if it was read.
    struct One(Option<Page>);

    impl Iterator for One {
        type Item = Result<Page>;

        fn next(&mut self) -> Option<Self::Item> {
            self.0.take().map(Ok)
        }
    }

    impl PageReader for One {
        fn get_next_page(&mut self) -> Result<Option<Page>> {
            Ok(self.0.take())
        }

        fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
            Ok(None)
        }

        fn skip_next_page(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What is said of a page of a column that has a value in every row.
    fn told(physical: Type, page: Page) -> Option<String> {
        let builder = parquet::schema::types::Type::primitive_type_builder("x", physical);
        let column = builder.with_length(3).build().unwrap();
        let column = ColumnDescriptor::new(Arc::new(column), 0, 0, ColumnPath::from("x"));
        let mut pages = Pages::new(Box::new(One(Some(page))), Arc::new(column));
        pages.get_next_page().err().map(|error| error.to_string())
    }

    /// Catches: memory for as many values as a header says, which the library takes before it reads.
    #[test]
    fn a_dictionary_has_no_more_values_than_bytes_for_them() {
        let told = |physical, bytes: &'static [u8], num_values| {
            let (buf, encoding) = (Bytes::from_static(bytes), Encoding::PLAIN);
            told(physical, Page::DictionaryPage { buf, num_values, encoding, is_sorted: false })
        };
        for (physical, size) in [(Type::INT32, 4), (Type::DOUBLE, 8), (Type::INT96, 12)] {
            assert_eq!(told(physical, &[0; 24], 24 / size), None);
            assert!(told(physical, &[0; 24], 24 / size + 1).is_some());
        }
        assert_eq!(told(Type::FIXED_LEN_BYTE_ARRAY, b"abcdef", 2), None);
        assert!(told(Type::FIXED_LEN_BYTE_ARRAY, b"abcde", 2).is_some());
        let texts = b"\x01\0\0\0a\0\0\0\0";
        assert_eq!(told(Type::BYTE_ARRAY, texts, 2), None);
        let text = told(Type::BYTE_ARRAY, texts, u32::MAX).unwrap();
        assert!(text.contains("a dictionary of 4294967295 values in 9 bytes"), "{text}");
        assert!(told(Type::BYTE_ARRAY, b"\x02\0\0\0a", 1).is_some());
    }

    #[test]
    fn a_page_of_numbers_of_a_dictionary_needs_one() {
        let page = |def_levels_byte_len| Page::DataPageV2 {
            buf: Bytes::from_static(&[1, 2, 3]),
            num_values: 1,
            encoding: Encoding::RLE_DICTIONARY,
            num_nulls: 0,
            num_rows: 1,
            def_levels_byte_len,
            rep_levels_byte_len: 1,
            is_compressed: false,
            statistics: None,
        };
        assert!(told(Type::INT32, page(0)).unwrap().contains("and no dictionary"));
        for levels in [3, u32::MAX] {
            assert!(told(Type::INT32, page(levels)).unwrap().contains("shorter than its levels"));
        }
    }

    /// By hand, in blocks of 128 numbers in 4 miniblocks: 2 bits a difference in the first, of
    /// which 32 take 8 bytes; of the other three nothing is written.
    #[test]
    fn what_follows_the_lengths_of_texts() {
        let bytes = [&[0x80, 0x01, 4, 3, 10, 0, 2, 9, 9, 9][..], &[0; 8], b"rest"].concat();
        assert_eq!(lengths(&bytes, 3), Some(&b"rest"[..]));
        assert_eq!(lengths(&bytes, 2), None, "more lengths than texts");
        assert_eq!(lengths(&bytes[..17], 3), None, "within the first miniblock");
        // One number is in no block.
        assert_eq!(lengths(&[0x80, 0x01, 4, 1, 10, 7], 1), Some(&[7][..]));
        assert_eq!(lengths(&[0x80, 0x01, 0, 1, 10], 1), None, "no miniblocks");
    }
}
