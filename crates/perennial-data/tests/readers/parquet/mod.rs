//! Parquet files: what is read of them, and what is said of wrong ones.

mod damage;
mod files;
mod values;

use parquet::file::properties::WriterProperties;
use perennial_data::{DataError, ErrorKind, ReadOptions, Rows, Scale, TestPart, open, parse};
use tempfile::TempDir;

use self::files::{Column, file, plain};
use crate::files::{gzip, put};
use crate::own::{as_floats, opened, parsed, refused, whole};

/// Written by PyArrow 26:
///
/// ```python
/// import decimal, pyarrow as pa, pyarrow.parquet as pq
/// pq.write_table(pa.table({
///     "byte": pa.array([1, None, -3, 4], pa.int8()),
///     "word": pa.array([65535, 2, 3, 4], pa.uint16()),
///     "truth": [True, False, True, None],
///     "half": pa.array([0.5, 1.5, -2, 4], pa.float16()),
///     "price": [decimal.Decimal(it) for it in ("-1.25", "2.50", "3.75", "4.00")],
///     "species": pa.array(["rose", "tulip", "tulip", "rose"]).dictionary_encode(),
/// }), "arrow.parquet", compression="zstd", row_group_size=3, store_schema=False)
/// ```
const ARROW: &[u8] = include_bytes!("arrow.parquet");

fn read(bytes: &[u8]) -> Rows {
    let found = parsed(bytes, "t.parquet").unwrap();
    whole(&found);
    found
}

fn told(bytes: &[u8], words: &str) -> DataError {
    let error = parsed(bytes, "t.parquet").unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    error
}

fn labelled(bytes: &[u8], label: &str) -> Result<Rows, DataError> {
    let how = ReadOptions { label: Some(label.into()), ..ReadOptions::default() };
    parse(bytes, "t.parquet".as_ref(), &how, None)
}

fn classes(found: &Rows) -> Vec<&str> {
    found.labels.iter().flatten().map(|&label| found.classes[label as usize].as_str()).collect()
}

#[test]
fn what_arrow_writes_is_read() {
    let found = labelled(ARROW, "species").unwrap();
    assert_eq!(
        as_floats(&found.values),
        [1.0, 65535.0, 1.0, 0.5, -1.25, -3.0, 3.0, 1.0, -2.0, 3.75]
    );
    assert_eq!(
        (classes(&found), found.names.join(", ")),
        (vec!["rose", "tulip"], "row 1, row 3".into())
    );
    let told: Vec<_> = found.understanding.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "1 row without a value in column `byte` (row 2)",
            "1 row without a value in column `truth` (row 4)",
        ]
    );
}

