//! The forms in which serde hands over maps, options, nested and buffered types.

use std::collections::{BTreeMap, HashMap};

use perennial::state::to_state;
use perennial::{Mask, Vector};
use serde::{Deserialize, Serialize};

use super::round_trip;

#[test]
fn other_formats_see_plain_rows() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Rows {
        omega: Vector,
        owners: Mask,
        #[serde(with = "perennial::state::bytes")]
        pixels: Vec<u8>,
    }
    let omega = Vector::from(vec![0.5, -1.0]);
    let rows = Rows { omega, owners: Mask::from_bytes(vec![0, 1]), pixels: vec![255] };
    let text = r#"{"omega":[0.5,-1.0],"owners":[0,1],"pixels":[255]}"#;
    assert_eq!(serde_json::to_string(&rows).unwrap(), text);
    assert_eq!(serde_json::from_str::<Rows>(text).unwrap(), rows);
}

/// Serde buffers the content of flattened, untagged and internally tagged types on its way back.
#[test]
fn tensors_survive_serdes_buffers() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
        tagged: Tagged,
        untagged: Vec<Untagged>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        omega: Vector,
        owners: Mask,
        #[serde(with = "perennial::state::u64s")]
        ids: Vec<u64>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Ring { weights: Vector },
        Deep(Deep),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Deep {
        Rows { weights: Vector, owners: Mask },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u64),
        Row(Vector),
    }
    let row = || Vector::from(vec![1.0, f32::NEG_INFINITY]);
    let owners = || Mask::from_bytes(vec![1; 11]);
    for tagged in [
        Tagged::Ring { weights: row() },
        Tagged::Deep(Deep::Rows { weights: row(), owners: owners() }),
    ] {
        let inner = Inner { omega: row(), owners: owners(), ids: vec![u64::MAX] };
        let untagged = vec![Untagged::Number(3), Untagged::Row(row())];
        let outer = Outer { inner, tagged, untagged };
        assert_eq!(round_trip(&outer), outer);
    }
}

#[test]
fn equal_maps_give_equal_bytes_whatever_their_order() {
    let entries = || (0..50_u64).map(|i| (u64::MAX - i, Vector::from(vec![i as f32])));
    let saved = |map: HashMap<u64, Vector>| to_state(&map).unwrap().to_bytes().unwrap();
    let one: HashMap<_, _> = entries().collect();
    let other: HashMap<_, _> = entries().rev().collect();
    assert!(!one.keys().eq(other.keys()), "the two maps must differ in order to show anything");
    assert!(saved(one) == saved(other));
}

#[test]
fn keys_come_back_as_what_they_were() {
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Colour {
        Red,
        Blue,
    }
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    struct Task(u32);
    type Maps = (
        BTreeMap<i64, u8>,
        BTreeMap<u8, u8>,
        BTreeMap<bool, u8>,
        BTreeMap<char, u8>,
        BTreeMap<Colour, u8>,
        BTreeMap<Task, Colour>,
    );
    let maps: Maps = (
        [(i64::MIN, 1), (-1, 2)].into(),
        [(255, 1)].into(),
        [(true, 1), (false, 2)].into(),
        [('$', 1), ('é', 2)].into(),
        [(Colour::Red, 1), (Colour::Blue, 2)].into(),
        [(Task(7), Colour::Blue)].into(),
    );
    assert_eq!(round_trip(&maps), maps);
}

#[test]
fn names_are_never_two_tensors() {
    // `a.b` beside `b` within `a`; the name that safetensors keeps for itself; words of ours.
    let row = |x: f32| Vector::from(vec![x]);
    let keys =
        ["a.b", "a\\.b", "__metadata__", "\\__metadata__", "$tensor", "$$tensor", "", "value"];
    let map: BTreeMap<String, Vector> =
        keys.iter().zip(1..16_u8).map(|(key, x)| ((*key).to_owned(), row(x.into()))).collect();
    assert_eq!(round_trip(&map), map);
    let deep: BTreeMap<String, BTreeMap<String, Vector>> = [
        ("a".to_owned(), [("b.c".to_owned(), row(1.0))].into()),
        ("a.b".to_owned(), [("c".to_owned(), row(2.0))].into()),
        ("$f32".to_owned(), BTreeMap::new()),
    ]
    .into();
    assert_eq!(round_trip(&deep), deep);
    assert_eq!(round_trip(&row(3.0)), row(3.0), "a value that is nothing but a tensor");
}

#[test]
fn an_option_of_an_option_keeps_its_depth() {
    type Deep = Option<Option<Option<()>>>;
    let all: [Deep; 4] = [None, Some(None), Some(Some(None)), Some(Some(Some(())))];
    assert_eq!(round_trip(&all), all);
}
