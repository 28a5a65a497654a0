//! Values of every type, encoding and codec come back.

use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use proptest::prelude::*;

use super::files::{Column, codecs, file, plain, small_pages};
use super::{classes, read, told};
use crate::own::{as_floats, parsed, whole};

/// The values are by hand: bits of floats from IEEE 754, the rest what the types say.
#[test]
fn numbers_of_every_type_come_back() {
    let one = |schema: &str, column: Column| {
        let found = read(&plain(&format!("required {schema};"), &[column]));
        as_floats(&found.values).to_vec()
    };
    let int32 = |values: [i32; 2]| Column::Int32(values.map(Some).to_vec());
    let int64 = |values: [i64; 2]| Column::Int64(values.map(Some).to_vec());
    let fixed = |values: [&[u8]; 2]| Column::Fixed(values.map(|it| Some(it.to_vec())).to_vec());
    assert_eq!(one("boolean x", Column::Truth(vec![Some(true), Some(false)])), [1.0, 0.0]);
    assert_eq!(one("int32 x", int32([i32::MIN, 7])), [-2_147_483_648.0, 7.0]);
    for bits in [8, 16, 32] {
        assert_eq!(
            one(&format!("int32 x (INTEGER({bits},true))"), int32([-1, 127])),
            [-1.0, 127.0]
        );
        assert_eq!(one(&format!("int32 x (INTEGER({bits},false))"), int32([0, 127])), [0.0, 127.0]);
    }
    assert_eq!(one("int32 x (UINT_32)", int32([-1, 0])), [4_294_967_295.0, 0.0]);
    assert_eq!(one("int64 x", int64([i64::MIN, 1 << 40])), [-(2_f32.powi(63)), 2_f32.powi(40)]);
    assert_eq!(one("int64 x (INTEGER(64,false))", int64([-1, 1])), [2_f32.powi(64), 1.0]);
    assert_eq!(
        one("float x", Column::floats(&[f32::MIN_POSITIVE, -0.1])),
        [f32::MIN_POSITIVE, -0.1]
    );
    assert_eq!(one("double x", Column::Double(vec![Some(0.1), Some(-1e30)])), [0.1, -1e30]);
    let half = [&[0x00, 0x3e][..], &[0x00, 0xc0]]; // 0x3e00 and 0xc000, the lowest byte first
    assert_eq!(one("fixed_len_byte_array(2) x (FLOAT16)", fixed(half)), [1.5, -2.0]);
    assert_eq!(one("int32 x (DECIMAL(9,2))", int32([-125, 1])), [-1.25, 0.01]);
    assert_eq!(one("int64 x (DECIMAL(18,1))", int64([-15, 3])), [-1.5, 0.3]);
    let decimals = [&[0xff, 0xff, 0xff, 0x83][..], &[0, 0, 0x01, 0x00]]; // -125 and 256
    assert_eq!(one("fixed_len_byte_array(4) x (DECIMAL(9,2))", fixed(decimals)), [-1.25, 2.56]);
    let decimals = Column::Bytes(vec![Some(vec![0x83]), Some(vec![0x00, 0x83])]); // -125 and 131
    assert_eq!(one("binary x (DECIMAL(4,2))", decimals), [-1.25, 1.31]);
}

#[test]
fn labels_are_text_or_whole_numbers() {
    let with = |schema: &str, labels: Column| {
        let rows = match &labels {
            Column::Bytes(it) => it.len(),
            Column::Double(it) => it.len(),
            Column::Int64(it) => it.len(),
            Column::Truth(it) => it.len(),
            _ => 1,
        };
        let values = Column::floats(&vec![0.5; rows]);
        plain(&format!("required float x; optional {schema};"), &[values, labels])
    };
    let text = |bytes: &[&[u8]]| Column::Bytes(bytes.iter().map(|it| Some(it.to_vec())).collect());
    let found = read(&with("binary label (STRING)", text(&[b" a ", b"NA", "ö".as_bytes(), b" "])));
    assert_eq!(classes(&found), ["a", "NA", "ö"]);
    // A name of nothing but space is none.
    assert_eq!(
        found.understanding.left_out[0].to_string(),
        "1 row without a value in column `label` (row 4)"
    );
    assert_eq!(classes(&read(&with("binary label (ENUM)", text(&[b"a"])))), ["a"]);
    let whole = Column::Int64(vec![Some(-1), Some(10), Some(9)]);
    let found = read(&with("int64 label", whole.clone()));
    assert_eq!(
        (classes(&found), found.classes.join(" ")),
        (vec!["-1", "10", "9"], "-1 9 10".into())
    );
    let found = read(&with("int64 label (INTEGER(64,false))", whole));
    assert_eq!(classes(&found)[0], u64::MAX.to_string());
    let truths = Column::Truth(vec![Some(true), Some(false)]);
    assert_eq!(classes(&read(&with("boolean label", truths))), ["true", "false"]);
    let found = read(&with("double label", Column::Double(vec![Some(7.0), None, Some(f64::NAN)])));
    assert_eq!((classes(&found), found.understanding.left_out[0].count), (vec!["7"], 2));

    let error = told(&with("double label", Column::Double(vec![Some(1.0), Some(1.5)])), "row 2 of");
    assert!(error.to_string().contains("column label: found `1.5`, expected a whole number"));
    // 2⁵³ + 2 is such a float, but so would be the label beside it.
    let large = Column::Double(vec![Some(9_007_199_254_740_994.0)]);
    told(&with("double label", large), "expected a whole number");
    told(&with("binary label (STRING)", text(&[b"a", b"\xff"])), "expected text in UTF-8");
    told(
        &with("binary label", text(&[b"a"])),
        "column label of t.parquet holds values of type BYTE_ARRAY, expected labels",
    );
}

