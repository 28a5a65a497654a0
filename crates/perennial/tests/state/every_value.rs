//! One of everything that serde knows, at random: it comes back bit for bit.

use std::collections::BTreeMap;

use perennial::state::{State, from_state, to_state};
use perennial::{Mask, Vector};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::round_trip;

/// Floats and rows of floats that are equal when their bits are.
mod exact {
    use super::{Deserialize, Serialize, Vector};

    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Row(pub(super) Vector);
    #[derive(Clone, Copy, Debug, Serialize, Deserialize)]
    pub(super) struct Single(pub(super) f32);
    #[derive(Clone, Copy, Debug, Serialize, Deserialize)]
    pub(super) struct Double(pub(super) f64);
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Doubles(#[serde(with = "perennial::state::f64s")] pub(super) Vec<f64>);

    impl PartialEq for Row {
        fn eq(&self, other: &Self) -> bool {
            self.0.iter().map(|x| x.to_bits()).eq(other.0.iter().map(|x| x.to_bits()))
        }
    }

    impl PartialEq for Single {
        fn eq(&self, other: &Self) -> bool {
            self.0.to_bits() == other.0.to_bits()
        }
    }

    impl PartialEq for Double {
        fn eq(&self, other: &Self) -> bool {
            self.0.to_bits() == other.0.to_bits()
        }
    }

    impl PartialEq for Doubles {
        fn eq(&self, other: &Self) -> bool {
            self.0.iter().map(|x| x.to_bits()).eq(other.0.iter().map(|x| x.to_bits()))
        }
    }
}
use exact::{Double, Doubles, Row, Single};

/// One of everything that serde knows, within itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    Nothing,
    Row(Row),
    Floats(Single, Double, char),
    Integers {
        small: i8,
        low: i64,
        high: u64,
    },
    Rows {
        #[serde(with = "perennial::state::bytes")]
        pixels: Vec<u8>,
        #[serde(with = "perennial::state::u32s")]
        labels: Vec<u32>,
        #[serde(with = "perennial::state::u64s")]
        ids: Vec<u64>,
        sums: Doubles,
    },
    Masks(BTreeMap<i32, Mask>, Option<Mask>),
    Named(BTreeMap<String, Node>),
    Several(Vec<Node>),
    Maybe(Option<Option<Box<Node>>>),
    Pair(Box<(Node, Node)>),
    Text(String, Option<()>, bool),
}

fn single() -> impl Strategy<Value = f32> {
    // Any bits: every sort of number and every payload of NaN.
    any::<u32>().prop_map(f32::from_bits)
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), any::<f64>()]
}

fn row() -> impl Strategy<Value = Row> {
    prop::collection::vec(single(), 0..5).prop_map(|row| Row(Vector::from(row)))
}

fn mask() -> impl Strategy<Value = Mask> {
    prop::collection::vec(0..2_u8, 0..20).prop_map(Mask::from_bytes)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![r"[a.$\\]{0,3}", any::<String>()]
}

fn node() -> impl Strategy<Value = Node> {
    let rows = (
        prop::collection::vec(any::<u8>(), 0..5),
        prop::collection::vec(any::<u32>(), 0..5),
        prop::collection::vec(any::<u64>(), 0..5),
        prop::collection::vec(double(), 0..5),
    );
    let leaf =
        prop_oneof![
            Just(Node::Nothing),
            row().prop_map(Node::Row),
            (single(), double(), any::<char>()).prop_map(|(x, y, c)| Node::Floats(
                Single(x),
                Double(y),
                c
            )),
            (any::<i8>(), any::<i64>(), any::<u64>())
                .prop_map(|(small, low, high)| Node::Integers { small, low, high }),
            rows.prop_map(|(pixels, labels, ids, sums)| {
                Node::Rows { pixels, labels, ids, sums: Doubles(sums) }
            }),
            (prop::collection::btree_map(any::<i32>(), mask(), 0..4), prop::option::of(mask()))
                .prop_map(|(masks, one)| Node::Masks(masks, one)),
            (name(), prop::option::of(Just(())), any::<bool>())
                .prop_map(|(text, unit, yes)| Node::Text(text, unit, yes)),
        ];
    leaf.prop_recursive(4, 24, 4, |node| {
        prop_oneof![
            prop::collection::btree_map(name(), node.clone(), 0..4).prop_map(Node::Named),
            prop::collection::vec(node.clone(), 0..4).prop_map(Node::Several),
            prop::option::of(prop::option::of(node.clone().prop_map(Box::new)))
                .prop_map(Node::Maybe),
            (node.clone(), node).prop_map(|pair| Node::Pair(Box::new(pair))),
        ]
    })
}

proptest! {
    // Caught here: floats read without `float_roundtrip` (a digit in the last place moves), keys
    // and tensor names that are not escaped, `Some(None)` written as `null`.
    #[test]
    fn everything_comes_back_bit_for_bit(node in node()) {
        prop_assert_eq!(round_trip(&node), node);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(State::from_bytes(&bytes).is_err());
    }

    // The checksum of the file is not the only guard: whatever a byte is changed to, reading
    // ends with a value or an error.
    #[test]
    fn a_changed_byte_makes_no_panic(node in node(), at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = to_state(&node).unwrap().to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _: Option<Node> = State::from_bytes(&bytes).ok().and_then(|s| from_state(&s).ok());
    }
}