/// The same table as text and as Parquet is the same set, by whichever way it is opened.
#[test]
fn a_table_is_what_it_is_as_text() {
    let mut text = "width,height,species\n".to_owned();
    let (mut width, mut height, mut species) = (vec![], vec![], vec![]);
    for i in 0..10 {
        let class = if i % 2 == 0 { "b" } else { "a" };
        text += &format!("{i}.5,{},{class}\n", -i);
        width.push(Some(f64::from(i) + 0.5));
        height.push(Some(-i));
        species.push(class);
    }
    let schema = "required double width; optional int32 height; optional binary species (STRING);";
    let bytes =
        plain(schema, &[Column::Double(width), Column::Int32(height), Column::texts(&species)]);
    let folder = TempDir::new().unwrap();
    put(folder.path(), "table.csv", text.as_bytes());
    put(folder.path(), "table.parquet", &bytes);
    put(folder.path(), "packed/table", &gzip(&bytes));
    let [csv, plain, packed] =
        ["table.csv", "table.parquet", "packed/table"].map(|name| folder.path().join(name));
    let found = opened(&plain);
    assert_eq!(
        (found.understanding.format.to_string().as_str(), found.understanding.parts.test_from),
        ("Parquet", TestPart::HeldBack)
    );
    assert_eq!(found.dataset, opened(&csv).dataset);
    assert_eq!(opened(&packed).dataset, found.dataset);
    for label in ["species", "3"] {
        let how = ReadOptions { label: Some(label.into()), ..ReadOptions::default() };
        let asked = open(&plain, &how, None).unwrap();
        assert_eq!(
            (asked.dataset, &asked.understanding),
            (found.dataset.clone(), &found.understanding)
        );
    }
    // Two files of a folder are its parts.
    put(folder.path(), "two/train.parquet", &bytes);
    put(folder.path(), "two/test.parquet", &bytes);
    assert_eq!(opened(&folder.path().join("two")).understanding.parts.test_from, TestPart::Own);

    let error =
        open(&plain, &ReadOptions { label: Some("colour".into()), ..ReadOptions::default() }, None)
            .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let words = "no column `colour`; its columns are: width, height, species";
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn rows_without_a_value_are_left_out_and_told() {
    let width = vec![Some(1.0), None, Some(f32::NAN), Some(4.0), Some(5.0), Some(6.0)];
    let columns = [
        Column::Float(width),
        Column::Int32(vec![Some(2), Some(2), Some(2), None, Some(5), Some(7)]),
        Column::Bytes(
            [Some("a"), None, Some("a"), Some("a"), None, Some("a")]
                .map(|it| it.map(Into::into))
                .to_vec(),
        ),
    ];
    let schema = "optional float w; optional int32 h; optional binary label (STRING);";
    let found = read(&plain(schema, &columns));
    assert_eq!(as_floats(&found.values), [1.0, 2.0, 6.0, 7.0]);
    assert_eq!(
        (found.names.as_slice(), classes(&found)),
        (&["row 1".into(), "row 6".into()][..], vec!["a"; 2])
    );
    let told_rows: Vec<String> =
        found.understanding.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told_rows,
        [
            "2 rows without a value in column `w` (row 2, row 3)",
            "1 row without a value in column `h` (row 4)",
            "1 row without a value in column `label` (row 5)",
        ]
    );
    told(
        &plain(
            "optional float a; required float b;",
            &[Column::Float(vec![None]), Column::floats(&[1.0])],
        ),
        "holds no row: 1 row without a value in column `a` (row 1)",
    );
    // A column of the type that says there is no value at all.
    let nothing = plain(
        "optional int32 a (UNKNOWN); required float b;",
        &[Column::Int32(vec![None]), Column::floats(&[1.0])],
    );
    told(&nothing, "without a value in column `a`");
}

/// Catches: a column of text that is refused, categories that another table would not have, a column
/// that is not wanted and read all the same.
#[test]
fn texts_are_categories_as_those_of_a_csv_file_are() {
    let schema = "required float w; required binary colour (STRING); required int32 day (DATE); \
                  required binary label (STRING);";
    let days = || Column::Int32(vec![Some(1), Some(2), Some(3)]);
    let table = |colours: &[&str]| {
        let labels = Column::texts(&["x", "y", "y"]);
        plain(schema, &[Column::floats(&[1.0, 2.0, 3.0]), Column::texts(colours), days(), labels])
    };
    let first = table(&["red", "blue", "red"]);
    told(
        &first,
        "column day of t.parquet holds values of type DATE, expected numbers or categories",
    );
    let how = ReadOptions { ignore: vec!["day".into()], ..ReadOptions::default() };
    let read = |bytes: &[u8], known| parse(bytes, "t.parquet".as_ref(), &how, known).unwrap();
    let found = read(&first, None);
    assert_eq!(as_floats(&found.values), [1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 0.0, 1.0]);
    let later = read(&table(&["blue", "green", "red"]), Some(&found.spec));
    assert_eq!(as_floats(&later.values), [1.0, 1.0, 0.0, 2.0, 0.0, 0.0, 3.0, 0.0, 1.0]);
    // Texts that are days are no categories, as in a CSV file.
    let days = table(&["2024-01-02", "2024-01-03", "2024-01-03"]);
    let error = parse(&days, "t.parquet".as_ref(), &how, None).unwrap_err().to_string();
    assert!(error.contains("column colour of t.parquet holds days or times"), "{error}");
    // Columns hold later what they held at first.
    let turned =
        "required binary w (STRING); required float colour; required binary label (STRING);";
    let labels = Column::texts(&["x"]);
    let later = plain(turned, &[Column::texts(&["1"]), Column::floats(&[1.0]), labels]);
    let error = parse(&later, "t.parquet".as_ref(), &ReadOptions::default(), Some(&found.spec))
        .unwrap_err();
    assert!(error.to_string().contains("holds text, expected numbers, as in the first"), "{error}");
    let turned = "required float w; required float colour; required binary label (STRING);";
    let labels = Column::texts(&["x"]);
    let later = plain(turned, &[Column::floats(&[1.0]), Column::floats(&[1.0]), labels]);
    let error = parse(&later, "t.parquet".as_ref(), &ReadOptions::default(), Some(&found.spec))
        .unwrap_err();
    assert!(error.to_string().contains("holds numbers, expected the texts of"), "{error}");
}

