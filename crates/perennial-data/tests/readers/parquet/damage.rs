//! Damaged files, and files that declare more than they hold.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
    RowGroupMetaData, RowGroupMetaDataBuilder,
};
use parquet::file::properties::WriterVersion;
use parquet::schema::types::ColumnPath;
use perennial_data::{DataError, ErrorKind, OpenError};
use proptest::prelude::*;

use super::files::{Column, codecs, file, plain, small_pages};
use super::{ARROW, told};
use crate::own::{parsed, whole};

/// Small files of every sort that the library writes.
fn samples() -> Vec<Vec<u8>> {
    let numbers: Vec<_> = (0..12).map(|i| (i % 5 != 0).then_some(i / 2)).collect();
    let texts = ["rose", "rosemary", "", "tulip"].repeat(3);
    let columns = vec![
        Column::Int32(numbers.clone()),
        Column::Double(numbers.iter().map(|it| it.map(f64::from)).collect()),
        Column::Truth(numbers.iter().map(|it| it.map(|it| it > 2)).collect()),
        Column::Fixed(vec![Some(vec![0, 1]); 12]),
        Column::texts(&texts),
    ];
    let schema = "optional int32 n; optional double d; optional boolean t; \
                  required fixed_len_byte_array(2) h (FLOAT16); required binary label (STRING);";
    let mut samples = vec![ARROW.to_vec()];
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for codec in codecs() {
            for dictionary in [false, true] {
                let how = small_pages(version, codec, dictionary).build();
                samples.push(file(schema, how, &[columns.clone(), columns.clone()]));
            }
        }
        for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
            let how = small_pages(version, codecs()[0], false)
                .set_column_encoding(ColumnPath::from("label"), encoding)
                .set_column_encoding(ColumnPath::from("n"), Encoding::DELTA_BINARY_PACKED)
                .set_column_encoding(ColumnPath::from("d"), Encoding::BYTE_STREAM_SPLIT);
            samples.push(file(schema, how.build(), std::slice::from_ref(&columns)));
        }
    }
    samples
}

#[test]
fn what_is_cut_off_is_told() {
    for (sample, number) in samples().iter().zip(0..) {
        for cut in 4..sample.len() {
            let error = parsed(&sample[..cut], "cut.parquet").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadData);
            let text = error.to_string();
            assert!(
                text.contains("cut.parquet is no whole Parquet file"),
                "{number} {cut}: {text}"
            );
        }
    }
    for start in [&b""[..], b"PA", b"PAR", b"a,b\n1,2\n", b"\0\0\0\0PAR1"] {
        told(start, "it does not begin with the mark of the format, PAR1; write or copy it again");
    }
    told(b"PAR1", "it does not end with the mark");
    told(b"PAR1\xff\xff\xff\xffPAR1", "its footer of 4294967295 bytes is longer than it");
    told(b"PAR1\0\0\0\0PAR1", "its list of columns cannot be read");
    // By Thrift's protocol: a version, a list of a root and a column that has a name and no type,
    // and no groups. The root has one column; or 2³¹ − 1, for which the library would take memory.
    for children in [&b"\x02"[..], b"\xfe\xff\xff\xff\x0f"] {
        let (root, column) = (b"\x48\x01m\x15", b"\0\x35\0\x18\x01x\0\x16\0\x19\x0c\0");
        let footer = [&b"\x15\x02\x19\x2c"[..], root, children, column].concat();
        let size = (footer.len() as u32).to_le_bytes();
        let bytes = [&b"PAR1"[..], &footer, &size, b"PAR1"].concat();
        told(&bytes, "its list of columns cannot be read");
    }
    told(b"PARE\0\0\0\0PARE", "is an encrypted Parquet file, which is not read");
}