/// More rows than are decoded at once, in one group and in several, and what is read does not
/// depend on it.
#[test]
fn large_groups_are_read_in_steps() {
    const ROWS: usize = 600_000; // of two columns: beyond 2²⁰ values
    let column = |from: usize, to: usize| {
        let floats: Vec<_> = (from..to).map(|i| (i % 1000 != 7).then_some(i as f32)).collect();
        let labels = (from..to).map(|i| Some(i as i32 % 3)).collect();
        vec![Column::Float(floats), Column::Int32(labels)]
    };
    let groups = [column(0, ROWS)];
    let schema = "optional float x; required int32 label;";
    let found = read(&file(schema, WriterProperties::default(), &groups));
    let values = as_floats(&found.values);
    assert!(values.iter().copied().eq((0..ROWS).filter(|i| i % 1000 != 7).map(|i| i as f32)));
    assert_eq!(
        (found.understanding.left_out[0].count, found.understanding.left_out[0].first[0].as_str()),
        (600, "row 8")
    );
    assert_eq!(found.names.last().unwrap(), "row 600000");
    let groups: Vec<_> =
        (0..ROWS).step_by(100_001).map(|at| column(at, ROWS.min(at + 100_001))).collect();
    assert_eq!(read(&file(schema, WriterProperties::default(), &groups)), found);
}

/// Every encoding of text and of whole numbers that the library writes.
#[test]
fn every_encoding_is_read() {
    let species: Vec<String> = (0..300).map(|i| format!("class {}", i % 7)).collect();
    let species: Vec<&str> = species.iter().map(String::as_str).collect();
    let number: Vec<Option<i32>> =
        (0..300).map(|i| (i % 11 != 0).then_some(i * i - 1000)).collect();
    let columns = [
        Column::Int32(number.clone()),
        Column::Float(number.iter().map(|it| it.map(|it| it as f32)).collect()),
        Column::texts(&species),
    ];
    let schema = "optional int32 n; optional float f; required binary label (STRING);";
    let expected = read(&plain(schema, &columns));
    assert_eq!(expected.names.len(), 272);
    let texts = [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];
    let numbers = [Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT];
    for (text, number) in texts.into_iter().zip(numbers) {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let how = small_pages(version, Compression::SNAPPY, false)
                .set_data_page_row_count_limit(97)
                .set_column_encoding(ColumnPath::from("label"), text)
                .set_column_encoding(ColumnPath::from("n"), number)
                .set_column_encoding(
                    ColumnPath::from("f"),
                    if number == Encoding::DELTA_BINARY_PACKED { Encoding::PLAIN } else { number },
                );
            assert_eq!(
                read(&file(schema, how.build(), &[columns.to_vec()])),
                expected,
                "{text} {number}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What was written comes back to the last bit, with every codec, in both versions of pages, by
    /// dictionary or not, in groups of any size.
    #[test]
    fn values_survive(
        table in prop::collection::vec(
            (prop::option::weighted(0.9, -1e30_f32..1e30), prop::option::weighted(0.9, any::<i64>()), 0..4_u8),
            1..40,
        ),
        size in 1..20_usize,
        second: bool,
        dictionary: bool,
    ) {
        let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        let groups: Vec<Vec<Column>> = table.chunks(size).map(|rows| vec![
            Column::Float(rows.iter().map(|row| row.0).collect()),
            Column::Int64(rows.iter().map(|row| row.1).collect()),
            Column::Bytes(rows.iter().map(|row| Some(format!("class {}", row.2).into())).collect()),
        ]).collect();
        let schema = "optional float a; optional int64 b; required binary label (STRING);";
        let kept: Vec<_> = table.iter().filter_map(|row| Some((row.0?, row.1?, row.2))).collect();
        let values: Vec<f32> = kept.iter().flat_map(|row| [row.0, row.1 as f32]).collect();
        let labels: Vec<String> = kept.iter().map(|row| format!("class {}", row.2)).collect();
        for codec in codecs() {
            let bytes = file(schema, small_pages(version, codec, dictionary).build(), &groups);
            let found = match parsed(&bytes, "t.parquet") {
                Ok(found) => found,
                Err(error) => {
                    prop_assert!(kept.is_empty() && error.to_string().contains("holds no row"), "{}", error);
                    continue;
                }
            };
            prop_assert_eq!(as_floats(&found.values), &values[..]);
            prop_assert_eq!(classes(&found), labels.iter().map(String::as_str).collect::<Vec<_>>());
            let dropped: u64 = found.understanding.left_out.iter().map(|it| it.count).sum();
            prop_assert_eq!(dropped as usize + kept.len(), table.len());
            whole(&found);
        }
    }
}