#[test]
fn tables_that_are_no_data_are_told() {
    let refuse = |schema: &str, columns: &[Column], words: &str| {
        assert_eq!(told(&plain(schema, columns), words).kind(), ErrorKind::BadData);
    };
    let one = Column::floats(&[1.0]);
    let text = Column::texts(&["x"]);
    let fixed = |length: usize| Column::Fixed(vec![Some(vec![0; length])]);
    refuse(
        "required binary s (JSON);",
        std::slice::from_ref(&text),
        "column s of t.parquet holds values of type JSON, expected numbers",
    );
    refuse("required binary s;", &[text], "holds values of type BYTE_ARRAY");
    refuse("required fixed_len_byte_array(16) s (UUID);", &[fixed(16)], "type UUID");
    refuse("required fixed_len_byte_array(3) s;", &[fixed(3)], "type FIXED_LEN_BYTE_ARRAY");
    let time = |kind: &str| format!("required int64 t ({kind});");
    let long = || Column::Int64(vec![Some(1)]);
    refuse(
        &time("TIMESTAMP(MILLIS,true)"),
        &[long()],
        "column t of t.parquet holds values of type TIMESTAMP_MILLIS",
    );
    refuse(&time("TIMESTAMP(NANOS,true)"), &[long()], "type TIMESTAMP,");
    refuse("required int32 t (DATE);", &[Column::Int32(vec![Some(1)])], "type DATE");
    refuse("", &[], "it has no columns");
    refuse("required float x;", &[Column::floats(&[])], "holds no row");
    refuse("required float label;", &[one], "no column of inputs beside the labels");
    refuse(
        "required float a; required float b;",
        &[Column::floats(&[1.0, 2.0]), Column::floats(&[1.0, f32::INFINITY])],
        "row 2 of t.parquet, column b: found `inf`, expected a finite number",
    );
    refuse(
        "required double a;",
        &[Column::Double(vec![Some(1e39)])],
        "found `1000000000000000000000000000000000000000`",
    );

    // Of columns in columns there need not even be rows.
    for columns in [
        "repeated float x;",
        "required group x { required float a; }",
        "optional group x (LIST) { repeated group list { optional float element; } }",
    ] {
        let schema = format!("required float w; {columns}");
        let bytes = file(&schema, WriterProperties::default(), &[]);
        told(
            &bytes,
            "column x of t.parquet holds lists or structures, expected numbers, one a row",
        );
    }
    let none = file("required float x;", WriterProperties::default(), &[]);
    told(&none, "holds no row");
    let folder = TempDir::new().unwrap();
    put(folder.path(), "none.parquet", &none);
    assert!(
        refused(&folder.path().join("none.parquet"))
            .to_string()
            .contains("no column of inputs beside the labels")
    );
}

#[test]
fn bytes_are_bytes_when_asked_for() {
    let column = Column::Int32(vec![Some(0), Some(255)]);
    let bytes = plain("required int32 x (INTEGER(8,false));", &[column]);
    let how = ReadOptions { scale: Some(Scale::Divide(255)), ..ReadOptions::default() };
    let found = parse(&bytes, "t.parquet".as_ref(), &how, None).unwrap();
    assert_eq!(found.values.bytes(), Some(&[0, 255][..]));
    let how = ReadOptions { scale: Some(Scale::Divide(16)), ..ReadOptions::default() };
    let error = parse(&bytes, "t.parquet".as_ref(), &how, None).unwrap_err();
    assert!(error.to_string().contains("row 2 of t.parquet holds 255"), "{error}");
}