/// A file whose footer says something else.
fn with_footer(
    bytes: &[u8],
    group: impl Fn(RowGroupMetaDataBuilder) -> RowGroupMetaDataBuilder,
    column: impl Fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder,
) -> Vec<u8> {
    let metadata =
        ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(bytes)).unwrap();
    let mut groups = Vec::new();
    for old in metadata.row_groups() {
        let columns =
            old.columns().iter().map(|it| column(it.clone().into_builder()).build().unwrap());
        let new = group(old.clone().into_builder()).set_column_metadata(columns.collect());
        groups.push(new.build().unwrap());
    }
    let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
    let said = metadata.file_metadata();
    let said = parquet::file::metadata::FileMetaData::new(
        said.version(),
        rows,
        None,
        None,
        said.schema_descr_ptr(),
        None,
    );
    let size = u32::from_le_bytes(*bytes[..bytes.len() - 4].last_chunk().unwrap()) as usize;
    let mut changed = bytes[..bytes.len() - 8 - size].to_vec();
    let metadata = ParquetMetaData::new(said, groups);
    let mut footer = Vec::new();
    ParquetMetaDataWriter::new(&mut footer, &metadata).finish().unwrap();
    changed.extend(footer);
    changed
}

#[test]
fn more_rows_than_can_be_are_refused_before_they_are_read() {
    let bytes = plain("required float x;", &[Column::floats(&[1.0, 2.0])]);
    let same = with_footer(&bytes, |group| group, |column| column);
    assert_eq!(parsed(&same, "t.parquet").unwrap().names.len(), 2);
    let declaring = |rows: i64| {
        with_footer(&bytes, |group| group.set_num_rows(rows), |it| it.set_num_values(rows))
    };
    for rows in [1_000_000_000_000, i64::MAX] {
        let error = told(&declaring(rows), &format!("declares {rows} rows, but the file can hold"));
        assert!(matches!(error, DataError::Impossible { .. }), "{error}");
    }
    // Fewer than a file of its size might hold: what is missing is told once it is reached.
    told(&declaring(1_000_000), "column x: 2 values for 1000000 rows");
    told(&declaring(-1), "column x of its row group 1 declares -1 values for -1 rows");
    let other = with_footer(&bytes, |group| group, |column| column.set_num_values(3));
    told(&other, "declares 3 values for 2 rows");

    // A large file may hold them, but not the memory.
    let mut large = bytes.clone();
    large.splice(4..4, vec![0; 1 << 20]);
    let rows = 1_000_000_000;
    let large = with_footer(&large, |group| group.set_num_rows(rows), |it| it.set_num_values(rows));
    let error = told(&large, "would take 68000000000 bytes in memory");
    assert!(matches!(error, DataError::Open(OpenError::TooLarge { .. })), "{error}");
}

#[test]
fn columns_that_lie_outside_of_the_file_are_told() {
    let bytes = plain("required float x;", &[Column::floats(&[1.0, 2.0])]);
    for (start, size) in
        [(-1, 10), (4, -1), (4, i64::MAX), (i64::MAX, i64::MAX), (4, bytes.len() as i64)]
    {
        let set = |it: ColumnChunkMetaDataBuilder| {
            let it = it.set_dictionary_page_offset(None).set_data_page_offset(start);
            it.set_total_compressed_size(size)
        };
        told(
            &with_footer(&bytes, |group| group, set),
            "column x of its row group 1 lies outside of it",
        );
    }
}

#[test]
fn a_codec_that_nobody_reads_is_told() {
    let bytes = plain("required float x;", &[Column::floats(&[1.0, 2.0])]);
    let lzo = with_footer(&bytes, |group| group, |it| it.set_compression(Compression::LZO));
    told(&lzo, "is a Parquet file packed with LZO, which is not read; known are:");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Bits that flipped anywhere are told or do not matter.
    #[test]
    fn no_flipped_bits_make_it_panic(
        sample: prop::sample::Index,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
    ) {
        thread_local! {
            static SAMPLES: Vec<Vec<u8>> = samples();
        }
        let mut bytes = SAMPLES.with(|samples| samples[sample.index(samples.len())].clone());
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Ok(found) = parsed(&bytes, "flipped.parquet") {
            whole(&found);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(footer in prop::collection::vec(any::<u8>(), 0..60)) {
        // A version and the beginning of a list of columns, or nothing that is known.
        for start in [&b""[..], b"\x15\x02\x19\x2c"] {
            let size = (start.len() + footer.len()) as u32;
            let bytes = [b"PAR1", start, &footer, &size.to_le_bytes(), b"PAR1"].concat();
            if let Ok(found) = parsed(&bytes, "random.parquet") {
                whole(&found);
            }
        }
    }
}
