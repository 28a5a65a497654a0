use perennial_data::{How, open, parse};
use proptest::prelude::*;
use std::path::Path;
use tempfile::TempDir;

use crate::files::put;
use crate::own::{as_floats, parsed, whole};

/// Written by pyarrow 26, packed with snappy as it does by itself:
///
/// ```python
/// t = pa.table({"length": pa.array([1.5, None, 3.5, 4.5], pa.float64()),
///               "petals": pa.array([5, 6, 7, 8], pa.int32()),
///               "flower": ["rose", "rose", "tulip", "rose"]})
/// pq.write_table(t, "flowers.parquet", store_schema=False)
/// ```
const FLOWERS: &[u8] = include_bytes!("flowers.parquet");

#[test]
fn a_table_of_a_data_frame_is_read() {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "flowers.parquet", FLOWERS);
    let found = open(&folder.path().join("flowers.parquet"), &How::default()).unwrap();
    assert_eq!(found.format.to_string(), "Parquet");
    assert_eq!(found.dataset.classes, ["rose", "tulip"]);
    assert_eq!(as_floats(&found.dataset.train.values), [1.5, 5.0, 3.5, 7.0]);
    assert_eq!(as_floats(&found.dataset.test.values), [4.5, 8.0]);
    let told = found.dropped[0].to_string();
    assert_eq!(told, "1 row without a value in column `length` (row 2)");
}

#[test]
fn columns_that_are_no_numbers_are_told_with_their_row() {
    let how = How { label: Some("petals".into()), ..How::default() };
    let error = parse(FLOWERS, Path::new("flowers.parquet"), &how).unwrap_err().to_string();
    assert!(
        error.contains("line 1 of flowers.parquet, column flower: found `\"rose\"`"),
        "{error}"
    );
    for cut in [4, 12, FLOWERS.len() / 2, FLOWERS.len() - 1] {
        let error = parsed(&FLOWERS[..cut], "cut.parquet").unwrap_err().to_string();
        assert!(error.contains("cut.parquet is no whole Parquet file"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_change_of_a_byte_makes_it_panic(at in 0..FLOWERS.len(), to: u8) {
        let mut bytes = FLOWERS.to_vec();
        bytes[at] = to;
        let how = How { label: Some("flower".into()), ..How::default() };
        if let Ok(found) = parse(&bytes, Path::new("changed"), &how) {
            whole(&found);
        }
    }
}
